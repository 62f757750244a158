//! What one credential may ask for: requests per sliding window, requests at once, requests waiting.
//!
//! Source: operational limits of Business Central online: 6,000 requests per sliding five minutes, five processed at
//! once, 95 queued, all per user or service principal; beyond them the answer is 429.

use std::collections::{HashMap, VecDeque};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::SandboxError;

/// So many requests per sliding window; parsed from `6000/5m` or `20/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests allowed in any one window.
    pub requests: usize,
    /// How long a request counts.
    pub window: Duration,
}

impl FromStr for Rate {
    type Err = SandboxError;

    /// Reads `REQUESTS/WINDOW`, the window a number of `ms`, `s`, `m` or `h`, one when left out.
    fn from_str(text: &str) -> Result<Self, SandboxError> {
        let bad = || SandboxError::Rate(text.to_owned());
        let (requests, window) = text.trim().split_once('/').ok_or_else(bad)?;
        let digits = window.bytes().take_while(u8::is_ascii_digit).count();
        let (count, unit) = window.split_at(digits);
        let count: u64 = if count.is_empty() { 1 } else { count.parse().map_err(|_| bad())? };
        let unit = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(bad()),
        };
        let window = Duration::from_millis(count.checked_mul(unit).ok_or_else(bad)?);
        let requests = requests.parse().ok().filter(|&requests: &usize| requests > 0).ok_or_else(bad)?;
        if window.is_zero() { Err(bad()) } else { Ok(Self { requests, window }) }
    }
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The window is full; so long until enough of it is free.
    Rate(Duration),
    /// As many requests wait as may.
    Queue,
}

/// The accounts of every credential seen.
#[derive(Debug)]
pub(super) struct Limits {
    rate: Option<Rate>,
    in_flight: usize,
    queue: usize,
    accounts: Mutex<HashMap<String, Account>>,
}

#[derive(Debug)]
struct Account {
    sent: VecDeque<Instant>,
    slots: Arc<Semaphore>,
    waiting: Arc<()>,
}

/// A place in the queue; leaving it is dropping it.
#[derive(Debug)]
pub(super) struct Place {
    slots: Arc<Semaphore>,
    _waiting: Arc<()>,
}

impl Limits {
    /// Limits that start with empty windows.
    pub(super) fn new(rate: Option<Rate>, in_flight: usize, queue: usize) -> Self {
        Self { rate, in_flight, queue, accounts: Mutex::default() }
    }

    /// The rate every credential is held to.
    pub(super) fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// Counts `operations` requests of `credential` at `now` and gives them one place in its queue.
    pub(super) fn enter(&self, credential: &str, operations: usize, now: Instant) -> Result<Place, Refused> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if !accounts.contains_key(credential) {
            let slots = Arc::new(Semaphore::new(self.in_flight));
            let account = Account { sent: VecDeque::new(), slots, waiting: Arc::new(()) };
            accounts.insert(credential.to_owned(), account);
        }
        let account = accounts.get_mut(credential).expect("inserted above");
        if account.slots.available_permits() == 0 && Arc::strong_count(&account.waiting) > self.queue {
            return Err(Refused::Queue);
        }
        if let Some(rate) = self.rate {
            account.count(rate, operations, now).map_err(Refused::Rate)?;
        }
        Ok(Place { slots: Arc::clone(&account.slots), _waiting: Arc::clone(&account.waiting) })
    }
}

impl Account {
    /// Books `operations` into the window, or says how long until they fit.
    fn count(&mut self, rate: Rate, operations: usize, now: Instant) -> Result<(), Duration> {
        while self.sent.front().is_some_and(|&sent| now.saturating_duration_since(sent) >= rate.window) {
            self.sent.pop_front();
        }
        let excess = (self.sent.len() + operations).saturating_sub(rate.requests);
        if excess == 0 {
            self.sent.extend(std::iter::repeat_n(now, operations));
            return Ok(());
        }
        let free = self.sent.get(excess - 1).copied().unwrap_or(now);
        Err((free + rate.window).saturating_duration_since(now))
    }
}

impl Place {
    /// Waits for one of the credential's slots; dropping the permit frees it.
    pub(super) async fn slot(self) -> OwnedSemaphorePermit {
        self.slots.acquire_owned().await.expect("the slots are never closed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_count_and_a_window() {
        let rate = |text: &str| text.parse::<Rate>().unwrap();
        assert_eq!(rate("6000/5m"), Rate { requests: 6000, window: Duration::from_mins(5) });
        assert_eq!(rate("20/s"), Rate { requests: 20, window: Duration::from_secs(1) });
        for text in ["20", "0/s", "20/", "20/0s", "x/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_window_slides_request_by_request() {
        let limits = Limits::new(Some(Rate { requests: 2, window: Duration::from_secs(10) }), 5, 95);
        let start = Instant::now();
        let enter = |seconds| limits.enter("a", 1, start + Duration::from_secs(seconds)).map(|_| ());
        assert_eq!(enter(0), Ok(()));
        assert_eq!(enter(4), Ok(()));
        assert_eq!(enter(9), Err(Refused::Rate(Duration::from_secs(1))));
        assert_eq!(enter(10), Ok(()));
        assert_eq!(enter(11), Err(Refused::Rate(Duration::from_secs(3))));
    }

    #[test]
    fn a_batch_counts_each_of_its_operations_or_none() {
        let limits = Limits::new(Some(Rate { requests: 10, window: Duration::from_secs(10) }), 5, 95);
        let now = Instant::now();
        assert!(limits.enter("a", 8, now).is_ok());
        assert!(matches!(limits.enter("a", 3, now), Err(Refused::Rate(_))));
        assert!(limits.enter("a", 2, now).is_ok());
    }

    #[tokio::test]
    async fn one_credential_fills_its_own_queue_only() {
        let limits = Limits::new(None, 1, 1);
        let now = Instant::now();
        let running = limits.enter("a", 1, now).unwrap().slot().await;
        let waiting = limits.enter("a", 1, now).unwrap();
        assert_eq!(limits.enter("a", 1, now).unwrap_err(), Refused::Queue);
        assert!(limits.enter("b", 1, now).is_ok());
        drop(running);
        let running = waiting.slot().await;
        assert!(limits.enter("a", 1, now).is_ok());
        drop(running);
    }
}
