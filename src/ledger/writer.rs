//! The one thread that writes a ledger while rows are delivered.

use std::path::{Path, PathBuf};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::{Ledger, LedgerError, Step};
use crate::domain::Outcome;

/// Enough for every worker to have a request waiting; more would only hide a slow disk.
const WAITING_REQUESTS: usize = 64;

/// A handle to the thread that owns the ledger: what is waiting goes to disk together, one sync for all.
///
/// Dropping every handle ends the thread after it has written what was asked; [`LedgerWriter::close`] also gives
/// the ledger back.
#[derive(Debug)]
pub struct LedgerWriter {
    requests: mpsc::Sender<Request>,
    thread: thread::JoinHandle<Ledger>,
    path: PathBuf,
}

#[derive(Debug)]
struct Request {
    steps: Vec<(i64, Step)>,
    now: i64,
    written: oneshot::Sender<Result<(), LedgerError>>,
}

impl LedgerWriter {
    /// Hands `ledger`, which must hold its lock, to a thread of its own.
    #[must_use]
    pub fn start(ledger: Ledger) -> Self {
        let (requests, waiting) = mpsc::channel(WAITING_REQUESTS);
        let path = ledger.path().to_owned();
        let thread = thread::spawn(move || write_all(ledger, waiting));
        Self { requests, thread, path }
    }

    /// Where the ledger stands, for a second reader.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Marks rows as being sent at `now`, in milliseconds since 1970; on disk when this returns.
    pub async fn record_intents(&self, rows: Vec<i64>, now: i64) -> Result<(), LedgerError> {
        self.record(rows.into_iter().map(|row| (row, Step::Send)).collect(), now).await
    }

    /// Records what became of rows; on disk when this returns.
    pub async fn record_outcomes(&self, outcomes: Vec<(i64, Outcome)>) -> Result<(), LedgerError> {
        self.record(outcomes.into_iter().map(|(row, outcome)| (row, Step::Outcome(outcome))).collect(), 0)
            .await
    }

    /// Takes all of `steps`, or none when one of them is illegal; on disk when this returns.
    pub async fn record(&self, steps: Vec<(i64, Step)>, now: i64) -> Result<(), LedgerError> {
        if steps.is_empty() {
            return Ok(());
        }
        let (written, answer) = oneshot::channel();
        let request = Request { steps, now, written };
        self.requests.send(request).await.map_err(|_| LedgerError::WriterGone)?;
        answer.await.map_err(|_| LedgerError::WriterGone)?
    }

    /// Ends the thread and gives the ledger back. Blocks until everything is written.
    pub fn close(self) -> Result<Ledger, LedgerError> {
        drop(self.requests);
        self.thread.join().map_err(|_| LedgerError::WriterGone)
    }
}

fn write_all(mut ledger: Ledger, mut waiting: mpsc::Receiver<Request>) -> Ledger {
    let mut group = Vec::with_capacity(WAITING_REQUESTS);
    while waiting.blocking_recv_many(&mut group, WAITING_REQUESTS) > 0 {
        write_group(&mut ledger, group.drain(..));
    }
    ledger
}

/// A request with an illegal step fails alone; a failed sync fails the whole group.
fn write_group(ledger: &mut Ledger, requests: impl Iterator<Item = Request>) {
    let mut group = match ledger.begin() {
        Ok(group) => group,
        // Nobody is told more than that the writer has stopped: an error cannot be cloned for each request.
        Err(cause) => return answer_one(requests, cause),
    };
    let mut recorded = Vec::new();
    for Request { steps, now, written } in requests {
        match group.record(&steps, now) {
            Ok(()) => recorded.push(written),
            Err(cause) => drop(written.send(Err(cause))),
        }
    }
    match group.commit() {
        Ok(()) => recorded.into_iter().for_each(|written| drop(written.send(Ok(())))),
        Err(cause) => {
            let mut cause = Some(cause);
            for written in recorded {
                drop(written.send(Err(cause.take().unwrap_or(LedgerError::WriterGone))));
            }
        }
    }
}

fn answer_one(requests: impl Iterator<Item = Request>, cause: LedgerError) {
    let mut cause = Some(cause);
    for request in requests {
        drop(request.written.send(Err(cause.take().unwrap_or(LedgerError::WriterGone))));
    }
}
