//! What the server does to an address by itself, and what that means for a row in doubt.
//!
//! Source: another country empties postal code, city and state; a postal code that the server knows brings its own city,
//! state and country.

use crate::catalogue::Entity;
use crate::connector::fields::{Fields, Object};
use crate::connector::text_of;
use crate::domain::FieldChange;
use crate::ledger::OpenRow;

/// What somebody has filled in since the plan, and the row's change of country would empty: it is not in the payload.
pub(super) fn filled_before_a_move(row: &OpenRow, changes: &[FieldChange], found: &str) -> Vec<FieldChange> {
    if changes.iter().all(|change| change.field != "country") {
        return Vec::new();
    }
    let is_unsent = |change: &&FieldChange| {
        change.to.is_empty() && changes.iter().all(|known| known.field != change.field)
    };
    let filled = row.changes.iter().filter(is_unsent).filter_map(|change| {
        let there = text_of(found, &change.field);
        let is_theirs = !there.is_empty() && there != change.from.trim();
        is_theirs.then(|| FieldChange { from: there, ..change.clone() })
    });
    filled.collect()
}

/// The payload with the values of somebody else that its change of country would empty.
pub(super) fn with_theirs(
    payload: &str,
    foreign: &[FieldChange],
    row: &OpenRow,
) -> serde_json::Result<String> {
    let sent = Fields::parse(&row.payload)?;
    let unsent = foreign.iter().filter(|change| sent.raw(&change.field).is_none());
    let mut object = Object::with_capacity(payload.len());
    for (name, value) in Fields::parse(payload)?.iter() {
        object.push(name, value);
    }
    for change in unsent {
        object.push_text(&change.field, &change.from);
    }
    Ok(object.finish())
}

/// A postal code that the server knows brings its own city, state and country.
///
/// Source: a postal code found in the post code table overwrites the three.
pub(super) fn without_looked_up_address(mut changes: Vec<FieldChange>, payload: &str) -> Vec<FieldChange> {
    let has_postal_code = payload.contains(r#""postalCode":""#) && !payload.contains(r#""postalCode":"""#);
    if has_postal_code && changes.iter().all(|change| change.field != "postalCode") {
        changes.retain(|change| !matches!(change.field.as_str(), "city" | "state" | "country"));
    }
    changes
}

/// A change of the row that may write over what somebody else has changed since the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Risky {
    /// What the row changes.
    pub(super) change: FieldChange,
    /// What it may write over: from what the plan saw to what somebody has made of it.
    pub(super) theirs: Vec<FieldChange>,
}

/// Parts the changes that are still to be made into those that harm nobody and those that may write over what somebody
/// has changed since the plan.
///
/// Nobody knows beforehand whether the server knows a postal code, and it brings its own city even when another one is
/// sent along.
///
/// # Errors
/// When a record is no JSON object.
pub(super) fn risky(
    entity: &Entity,
    row: &OpenRow,
    changes: Vec<FieldChange>,
    found: &str,
) -> serde_json::Result<(Vec<FieldChange>, Vec<Risky>)> {
    let before = if row.before.is_empty() { "{}" } else { &row.before };
    let (before, found) = (Fields::parse(before)?, Fields::parse(found)?);
    let (mut harmless, mut risky) = (Vec::new(), Vec::new());
    for change in changes {
        let overwritten = entity.field(&change.field).map_or(&[][..], |field| field.overwrites);
        // What the plan did not note may be as it always was.
        let noted = overwritten.iter().filter(|name| before.raw(name).is_some());
        let theirs: Vec<_> = noted
            .map(|name| FieldChange {
                field: (*name).to_owned(),
                from: before.text(name).trim().to_owned(),
                to: found.text(name).trim().to_owned(),
            })
            .filter(|theirs| theirs.from != theirs.to && !theirs.to.is_empty())
            .collect();
        if theirs.is_empty() {
            harmless.push(change);
        } else {
            risky.push(Risky { change, theirs });
        }
    }
    Ok((harmless, risky))
}
