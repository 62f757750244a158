//! Who writes a ledger while rows are delivered: one thread, asked by many tasks.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Poll};
use std::thread;

use tokio::sync::oneshot;

use super::desk::Desk;
use super::{Counters, Ledger, LedgerError, Step};
use crate::domain::Outcome;

/// The thread that owns a ledger: what is waiting goes to disk together, one sync for all.
#[derive(Debug)]
pub struct LedgerWriter {
    handle: LedgerHandle,
    thread: thread::JoinHandle<Result<Ledger, LedgerError>>,
}

/// Asks the thread to write; every call but [`LedgerHandle::ask_soon`] returns once it is on disk.
///
/// The queue has no limit of its own: whoever asks waits for the answer before asking again.
#[derive(Clone, Debug)]
pub struct LedgerHandle {
    requests: Sender<Request>,
    path: PathBuf,
}

#[derive(Debug)]
pub(super) enum Request {
    Write(Write, oneshot::Sender<Result<(), LedgerError>>),
    Close,
}

/// What is to be written, and who waits for it.
pub(super) type Asked = (Write, oneshot::Sender<Result<(), LedgerError>>);

#[derive(Debug)]
pub(super) struct Write {
    pub(super) steps: Vec<(i64, Step)>,
    /// Milliseconds since 1970.
    pub(super) now: i64,
    pub(super) counters: Counters,
    pub(super) promise: Promise,
}

/// When a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// Once it is on disk, and all that was asked before.
    OnDisk,
    /// Once it is written: it outlives the process, and is on disk a little later.
    Soon,
}

impl Write {
    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.counters == Counters::default()
    }
}

impl LedgerWriter {
    /// Hands `ledger`, which must hold its lock, to a thread of its own.
    #[must_use]
    pub fn start(ledger: Ledger) -> Self {
        let (requests, waiting) = channel();
        let path = ledger.path().to_owned();
        let thread = thread::spawn(move || Desk::new(ledger).write_all(&waiting));
        Self { handle: LedgerHandle { requests, path }, thread }
    }

    /// What tasks use to write.
    #[must_use]
    pub fn handle(&self) -> &LedgerHandle {
        &self.handle
    }

    /// Ends the thread once what was asked so far is on disk, and gives the ledger back. Blocks for that long.
    pub fn close(self) -> Result<Ledger, LedgerError> {
        // A thread that is gone shows below.
        drop(self.handle.requests.send(Request::Close));
        self.thread.join().map_err(|_| LedgerError::WriterGone)?
    }
}

impl LedgerHandle {
    /// Where the ledger stands, for a second reader.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Marks rows as being sent at `now`, in milliseconds since 1970.
    pub async fn record_intents(&self, rows: Vec<i64>, now: i64) -> Result<(), LedgerError> {
        self.record(rows.into_iter().map(|row| (row, Step::Send)).collect(), now).await
    }

    /// Records what became of rows.
    pub async fn record_outcomes(&self, outcomes: Vec<(i64, Outcome)>) -> Result<(), LedgerError> {
        self.record(outcomes.into_iter().map(|(row, outcome)| (row, Step::Outcome(outcome))).collect(), 0)
            .await
    }

    /// Takes all of `steps`, or none when one of them is illegal.
    pub async fn record(&self, steps: Vec<(i64, Step)>, now: i64) -> Result<(), LedgerError> {
        self.ask(steps, now)?.await
    }

    /// Asks for all of `steps` and returns at once; they are on disk when [`Written`] is awaited. What is asked
    /// later is written later.
    pub fn ask(&self, steps: Vec<(i64, Step)>, now: i64) -> Result<Written, LedgerError> {
        self.ask_counted(steps, now, Counters::default())
    }

    /// Like [`LedgerHandle::ask`], and adds to what is counted: both or neither reach the disk. With nothing to write
    /// it waits until all that was asked before is on disk.
    pub fn ask_counted(
        &self,
        steps: Vec<(i64, Step)>,
        now: i64,
        counters: Counters,
    ) -> Result<Written, LedgerError> {
        self.request(Write { steps, now, counters, promise: Promise::OnDisk })
    }

    /// Like [`LedgerHandle::ask_counted`], but [`Written`] does not wait for the disk: the steps outlive the process
    /// by then, and are on disk a quarter of a second later, or with the next request that waits for it. For what may
    /// be lost with the machine's power because it can be looked up: what became of rows, never an intent.
    pub fn ask_soon(
        &self,
        steps: Vec<(i64, Step)>,
        now: i64,
        counters: Counters,
    ) -> Result<Written, LedgerError> {
        debug_assert!(steps.iter().all(|(_, step)| *step != Step::Send), "an intent waits for the disk");
        self.request(Write { steps, now, counters, promise: Promise::Soon })
    }

    fn request(&self, write: Write) -> Result<Written, LedgerError> {
        let (written, answer) = oneshot::channel();
        self.requests.send(Request::Write(write, written)).map_err(|_| LedgerError::WriterGone)?;
        Ok(Written(answer))
    }
}

/// Resolves once what was asked is on disk, or written where that was asked for. Dropping it takes nothing back.
#[derive(Debug)]
#[must_use = "only awaiting it tells whether the ledger took the steps"]
pub struct Written(oneshot::Receiver<Result<(), LedgerError>>);

impl Future for Written {
    type Output = Result<(), LedgerError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(LedgerError::WriterGone)))
    }
}
