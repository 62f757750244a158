//! How a lane slows down when the target calls it too fast, and how it recovers: pure, the time is passed in.
//!
//! Every refusal halves the speed, and every second without one gives a fixed share of it back, so that lanes which
//! share a budget nobody told us of come to fair shares of it.

use std::time::Duration;

/// Refusals within this time of another say the same thing: their requests left before the lane slowed down.
const SAME_REFUSAL: Duration = Duration::from_secs(1);

/// How long it takes from a standstill back to full speed.
const RECOVERY: Duration = Duration::from_mins(1);

/// No slower than this share of full speed, so that recovery is always noticed.
const SLOWEST: f64 = 1.0 / 64.0;

/// How long operations count as recent.
const RECENT: Duration = Duration::from_secs(5);

/// The speed that the target's refusals leave of a lane's own.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    slowed: Option<Slowed>,
    recent: Recent,
}

#[derive(Debug)]
struct Slowed {
    /// Operations a second now.
    rate: f64,
    /// Operations a second when the target refused first.
    full: f64,
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
        match &mut self.slowed {
            Some(slowed) if now < slowed.refused + SAME_REFUSAL => {}
            Some(slowed) => {
                slowed.rate = (slowed.rate / 2.0).max(slowed.full * SLOWEST);
                slowed.refused = now;
            }
            None => {
                let full = self.recent.rate(now);
                self.slowed = Some(Slowed { rate: full / 2.0, full, at: now, refused: now, next: now });
            }
        }
    }

    /// The share of full speed that is left, from 0 to 1.
    #[cfg(test)]
    fn share(&self) -> f64 {
        self.slowed.as_ref().map_or(1.0, |slowed| slowed.rate / slowed.full)
    }

    fn recover(&mut self, now: Duration) {
        let Some(slowed) = &mut self.slowed else { return };
        let passed = now.saturating_sub(slowed.at);
        slowed.at = slowed.at.max(now);
        slowed.rate += slowed.full * passed.div_duration_f64(RECOVERY);
        if slowed.rate >= slowed.full {
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
        let mut throttle = Throttle::default();
        assert_eq!(send(&mut throttle, (0.0, 10.0), 100.0), 1_000);
    }

    #[test]
    fn a_refusal_halves_the_speed_and_time_gives_it_back() {
        let mut throttle = Throttle::default();
        send(&mut throttle, (0.0, 10.0), 100.0);
        throttle.slow_down(at(10.0));
        let after = send(&mut throttle, (10.0, 11.0), 100.0);
        assert!((45..=55).contains(&after), "{after}");
        send(&mut throttle, (11.0, 45.0), 100.0);
        let recovered = send(&mut throttle, (45.0, 46.0), 100.0);
        assert!(recovered >= 99, "{recovered}");
    }

    #[test]
    fn refusals_of_requests_that_had_left_already_count_once() {
        let mut throttle = Throttle::default();
        send(&mut throttle, (0.0, 10.0), 100.0);
        for _ in 0..5 {
            throttle.slow_down(at(10.0));
        }
        assert!((throttle.share() - 0.5).abs() < 0.01);
        throttle.slow_down(at(11.5));
        assert!(throttle.share() < 0.3);
    }

    #[test]
    fn refusal_upon_refusal_never_stops_a_lane_for_good() {
        let mut throttle = Throttle::default();
        send(&mut throttle, (0.0, 10.0), 100.0);
        for second in 10..200 {
            throttle.slow_down(Duration::from_secs(second));
        }
        throttle.leave(at(200.0), 1);
        assert!(throttle.wait(at(200.0)).unwrap() < at(2.0));
    }
}
