//! What updates change, grouped by field: how many rows, how many values cleared, and a few old and new values.
//!
//! Promises: memory does not grow with the number of rows.

use std::collections::BTreeMap;

use serde::Serialize;

use super::text::clipped;
use crate::domain::FieldChange;

/// How many changes of a field are shown.
pub(super) const SAMPLES: usize = 5;
const SAMPLE_CHARS: usize = 120;

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
