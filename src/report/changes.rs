//! What updates change, grouped by field: how many rows, how many values cleared, and a few old and new values;
//! and which records are deleted.
//!
//! Promises: memory does not grow with the number of rows.

use std::collections::BTreeMap;

use serde::Serialize;

use super::text::clipped;
use crate::domain::{FieldChange, PlannedRow};

/// How many changes of a field are shown.
pub(super) const SAMPLES: usize = 5;
const SAMPLE_CHARS: usize = 120;
/// What stands in place of a field when the whole record goes.
const WHOLE_RECORD: &str = "(record)";
/// What is left of a deleted record.
const DELETED: &str = "deleted";

/// One field, and the rows that change it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The catalogue's name of the field.
    pub field: String,
    /// How many rows change it.
    pub rows: u64,
    /// How many of them make it blank.
    pub cleared: u64,
    /// The first of them.
    pub samples: Vec<ChangeSample>,
}

/// One row's change of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeSample {
    /// The row's natural key.
    pub key: String,
    /// The target's value before; empty for blank.
    pub from: String,
    /// The row's value; empty for blank.
    pub to: String,
}

/// All changes so far.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    by_field: BTreeMap<String, Change>,
    rows: u64,
    deleted: Change,
}

impl Changes {
    /// Counts the changes of one row.
    pub fn add(&mut self, key: &str, changes: &[FieldChange]) {
        self.rows += u64::from(!changes.is_empty());
        for change in changes {
            let group = self.by_field.entry(change.field.clone()).or_default();
            group.rows += 1;
            group.cleared += u64::from(change.to.is_empty());
            if group.samples.len() < SAMPLES {
                group.samples.push(ChangeSample {
                    key: key.to_owned(),
                    from: clipped(&change.from, SAMPLE_CHARS),
                    to: clipped(&change.to, SAMPLE_CHARS),
                });
            }
        }
    }

    /// Counts a row that deletes its record.
    pub fn add_deleted(&mut self, row: &PlannedRow) {
        self.deleted.rows += 1;
        if self.deleted.samples.len() < SAMPLES {
            let from = clipped(&name_in(&row.before), SAMPLE_CHARS);
            self.deleted.samples.push(ChangeSample { key: row.key.clone(), from, to: DELETED.to_owned() });
        }
    }

    /// How many records are deleted.
    #[must_use]
    pub fn deleted(&self) -> u64 {
        self.deleted.rows
    }

    /// How many values become blank.
    #[must_use]
    pub fn cleared(&self) -> u64 {
        self.by_field.values().map(|change| change.cleared).sum()
    }

    /// The fields, those with the most rows first, and last the records that are deleted.
    #[must_use]
    pub fn all(&self) -> Vec<Change> {
        let deleted = Change { field: WHOLE_RECORD.to_owned(), ..self.deleted.clone() };
        self.by_rows().into_iter().chain(Some(deleted).filter(|deleted| deleted.rows > 0)).collect()
    }

    /// How many rows change anything.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many values change.
    #[must_use]
    pub fn values(&self) -> u64 {
        self.by_field.values().map(|change| change.rows).sum()
    }

    /// The fields, those with the most rows first.
    #[must_use]
    pub fn by_rows(&self) -> Vec<Change> {
        let mut changes: Vec<_> = self
            .by_field
            .iter()
            .map(|(field, change)| Change { field: field.clone(), ..change.clone() })
            .collect();
        changes.sort_by_key(|change| std::cmp::Reverse(change.rows));
        changes
    }
}

/// What a person calls a record: a customer's name, a payment's amount.
fn name_in(before: &str) -> String {
    let record: serde_json::Map<String, serde_json::Value> = serde_json::from_str(before).unwrap_or_default();
    match ["displayName", "amount"].into_iter().find_map(|name| record.get(name)) {
        Some(serde_json::Value::String(name)) => name.clone(),
        Some(value) => value.to_string(),
        None => WHOLE_RECORD.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Action, State};
    use crate::report::testing::result;

    #[test]
    fn clears_and_deletes_are_counted_apart_from_other_changes() {
        let mut changes = Changes::default();
        let change =
            |to: &str| FieldChange { field: "email".into(), from: "a@b.example".into(), to: to.into() };
        changes.add("C1", &[change("")]);
        changes.add("C2", &[change("c@d.example")]);
        let mut row = result(3, Action::Delete, State::Planned).planned;
        row.before = r#"{"number":"C3","displayName":"Trey"}"#.to_owned();
        changes.add_deleted(&row);
        assert_eq!((changes.rows(), changes.values(), changes.cleared(), changes.deleted()), (2, 2, 1, 1));
        let all = changes.all();
        assert_eq!((all[1].field.as_str(), all[1].samples[0].from.as_str()), ("(record)", "Trey"));
        assert_eq!(all[1].samples[0].to, "deleted");
    }
}
