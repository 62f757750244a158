//! Rows as JSON, one object per line, numbers with the digits they came with.

use std::io::{self, BufWriter, Write};

use super::RowWriter;
use super::columns::Column;
use super::decode::Cell;
use super::output::{Measured, Sealed};

/// Writes one object per line, its properties in the order of the columns; a blank cell is null.
pub(super) struct JsonlWriter {
    target: BufWriter<Measured>,
    /// What stands before each value: a brace or comma, the name, a colon.
    leads: Vec<String>,
}

impl JsonlWriter {
    pub(super) fn new(columns: &[Column], target: Measured) -> Self {
        let lead = |(index, column): (usize, &Column)| {
            format!("{}\"{}\":", if index == 0 { '{' } else { ',' }, column.name)
        };
        Self {
            target: BufWriter::with_capacity(256 * 1024, target),
            leads: columns.iter().enumerate().map(lead).collect(),
        }
    }
}

impl RowWriter for JsonlWriter {
    fn write_row(&mut self, row: &[Cell<'_>]) -> io::Result<()> {
        for (lead, cell) in self.leads.iter().zip(row) {
            self.target.write_all(lead.as_bytes())?;
            match cell {
                Cell::Blank => self.target.write_all(b"null"),
                Cell::Text(text) => serde_json::to_writer(&mut self.target, text).map_err(io::Error::from),
                Cell::Number(digits) => self.target.write_all(digits.as_bytes()),
                Cell::Boolean(value) => self.target.write_all(if *value { b"true" } else { b"false" }),
            }?;
        }
        self.target.write_all(b"}\n")
    }

    fn finish(self: Box<Self>) -> io::Result<Sealed> {
        self.target.into_inner().map_err(io::IntoInnerError::into_error)?.seal()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::testing::{columns, written};

    #[test]
    fn each_line_is_an_object_with_exact_numbers() {
        let columns = columns(&["number", "creditLimit", "taxLiable", "city"]);
        let row = vec![
            Cell::Text("0\"1".into()),
            Cell::Number("1234567890123456.7800".into()),
            Cell::Boolean(false),
            Cell::Blank,
        ];
        let bytes = written(&[row.clone(), row], |target| Box::new(JsonlWriter::new(&columns, target)));
        let line = r#"{"number":"0\"1","creditLimit":1234567890123456.7800,"taxLiable":false,"city":null}"#;
        assert_eq!(String::from_utf8(bytes).unwrap(), format!("{line}\n{line}\n"));
    }
}
