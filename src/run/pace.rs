//! How a profile's limits become the way a run is delivered.

use std::num::NonZeroU32;

use crate::delivery::{DeliveryOptions, Rate};
use crate::domain::EntityKind;
use crate::profile::Limits;

/// The pace that a profile's limits leave each of its credentials.
#[must_use]
pub fn pace(limits: &Limits) -> Option<Rate> {
    rate(limits).map(|rate| rate.with_headroom(limits.headroom))
}

fn rate(limits: &Limits) -> Option<Rate> {
    NonZeroU32::new(limits.rate.count).map(|operations| Rate { operations, window: limits.rate.window })
}

/// Pace and patience for records of this kind under a profile's limits.
#[must_use]
pub fn delivery_options(limits: &Limits, entity: EntityKind) -> DeliveryOptions {
    let defaults = DeliveryOptions::for_kind(entity);
    DeliveryOptions {
        batch: limits.batch,
        in_flight: limits.in_flight.unwrap_or(defaults.in_flight),
        rate: rate(limits),
        headroom: limits.headroom,
        settle: limits.settle,
        retry_budget: limits.retry_budget,
        deadline: limits.deadline,
        seed: u64::from(std::process::id()),
        ..defaults
    }
}
