//! When to try again, and when to give up: pure policy, the chance comes from a seed.

use std::time::Duration;

/// No pause of our own choosing is longer.
const LONGEST: Duration = Duration::from_secs(30);

/// A target that asks for longer means something else; what is asked for is taken as this much at most, so that no
/// clock overflows.
pub(super) const LONGEST_ASKED: Duration = Duration::from_hours(24);

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Try again after this pause.
    Wait(Duration),
    /// The target wants this credential to wait for longer than the budget allows.
    LeaveAlone,
    /// The target has not answered for longer than the budget allows.
    GiveUp,
}

/// How long a target may fail before the run stops, and how pauses grow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy {
    /// How long the target may go without one useful answer.
    pub(super) budget: Duration,
    /// The ceiling of the first pause; it doubles with every failure in a row.
    pub(super) first: Duration,
    /// Where the chance comes from.
    pub(super) seed: u64,
}

impl Policy {
    /// The decision after `failures` in a row (1 for the first) over `failing_for`; `asked` is the pause that the
    /// target named, which is never undercut.
    pub(super) fn decide(&self, failures: u32, failing_for: Duration, asked: Option<Duration>) -> Decision {
        let pause = self.pause(failures, asked);
        if failing_for > self.budget {
            return Decision::GiveUp;
        }
        if failing_for.saturating_add(asked.unwrap_or_default()) > self.budget {
            return Decision::LeaveAlone;
        }
        Decision::Wait(pause)
    }

    /// Full jitter: anything from nothing to a ceiling that doubles, so that many clients never meet.
    pub(super) fn pause(&self, failures: u32, asked: Option<Duration>) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let ceiling = match asked {
            // The target has chosen the pause; only a little chance is added.
            Some(_) => self.first,
            None => self.first.saturating_mul(1 << doublings).min(LONGEST),
        };
        asked.unwrap_or_default().min(LONGEST_ASKED)
            + ceiling.mul_f64(chance(self.seed ^ u64::from(failures)))
    }
}

/// A number from 0 up to 1 that looks random: `SplitMix64`.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit a float exactly")]
fn chance(seed: u64) -> f64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(seed: u64) -> Policy {
        Policy { budget: Duration::from_mins(10), first: Duration::from_millis(250), seed }
    }

    proptest! {
        /// Whatever the seed, a pause stays between what was asked and its ceiling.
        #[test]
        fn a_pause_never_undercuts_the_target_nor_exceeds_its_ceiling(
            seed: u64, failures in 1u32..100, asked in prop::option::of(0u64..1000),
        ) {
            let asked = asked.map(Duration::from_secs);
            let pause = policy(seed).pause(failures, asked);
            prop_assert!(pause >= asked.unwrap_or_default());
            prop_assert!(pause <= asked.map_or(LONGEST, |asked| asked + Duration::from_millis(250)));
        }
    }

    #[test]
    fn the_ceiling_grows_with_every_failure_in_a_row() {
        let longest = |failures| (0..500).map(|seed| policy(seed).pause(failures, None)).max().unwrap();
        assert!(longest(1) < Duration::from_millis(251));
        assert!(longest(4) > Duration::from_millis(1500));
        assert!(longest(60) > Duration::from_secs(25));
    }

    #[test]
    fn a_pause_beyond_all_measure_is_cut() {
        assert!(policy(1).pause(1, Some(Duration::MAX)) < Duration::from_hours(25));
        assert_eq!(policy(1).decide(1, Duration::from_secs(1), Some(Duration::MAX)), Decision::LeaveAlone);
    }

    #[test]
    fn a_target_that_fails_past_the_budget_is_given_up() {
        let policy = policy(1);
        assert!(matches!(policy.decide(9, Duration::from_secs(599), None), Decision::Wait(_)));
        assert_eq!(policy.decide(9, Duration::from_secs(601), None), Decision::GiveUp);
        let asked = Some(Duration::from_hours(1));
        assert_eq!(policy.decide(1, Duration::ZERO, asked), Decision::LeaveAlone);
    }
}
