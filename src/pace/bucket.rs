//! What keeps the sending smooth under the window: governor's bucket, over a state that is kept with the window's, so
//! that all who share the window share the bucket. Times are nanoseconds since a fixed moment.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};

use super::limit::Limit;

/// When nothing that has left is felt any more.
#[derive(Debug)]
struct FullAt(Cell<u64>);

impl StateStore for FullAt {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (outcome, full_at) = decide(Some(self.0.get().into()))?;
        self.0.set(full_at.into());
        Ok(outcome)
    }
}

/// A clock that is set by hand.
#[derive(Clone, Debug)]
struct Moment(Cell<u64>);

impl Clock for Moment {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.get().into()
    }
}

type Limiter = RateLimiter<NotKeyed, FullAt, Moment, StateInformationMiddleware>;

/// The bucket as it is at a moment.
#[derive(Debug)]
pub(super) struct Bucket {
    limiter: Limiter,
    limit: Limit,
}

impl Bucket {
    /// `full_at` is when nothing that has left is felt any more.
    pub(super) fn new(limit: Limit, full_at: u64, now: u64) -> Self {
        let quota = Quota::with_period(Duration::from_nanos(limit.interval))
            .expect("the interval is above zero")
            .allow_burst(number(limit.burst));
        // A limiter counts from when it was made: here, from the fixed moment.
        let limiter = Limiter::new(quota, FullAt(Cell::new(full_at)), Moment(Cell::new(0)));
        limiter.clock().0.set(now);
        Self { limiter, limit }
    }

    /// How many operations may leave now.
    pub(super) fn there(self) -> u64 {
        self.limiter.check().map_or(0, |left| 1 + u64::from(left.remaining_burst_capacity()))
    }

    /// When so many may leave, from now on; more than the bucket holds leave when it is full.
    pub(super) fn when(self, operations: u64) -> u64 {
        let now = self.limiter.clock().now();
        let taken = self.limiter.check_n(number(operations.min(self.limit.burst)));
        match taken.expect("no more than the bucket holds") {
            Ok(_) => now.as_u64(),
            Err(not_until) => not_until.earliest_possible().as_u64(),
        }
    }

    /// When nothing is felt any more once so many have left now, which they may.
    pub(super) fn without(self, operations: u64) -> u64 {
        let in_it = operations.min(self.limit.burst);
        let taken = self.limiter.check_n(number(in_it)).expect("no more than the bucket holds");
        taken.expect("it was asked when they may leave");
        let beyond = (operations - in_it).saturating_mul(self.limit.interval);
        self.limiter.into_state_store().0.get().saturating_add(beyond)
    }
}

/// A limit's numbers are those of a rate, which are of 32 bits and above zero.
fn number(operations: u64) -> NonZeroU32 {
    u32::try_from(operations).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}
