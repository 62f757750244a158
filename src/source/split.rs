//! Splits a stretch of delimited text into rows and cells, as RFC 4180 has it, without copying cells.
//!
//! A line feed, a carriage return, or both end a row. A cell is quoted when a quote is its first byte; what
//! follows its closing quote belongs to it as it stands.

use memchr::{memchr, memchr_iter, memchr2, memchr3};

use super::chunk::{Chunk, Layout, RowEnd};
use super::error::SourceError;
use crate::domain::Span;

/// Splits the text of a chunk into its rows and cells.
pub(super) fn split(chunk: &mut Chunk, layout: &Layout) -> Result<(), SourceError> {
    chunk.clear_rows();
    let Chunk { text, unescaped, spans, ends, lines, byte, .. } = chunk;
    let Ok(text) = simdutf8::basic::from_utf8(text) else { return Err(not_utf8(text, layout, *byte)) };
    let mut splitter = Splitter::new(text, layout.delimiter, unescaped, spans);
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
        ends.push(RowEnd { spans: index(splitter.spans.len()), line });
    }
}

/// The cells of the first row that is not blank, and how many bytes and lines end with it.
pub(super) fn first_row(text: &str, delimiter: u8) -> Option<(Vec<String>, usize, u64)> {
    let (mut unescaped, mut spans) = (String::new(), Vec::new());
    let mut splitter = Splitter::new(text, delimiter, &mut unescaped, &mut spans);
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
    let (mut unescaped, mut spans, mut widths) = (String::new(), Vec::new(), Vec::new());
    let mut splitter = Splitter::new(text, delimiter, &mut unescaped, &mut spans);
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

fn not_utf8(text: &[u8], layout: &Layout, byte: u64) -> SourceError {
    let valid = std::str::from_utf8(text).map_or_else(|error| error.valid_up_to(), str::len);
    SourceError::NotUtf8 {
        file: layout.file.clone(),
        line: count_lines(&text[..valid]) + 1,
        byte: byte + valid as u64,
    }
}

/// Chunks are far smaller than 2 GiB, see `MAX_ROW_BYTES`.
fn index(at: usize) -> u32 {
    u32::try_from(at).expect("a chunk is smaller than 2 GiB")
}

struct Splitter<'a> {
    text: &'a str,
    delimiter: u8,
    has_returns: bool,
    at: usize,
    line: u32,
    unescaped: &'a mut String,
    spans: &'a mut Vec<Span>,
}

impl<'a> Splitter<'a> {
    fn new(text: &'a str, delimiter: u8, unescaped: &'a mut String, spans: &'a mut Vec<Span>) -> Self {
        let has_returns = memchr(b'\r', text.as_bytes()).is_some();
        Self { text, delimiter, has_returns, at: 0, line: 0, unescaped, spans }
    }

    /// Adds the spans of the next row; `false` at the end of the text.
    fn split_row(&mut self) -> bool {
        let text = self.text.as_bytes();
        if self.at == text.len() {
            return false;
        }
        loop {
            let end = if text.get(self.at) == Some(&b'"') {
                self.split_quoted()
            } else {
                let end = self.cell_end(self.at);
                self.spans.push(Span::raw(index(self.at), index(end)));
                end
            };
            match text.get(end) {
                Some(b'\n') => self.at = end + 1,
                Some(b'\r') => self.at = end + 1 + usize::from(text.get(end + 1) == Some(&b'\n')),
                Some(_) => {
                    self.at = end + 1;
                    continue;
                }
                None => {
                    self.at = end;
                    return true;
                }
            }
            self.line += 1;
            return true;
        }
    }

    #[inline]
    fn cell_end(&self, start: usize) -> usize {
        let rest = &self.text.as_bytes()[start..];
        let end = if self.has_returns {
            memchr3(self.delimiter, b'\n', b'\r', rest)
        } else {
            memchr2(self.delimiter, b'\n', rest)
        };
        end.map_or(self.text.len(), |end| start + end)
    }

    fn split_quoted(&mut self) -> usize {
        let text = self.text.as_bytes();
        let start = self.at + 1;
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
        let end = if close == text.len() { close } else { self.cell_end(close + 1) };
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

    /// Whether the cells from this one on hold nothing but blanks.
    fn is_blank(&self, first_span: usize) -> bool {
        self.spans[first_span..].iter().all(|span| self.cell(*span).trim_ascii().is_empty())
    }
}
