//! Workbooks: one sheet of an XLSX file, streamed cell by cell.
//!
//! In: an opened file and perhaps a choice of sheet. Out: the headers, then chunks of rows whose cells are text,
//! as a text file would have them: whole numbers without a point, days as `2025-06-30`, `true` and `false`,
//! errors of formulas as they are shown.
//!
//! The size a sheet claims to have is not looked at, so that a stray cell in its last corner costs nothing.

use std::fmt::Write;
use std::fs::File;
use std::io::BufReader;

use calamine::{Cell, DataRef, ExcelDateTime, Reader, Xlsx, XlsxError};

use super::SheetChoice;
use super::chunk::{Chunk, RowEnd};
use super::csv::CHUNK_BYTES;
use super::error::SourceError;
use crate::domain::Span;
use crate::domain::text::is_plain;

/// Source: Excel's limit of columns.
const MAX_COLUMNS: u32 = 16_384;
/// A spreadsheet shows no more digits than these; what a float has beyond them is noise of its arithmetic.
const SHOWN_DIGITS: usize = 15;

/// A sheet whose header has been read.
pub(super) struct Sheet {
    book: Xlsx<BufReader<File>>,
    file: String,
    name: String,
    headers: usize,
    /// 0-based row of the sheet.
    header_row: u32,
}

#[derive(Debug)]
pub(super) struct Opened {
    pub(super) sheet: Sheet,
    pub(super) headers: Vec<String>,
    pub(super) rows_start_line: u64,
    /// Sheets that hold something too and were not chosen, nor passed over on purpose.
    pub(super) others: Vec<String>,
}

/// Opens the wanted sheet, or the first one that holds anything.
pub(super) fn open(file: File, name: &str, choice: Option<&SheetChoice>) -> Result<Opened, SourceError> {
    let mut book = Xlsx::new(BufReader::new(file)).map_err(|error| broken(name, error))?;
    let sheets = book.sheet_names();
    let candidates = match choice {
        None => sheets,
        Some(choice) => vec![chosen(&sheets, choice).ok_or_else(|| no_such_sheet(name, choice, &sheets))?],
    };
    let (mut found, mut others) = (None, Vec::new());
    for sheet in candidates {
        match read_header(&mut book, &sheet) {
            Ok(Some(_)) if found.is_some() => others.push(sheet),
            Ok(Some(header)) => found = Some((sheet, header)),
            Ok(None) => {}
            Err(XlsxError::NotAWorksheet(_)) if choice.is_none() => {} // a chart
            Err(_) if found.is_some() => others.push(sheet),
            Err(error) => return Err(broken(name, error)),
        }
    }
    let Some((sheet, (headers, header_row))) = found else {
        return Err(SourceError::Empty { file: name.to_owned() });
    };
    let rows_start_line = u64::from(header_row) + 2;
    let sheet = Sheet { book, file: name.to_owned(), name: sheet, headers: headers.len(), header_row };
    Ok(Opened { sheet, headers, rows_start_line, others })
}

fn chosen(sheets: &[String], choice: &SheetChoice) -> Option<String> {
    match choice {
        SheetChoice::Name(name) => {
            let exact = sheets.iter().find(|sheet| *sheet == name);
            exact.or_else(|| sheets.iter().find(|sheet| sheet.to_lowercase() == name.to_lowercase())).cloned()
        }
        SheetChoice::Number(number) => sheets.get(number.checked_sub(1)?).cloned(),
    }
}

fn no_such_sheet(file: &str, choice: &SheetChoice, sheets: &[String]) -> SourceError {
    let wanted = match choice {
        SheetChoice::Name(name) => name.clone(),
        SheetChoice::Number(number) => number.to_string(),
    };
    let sheets: Vec<String> = sheets.iter().map(|sheet| format!("`{sheet}`")).collect();
    SourceError::NoSuchSheet { file: file.to_owned(), wanted, sheets: sheets.join(", ") }
}

fn broken(file: &str, error: XlsxError) -> SourceError {
    SourceError::BrokenWorkbook { file: file.to_owned(), source: Box::new(error) }
}

