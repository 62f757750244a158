//! When a read is tried again, and when it is given up.

use std::time::Duration;

/// How much trouble a read may meet before it is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How often one page is asked for.
    pub attempts: u32,
    /// The longest first pause; it doubles with each attempt.
    pub first_pause: Duration,
    /// The longest pause of our own making.
    pub longest_pause: Duration,
    /// The longest time one page may spend in pauses, those the server asked for included.
    pub budget: Duration,
}

impl Default for Patience {
    /// Ten attempts over some ten minutes: Business Central's rate window is five minutes long, so a client that
    /// was throttled is let in again well before.
    fn default() -> Self {
        Self {
            attempts: 10,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(30),
            budget: Duration::from_mins(10),
        }
    }
}

impl Patience {
    /// The pause before the next attempt, or `None` to give up.
    ///
    /// `attempt` is the number of attempts made, `waited` the pauses so far, `asked` what the server asked for
    /// and `jitter` a random number. The pause is anything up to the doubled one ("full jitter"), but never
    /// less than the server asked for.
    #[must_use]
    pub fn pause(
        &self,
        attempt: u32,
        waited: Duration,
        asked: Option<Duration>,
        jitter: u64,
    ) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let doubled =
            self.first_pause.saturating_mul(1 << (attempt.clamp(1, 20) - 1)).min(self.longest_pause);
        let nanos = u64::try_from(doubled.as_nanos()).unwrap_or(u64::MAX).max(1);
        let own = Duration::from_nanos(jitter % nanos);
        let pause = asked.map_or(own, |asked| asked.saturating_add(own.min(asked / 10 + self.first_pause)));
        (waited.saturating_add(pause) <= self.budget).then_some(pause)
    }
}

/// A sequence of random numbers from a seed, so that runs can be repeated.
///
/// Source: the `SplitMix64` generator by Steele, Lea and Flood, 2014.
#[derive(Clone, Debug)]
pub struct Jitter(u64);

impl Jitter {
    /// The sequence of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        attempts: 4,
        first_pause: Duration::from_millis(100),
        longest_pause: Duration::from_millis(300),
        budget: Duration::from_secs(10),
    };

    #[test]
    fn pauses_grow_up_to_their_limit_and_spread_over_all_of_it() {
        let longest = |attempt| {
            let mut jitter = Jitter::new(7);
            (0..1000)
                .filter_map(|_| PATIENCE.pause(attempt, Duration::ZERO, None, jitter.draw()))
                .max()
                .unwrap()
        };
        for (attempt, limit) in [(1, 100), (2, 200), (3, 300)] {
            let longest = longest(attempt).as_millis();
            assert!((limit * 9 / 10..=limit).contains(&longest), "{attempt}: {longest}");
        }
    }

    #[test]
    fn the_server_gets_at_least_the_pause_it_asked_for() {
        let asked = Duration::from_secs(5);
        for jitter in [0, 1, u64::MAX, 99_999_999] {
            let pause = PATIENCE.pause(1, Duration::ZERO, Some(asked), jitter).unwrap();
            assert!((asked..asked + Duration::from_secs(1)).contains(&pause), "{pause:?}");
        }
    }

    #[test]
    fn attempts_and_pauses_come_to_an_end() {
        assert_eq!(PATIENCE.pause(4, Duration::ZERO, None, 1), None);
        assert_eq!(PATIENCE.pause(1, Duration::from_secs(10), None, 50), None);
        assert_eq!(PATIENCE.pause(1, Duration::ZERO, Some(Duration::from_secs(11)), 0), None);
    }
}
