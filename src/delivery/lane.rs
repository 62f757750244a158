//! One credential's way to the target: its pace, its pauses, its requests in flight, the size of its batches.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::batch_size::BatchSize;
use super::congestion::Congestion;
use super::options::DeliveryOptions;
use super::pace::Pace;
use super::retry::LONGEST_ASKED;
use super::throttle::Throttle;
use crate::ledger::Use;
use crate::transport::{ApiReply, Budget, TransportError};

/// Requests that follow each other without a pause when single requests are sent: enough to hide the clock's
/// coarseness, too few to be felt by the people who work in the same system.
pub(super) const SINGLE_BURST: u32 = 5;

/// How long a lane waits whose budget is used up, when the target does not say how long.
const BUDGET_PAUSE: Duration = Duration::from_secs(1);

/// Leave to send so many operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) operations: usize,
    at: Duration,
}

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) credential: usize,
    /// Requests that may be in flight, lookups included.
    slots: Semaphore,
    /// Slots that are to be taken away as soon as they are free.
    surplus: AtomicUsize,
    /// Whether the target wants nothing more of this credential for longer than the run can wait.
    is_out: AtomicBool,
    started: Instant,
    /// What the lane's clock showed when it started: earlier processes' requests count from before.
    origin: Duration,
    /// How long what is sent is kept on disk, for a process that goes on with the run; `None` where there is no rate.
    kept: Option<Duration>,
    /// The longest time between a request's record and its leaving.
    lateness: Duration,
    /// A request that was lost after so long took too much time; one that was lost sooner met with an accident.
    long: Duration,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    pace: Pace,
    throttle: Throttle,
    congestion: Congestion,
    batch: BatchSize,
    /// Requests in flight at most, as the slots have been set.
    in_flight: usize,
    /// Requests that the target says it takes until this moment.
    budget: Option<(u32, Instant)>,
    /// Until when somebody was told that a budget is used up.
    told_until: Option<Instant>,
    unanswered: u32,
    paused_until: Instant,
}

impl Lane {
    pub(super) fn new(credential: usize, options: &DeliveryOptions) -> Self {
        let batch = u32::try_from(options.batch).unwrap_or(u32::MAX);
        let now = Instant::now();
        let window = options.paced_rate().map_or(Duration::ZERO, |rate| rate.window);
        // Longer than a window with its margin.
        let memory = window * 2 + options.intent_lifetime();
        let inner = Inner {
            pace: Pace::new(options.paced_rate(), batch.max(SINGLE_BURST)),
            throttle: Throttle::default(),
            congestion: Congestion::new(options.in_flight),
            batch: BatchSize::new(options.batch, options.deadline),
            in_flight: options.in_flight,
            budget: None,
            told_until: None,
            unanswered: 0,
            paused_until: now,
        };
        Self {
            credential,
            slots: Semaphore::new(options.in_flight),
            surplus: AtomicUsize::new(0),
            is_out: AtomicBool::new(false),
            started: now,
            origin: memory,
            kept: options.rate.map(|_| memory),
            lateness: options.intent_lifetime(),
            long: options.deadline / 2,
            inner: Mutex::new(inner),
        }
    }

