//! Delimited text: UTF-8 with or without a byte order mark, cells parted by a comma, semicolon, tab or bar.
//!
//! In: an opened file. Out: its headers, then chunks cut at record ends, to be split by whoever checks them.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use super::chunk::{Chunk, Layout, TextLayout};
use super::cut::Cutter;
use super::error::SourceError;
use super::split::{count_lines, first_row, widths};

/// How much text a chunk holds. Measured on 1M customers of 260 bytes: from 64 KiB to 1 MiB the processor time is
/// the same; larger chunks only take more memory.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;
/// No row is longer: what seems to be one is a quote that was never closed.
const MAX_ROW_BYTES: usize = 16 * 1024 * 1024;
/// Bytes and rows that the delimiter is judged by.
const SNIFFED_BYTES: usize = 64 * 1024;
const SNIFFED_ROWS: usize = 100;
const DELIMITERS: [u8; 4] = *b",;\t|";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A text file whose header has been read.
#[derive(Debug)]
pub(super) struct TextFile {
    file: File,
    layout: Arc<TextLayout>,
    chunk_bytes: usize,
    /// Text that was read and belongs to no chunk yet.
    pending: Vec<u8>,
    /// 0-based byte of the file at which the pending text starts.
    byte: u64,
}

#[derive(Debug)]
pub(super) struct Opened {
    pub(super) text: TextFile,
    pub(super) headers: Vec<String>,
    pub(super) rows_start_line: u64,
}

/// Reads the header, after deciding on the delimiter when none is given.
pub(super) fn open(file: File, name: &str, delimiter: Option<u8>) -> Result<Opened, SourceError> {
    open_sized(file, name, delimiter, CHUNK_BYTES)
}

fn open_sized(
    mut file: File,
    name: &str,
    delimiter: Option<u8>,
    chunk_bytes: usize,
) -> Result<Opened, SourceError> {
    let mut pending = Vec::new();
    let mut is_whole = read_more(&mut file, &mut pending, SNIFFED_BYTES, name)?;
    let mark = if pending.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let delimiter = delimiter.unwrap_or_else(|| sniff(&pending[mark..], is_whole));
    let mut cutter = Cutter::new(delimiter);
    let (headers, header_bytes, header_lines) = loop {
        cutter.scan(&pending[mark..], is_whole);
        let end = if is_whole { pending.len() } else { mark + cutter.cut() };
        refuse_open_quote(&cutter, &pending[mark..], is_whole, name, mark as u64)?;
        let text = simdutf8::basic::from_utf8(&pending[mark..end])
            .map_err(|_| not_utf8(&pending[mark..end], name, mark as u64))?;
        if let Some(found) = first_row(text, delimiter) {
            break found;
        }
        if is_whole {
            return Err(SourceError::Empty { file: name.to_owned() });
        }
        is_whole = read_more(&mut file, &mut pending, SNIFFED_BYTES, name)?;
    };
    pending.drain(..mark + header_bytes);
    let layout = Arc::new(TextLayout { file: name.to_owned(), delimiter, headers: headers.len() });
    let byte = (mark + header_bytes) as u64;
    let text = TextFile { file, layout, chunk_bytes, pending, byte };
    Ok(Opened { text, headers, rows_start_line: header_lines + 1 })
}

impl TextFile {
    pub(super) fn delimiter(&self) -> u8 {
        self.layout.delimiter
    }

    pub(super) fn read(
        mut self,
        mut next: impl FnMut() -> Option<Chunk>,
        mut ready: impl FnMut(Chunk),
    ) -> Result<(), SourceError> {
        loop {
            let Some(mut chunk) = next() else { return Ok(()) };
            chunk.clear();
            chunk.layout = Some(Layout::Text(Arc::clone(&self.layout)));
            chunk.byte = self.byte;
            chunk.text.append(&mut self.pending);
            let is_whole = self.fill(&mut chunk.text)?;
            self.byte += chunk.text.len() as u64;
            if !chunk.text.is_empty() {
                ready(chunk);
            }
            if is_whole {
                return Ok(());
            }
        }
    }

    /// Reads on until the text ends with a record; whether the file ended too. What follows is pending.
    fn fill(&mut self, text: &mut Vec<u8>) -> Result<bool, SourceError> {
        let mut cutter = Cutter::new(self.layout.delimiter);
        loop {
            let wanted = self.chunk_bytes.saturating_sub(text.len()).max(self.chunk_bytes / 2).max(1);
            let is_whole = read_more(&mut self.file, text, wanted, &self.layout.file)?;
            cutter.scan(text, is_whole);
            refuse_open_quote(&cutter, text, is_whole, &self.layout.file, self.byte)?;
            if is_whole {
                return Ok(true);
            }
            if cutter.cut() > 0 {
                self.pending.extend_from_slice(&text[cutter.cut()..]);
                text.truncate(cutter.cut());
                return Ok(false);
            }
        }
    }
}

