//! What was found in a chunk: its accepted rows with their payloads, and its rejects.
//!
//! Promise: what is kept of the rows stands in a few stretches of memory, which are filled again for other chunks.

use std::ops::Range;

use crate::domain::{Asked, Money, Origin, Reject, Row};
use crate::source::Chunk;
use crate::validation::KeyKind;

/// Some consecutive rows of the file, checked.
#[derive(Debug)]
pub struct CheckedChunk<'c> {
    /// The rows that broke a rule, in file order.
    pub rejects: Vec<Reject>,
    pub(super) chunk: &'c Chunk,
    pub(super) findings: &'c Findings,
    pub(super) rows_before: u64,
    pub(super) lines_before: u64,
}

/// A row that broke no rule.
#[derive(Clone, Copy, Debug)]
pub struct CheckedRow<'c> {
    /// What the row asks to have done with it; `None` leaves it to the run.
    pub asked: Option<Asked>,
    /// The row's cells, and where it stands.
    pub row: Row<'c>,
    /// What makes the row the same record as another: the number or document number in upper case, or the
    /// name as it stands. `None` when the row has none of these.
    pub key: Option<(KeyKind, &'c str)>,
    /// The JSON object that creates the record.
    pub payload: &'c str,
    /// The amount in the payload: of a payment, or a customer's credit limit (in local currency). A row that
    /// deletes has none: it brings nothing into the books.
    pub amount: Option<Money>,
    /// The currency code the row names, in upper case.
    pub currency: Option<&'c str>,
}

impl CheckedChunk<'_> {
    /// How many rows the chunk has, accepted and rejected.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.chunk.len()
    }

    /// The rows that broke no rule, each as what it asks and its amount. Cheaper than the rows themselves.
    pub fn amounts(&self) -> impl Iterator<Item = (Option<Asked>, Option<Money>)> + '_ {
        let accepted = self.findings.accepted.iter().filter(|accepted| !accepted.is_doubled);
        accepted.map(|accepted| (accepted.asked, accepted.amount))
    }

    /// The rows that broke no rule, in file order.
    ///
    /// # Panics
    /// Never: payloads are put together from whole texts.
    pub fn accepted(&self) -> impl Iterator<Item = CheckedRow<'_>> {
        let rows = self.chunk.rows();
        let payloads = simdutf8::basic::from_utf8(&self.findings.payloads)
            .expect("payloads are put together from whole texts");
        let (mut payload_start, mut word_start) = (0, 0);
        self.findings.accepted.iter().filter_map(move |accepted| {
            let mut row = rows.row(accepted.row);
            row.origin = below(row.origin, self.rows_before, self.lines_before);
            let payload = take(&mut payload_start, accepted.payload_end);
            let key = &self.findings.words[take(&mut word_start, accepted.key_end)];
            let currency = &self.findings.words[take(&mut word_start, accepted.currency_end)];
            (!accepted.is_doubled).then(|| CheckedRow {
                asked: accepted.asked,
                row,
                key: accepted.key_kind.map(|kind| (kind, key)),
                payload: &payloads[payload],
                amount: accepted.amount,
                currency: Some(currency).filter(|currency| !currency.is_empty()),
            })
        })
    }
}

/// What was found in the rows of one chunk. Filled again for other chunks.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) accepted: Vec<Accepted>,
    pub(super) payloads: Vec<u8>,
    /// Keys and currencies of accepted rows.
    pub(super) words: String,
    /// The hash of every row's key; 0 when it has none.
    pub(super) hashes: Vec<u64>,
    pub(super) rejects: Vec<Reject>,
    /// How many values each unsupported column holds; empty when none does.
    pub(super) unsupported: Vec<u64>,
}

/// One accepted row: where its payload ends, and its words.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) row: usize,
    pub(super) payload_end: usize,
    pub(super) key_kind: Option<KeyKind>,
    pub(super) key_end: usize,
    pub(super) currency_end: usize,
    pub(super) amount: Option<Money>,
    pub(super) asked: Option<Asked>,
    pub(super) is_doubled: bool,
}

impl Findings {
    pub(super) fn clear(&mut self) {
        self.accepted.clear();
        self.payloads.clear();
        self.words.clear();
        self.hashes.clear();
        self.rejects.clear();
        self.unsupported.clear();
    }
}

/// A place that counts from the start of a chunk, counted from the start of the file.
pub(super) fn below(origin: Origin, rows: u64, lines: u64) -> Origin {
    Origin { row: origin.row + rows, line: origin.line + lines }
}

/// The range from `start` to `end`, after which the next one starts.
fn take(start: &mut usize, end: usize) -> Range<usize> {
    std::mem::replace(start, end)..end
}
