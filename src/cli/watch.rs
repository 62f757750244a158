//! Turns a run's events into progress and notes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ledgerferry::delivery::DeliveryEvent;
use ledgerferry::domain::Forecast;
use ledgerferry::run::Event;

use super::console::Console;

/// A forecast of fewer seconds is not worth a line.
const WORTH_SAYING: u64 = 10;

/// So much has to be seen of a delivery before it says how long the rest takes.
const FIRST_SIGHT: Duration = Duration::from_secs(2);

/// How long the rest of a delivery takes, as far as one can tell.
#[derive(Debug)]
struct Outlook {
    start: Instant,
    /// What the pace takes for all of it.
    pace: Duration,
}

impl Default for Outlook {
    fn default() -> Self {
        Self { start: Instant::now(), pace: Duration::ZERO }
    }
}

impl Outlook {
    fn new(forecast: Forecast) -> Self {
        Self { pace: Duration::from_secs(forecast.seconds), ..Self::default() }
    }

    /// How long the rest takes at the speed so far, pauses counted; never less than the pace allows. `None` while too
    /// little was seen.
    fn left(&self, done: u64, total: u64) -> Option<Duration> {
        Self::rest(self.start.elapsed(), self.pace, (done, total))
    }

    fn rest(passed: Duration, pace: Duration, (done, total): (u64, u64)) -> Option<Duration> {
        if done == 0 || passed < FIRST_SIGHT {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "seconds of an estimate")]
        let (left, done, total) = (total.saturating_sub(done) as f64, done as f64, total.max(1) as f64);
        Some(passed.mul_f64(left / done).max(pace.mul_f64(left / total)))
    }
}

/// An observer that draws on `console`.
pub(crate) fn watcher(console: &Console) -> impl Fn(Event<'_>) + Send + Sync + '_ {
    let (done, total) = (AtomicU64::new(0), AtomicU64::new(0));
    let outlook = Mutex::new(Outlook::default());
    move |event| match event {
        Event::Note(note) => console.note(&note),
        Event::Checked(rows) => console.progress("checked rows", rows, None),
        Event::Fetched(set, rows) => console.progress(&format!("reading {set}"), rows, None),
        Event::Forecast(forecast) => {
            console.finish_progress();
            if forecast.seconds >= WORTH_SAYING {
                console.note(&format!("sending takes {}", forecast.words()));
            }
            *outlook.lock().expect("no thread panics while it reckons") = Outlook::new(forecast);
        }
        Event::ToDeliver(open) => {
            console.finish_progress();
            total.store(open, Ordering::Relaxed);
            console.progress_left("written", (0, open), None);
        }
        Event::Delivery(event) => match event {
            DeliveryEvent::Accepted(rows)
            | DeliveryEvent::Refused(rows)
            | DeliveryEvent::Conflicts(rows)
            | DeliveryEvent::LeftInDoubt(rows) => {
                let rows = u64::try_from(rows).unwrap_or(0);
                let done = done.fetch_add(rows, Ordering::Relaxed) + rows;
                let total = total.load(Ordering::Relaxed);
                let left = outlook.lock().expect("no thread panics while it reckons").left(done, total);
                console.progress_left("written", (done, total), left);
            }
            DeliveryEvent::Waiting(pause) if pause.as_secs() >= 5 => {
                console.note(&format!(
                    "nothing is sent for {} s: the target asks for it or does not answer",
                    pause.as_secs()
                ));
            }
            DeliveryEvent::Stopping(why) => console.note(&format!("stopping: {why}")),
            DeliveryEvent::Sent(_)
            | DeliveryEvent::InDoubt(_)
            | DeliveryEvent::Retried(_)
            // A row that was settled is also accepted, refused, in conflict, or sent again.
            | DeliveryEvent::Settled(_)
            | DeliveryEvent::Waiting(_) => {}
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_rest_takes_as_long_as_what_was_seen_and_no_less_than_the_pace() {
        assert_eq!(Outlook::rest(SECOND, SECOND, (50, 100)), None);
        assert_eq!(Outlook::rest(SECOND * 10, SECOND * 10, (25, 100)), Some(SECOND * 30));
        // The first rows leave at once; the rest has to keep to the pace.
        assert_eq!(Outlook::rest(SECOND * 2, SECOND * 600, (100, 1_000)), Some(SECOND * 540));
        assert_eq!(Outlook::rest(SECOND * 5, SECOND * 5, (100, 100)), Some(Duration::ZERO));
    }
}
