//! A stretch of whole rows, and the rows in it.

use std::sync::Arc;

use super::error::SourceError;
use super::split;
use super::workbook::{self, SheetLayout};
use crate::domain::{Origin, Row, Span};

/// A stretch of a source: whole rows, not yet split into cells.
///
/// Meant to be filled again and again, so that its memory is allocated once.
#[derive(Debug, Default)]
pub struct Chunk {
    pub(super) text: Vec<u8>,
    /// What the text is to be made from, when it comes from a sheet.
    pub(super) markup: Vec<u8>,
    /// Where the cells of the text end, see `split`.
    pub(super) marks: Vec<u8>,
    pub(super) unescaped: String,
    pub(super) spans: Vec<Span>,
    pub(super) ends: Vec<RowEnd>,
    /// Lines, or sheet rows, that the chunk takes; known once it is split.
    pub(super) lines: u64,
    /// What is needed to split the chunk; `None` until it is filled.
    pub(super) layout: Option<Layout>,
    /// 0-based byte of the text file at which the text starts.
    pub(super) byte: u64,
    /// 0-based row of the sheet at which the markup starts, if the row does not say its own.
    pub(super) first_row: u32,
}

/// How the rows of a source are to be split.
#[derive(Clone, Debug)]
pub(super) enum Layout {
    Text(Arc<TextLayout>),
    Sheet(Arc<SheetLayout>),
}

/// How the rows of a text file are to be split.
#[derive(Debug)]
pub(super) struct TextLayout {
    pub(super) file: String,
    pub(super) delimiter: u8,
    pub(super) headers: usize,
}

/// Where a row's cells end among the spans, and on which line of the chunk it starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowEnd {
    pub(super) spans: u32,
    pub(super) line: u32,
    pub(super) is_plain: bool,
}

impl Chunk {
    /// Splits the text into rows and cells. Blank lines are left out.
    ///
    /// # Errors
    /// When the text is not UTF-8, a row has not as many cells as the header, or a cell of a sheet cannot be
    /// understood. The line counts from the start of the chunk: add [`SourceError::below`].
    pub fn split(&mut self) -> Result<(), SourceError> {
        let Some(layout) = self.layout.clone() else { return Ok(()) };
        match layout {
            Layout::Text(layout) => split::split(self, &layout),
            Layout::Sheet(layout) => workbook::split(self, &layout),
        }
    }

    /// The rows, once [`Chunk::split`] has succeeded.
    ///
    /// # Panics
    /// When the chunk was not split and is not UTF-8.
    #[must_use]
    pub fn rows(&self) -> Rows<'_> {
        let text = simdutf8::basic::from_utf8(&self.text).expect("`split` has found the text to be UTF-8");
        Rows { text, unescaped: &self.unescaped, spans: &self.spans, ends: &self.ends }
    }

    /// How many rows the chunk holds, once it is split.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether the chunk holds no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many lines, or sheet rows, the chunk takes, once it is split.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The line of a row, counted from the start of the chunk: 0 is the chunk's first line.
    #[must_use]
    pub fn line_of(&self, index: usize) -> u64 {
        u64::from(self.ends[index].line)
    }

    /// How many bytes of text the chunk holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.clear_rows();
    }

    pub(super) fn clear_rows(&mut self) {
        self.unescaped.clear();
        self.spans.clear();
        self.ends.clear();
        self.lines = 0;
    }
}

/// The rows of a chunk. Their origins count from the start of the chunk: row 1 and line 1 are its first.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    text: &'a str,
    unescaped: &'a str,
    spans: &'a [Span],
    ends: &'a [RowEnd],
}

impl<'a> Rows<'a> {
    /// The row with this 0-based index.
    #[must_use]
    #[inline]
    pub fn row(&self, index: usize) -> Row<'a> {
        let end = self.ends[index];
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before].spans);
        let origin = Origin { row: index as u64 + 1, line: u64::from(end.line) + 1 };
        let spans = &self.spans[start as usize..end.spans as usize];
        Row::new(origin, self.text, self.unescaped, spans).known_plain(end.is_plain)
    }

    /// All rows, in file order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let rows = *self;
        (0..rows.ends.len()).map(move |index| rows.row(index))
    }
}
