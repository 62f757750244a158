//! Puts checked chunks back into the order of the file, and settles what only that order decides.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender};

use super::checker::Checker;
use super::findings::{CheckedChunk, Findings, below};
use super::keys::Keys;
use super::{CheckError, Checked, CheckedCounts, Done};
use crate::source::Chunk;

/// Puts checked chunks back in order and settles what only the order decides.
pub(super) struct Collector<'f, S> {
    pub(super) checker: &'f Checker<'f>,
    pub(super) keys: &'f mut Keys,
    pub(super) counts: CheckedCounts,
    pub(super) text_bytes: Option<u64>,
    pub(super) lines: u64,
    pub(super) sink: S,
}

impl<S> Collector<'_, S> {
    /// Takes chunks until all are done, in order, and gives their memory back to the reader.
    pub(super) fn collect<E: std::error::Error + 'static>(
        mut self,
        done: &Receiver<Done>,
        free: &Sender<Chunk>,
    ) -> Result<CheckedCounts, CheckError<E>>
    where
        S: FnMut(CheckedChunk<'_>) -> Result<(), E>,
    {
        let mut early = BTreeMap::new();
        for next in 0.. {
            let checked = loop {
                if let Some(checked) = early.remove(&next) {
                    break checked;
                }
                let Ok((index, checked)) = done.recv() else { return Ok(self.counts) };
                early.insert(index, checked);
            };
            let checked = checked.map_err(|error| CheckError::Source(error.below(self.lines)))?;
            let Checked { chunk, mut findings } = checked;
            self.settle(&chunk, &mut findings).map_err(CheckError::Sink)?;
            self.checker.spare().push(findings);
            // The reader may have left already: then nobody wants the chunk.
            let _ = free.send(chunk);
        }
        Ok(self.counts)
    }

    /// Makes room for the keys of a text file whose rows are about as long as those of its first chunk.
    fn expect_rows_like(&mut self, first: &Chunk) {
        if let Some(text_bytes) = self.text_bytes
            && first.bytes() > 0
        {
            let rows = text_bytes.saturating_mul(first.len() as u64) / first.bytes() as u64;
            self.keys.seen.expect_rows(rows);
        }
    }

    fn settle<E>(&mut self, chunk: &Chunk, findings: &mut Findings) -> Result<(), E>
    where
        S: FnMut(CheckedChunk<'_>) -> Result<(), E>,
    {
        if self.counts.rows == 0 {
            self.expect_rows_like(chunk);
        }
        self.keys.seen.touch(&findings.hashes);
        for index in 0..findings.hashes.len() {
            if findings.hashes[index] != 0
                && let Some(first) =
                    self.keys.insert(findings.hashes[index], self.lines + chunk.line_of(index) + 1)
            {
                self.checker.reject_doubled(chunk, findings, index, &first);
            }
        }
        let mut rejects = std::mem::take(&mut findings.rejects);
        for reject in &mut rejects {
            reject.origin = below(reject.origin, self.counts.rows, self.lines);
        }
        self.counts.unsupported.resize(self.counts.unsupported.len().max(findings.unsupported.len()), 0);
        for (sum, more) in self.counts.unsupported.iter_mut().zip(&findings.unsupported) {
            *sum += more;
        }
        let (rows_before, lines_before) = (self.counts.rows, self.lines);
        self.counts.rows += chunk.len() as u64;
        self.counts.rejected += rejects.len() as u64;
        self.counts.accepted = self.counts.rows - self.counts.rejected;
        self.lines += chunk.lines();
        (self.sink)(CheckedChunk { rejects, chunk, findings, rows_before, lines_before })
    }
}
