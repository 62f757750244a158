//! What a judgement says to a person.

use super::GONE;
use super::address::Risky;
use crate::domain::{FieldChange, Refusal};

/// The fields that stay, with those that stayed at an earlier attempt.
pub(super) fn with_kept(earlier: &str, fields: String) -> String {
    const ENDING: &str = " stayed as somebody else set it";
    let fields = match earlier.strip_suffix(ENDING) {
        Some(known) => format!("{known}, {fields}"),
        None => fields,
    };
    format!("{fields}{ENDING}")
}

pub(super) fn stale(planned: &[FieldChange], foreign: &[FieldChange], risky: &[Risky]) -> Refusal {
    let of_same_field = foreign.iter().map(|change| {
        let before = planned.iter().find(|seen| seen.field == change.field).map(|seen| &*seen.from);
        let before = before.map(|before| format!(", and held `{before}`")).unwrap_or_default();
        format!("`{}` was to become `{}`, is now `{}`{before}", change.field, change.to, change.from)
    });
    let written_over = risky.iter().flat_map(|risky| {
        risky.theirs.iter().map(|theirs| {
            let FieldChange { field, from, to } = theirs;
            let cause = &risky.change.field;
            format!("`{field}` is now `{to}`, and held `{from}`, and a new `{cause}` may write over it")
        })
    });
    let told: Vec<_> = of_same_field.chain(written_over).collect();
    let message = format!("someone else changed the record after the plan: {}", told.join("; "));
    Refusal { status: 0, code: "stale".to_owned(), message }
}

/// The fields that someone else changed, and those that stay with them.
pub(super) fn theirs(foreign: &[FieldChange], risky: &[Risky]) -> String {
    let foreign_names = foreign.iter().map(|change| change.field.as_str());
    let over = risky.iter().flat_map(|risky| &risky.theirs).map(|theirs| theirs.field.as_str());
    let over = over.filter(|name| foreign.iter().all(|change| change.field != *name));
    let changed = names(foreign_names.chain(over));
    if risky.is_empty() {
        return changed;
    }
    format!("{changed} (and {} with it)", names(risky.iter().map(|risky| risky.change.field.as_str())))
}

pub(super) fn different(code: &str, words: &str, changes: &[FieldChange]) -> Refusal {
    let fields = names(changes.iter().map(|change| change.field.as_str()));
    Refusal { status: 0, code: code.to_owned(), message: format!("{words}; it differs in {fields}") }
}

fn names<'a>(fields: impl Iterator<Item = &'a str>) -> String {
    fields.map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ")
}

pub(super) fn gone() -> Refusal {
    Refusal { status: 404, code: GONE.to_owned(), message: "the record to update is gone".to_owned() }
}
