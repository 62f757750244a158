//! The rejects file: the rows a person has to repair, in the layout of the file they came from.
//!
//! In: rows that are rejected, refused, in conflict or in doubt. Out: for a text file `rejects.csv`, for a
//! workbook `rejects.xlsx`: the original columns in their order, then `ferry_status`, `ferry_reason`,
//! `ferry_fix` and `ferry_row`, which a re-import ignores. Of several text files each has its own, named after it.
//!
//! Promises: cells are what they were, so a re-import reads the same values; rows are streamed.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::facts::{RunFacts, SourceFacts};
use super::place::file_name;
use super::rejects_workbook::RejectsWorkbook;
use super::results::RESULTS_NAME;
use super::text::neutral;
use super::words::RowWords;
use super::{ReportError, ReportFiles, csv_error};
use crate::domain::EntityKind;
use crate::durable::{FileError, PendingFile};

/// The columns added on the right.
pub const FERRY_COLUMNS: [&str; 4] = ["ferry_status", REASON_COLUMN, "ferry_fix", ROW_COLUMN];
/// The column that says why a row was left out.
pub const REASON_COLUMN: &str = "ferry_reason";
/// The column that says on which row of the first file a row stood, also in the rejects of rejects.
pub(super) const ROW_COLUMN: &str = "ferry_row";
/// The name of the workbook in the folder of its run.
const WORKBOOK_NAME: &str = "rejects.xlsx";
/// Spreadsheet programs take a text file for the system's old encoding unless it starts with this.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A source's columns as the rejects file repeats them: all but those that an earlier rejects file added.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// The source.
    pub facts: SourceFacts,
    /// The 0-based columns that are repeated.
    pub columns: Vec<usize>,
    /// For each column of the source, the field it fills; empty for none.
    pub fields: Vec<String>,
    /// What the rows are.
    pub entity: EntityKind,
    /// The 0-based column in which an earlier rejects file says where a row stood first.
    pub row_column: Option<usize>,
}

impl Layout {
    fn new(facts: &RunFacts, source: &SourceFacts) -> Self {
        let columns = source.headers.iter().enumerate();
        let kept = columns.filter(|(_, heading)| !FERRY_COLUMNS.contains(&heading.trim()));
        let field = |heading: &String| {
            let bound = facts.columns.iter().find(|(column, _)| column == heading);
            bound.map(|(_, field)| field.clone()).unwrap_or_default()
        };
        Self {
            columns: kept.map(|(column, _)| column).collect(),
            fields: source.headers.iter().map(field).collect(),
            facts: source.clone(),
            entity: facts.entity,
            row_column: row_column(source),
        }
    }

    /// Where a row on this line stood first.
    pub(super) fn first_row(&self, cells: &[String], line: u64) -> String {
        let told = self.row_column.and_then(|column| cells.get(column)).map(|cell| cell.trim());
        told.filter(|told| !told.is_empty()).map_or_else(|| line.to_string(), str::to_owned)
    }

    /// The first of the fields a person knows a record by that is not blank.
    fn key<'a>(&self, cells: &'a [String]) -> &'a str {
        let names: &[&str] = match self.entity {
            EntityKind::Customers => &["number", "displayName"],
            EntityKind::Dimensions => &["customerNumber", "dimensionCode"],
            EntityKind::Payments => &["documentNumber", "externalDocumentNumber"],
        };
        let cell = |name: &&str| cells.get(self.fields.iter().position(|field| field == name)?);
        names
            .iter()
            .filter_map(cell)
            .map(|cell| cell.trim())
            .find(|cell| !cell.is_empty())
            .unwrap_or_default()
    }

    /// The repeated columns of a row; cells it lacks are blank.
    pub(super) fn cells<'a>(&'a self, cells: &'a [String]) -> impl Iterator<Item = (usize, &'a str)> {
        self.columns.iter().map(|&column| (column, cells.get(column).map_or("", String::as_str)))
    }
}

/// The 0-based column in which a source says where its rows stood first, when it is a rejects file.
pub(super) fn row_column(source: &SourceFacts) -> Option<usize> {
    source.headers.iter().position(|heading| heading.trim() == ROW_COLUMN)
}

