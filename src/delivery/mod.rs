//! Carries out a plan: pending rows in, durable outcomes out, each row exactly once.
//!
//! ```text
//!            ┌────────────── not done: later ──────────────┐
//!            ▼                                             │
//! plan ──► backlog ──► pace ──► intent ──► request ──► outcome ──► done, refused or conflict
//!            │                  durable                durable
//!            └──► doubts ──► pace ──► lookup ──► judgement ──► done, conflict, or back to the backlog
//! ```
//!
//! In: a ledger with a whole plan. Out: the same ledger, and how it ended. `apply` and `resume` are the same
//! call: what an earlier process left in flight is looked up before it is sent again.
//!
//! Promises: no request leaves before its intent is on disk; nothing is sent again that may have been carried
//! out; no credential exceeds its [pace](crate::pace), however many runs and processes of a project use it, one after
//! the other or at once; a stop drains what is in flight; whatever happens, the ledger can be delivered again.
//!
//! Every operation counts, and every lookup; reads of a plan or an export count the same. Where the transport was told
//! of no [record](crate::pace::Record), a delivery counts what it sends itself.

mod answer;
mod backlog;
mod batch_size;
mod congestion;
mod doubt;
mod first_look;
mod forecast;
mod judgement;
mod lane;
mod lines;
mod options;
mod outcome;
mod place;
mod posting;
mod retry;
mod settler;
mod shared;
mod slice;
#[cfg(test)]
mod tests;
mod throttle;
mod worker;

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet, spawn_blocking};

pub use lines::reserve_lines;
pub use options::{DeliveryOptions, ErrorLimit, ErrorLimitError, OnConflict};
pub use slice::{Lines, LinesError, Slice};

use crate::connector::Connector;
use crate::domain::State;
use crate::ledger::{Ledger, LedgerError, LedgerWriter, OpenRow};
use crate::pace::PaceError;
pub use crate::pace::Rate;
use crate::transport::{Transport, TransportError};
use options::Target;
use shared::Shared;

/// Rows read from the plan at a time.
const PAGE_ROWS: usize = 1_000;

/// How a delivery ended. All but the first can be resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryEnd {
    /// Every row that could be settled is; some may be refused, in conflict, or in doubt for a person.
    Finished,
    /// The user stopped it; what was in flight is drained.
    Interrupted,
    /// As many rows were refused or in conflict as the user allows.
    TooManyErrors,
    /// The target did not answer, or asked for pauses, past the retry budget.
    Unreachable,
    /// The credentials are not accepted, or may not do this.
    NotAuthenticated,
}

/// Something worth showing while rows are delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryEvent {
    /// This many operations are leaving.
    Sent(usize),
    /// This many rows were carried out.
    Accepted(usize),
    /// This many rows were refused.
    Refused(usize),
    /// This many rows turned out to be in conflict.
    Conflicts(usize),
    /// This many rows are in doubt and will be looked up.
    InDoubt(usize),
    /// This many rows that were in doubt are settled.
    Settled(usize),
    /// This many rows will be sent again.
    Retried(usize),
    /// This many rows stay in doubt for a person.
    LeftInDoubt(usize),
    /// Nothing is sent for this long, because the target asked for it or does not answer.
    Waiting(std::time::Duration),
    /// Nothing new is sent any more; the words say why.
    Stopping(String),
}

