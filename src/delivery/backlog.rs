//! The rows that still need something: a request, a pause and a request, or a lookup.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::doubt::Doubt;
use crate::ledger::OpenRow;

/// Below this many rows at hand the next page is taken in.
const LOW: usize = 1_000;

/// A row to send.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) row: OpenRow,
    /// How often this process has sent it in vain.
    pub(super) tries: u32,
    /// What stays as somebody else set it, in words; empty when the whole row is sent.
    pub(super) kept: String,
    /// The most rows it may share a batch with, itself counted: a batch that fails as a whole is halved until the row
    /// to blame stands alone. One row alone goes in a request of its own.
    pub(super) together: usize,
    /// Whether it counts among the rows sent.
    pub(super) is_counted: bool,
}

impl Job {
    /// A row that was not tried yet.
    pub(super) fn new(row: OpenRow) -> Self {
        Self { row, tries: 0, kept: String::new(), together: usize::MAX, is_counted: false }
    }
}

/// Rows handed out come back with [`Backlog::put`], settled or not; when none is out, none waits and the plan is
/// read to its end, the work is done.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    ready: VecDeque<Job>,
    later: BTreeMap<(Instant, i64), Job>,
    doubts: BTreeMap<(Instant, i64), Doubt>,
    handed_out: usize,
    has_all: bool,
    is_closed: bool,
}

impl Backlog {
    /// Takes a page of the plan in, once there is room for it.
    pub(super) async fn fill(&self, rows: Vec<OpenRow>) {
        self.when(|inner, _| (inner.is_closed || inner.ready.len() < LOW).then_some(())).await;
        self.inner().ready.extend(rows.into_iter().map(Job::new));
        self.changed.notify_waiters();
    }

    /// Says that the plan was read to its end.
    pub(super) fn has_all(&self) {
        self.inner().has_all = true;
        self.changed.notify_waiters();
    }

    /// Hands out nothing more.
    pub(super) fn close(&self) {
        self.inner().is_closed = true;
        self.changed.notify_waiters();
    }

    /// Up to `limit` rows to send; `None` when the work is done or the backlog closed.
    pub(super) async fn take(&self, limit: usize) -> Option<Vec<Job>> {
        let mut is_low = false;
        let taken = self
            .when(|inner, now| {
                inner.wake(now);
                let taken = inner.hand_out(|inner| inner.draw(limit));
                is_low = inner.ready.len() < LOW;
                taken
            })
            .await;
        if is_low {
            // The next page is taken in while these rows are on their way.
            self.changed.notify_waiters();
        }
        taken
    }

    /// Up to `limit` rows to look up; `None` when the work is done or the backlog closed.
    pub(super) async fn take_doubts(&self, limit: usize) -> Option<Vec<Doubt>> {
        self.when(|inner, now| {
            inner.hand_out(|inner| {
                let due = inner.doubts.keys().take_while(|(at, _)| *at <= now).take(limit).copied();
                let due: Vec<_> = due.collect();
                due.iter().filter_map(|key| inner.doubts.remove(key)).collect()
            })
        })
        .await
    }

    /// Waits until no row is in doubt; for a taker that holds no row itself.
    pub(super) async fn without_doubts(&self) {
        self.when(|inner, _| {
            (inner.is_closed || (inner.doubts.is_empty() && inner.handed_out == 0)).then_some(())
        })
        .await;
    }

    /// Takes `handed` rows back: those not in `jobs` or `doubts` are settled for this process.
    pub(super) fn put(&self, handed: usize, jobs: Vec<(Instant, Job)>, doubts: Vec<(Instant, Doubt)>) {
        let mut inner = self.inner();
        inner.handed_out -= handed;
        inner.later.extend(jobs.into_iter().map(|(at, job)| ((at, job.row.id), job)));
        inner.doubts.extend(doubts.into_iter().map(|(at, doubt)| ((at, doubt.row.id), doubt)));
        drop(inner);
        self.changed.notify_waiters();
    }

