//! The texts that cells of a workbook share, and those that stand in a cell.
//!
//! Promises: all texts stand behind each other in one stretch of memory. Hints for pronunciation are left out, and
//! letters that Excel writes as `_x000D_` become themselves.

use std::io::Read;

use memchr::memmem;

use super::error::WorkbookError;
use super::markup::{Fault, Kind, Tags, unescape};
use super::pieces::Pieces;

/// The shared texts of a workbook, by their number.
#[derive(Debug, Default)]
pub(super) struct Strings {
    text: String,
    ends: Vec<u32>,
}

impl Strings {
    /// Reads the part that holds them.
    pub(super) fn read(name: &str, part: impl Read) -> Result<Self, WorkbookError> {
        let broken = |what| WorkbookError::Malformed { part: name.to_owned(), what };
        let mut strings = Self::default();
        let Some(mut pieces) = Pieces::open(name, part, ("sst", "si"))? else { return Ok(strings) };
        let mut piece = Vec::new();
        while pieces.next(&mut piece)? {
            let piece = simdutf8::basic::from_utf8(&piece).map_err(|_| broken("is not in UTF-8"))?;
            strings.add(piece).map_err(broken)?;
        }
        Ok(strings)
    }

    fn add(&mut self, piece: &str) -> Result<(), Fault> {
        let mut tags = Tags::new(piece);
        while let Some(tag) = tags.next()? {
            if tag.name != "si" || tag.kind == Kind::End {
                continue;
            }
            if tag.kind == Kind::Start {
                read_text(&mut tags, "si", &mut self.text)?;
            }
            self.ends.push(u32::try_from(self.text.len()).map_err(|_| "has more than 4 GiB of texts")?);
        }
        Ok(())
    }

    /// The text with this 0-based number.
    #[inline]
    pub(super) fn get(&self, number: usize) -> Option<&str> {
        let end = *self.ends.get(number)?;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[start as usize..end as usize])
    }
}

/// Appends the text of an element whose start was read last, with or without formats, and reads its end.
pub(super) fn read_text(tags: &mut Tags<'_>, name: &str, out: &mut String) -> Result<(), Fault> {
    loop {
        let tag = tags.next()?.ok_or("ends within a text")?;
        match (tag.kind, tag.name) {
            (Kind::Start, "rPh") => tags.skip("rPh")?,
            (Kind::Start, "t") => {
                let is_kept = tag.attribute("xml:space")? == Some("preserve");
                let start = out.len();
                unescape(tags.text(), out)?;
                while !tags.next()?.ok_or("ends within a text")?.is_end_of("t") {
                    unescape(tags.text(), out)?;
                }
                if !is_kept {
                    trim(out, start);
                }
                resolve_letters(out, start);
            }
            (Kind::End, ended) if ended == name => return Ok(()),
            _ => {}
        }
    }
}

/// Takes blanks off both ends of the text from `start`: markup that does not keep them means none.
fn trim(text: &mut String, start: usize) {
    const BLANK: [char; 4] = [' ', '\t', '\r', '\n'];
    let end = start + text[start..].trim_end_matches(BLANK).len();
    text.truncate(end);
    let blanks = text[start..].len() - text[start..].trim_start_matches(BLANK).len();
    if blanks > 0 {
        text.drain(start..start + blanks);
    }
}

/// Resolves `_xHHHH_` in the text from `start`: how Excel writes what XML cannot hold, in units of UTF-16.
///
/// Source: ECMA-376, `ST_Xstring`.
pub(super) fn resolve_letters(text: &mut String, start: usize) {
    if memmem::find(&text.as_bytes()[start..], b"_x").is_none() {
        return;
    }
    let written = text.split_off(start);
    let mut rest = written.as_str();
    while let Some(at) = rest.find("_x") {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let mut units = Vec::new();
        // Units that follow each other may be halves of one letter.
        while let Some(unit) = unit(rest) {
            units.push(unit);
            rest = &rest[UNIT_BYTES..];
        }
        if units.is_empty() {
            text.push('_');
            rest = &rest[1..];
        }
        text.extend(char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)));
    }
    text.push_str(rest);
}

const UNIT_BYTES: usize = "_xHHHH_".len();

fn unit(text: &str) -> Option<u16> {
    let digits = text.get(..UNIT_BYTES)?.strip_prefix("_x")?.strip_suffix('_')?;
    let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| is_hexadecimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(items: &str) -> Vec<String> {
        let markup = format!("<sst count=\"1\">{items}</sst>");
        let strings = Strings::read("s", markup.as_bytes()).unwrap();
        (0..strings.ends.len()).map(|number| strings.get(number).unwrap().to_owned()).collect()
    }

    #[test]
    fn plain_and_formatted_texts_are_read_without_hints_for_pronunciation() {
        let items = "<si><t>a</t></si><si/><si><r><rPr><b/></rPr><t xml:space=\"preserve\">b </t></r><r><t> c</t></r>\
                     <rPh sb=\"0\"><t>no</t></rPh></si><si><t/></si><si><t> \n d &amp;\t</t></si>";
        assert_eq!(strings(items), ["a", "", "b c", "", "d &"]);
    }

    #[test]
    fn letters_that_markup_cannot_hold_are_resolved() {
        let items = "<si><t>a_x000D__x000a_b_x005F_x0041_ _xD83D__xDE00_ _xD83D_ _x12_ _x_x0041__</t></si>";
        assert_eq!(strings(items), ["a\r\nb_x0041_ 😀 \u{fffd} _x12_ _xA_"]);
    }

    #[test]
    fn texts_that_are_cut_off_are_broken() {
        for broken in ["<sst><si><t>a</sst>", "<sst><si><t>a&b;</t></si></sst>", "<sst><si><t>a</t></si>"] {
            assert!(Strings::read("s", broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
