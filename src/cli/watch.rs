//! Turns a run's events into progress and notes.

use std::sync::atomic::{AtomicU64, Ordering};

use ledgerferry::delivery::DeliveryEvent;
use ledgerferry::run::Event;

use super::console::Console;

/// An observer that draws on `console`.
pub(crate) fn watcher(console: &Console) -> impl Fn(Event<'_>) + Send + Sync + '_ {
    let (done, total) = (AtomicU64::new(0), AtomicU64::new(0));
    move |event| match event {
        Event::Note(note) => console.note(&note),
        Event::Checked(rows) => console.progress("checked rows", rows, None),
        Event::Fetched(set, rows) => console.progress(&format!("reading {set}"), rows, None),
        Event::ToDeliver(open) => {
            console.finish_progress();
            total.store(open, Ordering::Relaxed);
            console.progress("written", 0, Some(open));
        }
        Event::Delivery(event) => match event {
            DeliveryEvent::Accepted(rows)
            | DeliveryEvent::Refused(rows)
            | DeliveryEvent::Conflicts(rows)
            | DeliveryEvent::LeftInDoubt(rows) => {
                let rows = u64::try_from(rows).unwrap_or(0);
                let done = done.fetch_add(rows, Ordering::Relaxed) + rows;
                console.progress("written", done, Some(total.load(Ordering::Relaxed)));
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
