//! What a run tells while it goes: facts for whoever watches, never printed here.

use crate::delivery::DeliveryEvent;
use crate::domain::Forecast;

/// One thing that happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// Something a person should know, in one line.
    Note(String),
    /// So many rows of the files are checked so far.
    Checked(u64),
    /// So many records of this set have been read from the target so far.
    Fetched(&'a str, u64),
    /// What the delivery that begins will take when nothing goes wrong.
    Forecast(Forecast),
    /// Delivery begins, with so many rows to settle.
    ToDeliver(u64),
    /// Something about the delivery.
    Delivery(DeliveryEvent),
}

/// Who watches a run.
pub type Observer<'a> = &'a (dyn Fn(Event<'_>) + Send + Sync);
