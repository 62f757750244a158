//! Where a cell stands, in the words a person looks it up by.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::facts::SourceFacts;
use super::text::column_letters;
use crate::domain::Origin;

/// A row, or one cell of it.
///
/// Shown as `Kunden!C1881` for a workbook and `customers.csv:12 Email` for a text file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The path of the file as the user gave it.
    pub file: String,
    /// The sheet of a workbook.
    pub sheet: Option<String>,
    /// 1-based line of the text file, or row of the sheet.
    pub line: u64,
    /// The column's heading, when a column is meant.
    pub column: Option<String>,
    /// The cell as a spreadsheet names it, for a workbook when a column is meant: `C1881`.
    pub cell: Option<String>,
}

impl Place {
    /// The row at `origin`, and in it the 0-based `column`.
    #[must_use]
    pub fn new(source: &SourceFacts, origin: Origin, column: Option<u32>) -> Self {
        let heading = column.and_then(|column| source.headers.get(column as usize)).cloned();
        let cell = column
            .filter(|_| source.name.sheet.is_some())
            .map(|column| format!("{}{}", column_letters(column), origin.line));
        Self {
            file: source.name.file.clone(),
            sheet: source.name.sheet.clone(),
            line: origin.line,
            column: heading,
            cell,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.sheet, &self.cell) {
            (Some(sheet), Some(cell)) => return write!(formatter, "{sheet}!{cell}"),
            (Some(sheet), None) => return write!(formatter, "{sheet} row {}", self.line),
            (None, _) => write!(formatter, "{}:{}", file_name(&self.file), self.line)?,
        }
        match &self.column {
            Some(column) => write!(formatter, " {column}"),
            None => Ok(()),
        }
    }
}

/// The path's last part.
#[must_use]
pub(super) fn file_name(path: &str) -> String {
    Path::new(path).file_name().map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned())
}