    /// Sends nothing more by this lane.
    pub(super) fn take_out(&self) {
        self.is_out.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_out(&self) -> bool {
        self.is_out.load(Ordering::Relaxed)
    }

    fn clock(&self, now: Instant) -> Duration {
        self.origin + (now - self.started)
    }

    /// Counts what earlier processes have sent with this credential; `now` and the uses are in milliseconds since 1970.
    ///
    /// What was recorded left a little later, and is taken to have left as late as possible, but before now.
    pub(super) fn remember(&self, uses: &[Use], now: i64) {
        let own = uses.iter().filter(|used| used.credential == self.credential);
        let mut counted: Vec<_> = own
            .filter_map(|used| {
                let passed = millis(now.saturating_sub(used.at)).saturating_sub(self.lateness);
                Some((self.origin.checked_sub(passed)?, used.operations))
            })
            .collect();
        counted.sort_unstable();
        self.inner().pace.remember(counted);
    }

    /// What has to be on disk before so many operations leave, and from when on earlier ones are kept; `None` where
    /// nothing needs to be.
    pub(super) fn use_of(&self, operations: usize, now: i64) -> Option<(Use, i64)> {
        let kept = i64::try_from(self.kept?.as_millis()).unwrap_or(i64::MAX);
        let used = Use { credential: self.credential, at: now, operations: count(operations) };
        Some((used, now.saturating_sub(kept)))
    }

    /// Takes as much of the allowance as there is, at most `most` and at least `least`; or says how long to wait.
    pub(super) fn ask(&self, least: usize, most: usize) -> Result<Grant, Duration> {
        let mut inner = self.inner();
        let now = Instant::now();
        if let Some(wait) = inner.pause_left(now) {
            return Err(wait);
        }
        let at = self.clock(now);
        if let Some(wait) = inner.throttle.wait(at) {
            return Err(wait);
        }
        let most = most.min(inner.pace.burst());
        let whole = if most > least { inner.pace.ask(at, count(most)).ok() } else { None };
        let grant = match whole {
            Some(at) => Grant { operations: most, at },
            None => Grant { operations: least, at: inner.pace.ask(at, count(least))? },
        };
        inner.throttle.leave(at, count(grant.operations));
        Ok(grant)
    }

    /// Says that `operations` of a grant leave only now. False when the grant is so old that it does not count any more:
    /// then nothing may leave.
    #[must_use = "nothing may leave on a grant that has lapsed"]
    pub(super) fn leave(&self, grant: Grant, operations: usize) -> bool {
        let mut inner = self.inner();
        let now = self.clock(Instant::now());
        inner.pace.leave(grant.at, now, count(operations))
    }

    /// How long nothing may leave because the target said that the budget is used up.
    pub(super) fn budget_wait(&self) -> Option<Duration> {
        self.inner().budget_until(Instant::now()).map(|until| until.saturating_duration_since(Instant::now()))
    }

    /// The same, when nobody was told of it yet.
    pub(super) fn untold_budget_wait(&self) -> Option<Duration> {
        let now = Instant::now();
        let mut inner = self.inner();
        let until = inner.budget_until(now)?;
        // Every answer says anew how long it takes, a little less each time.
        if inner.told_until.is_some_and(|told| until <= told + BUDGET_PAUSE) {
            return None;
        }
        inner.told_until = Some(until);
        Some(until - now)
    }

    /// Waits for one of the lane's requests in flight.
    pub(super) async fn slot(&self) -> SemaphorePermit<'_> {
        loop {
            let permit = self.slots.acquire().await.expect("the semaphore is never closed");
            let is_surplus = |surplus: usize| surplus.checked_sub(1);
            if self.surplus.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_surplus).is_err() {
                return permit;
            }
            permit.forget();
        }
    }

    /// A request is leaving.
    pub(super) fn begin(&self) {
        let mut inner = self.inner();
        inner.unanswered += 1;
        if let Some((requests, _)) = &mut inner.budget {
            *requests = requests.saturating_sub(1);
        }
    }

    /// A request has come to its end; `budget` is what the target said is left.
    pub(super) fn end(&self, budget: Option<Budget>) {
        let mut inner = self.inner();
        inner.unanswered = inner.unanswered.saturating_sub(1);
        if let Some(Budget { requests, renewed_in }) = budget {
            // What is on its way was not counted yet when this was said.
            let left = requests.saturating_sub(inner.unanswered);
            inner.budget =
                Some((left, Instant::now() + renewed_in.unwrap_or(BUDGET_PAUSE).min(LONGEST_ASKED)));
        }
    }

    /// A write of so many operations was answered after so long: sets how many may be in flight, and how large
    /// batches are.
    fn answered(&self, operations: usize, took: Duration) {
        let mut inner = self.inner();
        if operations > 1 {
            inner.batch.answered(operations, took);
        }
        let (before, now) = (inner.in_flight, inner.congestion.answered(took, operations));
        inner.in_flight = now;
        if now < before {
            let forgotten = self.slots.forget_permits(before - now);
            self.surplus.fetch_add(before - now - forgotten, Ordering::Relaxed);
        } else if now > before {
            let back = now - before;
            let keep = |surplus: usize| Some(surplus.saturating_sub(back));
            let surplus = self.surplus.fetch_update(Ordering::Relaxed, Ordering::Relaxed, keep);
            self.slots.add_permits(back - surplus.unwrap_or_default().min(back));
        }
    }

    /// Draws its conclusions from what became of a write of so many operations.
    pub(super) fn learn(&self, operations: usize, took: Duration, answer: &Result<ApiReply, TransportError>) {
        match answer {
            Ok(reply) if reply.is_success() => self.answered(operations, took),
            Ok(reply) if matches!(reply.status, 408 | 413 | 504) => self.too_much(operations),
            Err(TransportError::InDoubt { .. }) if took > self.long => self.too_much(operations),
            _ => {}
        }
    }

    /// How many operations the next batch may carry.
    pub(super) fn batch(&self) -> usize {
        self.inner().batch.now()
    }

    /// A batch of this size was refused for its size, or not answered in time.
    fn too_much(&self, operations: usize) {
        self.inner().batch.too_much(operations);
    }

    /// The target has called the lane too fast.
    pub(super) fn slow_down(&self) {
        let now = self.clock(Instant::now());
        self.inner().throttle.slow_down(now);
    }

    /// How long the lane is still paused.
    pub(super) fn pause_left(&self) -> Option<Duration> {
        self.inner().pause_left(Instant::now())
    }

    /// Sends nothing for `pause`, a day at most.
    pub(super) fn pause(&self, pause: Duration) {
        let mut inner = self.inner();
        inner.paused_until = inner.paused_until.max(Instant::now() + pause.min(LONGEST_ASKED));
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Until when the target takes nothing more; `None` while it takes something.
    fn budget_until(&mut self, now: Instant) -> Option<Instant> {
        if self.budget.is_some_and(|(_, until)| until <= now) {
            self.budget = None;
        }
        self.budget.filter(|(requests, _)| *requests == 0).map(|(_, until)| until)
    }

    fn pause_left(&mut self, now: Instant) -> Option<Duration> {
        let until = self.budget_until(now).map_or(self.paused_until, |until| until.max(self.paused_until));
        until.checked_duration_since(now).filter(|left| !left.is_zero())
    }
}

