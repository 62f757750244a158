//! Writes a comparison while the records go by: lines are streamed, both files appear whole, `diff.json` last.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use super::{Diff, DiffFacts, DiffFiles, DiffKind, Difference};
use crate::domain::FieldChange;
use crate::durable::{PendingFile, create_directory, publish_all};
use crate::report::facts::ExitFacts;
use crate::report::text::neutral;
use crate::report::{ReportError, csv_error};

pub(super) const NAME: &str = "diff.csv";
pub(super) const JSON_NAME: &str = "diff.json";
const HEADER: [&str; 5] = ["key", "field", "a", "b", "kind"];
/// Differences shown on the terminal and in the JSON document.
const SAMPLES: usize = 10;

/// Writes a comparison while the records go by; nothing is visible before it is published.
#[derive(Debug)]
pub struct DiffWriter {
    facts: DiffFacts,
    lines: csv::Writer<PendingFile>,
    document: PendingFile,
    equal: u64,
    counts: BTreeMap<DiffKind, u64>,
    samples: Vec<Difference>,
}

impl DiffWriter {
    /// A comparison whose files will stand in this folder.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn create(folder: &Path, facts: DiffFacts) -> Result<Self, ReportError> {
        create_directory(folder)?;
        let mut lines = csv::Writer::from_writer(PendingFile::create(folder.join(NAME))?);
        let document = PendingFile::create(folder.join(JSON_NAME))?;
        let written = lines.write_record(HEADER);
        written.map_err(|cause| csv_error(lines.get_ref().path(), cause))?;
        Ok(Self { facts, lines, document, equal: 0, counts: BTreeMap::new(), samples: Vec::new() })
    }

    /// Adds two records that are each other's counterparts, and the fields in which they differ: `to` is the first
    /// side's value, `from` the second's.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add_pair(&mut self, key: &str, changes: &[FieldChange]) -> Result<(), ReportError> {
        self.facts.sides.iter_mut().for_each(|side| side.records += 1);
        if changes.is_empty() {
            self.equal += 1;
            return Ok(());
        }
        *self.counts.entry(DiffKind::Different).or_default() += 1;
        for change in changes {
            self.write(Difference {
                key: key.to_owned(),
                field: change.field.clone(),
                a: change.to.clone(),
                b: change.from.clone(),
                kind: DiffKind::Different.as_str(),
            })?;
        }
        Ok(())
    }

    /// Adds a record without a counterpart: which side (0 or 1) has it, its key, and what else tells which one it is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add_single(
        &mut self,
        kind: DiffKind,
        side: usize,
        (key, label): (&str, &str),
    ) -> Result<(), ReportError> {
        self.facts.sides[side].records += 1;
        *self.counts.entry(kind).or_default() += 1;
        let mut labels = [String::new(), String::new()];
        label.clone_into(&mut labels[side]);
        let [a, b] = labels;
        self.write(Difference { key: key.to_owned(), field: String::new(), a, b, kind: kind.as_str() })
    }

    /// Whether both sides agree so far.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.counts.is_empty()
    }

    /// Puts the files in their places; the command ends with `exit`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn publish(mut self, exit: ExitFacts) -> Result<Diff, ReportError> {
        if let Err(cause) = self.lines.flush() {
            return Err(self.lines.get_ref().error(cause).into());
        }
        let path = |file: &PendingFile| file.path().display().to_string();
        let files = DiffFiles { diff: path(self.lines.get_ref()), document: path(&self.document) };
        let is_equal = self.is_equal();
        let Self { facts, lines, mut document, equal, counts, samples } = self;
        let diff = Diff { facts, is_equal, equal, counts, samples, files, exit };
        let written = document.write_all(diff.json().as_bytes());
        written.map_err(|cause| document.error(cause))?;
        if let Ok(lines) = lines.into_inner() {
            publish_all([lines, document])?;
        }
        Ok(diff)
    }

    fn write(&mut self, difference: Difference) -> Result<(), ReportError> {
        let Difference { key, field, a, b, kind } = &difference;
        let [key, field, a, b] = [key, field, a, b].map(|text| neutral(text));
        let written = self.lines.write_record([&*key, &*field, &*a, &*b, kind]);
        written.map_err(|cause| csv_error(self.lines.get_ref().path(), cause))?;
        if self.samples.len() < SAMPLES {
            self.samples.push(difference);
        }
        Ok(())
    }
}