/// The first row that holds anything, without blank cells at its end, and its 0-based place.
fn read_header(
    book: &mut Xlsx<BufReader<File>>,
    sheet: &str,
) -> Result<Option<(Vec<String>, u32)>, XlsxError> {
    let mut cells = book.worksheet_cells_reader(sheet)?;
    let (mut headers, mut header_row) = (Vec::new(), None);
    while let Some(cell) = cells.next_cell()? {
        let (row, column) = place(&cell)?;
        if header_row.is_some_and(|header_row| header_row != row) {
            break;
        }
        let mut text = String::new();
        write_cell(cell.get_value(), &mut text);
        if !text.trim().is_empty() {
            headers.resize(headers.len().max(column as usize + 1), String::new());
            headers[column as usize] = text;
            header_row = Some(row);
        }
    }
    Ok(header_row.map(|row| (headers, row)))
}

/// The 0-based row and column of a cell.
fn place(cell: &Cell<DataRef<'_>>) -> Result<(u32, u32), XlsxError> {
    let (row, column) = cell.get_position();
    if column >= MAX_COLUMNS { Err(XlsxError::ColumnNumberOverflow) } else { Ok((row, column)) }
}

impl Sheet {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn read(
        mut self,
        mut next: impl FnMut() -> Option<Chunk>,
        mut ready: impl FnMut(Chunk),
    ) -> Result<(), SourceError> {
        let fail = |error| broken(&self.file, error);
        let mut cells = self.book.worksheet_cells_reader(&self.name).map_err(fail)?;
        let table = Table { file: &self.file, sheet: &self.name, headers: self.headers };
        let mut first_row = self.header_row + 1;
        let Some(mut batch) = next().map(|chunk| Batch::new(chunk, first_row)) else { return Ok(()) };
        while let Some(cell) = cells.next_cell().map_err(fail)? {
            let (row, column) = place(&cell).map_err(fail)?;
            if row <= self.header_row {
                continue;
            }
            if row != batch.row {
                if row < batch.row {
                    return Err(fail(XlsxError::Unexpected("rows out of order")));
                }
                batch.end_row();
                if batch.is_full() {
                    first_row = batch.row + 1;
                    ready(batch.finish());
                    let Some(chunk) = next() else { return Ok(()) };
                    batch = Batch::new(chunk, first_row);
                }
                batch.row = row;
            }
            batch.add(column, cell.get_value(), &table)?;
        }
        batch.end_row();
        ready(batch.finish());
        Ok(())
    }
}

impl std::fmt::Debug for Sheet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Sheet")
            .field("file", &self.file)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What an error has to name.
struct Table<'a> {
    file: &'a str,
    sheet: &'a str,
    headers: usize,
}

/// A chunk that is being filled with rows.
struct Batch {
    chunk: Chunk,
    text: String,
    /// 0-based row of the sheet at which the chunk starts, and the one that is being filled.
    first_row: u32,
    row: u32,
    row_text: usize,
    row_spans: usize,
}

impl Batch {
    fn new(mut chunk: Chunk, first_row: u32) -> Self {
        chunk.clear();
        chunk.layout = None;
        let text = String::from_utf8(std::mem::take(&mut chunk.text)).unwrap_or_default();
        Self { chunk, text, first_row, row: first_row, row_text: 0, row_spans: 0 }
    }

    fn add(&mut self, column: u32, value: &DataRef<'_>, table: &Table<'_>) -> Result<(), SourceError> {
        let start = self.text.len();
        write_cell(value, &mut self.text);
        if column as usize >= table.headers {
            let is_blank = self.text[start..].trim().is_empty();
            self.text.truncate(start);
            return if is_blank { Ok(()) } else { Err(self.beside(column, table)) };
        }
        let spans = &mut self.chunk.spans;
        let place = self.row_spans + column as usize;
        if place >= spans.len() {
            spans.resize(place + 1, Span::default());
        }
        spans[place] = Span::raw(index(start), index(self.text.len()));
        Ok(())
    }

