//! What a run says of itself: for a terminal, for a reader, for a spreadsheet and for a program.
//!
//! In: the circumstances of a run ([`RunFacts`]) and each of its rows once, in order. Out, in the run's folder:
//! `results.csv` (one line per input row), `rejects.csv` or `rejects.xlsx` (the rows to repair, in the layout of
//! the input), `totals.json`, `report.html` and `report.json`; and the terminal's summary as text.
//!
//! Promises: every row is in `results.csv` exactly once, and the report says so only when it counted it; memory
//! does not grow with the number of rows; the files appear whole, `report.json` last, so that it vouches for the
//! others; nothing is printed here.

use std::path::{Path, PathBuf};

use rust_xlsxwriter::XlsxError;
use serde::Serialize;

use crate::domain::{Reject, RowResult};
use crate::durable::{FileError, PendingFile, create_directory, publish_all};

mod changes;
mod diff;
mod facts;
mod fixes;
mod html;
mod json;
mod left_out;
mod place;
mod reconciliation;
mod rejects;
mod rejects_workbook;
mod results;
mod summary;
pub mod terminal;
#[cfg(test)]
mod testing;
mod text;
mod tiles;
mod totals;
mod verdict;
mod words;

pub use changes::{Change, ChangeSample, Changes};
pub use diff::{Diff, DiffFacts, DiffFiles, DiffKind, DiffSide, DiffTotals, DiffWriter, Difference};
pub use facts::{ExitFacts, RunFacts, SourceFacts};
pub use fixes::{Fix, Fixes, Sample};
pub use json::{SCHEMA_VERSION, report_json};
pub use left_out::LeftOutWriter;
pub use place::Place;
pub use reconciliation::{Finding, Reconciliation, ReconciliationWriter};
pub use rejects::{FERRY_COLUMNS, REASON_COLUMN};
pub use summary::{Phase, SourceTally, Summary};
pub use terminal::Style;
pub use totals::{CurrencyTotals, Total, Totals};
pub use verdict::{Step, Tone, Verdict, next_steps, verdict};
pub use words::gives_reason;

use rejects::RejectsWriter;
use results::{RESULTS_NAME, ResultsWriter};
use words::RowWords;

/// The names of the files that every report has.
const PAGE_NAME: &str = "report.html";
const JSON_NAME: &str = "report.json";
const TOTALS_NAME: &str = "totals.json";

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file could not be created, written or published.
    #[error(transparent)]
    File(#[from] FileError),
    /// A workbook could not hold what it was given.
    #[error("cannot write `{path}`", path = path.display())]
    Workbook {
        /// The workbook.
        path: PathBuf,
        /// What the writer said.
        source: XlsxError,
    },
    /// The report page could not be drawn, which is a defect of this program.
    #[error("cannot draw the report page")]
    Page(#[from] minijinja::Error),
}

/// The files a report consists of; names are relative to the folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReportFiles {
    /// The folder they stand in.
    pub folder: PathBuf,
    /// One line per row; a check without a target has none.
    pub results: Option<String>,
    /// The rows to repair; none when there are none.
    pub rejects: Vec<String>,
    /// The page for a reader.
    pub report: &'static str,
    /// The control totals for a program.
    pub totals: &'static str,
}

impl ReportFiles {
    fn new(folder: PathBuf, results: Option<String>, rejects: Vec<String>) -> Self {
        Self { folder, results, rejects, report: PAGE_NAME, totals: TOTALS_NAME }
    }

    /// The paths of the rejects files.
    #[must_use]
    pub fn reject_paths(&self) -> Vec<String> {
        self.rejects.iter().map(|name| self.path(name)).collect()
    }

    /// What each file is, and its path, in the order a reader needs them.
    #[must_use]
    pub fn named(&self) -> Vec<(&'static str, String)> {
        let results = self.results.iter().map(|name| ("results", self.path(name)));
        let rejects = self.rejects.iter().map(|name| ("rejects", self.path(name)));
        rejects.chain(results).chain([("report", self.path(self.report))]).collect()
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}

/// A finished report: what was said, and where it stands.
#[derive(Clone, Debug)]
pub struct Report {
    /// The circumstances of the run.
    pub facts: RunFacts,
    /// What the rows add up to.
    pub summary: Summary,
    /// The files that were written.
    pub files: ReportFiles,
}

impl Report {
    /// The text of `report.json`, which `--json` prints.
    #[must_use]
    pub fn json(&self) -> String {
        report_json(self)
    }

    /// The summary for a terminal.
    #[must_use]
    pub fn terminal(&self, style: Style) -> String {
        terminal::render(self, style)
    }
}

/// Writes a report while its rows go by; nothing is visible before it is published.
#[derive(Debug)]
pub struct ReportWriter {
    folder: PathBuf,
    facts: RunFacts,
    summary: Summary,
    results: Option<ResultsWriter>,
    rejects: RejectsWriter,
    /// Whether only the page and the totals are written, and the files of the rows stay as they are.
    keeps_rows: bool,
}

impl ReportWriter {
    /// A report on a run, in the run's folder, which is created when it is missing.
    pub fn of_run(folder: &Path, facts: RunFacts) -> Result<Self, ReportError> {
        create_directory(folder)?;
        let results = Some(ResultsWriter::create(folder)?);
        Ok(Self::new(folder, Summary::of_run(&facts.sources, facts.finished), results, facts))
    }

