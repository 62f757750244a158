//! What a row means of the target's other records, which only its system knows: ids in place of numbers, and what goes
//! without saying.

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

use super::Set;
use crate::domain::{Action, References, Violation};

/// What the rows of one run are completed with, for systems whose rows need that.
///
/// First it is [filled](Completion::needs) with the target's lists; then every row is [completed](Completion::complete)
/// before it is held against what the target has, and [settled](Completion::settle) once it is known what becomes of it.
/// Rows come in the order of their files.
pub trait Completion: fmt::Debug + Send {
    /// The next list to be read; each is asked for once, until there is none. `named` is how many records rows name in
    /// all, where that is known.
    fn needs(&mut self, named: Option<usize>) -> Option<Needed>;

    /// Takes records of the list that it needs, in neutral form. Of those that rows name, others can be forgotten.
    ///
    /// # Errors
    /// When a record is not what the list holds.
    fn add(&mut self, set: Set<'_>, records: &[&RawValue], is_named: IsNamed<'_>) -> serde_json::Result<()>;

    /// Tells the tables what cells may name, once everything is read.
    fn share(&self, references: &mut References);

    /// The payload with what its row means.
    ///
    /// # Errors
    /// Why that cannot be said.
    fn complete<'p>(&self, payload: &'p str, references: &References) -> Result<Cow<'p, str>, Violation>;

    /// The payload of a row with what goes without saying, now that it is known what becomes of it; `None` when it stays
    /// as it is.
    ///
    /// # Errors
    /// Why the target would not take it.
    fn settle(&mut self, row: Settling<'_>) -> Result<Option<String>, Violation>;
}

/// Whether rows may name the record with this number.
pub type IsNamed<'n> = &'n (dyn Fn(&str) -> bool + Sync);

/// A list that has to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needed {
    /// What it holds.
    pub set: Set<'static>,
    /// Whether a service that refuses it can do without: the next list says the same.
    pub is_optional: bool,
}

/// A row of which it is known what becomes of it.
#[derive(Clone, Copy, Debug)]
pub struct Settling<'a> {
    /// What becomes of it.
    pub action: Action,
    /// The body to send.
    pub payload: &'a str,
    /// The record that is there, as the target shows it.
    pub existing: Option<&'a str>,
    /// The row as it was [completed](Completion::complete).
    pub row: &'a str,
}