/// Writes the rejects of all sources; a source without rejects gets no file.
#[derive(Debug)]
pub(super) struct RejectsWriter {
    folder: PathBuf,
    layouts: Vec<Layout>,
    text_names: Vec<String>,
    texts: Vec<Option<csv::Writer<PendingFile>>>,
    workbook: Option<RejectsWorkbook>,
}

impl RejectsWriter {
    /// Prepares for the rejects of the run's sources; no file is created yet.
    #[must_use]
    pub(super) fn new(folder: &Path, facts: &RunFacts) -> Self {
        Self {
            folder: folder.to_owned(),
            layouts: facts.sources.iter().map(|source| Layout::new(facts, source)).collect(),
            text_names: text_names(&facts.sources),
            texts: facts.sources.iter().map(|_| None).collect(),
            workbook: None,
        }
    }

    /// The natural key of a row of this source, as it stands in the row; empty when it has none.
    pub(super) fn key<'a>(&self, source: u32, cells: &'a [String]) -> &'a str {
        self.layouts.get(source as usize).map_or("", |layout| layout.key(cells))
    }

    /// Writes one row of the source with this index.
    pub(super) fn add(
        &mut self,
        source: u32,
        cells: &[String],
        words: &RowWords<'_>,
    ) -> Result<(), ReportError> {
        let index = source as usize;
        let Some(layout) = self.layouts.get(index) else { return Ok(()) };
        if layout.facts.name.sheet.is_some() {
            let workbook = match &mut self.workbook {
                Some(workbook) => workbook,
                absent => absent.insert(RejectsWorkbook::new(&self.folder, WORKBOOK_NAME)?),
            };
            return workbook.add(index, layout, cells, words);
        }
        let writer = match &mut self.texts[index] {
            Some(writer) => writer,
            absent => absent.insert(open_text(&self.folder.join(&self.text_names[index]), layout)?),
        };
        write_text(writer, layout, cells, words)
    }

    /// The whole files, ready to be published.
    pub(super) fn finish(self) -> Result<Vec<PendingFile>, ReportError> {
        let mut files = Vec::new();
        for mut writer in self.texts.into_iter().flatten() {
            if let Err(cause) = writer.flush() {
                return Err(writer.get_ref().error(cause).into());
            }
            files.push(writer.into_inner().expect("a flushed writer has nothing left to write"));
        }
        if let Some(workbook) = self.workbook {
            files.push(workbook.finish()?);
        }
        Ok(files)
    }
}

/// The files of an earlier report on the run that are in its folder.
pub(super) fn existing_files(folder: &Path, facts: &RunFacts) -> ReportFiles {
    let exists = |name: &String| folder.join(name).is_file();
    let names: BTreeSet<String> =
        text_names(&facts.sources).into_iter().chain([WORKBOOK_NAME.to_owned()]).collect();
    let results = Some(RESULTS_NAME.to_owned()).filter(exists);
    ReportFiles::new(folder.to_owned(), results, names.into_iter().filter(exists).collect())
}

/// Removes rejects files of an earlier report on the same run that are not among `kept`.
pub(super) fn remove_stale(
    folder: &Path,
    sources: &[SourceFacts],
    kept: &[PathBuf],
) -> Result<(), FileError> {
    let names: BTreeSet<String> = text_names(sources).into_iter().chain([WORKBOOK_NAME.to_owned()]).collect();
    for path in names.iter().map(|name| folder.join(name)).filter(|path| !kept.contains(path)) {
        match std::fs::remove_file(&path) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                return Err(FileError::new("remove", path, cause));
            }
            _ => {}
        }
    }
    Ok(())
}

/// `rejects.csv`, or with several text files `rejects-customers.csv` and so on.
fn text_names(sources: &[SourceFacts]) -> Vec<String> {
    let texts = sources.iter().filter(|source| source.name.sheet.is_none()).count();
    let mut taken = BTreeSet::new();
    let mut names = Vec::with_capacity(sources.len());
    for source in sources {
        let file = file_name(&source.name.file);
        let stem = file.split('.').next().unwrap_or_default();
        let mut name = if texts == 1 { "rejects.csv".to_owned() } else { format!("rejects-{stem}.csv") };
        let mut copy = 1;
        while source.name.sheet.is_none() && !taken.insert(name.clone()) {
            copy += 1;
            name = format!("rejects-{stem}-{copy}.csv");
        }
        names.push(name);
    }
    names
}

