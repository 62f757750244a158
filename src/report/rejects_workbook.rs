//! `rejects.xlsx`: the rows of a workbook that a person has to repair, on sheets of the same names.
//!
//! In: rows of one or more sheets. Out: every cell as text under its own heading, offending cells on a coloured
//! ground with a note that says what to do, and the three added columns.
//!
//! Promises: rows leave the memory as they are written; only the first thousand of them carry notes.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use rust_xlsxwriter::{Color, Format, FormatAlign, IgnoreError, Note, Workbook, Worksheet, XlsxError};

use super::ReportError;
use super::rejects::{FERRY_COLUMNS, Layout};
use super::words::RowWords;
use crate::catalogue::{DIALECTS, Entity, Kind};
use crate::domain::Violation;
use crate::durable::PendingFile;

/// Notes are kept in memory until the file is saved, so their number is bounded.
const NOTES: usize = 1000;
/// Longest sheet name a workbook takes, in characters.
const SHEET_NAME_CHARS: usize = 31;

/// The workbook being written.
pub(super) struct RejectsWorkbook {
    path: PathBuf,
    workbook: Workbook,
    sheets: BTreeMap<usize, Sheet>,
    notes: usize,
    formats: Formats,
}

struct Sheet {
    worksheet: Worksheet,
    next_row: u32,
}

struct Formats {
    heading: Format,
    ferry_heading: Format,
    text: Format,
    number: Format,
    wrong: Format,
    words: Format,
}

impl RejectsWorkbook {
    /// An empty workbook that will stand in this folder.
    pub(super) fn new(folder: &Path, name: &str) -> Result<Self, ReportError> {
        let path = folder.join(name);
        let mut workbook = Workbook::new();
        if let Err(cause) = workbook.set_tempdir(folder) {
            return Err(ReportError::Workbook { path, source: cause });
        }
        Ok(Self { path, workbook, sheets: BTreeMap::new(), notes: 0, formats: Formats::new() })
    }

    /// Writes one row of the source with this index.
    pub(super) fn add(
        &mut self,
        source: usize,
        layout: &Layout,
        cells: &[String],
        words: &RowWords<'_>,
    ) -> Result<(), ReportError> {
        let written = self.write(source, layout, cells, words);
        written.map_err(|cause| ReportError::Workbook { path: self.path.clone(), source: cause })
    }

    fn write(
        &mut self,
        source: usize,
        layout: &Layout,
        cells: &[String],
        words: &RowWords<'_>,
    ) -> Result<(), XlsxError> {
        if !self.sheets.contains_key(&source) {
            let sheet = self.open_sheet(layout)?;
            self.sheets.insert(source, sheet);
        }
        let sheet = self.sheets.get_mut(&source).expect("the sheet was opened above");
        let row = sheet.next_row;
        sheet.next_row += 1;
        let mut place = 0;
        for (column, cell) in layout.cells(cells) {
            let violation =
                words.violations.iter().find(|broken| broken.column == u32::try_from(column).ok());
            let format = match violation {
                Some(_) => &self.formats.wrong,
                None if is_number(layout, column) => &self.formats.number,
                None => &self.formats.text,
            };
            match cell {
                "" if violation.is_none() => {}
                "" => _ = sheet.worksheet.write_blank(row, place, format)?,
                text => _ = sheet.worksheet.write_string_with_format(row, place, text, format)?,
            }
            if let Some(violation) = violation.filter(|_| self.notes < NOTES) {
                self.notes += 1;
                sheet.worksheet.insert_note(row, place, &note(violation))?;
            }
            place += 1;
        }
        let row_before = layout.first_row(cells, words.line);
        for text in [words.state.as_str().to_owned(), words.reason(&layout.facts), words.remedy(), row_before]
        {
            sheet.worksheet.write_string_with_format(row, place, text, &self.formats.words)?;
            place += 1;
        }
        Ok(())
    }

    fn open_sheet(&mut self, layout: &Layout) -> Result<Sheet, XlsxError> {
        let mut worksheet = self.workbook.new_worksheet_with_constant_memory()?;
        worksheet.set_name(self.sheet_name(layout))?;
        worksheet.set_freeze_panes(1, 0)?;
        let mut place = 0;
        for (column, heading) in layout.cells(&layout.facts.headers) {
            let format = if is_number(layout, column) { &self.formats.number } else { &self.formats.text };
            worksheet.set_column_format(place, format)?;
            worksheet.set_column_width(place, width(heading))?;
            worksheet.write_string_with_format(0, place, heading, &self.formats.heading)?;
            place += 1;
        }
        if place > 0 {
            worksheet.ignore_error_range(1, 0, 1_048_575, place - 1, IgnoreError::NumberStoredAsText)?;
        }
        for (heading, characters) in FERRY_COLUMNS.into_iter().zip([13, 60, 50, 10]) {
            worksheet.set_column_width(place, characters)?;
            worksheet.write_string_with_format(0, place, heading, &self.formats.ferry_heading)?;
            place += 1;
        }
        Ok(Sheet { worksheet, next_row: 1 })
    }

