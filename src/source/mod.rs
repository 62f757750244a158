//! Files to rows: opens a text file or a workbook by its content and hands out its rows in chunks.
//!
//! In: a path. Out: the headers, then [`Chunk`]s of whole rows in file order; a chunk is cut by one reading
//! thread and split into rows by whoever works on it.
//!
//! Promises: a row is never split between chunks; no cell is copied but those whose quotes had to be resolved;
//! a file that cannot be read as a table stops with its name, line and byte; memory does not grow with the
//! file (the shared strings of a workbook apart).

mod chunk;
mod csv;
mod cut;
mod error;
mod split;
mod workbook;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use sha2::{Digest, Sha256};

pub use chunk::{Chunk, Rows};
pub use error::SourceError;
pub use workbook::WorkbookError;

use crate::domain::SourceName;

/// How to read a file when its content should not decide.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceOptions {
    /// The byte between cells of a text file; `None` looks at the text.
    pub delimiter: Option<u8>,
    /// The sheet of a workbook; `None` takes the first one that holds anything.
    pub sheet: Option<SheetChoice>,
}

/// Which sheet of a workbook to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SheetChoice {
    /// The sheet with this name.
    Name(String),
    /// The sheet at this 1-based place.
    Number(usize),
}

/// An opened file: its name and headers are known, its rows are yet to be read.
#[derive(Debug)]
pub struct Source {
    name: SourceName,
    headers: Vec<String>,
    rows_start_line: u64,
    other_sheets: Vec<String>,
    text_bytes: Option<u64>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Text(csv::TextFile),
    Workbook(Box<workbook::Sheet>),
}

impl Source {
    /// Opens a file and reads its headers.
    ///
    /// # Errors
    /// When the file cannot be read, holds no header, is not UTF-8, is a workbook that is broken or lacks the
    /// wanted sheet, or has an unterminated quote before its first row.
    pub fn open(path: &Path, options: &SourceOptions) -> Result<Self, SourceError> {
        let display = path.display().to_string();
        let mut file = File::open(path).map_err(|source| SourceError::cannot_read(&display, source))?;
        let mut magic = Vec::with_capacity(8);
        file.by_ref()
            .take(8)
            .read_to_end(&mut magic)
            .and_then(|_| file.rewind())
            .map_err(|source| SourceError::cannot_read(&display, source))?;
        if magic.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
            return Err(SourceError::OldWorkbook { file: display });
        }
        if magic.starts_with(b"PK\x03\x04") {
            let opened = workbook::open(file, &display, options.sheet.as_ref())?;
            return Ok(Self {
                name: SourceName { file: display, sheet: Some(opened.sheet.name().to_owned()) },
                headers: opened.headers,
                rows_start_line: opened.rows_start_line,
                other_sheets: opened.others,
                text_bytes: None,
                kind: Kind::Workbook(Box::new(opened.sheet)),
            });
        }
        let text_bytes = file.metadata().ok().map(|metadata| metadata.len());
        let opened = csv::open(file, &display, options.delimiter)?;
        Ok(Self {
            name: SourceName { file: display, sheet: None },
            headers: opened.headers,
            rows_start_line: opened.rows_start_line,
            other_sheets: Vec::new(),
            text_bytes,
            kind: Kind::Text(opened.text),
        })
    }

    /// The file, and for a workbook the sheet, that is read.
    #[must_use]
    pub fn name(&self) -> &SourceName {
        &self.name
    }

    /// Sheets of the workbook that hold something and are not read because nobody chose among them.
    #[must_use]
    pub fn other_sheets(&self) -> &[String] {
        &self.other_sheets
    }

    /// The cells of the header row, as they stand in the file.
    #[must_use]
    pub fn headers(&self) -> &[String] {
        &self.headers
    }

    /// The byte between cells, for a text file.
    #[must_use]
    pub fn delimiter(&self) -> Option<u8> {
        match &self.kind {
            Kind::Text(text) => Some(text.delimiter()),
            Kind::Workbook(_) => None,
        }
    }

    /// The 1-based line, or sheet row, after the header: what the lines of the first chunk count from.
    #[must_use]
    pub fn rows_start_line(&self) -> u64 {
        self.rows_start_line
    }

    /// How long a text file is, if it is one and the system knows.
    #[must_use]
    pub fn text_bytes(&self) -> Option<u64> {
        self.text_bytes
    }

    /// Reads the file to its end: takes an empty or used chunk from `next`, fills it and hands it to `ready`.
    /// Stops early, without an error, when `next` has no chunk left to give.
    ///
    /// # Errors
    /// When the file cannot be read on. Lines in the error count from the last chunk handed out.
    pub fn read(
        self,
        next: impl FnMut() -> Option<Chunk>,
        ready: impl FnMut(Chunk),
    ) -> Result<(), SourceError> {
        match self.kind {
            Kind::Text(text) => text.read(next, ready),
            Kind::Workbook(sheet) => sheet.read(next, ready),
        }
    }
}

/// The SHA-256 of a file's bytes, in lower-case hexadecimal digits.
///
/// # Errors
/// When the file cannot be read.
pub fn hash(path: &Path) -> Result<String, SourceError> {
    let fail = |source| SourceError::cannot_read(&path.display().to_string(), source);
    let mut file = File::open(path).map_err(fail)?;
    let mut hasher = Sha256::new();
    let mut block = vec![0; 256 * 1024];
    loop {
        match file.read(&mut block).map_err(fail)? {
            0 => break,
            length => hasher.update(&block[..length]),
        }
    }
    let mut digits = String::with_capacity(64);
    for byte in hasher.finalize() {
        write!(digits, "{byte:02x}").expect("a string takes every text");
    }
    Ok(digits)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn the_hash_is_the_one_everybody_computes() {
        let file = file(b"abc");
        assert_eq!(
            hash(file.path()).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn an_old_workbook_is_named_as_such() {
        let file = file(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest");
        let error = Source::open(file.path(), &SourceOptions::default()).unwrap_err();
        assert!(matches!(error, SourceError::OldWorkbook { .. }));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Source::open(Path::new("no-such.csv"), &SourceOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), "cannot read `no-such.csv`");
    }
}
