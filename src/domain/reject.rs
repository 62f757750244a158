//! Rows a person has to repair, with the rules they broke.

use serde::{Deserialize, Serialize};

use super::row::Origin;
use super::rule::Rule;

/// A broken rule as the check finds it, before the row's cell is at hand; becomes a [`Violation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The field's index in its catalogue entity.
    pub field: usize,
    /// The rule that was broken.
    pub rule: Rule,
    /// What the cell may hold.
    pub allowed: String,
}

impl Broken {
    /// A broken rule of the field with this catalogue index.
    #[must_use]
    pub fn new(field: usize, rule: Rule, allowed: impl Into<String>) -> Self {
        Self { field, rule, allowed: allowed.into() }
    }
}

/// One broken rule: which, in which field and column, what was found and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The rule that was broken.
    pub rule: Rule,
    /// The catalogue's name of the field.
    pub field: String,
    /// 0-based column of the cell; `None` when no column of the file feeds the field.
    pub column: Option<u32>,
    /// What the cell holds.
    pub found: String,
    /// What the cell may hold.
    pub allowed: String,
}

/// A row that will not be delivered, with everything a person needs to repair it.
///
/// Not a `std::error::Error`, so `?` cannot carry it into a stage's error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Where the row was read.
    pub origin: Origin,
    /// Every broken rule, in catalogue order; never empty.
    pub violations: Vec<Violation>,
    /// The row's cells as they stand in the file, left to right.
    pub cells: Vec<String>,
}
