//! What a delivery may do, and to whom.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::slice::Slice;
use crate::connector::{Connector, Habits};
use crate::domain::EntityKind;
use crate::pace::Rate;
use crate::transport::{PATIENCE, Transport};

/// Who receives the rows: connections and credentials, and the routes of one company.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Sends requests.
    pub(super) transport: Arc<Transport>,
    /// Writes requests and reads replies.
    pub(super) connector: Arc<dyn Connector>,
}

/// How many rows may go wrong before the run stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorLimit {
    /// This many rows were refused or in conflict.
    Rows(u64),
    /// This share of the rows sent, in percent, but at least [`ErrorLimit::FEWEST`] rows; 100 is no limit.
    Percent(u8),
}

impl ErrorLimit {
    /// A share says nothing of fewer rows.
    pub const FEWEST: u64 = 20;

    /// Whether so many errors among so many rows sent are too many.
    #[must_use]
    pub fn is_reached(self, errors: u64, sent: u64) -> bool {
        match self {
            Self::Rows(rows) => errors > 0 && errors >= rows,
            Self::Percent(100..) => false,
            Self::Percent(share) => errors >= Self::FEWEST && errors * 100 >= sent * u64::from(share),
        }
    }
}

/// As text such as `5%`, or as a number of rows.
impl<'de> serde::Deserialize<'de> for ErrorLimit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Written {
            Rows(u64),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Rows(rows) => rows.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Default for ErrorLimit {
    fn default() -> Self {
        Self::Percent(5)
    }
}

/// Not a number of rows, nor a share from `1%` to `100%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a number of rows such as `50`, nor a share such as `5%`")]
pub struct ErrorLimitError;

impl FromStr for ErrorLimit {
    type Err = ErrorLimitError;

    fn from_str(text: &str) -> Result<Self, ErrorLimitError> {
        let number = match text.trim().strip_suffix('%') {
            Some(share) => {
                share.trim().parse().ok().filter(|share| (1..=100).contains(share)).map(Self::Percent)
            }
            None => text.trim().parse().ok().filter(|rows| *rows > 0).map(Self::Rows),
        };
        number.ok_or(ErrorLimitError)
    }
}

/// What becomes of an update or a delete whose record someone else has changed since the plan. Fields that the row
/// does not touch are nobody's conflict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// The row is in conflict, and a person decides.
    #[default]
    Reject,
    /// Their values stay; the row's other changes are made.
    Theirs,
    /// The row's values are written over theirs.
    Ours,
}

impl OnConflict {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Reject, Self::Theirs, Self::Ours];

    /// The word of `--on-conflict`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Theirs => "theirs",
            Self::Ours => "ours",
        }
    }

    /// The one with this word; the cautious one for any other, as in runs that were planned before there were three.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        Self::ALL.into_iter().find(|known| known.as_str() == word).unwrap_or_default()
    }
}

/// The most operations in one request; a system may take fewer.
const BATCH_ROWS: usize = 100;

/// How a delivery behaves.
#[derive(Clone, Debug)]
pub struct DeliveryOptions {
    /// Operations in one request, at most 100; 1 sends single requests.
    pub batch: usize,
    /// Requests in flight per credential. Payments always have one: their journal has one writer.
    pub in_flight: usize,
    /// What each credential is allowed; `None` for no limit.
    pub rate: Option<Rate>,
    /// The share of the rate that is left to others who use the same credential, in percent.
    pub headroom: u8,
    /// How long an absence must last before it is believed: the target's own time limit for a request.
    pub settle: Duration,
    /// How long the target may go without a useful answer before the run stops.
    pub retry_budget: Duration,
    /// The ceiling of the first pause after a failure; it doubles with each failure in a row.
    pub backoff: Duration,
    /// The longest wait for one answer.
    pub deadline: Duration,
    /// How often one row is sent before it is given up.
    pub max_attempts: u32,
    /// What becomes of rows whose record someone else has changed; `None` leaves it to what the run's header says.
    pub on_conflict: Option<OnConflict>,
    /// What stops the run.
    pub max_errors: ErrorLimit,
    /// Which of the waiting rows to carry out.
    pub slice: Slice,
    /// Where the chance in pauses comes from.
    pub seed: u64,
}

