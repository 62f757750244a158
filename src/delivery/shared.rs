//! What the tasks of one delivery share.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{SemaphorePermit, mpsc, watch};
use tokio::time::Instant;

use super::backlog::{Backlog, Job};
use super::doubt::{Cause, Doubt, operation};
use super::lane::Lane;
use super::options::{DeliveryOptions, Target};
use super::posting::Lines;
use super::retry::{Decision, Policy};
use super::{DeliveryEnd, DeliveryError, DeliveryEvent};
use crate::connector::Request;
use crate::ledger::{Counters, LedgerHandle, OpenRow, Step, Written};
use crate::pace::Grant;
use crate::transport::{ApiReply, ApiRequest, Method, TransportError};

/// So many rows taken alone, after batches with them were refused, show that the target takes no batches.
const TAKEN_ALONE: usize = 3;

/// What a system does behind a yes takes it a moment.
const SOONEST_READ_BACK: Duration = Duration::from_millis(100);

pub(super) struct Shared {
    started: Instant,
    pub(super) ledger: LedgerHandle,
    pub(super) target: Target,
    pub(super) options: DeliveryOptions,
    pub(super) lanes: Vec<Lane>,
    pub(super) backlog: Backlog,
    /// The line that the next payment without one gets; `None` until one is needed.
    pub(super) next_line: tokio::sync::Mutex<Option<i64>>,
    /// The lines of the journal that tell whether it was posted.
    pub(super) witness: tokio::sync::Mutex<Lines>,
    /// The code of the journal, for messages; empty for customers.
    pub(super) journal: OnceLock<String>,
    /// Whether rows go in batches.
    pub(super) batches: AtomicBool,
    /// Whether a batch has ever settled a row.
    pub(super) batches_work: AtomicBool,
    /// Rows taken alone that a batch which was refused had carried, while no batch has worked.
    taken_alone: AtomicUsize,
    pub(super) requests: AtomicU64,
    pub(super) operations: AtomicU64,
    pub(super) throttled: AtomicU64,
    pub(super) settled: AtomicU64,
    events: mpsc::UnboundedSender<DeliveryEvent>,
    errors: AtomicU64,
    /// Rows sent by this process, each of them once.
    sent: AtomicU64,
    lookups: AtomicUsize,
    health: Mutex<Health>,
    failure: Mutex<Option<DeliveryError>>,
    ending: watch::Sender<Option<DeliveryEnd>>,
}

/// What is asked of the target. It may do one and not the other, and reading well is no sign that it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Traffic {
    Writes,
    Lookups,
}

/// How the target has answered lately.
#[derive(Debug, Default)]
struct Health {
    writes: Trouble,
    lookups: Trouble,
    pauses: u64,
}

/// Failures in a row.
#[derive(Debug, Default)]
struct Trouble {
    failures: u32,
    since: Option<Instant>,
}

impl Health {
    fn of(&mut self, traffic: Traffic) -> &mut Trouble {
        match traffic {
            Traffic::Writes => &mut self.writes,
            Traffic::Lookups => &mut self.lookups,
        }
    }
}

impl Shared {
    pub(super) fn new(
        ledger: LedgerHandle,
        target: Target,
        options: DeliveryOptions,
        events: mpsc::UnboundedSender<DeliveryEvent>,
    ) -> Self {
        let kind = target.connector.kind();
        let options = options.clamped(kind, target.connector.habits());
        // One writer is one, whatever the number of credentials: a journal has one.
        let writers = target.connector.habits().writers(kind);
        let credentials = if writers == 1 { 1 } else { target.transport.credentials() };
        Self {
            lanes: (0..credentials)
                .map(|credential| Lane::new(credential, &options, target.transport.record(credential)))
                .collect(),
            started: Instant::now(),
            batches: AtomicBool::new(options.batch > 1),
            batches_work: AtomicBool::new(false),
            taken_alone: AtomicUsize::new(0),
            ledger,
            target,
            options,
            backlog: Backlog::default(),
            next_line: tokio::sync::Mutex::default(),
            witness: tokio::sync::Mutex::default(),
            journal: OnceLock::new(),
            requests: AtomicU64::new(0),
            operations: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            events,
            errors: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            lookups: AtomicUsize::new(0),
            health: Mutex::default(),
            failure: Mutex::default(),
            ending: watch::Sender::new(None),
        }
    }

