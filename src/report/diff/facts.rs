//! What a comparison is about: its sides, what was compared, and the ways in which records differ.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::EntityKind;
use crate::report::totals::Total;

/// How two sides can differ in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiffKind {
    /// A field has another value.
    Different,
    /// Only the first side has the record.
    OnlyInA,
    /// Only the second side has the record.
    OnlyInB,
    /// Several records could be its counterpart, or nothing tells which one is.
    Ambiguous,
    /// A row of a file has a cell that cannot be read, so it could not be compared.
    Unreadable,
}

impl DiffKind {
    pub(super) const ALL: [Self; 5] =
        [Self::Different, Self::OnlyInA, Self::OnlyInB, Self::Ambiguous, Self::Unreadable];

    /// The word for it in files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Different => "different",
            Self::OnlyInA => "only-in-a",
            Self::OnlyInB => "only-in-b",
            Self::Ambiguous => "ambiguous",
            Self::Unreadable => "unreadable",
        }
    }
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiffSide {
    /// What the user knows it by: a file, or a profile and its company.
    pub name: String,
    /// The profile of a target; `None` for a file.
    pub profile: Option<String>,
    /// How many records it has, rows that could not be compared included.
    pub records: u64,
}

/// The sums of both sides, by what is added up and by currency; an empty currency is the local one.
pub type DiffTotals = BTreeMap<(&'static str, String), [Total; 2]>;

/// The circumstances of a comparison.
#[derive(Clone, Debug)]
pub struct DiffFacts {
    /// What the records are.
    pub kind: EntityKind,
    /// Both sides; their records are counted while they go by.
    pub sides: [DiffSide; 2],
    /// The fields by which counterparts were found.
    pub matched_by: Vec<&'static str>,
    /// The fields that were compared.
    pub compared: Vec<&'static str>,
    /// The fields that only one of the sides can hold.
    pub only: [Vec<&'static str>; 2],
    /// What else a reader has to know of how the sides were compared, each in one line.
    pub notes: Vec<String>,
    /// Counts and sums.
    pub totals: DiffTotals,
    /// What can be done next, by the kind of difference that asks for it.
    pub next: Vec<(DiffKind, String)>,
}

/// One line of `diff.csv`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The key in words a person knows.
    pub key: String,
    /// The field; empty where the whole record has no counterpart.
    pub field: String,
    /// The first side's value, or which record it is.
    pub a: String,
    /// The second side's.
    pub b: String,
    /// How the two differ.
    pub kind: &'static str,
}
