//! The thread that writes a ledger: what is waiting goes to disk together, one sync for all.
//!
//! What must not be lost waits for the disk: an intent, above all. What is only good to know, the outcome of a row, is
//! written at once, so that it outlives the process, and reaches the disk with the next intent or a little later: a
//! machine that loses its power in between leaves a row in doubt, which is looked up.

use std::iter;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::steps::Group;
use super::writer::{Asked, Promise, Request, Write};
use super::{Counters, Ledger, LedgerError};

/// Requests that go to disk together at most; what waits longer only shows a slow disk.
const GROUP_REQUESTS: usize = 64;

/// What is written waits no longer than this for others to reach the disk with.
const LATEST: Duration = Duration::from_millis(250);

/// The ledger, and what is not on disk yet.
pub(super) struct Desk {
    ledger: Ledger,
    /// Since when something is written that may not be on disk.
    unsynced: Option<Instant>,
    /// Why what was written did not reach the disk: nothing more is written then.
    broken: Option<LedgerError>,
}

impl Desk {
    pub(super) fn new(ledger: Ledger) -> Self {
        Self { ledger, unsynced: None, broken: None }
    }

    /// Writes until it is told to close, or nobody is left who could ask; then everything is on disk.
    pub(super) fn write_all(mut self, waiting: &Receiver<Request>) -> Result<Ledger, LedgerError> {
        let mut is_closing = false;
        while let Some(first) = self.next(waiting) {
            let requests = iter::once(first).chain(waiting.try_iter().take(GROUP_REQUESTS - 1));
            let writes = requests.filter_map(|request| match request {
                Request::Write(write, written) => Some((write, written)),
                Request::Close => {
                    is_closing = true;
                    None
                }
            });
            let writes = writes.collect();
            self.write_together(writes);
            if is_closing {
                break;
            }
        }
        self.sync();
        let failure = self.broken.or(self.ledger.wait_for_disk(true).err());
        failure.map_or(Ok(self.ledger), Err)
    }

    /// The next request; `None` when there will be none.
    fn next(&mut self, waiting: &Receiver<Request>) -> Option<Request> {
        loop {
            let Some(since) = self.unsynced else { return waiting.recv().ok() };
            match waiting.recv_timeout(LATEST.saturating_sub(since.elapsed())) {
                Ok(request) => return Some(request),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => self.sync(),
            }
        }
    }

    fn write_together(&mut self, requests: Vec<Asked>) {
        let waits = requests.iter().any(|(write, _)| write.promise == Promise::OnDisk)
            || self.unsynced.is_some_and(|since| since.elapsed() >= LATEST);
        let is_empty = requests.iter().all(|(write, _)| write.is_empty());
        if is_empty && waits {
            self.sync();
        }
        let failure = self.broken.as_ref().map(again).or_else(|| self.ledger.wait_for_disk(waits).err());
        if let Some(cause) = failure {
            return answer_all(requests, Err(&cause));
        }
        if is_empty {
            return answer_all(requests, Ok(()));
        }
        match (waits, write_group(&mut self.ledger, requests)) {
            (true, Ok(true)) => self.unsynced = None,
            (true, Ok(false)) => {}
            // A disk tells of what it has lost once, and takes the next write as if nothing were missing before it.
            (true, Err(cause)) => self.broken = Some(cause),
            (false, _) => _ = self.unsynced.get_or_insert_with(Instant::now),
        }
    }

    /// Brings to disk what is only written.
    fn sync(&mut self) {
        if self.unsynced.take().is_some() {
            self.broken = self.ledger.sync().err();
        }
    }
}