    /// The error's row counts from the start of the chunk, as the lines of text files do.
    fn beside(&self, column: u32, table: &Table<'_>) -> SourceError {
        SourceError::BesideTable {
            file: table.file.to_owned(),
            sheet: table.sheet.to_owned(),
            line: u64::from(self.row - self.first_row) + 1,
            column: column + 1,
            headers: table.headers,
        }
    }

    /// Keeps the row that was being filled, unless it is blank.
    fn end_row(&mut self) {
        if self.text[self.row_text..].trim().is_empty() {
            self.text.truncate(self.row_text);
            self.chunk.spans.truncate(self.row_spans);
            return;
        }
        let spans = index(self.chunk.spans.len());
        let is_plain = is_plain(&self.text.as_bytes()[self.row_text..]);
        self.chunk.ends.push(RowEnd { spans, line: self.row - self.first_row, is_plain });
        self.row_text = self.text.len();
        self.row_spans = self.chunk.spans.len();
    }

    fn is_full(&self) -> bool {
        self.text.len() >= CHUNK_BYTES
    }

    fn finish(mut self) -> Chunk {
        self.chunk.lines = u64::from(self.row - self.first_row) + 1;
        self.chunk.text = self.text.into_bytes();
        self.chunk
    }
}

/// A chunk is handed on long before its text reaches 2 GiB; one row cannot hold as much.
fn index(at: usize) -> u32 {
    u32::try_from(at).expect("a row of at most 16,384 cells of 32,767 letters")
}

fn write_cell(value: &DataRef<'_>, out: &mut String) {
    let written = match value {
        DataRef::Empty => Ok(()),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            out.write_str(text)
        }
        DataRef::SharedString(text) => out.write_str(text),
        DataRef::Int(number) => write!(out, "{number}"),
        DataRef::Float(number) => write_number(*number, out),
        DataRef::Bool(truth) => write!(out, "{truth}"),
        DataRef::DateTime(moment) => write_moment(moment, out),
        DataRef::Error(error) => write!(out, "{error}"),
    };
    written.expect("a string takes every text");
}

/// The shortest text that means the number, but no more digits than a spreadsheet shows.
fn write_number(number: f64, out: &mut String) -> std::fmt::Result {
    let start = out.len();
    write!(out, "{number}")?;
    let digits = out[start..].trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    if digits > SHOWN_DIGITS && out[start..].contains('.') {
        let shown = format!("{number:.*e}", SHOWN_DIGITS - 1);
        out.truncate(start);
        write!(out, "{}", shown.parse().unwrap_or(number))?;
    }
    Ok(())
}

