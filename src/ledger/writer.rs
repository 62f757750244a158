//! The one thread that writes a ledger while rows are delivered.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::steps::Group;
use super::{Counters, Ledger, LedgerError, Step};
use crate::domain::Outcome;

/// Requests that go to disk together at most; what waits longer only shows a slow disk.
const GROUP_REQUESTS: usize = 64;

/// The thread that owns a ledger: what is waiting goes to disk together, one sync for all.
#[derive(Debug)]
pub struct LedgerWriter {
    handle: LedgerHandle,
    thread: thread::JoinHandle<Ledger>,
}

/// Asks the thread to write; every call returns once it is on disk.
///
/// The queue has no limit of its own: whoever asks waits for the answer before asking again.
#[derive(Clone, Debug)]
pub struct LedgerHandle {
    requests: mpsc::UnboundedSender<Request>,
    path: PathBuf,
}

#[derive(Debug)]
enum Request {
    Write(Write, oneshot::Sender<Result<(), LedgerError>>),
    Close,
}

#[derive(Debug)]
struct Write {
    steps: Vec<(i64, Step)>,
    /// Milliseconds since 1970.
    now: i64,
    counters: Counters,
}

impl LedgerWriter {
    /// Hands `ledger`, which must hold its lock, to a thread of its own.
    #[must_use]
    pub fn start(ledger: Ledger) -> Self {
        let (requests, waiting) = mpsc::unbounded_channel();
        let path = ledger.path().to_owned();
        let thread = thread::spawn(move || write_all(ledger, waiting));
        Self { handle: LedgerHandle { requests, path }, thread }
    }

    /// What tasks use to write.
    #[must_use]
    pub fn handle(&self) -> &LedgerHandle {
        &self.handle
    }

    /// Ends the thread after what was asked so far, and gives the ledger back. Blocks for that long.
    pub fn close(self) -> Result<Ledger, LedgerError> {
        // A thread that is gone shows below.
        drop(self.handle.requests.send(Request::Close));
        self.thread.join().map_err(|_| LedgerError::WriterGone)
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

    /// Like [`LedgerHandle::ask`], and adds to what is counted: both or neither reach the disk.
    pub fn ask_counted(
        &self,
        steps: Vec<(i64, Step)>,
        now: i64,
        counters: Counters,
    ) -> Result<Written, LedgerError> {
        self.request(Write { steps, now, counters })
    }

    fn request(&self, write: Write) -> Result<Written, LedgerError> {
        let (written, answer) = oneshot::channel();
        self.requests.send(Request::Write(write, written)).map_err(|_| LedgerError::WriterGone)?;
        Ok(Written(answer))
    }
}

/// Resolves once what was asked is on disk. Dropping it takes nothing back.
#[derive(Debug)]
#[must_use = "only awaiting it tells whether the ledger took the steps"]
pub struct Written(oneshot::Receiver<Result<(), LedgerError>>);

impl Future for Written {
    type Output = Result<(), LedgerError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(LedgerError::WriterGone)))
    }
}

fn write_all(mut ledger: Ledger, mut waiting: mpsc::UnboundedReceiver<Request>) -> Ledger {
    let mut requests = Vec::with_capacity(GROUP_REQUESTS);
    while waiting.blocking_recv_many(&mut requests, GROUP_REQUESTS) > 0 {
        let mut is_closing = false;
        let writes = requests.drain(..).filter_map(|request| match request {
            Request::Write(write, written) => Some((write, written)),
            Request::Close => {
                is_closing = true;
                None
            }
        });
        write_group(&mut ledger, writes.collect());
        if is_closing {
            break;
        }
    }
    ledger
}

type Asked = (Write, oneshot::Sender<Result<(), LedgerError>>);

/// A request with an illegal step fails alone; a failed sync fails the whole group.
///
/// Steps are almost never illegal, so nothing is done beforehand to undo a single request: when one fails, the group
/// is dropped and its requests are written one by one.
fn write_group(ledger: &mut Ledger, requests: Vec<Asked>) {
    let mut group = match ledger.begin() {
        Ok(group) => group,
        Err(cause) => return answer_all(requests.into_iter().map(|(_, written)| written), &cause),
    };
    if record_all(&mut group, &requests).is_err() {
        drop(group);
        for (write, written) in requests {
            // Whoever has stopped waiting needs no answer.
            drop(written.send(record_alone(ledger, &write)));
        }
        return;
    }
    let committed = group.commit();
    let waiting = requests.into_iter().map(|(_, written)| written);
    match committed {
        Ok(()) => waiting.for_each(|written| drop(written.send(Ok(())))),
        Err(cause) => answer_all(waiting, &cause),
    }
}

fn record_all(group: &mut Group<'_>, requests: &[Asked]) -> Result<(), LedgerError> {
    let mut counted = Counters::default();
    for (write, _) in requests {
        group.record(&write.steps, write.now)?;
        counted = counted + write.counters;
    }
    group.add_counters(counted)
}

fn record_alone(ledger: &mut Ledger, write: &Write) -> Result<(), LedgerError> {
    let mut group = ledger.begin()?;
    group.record(&write.steps, write.now)?;
    group.add_counters(write.counters)?;
    group.commit()
}

/// Everybody is told the cause: whoever asks first what went wrong must not hear that others know.
fn answer_all(waiting: impl Iterator<Item = oneshot::Sender<Result<(), LedgerError>>>, cause: &LedgerError) {
    for written in waiting {
        drop(written.send(Err(again(cause))));
    }
}

/// The same error once more, as far as it can be had twice.
fn again(cause: &LedgerError) -> LedgerError {
    match cause {
        LedgerError::Sqlite { action, path, source: rusqlite::Error::SqliteFailure(code, words) } => {
            let source = rusqlite::Error::SqliteFailure(*code, words.clone());
            LedgerError::Sqlite { action, path: path.clone(), source }
        }
        _ => LedgerError::WriterGone,
    }
}
