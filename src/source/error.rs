//! Why a file cannot be read as a table.

use std::io;

/// Why a file could not be opened or read to its end. Lines and bytes count from 1 and 0.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The system refused to open or read the file.
    #[error("cannot read `{file}`")]
    CannotRead {
        /// The path as the user gave it.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds no header row.
    #[error("`{file}` has no header row")]
    Empty {
        /// The path as the user gave it.
        file: String,
    },
    /// The file is a workbook of the format before 2007.
    #[error("`{file}` is a workbook of the old `.xls` format; save it as `.xlsx`")]
    OldWorkbook {
        /// The path as the user gave it.
        file: String,
    },
    /// The text is not UTF-8.
    #[error("`{file}` is not UTF-8 at line {line}, byte {byte}; save it as `CSV UTF-8`")]
    NotUtf8 {
        /// The path as the user gave it.
        file: String,
        /// 1-based line.
        line: u64,
        /// 0-based byte of the file.
        byte: u64,
    },
    /// A quoted cell that never ends.
    #[error("`{file}` has a quote at line {line}, byte {byte} that is never closed")]
    UnterminatedQuote {
        /// The path as the user gave it.
        file: String,
        /// 1-based line on which the quote opens.
        line: u64,
        /// 0-based byte of the file at which the quote opens.
        byte: u64,
    },
    /// A row so long that it cannot be one.
    #[error("`{file}` has a row of more than {limit} bytes at line {line}, byte {byte}")]
    RowTooLong {
        /// The path as the user gave it.
        file: String,
        /// 1-based line on which the row starts.
        line: u64,
        /// 0-based byte of the file at which the row starts.
        byte: u64,
        /// The longest row, in bytes.
        limit: usize,
    },
    /// A row with more or fewer cells than the header.
    #[error("`{file}` has {cells} cells at line {line}, byte {byte}, but {headers} headers")]
    Ragged {
        /// The path as the user gave it.
        file: String,
        /// 1-based line on which the row starts.
        line: u64,
        /// 0-based byte of the file at which the row starts.
        byte: u64,
        /// How many cells the row has.
        cells: usize,
        /// How many cells the header has.
        headers: usize,
    },
    /// A row of a sheet with something right of the last header.
    #[error("`{file}` [{sheet}] has a cell in column {column} of row {line}, right of its {headers} headers")]
    BesideTable {
        /// The path as the user gave it.
        file: String,
        /// The sheet.
        sheet: String,
        /// 1-based row of the sheet.
        line: u64,
        /// 1-based column of the cell.
        column: u32,
        /// How many cells the header has.
        headers: usize,
    },
    /// The workbook's container or one of its parts is damaged.
    #[error("`{file}` is not a readable workbook")]
    BrokenWorkbook {
        /// The path as the user gave it.
        file: String,
        /// What the reader said.
        source: Box<super::workbook::WorkbookError>,
    },
    /// The workbook has no such sheet.
    #[error("`{file}` has no sheet `{wanted}`; it has {sheets}")]
    NoSuchSheet {
        /// The path as the user gave it.
        file: String,
        /// The sheet that was asked for.
        wanted: String,
        /// The sheets there are, in backticks and parted by commas.
        sheets: String,
    },
}

impl SourceError {
    pub(crate) fn cannot_read(file: &str, source: io::Error) -> Self {
        Self::CannotRead { file: file.to_owned(), source }
    }

    /// The same error with its line moved down, for an error whose line counts from the start of a chunk.
    #[must_use]
    pub fn below(mut self, lines: u64) -> Self {
        match &mut self {
            Self::NotUtf8 { line, .. }
            | Self::UnterminatedQuote { line, .. }
            | Self::RowTooLong { line, .. }
            | Self::Ragged { line, .. }
            | Self::BesideTable { line, .. } => *line += lines,
            Self::CannotRead { .. }
            | Self::Empty { .. }
            | Self::OldWorkbook { .. }
            | Self::BrokenWorkbook { .. }
            | Self::NoSuchSheet { .. } => {}
        }
        self
    }
}
