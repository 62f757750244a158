//! A finished comparison, and the JSON document of it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{DiffFacts, DiffKind, DiffSide, Difference};
use crate::report::facts::ExitFacts;
use crate::report::json::{SCHEMA_VERSION, pretty};
use crate::report::totals::Total;

/// A finished comparison.
#[derive(Clone, Debug)]
pub struct Diff {
    /// Its circumstances.
    pub facts: DiffFacts,
    /// Whether both sides agree.
    pub is_equal: bool,
    /// How many pairs agree in every compared field.
    pub equal: u64,
    /// How many records differ how.
    pub counts: BTreeMap<DiffKind, u64>,
    /// The first lines of `diff.csv`.
    pub samples: Vec<Difference>,
    /// Where the files stand.
    pub files: DiffFiles,
    /// How the command ends.
    pub exit: ExitFacts,
}

/// The paths of what a comparison leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiffFiles {
    /// `diff.csv`.
    pub diff: String,
    /// `diff.json`.
    pub document: String,
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    command: &'static str,
    entity: &'static str,
    a: &'a DiffSide,
    b: &'a DiffSide,
    equal: bool,
    counts: BTreeMap<&'static str, u64>,
    matched_by: &'a [&'static str],
    fields: FieldsDocument<'a>,
    totals: Vec<TotalsDocument<'a>>,
    samples: &'a [Difference],
    next: Vec<&'a str>,
    files: &'a DiffFiles,
    exit: &'a ExitFacts,
}

#[derive(Serialize)]
struct FieldsDocument<'a> {
    compared: &'a [&'static str],
    only_in_a: &'a [&'static str],
    only_in_b: &'a [&'static str],
    notes: &'a [String],
}

#[derive(Serialize)]
struct TotalsDocument<'a> {
    amount: &'static str,
    currency: &'a str,
    a: Total,
    b: Total,
    difference: Total,
}

impl Diff {
    /// What `--json` prints, and `diff.json` holds.
    #[must_use]
    pub fn json(&self) -> String {
        let [a, b] = &self.facts.sides;
        let [only_in_a, only_in_b] = &self.facts.only;
        let count = |kind: DiffKind| (kind.as_str(), self.count(kind));
        let totals = self.facts.totals.iter().map(|((amount, currency), [a, b])| TotalsDocument {
            amount,
            currency,
            a: *a,
            b: *b,
            difference: a.minus(*b),
        });
        pretty(&Document {
            schema_version: SCHEMA_VERSION,
            command: "diff",
            entity: self.facts.kind.as_str(),
            a,
            b,
            equal: self.is_equal,
            counts: DiffKind::ALL.into_iter().map(count).chain([("equal", self.equal)]).collect(),
            matched_by: &self.facts.matched_by,
            fields: FieldsDocument {
                compared: &self.facts.compared,
                only_in_a,
                only_in_b,
                notes: &self.facts.notes,
            },
            totals: totals.collect(),
            samples: &self.samples,
            next: self.next(),
            files: &self.files,
            exit: &self.exit,
        })
    }

    /// How many records differ so.
    #[must_use]
    pub fn count(&self, kind: DiffKind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or(0)
    }

    /// What can be done next about the differences there are.
    #[must_use]
    pub fn next(&self) -> Vec<&str> {
        let is_asked = |kind: DiffKind| self.count(kind) > 0;
        let steps = self.facts.next.iter().filter(|(kind, _)| is_asked(*kind));
        let mut told = Vec::new();
        for (_, step) in steps {
            if !told.contains(&step.as_str()) {
                told.push(step.as_str());
            }
        }
        told
    }
}
