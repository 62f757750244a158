//! What a delivery will take, told beforehand: pure.

use super::options::DeliveryOptions;
use crate::connector::Habits;
use crate::domain::{EntityKind, Forecast};
use crate::pace::{SINGLE_BURST, with_margin};

impl DeliveryOptions {
    /// What so many operations take with so many credentials when nothing goes wrong: the requests, and the time that
    /// the pace takes. How long the target works on them is not known beforehand.
    #[must_use]
    pub fn forecast(
        &self,
        kind: EntityKind,
        habits: Habits,
        (operations, credentials): (u64, usize),
    ) -> Forecast {
        let options = self.clone().clamped(kind, habits);
        let batch = options.batch as u64;
        // The first payment in a journal goes alone.
        let alone = u64::from(kind == EntityKind::Payments && habits.has_journals).min(operations);
        // Where a yes is not certain, what was written is read back: by a route that is counted by itself, beside the
        // writing, so that only what was written last is waited for.
        let (calls, last_look) = if habits.is_yes_certain {
            (1, 0)
        } else {
            (2, u64::try_from(options.read_back_wait().as_millis().div_ceil(1_000)).unwrap_or(0))
        };
        let lanes = if habits.writers(kind) == 1 { 1 } else { credentials.max(1) as u64 };
        let last_look = if operations > 0 { last_look } else { 0 };
        Forecast {
            requests: (alone + (operations - alone).div_ceil(batch)) * calls,
            seconds: options.paced_seconds(operations.div_ceil(lanes)) + last_look,
        }
    }

    /// How long one credential takes to send so many operations.
    fn paced_seconds(&self, operations: u64) -> u64 {
        let Some(rate) = self.paced_rate() else { return 0 };
        // What may leave at once leaves at once.
        let burst = u64::from(SINGLE_BURST).max(self.batch as u64);
        let waiting = u128::from(operations.saturating_sub(burst));
        let window = with_margin(rate.window).as_millis();
        let millis = waiting * window / u128::from(rate.operations.get());
        u64::try_from(millis.div_ceil(1_000)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;
    use crate::delivery::Rate;

    fn forecast(kind: EntityKind, operations: u64, credentials: usize, headroom: u8) -> (u64, u64) {
        forecast_of(true, kind, (operations, credentials), headroom)
    }

    fn forecast_of(
        is_yes_certain: bool,
        kind: EntityKind,
        (operations, credentials): (u64, usize),
        headroom: u8,
    ) -> (u64, u64) {
        let rate = Rate { operations: NonZeroU32::new(6_000).unwrap(), window: Duration::from_mins(5) };
        let options =
            DeliveryOptions { rate: Some(rate), headroom, batch: 100, ..DeliveryOptions::for_kind(kind) };
        let habits = Habits {
            batch: 100,
            customer_writers: 5,
            payment_writers: 1,
            is_yes_certain,
            has_etags: true,
            has_journals: true,
            has_unique_payment_numbers: false,
            says_currency: false,
            is_looked_up_alone: false,
            needs_completion: false,
        };
        let Forecast { requests, seconds } = options.forecast(kind, habits, (operations, credentials));
        (requests, seconds)
    }

    #[test]
    fn what_is_read_back_takes_requests_and_a_moment_at_the_end() {
        let customers = |is_yes_certain| forecast_of(is_yes_certain, EntityKind::Customers, (60_000, 1), 0);
        assert_eq!((customers(true), customers(false)), ((600, 3_010), (1_200, 3_030)));
    }

    #[test]
    fn requests_and_time_follow_from_the_limits() {
        assert_eq!(forecast(EntityKind::Customers, 60_000, 1, 0), (600, 3_010));
        assert_eq!(forecast(EntityKind::Customers, 60_000, 2, 0), (600, 1_503));
        assert_eq!(forecast(EntityKind::Customers, 60_000, 1, 50), (600, 6_020));
        // A journal has one writer, and its first payment goes alone.
        assert_eq!(forecast(EntityKind::Payments, 60_000, 2, 0), (601, 3_010));
        assert_eq!(forecast(EntityKind::Customers, 0, 1, 0), (0, 0));
        assert_eq!(forecast(EntityKind::Payments, 1, 1, 0), (1, 0));
    }
}
