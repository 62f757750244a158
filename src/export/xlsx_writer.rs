//! Rows as an Excel workbook, written row by row so that memory stays flat.
//!
//! Promises: identifiers are text, so no leading zero is lost; a decimal is a number only when Excel holds it
//! exactly, and text with all its digits otherwise; no text is a formula.

use std::io;

use rust_xlsxwriter::{ExcelDateTime, Format as CellFormat, Workbook, Worksheet, XlsxError};

use super::RowWriter;
use super::columns::Column;
use super::decode::Cell;
use super::output::{Measured, Sealed};
use crate::catalogue::Kind;
use crate::domain::text::is_formula_like;

/// How many rows a sheet has, its headings included.
///
/// Source: Excel's specification.
const SHEET_ROWS: u32 = 1_048_576;

/// How many significant digits Excel keeps.
///
/// Source: Excel's specification.
const EXACT_DIGITS: usize = 15;

/// Writes rows into as many sheets as they need, each with headings.
pub(super) struct XlsxWriter {
    workbook: Workbook,
    columns: Vec<Column>,
    target: Measured,
    title: &'static str,
    sheets: usize,
    next_row: u32,
    rows_per_sheet: u32,
    formats: Formats,
}

struct Formats {
    heading: CellFormat,
    decimal: CellFormat,
    date: CellFormat,
    /// Text that looks like a formula: shown as it is, and still text after someone edits the cell.
    quoted: CellFormat,
}

impl XlsxWriter {
    pub(super) fn new(columns: &[Column], title: &'static str, target: Measured) -> io::Result<Self> {
        Self::with_rows_per_sheet(columns, title, target, SHEET_ROWS)
    }

    fn with_rows_per_sheet(
        columns: &[Column],
        title: &'static str,
        target: Measured,
        rows_per_sheet: u32,
    ) -> io::Result<Self> {
        let mut workbook = Workbook::new();
        workbook.set_tempdir(target.sink().scratch()).map_err(into_io)?;
        let formats = Formats {
            heading: CellFormat::new().set_bold(),
            decimal: CellFormat::new().set_num_format("#,##0.00###"),
            date: CellFormat::new().set_num_format("yyyy-mm-dd"),
            quoted: CellFormat::new().set_quote_prefix(),
        };
        let columns = columns.to_vec();
        let mut writer =
            Self { workbook, columns, target, title, sheets: 0, next_row: 0, rows_per_sheet, formats };
        writer.add_sheet().map_err(into_io)?;
        Ok(writer)
    }

    fn add_sheet(&mut self) -> Result<(), XlsxError> {
        self.sheets += 1;
        let title = self.title;
        let name = if self.sheets == 1 { title.to_owned() } else { format!("{title} {}", self.sheets) };
        let sheet = self.workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(name)?.set_freeze_panes(1, 0)?;
        for (index, column) in (0u16..).zip(&self.columns) {
            sheet.set_column_width(index, width(column))?;
            sheet.write_string_with_format(0, index, column.name, &self.formats.heading)?;
        }
        self.next_row = 1;
        Ok(())
    }

