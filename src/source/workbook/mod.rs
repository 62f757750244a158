//! Workbooks: one sheet of an XLSX file, unpacked by one thread and split into rows by many.
//!
//! In: an opened file and perhaps a choice of sheet. Out: the headers, then chunks of rows whose cells are text,
//! as a text file would have them: whole numbers without a point, days as `2025-06-30`, `true` and `false`,
//! errors of formulas as they are shown.
//!
//! The size a sheet claims to have is not looked at, so that a stray cell in its last corner costs nothing.

mod cells;
mod error;
mod formats;
mod markup;
#[cfg(test)]
mod oracle;
mod package;
mod pieces;
mod rows;
mod strings;
mod value;

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

pub use error::WorkbookError;
pub(super) use rows::{SheetLayout, split};

use self::cells::{Cells, row_of};
use self::package::{Package, Shared, SheetPart};
use self::pieces::Pieces;
use super::SheetChoice;
use super::chunk::{Chunk, Layout};
use super::error::SourceError;

/// The elements of a sheet that hold its rows.
const ROWS: (&str, &str) = ("sheetData", "row");

/// A sheet whose header has been read.
pub(super) struct Sheet {
    package: Package,
    part: String,
    layout: SheetLayout,
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
    let broken = |error| SourceError::BrokenWorkbook { file: name.to_owned(), source: Box::new(error) };
    let mut package = Package::open(file).map_err(broken)?;
    let (sheets, shared) = package.read_book().map_err(broken)?;
    let candidates = match choice {
        None => sheets,
        Some(choice) => {
            let names = sheets.iter().map(|sheet| sheet.name.clone()).collect::<Vec<_>>();
            let chosen = sheets.into_iter().nth(chosen(&names, choice).unwrap_or(usize::MAX));
            vec![chosen.ok_or_else(|| no_such_sheet(name, choice, &names))?]
        }
    };
    let (mut found, mut others) = (None, Vec::new());
    for SheetPart { name: sheet, part } in candidates {
        let Some(part) = part else {
            if choice.is_some() {
                return Err(broken(WorkbookError::NotASheet(sheet)));
            }
            continue;
        };
        match read_header(&mut package, &part, &shared) {
            Ok(Some(_)) | Err(_) if found.is_some() => others.push(sheet),
            Ok(Some(header)) => found = Some((sheet, part, header)),
            Ok(None) => {}
            Err(error) => return Err(broken(error)),
        }
    }
    let Some((sheet, part, (headers, header_row))) = found else {
        return Err(SourceError::Empty { file: name.to_owned() });
    };
    let layout = SheetLayout { file: name.to_owned(), sheet, headers: headers.len(), header_row, shared };
    let sheet = Sheet { package, part, layout };
    Ok(Opened { sheet, headers, rows_start_line: u64::from(header_row) + 2, others })
}

