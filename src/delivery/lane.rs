//! One credential's way to the target: its pace, its pauses, its requests in flight.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::options::DeliveryOptions;
use super::pace::Pace;
use super::retry::LONGEST_ASKED;

/// Requests that follow each other without a pause when single requests are sent: enough to hide the clock's
/// coarseness, too few to be felt by the people who work in the same system.
const SINGLE_BURST: u32 = 5;

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) credential: usize,
    /// Requests that may be in flight, lookups included.
    pub(super) slots: Semaphore,
    started: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    pace: Pace,
    paused_until: Instant,
}

impl Lane {
    pub(super) fn new(credential: usize, options: &DeliveryOptions) -> Self {
        let batch = u32::try_from(options.batch).unwrap_or(u32::MAX);
        let pace = Pace::new(options.rate, batch.max(SINGLE_BURST));
        let now = Instant::now();
        Self {
            credential,
            slots: Semaphore::new(options.in_flight),
            started: now,
            inner: Mutex::new(Inner { pace, paused_until: now }),
        }
    }

    /// Takes as much of the allowance as there is, at most `most` and at least `least`; or says how long to wait.
    pub(super) fn ask(&self, least: usize, most: usize) -> Result<usize, Duration> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if inner.paused_until > now {
            return Err(inner.paused_until - now);
        }
        let since = now - self.started;
        let most = most.min(inner.pace.burst());
        let count = |operations: usize| u32::try_from(operations).unwrap_or(u32::MAX);
        if most > least && inner.pace.ask(since, count(most)).is_ok() {
            return Ok(most);
        }
        inner.pace.ask(since, count(least)).map(|()| least)
    }

    /// How long the lane is still paused.
    pub(super) fn pause_left(&self) -> Option<Duration> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.paused_until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    /// Sends nothing for `pause`, a day at most.
    pub(super) fn pause(&self, pause: Duration) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.paused_until = inner.paused_until.max(Instant::now() + pause.min(LONGEST_ASKED));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EntityKind;

    #[test]
    fn a_pause_beyond_all_measure_overflows_no_clock() {
        let lane = Lane::new(0, &DeliveryOptions::for_kind(EntityKind::Customers));
        lane.pause(Duration::MAX);
        assert!(lane.ask(1, 1).unwrap_err() <= LONGEST_ASKED);
    }
}
