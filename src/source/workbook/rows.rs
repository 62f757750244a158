//! The rows of a piece of a sheet, from its cells.

use super::cells::Cells;
use super::error::WorkbookError;
use super::package::Shared;
use crate::domain::Span;
use crate::domain::text::is_plain;
use crate::source::chunk::{Chunk, RowEnd};
use crate::source::error::SourceError;

/// A chunk's text, with that of a text shared by many cells repeated, is far smaller than what spans can tell.
const MAX_TEXT_BYTES: usize = 1 << 30;

/// How the pieces of a sheet are to be split.
#[derive(Debug)]
pub(in crate::source) struct SheetLayout {
    pub(super) file: String,
    pub(super) sheet: String,
    pub(super) headers: usize,
    /// 0-based row of the sheet.
    pub(super) header_row: u32,
    pub(super) shared: Shared,
}

impl SheetLayout {
    pub(super) fn broken(&self, error: WorkbookError) -> SourceError {
        SourceError::BrokenWorkbook { file: self.file.clone(), source: Box::new(error) }
    }

    /// The 0-based row that the lines of a chunk count from, when its first row is `first`.
    pub(super) fn base(&self, first: u32) -> u32 {
        first.max(self.header_row + 1)
    }
}

/// Splits the markup of a chunk into its rows and cells.
pub(in crate::source) fn split(chunk: &mut Chunk, layout: &SheetLayout) -> Result<(), SourceError> {
    let (markup, lines) = (std::mem::take(&mut chunk.markup), chunk.lines);
    chunk.clear();
    let mut rows = Rows::new(chunk, layout);
    let read = rows.read(&markup);
    chunk.text = rows.text.into_bytes();
    (chunk.markup, chunk.lines) = (markup, lines);
    read
}

/// The rows of a chunk, while they are read.
struct Rows<'c> {
    text: String,
    spans: &'c mut Vec<Span>,
    ends: &'c mut Vec<RowEnd>,
    layout: &'c SheetLayout,
    first_row: u32,
    /// 0-based row of the sheet that is being read, and where its text and its spans start.
    row: u32,
    row_text: usize,
    row_spans: usize,
}

impl<'c> Rows<'c> {
    fn new(chunk: &'c mut Chunk, layout: &'c SheetLayout) -> Self {
        let text = String::from_utf8(std::mem::take(&mut chunk.text)).unwrap_or_default();
        let (first_row, spans, ends) = (chunk.first_row, &mut chunk.spans, &mut chunk.ends);
        let row = layout.base(first_row);
        Self { text, spans, ends, layout, first_row, row, row_text: 0, row_spans: 0 }
    }

    fn read(&mut self, markup: &[u8]) -> Result<(), SourceError> {
        let layout = self.layout;
        let fail = |row, column, what| layout.broken(WorkbookError::Cell { row, column, what });
        let first = u64::from(self.first_row) + 1;
        let markup = simdutf8::basic::from_utf8(markup).map_err(|_| fail(first, 1, "is not in UTF-8"))?;
        let mut cells = Cells::new(markup, &layout.shared, self.first_row);
        loop {
            let start = self.text.len();
            let Some((row, column)) = cells.next(&mut self.text).map_err(|error| layout.broken(error))?
            else {
                break;
            };
            if row <= layout.header_row {
                self.text.truncate(start);
                continue;
            }
            if row != self.row {
                if row < self.row {
                    return Err(fail(u64::from(row) + 1, column + 1, "has rows out of order"));
                }
                self.end_row(start);
                self.row = row;
            }
            self.add(start, column)?;
            if self.text.len() > MAX_TEXT_BYTES {
                return Err(fail(u64::from(row) + 1, column + 1, "holds too much text"));
            }
        }
        self.end_row(self.text.len());
        Ok(())
    }

    /// Keeps the cell whose text starts at `start`.
    fn add(&mut self, start: usize, column: u32) -> Result<(), SourceError> {
        if column as usize >= self.layout.headers {
            let is_blank = self.text[start..].trim().is_empty();
            self.text.truncate(start);
            return if is_blank { Ok(()) } else { Err(self.beside(column)) };
        }
        let place = self.row_spans + column as usize;
        if place >= self.spans.len() {
            self.spans.resize(place + 1, Span::default());
        }
        self.spans[place] = Span::raw(index(start), index(self.text.len()));
        Ok(())
    }

    /// The error's row counts from the start of the chunk, as the lines of text files do.
    fn beside(&self, column: u32) -> SourceError {
        SourceError::BesideTable {
            file: self.layout.file.clone(),
            sheet: self.layout.sheet.clone(),
            line: u64::from(self.line()) + 1,
            column: column + 1,
            headers: self.layout.headers,
        }
    }

    fn line(&self) -> u32 {
        self.row - self.layout.base(self.first_row)
    }

    /// Keeps the row that was being read and whose text ends at `end`, unless it is blank: then its text is left,
    /// and nothing refers to it.
    fn end_row(&mut self, end: usize) {
        let text = &self.text[self.row_text..end];
        if text.trim().is_empty() {
            self.spans.truncate(self.row_spans);
        } else {
            let (spans, line) = (index(self.spans.len()), self.line());
            self.ends.push(RowEnd { spans, line, is_plain: is_plain(text.as_bytes()) });
            self.row_spans = self.spans.len();
        }
        self.row_text = end;
    }
}

/// Texts are refused long before they reach 2 GiB.
fn index(at: usize) -> u32 {
    u32::try_from(at).expect("a chunk's text is at most `MAX_TEXT_BYTES` and one cell")
}
