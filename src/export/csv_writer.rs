//! Rows as comma-separated values: RFC 4180, UTF-8, decimals as they came.
//!
//! Promise: no text in the file is taken for a formula by a spreadsheet, and no number or phone number is
//! touched to achieve that.

use std::io;

use super::RowWriter;
use super::columns::Column;
use super::decode::Cell;
use super::output::{Measured, Sealed};
use crate::domain::text::is_formula_like;

/// Writes one row per line, under a line of headings.
pub(super) struct CsvWriter(csv::Writer<Measured>);

impl CsvWriter {
    pub(super) fn new(columns: &[Column], target: Measured) -> io::Result<Self> {
        let mut writer = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .buffer_capacity(256 * 1024)
            .from_writer(target);
        writer.write_record(columns.iter().map(|column| column.name)).map_err(into_io)?;
        Ok(Self(writer))
    }
}

impl RowWriter for CsvWriter {
    fn write_row(&mut self, row: &[Cell<'_>]) -> io::Result<()> {
        for cell in row {
            match cell {
                Cell::Blank => self.0.write_field(b""),
                Cell::Text(text) if is_formula_like(text) => self.0.write_field(format!("'{text}")),
                Cell::Text(text) | Cell::Number(text) => self.0.write_field(text.as_bytes()),
                Cell::Boolean(true) => self.0.write_field(b"true"),
                Cell::Boolean(false) => self.0.write_field(b"false"),
            }
            .map_err(into_io)?;
        }
        self.0.write_record(None::<&[u8]>).map_err(into_io)
    }

    fn finish(self: Box<Self>) -> io::Result<Sealed> {
        self.0.into_inner().map_err(csv::IntoInnerError::into_error)?.seal()
    }
}

fn into_io(failure: csv::Error) -> io::Error {
    match failure.into_kind() {
        csv::ErrorKind::Io(cause) => cause,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;
    use crate::export::testing::{columns, written};

    fn text(text: &str) -> Cell<'_> {
        Cell::Text(Cow::Borrowed(text))
    }

    fn csv_of(names: &[&str], rows: &[Vec<Cell<'_>>]) -> String {
        let columns = columns(names);
        String::from_utf8(written(rows, |target| Box::new(CsvWriter::new(&columns, target).unwrap())))
            .unwrap()
    }

    #[test]
    fn a_file_is_as_rfc_4180_has_it() {
        let rows = [
            vec![text("A,B"), Cell::Number("10.50".into()), Cell::Boolean(true)],
            vec![text("say \"hi\"\r\n"), Cell::Blank, Cell::Boolean(false)],
        ];
        assert_eq!(
            csv_of(&["displayName", "creditLimit", "taxLiable"], &rows),
            "displayName,creditLimit,taxLiable\r\n\"A,B\",10.50,true\r\n\"say \"\"hi\"\"\r\n\",,false\r\n"
        );
    }

    #[test]
    fn a_row_of_one_blank_cell_is_still_a_row() {
        assert_eq!(csv_of(&["city"], &[vec![Cell::Blank]]), "city\r\n\"\"\r\n");
    }

    #[test]
    fn formulas_are_defused_and_numbers_are_not() {
        let rows =
            ["=1+1", "+1-404-555-0100", "-SUM(A1)", "@x", "-12.50", "plain"].map(|value| vec![text(value)]);
        let csv = csv_of(&["city"], &rows);
        assert_eq!(csv, "city\r\n'=1+1\r\n+1-404-555-0100\r\n'-SUM(A1)\r\n'@x\r\n-12.50\r\nplain\r\n");
        assert_eq!(csv_of(&["amount"], &[vec![Cell::Number("-12.50".into())]]), "amount\r\n-12.50\r\n");
    }

    proptest! {
        /// Whatever the cells hold, reading the file back gives the same cells, bar the apostrophe that defuses.
        #[test]
        fn a_table_survives_being_written(table in proptest::collection::vec(proptest::collection::vec(any::<String>(), 3), 0..20)) {
            let rows: Vec<Vec<_>> = table.iter().map(|row| row.iter().map(|cell| text(cell)).collect()).collect();
            let csv = csv_of(&["number", "displayName", "city"], &rows);
            let read: Vec<Vec<String>> = csv::Reader::from_reader(csv.as_bytes())
                .records()
                .map(|record| record.unwrap().iter().map(str::to_owned).collect())
                .collect();
            let expected: Vec<Vec<String>> = table
                .into_iter()
                .map(|row| row.into_iter().map(|cell| if is_formula_like(&cell) { format!("'{cell}") } else { cell }).collect())
                .collect();
            prop_assert_eq!(read, expected);
        }
    }
}
