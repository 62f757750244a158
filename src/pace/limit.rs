//! A rate as windows reckon with it.

use std::time::Duration;

use super::Rate;

/// The window is counted in this many slots; each slot costs at most its own share of the allowance.
const SLOTS: u32 = 400;

/// The window is taken longer by this fraction, because requests reach the server with uneven delay.
const MARGIN: u32 = 200;

/// For short windows the fraction is larger, up to this much.
const UNEVEN_DELAY: Duration = Duration::from_millis(50);

/// No window is taken longer by more than this fraction.
const MOST_MARGIN: u32 = 50;

/// What leaves within this time is taken from the record at once, so that a fast pace costs no sync per request.
const CHUNK: Duration = Duration::from_millis(100);

/// What may leave without a pause: a chunk, and another one while that is taken.
const BUCKET: Duration = Duration::from_millis(250);

/// The longest time between the moment at which operations may leave and their leaving; after that they have to ask
/// again. Long enough for the intents to reach a slow disk.
const LONGEST_HOLD: Duration = Duration::from_secs(5);
const SHORTEST_HOLD: Duration = Duration::from_millis(250);
const HOLD_SHARE: u32 = 20;

/// A rate in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    /// Operations allowed in any window.
    pub(super) operations: u64,
    /// The window with its margin.
    pub(super) window: u64,
    pub(super) slot: u64,
    /// The time from one operation to the next at an even pace.
    pub(super) interval: u64,
    /// Operations that may follow each other without a pause.
    pub(super) burst: u64,
    /// Operations taken at a time at least.
    pub(super) chunk: u64,
    pub(super) hold: u64,
}

impl Limit {
    /// No more than `rate`; at least `burst` operations may leave at once.
    pub(super) fn new(rate: Rate, burst: u32) -> Self {
        let operations = u64::from(rate.operations.get());
        let within = |time: Duration| {
            let share = u128::from(operations) * time.as_nanos() / rate.window.as_nanos().max(1);
            u64::try_from(share).unwrap_or(u64::MAX).clamp(1, operations)
        };
        let hold = (rate.window / HOLD_SHARE).clamp(SHORTEST_HOLD, LONGEST_HOLD).min(rate.window / 2);
        Self {
            operations,
            window: nanos(with_margin(rate.window)),
            slot: nanos(rate.window / SLOTS).max(1),
            interval: (nanos(rate.window) / operations).max(1),
            burst: within(BUCKET).max(u64::from(burst)).clamp(1, operations),
            chunk: within(CHUNK),
            hold: nanos(hold),
        }
    }
}

/// The window as long as it is taken.
#[must_use]
pub fn with_margin(window: Duration) -> Duration {
    window + (window / MARGIN).max(UNEVEN_DELAY.min(window / MOST_MARGIN))
}

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
