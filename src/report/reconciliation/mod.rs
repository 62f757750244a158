//! What a reconciliation says: each row of a run against what the target holds now.
//!
//! In: every row of the run once, with what was found of it. Out: `reconciliation.csv` (file, sheet, row, key,
//! status, field, expected, found; one line a row), the column of the control totals for what was read back in the
//! page and in `totals.json`, a summary for the terminal, and one JSON document.
//!
//! Promises: rows are streamed; the results and rejects of the run stay as they are.

mod words;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

pub use words::Reconciliation;

use super::facts::{ExitFacts, RunFacts};
use super::place::Place;
use super::text::neutral;
use super::{ReportError, ReportWriter, csv_error};
use crate::domain::{FieldChange, Money, RowResult};
use crate::durable::{PendingFile, create_directory};

const NAME: &str = "reconciliation.csv";
const HEADER: [&str; 8] = ["file", "sheet", "row", "key", "status", "field", "expected", "found"];
/// Rows that are not as they should be, shown on the terminal and in the JSON document.
const SAMPLES: usize = 10;

/// What was found of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The record is there as it was sent; of a delete, it is gone.
    Same,
    /// The record is there, and these fields are not as they were sent: `from` is the found value.
    Different(Vec<FieldChange>),
    /// The record that the run knew is gone, and another customer has its number: the id and these fields differ.
    ByNumber(Vec<FieldChange>),
    /// The payment that the run knew is gone, and another one has its document and customer.
    ByDocument(Vec<FieldChange>),
    /// The record is not there any more.
    Missing,
    /// The payment has left its journal, and one with its document number was posted since.
    Posted,
    /// The payment has left its journal.
    PostedOrRemoved,
    /// The record was deleted and is there.
    StillThere,
    /// The row is in doubt, and the target has the record as it was sent.
    DoubtFound,
    /// The row is in doubt, and the target has a record of its identity with other values.
    DoubtDifferent(Vec<FieldChange>),
    /// The row is in doubt, and the target has no such record now.
    DoubtAbsent,
    /// The row is in doubt, and nothing tells its record apart from others.
    Undecided,
    /// The row waits to be sent.
    Open,
    /// The row was never to arrive: rejected, refused, in conflict or skipped.
    LeftOut,
}

impl Finding {
    /// The word for it in files.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Same => "ok",
            Self::Different(_) => "different",
            Self::ByNumber(_) => "found-by-number",
            Self::ByDocument(_) => "found-by-document",
            Self::Missing => "missing",
            Self::Posted => "posted",
            Self::PostedOrRemoved => "posted-or-removed",
            Self::StillThere => "still-there",
            Self::DoubtFound => "in-doubt-found",
            Self::DoubtDifferent(_) => "in-doubt-different",
            Self::DoubtAbsent => "in-doubt-absent",
            Self::Undecided => "undecided",
            Self::Open => "open",
            Self::LeftOut => "left-out",
        }
    }

    fn changes(&self) -> &[FieldChange] {
        match self {
            Self::Different(changes)
            | Self::DoubtDifferent(changes)
            | Self::ByNumber(changes)
            | Self::ByDocument(changes) => changes,
            _ => &[],
        }
    }
}

/// The word for a record of the target that doubles a row of the run.
const EXTRA: &str = "extra";

/// Whether the target agrees with the run about rows of this status.
fn agrees(status: &str) -> bool {
    status == Finding::Same.word() || status == Finding::LeftOut.word()
}

/// One row that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// What was found: a status of `reconciliation.csv`.
    pub status: &'static str,
    /// Where the row stands in its file; empty for a record that no row of the run wrote.
    pub at: String,
    /// Its natural key.
    pub key: String,
    /// The fields that differ, parted by semicolons.
    pub field: String,
    /// What was sent.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// Writes a reconciliation while the rows go by; nothing is visible before it is published.
#[derive(Debug)]
pub struct ReconciliationWriter {
    report: ReportWriter,
    lines: csv::Writer<PendingFile>,
    counts: BTreeMap<&'static str, u64>,
    deviations: Vec<Deviation>,
}

