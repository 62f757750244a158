//! How fast one credential may send: pure, the time is passed in.
//!
//! A token bucket (governor) keeps the sending smooth. The real limit is a sliding window above it, because a
//! bucket alone lets almost twice the allowance into one window: a full bucket first, then a refill.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, FakeRelativeClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

/// The window is counted in this many slots; each slot costs at most its own share of the allowance.
const SLOTS: u32 = 400;

/// The window is taken longer by this fraction, because requests reach the server with uneven delay.
const MARGIN: u32 = 200;

/// For short windows the fraction is larger, up to this much.
const UNEVEN_DELAY: Duration = Duration::from_millis(50);

/// No window is taken longer by more than this fraction.
const MOST_MARGIN: u32 = 50;

/// Governor's limiter on a clock that is moved by hand.
type Bucket = RateLimiter<
    NotKeyed,
    InMemoryState,
    FakeRelativeClock,
    NoOpMiddleware<<FakeRelativeClock as Clock>::Instant>,
>;

/// What a target allows one credential, counted in operations; each member of a batch is one.
///
/// Source: Business Central online allows 6,000 in any 5 minutes. Whether a batch counts once is not documented,
/// so the cautious reading is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Operations allowed in any window.
    pub operations: NonZeroU32,
    /// The length of the window.
    pub window: Duration,
}

/// What one credential has used of its allowance.
#[derive(Debug)]
pub(super) struct Pace {
    limits: Option<Limits>,
}

#[derive(Debug)]
struct Limits {
    operations: u32,
    window: Duration,
    slot: Duration,
    /// The latest moment and the operations of each slot that still counts, oldest first.
    used: VecDeque<(Duration, u64)>,
    used_in_all: u64,
    /// The latest slot that counts no more.
    forgotten: Option<Duration>,
    bucket: Bucket,
    clock: FakeRelativeClock,
    clock_at: Duration,
    burst: u32,
}

impl Pace {
    /// No more than `rate`; up to `burst` operations may leave at once.
    pub(super) fn new(rate: Option<Rate>, burst: u32) -> Self {
        Self { limits: rate.map(|rate| Limits::new(rate, burst)) }
    }

    /// The most operations that are ever granted at once.
    pub(super) fn burst(&self) -> usize {
        self.limits.as_ref().map_or(usize::MAX, |limits| limits.burst as usize)
    }

    /// Takes `operations` of the allowance at `now`, or says how long to wait before asking again. Returns the moment of
    /// the grant, for [`Pace::leave`].
    ///
    /// `now` counts from any fixed moment; a clock that goes back is taken as standing still. More than the burst is
    /// never granted.
    pub(super) fn ask(&mut self, now: Duration, operations: u32) -> Result<Duration, Duration> {
        self.limits.as_mut().map_or(Ok(now), |limits| limits.ask(now, operations))
    }

    /// Counts what an earlier process has sent: moments and operations, the oldest first.
    pub(super) fn remember(&mut self, used: impl IntoIterator<Item = (Duration, u32)>) {
        if let Some(limits) = &mut self.limits {
            for (at, operations) in used {
                limits.remember(at, u64::from(operations));
            }
        }
    }

    /// Says that operations granted at `granted` leave only at `now`, so that they count for longer. False when the
    /// grant has lapsed: it was made so long ago that others may have been granted its place, so nothing may leave.
    pub(super) fn leave(&mut self, granted: Duration, now: Duration, operations: u32) -> bool {
        self.limits.as_mut().is_none_or(|limits| limits.leave(granted, now, operations))
    }
}

impl Limits {
    fn new(rate: Rate, burst: u32) -> Self {
        let operations = rate.operations.get();
        let burst = burst.clamp(1, operations);
        let clock = FakeRelativeClock::default();
        let interval = (rate.window / operations).max(Duration::from_nanos(1));
        let quota = Quota::with_period(interval)
            .expect("the interval is above zero")
            .allow_burst(NonZeroU32::new(burst).expect("clamped to at least one"));
        Self {
            operations,
            window: with_margin(rate.window),
            slot: rate.window / SLOTS,
            used: VecDeque::new(),
            used_in_all: 0,
            forgotten: None,
            bucket: RateLimiter::direct_with_clock(quota, clock.clone()),
            clock,
            clock_at: Duration::ZERO,
            burst,
        }
    }

    fn ask(&mut self, now: Duration, operations: u32) -> Result<Duration, Duration> {
        let now = self.advance(now);
        self.forget(now);
        if let Some(wait) = self.wait_for_window(now, operations) {
            return Err(wait);
        }
        let wanted = NonZeroU32::new(operations.max(1)).expect("at least one");
        match self.bucket.check_n(wanted) {
            // Callers stay within the burst; whoever does not waits for good.
            Err(_) => Err(self.window),
            Ok(Ok(())) => {
                self.remember(now, u64::from(operations));
                Ok(now)
            }
            Ok(Err(later)) => Err(later.wait_time_from(self.clock.now()).max(Duration::from_micros(1))),
        }
    }

