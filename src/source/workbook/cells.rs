//! The cells of a piece of a sheet, one after the other, as text.

use super::error::WorkbookError;
use super::markup::{Fault, Kind, Tag, Tags, unescape};
use super::package::Shared;
use super::strings::{read_text, resolve_letters};
use super::value::{NumberFormat, write_number};

/// Source: Excel's limit of columns.
const MAX_COLUMNS: u32 = 16_384;

/// Reads the cells of some whole rows.
pub(super) struct Cells<'a> {
    tags: Tags<'a>,
    shared: &'a Shared,
    /// 0-based place of the next cell that does not say its own.
    row: u32,
    column: u32,
}

impl<'a> Cells<'a> {
    /// `row` is the 0-based number of the first row, for the case that it does not say its own.
    pub(super) fn new(piece: &'a str, shared: &'a Shared, row: u32) -> Self {
        Self { tags: Tags::new(piece), shared, row, column: 0 }
    }

    /// Appends the text of the next cell; its 0-based row and column, or `None` at the end.
    #[inline]
    pub(super) fn next(&mut self, out: &mut String) -> Result<Option<(u32, u32)>, WorkbookError> {
        self.next_cell(out).map_err(|what| WorkbookError::Cell {
            row: u64::from(self.row) + 1,
            column: self.column.saturating_add(1),
            what,
        })
    }

    fn next_cell(&mut self, out: &mut String) -> Result<Option<(u32, u32)>, Fault> {
        while let Some(tag) = self.tags.next()? {
            match (tag.name, tag.kind) {
                ("c", Kind::Start | Kind::Empty) => return self.read_cell(&tag, out).map(Some),
                ("row", Kind::Start | Kind::Empty) => {
                    if let Some(row) = row_of(&tag)? {
                        self.row = row;
                    }
                    if tag.kind == Kind::Empty {
                        self.end_row();
                    }
                }
                ("row", Kind::End) => self.end_row(),
                _ => {}
            }
        }
        Ok(None)
    }

    fn end_row(&mut self) {
        self.row = self.row.saturating_add(1);
        self.column = 0;
    }

    fn read_cell(&mut self, tag: &Tag<'_>, out: &mut String) -> Result<(u32, u32), Fault> {
        let (mut row, mut style, mut kind) = (self.row, None, "n");
        for attribute in tag.attributes() {
            match attribute? {
                ("r", place) => {
                    (row, self.column) = parse_place(place).ok_or("has a cell without a place")?;
                }
                ("s", number) => style = Some(number),
                ("t", name) => kind = name,
                _ => {}
            }
        }
        if self.column >= MAX_COLUMNS {
            return Err("has more columns than a sheet can have");
        }
        if tag.kind == Kind::Start {
            self.read_value(kind, style, out)?;
        }
        let column = self.column;
        self.column += 1;
        Ok((row, column))
    }

    fn read_value(&mut self, kind: &str, style: Option<&str>, out: &mut String) -> Result<(), Fault> {
        loop {
            let tag = self.tags.next()?.ok_or("ends within a cell")?;
            match (tag.kind, tag.name) {
                (Kind::End, "c") => return Ok(()),
                // A text that stands in the cell may be repeated as its value.
                (Kind::Start, "v") if kind != "inlineStr" => {
                    let written = self.tags.text();
                    self.write_value(written, kind, style, out)?;
                    self.tags.skip("v")?;
                }
                (Kind::Start, "is") => read_text(&mut self.tags, "is", out)?,
                (Kind::Start, name) => self.tags.skip(name)?, // a formula, or what later versions add
                (Kind::End | Kind::Empty, _) => {}
            }
        }
    }

    #[inline]
    fn write_value(
        &self,
        written: &str,
        kind: &str,
        style: Option<&str>,
        out: &mut String,
    ) -> Result<(), Fault> {
        match kind {
            "s" if !written.is_empty() => {
                let number = written.trim().parse().map_err(|_| "refers to no text")?;
                out.push_str(self.shared.strings.get(number).ok_or("refers to a text that is not there")?);
            }
            "n" if !written.is_empty() => {
                if !write_number(written, self.format(style), out) {
                    unescape(written, out)?;
                }
            }
            "b" => out.push_str(truth(written.trim()).ok_or("has neither true nor false")?),
            "str" => {
                let start = out.len();
                unescape(written, out)?;
                resolve_letters(out, start);
            }
            "e" | "d" => unescape(written, out)?,
            "s" | "n" => {}
            _ => return Err("has a cell of an unknown kind"),
        }
        Ok(())
    }

    fn format(&self, style: Option<&str>) -> NumberFormat {
        let meaning = style.and_then(|style| self.shared.meanings.get(style.parse::<usize>().ok()?));
        NumberFormat { meaning: meaning.copied().unwrap_or_default(), is_1904: self.shared.is_1904 }
    }
}

fn truth(written: &str) -> Option<&'static str> {
    match written {
        "" => Some(""),
        "1" => Some("true"),
        "0" => Some("false"),
        word if word.eq_ignore_ascii_case("true") => Some("true"),
        word if word.eq_ignore_ascii_case("false") => Some("false"),
        _ => None,
    }
}

/// The 0-based number that a row says it has.
pub(super) fn row_of(tag: &Tag<'_>) -> Result<Option<u32>, Fault> {
    let Some(written) = tag.attribute("r")? else { return Ok(None) };
    let row = written.parse().ok().and_then(|row: u32| row.checked_sub(1));
    row.map(Some).ok_or("has a row without a number")
}

/// The 0-based row and column of a place such as `B7`.
#[inline]
fn parse_place(place: &str) -> Option<(u32, u32)> {
    let (mut column, mut row) = (0_u32, 0_u32);
    for byte in place.bytes() {
        match byte {
            b'0'..=b'9' => row = row.checked_mul(10)?.checked_add(u32::from(byte - b'0'))?,
            b'A'..=b'Z' | b'a'..=b'z' if row == 0 => {
                let letter = u32::from(byte.to_ascii_uppercase() - b'A') + 1;
                column = column.checked_mul(26)?.checked_add(letter)?;
            }
            _ => return None,
        }
    }
    Some((row.checked_sub(1)?, column.checked_sub(1)?))
}