/// A day; with its time of day when that is not midnight. Spans of time stay numbers.
fn write_moment(moment: &ExcelDateTime, out: &mut String) -> std::fmt::Result {
    if moment.is_duration() {
        return write_number(moment.as_f64(), out);
    }
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    write!(out, "{year:04}-{month:02}-{day:02}")?;
    if (hour, minute, second) == (0, 0, 0) {
        return Ok(());
    }
    write!(out, "T{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, Write as _};

    use rust_xlsxwriter::{ExcelDateTime as Moment, Format, Formula, Workbook};

    use super::*;
    use crate::source::{Source, SourceOptions};

    fn saved(mut book: Workbook) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&book.save_to_buffer().unwrap()).unwrap();
        file.rewind().unwrap();
        file
    }

    /// Rows with the row of the sheet they stand on.
    fn rows(opened: Opened) -> Result<Vec<(u64, Vec<String>)>, SourceError> {
        let (mut rows, mut base) = (Vec::new(), opened.rows_start_line - 1);
        let ended = opened.sheet.read(
            || Some(Chunk::default()),
            |mut chunk| {
                chunk.split().unwrap();
                for row in chunk.rows().iter() {
                    rows.push((base + row.origin.line, row.cells().map(str::to_owned).collect()));
                }
                base += chunk.lines();
            },
        );
        ended.map(|()| rows).map_err(|error| error.below(base))
    }

    #[test]
    fn cells_become_the_text_a_csv_file_would_have() {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        let day = Format::new().set_num_format("yyyy-mm-dd");
        for (column, header) in (0u16..).zip(["a", "b", "c", "d", "e", "f"]) {
            sheet.write(1, column, header).unwrap();
        }
        sheet.write(2, 0, "  Müller \"&\" Co\nDock ").unwrap();
        sheet.write(2, 1, 10000).unwrap();
        sheet.write(2, 2, 1234.5).unwrap();
        sheet.write(2, 3, true).unwrap();
        sheet.write_with_format(2, 4, Moment::from_ymd(2025, 6, 30).unwrap(), &day).unwrap();
        sheet.write_formula(2, 5, Formula::new("=NA()").set_result("#N/A")).unwrap();
        sheet.write(4, 2, 0.1 + 0.2).unwrap();
        sheet.write(4, 5, " ").unwrap();
        sheet.write_with_format(4, 9, "", &day).unwrap();
        let opened = open(saved(book), "t.xlsx", None).unwrap();
        assert_eq!(opened.headers, ["a", "b", "c", "d", "e", "f"]);
        let rows = rows(opened).unwrap();
        let first = ["  Müller \"&\" Co\nDock ", "10000", "1234.5", "true", "2025-06-30", "#N/A"];
        assert_eq!(rows[0], (3, first.map(str::to_owned).to_vec()));
        assert_eq!(rows[1], (5, ["", "", "0.3", "", "", " "].map(str::to_owned).to_vec()));
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn many_rows_keep_their_place() {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        sheet.write(0, 0, "number").unwrap();
        for row in (1..40_000).filter(|row| row % 3 != 0) {
            sheet.write(row, 0, format!("C{row:020}")).unwrap();
        }
        let rows = rows(open(saved(book), "t.xlsx", None).unwrap()).unwrap();
        assert_eq!(rows.len(), 26_666);
        assert!(rows.iter().all(|(line, cells)| cells[0] == format!("C{:020}", line - 1)));
    }

    #[test]
    fn a_sheet_is_chosen_by_name_number_or_content() {
        let book = || {
            let mut book = Workbook::new();
            book.add_worksheet().set_name("Empty").unwrap();
            book.add_worksheet().set_name("Data").unwrap().write(0, 0, "x").unwrap();
            saved(book)
        };
        let chosen = |choice: Option<SheetChoice>| open(book(), "t.xlsx", choice.as_ref());
        assert_eq!(chosen(None).unwrap().sheet.name(), "Data");
        assert_eq!(chosen(Some(SheetChoice::Name("data".into()))).unwrap().sheet.name(), "Data");
        assert_eq!(chosen(Some(SheetChoice::Number(2))).unwrap().sheet.name(), "Data");
        assert_eq!(
            chosen(Some(SheetChoice::Name("Dta".into()))).unwrap_err().to_string(),
            "`t.xlsx` has no sheet `Dta`; it has `Empty`, `Data`"
        );
        assert!(matches!(chosen(Some(SheetChoice::Number(0))), Err(SourceError::NoSuchSheet { .. })));
        assert!(matches!(chosen(Some(SheetChoice::Number(1))), Err(SourceError::Empty { .. })));
    }

    #[test]
    fn a_cell_beside_the_table_is_located_and_one_in_the_last_corner_costs_nothing() {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        sheet.write(0, 0, "x").unwrap();
        sheet.write(7, 0, "1").unwrap();
        sheet.write(1_048_575, 16_383, "stray").unwrap();
        let error = rows(open(saved(book), "t.xlsx", None).unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`t.xlsx` [Sheet1] has a cell in column 16384 of row 1048576, right of its 1 headers"
        );
    }

    #[test]
    fn a_truncated_workbook_is_refused() {
        let mut book = Workbook::new();
        book.add_worksheet().write(0, 0, "x").unwrap();
        let mut bytes = Vec::new();
        saved(book).read_to_end(&mut bytes).unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes[..bytes.len() / 2]).unwrap();
        let error = Source::open(file.path(), &SourceOptions::default()).unwrap_err();
        assert!(matches!(error, SourceError::BrokenWorkbook { .. }), "{error}");
    }
}