    /// The time never goes back, so that slots stay in their order.
    fn advance(&mut self, now: Duration) -> Duration {
        self.clock.advance(now.saturating_sub(self.clock_at));
        self.clock_at = self.clock_at.max(now);
        self.clock_at
    }

    fn forget(&mut self, now: Duration) {
        while let Some((at, operations)) = self.used.front().copied() {
            if at.saturating_add(self.window) > now {
                return;
            }
            self.used.pop_front();
            self.used_in_all -= operations;
            self.forgotten = Some(at);
        }
    }

    fn wait_for_window(&self, now: Duration, operations: u32) -> Option<Duration> {
        let wanted = self.used_in_all + u64::from(operations);
        let mut excess = wanted.checked_sub(u64::from(self.operations)).filter(|over| *over > 0)?;
        for (at, used) in &self.used {
            excess = excess.saturating_sub(*used);
            if excess == 0 {
                return Some(at.saturating_add(self.window).saturating_sub(now));
            }
        }
        Some(self.window)
    }

    fn leave(&mut self, granted: Duration, now: Duration, operations: u32) -> bool {
        // A slot ends with the latest moment in it, so that none before the grant's ends later than it.
        if self.forgotten.is_some_and(|forgotten| granted <= forgotten) {
            return false;
        }
        let now = self.advance(now);
        let (mut left, mut moved) = (u64::from(operations), 0);
        // The first slots that end no earlier hold the operations, or others that left no earlier than those.
        for (at, used) in self.used.iter_mut().skip_while(|(at, _)| *at < granted) {
            let found = left.min(*used);
            left -= found;
            if *at < now {
                *used -= found;
                moved += found;
            }
            if left == 0 {
                break;
            }
        }
        self.used_in_all -= moved;
        self.remember(now, moved + left);
        true
    }

    /// A slot counts from the last moment something left in it, which is later than true and so never too little.
    fn remember(&mut self, now: Duration, operations: u64) {
        self.used_in_all += operations;
        let started = |at: Duration| at.as_nanos() / self.slot.as_nanos().max(1);
        match self.used.back_mut() {
            Some((at, used)) if started(*at) == started(now) => {
                *at = now;
                *used += operations;
            }
            _ => self.used.push_back((now, operations)),
        }
    }
}

/// The window as long as it is taken.
pub(super) fn with_margin(window: Duration) -> Duration {
    window + margin(window)
}

