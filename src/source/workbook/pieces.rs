//! Cuts a part of a workbook into pieces that hold whole elements, while it is being unpacked.
//!
//! In: the unpacked bytes of a sheet or of the shared strings. Out: stretches of markup, each of which ends where a
//! row, or a shared string, ends. A piece is all that is held of the part.

use std::io::Read;

use memchr::memmem::{self, Finder};

use super::error::WorkbookError;
use super::markup::{Fault, Tag, Tags, resolve_sections};

/// How much markup a piece holds, or a little more. A row of 20 cells takes some 600 bytes.
const PIECE_BYTES: usize = 512 * 1024;
/// An element that is longer cannot be one: a row of 16,384 cells is far shorter.
const MAX_ELEMENT_BYTES: usize = 256 * 1024 * 1024;
/// What may stand before the first row: settings of columns and views.
const MAX_PROLOGUE_BYTES: usize = 64 * 1024 * 1024;

/// A part that is being read.
pub(super) struct Pieces<'n, R> {
    name: &'n str,
    part: R,
    /// Was read and not yet handed out.
    rest: Vec<u8>,
    inner_start: Finder<'static>,
    inner_end: Finder<'static>,
    outer_end: Finder<'static>,
    is_ended: bool,
}

impl<'n, R: Read> Pieces<'n, R> {
    /// Reads up to the start of the element `outer`, which holds the elements `inner`. `None` when there is none.
    pub(super) fn open(
        name: &'n str,
        part: R,
        (outer, inner): (&str, &str),
    ) -> Result<Option<Self>, WorkbookError> {
        let finder = |text: &str| Finder::new(text).into_owned();
        let mut pieces = Self {
            name,
            part,
            rest: Vec::new(),
            inner_start: finder(inner),
            inner_end: finder(inner),
            outer_end: finder(outer),
            is_ended: false,
        };
        let mut read = Vec::new();
        let (start, end) = loop {
            let is_whole = pieces.read_on(&mut read)?;
            if let Some(found) = find_start(&read, outer) {
                break found;
            }
            if is_whole {
                return check_encoding(&read).map(|()| None).map_err(|what| pieces.broken(what));
            }
            if read.len() > MAX_PROLOGUE_BYTES {
                return Err(pieces.broken("has no end to what stands before its content"));
            }
        };
        check_encoding(&read[..start]).map_err(|what| pieces.broken(what))?;
        let tag = String::from_utf8_lossy(&read[start + 1..end]);
        let prefix = tag.split_once(outer).map_or("", |(prefix, _)| prefix);
        pieces.inner_start = finder(&format!("<{prefix}{inner}"));
        pieces.inner_end = finder(&format!("</{prefix}{inner}>"));
        pieces.outer_end = finder(&format!("</{prefix}{outer}"));
        pieces.is_ended = tag.ends_with("/>");
        pieces.rest = read[end..].to_vec();
        Ok(Some(pieces))
    }

    /// Puts the next piece into `piece`; `false` when there is no more.
    pub(super) fn next(&mut self, piece: &mut Vec<u8>) -> Result<bool, WorkbookError> {
        piece.clear();
        if self.is_ended {
            return Ok(false);
        }
        piece.append(&mut self.rest);
        loop {
            let is_whole = self.read_on(piece)?;
            if let Some(end) = self.outer_end.find(piece) {
                piece.truncate(end);
                self.is_ended = true;
                return Ok(true);
            }
            if is_whole {
                return Err(self.broken("ends before its content does"));
            }
            let inner_end = self.inner_end.needle();
            if let Some(last) = memmem::rfind(piece, inner_end) {
                let end = last + inner_end.len();
                self.rest.extend_from_slice(&piece[end..]);
                piece.truncate(end);
                return Ok(true);
            }
            if piece.len() > MAX_ELEMENT_BYTES {
                return Err(self.broken("has a row or a text that never ends"));
            }
        }
    }

    /// The tags with which the inner elements of a piece start.
    pub(super) fn starts<'p>(&self, piece: &'p str) -> impl Iterator<Item = Result<Tag<'p>, Fault>> {
        let length = self.inner_start.needle().len();
        self.inner_start.find_iter(piece.as_bytes()).filter_map(move |at| {
            let is_name = piece.as_bytes().get(at + length).is_some_and(|byte| b" \t\r\n/>".contains(byte));
            is_name.then(|| Tags::new(&piece[at..]).next()).and_then(Result::transpose)
        })
    }

    /// Appends to `out`, until no comment is left open; whether the part has ended.
    fn read_on(&mut self, out: &mut Vec<u8>) -> Result<bool, WorkbookError> {
        loop {
            let block = PIECE_BYTES as u64;
            let read = self.part.by_ref().take(block).read_to_end(out);
            let read = read.map_err(|source| WorkbookError::Part { part: self.name.to_owned(), source })?;
            let is_whole = (read as u64) < block;
            if resolve_sections(out) {
                return Ok(is_whole);
            }
            if is_whole || out.len() > MAX_ELEMENT_BYTES {
                return Err(self.broken("has a comment that never ends"));
            }
        }
    }

    fn broken(&self, what: Fault) -> WorkbookError {
        WorkbookError::Malformed { part: self.name.to_owned(), what }
    }
}