fn open_text(path: &Path, layout: &Layout) -> Result<csv::Writer<PendingFile>, ReportError> {
    let mut file = PendingFile::create(path)?;
    file.write_all(BYTE_ORDER_MARK).map_err(|cause| file.error(cause))?;
    let delimiter = layout.facts.delimiter.and_then(|delimiter| u8::try_from(delimiter).ok()).unwrap_or(b',');
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(file);
    let headings = layout.cells(&layout.facts.headers).map(|(_, heading)| heading);
    let written = writer.write_record(headings.chain(FERRY_COLUMNS));
    written.map_err(|cause| csv_error(path, cause))?;
    Ok(writer)
}

fn write_text(
    writer: &mut csv::Writer<PendingFile>,
    layout: &Layout,
    cells: &[String],
    words: &RowWords<'_>,
) -> Result<(), ReportError> {
    let (reason, fix) = (words.reason(&layout.facts), words.remedy());
    let (reason, row) = (neutral(&reason), layout.first_row(cells, words.line));
    let added = [words.state.as_str(), reason.as_ref(), &fix, &row];
    let written = writer.write_record(layout.cells(cells).map(|(_, cell)| cell).chain(added));
    written.map_err(|cause| csv_error(writer.get_ref().path(), cause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Action, State};
    use crate::report::testing::{facts, result, source};

    fn written(facts: &RunFacts, rows: &[(u32, Vec<&str>)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = RejectsWriter::new(folder.path(), facts);
        let row = result(1, Action::Reject, State::Rejected);
        for (source, cells) in rows {
            let cells: Vec<_> = cells.iter().map(|&cell| cell.to_owned()).collect();
            writer.add(*source, &cells, &RowWords::of_result(&row)).unwrap();
        }
        crate::durable::publish_all(writer.finish().unwrap()).unwrap();
        folder
    }

    #[test]
    fn cells_stand_as_they_were_with_the_delimiter_of_the_file() {
        let semicolons = SourceFacts { delimiter: Some(';'), ..source("kunden.csv") };
        let folder = written(&facts(vec![semicolons]), &[(0, vec!["007", " =1+1", "a;b\n\"c\"", "-5,0"])]);
        let text = std::fs::read_to_string(folder.path().join("rejects.csv")).unwrap();
        insta::assert_snapshot!(text.trim_start_matches('\u{feff}'));
    }

    #[test]
    fn columns_of_an_earlier_rejects_file_are_not_repeated() {
        let mut again = source("rejects.csv");
        again.headers.extend(FERRY_COLUMNS.map(str::to_owned));
        let cells = vec!["1", "A", "b", "2", "rejected", "old reason", "old fix", "77"];
        let folder = written(&facts(vec![again]), &[(0, cells)]);
        let mut reader = csv::Reader::from_path(folder.path().join("rejects.csv")).unwrap();
        assert_eq!(reader.headers().unwrap().len(), 8);
        let row = reader.records().next().unwrap().unwrap();
        assert!(!row.iter().any(|cell| cell.contains("old")));
        assert_eq!(&row[7], "77", "where the row stood first is kept");
    }

    #[test]
    fn several_text_files_have_rejects_of_their_own() {
        let names = text_names(&["a/x.csv", "b/x.csv", "y.xlsx", "z.csv"].map(source));
        assert_eq!(names[0], "rejects-x.csv");
        assert_eq!(names[1], "rejects-x-2.csv");
        assert_eq!(names[3], "rejects-z.csv");
    }

    #[test]
    fn rejects_of_an_earlier_report_do_not_stay_behind() {
        let facts = facts(vec![source("customers.csv")]);
        let folder = written(&facts, &[(0, vec!["1"])]);
        remove_stale(folder.path(), &facts.sources, &[folder.path().join("rejects.csv")]).unwrap();
        assert!(folder.path().join("rejects.csv").exists());
        remove_stale(folder.path(), &facts.sources, &[]).unwrap();
        assert!(!folder.path().join("rejects.csv").exists());
    }
}
