//! Splits a stretch of delimited text into rows and cells, as RFC 4180 has it, without copying cells.
//!
//! A line feed, a carriage return, or both end a row. A cell is quoted when a quote is its first byte; what
//! follows its closing quote belongs to it as it stands.

use memchr::{memchr, memchr_iter};

use super::chunk::{Chunk, RowEnd, TextLayout};
use super::error::SourceError;
use crate::domain::Span;
use crate::domain::text::is_plain;

/// Splits the text of a chunk into its rows and cells.
pub(super) fn split(chunk: &mut Chunk, layout: &TextLayout) -> Result<(), SourceError> {
    chunk.clear_rows();
    let Chunk { text, marks, unescaped, spans, ends, lines, byte, .. } = chunk;
    let Ok(text) = simdutf8::basic::from_utf8(text) else { return Err(not_utf8(text, layout, *byte)) };
    let mut splitter = Splitter::new(text, layout.delimiter, marks, (unescaped, spans));
    loop {
        let (start, first_span, line) = (splitter.at, splitter.spans.len(), splitter.line);
        if !splitter.split_row() {
            *lines = u64::from(splitter.line);
            return Ok(());
        }
        if splitter.is_blank(first_span) {
            splitter.spans.truncate(first_span);
            continue;
        }
        let cells = splitter.spans.len() - first_span;
        if cells != layout.headers
            && (cells < layout.headers || !splitter.is_blank(first_span + layout.headers))
        {
            return Err(SourceError::Ragged {
                file: layout.file.clone(),
                line: u64::from(line) + 1,
                byte: *byte + start as u64,
                cells,
                headers: layout.headers,
            });
        }
        let is_plain =
            is_plain(&text.as_bytes()[start..splitter.row_end]) || splitter.holds_plain(first_span);
        ends.push(RowEnd { spans: index(splitter.spans.len()), line, is_plain });
    }
}

/// The cells of the first row that is not blank, and how many bytes and lines end with it.
pub(super) fn first_row(text: &str, delimiter: u8) -> Option<(Vec<String>, usize, u64)> {
    let (mut marks, mut unescaped, mut spans) = (Vec::new(), String::new(), Vec::new());
    let mut splitter = Splitter::new(text, delimiter, &mut marks, (&mut unescaped, &mut spans));
    while splitter.split_row() {
        if !splitter.is_blank(0) {
            let cells = splitter.spans.iter().map(|span| splitter.cell(*span).to_owned()).collect();
            return Some((cells, splitter.at, u64::from(splitter.line)));
        }
        splitter.spans.clear();
    }
    None
}

/// How many cells each of the first `rows` rows has; the last row may be cut off and is then not counted.
pub(super) fn widths(text: &str, delimiter: u8, rows: usize, is_whole: bool) -> Vec<usize> {
    let (mut marks, mut unescaped, mut spans, mut widths) =
        (Vec::new(), String::new(), Vec::new(), Vec::new());
    let mut splitter = Splitter::new(text, delimiter, &mut marks, (&mut unescaped, &mut spans));
    while widths.len() < rows && splitter.split_row() {
        if splitter.at == text.len() && !is_whole {
            break;
        }
        if !splitter.is_blank(0) {
            widths.push(splitter.spans.len());
        }
        splitter.spans.clear();
    }
    widths
}

/// How many lines end in the text: a line feed, a carriage return, or both end one.
pub(super) fn count_lines(text: &[u8]) -> u64 {
    let feeds = memchr_iter(b'\n', text).count();
    let returns = memchr_iter(b'\r', text).filter(|at| text.get(at + 1) != Some(&b'\n')).count();
    (feeds + returns) as u64
}

fn not_utf8(text: &[u8], layout: &TextLayout, byte: u64) -> SourceError {
    let valid = std::str::from_utf8(text).map_or_else(|error| error.valid_up_to(), str::len);
    SourceError::NotUtf8 {
        file: layout.file.clone(),
        line: count_lines(&text[..valid]) + 1,
        byte: byte + valid as u64,
    }
}

/// A place in a chunk's text.
#[expect(clippy::cast_possible_truncation, reason = "`Splitter::new` has looked at the length of the text")]
#[inline]
fn index(at: usize) -> u32 {
    at as u32
}

/// Marks every byte that ends a cell with its highest bit, and the end of the text too; eight more bytes follow,
/// so that words can be read anywhere.
///
/// One pass over a whole chunk compares many bytes at a time: cells are short, and calling a search for each of
/// them costs more than the search.
fn mark_ends(text: &[u8], delimiter: u8, marks: &mut Vec<u8>) {
    marks.resize(text.len() + 9, 0);
    for (mark, byte) in marks.iter_mut().zip(text) {
        let ends = u8::from(*byte == delimiter) | u8::from(*byte == b'\n') | u8::from(*byte == b'\r');
        *mark = ends << 7;
    }
    marks[text.len()..].fill(0);
    marks[text.len()] = 0x80;
}