/// A request with an illegal step fails alone; a failed sync fails the whole group and is returned. Returns whether all
/// was taken.
///
/// Steps are almost never illegal, so nothing is done beforehand to undo a single request: when one fails, the group
/// is dropped and its requests are written one by one.
fn write_group(ledger: &mut Ledger, requests: Vec<Asked>) -> Result<bool, LedgerError> {
    let mut group = match ledger.begin() {
        Ok(group) => group,
        Err(cause) => {
            answer_all(requests, Err(&cause));
            return Ok(false);
        }
    };
    if record_all(&mut group, &requests).is_err() {
        drop(group);
        let mut failure = None;
        for (write, written) in requests {
            let recorded = record_alone(ledger, &write);
            if let Err(cause @ LedgerError::Sqlite { .. }) = &recorded {
                failure.get_or_insert_with(|| again(cause));
            }
            // Whoever has stopped waiting needs no answer.
            drop(written.send(recorded));
        }
        return failure.map_or(Ok(false), Err);
    }
    let committed = group.commit();
    answer_all(requests, committed.as_ref().copied());
    committed.map(|()| true)
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
fn answer_all(requests: Vec<Asked>, outcome: Result<(), &LedgerError>) {
    for (_, written) in requests {
        drop(written.send(outcome.map_err(again)));
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use tokio::sync::oneshot;

    use super::super::model_tests::{header, planned};
    use super::super::{LedgerWriter, Step};
    use super::*;
    use crate::domain::{Action, Outcome, State};

    const ROWS: u64 = 3;

    /// What the log grows by with each page.
    const FRAME: u64 = 8_192 + 24;

    fn ledger(folder: &Path) -> Ledger {
        let mut ledger = Ledger::create(&folder.join("run.ferry"), &header()).unwrap();
        let rows: Vec<_> = (1..=ROWS).map(|number| planned(number, Action::Create)).collect();
        ledger.append_rows(&rows).unwrap();
        ledger.finish_planning(&header()).unwrap();
        // From here on the log only grows.
        let other = rusqlite::Connection::open(ledger.path()).unwrap();
        other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        ledger
    }

    fn lost() -> Step {
        Step::Outcome(Outcome::InDoubt("lost".to_owned()))
    }

    fn log_bytes(folder: &Path) -> u64 {
        fs::metadata(folder.join("run.ferry-wal")).unwrap().len()
    }

    fn write(desk: &mut Desk, steps: Vec<(i64, Step)>, promise: Promise) {
        let (written, mut answer) = oneshot::channel();
        let write = Write { steps, now: 1, counters: Counters::default(), promise };
        desk.write_together(vec![(write, written)]);
        answer.try_recv().unwrap().unwrap();
    }

    #[test]
    fn an_intent_waits_for_the_disk_whatever_was_written_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Desk::new(ledger(folder.path()));
        for row in 1..=3 {
            write(&mut desk, vec![(row, Step::Send)], Promise::OnDisk);
            assert!(desk.ledger.waits_for_disk && desk.unsynced.is_none());
            write(&mut desk, vec![(row, lost())], Promise::Soon);
            assert!(!desk.ledger.waits_for_disk && desk.unsynced.is_some());
        }
    }

    #[test]
    fn an_outcome_that_has_waited_long_takes_the_next_ones_to_disk() {
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Desk::new(ledger(folder.path()));
        write(&mut desk, vec![(1, Step::Send), (2, Step::Send)], Promise::OnDisk);
        write(&mut desk, vec![(1, lost())], Promise::Soon);
        desk.unsynced = desk.unsynced.and_then(|since| since.checked_sub(LATEST));
        write(&mut desk, vec![(2, lost())], Promise::Soon);
        assert!(desk.ledger.waits_for_disk && desk.unsynced.is_none());
    }

    #[test]
    fn who_asks_for_nothing_waits_for_all_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Desk::new(ledger(folder.path()));
        write(&mut desk, vec![(1, Step::Send)], Promise::OnDisk);
        write(&mut desk, vec![(1, lost())], Promise::Soon);
        let before = log_bytes(folder.path());
        write(&mut desk, Vec::new(), Promise::OnDisk);
        assert!(desk.unsynced.is_none() && log_bytes(folder.path()) > before);
    }

    #[tokio::test]
    async fn an_outcome_is_written_at_once_and_reaches_the_disk_though_nothing_follows() {
        let folder = tempfile::tempdir().unwrap();
        let writer = LedgerWriter::start(ledger(folder.path()));
        writer.handle().record_intents(vec![1, 2], 1).await.unwrap();
        let before = log_bytes(folder.path());
        writer.handle().ask_soon(vec![(1, lost())], 1, Counters::default()).unwrap().await.unwrap();
        let seen = Ledger::open(writer.handle().path()).unwrap().counts().unwrap();
        assert_eq!(seen.of_state(State::InDoubt), 1);
        // A page with the outcome, and one that waits for the disk.
        let begun = Instant::now();
        while log_bytes(folder.path()) < before + 2 * FRAME {
            assert!(begun.elapsed() < Duration::from_secs(20), "nothing reached the disk");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        writer.handle().ask_soon(vec![(2, lost())], 1, Counters::default()).unwrap().await.unwrap();
        let closed = writer.close().unwrap();
        assert!(closed.waits_for_disk);
        assert_eq!(log_bytes(folder.path()), before + 4 * FRAME);
    }
}