/// Appends up to `wanted` bytes; whether the file has ended.
fn read_more(file: &mut File, text: &mut Vec<u8>, wanted: usize, name: &str) -> Result<bool, SourceError> {
    let before = text.len();
    text.reserve(wanted);
    file.take(wanted as u64).read_to_end(text).map_err(|source| SourceError::cannot_read(name, source))?;
    Ok(text.len() - before < wanted)
}

/// Refuses a quote that is open at the end of the file, or for longer than any row is.
fn refuse_open_quote(
    cutter: &Cutter,
    text: &[u8],
    is_whole: bool,
    name: &str,
    byte: u64,
) -> Result<(), SourceError> {
    let file = name.to_owned();
    let is_too_long = text.len() - cutter.cut() > MAX_ROW_BYTES;
    match cutter.opened() {
        Some(at) if is_whole || is_too_long => Err(SourceError::UnterminatedQuote {
            file,
            line: count_lines(&text[..at]) + 1,
            byte: byte + at as u64,
        }),
        None if is_too_long && !is_whole => Err(SourceError::RowTooLong {
            file,
            line: count_lines(&text[..cutter.cut()]) + 1,
            byte: byte + cutter.cut() as u64,
            limit: MAX_ROW_BYTES,
        }),
        _ => Ok(()),
    }
}

fn not_utf8(text: &[u8], name: &str, byte: u64) -> SourceError {
    let valid = std::str::from_utf8(text).map_or_else(|error| error.valid_up_to(), str::len);
    SourceError::NotUtf8 {
        file: name.to_owned(),
        line: count_lines(&text[..valid]) + 1,
        byte: byte + valid as u64,
    }
}