/// The marks of the eight bytes from `at` on, the first byte lowest.
#[inline]
fn marks_at(marks: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(marks[at..at + 8].try_into().expect("eight bytes"))
}

struct Splitter<'a> {
    text: &'a str,
    delimiter: u8,
    marks: &'a [u8],
    at: usize,
    /// Where the last row ended, without its line end.
    row_end: usize,
    line: u32,
    unescaped: &'a mut String,
    spans: &'a mut Vec<Span>,
}

impl<'a> Splitter<'a> {
    fn new(
        text: &'a str,
        delimiter: u8,
        marks: &'a mut Vec<u8>,
        (unescaped, spans): (&'a mut String, &'a mut Vec<Span>),
    ) -> Self {
        assert!(text.len() < 1 << 31, "a chunk is smaller than 2 GiB: rows have at most 16 MiB");
        mark_ends(text.as_bytes(), delimiter, marks);
        Self { text, delimiter, marks, at: 0, row_end: 0, line: 0, unescaped, spans }
    }

    /// Adds the spans of the next row; `false` at the end of the text.
    fn split_row(&mut self) -> bool {
        let text = self.text.as_bytes();
        let mut start = self.at;
        if start == text.len() {
            return false;
        }
        'cell: loop {
            if text.get(start) == Some(&b'"') {
                let end = self.split_quoted(start);
                if self.ends_row(end) {
                    return true;
                }
                start = end + 1;
                continue;
            }
            let mut at = start;
            loop {
                let mut found = marks_at(self.marks, at);
                while found != 0 {
                    let end = at + found.trailing_zeros() as usize / 8;
                    self.spans.push(Span::raw(index(start), index(end)));
                    if self.ends_row(end) {
                        return true;
                    }
                    start = end + 1;
                    if text.get(start) == Some(&b'"') {
                        continue 'cell;
                    }
                    found &= found - 1;
                }
                at += 8;
            }
        }
    }

    /// Whether a cell's end is the row's end too; then the next row starts after it.
    #[inline]
    fn ends_row(&mut self, end: usize) -> bool {
        let text = self.text.as_bytes();
        let next = match text.get(end) {
            Some(byte) if *byte == self.delimiter => return false,
            Some(b'\r') if text.get(end + 1) == Some(&b'\n') => end + 2,
            Some(_) => end + 1,
            None => end,
        };
        self.line += u32::from(next > end);
        self.row_end = end;
        self.at = next;
        true
    }

    /// Adds the span of the cell whose quote stands at `quote`, and finds where the cell ends.
    fn split_quoted(&mut self, quote: usize) -> usize {
        let text = self.text.as_bytes();
        let start = quote + 1;
        let unescaped_start = self.unescaped.len();
        let mut copied = start;
        let mut from = start;
        let close = loop {
            let Some(quote) = memchr(b'"', &text[from..]).map(|quote| from + quote) else { break text.len() };
            if text.get(quote + 1) != Some(&b'"') {
                break quote;
            }
            self.unescaped.push_str(&self.text[copied..=quote]);
            copied = quote + 2;
            from = quote + 2;
        };
        self.line += u32::try_from(count_lines(&text[start..close])).expect("a chunk is smaller than 2 GiB");
        let is_break = |byte: &u8| *byte == self.delimiter || matches!(byte, b'\n' | b'\r');
        let after = text.get(close + 1..).unwrap_or_default();
        let end = after.iter().position(is_break).map_or(text.len(), |length| close + 1 + length);
        if copied == start && end <= close + 1 {
            self.spans.push(Span::raw(index(start), index(close)));
        } else {
            self.unescaped.push_str(&self.text[copied..close]);
            self.unescaped.push_str(self.text.get(close + 1..end).unwrap_or(""));
            self.spans.push(Span::unescaped(index(unescaped_start), index(self.unescaped.len())));
        }
        end
    }

    fn cell(&self, span: Span) -> &str {
        span.of(self.text, self.unescaped)
    }

    /// Whether the quotes of the row only stood around its cells, and all the cells from this one on are plain.
    fn holds_plain(&self, first_span: usize) -> bool {
        self.spans[first_span..].iter().all(|span| is_plain(self.cell(*span).as_bytes()))
    }

    /// Whether the cells from this one on hold nothing but blanks.
    fn is_blank(&self, first_span: usize) -> bool {
        self.spans[first_span..].iter().all(|span| self.cell(*span).trim_ascii().is_empty())
    }
}