    /// A report on a check of files without a target.
    pub fn of_check(folder: &Path, facts: RunFacts) -> Result<Self, ReportError> {
        create_directory(folder)?;
        Ok(Self::new(folder, Summary::of_check(&facts.sources), None, facts))
    }

    fn new(folder: &Path, summary: Summary, results: Option<ResultsWriter>, facts: RunFacts) -> Self {
        let rejects = RejectsWriter::new(folder, &facts);
        Self { folder: folder.to_owned(), facts, summary, results, rejects, keeps_rows: false }
    }

    /// A report on a run that was read back: its page and its totals are written anew. The files of the rows stay:
    /// a person may be at work on the rejects.
    pub(super) fn of_reading(folder: &Path, facts: RunFacts) -> Self {
        let summary = Summary::of_run(&facts.sources, facts.finished);
        Self { keeps_rows: true, ..Self::new(folder, summary, None, facts) }
    }

    /// Adds the next row of a run.
    pub fn add(&mut self, row: &RowResult) -> Result<(), ReportError> {
        self.summary.add(row);
        if self.keeps_rows {
            return Ok(());
        }
        let source = self.facts.sources.get(row.planned.source as usize);
        if let (Some(results), Some(source)) = (&mut self.results, source) {
            results.add(row, source)?;
        }
        // What an undo leaves alone is repaired in the target: its rows are no input.
        if summary::row_needs_attention(row) && self.facts.undoes.is_none() {
            let words = RowWords::of_result(row);
            self.rejects.add(row.planned.source, &row.planned.cells, &words)?;
        }
        Ok(())
    }

    /// Adds rows of a source that a check accepted.
    pub fn accept(&mut self, source: u32, rows: u64) {
        self.summary.accept(source, rows);
    }

    /// Adds rows that a check passed over because they say so themselves.
    pub fn skip(&mut self, source: u32, rows: u64) {
        self.summary.skip(source, rows);
    }

    /// Adds the amounts of rows that a check accepted.
    pub fn accept_total(&mut self, currency: &str, total: Total) {
        self.summary.accept_total(currency, total);
    }

    /// Adds the amounts of rows that a check rejected.
    pub fn reject_total(&mut self, currency: &str, total: Total) {
        self.summary.reject_total(currency, total);
    }

    /// Adds a row that a check rejected.
    pub fn reject(&mut self, source: u32, reject: &Reject) -> Result<(), ReportError> {
        self.summary.reject(source, reject, self.rejects.key(source, &reject.cells));
        self.rejects.add(source, &reject.cells, &RowWords::of_reject(reject))
    }

    /// What the rows so far add up to.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// What the rows so far add up to, for a reconciliation to add what it found.
    pub(super) fn summary_mut(&mut self) -> &mut Summary {
        &mut self.summary
    }

    /// The circumstances, to be completed before the report is published: the exit code depends on the rows, and
    /// how many rows a file holds is known only when it was read.
    pub fn facts_mut(&mut self) -> &mut RunFacts {
        &mut self.facts
    }

    /// Puts all files in their places, and removes rejects of an earlier report that are none any more.
    pub fn publish(self) -> Result<Report, ReportError> {
        let Self { folder, facts, mut summary, results, rejects, keeps_rows } = self;
        summary.complete(&facts.sources, facts.finished);
        if keeps_rows {
            return publish_reading(Report {
                files: rejects::existing_files(&folder, &facts),
                facts,
                summary,
            });
        }
        let rejects = rejects.finish()?;
        let reject_paths: Vec<PathBuf> = rejects.iter().map(|file| file.path().to_owned()).collect();
        let files = ReportFiles::new(
            folder.clone(),
            results.as_ref().map(|_| RESULTS_NAME.to_owned()),
            reject_paths.iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect(),
        );
        let report = Report { facts, summary, files };
        let mut pending = rejects;
        if let Some(results) = results {
            pending.push(results.finish()?);
        }
        pending.extend(pending_texts(&report)?);
        publish_all(pending)?;
        rejects::remove_stale(&folder, &report.facts.sources, &reject_paths)?;
        Ok(report)
    }
}

/// The page and the totals of a report, and what vouches for them last.
fn pending_texts(report: &Report) -> Result<Vec<PendingFile>, ReportError> {
    let texts = [
        (report.files.totals, totals::totals_json(&report.facts, &report.summary)),
        (report.files.report, html::page(report)?),
        (JSON_NAME, report.json()),
    ];
    let pending = |(name, text): (&str, String)| Ok(pending_text(report.files.folder.join(name), &text)?);
    texts.into_iter().map(pending).collect()
}

fn publish_reading(report: Report) -> Result<Report, ReportError> {
    publish_all(pending_texts(&report)?)?;
    Ok(report)
}

/// Writes the report on a run from its rows, in the order of the run.
pub fn write_run_folder(
    folder: &Path,
    facts: RunFacts,
    rows: impl IntoIterator<Item = RowResult>,
) -> Result<Report, ReportError> {
    let mut writer = ReportWriter::of_run(folder, facts)?;
    for row in rows {
        writer.add(&row)?;
    }
    writer.publish()
}

fn pending_text(path: PathBuf, text: &str) -> Result<PendingFile, FileError> {
    use std::io::Write;
    let mut file = PendingFile::create(path)?;
    match file.write_all(text.as_bytes()) {
        Ok(()) => Ok(file),
        Err(cause) => Err(file.error(cause)),
    }
}

/// The refusal to write a line of a text file.
fn csv_error(path: &Path, cause: csv::Error) -> ReportError {
    let cause = match cause.into_kind() {
        csv::ErrorKind::Io(cause) => cause,
        other => std::io::Error::other(format!("{other:?}")),
    };
    FileError::new("write", path, cause).into()
}

#[cfg(test)]
mod tests {
    use super::testing::{facts, result, source, violation};
    use super::*;
    use crate::domain::{Action, Money, Origin, State};