    /// The sheet's own name, or one told apart from that of another workbook's sheet.
    fn sheet_name(&self, layout: &Layout) -> String {
        let own = layout.facts.name.sheet.clone().unwrap_or_default();
        let is_taken = |name: &str| {
            self.sheets.values().any(|sheet| sheet.worksheet.name().to_lowercase() == name.to_lowercase())
        };
        let mut name = own.clone();
        for copy in 2.. {
            if !is_taken(&name) {
                break;
            }
            let tail = format!(" ({copy})");
            name = own.chars().take(SHEET_NAME_CHARS - tail.len()).collect::<String>() + &tail;
        }
        name
    }

    /// The whole file, ready to be published.
    pub(super) fn finish(mut self) -> Result<PendingFile, ReportError> {
        let mut file = PendingFile::create(&self.path)?;
        for sheet in std::mem::take(&mut self.sheets).into_values() {
            self.workbook.push_worksheet(sheet.worksheet);
        }
        match self.workbook.save_to_writer(&mut file) {
            Ok(()) => Ok(file),
            Err(XlsxError::IoError(cause)) => Err(file.error(cause).into()),
            Err(cause) => Err(ReportError::Workbook { path: self.path, source: cause }),
        }
    }
}

impl fmt::Debug for RejectsWorkbook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RejectsWorkbook").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Formats {
    fn new() -> Self {
        let heading = Format::new().set_bold().set_background_color(Color::RGB(0x00E8_EDF3));
        Self {
            ferry_heading: heading.clone().set_background_color(Color::RGB(0x00FF_E9B8)),
            heading,
            text: Format::new().set_num_format("@"),
            number: Format::new(),
            wrong: Format::new()
                .set_num_format("@")
                .set_background_color(Color::RGB(0x00FF_D6D2))
                .set_font_color(Color::RGB(0x008A_1C12)),
            words: Format::new().set_text_wrap().set_align(FormatAlign::Top),
        }
    }
}

/// Whether a person will type a number or a date into the column, which a text format would keep as typed.
fn is_number(layout: &Layout, column: usize) -> bool {
    let entity: &Entity = DIALECTS[0].entity(layout.entity);
    let field = layout.fields.get(column).and_then(|name| entity.field(name));
    field.is_some_and(|field| matches!(field.kind, Kind::Decimal(_) | Kind::Integer | Kind::Date))
}

fn width(heading: &str) -> f64 {
    let characters = u32::try_from(heading.chars().count()).unwrap_or(u32::MAX).clamp(10, 38);
    f64::from(characters) + 2.0
}

fn note(violation: &Violation) -> Note {
    let mut text = format!("{}\nDo: {}", violation.rule.title(), violation.rule.remedy());
    if !violation.allowed.is_empty() {
        text.push_str("\nAllowed: ");
        text.push_str(&violation.allowed);
    }
    Note::new(text).add_author_prefix(false).set_author("ferry").set_width(280).set_height(110)
}

#[cfg(test)]
mod tests {
    use calamine::{Reader, open_workbook_auto};

    use super::*;
    use crate::domain::{Action, RowResult, State};
    use crate::report::rejects::RejectsWriter;
    use crate::report::testing::{facts, result, source};

    fn row(cells: [&str; 4]) -> (RowResult, Vec<String>) {
        (result(1, Action::Reject, State::Rejected), cells.map(str::to_owned).to_vec())
    }

    #[test]
    fn a_workbook_keeps_its_sheet_and_every_cell_as_text() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = RejectsWriter::new(folder.path(), &facts(vec![source("kunden.xlsx")]));
        let rows = [
            row(["007", "=1+1", "a(at)b", "1234567890123456.78"]),
            row(["  padded ", "Müller & <Söhne>", "", "two\nlines"]),
        ];
        for (result, cells) in &rows {
            writer.add(0, cells, &RowWords::of_result(result)).unwrap();
        }
        crate::durable::publish_all(writer.finish().unwrap()).unwrap();
        let mut workbook = open_workbook_auto(folder.path().join("rejects.xlsx")).unwrap();
        let range = workbook.worksheet_range("Kunden").unwrap();
        let read: Vec<Vec<String>> =
            range.rows().map(|row| row.iter().map(ToString::to_string).collect()).collect();
        assert_eq!(
            read[0],
            [
                "Number",
                "Display Name",
                "Email",
                "Credit Limit",
                "ferry_status",
                "ferry_reason",
                "ferry_fix",
                "ferry_row"
            ]
        );
        for (place, (_, cells)) in rows.iter().enumerate() {
            assert_eq!(&read[place + 1][..4], &cells[..]);
            assert_eq!(read[place + 1][4], "rejected");
        }
    }

    #[test]
    fn sheets_of_one_name_from_two_workbooks_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let facts = facts(vec![source("a.xlsx"), source("b.xlsx")]);
        let mut writer = RejectsWriter::new(folder.path(), &facts);
        for source in [0, 1] {
            let (result, cells) = row(["1", "A", "b", "2"]);
            writer.add(source, &cells, &RowWords::of_result(&result)).unwrap();
        }
        crate::durable::publish_all(writer.finish().unwrap()).unwrap();
        let workbook = open_workbook_auto(folder.path().join("rejects.xlsx")).unwrap();
        assert_eq!(workbook.sheet_names(), ["Kunden", "Kunden (2)"]);
    }
}