/// Where the first start of the element stands, prefixed or not, and ends.
fn find_start(markup: &[u8], name: &str) -> Option<(usize, usize)> {
    memmem::find_iter(markup, name).find_map(|at| {
        let start = memchr::memrchr(b'<', &markup[..at])?;
        let prefix = &markup[start + 1..at];
        let is_prefix = prefix.is_empty()
            || (prefix.ends_with(b":") && !prefix.iter().any(|byte| b"/?! >\"'=\t\r\n".contains(byte)));
        let after = at + name.len();
        let is_name = markup.get(after).is_some_and(|byte| b" \t\r\n/>".contains(byte));
        let end = memchr::memchr(b'>', markup.get(after..)?)?;
        (is_prefix && is_name).then_some((start, after + end + 1))
    })
}

/// Programs write UTF-8, which is all that is read; the first tag says so, or nothing.
fn check_encoding(prologue: &[u8]) -> Result<(), Fault> {
    const WRONG: Fault = "is not in UTF-8";
    if prologue.starts_with(b"\xff\xfe") || prologue.starts_with(b"\xfe\xff") {
        return Err(WRONG);
    }
    let prologue = prologue.strip_prefix(b"\xef\xbb\xbf").unwrap_or(prologue);
    let declared = memchr::memchr(b'>', prologue).map(|end| &prologue[..end]);
    let Some(declared) = declared.filter(|declared| declared.starts_with(b"<?xml")) else { return Ok(()) };
    let declared = declared.to_ascii_lowercase();
    let named = memmem::find(&declared, b"encoding").map(|at| &declared[at..]);
    let is_known = |named: &[u8]| {
        [&b"utf-8"[..], b"utf8", b"us-ascii"].iter().any(|known| memmem::find(named, known).is_some())
    };
    if named.is_none_or(is_known) { Ok(()) } else { Err(WRONG) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(markup: &str) -> Result<Option<(Vec<String>, usize)>, WorkbookError> {
        let Some(mut pieces) = Pieces::open("p", markup.as_bytes(), ("sheetData", "row"))? else {
            return Ok(None);
        };
        let (mut all, mut piece, mut rows) = (Vec::new(), Vec::new(), 0);
        while pieces.next(&mut piece)? {
            let text = String::from_utf8(piece.clone()).unwrap();
            rows += pieces.starts(&text).map(Result::unwrap).filter(|tag| tag.name == "row").count();
            all.push(text);
        }
        Ok(Some((all, rows)))
    }

    #[test]
    fn a_piece_holds_whole_rows_and_nothing_is_lost() {
        for prefix in ["", "x:"] {
            let row =
                |row| format!("<{prefix}row r=\"{row}\"><{prefix}c/><!-- </{prefix}row> --></{prefix}row>");
            let rows: String = (1..40_000).map(row).collect();
            let markup = format!(
                "<?xml version=\"1.0\" encoding='UTF-8'?><{prefix}worksheet a=\"sheetData\"><!-- <sheetData> -->\
                 <{prefix}sheetData >{rows}<{prefix}row/></{prefix}sheetData ><rest"
            );
            let (pieces, count) = pieces(&markup).unwrap().unwrap();
            assert!(pieces.len() > 1 && count == 40_000, "{} {count}", pieces.len());
            let (last, others) = pieces.split_last().unwrap();
            let end = format!("</{prefix}row>");
            assert!(
                others
                    .iter()
                    .all(|piece| piece.starts_with(&format!("<{prefix}row")) && piece.ends_with(&end))
            );
            assert!(last.ends_with(&format!("<{prefix}row/>")));
            let without_comments = rows.replace(&format!("<!-- </{prefix}row> -->"), "");
            assert_eq!(pieces.concat(), format!("{without_comments}<{prefix}row/>"));
        }
    }

    #[test]
    fn a_part_without_content_has_no_piece() {
        assert_eq!(pieces("<chartsheet/>").unwrap(), None);
        assert_eq!(pieces("<worksheet><sheetData/></worksheet>").unwrap(), Some((vec![], 0)));
        assert_eq!(pieces("<worksheet><sheetDataX/></worksheet>").unwrap(), None);
    }

    #[test]
    fn a_part_that_is_cut_off_or_not_utf_8_is_broken() {
        for broken in [
            "<worksheet><sheetData><row></row>",
            "<worksheet><sheetData><row></row><!-- </sheetData>",
            "<?xml version='1.0' encoding='windows-1252'?><worksheet><sheetData></sheetData>",
        ] {
            assert!(pieces(broken).is_err(), "{broken}");
        }
        let utf_16: Vec<u8> = "\u{feff}<sheetData>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(Pieces::open("p", &utf_16[..], ("sheetData", "row")).is_err());
    }
}
