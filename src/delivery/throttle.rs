//! How a lane slows down when the target calls it too fast, and how it recovers: pure, the time is passed in.
//!
//! Every refusal takes a share of the speed away, and time without one doubles it again and again. Refusals come per
//! request, so that the faster of two lanes which share a budget nobody told us of is refused more often, until both
//! have the same of it. And a target that refuses now and then without being asked too much is not asked ever less.

use std::time::Duration;

/// Refusals within this time of another say the same thing: their requests left before the lane slowed down.
const SAME_REFUSAL: Duration = Duration::from_secs(1);

/// What a refusal leaves of the speed.
const LEFT: f64 = 0.7;

/// Speed that came back in no time would not have gone.
const SHORTEST_DOUBLING: Duration = Duration::from_millis(1);

/// No slower than this share of the highest speed there was, so that recovery is always noticed.
const SLOWEST: f64 = 1.0 / 64.0;

/// How long operations count as recent.
const RECENT: Duration = Duration::from_secs(5);

/// The speed that the target's refusals leave of a lane's own.
#[derive(Debug)]
pub(super) struct Throttle {
    /// Without a refusal the speed doubles in this time: a budget is tried for more about twice in it.
    doubling: Duration,
    slowed: Option<Slowed>,
    recent: Recent,
    /// Operations a second at the best of times.
    most: f64,
}

#[derive(Debug)]
struct Slowed {
    /// Operations a second now.
    rate: f64,
    /// When the rate was last reckoned.
    at: Duration,
    refused: Duration,
    /// When the next operation may leave.
    next: Duration,
}

/// What left in this stretch of time and in the one before it.
#[derive(Debug, Default)]
struct Recent {
    start: Duration,
    before: u32,
    now: u32,
}

impl Throttle {
    /// A lane at full speed, which refusals take away and which doubles in so much time without one.
    pub(super) fn new(doubling: Duration) -> Self {
        let doubling = doubling.max(SHORTEST_DOUBLING);
        Self { doubling, slowed: None, recent: Recent::default(), most: 0.0 }
    }

    /// How long to wait before anything may leave.
    pub(super) fn wait(&mut self, now: Duration) -> Option<Duration> {
        self.recover(now);
        let slowed = self.slowed.as_ref()?;
        slowed.next.checked_sub(now).filter(|wait| !wait.is_zero())
    }

    /// Counts what leaves at `now`.
    pub(super) fn leave(&mut self, now: Duration, operations: u32) {
        self.recent.add(now, operations);
        if let Some(slowed) = &mut self.slowed {
            slowed.next = slowed.next.max(now) + Duration::from_secs_f64(f64::from(operations) / slowed.rate);
        }
    }

    /// The target has refused something as too fast.
    pub(super) fn slow_down(&mut self, now: Duration) {
        self.recover(now);
        let rate = match &self.slowed {
            Some(slowed) if now < slowed.refused + SAME_REFUSAL => return,
            Some(slowed) => slowed.rate,
            None => self.recent.rate(now),
        };
        self.most = self.most.max(rate);
        let next = self.slowed.as_ref().map_or(now, |slowed| slowed.next);
        let rate = (rate * LEFT).max(self.most * SLOWEST);
        self.slowed = Some(Slowed { rate, at: now, refused: now, next });
    }

    /// Operations a second that may leave; `None` when it is not this that limits them.
    #[cfg(test)]
    fn rate(&self) -> Option<f64> {
        self.slowed.as_ref().map(|slowed| slowed.rate)
    }

    /// Once the lane may be as fast as it ever was, nothing holds it any more.
    fn recover(&mut self, now: Duration) {
        let Some(slowed) = &mut self.slowed else { return };
        let passed = now.saturating_sub(slowed.at);
        slowed.at = slowed.at.max(now);
        let before = slowed.rate;
        slowed.rate *= passed.div_duration_f64(self.doubling).exp2();
        // What is left of a wait was reckoned at the slower rate.
        let left = slowed.next.saturating_sub(now);
        slowed.next = now + left.mul_f64((before / slowed.rate).min(1.0));
        if slowed.rate >= self.most {
            self.slowed = None;
        }
    }
}

impl Recent {
    fn add(&mut self, now: Duration, operations: u32) {
        let passed = now.saturating_sub(self.start);
        if passed >= RECENT * 2 {
            *self = Self { start: now, before: 0, now: 0 };
        } else if passed >= RECENT {
            *self = Self { start: self.start + RECENT, before: self.now, now: 0 };
        }
        self.now = self.now.saturating_add(operations);
    }

