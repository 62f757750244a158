//! Misbehaviour on purpose: which request suffers what, decided by a seed and a count of requests.
//!
//! In: a specification such as `lost=0.02,429=0.05,seed=7`. Out: a [`Draw`] per request. Promises: the same
//! specification and the same order of requests give the same faults; a kind with probability zero never happens.

use std::str::FromStr;
use std::time::Duration;

use super::SandboxError;
use super::identity::mix;

/// How long a `stall` holds its connection before dropping it.
pub(super) const STALL: Duration = Duration::from_mins(1);

/// Probabilities of each fault per request, 0 to 1, and the seed of the draws.
///
/// Parsed from `lost=0.02,reset=0.01,429=0.05,503=0.02,504=0.01,slow=0.01,torn=0.01,etag=0.01,stall=0.01,seed=7`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// The work is done, then the connection ends without an answer.
    pub lost: f64,
    /// The connection ends before anything is done.
    pub reset: f64,
    /// Refused with 429 and one of the forms of `Retry-After`.
    pub too_many: f64,
    /// Refused with 503 and `Retry-After`.
    pub unavailable: f64,
    /// Answered 504 with an HTML page, before or after the work was done.
    pub gateway: f64,
    /// Answered late, by up to a second.
    pub slow: f64,
    /// The work is done, then the answer breaks off in the middle of its body.
    pub torn: f64,
    /// Another user changes the record right before a PATCH of it.
    pub etag: f64,
    /// The connection is held without an answer, then dropped; nothing is done.
    pub stall: f64,
    /// Where the draws start.
    pub seed: u64,
}

/// The one fault that decides how a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// See [`Faults::reset`].
    Reset,
    /// See [`Faults::stall`].
    Stall,
    /// See [`Faults::too_many`]; the number picks the form of `Retry-After`.
    TooMany(u64),
    /// See [`Faults::unavailable`].
    Unavailable,
    /// See [`Faults::gateway`]; `done` says whether the work was carried out.
    Gateway {
        /// Whether the work is carried out before the answer.
        done: bool,
    },
    /// See [`Faults::lost`].
    Lost,
    /// See [`Faults::torn`].
    Torn,
}

/// What one request suffers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    /// How it ends, when a fault decides that.
    pub(super) ending: Option<Ending>,
    /// How long the answer is held back.
    pub(super) delay: Duration,
    /// For drawing within the request.
    entropy: u64,
    /// Probability of a foreign change before a PATCH.
    etag: f64,
}

impl Draw {
    /// A request without faults.
    pub(super) const NONE: Self = Self { ending: None, delay: Duration::ZERO, entropy: 0, etag: 0.0 };

    /// Whether another user changes the record right before operation `index` of this request.
    pub(super) fn is_overtaken(&self, index: usize) -> bool {
        self.etag > 0.0 && chance(mix(self.entropy ^ mix(0xE7A6 + index as u64))) < self.etag
    }

    /// A number below `bound`, fixed for this request; zero when `bound` is zero.
    pub(super) fn below(&self, bound: u64) -> u64 {
        mix(self.entropy ^ 0xB0).checked_rem(bound).unwrap_or(0)
    }
}

impl Faults {
    /// Whether no fault can ever happen.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self { seed: self.seed, ..Self::default() }
    }

    /// What the request numbered `count` suffers.
    pub(super) fn draw(&self, count: u64) -> Draw {
        if self.is_none() {
            return Draw::NONE;
        }
        let entropy = mix(self.seed ^ mix(count));
        let hit = |kind: u64, probability: f64| chance(mix(entropy ^ mix(kind))) < probability;
        let endings = [
            (self.reset, Ending::Reset),
            (self.stall, Ending::Stall),
            (self.too_many, Ending::TooMany(mix(entropy ^ 3) % 4)),
            (self.unavailable, Ending::Unavailable),
            (self.gateway, Ending::Gateway { done: mix(entropy ^ 5) & 1 == 0 }),
            (self.lost, Ending::Lost),
            (self.torn, Ending::Torn),
        ];
        let ending = (1..).zip(endings).find(|&(kind, (probability, _))| hit(kind, probability));
        let delay = if hit(20, self.slow) { 50 + mix(entropy ^ 0x15) % 950 } else { 0 };
        Draw {
            ending: ending.map(|(_, (_, ending))| ending),
            delay: Duration::from_millis(delay),
            entropy,
            etag: self.etag,
        }
    }
}

/// A fraction from 0 to just below 1.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
fn chance(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

impl FromStr for Faults {
    type Err = SandboxError;

    /// Reads `kind=probability` pairs and `seed=number`, separated by commas; the empty text means no faults.
    fn from_str(text: &str) -> Result<Self, SandboxError> {
        let mut faults = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let bad = || SandboxError::Fault(part.to_owned());
            let (kind, value) = part.split_once('=').ok_or_else(bad)?;
            if kind.trim() == "seed" {
                faults.seed = value.trim().parse().map_err(|_| bad())?;
                continue;
            }
            let slot = faults.slot(kind.trim()).ok_or_else(bad)?;
            let probability: f64 = value.trim().parse().map_err(|_| bad())?;
            *slot = Some(probability).filter(|value| (0.0..=1.0).contains(value)).ok_or_else(bad)?;
        }
        Ok(faults)
    }
}

impl Faults {
    fn slot(&mut self, kind: &str) -> Option<&mut f64> {
        Some(match kind {
            "lost" => &mut self.lost,
            "reset" => &mut self.reset,
            "429" => &mut self.too_many,
            "503" => &mut self.unavailable,
            "504" => &mut self.gateway,
            "slow" => &mut self.slow,
            "torn" => &mut self.torn,
            "etag" => &mut self.etag,
            "stall" => &mut self.stall,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_specification_names_probabilities_and_a_seed() {
        let faults: Faults = "lost=0.02, 429=0.5,seed=7".parse().unwrap();
        assert_eq!(faults, Faults { lost: 0.02, too_many: 0.5, seed: 7, ..Faults::default() });
        assert!("".parse::<Faults>().unwrap().is_none());
    }

    #[test]
    fn an_unknown_kind_and_a_probability_beyond_one_are_refused() {
        for text in ["lots=0.1", "lost=2", "lost", "lost=NaN", "seed=-1"] {
            let error = text.parse::<Faults>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{text}` is no fault: expected a kind and a probability, as in `lost=0.02`")
            );
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_faults_about_as_often_as_asked() {
        let faults: Faults = "lost=0.1,503=0.2,slow=0.1,seed=3".parse().unwrap();
        let endings =
            |faults: &Faults| (0..10_000).map(|count| faults.draw(count).ending).collect::<Vec<_>>();
        assert_eq!(endings(&faults), endings(&faults));
        let busy = endings(&faults).iter().filter(|ending| **ending == Some(Ending::Unavailable)).count();
        assert!((1_800..2_200).contains(&busy), "{busy}");
        let other = Faults { seed: 4, ..faults.clone() };
        assert_ne!(endings(&faults), endings(&other));
    }

    #[test]
    fn without_faults_every_request_goes_through() {
        let draw = Faults::default().draw(1);
        assert_eq!((draw.ending, draw.delay, draw.is_overtaken(0)), (None, Duration::ZERO, false));
    }
}
