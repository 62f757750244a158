//! One credential's way to the target: its pace, its pauses, its requests in flight, the size of its batches.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::batch_size::BatchSize;
use super::congestion::Congestion;
use super::options::DeliveryOptions;
use super::retry::LONGEST_ASKED;
use super::throttle::Throttle;
use crate::pace::{Allowance, Grant, Record, SINGLE_BURST};
use crate::transport::{ApiReply, Budget, TransportError};

/// How long a lane waits whose budget is used up, when the target does not say how long.
const BUDGET_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) credential: usize,
    /// What the credential may send.
    pub(super) allowance: Allowance,
    /// Requests that may be in flight, lookups included.
    slots: Semaphore,
    /// Slots that are to be taken away as soon as they are free.
    surplus: AtomicUsize,
    /// Whether the target wants nothing more of this credential for longer than the run can wait.
    is_out: AtomicBool,
    started: Instant,
    /// A request that was lost after so long took too much time; one that was lost sooner met with an accident.
    long: Duration,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    throttle: Throttle,
    congestion: Congestion,
    batch: BatchSize,
    /// Requests in flight at most, as the slots have been set.
    in_flight: usize,
    /// Requests that the target says it takes of a route until a moment.
    budgets: BTreeMap<String, (u32, Instant)>,
    /// Until when somebody was told that a budget is used up.
    told_until: Option<Instant>,
    unanswered: u32,
    paused_until: Instant,
}

impl Lane {
    /// `record` is where all who use the credential count together.
    pub(super) fn new(credential: usize, options: &DeliveryOptions, record: Option<Arc<Record>>) -> Self {
        let batch = u32::try_from(options.batch).unwrap_or(u32::MAX);
        let now = Instant::now();
        let inner = Inner {
            throttle: Throttle::new(options.speed_doubling()),
            congestion: Congestion::new(options.in_flight),
            batch: BatchSize::new(options.batch, options.deadline),
            in_flight: options.in_flight,
            budgets: BTreeMap::new(),
            told_until: None,
            unanswered: 0,
            paused_until: now,
        };
        Self {
            credential,
            allowance: Allowance::new(options.paced_rate(), batch.max(SINGLE_BURST), record),
            slots: Semaphore::new(options.in_flight),
            surplus: AtomicUsize::new(0),
            is_out: AtomicBool::new(false),
            started: now,
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
        now - self.started
    }

    /// How long nothing of this route may leave, whatever the allowance.
    pub(super) fn wait(&self, route: &str) -> Option<Duration> {
        let mut inner = self.inner();
        let now = Instant::now();
        inner.pause_left(route, now).or_else(|| inner.throttle.wait(self.clock(now)))
    }

    /// Counts operations that were granted.
    pub(super) fn count(&self, operations: usize) {
        let now = self.clock(Instant::now());
        self.inner().throttle.leave(now, u32::try_from(operations).unwrap_or(u32::MAX));
    }

    /// Says that `operations` of a grant leave only now. False when the grant is so old that it does not count any more:
    /// then nothing may leave.
    #[must_use = "nothing may leave on a grant that has lapsed"]
    pub(super) fn leave(&self, grant: &Grant, operations: usize) -> bool {
        self.allowance.leave(grant, operations)
    }

    /// How long nothing of this route may leave because the target said that its budget is used up.
    pub(super) fn budget_wait(&self, route: &str) -> Option<Duration> {
        let now = Instant::now();
        self.inner().budget_until(route, now).map(|until| until.saturating_duration_since(now))
    }

    /// The same, when nobody was told of it yet.
    pub(super) fn untold_budget_wait(&self, route: &str) -> Option<Duration> {
        let now = Instant::now();
        let mut inner = self.inner();
        let until = inner.budget_until(route, now)?;
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

    /// A request of this route is leaving.
    pub(super) fn begin(&self, route: &str) {
        let mut inner = self.inner();
        inner.unanswered += 1;
        if let Some((requests, _)) = inner.budgets.get_mut(route) {
            *requests = requests.saturating_sub(1);
        }
    }

    /// A request of this route has come to its end; `budget` is what the target said is left.
    pub(super) fn end(&self, route: &str, budget: Option<Budget>) {
        let mut inner = self.inner();
        inner.unanswered = inner.unanswered.saturating_sub(1);
        if let Some(Budget { requests, renewed_in }) = budget {
            // What is on its way was not counted yet when this was said.
            let left = requests.saturating_sub(inner.unanswered);
            let until = Instant::now() + renewed_in.unwrap_or(BUDGET_PAUSE).min(LONGEST_ASKED);
            inner.budgets.insert(route.to_owned(), (left, until));
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

    /// How long the lane is still paused for this route.
    pub(super) fn pause_left(&self, route: &str) -> Option<Duration> {
        self.inner().pause_left(route, Instant::now())
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
    /// Until when the target takes nothing more of this route; `None` while it takes something.
    fn budget_until(&mut self, route: &str, now: Instant) -> Option<Instant> {
        let (requests, until) = *self.budgets.get(route)?;
        if until <= now {
            self.budgets.remove(route);
            return None;
        }
        (requests == 0).then_some(until)
    }

    fn pause_left(&mut self, route: &str, now: Instant) -> Option<Duration> {
        let budget = self.budget_until(route, now);
        let until = budget.map_or(self.paused_until, |until| until.max(self.paused_until));
        until.checked_duration_since(now).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EntityKind;

    fn lane(in_flight: usize) -> Lane {
        let options = DeliveryOptions { in_flight, ..DeliveryOptions::for_kind(EntityKind::Customers) };
        Lane::new(0, &options, None)
    }

    #[test]
    fn a_pause_beyond_all_measure_overflows_no_clock() {
        let lane = lane(2);
        lane.pause(Duration::MAX);
        assert!(lane.wait("").unwrap() <= LONGEST_ASKED);
    }

    #[test]
    fn a_budget_that_is_used_up_is_waited_for_by_its_own_route() {
        let lane = lane(2);
        lane.begin("");
        lane.begin("");
        lane.end("", Some(Budget { requests: 2, renewed_in: Some(Duration::from_secs(30)) }));
        assert!(lane.wait("").is_none(), "one is left beside the one on its way");
        lane.begin("");
        let wait = lane.wait("").unwrap();
        assert!(wait > Duration::from_secs(20) && wait <= Duration::from_secs(30), "{wait:?}");
        assert!(lane.wait("GET customers").is_none());
        lane.end("", Some(Budget { requests: 0, renewed_in: Some(Duration::ZERO) }));
        assert!(lane.wait("").is_none(), "it is renewed at once");
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
