//! Rows as read: cells of text, and where they stood.

use std::fmt;

/// The file, and for a workbook the sheet, that rows were read from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct SourceName {
    /// The path as the user gave it.
    pub file: String,
    /// The sheet of a workbook; `None` for a text file.
    pub sheet: Option<String>,
}

impl fmt::Display for SourceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sheet {
            Some(sheet) => write!(formatter, "{} [{sheet}]", self.file),
            None => formatter.write_str(&self.file),
        }
    }
}

/// Where one row stands in its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// 1-based data row: the header and blank lines are not counted.
    pub row: u64,
    /// 1-based line of the text file, or row of the sheet, on which the row starts.
    pub line: u64,
}

/// One cell's place in the text of its chunk.
///
/// The top bit of `start` tells which text: clear for the chunk itself, set for the text that had to be
/// unescaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

const UNESCAPED: u32 = 1 << 31;

impl Span {
    /// The bytes `start..end` of the chunk; chunks are far smaller than 2 GiB.
    #[must_use]
    pub fn raw(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// The bytes `start..end` of the unescaped text.
    #[must_use]
    pub fn unescaped(start: u32, end: u32) -> Self {
        Self { start: start | UNESCAPED, end }
    }

    /// The text of the cell, given both texts of its chunk.
    #[must_use]
    #[inline]
    pub fn of<'a>(self, raw: &'a str, unescaped: &'a str) -> &'a str {
        if self.start & UNESCAPED == 0 {
            &raw[self.start as usize..self.end as usize]
        } else {
            &unescaped[(self.start & !UNESCAPED) as usize..self.end as usize]
        }
    }
}

/// One row of cells, borrowed from the chunk it was read in, so that no cell is copied to be checked.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Where the row stands.
    pub origin: Origin,
    raw: &'a str,
    unescaped: &'a str,
    spans: &'a [Span],
    is_plain: bool,
}

impl<'a> Row<'a> {
    /// A row whose cells are `spans` of `raw`, or of `unescaped` where quotes had to be resolved.
    #[must_use]
    pub fn new(origin: Origin, raw: &'a str, unescaped: &'a str, spans: &'a [Span]) -> Self {
        Self { origin, raw, unescaped, spans, is_plain: false }
    }

    /// The same row, of which it is known whether all its text is plain, see [`is_plain`](super::text::is_plain).
    #[must_use]
    pub fn known_plain(self, is_plain: bool) -> Self {
        Self { is_plain, ..self }
    }

    /// Whether no cell can hold a control character, a quote or a backslash; `false` when that is not known.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// The text of the 0-based `column`, as it stands in the file; empty past the end of the row.
    #[must_use]
    #[inline]
    pub fn cell(&self, column: usize) -> &'a str {
        match self.spans.get(column) {
            Some(span) => span.of(self.raw, self.unescaped),
            None => "",
        }
    }

    /// How many cells the row has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether the row has no cell at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The cells, left to right.
    pub fn cells(&self) -> impl Iterator<Item = &'a str> {
        let row = *self;
        (0..row.len()).map(move |column| row.cell(column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_from_the_chunk_or_from_the_unescaped_text() {
        let spans = [Span::raw(0, 2), Span::unescaped(0, 3), Span::raw(2, 2)];
        let row = Row::new(Origin { row: 1, line: 2 }, "ab", "x\"y", &spans);
        assert_eq!(row.cells().collect::<Vec<_>>(), ["ab", "x\"y", ""]);
        assert_eq!(row.cell(7), "");
    }
}