    fn try_write_row(&mut self, row: &[Cell<'_>]) -> Result<(), XlsxError> {
        if self.next_row == self.rows_per_sheet {
            self.add_sheet()?;
        }
        let sheet = self.workbook.worksheet_from_index(self.sheets - 1)?;
        for ((index, column), cell) in (0u16..).zip(&self.columns).zip(row) {
            self.formats.write_cell(sheet, (self.next_row, index), column.kind, cell)?;
        }
        self.next_row += 1;
        Ok(())
    }
}

impl RowWriter for XlsxWriter {
    fn write_row(&mut self, row: &[Cell<'_>]) -> io::Result<()> {
        self.try_write_row(row).map_err(into_io)
    }

    fn finish(mut self: Box<Self>) -> io::Result<Sealed> {
        self.workbook.save_to_writer(&mut self.target).map_err(into_io)?;
        self.target.seal()
    }
}

impl Formats {
    fn write_cell(
        &self,
        sheet: &mut Worksheet,
        (row, column): (u32, u16),
        kind: Kind,
        cell: &Cell<'_>,
    ) -> Result<(), XlsxError> {
        match cell {
            Cell::Blank => {}
            Cell::Text(text) if text.is_empty() => {}
            Cell::Boolean(value) => drop(sheet.write_boolean(row, column, *value)?),
            Cell::Number(digits) => match exact_number(digits) {
                Some(number) if kind == Kind::Integer => drop(sheet.write_number(row, column, number)?),
                Some(number) => drop(sheet.write_number_with_format(row, column, number, &self.decimal)?),
                None => drop(sheet.write_string(row, column, &**digits)?),
            },
            Cell::Text(text) => match excel_date(kind, text) {
                Some(date) => drop(sheet.write_datetime_with_format(row, column, date, &self.date)?),
                None if is_formula_like(text) => {
                    sheet.write_string_with_format(row, column, &**text, &self.quoted)?;
                }
                None => drop(sheet.write_string(row, column, &**text)?),
            },
        }
        Ok(())
    }
}

/// The number, if Excel holds all of its digits.
fn exact_number(digits: &str) -> Option<f64> {
    let significant = digits.trim_start_matches(['-', '0', '.']);
    let significant = if digits.contains('.') { significant.trim_end_matches('0') } else { significant };
    let count = significant.bytes().filter(u8::is_ascii_digit).count();
    if count > EXACT_DIGITS { None } else { digits.parse().ok() }
}

/// The day, if the column holds days and Excel's calendar has this one.
fn excel_date(kind: Kind, text: &str) -> Option<ExcelDateTime> {
    if kind != Kind::Date {
        return None;
    }
    let date: jiff::civil::Date = text.parse().ok()?;
    let [month, day] = [date.month(), date.day()].map(|part| u8::try_from(part).ok());
    ExcelDateTime::from_ymd(u16::try_from(date.year()).ok()?, month?, day?).ok()
}

/// A width in characters at which most values of the column can be read.
fn width(column: &Column) -> f64 {
    let values: u16 = match column.kind {
        Kind::Guid => 38,
        Kind::DateTime => 25,
        Kind::Decimal(_) => 16,
        Kind::Date => 12,
        Kind::Integer | Kind::Boolean => 10,
        _ => column.max_length.clamp(12, 36),
    };
    let heading = u16::try_from(column.name.len() + 2).unwrap_or(u16::MAX);
    f64::from(values.max(heading))
}

fn into_io(failure: XlsxError) -> io::Error {
    match failure {
        XlsxError::IoError(cause) => cause,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use calamine::{Data, Reader, Xlsx};

    use super::*;
    use crate::export::testing::{columns, written};

    fn workbook(names: &[&str], rows: &[Vec<Cell<'_>>], rows_per_sheet: u32) -> Xlsx<Cursor<Vec<u8>>> {
        let columns = columns(names);
        let bytes = written(rows, |target| {
            Box::new(XlsxWriter::with_rows_per_sheet(&columns, "customers", target, rows_per_sheet).unwrap())
        });
        Xlsx::new(Cursor::new(bytes)).unwrap()
    }

    fn text(text: &str) -> Cell<'_> {
        Cell::Text(text.into())
    }

    #[test]
    fn every_kind_of_value_becomes_the_right_kind_of_cell() {
        let names = ["number", "creditLimit", "balance", "taxLiable", "postingDate", "city"];
        let row = vec![
            text("00120"),
            Cell::Number("-1234.50".into()),
            Cell::Number("1234567890123456.78".into()),
            Cell::Boolean(true),
            text("2025-03-01"),
            text("=1+1"),
        ];
        let sheet = workbook(&names, &[row], SHEET_ROWS).worksheet_range("customers").unwrap();
        let cells: Vec<_> = sheet.rows().nth(1).unwrap().to_vec();
        assert_eq!(cells[0], Data::String("00120".to_owned()));
        assert_eq!(cells[1], Data::Float(-1234.5));
        assert_eq!(cells[2], Data::String("1234567890123456.78".to_owned()));
        assert_eq!(cells[3], Data::Bool(true));
        assert!(matches!(&cells[4], Data::DateTime(date) if date.to_string() == "45717"), "{:?}", cells[4]);
        assert_eq!(cells[5], Data::String("=1+1".to_owned()));
    }

    #[test]
    fn rows_that_do_not_fit_go_to_the_next_sheet() {
        let rows: Vec<_> = (0..5).map(|index| vec![Cell::Number(index.to_string().into())]).collect();
        let mut workbook = workbook(&["lineNumber"], &rows, 3);
        assert_eq!(workbook.sheet_names(), ["customers", "customers 2", "customers 3"]);
        let last = workbook.worksheet_range("customers 3").unwrap();
        assert_eq!(
            last.rows().flatten().cloned().collect::<Vec<_>>(),
            [Data::String("lineNumber".to_owned()), Data::Float(4.0)]
        );
    }

    #[test]
    fn a_number_is_one_only_when_all_its_digits_count() {
        for (digits, is_number) in [
            ("0.00", true),
            ("-0.000000000000012", true),
            ("999999999999999", true),
            ("9999999999999.99", true),
            ("99999999999999.99", false),
            ("1234567890123456.7800", false),
            ("12345678901234.5000", true),
            ("1000000000000000", false),
        ] {
            assert_eq!(exact_number(digits).is_some(), is_number, "{digits}");
        }
    }

    #[test]
    fn days_before_excels_calendar_stay_text() {
        assert!(excel_date(Kind::Date, "1899-01-01").is_none());
        assert!(excel_date(Kind::Date, "2024-02-29").is_some());
        assert!(excel_date(Kind::Text, "2024-02-29").is_none());
    }
}