/// The delimiter by which most of the first rows have as many cells as the header; of equals, the one that
/// makes most cells. A text with one column is taken to have commas.
fn sniff(text: &[u8], is_whole: bool) -> u8 {
    let text = String::from_utf8_lossy(text);
    let score = |delimiter: u8| {
        let widths = widths(&text, delimiter, SNIFFED_ROWS, is_whole);
        let header = *widths.first().unwrap_or(&0);
        let alike = widths.iter().filter(|width| **width == header).count();
        if header < 2 { None } else { Some((alike * 1000 / widths.len(), header)) }
    };
    let mut best = (b',', None);
    for delimiter in DELIMITERS {
        let score = score(delimiter);
        if score > best.1 {
            best = (delimiter, score);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use proptest::prelude::*;

    use super::*;

    type Table = Vec<Vec<String>>;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    /// Headers, then rows, then the line of each row.
    fn read(
        bytes: &[u8],
        delimiter: Option<u8>,
        chunk_bytes: usize,
    ) -> Result<(Vec<String>, Table, Vec<u64>), SourceError> {
        let opened = open_sized(file(bytes), "t.csv", delimiter, chunk_bytes)?;
        let (mut rows, mut lines, mut base) = (Vec::new(), Vec::new(), opened.rows_start_line - 1);
        let mut fault = None;
        let ended = opened.text.read(
            || Some(Chunk::default()),
            |mut chunk| match chunk.split() {
                Err(error) if fault.is_none() => fault = Some(error.below(base)),
                Err(_) => {}
                Ok(()) => {
                    for row in chunk.rows().iter() {
                        rows.push(row.cells().map(str::to_owned).collect());
                        lines.push(base + row.origin.line);
                    }
                    base += chunk.lines();
                }
            },
        );
        match (fault, ended) {
            (Some(error), _) => Err(error),
            (None, Err(error)) => Err(error.below(base)),
            (None, Ok(())) => Ok((opened.headers, rows, lines)),
        }
    }

    fn error(bytes: &[u8]) -> String {
        read(bytes, None, 64).unwrap_err().to_string()
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_header() {
        let (headers, rows, _) = read("\u{feff}é;b\r\n1;2\r\n".as_bytes(), None, 64).unwrap();
        assert_eq!((headers, rows), (vec!["é".into(), "b".into()], vec![vec!["1".into(), "2".into()]]));
    }

    #[test]
    fn every_delimiter_is_recognised() {
        for delimiter in [",", ";", "\t", "|"] {
            let text =
                "name,amount,note\nA,\"1,5\",x\nB,2,\"y;z\"\n".replace("e,a", &format!("e{delimiter}a"));
            let text = match delimiter {
                "," => text,
                _ => "name,amount,note\nA,1.5,x\nB,2,y\n".replace(',', delimiter),
            };
            let (headers, rows, _) = read(text.as_bytes(), None, 64).unwrap();
            assert_eq!((headers.len(), rows.len()), (3, 2), "{delimiter}");
        }
        let decimals = "name;amount\nA;1,5\nB;2,5\n";
        assert_eq!(read(decimals.as_bytes(), None, 64).unwrap().0, ["name", "amount"]);
        assert_eq!(read(b"name\nA\nB", None, 64).unwrap().1.len(), 2);
    }

    #[test]
    fn lines_count_from_the_top_of_the_file_whatever_the_cells_hold() {
        let text = "\na,b\n1,\"x\ny\"\n\n2,z\r\n,\n3,\"\"\"q\"\"\"\n4,";
        for chunk_bytes in [1, 5, 9, 64] {
            let (_, rows, lines) = read(text.as_bytes(), None, chunk_bytes).unwrap();
            assert_eq!(lines, [3, 6, 8, 9], "{chunk_bytes}");
            assert_eq!(rows[2], ["3", "\"q\""]);
        }
    }

    #[test]
    fn a_broken_file_is_refused_with_its_line_and_byte() {
        assert_eq!(error(b"a,b\n1,2\n3\n"), "`t.csv` has 1 cells at line 3, byte 8, but 2 headers");
        assert_eq!(error(b"a,b\n1,2\n3,4,5\n"), "`t.csv` has 3 cells at line 3, byte 8, but 2 headers");
        assert_eq!(
            error(b"a,b\n1,2\n3,\"4\n5,6\n"),
            "`t.csv` has a quote at line 3, byte 10 that is never closed"
        );
        assert_eq!(
            error(b"a,b\n1,2\n3,caf\xe9\n"),
            "`t.csv` is not UTF-8 at line 3, byte 13; save it as `CSV UTF-8`"
        );
        assert_eq!(error(b"\xff\xfea\0"), "`t.csv` is not UTF-8 at line 1, byte 0; save it as `CSV UTF-8`");
        assert_eq!(error(b""), "`t.csv` has no header row");
        assert_eq!(error(b"\n ,\n"), "`t.csv` has no header row");
    }

    #[test]
    fn a_quote_that_is_never_closed_does_not_swallow_a_large_file() {
        let mut text = b"a,b\n1,\"2\n".to_vec();
        text.resize(MAX_ROW_BYTES * 2, b'x');
        let error = read(&text, None, CHUNK_BYTES).unwrap_err();
        assert_eq!(error.to_string(), "`t.csv` has a quote at line 2, byte 6 that is never closed");
    }

    #[test]
    fn blank_cells_right_of_the_headers_are_no_fault() {
        let (_, rows, _) = read(b"a,b\n1,2,,\n", None, 64).unwrap();
        assert_eq!(rows[0][..2], ["1", "2"]);
    }

    fn any_cell() -> impl Strategy<Value = String> {
        prop_oneof!["[a-z0-9 é]{0,9}", "[a,;\t|\"\r\n ö]{0,6}"]
    }

    fn any_table() -> impl Strategy<Value = Table> {
        (1usize..5)
            .prop_flat_map(|columns| prop::collection::vec(prop::collection::vec(any_cell(), columns), 1..9))
    }

    fn is_blank(row: &[String]) -> bool {
        row.iter().all(|cell| cell.trim_ascii().is_empty())
    }

    proptest! {
        /// Whatever the table, the delimiter, the line ends and the chunks, the `csv` crate reads the same.
        #[test]
        fn the_csv_crate_reads_the_same_rows(
            table in any_table(),
            delimiter in prop::sample::select(DELIMITERS.to_vec()),
            terminator in prop::sample::select(vec!["\n", "\r\n"]),
            chunk_bytes in 1usize..60,
            last_line_ends in any::<bool>(),
        ) {
            let terminator = match terminator {
                "\n" => csv::Terminator::Any(b'\n'),
                _ => csv::Terminator::CRLF,
            };
            let mut writer = csv::WriterBuilder::new()
                .delimiter(delimiter).terminator(terminator).flexible(true).from_writer(Vec::new());
            for row in &table {
                writer.write_record(row).unwrap();
            }
            let mut bytes = writer.into_inner().unwrap();
            if !last_line_ends {
                let end = bytes.trim_ascii_end().len();
                bytes.truncate(end);
            }
            let mut reader = csv::ReaderBuilder::new()
                .delimiter(delimiter).has_headers(false).flexible(true).from_reader(&bytes[..]);
            let mut oracle: Table = reader.records()
                .map(|row| row.unwrap().iter().map(str::to_owned).collect())
                .filter(|row: &Vec<String>| !is_blank(row))
                .collect();
            match read(&bytes, Some(delimiter), chunk_bytes) {
                Ok((headers, rows, _)) => {
                    prop_assert_eq!(&headers, &oracle.remove(0));
                    prop_assert_eq!(rows, oracle);
                }
                Err(SourceError::Empty { .. }) => prop_assert!(oracle.is_empty()),
                Err(SourceError::Ragged { .. }) => prop_assert!(
                    !last_line_ends && oracle.last().unwrap().len() != oracle[0].len()
                ),
                Err(other) => prop_assert!(false, "{}", other),
            }
        }

        /// Whatever the bytes, rows and cells are those of the `csv` crate, or the file is refused.
        #[test]
        fn any_text_is_read_as_the_csv_crate_reads_it(text in "[ab,\"\r\n]{0,40}", chunk_bytes in 1usize..60) {
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
            let oracle: Table = reader.records()
                .map(|row| row.unwrap().iter().map(str::to_owned).collect())
                .filter(|row: &Vec<String>| !is_blank(row))
                .collect();
            if let Ok((headers, rows, _)) = read(text.as_bytes(), Some(b','), chunk_bytes) {
                prop_assert_eq!(&headers, &oracle[0]);
                prop_assert_eq!(rows, &oracle[1..]);
            }
        }
    }
}