fn millis(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

fn count(operations: usize) -> u32 {
    u32::try_from(operations).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EntityKind;

    fn lane(in_flight: usize) -> Lane {
        Lane::new(0, &DeliveryOptions { in_flight, ..DeliveryOptions::for_kind(EntityKind::Customers) })
    }

    #[test]
    fn a_pause_beyond_all_measure_overflows_no_clock() {
        let lane = lane(2);
        lane.pause(Duration::MAX);
        assert!(lane.ask(1, 1).unwrap_err() <= LONGEST_ASKED);
    }

    #[test]
    fn a_budget_that_is_used_up_is_waited_for() {
        let lane = lane(2);
        lane.begin();
        lane.begin();
        lane.end(Some(Budget { requests: 2, renewed_in: Some(Duration::from_secs(30)) }));
        assert!(lane.ask(1, 1).is_ok(), "one is left beside the one on its way");
        lane.begin();
        let wait = lane.ask(1, 1).unwrap_err();
        assert!(wait > Duration::from_secs(20) && wait <= Duration::from_secs(30), "{wait:?}");
        lane.end(Some(Budget { requests: 0, renewed_in: Some(Duration::ZERO) }));
        assert!(lane.ask(1, 1).is_ok(), "it is renewed at once");
    }

    #[tokio::test]
    async fn slow_answers_take_slots_away_and_quick_ones_bring_them_back() {
        let lane = lane(4);
        let slow = |millis| {
            for _ in 0..80 {
                lane.answered(1, Duration::from_millis(millis));
            }
        };
        slow(150);
        let held = lane.slot().await;
        slow(2_000);
        drop(held);
        assert_eq!(lane.slots.available_permits() - lane.surplus.load(Ordering::Relaxed), 1);
        slow(150);
        assert_eq!(lane.slots.available_permits() - lane.surplus.load(Ordering::Relaxed), 4);
    }
}