    /// Waits until `look` finds something; looks again after every change and when the next row is due.
    ///
    /// What is due is told by one reading of the clock: a row that becomes due while it is looked for is the next one.
    async fn when<T>(&self, mut look: impl FnMut(&mut Inner, Instant) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let next_due = {
                let mut inner = self.inner();
                let now = Instant::now();
                if let Some(found) = look(&mut inner, now) {
                    return found;
                }
                inner.next_due(now)
            };
            match next_due {
                Some(due) => tokio::select! {
                    () = &mut changed => {}
                    () = sleep_until(due) => {}
                },
                None => changed.await,
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing inside can be left half done by a panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// `Some(None)` ends the taker, `None` makes it wait.
    #[expect(clippy::option_option, reason = "the outer level is `wait`, the inner one `no more`")]
    fn hand_out<T>(&mut self, take: impl FnOnce(&mut Self) -> Vec<T>) -> Option<Option<Vec<T>>> {
        if self.is_closed {
            return Some(None);
        }
        let taken = take(self);
        self.handed_out += taken.len();
        match taken.is_empty() {
            false => Some(Some(taken)),
            true if self.is_done() => Some(None),
            true => None,
        }
    }

    fn is_done(&self) -> bool {
        self.has_all
            && self.handed_out == 0
            && self.ready.is_empty()
            && self.later.is_empty()
            && self.doubts.is_empty()
    }

    /// Rows from the front that may leave together.
    fn draw(&mut self, mut limit: usize) -> Vec<Job> {
        let mut end = 0;
        for job in &self.ready {
            if end >= limit || end >= job.together {
                break;
            }
            limit = limit.min(job.together);
            end += 1;
        }
        self.ready.drain(..end).collect()
    }

    /// Rows that have waited long enough go before those that were never sent, in their order.
    fn wake(&mut self, now: Instant) {
        if self.later.keys().next().is_none_or(|(at, _)| *at > now) {
            return;
        }
        let still = self.later.split_off(&(now, i64::MAX));
        for job in std::mem::replace(&mut self.later, still).into_values().rev() {
            self.ready.push_front(job);
        }
    }

    fn next_due(&self, now: Instant) -> Option<Instant> {
        let job = self.later.keys().next().map(|(at, _)| *at);
        let doubt = self.doubts.keys().next().map(|(at, _)| *at);
        // What is due already is another taker's; waiting for it would never end.
        job.into_iter().chain(doubt).filter(|at| *at > now).min()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::domain::{Action, State};

    fn job(id: i64, together: usize) -> Job {
        let row = OpenRow {
            id,
            line: 0,
            action: Action::Create,
            key: String::new(),
            payload: String::new(),
            changes: Vec::new(),
            before: String::new(),
            remote_id: None,
            etag: None,
            line_number: None,
            state: State::Planned,
            attempts: 0,
            sent_at: None,
            code: String::new(),
        };
        Job { together, ..Job::new(row) }
    }

    #[tokio::test]
    async fn a_row_that_becomes_due_while_it_is_looked_for_is_not_forgotten() {
        let backlog = Backlog::default();
        let due = Instant::now() + Duration::from_millis(5);
        backlog.put(0, vec![(due, job(1, 1))], Vec::new());
        let slow_look = backlog.when(|inner, now| {
            inner.wake(now);
            thread::sleep(Duration::from_millis(20));
            inner.ready.pop_front()
        });
        let found = timeout(Duration::from_secs(10), slow_look).await.expect("it is looked for again");
        assert_eq!(found.row.id, 1);
    }

    #[tokio::test]
    async fn rows_that_failed_together_come_back_in_halves_and_in_order() {
        let backlog = Backlog::default();
        let now = Instant::now();
        backlog.put(0, (1..=5).map(|id| (now, job(id, if id < 5 { 2 } else { 100 }))).collect(), Vec::new());
        let mut taken = Vec::new();
        for _ in 0..3 {
            let jobs = backlog.take(100).await.unwrap();
            taken.push(jobs.iter().map(|job| job.row.id).collect::<Vec<_>>());
        }
        assert_eq!(taken, [vec![1, 2], vec![3, 4], vec![5]]);
    }
}