    fn rows() -> Vec<RowResult> {
        let create = |id| result(id, Action::Create, State::Done);
        let mut rows: Vec<_> = (1..=12).map(create).collect();
        rows[4] = result(5, Action::Reject, State::Rejected);
        rows[7] = result(8, Action::Create, State::Refused);
        rows
    }

    fn json(path: &Path) -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[test]
    fn the_folder_of_a_run_accounts_for_every_row_once() {
        let folder = tempfile::tempdir().unwrap();
        let runs = folder.path().join("runs/1");
        let report = write_run_folder(&runs, facts(vec![source("customers.csv")]), rows()).unwrap();
        assert!(report.summary.covers_every_row_once());
        let mut results = csv::Reader::from_path(runs.join("results.csv")).unwrap();
        let lines: Vec<String> = results.records().map(|line| line.unwrap()[2].to_owned()).collect();
        assert_eq!(lines, (2..=13).map(|line| line.to_string()).collect::<Vec<_>>());
        let mut rejects = csv::Reader::from_path(runs.join("rejects.csv")).unwrap();
        let states: Vec<String> = rejects.records().map(|line| line.unwrap()[4].to_owned()).collect();
        assert_eq!(states, ["rejected", "refused"]);
        let document = json(&runs.join("report.json"));
        assert_eq!(document["counts"]["done"], 10);
        assert_eq!(document["counts"]["rows"], 12);
        assert_eq!(document["every_row_once"], true);
        assert_eq!(document["reconciled"], true);
        assert_eq!(document["exit"]["name"], "done");
        assert_eq!(document["files"]["rejects"][0], "rejects.csv");
        assert!(
            std::fs::read_to_string(runs.join("report.html")).unwrap().contains("DONE, WITH ROWS LEFT OUT")
        );
    }

    #[test]
    fn amounts_reach_the_totals_with_every_digit() {
        let folder = tempfile::tempdir().unwrap();
        let mut rows = rows();
        for row in &mut rows {
            row.planned.amount = Some("1234567890123456.78".parse().unwrap());
            row.planned.currency = "EUR".to_owned();
        }
        write_run_folder(folder.path(), facts(vec![source("customers.csv")]), rows).unwrap();
        let text = std::fs::read_to_string(folder.path().join("totals.json")).unwrap();
        assert!(text.contains("\"sum\": 14814814681481481.36"), "{text}");
    }

    #[test]
    fn a_check_counts_rows_it_never_sees_one_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let unread = SourceFacts { rows: 0, ..source("customers.csv") };
        let mut writer = ReportWriter::of_check(folder.path(), facts(vec![unread])).unwrap();
        writer.accept(0, 11);
        writer.accept_total("", Total::new(11, Money::from(500)));
        let cells = ["71003", "A", "a(at)b", "2"].map(str::to_owned).to_vec();
        let reject =
            Reject { origin: Origin { row: 3, line: 4 }, violations: vec![violation("email")], cells };
        writer.reject(0, &reject).unwrap();
        writer.facts_mut().sources[0].rows = 12;
        writer.facts_mut().exit = ExitFacts { code: 4, name: "refused".to_owned() };
        let report = writer.publish().unwrap();
        assert!(report.summary.covers_every_row_once());
        assert!(!folder.path().join("results.csv").exists());
        let document = json(&folder.path().join("report.json"));
        assert_eq!(document["counts"], serde_json::json!({"accepted": 11, "rejected": 1, "rows": 12}));
        assert_eq!(document["exit"]["code"], 4);
        let sample = &document["fixes"][0]["samples"][0];
        assert_eq!((&sample["at"], &sample["key"]), (&"customers.csv:4 Email".into(), &"71003".into()));
    }

    #[test]
    fn a_report_that_is_not_published_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = ReportWriter::of_run(folder.path(), facts(vec![source("kunden.xlsx")])).unwrap();
        for row in rows() {
            writer.add(&row).unwrap();
        }
        drop(writer);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
