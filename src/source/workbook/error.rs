//! Why a workbook cannot be read.

use std::io;

/// What is wrong with a workbook. Messages end a sentence that names the file.
#[derive(Debug, thiserror::Error)]
pub enum WorkbookError {
    /// The container is damaged, or is none.
    #[error("its container is damaged")]
    Container(#[source] zip::result::ZipError),
    /// A part cannot be unpacked to its end.
    #[error("its part `{part}` cannot be unpacked")]
    Part {
        /// The part's place in the container.
        part: String,
        /// What the system or the unpacking said.
        source: io::Error,
    },
    /// A part is not there that others refer to.
    #[error("it has no part `{0}`")]
    PartMissing(String),
    /// A part is not written as it has to be.
    #[error("its part `{part}` {what}")]
    Malformed {
        /// The part's place in the container.
        part: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The sheet is a chart, a dialogue or macros.
    #[error("`{0}` is not a sheet of cells")]
    NotASheet(String),
    /// A cell, or the markup after it, cannot be understood.
    #[error("its sheet {what} at column {column} of row {row}")]
    Cell {
        /// 1-based row of the sheet.
        row: u64,
        /// 1-based column.
        column: u32,
        /// What is wrong with it.
        what: &'static str,
    },
}