/// How much longer than it is a window is taken.
fn margin(window: Duration) -> Duration {
    (window / MARGIN).max(UNEVEN_DELAY.min(window / MOST_MARGIN))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pace(operations: u32, window: Duration, burst: u32) -> Pace {
        Pace::new(Some(Rate { operations: NonZeroU32::new(operations).unwrap(), window }), burst)
    }

    /// Asks for `sizes` one after the other, waiting as told; returns when each left.
    fn run(pace: &mut Pace, sizes: impl IntoIterator<Item = (Duration, u32)>) -> Vec<(Duration, u32)> {
        let mut now = Duration::ZERO;
        let mut left = Vec::new();
        for (idle, operations) in sizes {
            now += idle;
            let operations = operations.min(u32::try_from(pace.burst()).unwrap());
            while let Err(wait) = pace.ask(now, operations) {
                now += wait;
            }
            left.push((now, operations));
        }
        left
    }

    fn most_in_a_window(left: &[(Duration, u32)], window: Duration) -> u32 {
        let from = |start: usize| {
            let end = left[start].0 + window;
            left[start..].iter().take_while(|(at, _)| *at < end).map(|(_, operations)| operations).sum()
        };
        (0..left.len()).map(from).max().unwrap_or(0)
    }

    /// What happens to a lane: it idles, asks, leaves late, or its clock is set back.
    #[derive(Clone, Debug)]
    enum Deed {
        Ask { idle: u64, operations: u32, late: u64 },
        Back(u64),
    }

    fn any_idle() -> impl Strategy<Value = u64> {
        prop_oneof![4 => 0u64..50, 2 => 0u64..2_000, 1 => 0u64..30_000]
    }

    fn any_deed() -> impl Strategy<Value = Deed> {
        let late = prop_oneof![6 => Just(0u64), 2 => 0u64..700, 1 => 0u64..25_000];
        prop_oneof![
            9 => (any_idle(), 1u32..120, late).prop_map(|(idle, operations, late)| Deed::Ask { idle, operations, late }),
            1 => (0u64..200).prop_map(Deed::Back),
        ]
    }

    /// When the operations of a lane left, by a clock that is never set back.
    fn live(pace: &mut Pace, deeds: &[Deed]) -> Vec<(Duration, u32)> {
        let (mut now, mut set_back) = (Duration::ZERO, Duration::ZERO);
        let mut left = Vec::new();
        for deed in deeds {
            match *deed {
                Deed::Back(millis) => set_back += Duration::from_millis(millis),
                Deed::Ask { idle, operations, late } => {
                    now += Duration::from_millis(idle);
                    let operations = operations.min(u32::try_from(pace.burst()).unwrap());
                    let mut late = Duration::from_millis(late);
                    loop {
                        let granted = match pace.ask(now.saturating_sub(set_back), operations) {
                            Ok(granted) => granted,
                            Err(wait) => {
                                // No timer is finer.
                                now += wait.max(Duration::from_millis(1));
                                continue;
                            }
                        };
                        now += std::mem::take(&mut late);
                        if pace.leave(granted, now.saturating_sub(set_back), operations) {
                            break;
                        }
                    }
                    left.push((now, operations));
                }
            }
        }
        left
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// However requests come, however late they leave after they were granted, and even when the clock is set
        /// back: no window of the target's length ever holds more than it allows.
        #[test]
        fn no_window_ever_exceeds_the_limit(
            limit in 1u32..300,
            burst in 1u32..150,
            deeds in prop::collection::vec(any_deed(), 1..200),
        ) {
            let window = Duration::from_secs(10);
            let left = live(&mut pace(limit, window, burst), &deeds);
            prop_assert!(most_in_a_window(&left, window) <= limit);
        }

        /// The same for callers who take turns as they like, each of whom may leave long after the grant: what has lapsed
        /// does not leave, and nobody's operations are taken for another's.
        #[test]
        fn no_window_exceeds_the_limit_when_callers_overtake_each_other(
            limit in 1u32..100,
            turns in prop::collection::vec((0usize..3, 1u32..40, any_idle()), 1..300),
        ) {
            let window = Duration::from_secs(10);
            let mut pace = pace(limit, window, 40);
            let (mut now, mut granted, mut left) = (Duration::ZERO, [None; 3], Vec::new());
            for (caller, operations, idle) in turns {
                now += Duration::from_millis(idle);
                let operations = operations.min(u32::try_from(pace.burst()).unwrap());
                match granted[caller].take() {
                    None => granted[caller] = pace.ask(now, operations).ok().map(|at| (at, operations)),
                    Some((at, operations)) if pace.leave(at, now, operations) => left.push((now, operations)),
                    Some(_) => {}
                }
            }
            prop_assert!(most_in_a_window(&left, window) <= limit);
        }

        /// The same for the published limit of five minutes, and for lanes side by side, each with its own budget.
        #[test]
        fn no_lane_exceeds_its_five_minutes(
            lanes in prop::collection::vec((1u32..101, prop::collection::vec(any_deed(), 100..400)), 1..4),
        ) {
            let window = Duration::from_mins(5);
            let mut all = Vec::new();
            for (burst, deeds) in &lanes {
                let left = live(&mut pace(600, window, *burst), deeds);
                prop_assert!(most_in_a_window(&left, window) <= 600);
                all.extend(left);
            }
            all.sort_unstable();
            prop_assert!(most_in_a_window(&all, window) <= 600 * u32::try_from(lanes.len()).unwrap());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A process that goes on where another died counts what that one has sent.
        #[test]
        fn no_window_exceeds_the_limit_across_processes(
            limit in 1u32..300,
            burst in 1u32..150,
            lives in prop::collection::vec(prop::collection::vec(any_deed(), 1..40), 2..6),
        ) {
            let window = Duration::from_secs(10);
            let mut all = Vec::new();
            for deeds in lives {
                let mut pace = pace(limit, window, burst);
                let begin = all.last().map_or(Duration::ZERO, |(at, _)| *at);
                pace.remember(all.iter().copied());
                let first = Deed::Ask { idle: u64::try_from(begin.as_millis()).unwrap() + 1, operations: 1, late: 0 };
                let deeds: Vec<_> = std::iter::once(first).chain(deeds).collect();
                all.extend(live(&mut pace, &deeds));
            }
            prop_assert!(most_in_a_window(&all, window) <= limit);
        }
    }

    #[test]
    fn at_least_98_percent_of_the_allowance_is_used() {
        for size in [1, 100] {
            let mut pace = pace(6_000, Duration::from_mins(5), 100);
            let left = run(&mut pace, std::iter::repeat_n((Duration::ZERO, size), 36_000 / size as usize));
            let last = left.last().unwrap().0.as_secs_f64();
            let share = 36_000.0 / (last / 300.0) / 6_000.0;
            assert!(share >= 0.98, "batches of {size}: {share}");
            assert!(most_in_a_window(&left, Duration::from_mins(5)) <= 6_000);
        }
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let mut pace = Pace::new(None, 100);
        assert!((0..100_000).all(|_| pace.ask(Duration::ZERO, 100).is_ok()));
    }
}