impl DeliveryOptions {
    /// The cautious defaults for records of this kind.
    ///
    /// Source: creating customers in parallel has caused deadlocks in the server; lines of one journal must not
    /// be written in parallel; the gateway gives up after 10 minutes.
    #[must_use]
    pub fn for_kind(kind: EntityKind) -> Self {
        Self {
            batch: BATCH_ROWS,
            in_flight: if kind == EntityKind::Payments { 1 } else { 2 },
            rate: None,
            headroom: 0,
            settle: Duration::from_mins(10),
            retry_budget: Duration::from_mins(10),
            backoff: Duration::from_millis(250),
            deadline: PATIENCE,
            max_attempts: 10,
            on_conflict: None,
            max_errors: ErrorLimit::default(),
            slice: Slice::default(),
            seed: 0,
        }
    }

    /// How long an intent stands for a request that has not left yet; after that it is recorded anew. An absence is
    /// believed twice this much later when only the intent is known: once for its age, and once for a new connection
    /// and a new token. A twentieth of the target's own limit: half a minute where that limit is ten minutes.
    pub(super) fn intent_lifetime(&self) -> Duration {
        self.settle / 20
    }

    /// How long a record that was accepted waits at most for others to be read back with it: where few requests are
    /// allowed, a list costs fewer of them than each record alone.
    pub(super) fn read_back_wait(&self) -> Duration {
        const LONGEST: Duration = Duration::from_secs(20);
        const SHORTEST: Duration = Duration::from_millis(100);
        if self.is_paced() { LONGEST.min(self.settle / 2) } else { SHORTEST.min(self.settle / 2) }
    }

    /// How long after a refusal as too fast a lane takes to double its speed again: ten seconds, and less where the
    /// target does everything sooner.
    pub(super) fn speed_doubling(&self) -> Duration {
        const LONGEST: Duration = Duration::from_secs(10);
        LONGEST.min(self.settle / 2)
    }

    /// The rate that is left when others have their share.
    pub(super) fn paced_rate(&self) -> Option<Rate> {
        self.rate.map(|rate| rate.with_headroom(self.headroom))
    }

    /// Whether the rate, and not the disk, decides how fast rows leave. A disk syncs some hundred times a second, and
    /// every sync can carry a batch.
    pub(super) fn is_paced(&self) -> bool {
        self.paced_rate()
            .is_some_and(|rate| f64::from(rate.operations.get()) < 1_000.0 * rate.window.as_secs_f64())
    }

    /// The same, with every number inside what can work.
    pub(super) fn clamped(mut self, kind: EntityKind, habits: Habits) -> Self {
        self.batch = self.batch.clamp(1, BATCH_ROWS.min(habits.batch));
        if let Some(rate) = self.rate {
            self.batch = self.batch.min(usize::try_from(rate.operations.get()).unwrap_or(BATCH_ROWS));
        }
        self.in_flight = self.in_flight.clamp(1, habits.writers(kind).max(1));
        self.max_attempts = self.max_attempts.max(1);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_of_rows_or_a_share_of_them() {
        assert_eq!("50".parse(), Ok(ErrorLimit::Rows(50)));
        assert_eq!(" 5 % ".parse(), Ok(ErrorLimit::Percent(5)));
        for text in ["", "0", "-1", "0%", "101%", "five"] {
            assert_eq!(text.parse::<ErrorLimit>(), Err(ErrorLimitError), "{text}");
        }
    }

    #[test]
    fn head_room_makes_the_window_longer() {
        let rate = Rate { operations: 20.try_into().unwrap(), window: Duration::from_secs(1) };
        let options = DeliveryOptions {
            rate: Some(rate),
            headroom: 20,
            ..DeliveryOptions::for_kind(EntityKind::Customers)
        };
        let paced = Rate { window: Duration::from_millis(1_250), ..rate };
        assert_eq!(options.paced_rate(), Some(paced));
    }

    #[test]
    fn a_share_needs_enough_rows_to_mean_something() {
        let limit = ErrorLimit::default();
        assert!(!limit.is_reached(19, 19));
        assert!(limit.is_reached(20, 400));
        assert!(!limit.is_reached(20, 401));
        assert!(!ErrorLimit::Rows(1).is_reached(0, 10) && ErrorLimit::Rows(1).is_reached(1, 10));
    }

    #[test]
    fn a_share_of_all_rows_is_no_limit() {
        assert!(!ErrorLimit::Percent(100).is_reached(50, 50));
        assert!(ErrorLimit::Percent(99).is_reached(50, 50));
    }
}
