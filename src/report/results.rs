//! `results.csv`: one line for every row of the input, in the order of the run.
//!
//! In: each row once. Out: file, sheet, row (1-based, as a spreadsheet or an editor counts), key, action, status,
//! remote id, code, message, remedy, the fields an update changes, and for a row of a rejects file where it stood first.
//!
//! Promises: text that a spreadsheet would take for a formula is neutralised; numbers and phone numbers stay as
//! they are; rows are streamed, never gathered.

use std::path::Path;

use super::facts::SourceFacts;
use super::rejects::row_column;
use super::text::neutral;
use super::words::RowWords;
use super::{ReportError, csv_error};
use crate::domain::{FieldChange, RowResult};
use crate::durable::PendingFile;

/// The file's name in the folder of its run.
pub(super) const RESULTS_NAME: &str = "results.csv";

const HEADER: [&str; 12] = [
    "file",
    "sheet",
    "row",
    "key",
    "action",
    "status",
    "remote_id",
    "code",
    "message",
    "remedy",
    "changes",
    "original_row",
];

/// Writes the file row by row; nothing is visible before it is published.
#[derive(Debug)]
pub(super) struct ResultsWriter {
    writer: csv::Writer<PendingFile>,
}

impl ResultsWriter {
    /// Starts the file in this folder.
    pub(super) fn create(folder: &Path) -> Result<Self, ReportError> {
        let file = PendingFile::create(folder.join(RESULTS_NAME))?;
        let mut results = Self { writer: csv::Writer::from_writer(file) };
        results.write(&HEADER)?;
        Ok(results)
    }

    /// Writes the line of one row.
    pub(super) fn add(&mut self, row: &RowResult, source: &SourceFacts) -> Result<(), ReportError> {
        let planned = &row.planned;
        let words = RowWords::of_result(row);
        let answered = row.remote_id.as_deref().filter(|id| !id.is_empty());
        let remote_id = answered.or(planned.remote_id.as_deref()).unwrap_or_default();
        let line = planned.origin.line.to_string();
        let first_row = row_column(source).and_then(|column| planned.cells.get(column));
        let first_row = first_row.map_or("", |cell| cell.trim());
        let (codes, message, changes) =
            (words.codes(), words.message(source), changes_text(&planned.changes));
        self.write(&[
            &neutral(&source.name.file),
            &neutral(source.name.sheet.as_deref().unwrap_or_default()),
            &line,
            &neutral(&planned.key),
            planned.action.as_str(),
            row.state.as_str(),
            &neutral(remote_id),
            &neutral(&codes),
            &neutral(&message),
            &words.remedy(),
            &neutral(&changes),
            &neutral(first_row),
        ])
    }

    /// The whole file, ready to be published.
    pub(super) fn finish(mut self) -> Result<PendingFile, ReportError> {
        if let Err(cause) = self.writer.flush() {
            return Err(self.writer.get_ref().error(cause).into());
        }
        Ok(self.writer.into_inner().expect("a flushed writer has nothing left to write"))
    }

    fn write(&mut self, cells: &[&str]) -> Result<(), ReportError> {
        let written = self.writer.write_record(cells);
        written.map_err(|cause| csv_error(self.writer.get_ref().path(), cause))
    }
}

/// `field: from → to`, parted by semicolons.
fn changes_text(changes: &[FieldChange]) -> String {
    let texts: Vec<_> =
        changes.iter().map(|change| format!("{}: {} → {}", change.field, change.from, change.to)).collect();
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Action, State};
    use crate::report::testing::{result, source};

    #[test]
    fn every_row_has_one_line_and_formulas_are_text() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = ResultsWriter::create(folder.path()).unwrap();
        let source = source("customers.csv");
        let mut evil = result(3, Action::Create, State::Refused);
        evil.planned.key = "=HYPERLINK(\"http://x\")".to_owned();
        evil.message = "@bad".to_owned();
        writer.add(&result(1, Action::Create, State::Done), &source).unwrap();
        writer.add(&result(2, Action::Update, State::Done), &source).unwrap();
        writer.add(&evil, &source).unwrap();
        writer.add(&result(4, Action::Reject, State::Rejected), &source).unwrap();
        writer.finish().unwrap().publish().unwrap();
        let text = std::fs::read_to_string(folder.path().join(RESULTS_NAME)).unwrap();
        insta::assert_snapshot!(text);
    }
}