    /// Operations a second, at least one.
    fn rate(&self, now: Duration) -> f64 {
        let known = if self.before > 0 { RECENT } else { Duration::ZERO };
        let passed = known + now.saturating_sub(self.start);
        let seconds = passed.as_secs_f64().max(1.0);
        ((f64::from(self.before) + f64::from(self.now)) / seconds).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle() -> Throttle {
        Throttle::new(Duration::from_secs(10))
    }

    fn at(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// Sends single operations from `from` to `to` seconds, at most `rate` a second; how many left.
    fn send(throttle: &mut Throttle, (from, to): (f64, f64), rate: f64) -> u32 {
        let (mut now, mut sent) = (at(from), 0);
        while now < at(to) {
            now += throttle.wait(now).unwrap_or_default();
            throttle.leave(now, 1);
            sent += 1;
            now += at(1.0 / rate);
        }
        sent
    }

    #[test]
    fn a_lane_that_was_never_refused_waits_for_nothing() {
        let mut throttle = throttle();
        assert_eq!(send(&mut throttle, (0.0, 10.0), 100.0), 1_000);
    }

    #[test]
    fn a_refusal_takes_speed_and_time_gives_it_back() {
        let mut throttle = throttle();
        send(&mut throttle, (0.0, 10.0), 100.0);
        throttle.slow_down(at(10.0));
        let after = send(&mut throttle, (10.0, 11.0), 100.0);
        assert!((68..=76).contains(&after), "{after}");
        send(&mut throttle, (11.0, 20.0), 100.0);
        let recovered = send(&mut throttle, (20.0, 21.0), 100.0);
        assert!(recovered >= 99, "{recovered}");
    }

    #[test]
    fn refusals_of_requests_that_had_left_already_count_once() {
        let mut throttle = throttle();
        send(&mut throttle, (0.0, 10.0), 100.0);
        for _ in 0..5 {
            throttle.slow_down(at(10.0));
        }
        assert!((throttle.rate().unwrap() - 70.0).abs() < 1.0);
        throttle.slow_down(at(11.5));
        assert!(throttle.rate().unwrap() < 56.0);
    }

    #[test]
    fn refusal_upon_refusal_never_stops_a_lane_for_good() {
        let mut throttle = throttle();
        send(&mut throttle, (0.0, 10.0), 100.0);
        for second in 10..200 {
            throttle.slow_down(Duration::from_secs(second));
        }
        throttle.leave(at(200.0), 1);
        assert!(throttle.wait(at(200.0)).unwrap() < at(2.0));
    }

    #[test]
    fn a_target_that_refuses_now_and_then_is_not_asked_ever_less() {
        let mut throttle = throttle();
        let (mut now, mut sent) = (Duration::ZERO, 0_u64);
        let mut by_then = Vec::new();
        for minute in 1..=30 {
            while now < Duration::from_mins(minute) {
                now += throttle.wait(now).unwrap_or_default();
                throttle.leave(now, 1);
                sent += 1;
                now += at(0.005);
                // Three of a hundred, at uneven distances.
                if sent * 7_919 % 101 < 3 {
                    throttle.slow_down(now);
                }
            }
            by_then.push(sent);
        }
        let (first, last) = (by_then[9], by_then[29] - by_then[19]);
        assert!(last * 10 > first * 8, "{by_then:?}");
        assert!(last > 5 * 600, "{by_then:?}");
    }

    #[test]
    fn a_budget_nobody_told_of_is_used_and_seldom_overdrawn() {
        let mut throttle = throttle();
        let (mut now, mut taken, mut refused) = (Duration::ZERO, 0_u64, 0_u64);
        // Twenty a second, and no more than that saved up.
        let (mut budget, mut at_last) = (20.0_f64, Duration::ZERO);
        while now < Duration::from_mins(10) {
            now += throttle.wait(now).unwrap_or_default();
            throttle.leave(now, 1);
            budget = (budget + 20.0 * now.saturating_sub(at_last).as_secs_f64()).min(20.0);
            at_last = now;
            if budget >= 1.0 {
                (budget, taken) = (budget - 1.0, taken + 1);
            } else {
                refused += 1;
                throttle.slow_down(now);
            }
            now += at(0.005);
        }
        assert!(taken > 20 * 600 * 8 / 10, "{taken}");
        assert!(refused * 20 < taken, "{refused} of {taken}");
    }

    #[test]
    fn a_wait_grows_shorter_as_the_speed_comes_back() {
        let mut throttle = throttle();
        send(&mut throttle, (0.0, 10.0), 1.0);
        throttle.slow_down(at(10.0));
        throttle.leave(at(10.0), 30);
        let asked = throttle.wait(at(10.0)).unwrap();
        assert!(asked > at(30.0), "{asked:?}");
        // Whoever asks again meanwhile has not waited for all of it.
        let mut now = at(10.0);
        while throttle.wait(now).is_some() {
            now += at(0.5);
        }
        assert!(now < at(10.0) + asked.mul_f64(0.7), "{asked:?}, {now:?}");
    }

    #[test]
    fn a_target_that_forgives_soon_gets_its_speed_back_soon() {
        let mut throttle = Throttle::new(Duration::from_millis(100));
        send(&mut throttle, (0.0, 10.0), 100.0);
        throttle.slow_down(at(10.0));
        send(&mut throttle, (10.0, 10.2), 100.0);
        assert_eq!(throttle.rate(), None);
    }

    #[test]
    fn more_than_can_be_counted_is_as_much_as_can_be() {
        let mut throttle = throttle();
        for _ in 0..3 {
            throttle.leave(at(0.0), u32::MAX);
        }
        throttle.slow_down(at(1.0));
        assert!(throttle.rate().unwrap() > 1e9);
    }
}