fn chosen(sheets: &[String], choice: &SheetChoice) -> Option<usize> {
    match choice {
        SheetChoice::Name(name) => {
            let exact = sheets.iter().position(|sheet| sheet == name);
            exact.or_else(|| sheets.iter().position(|sheet| sheet.to_lowercase() == name.to_lowercase()))
        }
        SheetChoice::Number(number) => number.checked_sub(1),
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

/// The first row that holds anything, without blank cells at its end, and its 0-based place.
fn read_header(
    package: &mut Package,
    part: &str,
    shared: &Shared,
) -> Result<Option<(Vec<String>, u32)>, WorkbookError> {
    let Some(mut sheet) = SheetReader::open(part, package.part(part)?)? else { return Ok(None) };
    let (mut headers, mut header_row, mut markup) = (Vec::new(), None, Vec::new());
    while header_row.is_none()
        && let Some((first, _)) = sheet.next(&mut markup)?
    {
        let piece = String::from_utf8_lossy(&markup);
        let (mut cells, mut text) = (Cells::new(&piece, shared, first), String::new());
        while let Some((row, column)) = cells.next(&mut text)? {
            if header_row.is_some_and(|header_row| header_row != row) {
                break;
            }
            if !text.trim().is_empty() {
                headers.resize(headers.len().max(column as usize + 1), String::new());
                headers[column as usize] = std::mem::take(&mut text);
                header_row = Some(row);
            }
            text.clear();
        }
    }
    Ok(header_row.map(|row| (headers, row)))
}

/// The pieces of a sheet, with the numbers of their rows.
struct SheetReader<'n, R> {
    part: &'n str,
    pieces: Pieces<'n, R>,
    /// 0-based number of the next row, if it does not say its own.
    row: u32,
}

impl<'n, R: Read> SheetReader<'n, R> {
    fn open(part: &'n str, read: R) -> Result<Option<Self>, WorkbookError> {
        Ok(Pieces::open(part, read, ROWS)?.map(|pieces| Self { part, pieces, row: 0 }))
    }

    /// Puts the next piece into `markup`; the number of its first row, and of the one after its last, if they do
    /// not say their own.
    fn next(&mut self, markup: &mut Vec<u8>) -> Result<Option<(u32, u32)>, WorkbookError> {
        if !self.pieces.next(markup)? {
            return Ok(None);
        }
        let broken = |what| WorkbookError::Malformed { part: self.part.to_owned(), what };
        let piece = simdutf8::basic::from_utf8(markup).map_err(|_| broken("is not in UTF-8"))?;
        let first = self.row;
        for tag in self.pieces.starts(piece) {
            let tag = tag.map_err(broken)?;
            let row = row_of(&tag).map_err(broken)?.unwrap_or(self.row);
            self.row = row.saturating_add(1);
        }
        Ok(Some((first, self.row)))
    }
}

impl Sheet {
    pub(super) fn name(&self) -> &str {
        &self.layout.sheet
    }

    pub(super) fn read(
        mut self,
        mut next: impl FnMut() -> Option<Chunk>,
        mut ready: impl FnMut(Chunk),
    ) -> Result<(), SourceError> {
        let layout = Arc::new(self.layout);
        let fail = |error| layout.broken(error);
        let part = self.package.part(&self.part).map_err(fail)?;
        let Some(mut pieces) = SheetReader::open(&self.part, part).map_err(fail)? else { return Ok(()) };
        while let Some(mut chunk) = next() {
            chunk.clear();
            let Some((first, after)) = pieces.next(&mut chunk.markup).map_err(fail)? else { break };
            let lines = layout.base(after).checked_sub(layout.base(first));
            let out_of_order =
                WorkbookError::Cell { row: u64::from(after), column: 1, what: "has rows out of order" };
            chunk.lines = lines.map(u64::from).ok_or_else(|| fail(out_of_order))?;
            chunk.first_row = first;
            chunk.layout = Some(Layout::Sheet(Arc::clone(&layout)));
            ready(chunk);
        }
        Ok(())
    }
}

impl std::fmt::Debug for Sheet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Sheet")
            .field("file", &self.layout.file)
            .field("name", &self.layout.sheet)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write as _};

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
    pub(super) fn rows(opened: Opened) -> Result<Vec<(u64, Vec<String>)>, SourceError> {
        let (mut rows, mut base, mut broken) = (Vec::new(), opened.rows_start_line - 1, None);
        let ended = opened.sheet.read(
            || Some(Chunk::default()),
            |mut chunk| {
                if let Err(error) = chunk.split() {
                    broken.get_or_insert(error.below(base));
                }
                for row in chunk.rows().iter() {
                    rows.push((base + row.origin.line, row.cells().map(str::to_owned).collect()));
                }
                base += chunk.lines();
            },
        );
        match broken {
            Some(error) => Err(error),
            None => ended.map(|()| rows).map_err(|error| error.below(base)),
        }
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
