//! What a row says of its record: by what it is known, and where the target says otherwise.

use std::borrow::Cow;

use crate::catalogue::Entity;
use crate::connector::fields::Fields;
use crate::connector::{differences, own};
use crate::domain::{Action, FieldChange, PlannedRow, RowResult};
use crate::run::index::dimension_key;

/// The customer's number in a payload, or the key of a default dimension; empty when it has none.
pub(super) fn number_of(payload: &str) -> String {
    match text_of(payload, "dimensionCode") {
        dimension if dimension.is_empty() => text_of(payload, "number"),
        dimension => dimension_key(&dimension, &text_of(payload, "customerNumber")),
    }
}

pub(super) fn text_of(record: &str, name: &str) -> String {
    Fields::parse(record).map(|fields| fields.text(name).into_owned()).unwrap_or_default()
}

/// The number or key that the record of a row has, as far as the row knows; empty when it does not.
pub(super) fn known_number(row: &RowResult) -> String {
    let records = [&row.planned.payload, &row.planned.before];
    let mut numbers = records.into_iter().map(|record| number_of(record));
    numbers.find(|number| !number.trim().is_empty()).unwrap_or_default()
}

/// The fields of which a row says something that the target holds with another value. Where a postal code is as the
/// row sent it, the server may have looked up its city, state and country.
///
/// Source: a postal code found in the post code table overwrites the three.
pub(in crate::run) fn moved(
    entity: &Entity,
    row: &PlannedRow,
    found: &str,
) -> serde_json::Result<Vec<FieldChange>> {
    if row.payload.is_empty() {
        return Ok(Vec::new());
    }
    let sent = own_of(entity, row.action, (&row.payload, &row.changes))?;
    let mut changes = differences(entity, &sent, found)?;
    let has_postal_code = !Fields::parse(&sent)?.text("postalCode").trim().is_empty();
    if has_postal_code && changes.iter().all(|change| change.field != "postalCode") {
        changes.retain(|change| !matches!(change.field.as_str(), "city" | "state" | "country"));
    }
    Ok(changes)
}

/// What a row says itself of its record: of an update without what only went along with it.
pub(in crate::run) fn own_of<'r>(
    entity: &Entity,
    action: Action,
    (payload, changes): (&'r str, &[FieldChange]),
) -> serde_json::Result<Cow<'r, str>> {
    match action {
        Action::Update => own(entity, payload, changes),
        _ => Ok(Cow::Borrowed(payload)),
    }
}
