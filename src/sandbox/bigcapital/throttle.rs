//! Two counters for every route, as the real server keeps them.
//!
//! Source: every route handler has a counter of 100 calls a minute and a second one of 10, meant for sign-in but
//! applied everywhere. A full second counter is told in `Retry-After-auth`, not in `Retry-After`, and blocks for one
//! window from the first refused call on; more refused calls do not make it longer.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::sandbox::call::Answer;
use crate::sandbox::limits::Rate;

use super::refusal::Refusal;

/// Source: the first counter.
const COMMON: Rate = Rate { requests: 100, window: Duration::from_mins(1) };

/// What an operator who lifted the limits would set: nobody gets there.
const LIFTED: Rate = Rate { requests: 1_000_000, window: Duration::from_mins(1) };

/// Headers that say what is left, or what to wait for.
pub(super) type Told = Vec<(&'static str, String)>;

/// The counters of all routes.
#[derive(Debug)]
pub(super) struct Throttle {
    common: Rate,
    second: Rate,
    counters: Mutex<HashMap<(String, bool), Counter>>,
}

#[derive(Debug)]
struct Counter {
    since: Instant,
    calls: usize,
    blocked_until: Option<Instant>,
}

impl Throttle {
    /// Counters that allow `rate` as the second one; without a rate both are lifted.
    pub(super) fn new(rate: Option<Rate>) -> Self {
        // Both windows are a minute on the real server; a shorter one here is so for both.
        let common = rate.map_or(LIFTED, |rate| Rate {
            requests: COMMON.requests.max(rate.requests),
            window: rate.window.min(COMMON.window),
        });
        Self { common, second: rate.unwrap_or(LIFTED), counters: Mutex::default() }
    }

    /// Counts a call of `route` at `now`; the error is the refusal.
    pub(super) fn enter(&self, route: &str, now: Instant) -> Result<Told, Answer> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = Told::new();
        let names = [
            ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"],
            [
                "x-ratelimit-limit-auth",
                "x-ratelimit-remaining-auth",
                "x-ratelimit-reset-auth",
                "retry-after-auth",
            ],
        ];
        for (rate, [limit, remaining, reset, wait]) in [self.common, self.second].into_iter().zip(names) {
            let key = (route.to_owned(), wait == "retry-after");
            let counter =
                counters.entry(key).or_insert(Counter { since: now, calls: 0, blocked_until: None });
            if let Some(blocked_for) = counter.count(rate, now) {
                told.push((wait, seconds(blocked_for)));
                return Err(Answer { headers: told, ..too_many() });
            }
            let left = rate.requests.saturating_sub(counter.calls);
            let ends = (counter.since + rate.window).saturating_duration_since(now);
            told.extend([(limit, rate.requests.to_string()), (remaining, left.to_string())]);
            told.push((reset, seconds(ends)));
        }
        Ok(told)
    }
}

impl Counter {
    /// Counts one call, or says how long the route is blocked.
    fn count(&mut self, rate: Rate, now: Instant) -> Option<Duration> {
        if let Some(until) = self.blocked_until {
            if now < until {
                return Some(until - now);
            }
            *self = Self { since: now, calls: 0, blocked_until: None };
        }
        if now.saturating_duration_since(self.since) >= rate.window {
            *self = Self { since: now, calls: 0, blocked_until: None };
        }
        self.calls += 1;
        if self.calls <= rate.requests {
            return None;
        }
        self.blocked_until = Some(now + rate.window);
        Some(rate.window)
    }
}

/// The refusal without its headers.
pub(super) fn too_many() -> Answer {
    let body = serde_json::json!({ "statusCode": 429, "message": "ThrottlerException: Too Many Requests" });
    Refusal { status: 429, body }.into_answer()
}

fn seconds(duration: Duration) -> String {
    duration.as_millis().div_ceil(1000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<'a>(headers: &'a Told, name: &str) -> &'a str {
        headers.iter().find(|(header, _)| *header == name).map_or("", |(_, value)| value)
    }

    #[test]
    fn the_eleventh_call_of_a_route_is_refused_and_another_route_is_not() {
        let throttle = Throttle::new(Some(Rate { requests: 10, window: Duration::from_mins(1) }));
        let start = Instant::now();
        for left in (0..10).rev() {
            let headers = throttle.enter("GET customers", start).unwrap();
            assert_eq!(told(&headers, "x-ratelimit-remaining-auth"), left.to_string());
        }
        let refused = throttle.enter("GET customers", start).unwrap_err();
        assert_eq!((refused.status, told(&refused.headers, "retry-after-auth")), (429, "60"));
        assert_eq!(told(&refused.headers, "x-ratelimit-remaining"), "89");
        assert!(throttle.enter("GET items", start).is_ok());
    }

    #[test]
    fn a_block_lasts_one_window_from_the_first_refusal_however_often_one_asks() {
        let throttle = Throttle::new(Some(Rate { requests: 1, window: Duration::from_secs(10) }));
        let start = Instant::now();
        let enter = |seconds| throttle.enter("GET customers", start + Duration::from_secs(seconds)).is_ok();
        assert!(enter(0));
        assert!(!enter(5));
        assert!(!enter(14));
        assert!(enter(15));
    }
}
