//! How fast a profile may go, and how people write rates and durations.

use std::str::FromStr;
use std::time::Duration;

/// How fast to go, and how long to wait.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Operations per sliding window and credential.
    pub rate: Rate,
    /// The share of the rate that is left to people and programs with the same credential, in percent.
    pub headroom: u8,
    /// Requests at once per credential; `None` leaves it to the entity.
    pub in_flight: Option<usize>,
    /// Operations in one `$batch`; 1 sends single requests.
    pub batch: usize,
    /// How long after a lost answer an absence is believed: the server's own time limit, and what its gateway adds.
    pub settle: Duration,
    /// How long to go on retrying one row before stopping.
    pub retry_budget: Duration,
    /// How long to wait for one answer.
    pub deadline: Duration,
}

/// So many operations in any window of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Operations in the window.
    pub count: u32,
    /// Length of the sliding window.
    pub window: Duration,
}

impl Default for Limits {
    /// Business Central online: 6,000 requests per sliding 5 minutes, of which 5 % are left to people.
    ///
    /// Source: operational limits of Business Central online; a request may run 8 minutes and its gateway
    /// waits 10.
    fn default() -> Self {
        Self {
            rate: Rate { count: 6_000, window: Duration::from_mins(5) },
            headroom: 5,
            in_flight: None,
            batch: 100,
            settle: Duration::from_mins(10),
            retry_budget: Duration::from_mins(15),
            deadline: Duration::from_secs(630),
        }
    }
}

impl Limits {
    /// Bigcapital as it is installed: ten calls a minute for each route and client address.
    ///
    /// Source: a second counter, evidently meant for signing in, counts on every route; a request was seen to hang for
    /// a minute.
    #[must_use]
    pub fn bigcapital() -> Self {
        Self {
            rate: Rate { count: 10, window: Duration::from_mins(1) },
            in_flight: None,
            headroom: 0,
            batch: 1,
            settle: Duration::from_mins(2),
            retry_budget: Duration::from_mins(15),
            deadline: Duration::from_mins(2),
        }
    }

    /// Limits for the embedded sandbox, which answers at once or never.
    #[must_use]
    pub fn sandbox() -> Self {
        Self {
            rate: Rate { count: 1_000_000, window: Duration::from_secs(1) },
            headroom: 0,
            in_flight: None,
            batch: 100,
            settle: Duration::from_secs(1),
            retry_budget: Duration::from_mins(1),
            deadline: Duration::from_secs(20),
        }
    }
}

impl FromStr for Rate {
    type Err = ();

    /// Reads `20/s`, `100/m` and `6000/5m`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (count, window) = text.split_once('/').ok_or(())?;
        let count = count.trim().parse().map_err(|_| ())?;
        let window = window.trim();
        let window = if window.starts_with(|first: char| first.is_ascii_digit()) {
            parse_duration(window)
        } else {
            parse_duration(&format!("1{window}"))
        };
        match window {
            Some(window) if count > 0 && !window.is_zero() => Ok(Self { count, window }),
            _ => Err(()),
        }
    }
}

/// Reads `250ms`, `90s`, `10m` and `2h`.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    match text[digits..].trim() {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3_600).map(Duration::from_secs),
        _ => None,
    }
}
