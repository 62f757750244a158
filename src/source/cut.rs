//! Finds the places at which a text can be cut without cutting a row, by looking at quotes only.
//!
//! A quote opens a cell when it stands at the start of one; anywhere else outside quotes it is a letter like
//! any other. Line ends inside quotes belong to the cell.

use memchr::{memchr, memrchr2};

/// Scans a growing text; keeps the last record end it has seen.
#[derive(Debug)]
pub(super) struct Cutter {
    delimiter: u8,
    scanned: usize,
    opened: Option<usize>,
    cut: usize,
}

impl Cutter {
    pub(super) fn new(delimiter: u8) -> Self {
        Self { delimiter, scanned: 0, opened: None, cut: 0 }
    }

    /// Scans what was added to the text since the last call.
    pub(super) fn scan(&mut self, text: &[u8], is_whole: bool) {
        while self.scanned < text.len() {
            let ended = match self.opened {
                Some(_) => self.scan_quoted(text, is_whole),
                None => self.scan_plain(text, is_whole),
            };
            if ended {
                return;
            }
        }
    }

    /// The end of the last whole record; 0 when there is none yet.
    pub(super) fn cut(&self) -> usize {
        self.cut
    }

    /// Where the quote stands that is still open.
    pub(super) fn opened(&self) -> Option<usize> {
        self.opened
    }

    fn scan_quoted(&mut self, text: &[u8], is_whole: bool) -> bool {
        let Some(at) = memchr(b'"', &text[self.scanned..]).map(|at| self.scanned + at) else {
            self.scanned = text.len();
            return true;
        };
        match text.get(at + 1) {
            Some(b'"') => self.scanned = at + 2,
            None if !is_whole => {
                self.scanned = at; // whether it is doubled is not known yet
                return true;
            }
            _ => {
                self.scanned = at + 1;
                self.opened = None;
            }
        }
        false
    }

    fn scan_plain(&mut self, text: &[u8], is_whole: bool) -> bool {
        let quote = memchr(b'"', &text[self.scanned..]).map(|at| self.scanned + at);
        let mut plain = &text[self.scanned..quote.unwrap_or(text.len())];
        if quote.is_none() && !is_whole {
            plain = plain.strip_suffix(b"\r").unwrap_or(plain); // its line feed may be yet to come
        }
        if let Some(at) = memrchr2(b'\n', b'\r', plain) {
            self.cut = self.scanned + at + 1;
        }
        let Some(quote) = quote else {
            self.scanned = text.len();
            return true;
        };
        if self.starts_cell(text, quote) {
            self.opened = Some(quote);
        }
        self.scanned = quote + 1;
        false
    }

    fn starts_cell(&self, text: &[u8], quote: usize) -> bool {
        match quote.checked_sub(1) {
            None => true,
            Some(before) => text[before] == self.delimiter || matches!(text[before], b'\n' | b'\r'),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &str) -> usize {
        let mut cutter = Cutter::new(b',');
        cutter.scan(text.as_bytes(), false);
        cutter.cut()
    }

    #[test]
    fn a_line_end_inside_quotes_is_no_place_to_cut() {
        assert_eq!(cut("a,b\nc,\"d\ne\""), 4);
        assert_eq!(cut("a,\"b\n\"\"\nc\"\nd"), 11);
    }

    #[test]
    fn a_quote_inside_a_cell_is_a_letter() {
        assert_eq!(cut("a,5\" pipe\nb,6\" pipe\nc"), 20);
    }

    #[test]
    fn a_carriage_return_at_the_end_waits_for_its_line_feed() {
        assert_eq!(cut("a\r\nb\r"), 3);
        assert_eq!(cut("a\rb\rc"), 4);
    }

    proptest! {
        /// However the text arrives, the cuts are the same.
        #[test]
        fn scanning_in_pieces_finds_the_same_cut(text in "[a,\"\n\r]{0,40}", piece in 1usize..7) {
            let mut whole = Cutter::new(b',');
            whole.scan(text.as_bytes(), true);
            let mut pieces = Cutter::new(b',');
            let mut end = 0;
            while end < text.len() {
                end = (end + piece).min(text.len());
                pieces.scan(&text.as_bytes()[..end], end == text.len());
            }
            prop_assert_eq!(pieces.opened(), whole.opened());
            prop_assert!(pieces.cut() <= whole.cut());
        }
    }
}
