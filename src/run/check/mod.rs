//! The check stage: a source's rows become payloads or rejects, in file order.
//!
//! In: an opened source, the binding of its columns, and what to check. Out: one [`CheckedChunk`] after the
//! other, each with its accepted rows and its rejects.
//!
//! One thread reads; the rayon pool splits, maps, checks and writes payloads; the caller's thread puts the
//! chunks back in order, finds rows that are doubled in the files, and hands them to the sink.
//!
//! Promises: every row comes out once, accepted or rejected, in file order; the number of chunks in memory is
//! fixed, and what is kept of a row that went by is its key.

mod asked;
mod checker;
mod collector;
mod findings;
mod keys;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::sync::mpsc::{Receiver, Sender, channel};

pub use findings::{CheckedChunk, CheckedRow};

use self::checker::Checker;
use self::collector::Collector;
use self::findings::Findings;
use self::keys::Keys;
use crate::domain::{OnUnsupported, References};
use crate::mapping::Binding;
use crate::source::{Chunk, Source, SourceError};
use crate::validation::Sign;

/// What to check rows against.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckOptions<'r> {
    /// What the sign of a payment's amount means.
    pub sign: Sign,
    /// The target's tables; `None` checks offline.
    pub references: Option<&'r References>,
    /// Whether rows only change records that exist: then a required field may be blank.
    pub changes_only: bool,
    /// What becomes of values that the target has no place for; they are left out while nobody has decided.
    pub on_unsupported: Option<OnUnsupported>,
    /// Whether a code that stands for an id stays in the payload when no table turns it into one.
    pub keeps_codes: bool,
    /// The fields by which rows find their records; empty for their natural key.
    pub match_on: &'r [&'static str],
    /// Whether rows are only compared: then a value that can be read is no fault, whatever a target would say to it,
    /// and neither is a key that stands twice.
    pub only_reads: bool,
}

/// Why a file was not checked to its end.
#[derive(Debug, thiserror::Error)]
pub enum CheckError<E: std::error::Error + 'static> {
    /// The file cannot be read as a table.
    #[error(transparent)]
    Source(SourceError),
    /// The sink refused a chunk.
    #[error(transparent)]
    Sink(E),
}

/// How many rows a file had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedCounts {
    /// Rows that hold anything, the header apart.
    pub rows: u64,
    /// Rows that broke no rule.
    pub accepted: u64,
    /// Rows that broke one or more.
    pub rejected: u64,
    /// How many values each [unsupported](Binding::unsupported) column holds, of rows that were not rejected for it;
    /// empty when there is none.
    pub unsupported: Vec<u64>,
}

/// Checks every row of the only source, see [`Check::check_file`].
pub fn check_file<E: std::error::Error + 'static>(
    source: Source,
    binding: &Binding,
    options: &CheckOptions<'_>,
    sink: impl FnMut(CheckedChunk<'_>) -> Result<(), E>,
) -> Result<CheckedCounts, CheckError<E>> {
    Check::new(*options).check_file(source, binding, sink)
}

/// The check of files that belong together: a row that doubles a row of an earlier file is a reject too.
#[derive(Debug)]
pub struct Check<'r> {
    options: CheckOptions<'r>,
    keys: Keys,
}

impl<'r> Check<'r> {
    /// No file was checked yet.
    #[must_use]
    pub fn new(options: CheckOptions<'r>) -> Self {
        Self { options, keys: Keys::default() }
    }

    /// Checks every row of the next source and hands the outcome to `sink`, chunk by chunk. Blocks until it is
    /// done.
    ///
    /// # Errors
    /// When the file cannot be read as a table, after the sink got the rows before; or when the sink returns
    /// an error, which ends the check.
    pub fn check_file<E: std::error::Error + 'static>(
        &mut self,
        source: Source,
        binding: &Binding,
        sink: impl FnMut(CheckedChunk<'_>) -> Result<(), E>,
    ) -> Result<CheckedCounts, CheckError<E>> {
        let checker = Checker::new(binding, source.headers(), &self.options);
        self.keys.begin_file(source.name());
        let lines = source.rows_start_line() - 1;
        let collector = Collector {
            checker: &checker,
            keys: &mut self.keys,
            counts: CheckedCounts::default(),
            text_bytes: source.text_bytes(),
            lines,
            sink,
        };
        run_check(source, &checker, collector)
    }
}

fn run_check<E: std::error::Error + 'static>(
    source: Source,
    checker: &Checker<'_>,
    collector: Collector<'_, impl FnMut(CheckedChunk<'_>) -> Result<(), E>>,
) -> Result<CheckedCounts, CheckError<E>> {
    let (free_sender, free_chunks) = channel();
    let (done_sender, done) = channel();
    for _ in 0..chunks_in_flight() {
        let _ = free_sender.send(Chunk::default()); // its receiver stands above
    }
    std::thread::scope(move |threads| {
        threads.spawn(move || read_and_check(source, checker, &free_chunks, &done_sender));
        collector.collect(&done, &free_sender) // then drops the sender, which stops the reader
    })
}

/// Enough for every worker to find one waiting while one is read, one collected, and one is late.
fn chunks_in_flight() -> usize {
    2 * rayon::current_num_threads() + 2
}

type Done = (usize, Result<Checked, SourceError>);

/// A chunk with what was found in it.
struct Checked {
    chunk: Chunk,
    findings: Findings,
}

/// Reads the source and has its chunks checked on the pool. Ends when the source does, or when no free chunk
/// comes back because the collector has left.
fn read_and_check(source: Source, checker: &Checker<'_>, free: &Receiver<Chunk>, done: &Sender<Done>) {
    rayon::in_place_scope(|pool| {
        let index = RefCell::new(0);
        let ended = source.read(
            || free.recv().ok(),
            |chunk| {
                let (place, done) = (index.replace_with(|index| *index + 1), done.clone());
                pool.spawn(move |_| {
                    // The collector may have left already: then nobody wants the chunk.
                    let _ = done.send((place, checker.check(chunk)));
                });
            },
        );
        if let Err(error) = ended {
            let _ = done.send((index.into_inner(), Err(error)));
        }
    });
}