impl ReconciliationWriter {
    /// A reconciliation of the run in this folder.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn create(folder: &Path, facts: RunFacts) -> Result<Self, ReportError> {
        create_directory(folder)?;
        let lines = csv::Writer::from_writer(PendingFile::create(folder.join(NAME))?);
        let report = ReportWriter::of_reading(folder, facts);
        let mut writer = Self { report, lines, counts: BTreeMap::new(), deviations: Vec::new() };
        writer.write(&HEADER)?;
        Ok(writer)
    }

    /// Adds the next row, and the amount that the target has for it if it has one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(
        &mut self,
        row: &RowResult,
        finding: &Finding,
        read: Option<Money>,
    ) -> Result<(), ReportError> {
        self.report.add(row)?;
        if let Some(read) = read {
            self.report.summary_mut().totals_mut().read_back(&row.planned.currency, read);
        }
        let Some(source) = self.report.facts.sources.get(row.planned.source as usize) else { return Ok(()) };
        let at = Place::new(source, row.planned.origin, None).to_string();
        let (file, sheet) = (source.name.file.clone(), source.name.sheet.clone().unwrap_or_default());
        let changes = finding.changes();
        let listed = |part: fn(&FieldChange) -> &str| changes.iter().map(part).collect::<Vec<_>>().join("; ");
        let deviation = Deviation {
            status: finding.word(),
            at,
            key: row.planned.key.clone(),
            field: listed(|change| &change.field),
            expected: listed(|change| &change.to),
            found: listed(|change| &change.from),
        };
        let line = row.planned.origin.line.to_string();
        self.write_line([&file, &sheet, &line], &deviation)?;
        self.count(deviation);
        Ok(())
    }

    /// Adds a record of the target that no row of the run wrote, and that doubles one: its key, and what it is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add_extra(&mut self, key: &str, found: String) -> Result<(), ReportError> {
        let (key, nothing) = (key.to_owned(), String::new);
        let deviation =
            Deviation { status: EXTRA, at: nothing(), key, field: nothing(), expected: nothing(), found };
        self.write_line(["", "", ""], &deviation)?;
        self.count(deviation);
        Ok(())
    }

    fn count(&mut self, deviation: Deviation) {
        *self.counts.entry(deviation.status).or_default() += 1;
        if !agrees(deviation.status) && self.deviations.len() < SAMPLES {
            self.deviations.push(deviation);
        }
    }

    /// Whether the target agrees with the run about every row so far.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.counts.iter().all(|(status, rows)| *rows == 0 || agrees(status))
    }

    /// Puts the files in their places; the command ends with `exit`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn publish(mut self, exit: ExitFacts) -> Result<Reconciliation, ReportError> {
        if let Err(cause) = self.lines.flush() {
            return Err(self.lines.get_ref().error(cause).into());
        }
        let agrees = self.agrees();
        let file = self.lines.get_ref().path().display().to_string();
        if let Ok(lines) = self.lines.into_inner() {
            lines.publish()?;
        }
        self.report.facts_mut().exit = exit;
        self.report.summary_mut().totals_mut().has_been_read_back();
        let report = self.report.publish()?;
        Ok(Reconciliation { report, agrees, counts: self.counts, deviations: self.deviations, file })
    }

    fn write_line(&mut self, place: [&str; 3], deviation: &Deviation) -> Result<(), ReportError> {
        let [file, sheet, line] = place.map(neutral);
        let texts = [&deviation.key, &deviation.field, &deviation.expected, &deviation.found];
        let [key, field, expected, found] = texts.map(|text| neutral(text));
        self.write(&[&file, &sheet, &line, &key, deviation.status, &field, &expected, &found])
    }

    fn write(&mut self, cells: &[&str]) -> Result<(), ReportError> {
        let written = self.lines.write_record(cells);
        written.map_err(|cause| csv_error(self.lines.get_ref().path(), cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Action, State};
    use crate::report::SourceFacts;
    use crate::report::Style;
    use crate::report::testing::{facts, result, source};

    fn written(findings: &[Finding]) -> (tempfile::TempDir, Reconciliation) {
        let folder = tempfile::tempdir().unwrap();
        let facts = facts(vec![SourceFacts { rows: findings.len() as u64, ..source("customers.csv") }]);
        let mut writer = ReconciliationWriter::create(folder.path(), facts).unwrap();
        for (id, finding) in (1..).zip(findings) {
            let row = result(id, Action::Create, State::Done);
            let read = (*finding == Finding::Same).then(|| row.planned.amount.unwrap());
            writer.add(&row, finding, read).unwrap();
        }
        let reconciliation = writer.publish(ExitFacts::default()).unwrap();
        (folder, reconciliation)
    }

    #[test]
    fn every_row_has_one_line_and_what_differs_is_named() {
        let change = |field: &str, from: &str, to: &str| FieldChange {
            field: field.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
        };
        let different =
            Finding::Different(vec![change("city", "=Bonn", "Ulm"), change("email", "", "a@b.example")]);
        let (folder, reconciliation) = written(&[Finding::Same, different, Finding::Missing]);
        assert!(!reconciliation.agrees);
        let text = std::fs::read_to_string(folder.path().join(NAME)).unwrap();
        insta::assert_snapshot!(text, @r"
        file,sheet,row,key,status,field,expected,found
        customers.csv,,2,71001,ok,,,
        customers.csv,,3,71002,different,city; email,Ulm; a@b.example,'=Bonn; 
        customers.csv,,4,71003,missing,,,
        ");
        let totals = std::fs::read_to_string(folder.path().join("totals.json")).unwrap();
        let totals: serde_json::Value = serde_json::from_str(&totals).unwrap();
        assert_eq!(totals["totals"][0]["read_back"]["count"], 1, "{totals}");
        let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
        assert!(page.contains("Read back"));
    }

    #[test]
    fn rows_left_out_do_not_disagree_and_all_others_do() {
        assert!(written(&[Finding::Same, Finding::LeftOut]).1.agrees);
        for finding in [Finding::Open, Finding::PostedOrRemoved, Finding::DoubtFound, Finding::StillThere] {
            let (_folder, reconciliation) = written(&[Finding::Same, finding]);
            assert!(
                !reconciliation.agrees
                    && reconciliation.terminal(Style { colour: false, width: 80 }).contains('→')
            );
        }
    }

    #[test]
    fn files_of_the_rows_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let facts = facts(vec![SourceFacts { rows: 1, ..source("customers.csv") }]);
        crate::durable::publish_bytes(folder.path().join("rejects.csv"), b"edited").unwrap();
        let mut writer = ReconciliationWriter::create(folder.path(), facts).unwrap();
        writer.add(&result(1, Action::Reject, State::Rejected), &Finding::LeftOut, None).unwrap();
        let reconciliation = writer.publish(ExitFacts::default()).unwrap();
        assert_eq!(std::fs::read(folder.path().join("rejects.csv")).unwrap(), b"edited");
        assert_eq!(reconciliation.report.files.rejects, ["rejects.csv"]);
    }
}