    pub(super) fn tell(&self, event: DeliveryEvent) {
        // Nobody listens once the delivery is being dropped.
        drop(self.events.send(event));
    }

    /// Counts operations that are leaving.
    pub(super) fn count_operations(&self, operations: usize) {
        self.operations.fetch_add(operations as u64, Ordering::Relaxed);
    }

    /// Counts rows that were sent, each of them once, however often it is sent.
    pub(super) fn count_rows(&self, jobs: &mut [Job]) {
        let new = jobs.iter_mut().map(|job| u64::from(!std::mem::replace(&mut job.is_counted, true))).sum();
        self.sent.fetch_add(new, Ordering::Relaxed);
    }

    /// The target, or a part of its answer, calls the lane too fast.
    pub(super) fn count_throttled(&self, lane: &Lane) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
        lane.slow_down();
    }

    /// A row was taken alone that had been refused with others: the batch was to blame and not the row. After some of
    /// them, and when no batch has ever worked, everything goes in single requests.
    pub(super) fn count_taken_alone(&self) {
        let taken = self.taken_alone.fetch_add(1, Ordering::Relaxed) + 1;
        if taken >= TAKEN_ALONE && !self.batches_work.load(Ordering::Relaxed) {
            self.batches.store(false, Ordering::Relaxed);
        }
    }

    /// Counts rows that went wrong for good, and stops when they are too many.
    pub(super) fn count_errors(&self, rows: usize) {
        let errors = self.errors.fetch_add(rows as u64, Ordering::Relaxed) + rows as u64;
        let sent = self.sent.load(Ordering::Relaxed);
        if rows > 0 && self.options.max_errors.is_reached(errors, sent) {
            self.finish_with(
                DeliveryEnd::TooManyErrors,
                &format!("{errors} rows were refused or in conflict"),
            );
        }
    }

    /// Ends the delivery: nothing new is sent. The first reason stands.
    pub(super) fn finish_with(&self, end: DeliveryEnd, words: &str) {
        let is_first = self.ending.send_if_modified(|known| {
            let is_first = known.is_none();
            known.get_or_insert(end);
            is_first
        });
        if is_first {
            self.tell(DeliveryEvent::Stopping(words.to_owned()));
        }
        self.backlog.close();
    }

    pub(super) fn end(&self) -> Option<DeliveryEnd> {
        *self.ending.borrow()
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.borrow().is_some()
    }

    /// Ends the delivery because nothing can be sent that way at all. The first failure stands.
    pub(super) fn fail(&self, failure: impl Into<DeliveryError>) {
        let failure = failure.into();
        let words = failure.to_string();
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        self.finish_with(DeliveryEnd::Interrupted, &words);
    }

    pub(super) fn failure(&self) -> Option<DeliveryError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What was counted since this was last asked for.
    pub(super) fn take_counters(&self) -> Counters {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        Counters {
            requests: take(&self.requests),
            operations: take(&self.operations),
            throttled: take(&self.throttled),
            settled: take(&self.settled),
        }
    }

    /// Waits until the lane may send at least `least` and at most `most` operations of a route; `None` when the delivery
    /// ends, or the lane is out.
    pub(super) async fn admit(
        &self,
        lane: &Lane,
        route: &str,
        (least, most): (usize, usize),
    ) -> Option<Grant> {
        let mut ending = self.ending.subscribe();
        loop {
            if self.is_ending() || lane.is_out() {
                return None;
            }
            self.mind_budget(lane, route);
            let granted = async {
                if let Some(wait) = lane.wait(route) {
                    tokio::time::sleep(wait).await;
                    return None;
                }
                let granted = lane.allowance.admit(route, least, most).await;
                // Meanwhile the target may have asked for a pause, or for more than can be waited for.
                match granted {
                    Ok(grant) if lane.is_out() || lane.wait(route).is_some() => {
                        lane.allowance.give_back(&grant);
                        None
                    }
                    granted => Some(granted),
                }
            };
            tokio::select! {
                granted = granted => match granted {
                    None => {}
                    Some(Ok(grant)) => {
                        lane.count(grant.operations);
                        return Some(grant);
                    }
                    Some(Err(failure)) => self.fail(failure),
                },
                _ = ending.wait_for(Option::is_some) => return None,
            }
        }
    }

    /// The route by which an operation goes.
    pub(super) fn route_of(&self, job: &Job) -> String {
        self.target.connector.route_of(&operation(&job.row))
    }

    /// Waits for one of the lane's requests in flight. Taken before an intent is recorded, so that the request
    /// leaves right after it.
    pub(super) async fn slot<'a>(&self, lane: &'a Lane) -> SemaphorePermit<'a> {
        lane.slot().await
    }

    /// One exchange with the target, by someone who holds one of the lane's slots.
    pub(super) async fn exchange(&self, lane: &Lane, request: Request) -> Result<ApiReply, TransportError> {
        let route = self.target.connector.route(&request);
        let method = match request.method {
            crate::connector::Method::Get => Method::Get,
            crate::connector::Method::Post => Method::Post,
            crate::connector::Method::Patch => Method::Patch,
            crate::connector::Method::Put => Method::Put,
            crate::connector::Method::Delete => Method::Delete,
        };
        let request = ApiRequest {
            method,
            path: request.path,
            headers: request.headers,
            body: request.body.map(Into::into),
            deadline: self.options.deadline,
        };
        self.requests.fetch_add(1, Ordering::Relaxed);
        lane.begin(&route);
        let answer = self.target.transport.send(lane.credential, &request).await;
        lane.end(&route, answer.as_ref().ok().and_then(ApiReply::budget));
        if answer.as_ref().is_ok_and(|reply| reply.status == 429) {
            self.count_throttled(lane);
        }
        answer
    }

    /// The target gave a useful answer.
    pub(super) fn answered(&self, traffic: Traffic) {
        *self.health().of(traffic) = Trouble::default();
    }

    /// Whether the target's last answer to a write was a useful one.
    pub(super) fn is_healthy(&self) -> bool {
        self.health().writes.since.is_none()
    }

    /// Whether its last answers were useful ones, to writes and to lookups.
    pub(super) fn gives_answers(&self) -> bool {
        let health = self.health();
        health.writes.since.is_none() && health.lookups.since.is_none()
    }

    /// The lane by which a lookup goes: each in its turn, and those first that are not paused.
    pub(super) fn lane_for_lookup(&self) -> &Lane {
        let (turn, lanes) = (self.lookups.fetch_add(1, Ordering::Relaxed), self.lanes.len());
        let in_turn = (0..lanes).map(|step| &self.lanes[turn.wrapping_add(step) % lanes]);
        let usable = in_turn.filter(|lane| !lane.is_out());
        usable.min_by_key(|lane| lane.pause_left("").unwrap_or_default()).unwrap_or(&self.lanes[0])
    }

    /// The target did not answer, or asked for a pause: pauses the lane, takes it out when it asks for longer than the
    /// budget, or ends the delivery past the budget. Returns the pause.
    pub(super) fn failed(
        &self,
        lane: &Lane,
        traffic: Traffic,
        asked: Option<Duration>,
        words: &str,
    ) -> Duration {
        let decision = {
            let mut health = self.health();
            health.pauses += 1;
            let policy = self.policy(health.pauses);
            let trouble = health.of(traffic);
            trouble.failures += 1;
            let failing_for = trouble.since.get_or_insert_with(Instant::now).elapsed();
            policy.decide(trouble.failures, failing_for, asked)
        };
        match decision {
            Decision::Wait(pause) => {
                lane.pause(pause);
                self.tell(DeliveryEvent::Waiting(pause));
                pause
            }
            Decision::LeaveAlone => {
                self.take_out(lane, words);
                Duration::ZERO
            }
            Decision::GiveUp => {
                self.finish_with(DeliveryEnd::Unreachable, words);
                Duration::ZERO
            }
        }
    }

    /// Where the target said that nothing is left for now, tells of the wait, or takes the lane out when it is longer than
    /// the retry budget. Asked only when there is something to send: the last request of a run may use the budget up.
    fn mind_budget(&self, lane: &Lane, route: &str) {
        let Some(wait) = lane.budget_wait(route) else { return };
        match self.policy(0).decide(1, Duration::ZERO, Some(wait)) {
            Decision::Wait(_) => {
                if let Some(wait) = lane.untold_budget_wait(route) {
                    self.tell(DeliveryEvent::Waiting(wait));
                }
            }
            Decision::LeaveAlone | Decision::GiveUp => self.take_out(lane, "the target has no budget left"),
        }
    }

    /// Sends nothing more by this lane; when it was the last one, the delivery ends.
    fn take_out(&self, lane: &Lane, words: &str) {
        lane.take_out();
        if self.lanes.iter().all(Lane::is_out) {
            self.finish_with(DeliveryEnd::Unreachable, words);
        }
    }

    /// How long one row waits that was put off, while others may go on. What the target asked for is the lane's to wait.
    pub(super) fn pause_for(&self, tries: u32) -> Duration {
        let mut health = self.health();
        health.pauses += 1;
        self.policy(health.pauses).pause(tries, None)
    }

    fn policy(&self, salt: u64) -> Policy {
        Policy {
            budget: self.options.retry_budget,
            first: self.options.backoff,
            seed: self.options.seed.wrapping_mul(0x9e37_79b9).wrapping_add(salt << 8),
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts rows that an earlier process left in doubt to the lookups, each with the wait that is left of its own. They
    /// count among the rows sent.
    pub(super) fn doubt_again(&self, rows: Vec<OpenRow>) {
        let (now, unix) = (Instant::now(), unix_now());
        // Its intent may have been old when it left, and its connection and token new.
        let longest = self.options.settle + 2 * self.options.intent_lifetime();
        self.sent.fetch_add(rows.len() as u64, Ordering::Relaxed);
        let doubts = rows.into_iter().map(|row| {
            let since = row.sent_at.unwrap_or(unix);
            let passed = Duration::from_millis(u64::try_from(unix - since).unwrap_or(0));
            let believable = now + longest.saturating_sub(passed);
            let cause = Cause::Unanswered("interrupted".to_owned());
            (now, Doubt { row, cause, believable, looks: 0, is_inherited: true, kept: String::new() })
        });
        self.backlog.put(0, Vec::new(), doubts.collect());
    }

    /// When a record that was accepted now is read back: together with others, so at the end of the stretch of time that
    /// it falls into, and never right away.
    pub(super) fn read_back_at(&self, now: Instant) -> Instant {
        let stretch = self.options.read_back_wait().max(Duration::from_millis(1));
        let earliest = now + SOONEST_READ_BACK.min(stretch);
        let stretches = (earliest - self.started).as_nanos().div_ceil(stretch.as_nanos());
        self.started + stretch * u32::try_from(stretches).unwrap_or(u32::MAX)
    }

    /// Asks the ledger for the steps and gives `handed` rows back; what comes next waits in `jobs` and `doubts`.
    ///
    /// The ledger takes requests in order, so a row that is sent again at once is not sent before its last outcome.
    pub(super) fn settle_up(&self, settlement: Settlement) -> Result<Written, DeliveryError> {
        let Settlement { handed, steps, jobs, doubts } = settlement;
        let written = self.ledger.ask_soon(steps, unix_now(), self.take_counters())?;
        self.backlog.put(handed, jobs, doubts);
        Ok(written)
    }

    /// Waits until the lane is not paused for this route; false when the delivery ends, or the lane is out.
    pub(super) async fn wait_out_pause(&self, lane: &Lane, route: &str) -> bool {
        while let Some(pause) = lane.pause_left(route) {
            self.mind_budget(lane, route);
            if lane.is_out() {
                return false;
            }
            let mut ending = self.ending.subscribe();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = ending.wait_for(Option::is_some) => return false,
            }
        }
        !self.is_ending() && !lane.is_out()
    }
}

/// What becomes of some rows that were handed out.
#[derive(Debug, Default)]
pub(super) struct Settlement {
    pub(super) handed: usize,
    pub(super) steps: Vec<(i64, Step)>,
    pub(super) jobs: Vec<(Instant, Job)>,
    pub(super) doubts: Vec<(Instant, Doubt)>,
}

/// Milliseconds since 1970.
pub(super) fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