/// Why delivery could not go on at all. What was sent is in the ledger.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The ledger could not be read or written, so nothing more may be sent.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What the credential uses could not be kept, so nothing more may be sent.
    #[error(transparent)]
    Pace(#[from] PaceError),
    /// The transport refuses to send: an address, a header or a redirect cannot be trusted.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A task ended by a bug.
    #[error("a delivery task failed")]
    Task(#[from] JoinError),
}

/// Delivers every open row of the ledger, over all the credentials of `transport`.
///
/// `stop` turning true stops new requests and drains those in flight. Dropping the future is like a crash: what
/// was in flight is in doubt when the ledger is opened again.
///
/// # Errors
/// When the ledger fails or the target's address cannot be trusted. A target that does not answer is no error
/// but an end.
pub async fn deliver(
    ledger: &LedgerWriter,
    transport: Arc<Transport>,
    connector: Arc<dyn Connector>,
    options: DeliveryOptions,
    stop: watch::Receiver<bool>,
    on_event: &(dyn Fn(DeliveryEvent) + Send + Sync),
) -> Result<DeliveryEnd, DeliveryError> {
    let (events, mut told) = mpsc::unbounded_channel();
    let target = Target { transport, connector };
    let shared = Arc::new(Shared::new(ledger.handle().clone(), target, options, events));
    let outcome = run(&shared, stop, (&mut told, on_event)).await;
    for lane in &shared.lanes {
        // What cannot be given back counts as if it had left, which keeps the next run waiting and does no harm.
        drop(lane.allowance.close().await);
    }
    shared.ledger.ask_counted(Vec::new(), 0, shared.take_counters())?.await?;
    outcome?;
    shared.failure().map_or(Ok(()), Err)?;
    Ok(shared.end().unwrap_or(DeliveryEnd::Finished))
}

type Told<'a> = (&'a mut mpsc::UnboundedReceiver<DeliveryEvent>, &'a (dyn Fn(DeliveryEvent) + Send + Sync));

/// Runs the feeder, the workers of every credential and the settler until all have come to their end.
async fn run(
    shared: &Arc<Shared>,
    stop: watch::Receiver<bool>,
    (told, on_event): Told<'_>,
) -> Result<(), DeliveryError> {
    let doubtful = what_an_earlier_process_left(shared).await?;
    let known: HashSet<i64> = doubtful.iter().map(|row| row.id).collect();
    shared.doubt_again(doubtful);
    let mut tasks = JoinSet::new();
    tasks.spawn(feed(shared.clone(), known));
    tasks.spawn(settler::settle(shared.clone()));
    for lane in 0..shared.lanes.len() {
        for _ in 0..shared.options.in_flight {
            worker::start(&mut tasks, shared, lane);
        }
    }
    let mut stopper = JoinSet::new();
    stopper.spawn(stop_when_told(shared.clone(), stop));
    let mut outcome = Ok(());
    loop {
        tokio::select! {
            Some(event) = told.recv() => on_event(event),
            ended = tasks.join_next() => match ended {
                None => break,
                Some(Ok(Ok(()))) => {}
                Some(failed) => {
                    shared.finish_with(DeliveryEnd::Interrupted, "delivery cannot go on");
                    outcome = outcome.and(failed.map_err(DeliveryError::from).flatten());
                }
            },
        }
    }
    while let Ok(event) = told.try_recv() {
        on_event(event);
    }
    outcome
}

/// What an earlier process left in doubt, all of it: never more than was in flight, and what a person has not
/// looked at yet.
async fn what_an_earlier_process_left(shared: &Shared) -> Result<Vec<OpenRow>, DeliveryError> {
    let path = shared.ledger.path().to_owned();
    let read = spawn_blocking(move || -> Result<_, LedgerError> {
        let ledger = Ledger::open(&path)?;
        Ok((ledger.open_rows(State::InDoubt, 0, usize::MAX)?, ledger.header()?.journal_code))
    });
    let (rows, journal) = read.await??;
    shared.journal.get_or_init(|| journal.unwrap_or_default());
    Ok(rows)
}

async fn stop_when_told(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    // An error means that nobody is left who could stop the run.
    if stop.wait_for(|is_stopped| *is_stopped).await.is_ok() {
        shared.finish_with(DeliveryEnd::Interrupted, "stopped by the user");
    }
}

/// Reads the planned rows page by page, leaving out those that are looked up first and those beyond the slice.
async fn feed(shared: Arc<Shared>, known: HashSet<i64>) -> Result<(), DeliveryError> {
    let (pages, mut ready) = mpsc::channel::<Vec<OpenRow>>(1);
    let path = shared.ledger.path().to_owned();
    let slice = shared.options.slice.clone();
    let reader = spawn_blocking(move || -> Result<(), LedgerError> {
        let ledger = Ledger::open(&path)?;
        let (mut after, mut left) = (0, slice.limit.unwrap_or(u64::MAX));
        while left > 0 {
            let mut page = ledger.open_rows(State::Planned, after, PAGE_ROWS)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            page.retain(|row| !known.contains(&row.id) && slice.has_line(row.line));
            page.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= page.len() as u64;
            if pages.blocking_send(page).is_err() {
                return Ok(());
            }
        }
        Ok(())
    });
    while let Some(page) = ready.recv().await {
        shared.backlog.fill(page).await;
        if shared.is_ending() {
            break;
        }
    }
    drop(ready);
    reader.await??;
    shared.backlog.has_all();
    Ok(())
}
