//! What goes wrong when two writers are at work at once.
//!
//! The real server posts to its ledger in listeners whose errors are swallowed: a transaction that was rolled back
//! still answers 201. Source: measured with two workers: half of the customers with opening balances did not exist
//! afterwards although every call was answered 201; half of the payments failed with 500, one explicit number was
//! stored twice, and customers' balances left their ledger; with eight workers requests hung for a minute.
//!
//! Promises: one writer alone never suffers any of it; which of several does is drawn from a count, so the same
//! order of arrivals suffers the same.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::sandbox::identity::mix;

/// Source: the pool has seven connections; more writers than that hang.
pub(super) const POOL: usize = 7;

/// What happens to one write that posts to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mishap {
    /// Nothing: the writer is alone, or lucky.
    None,
    /// The answer says that all is well, and nothing is stored.
    Swallowed,
    /// The record is stored, but nothing of it reaches the ledger and the balance.
    Unposted,
    /// The database gives up: 500, and nothing is stored.
    Deadlock,
}

/// The writers at work.
#[derive(Debug, Default)]
pub(super) struct Writers {
    at_work: Mutex<Vec<(u64, Option<String>)>>,
    arrivals: AtomicU64,
    collisions: AtomicU64,
}

/// One writer at work, until it is dropped.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    writers: &'a Writers,
    arrival: u64,
    /// The payment numbers of the writers that were at work when this one came.
    pub(super) rival_numbers: Vec<String>,
    /// How many others were at work.
    pub(super) rivals: usize,
    collision: u64,
}

impl Writers {
    /// Lets one more writer work, who may be storing a payment under `number`.
    pub(super) fn enter(&self, number: Option<String>) -> Writer<'_> {
        let arrival = self.arrivals.fetch_add(1, Ordering::Relaxed);
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        let rivals = at_work.len();
        let rival_numbers = at_work.iter().filter_map(|(_, number)| number.clone()).collect();
        at_work.push((arrival, number));
        let collision = if rivals == 0 { 0 } else { self.collisions.fetch_add(1, Ordering::Relaxed) };
        Writer { writers: self, arrival, rival_numbers, rivals, collision }
    }
}

impl Writer<'_> {
    /// What happens to this writer's ledger posting; a payment's suffers differently from a customer's.
    pub(super) fn mishap(&self, is_payment: bool) -> Mishap {
        if self.rivals == 0 {
            return Mishap::None;
        }
        match (is_payment, mix(self.collision) % 4) {
            (true, 0) => Mishap::Swallowed,
            (true, 1) => Mishap::Unposted,
            (true, 2) => Mishap::Deadlock,
            (true, _) | (false, 3) => Mishap::None,
            (false, _) => Mishap::Swallowed,
        }
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        let mut at_work = self.writers.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        at_work.retain(|(arrival, _)| *arrival != self.arrival);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writer_after_another_suffers_nothing() {
        let writers = Writers::default();
        for _ in 0..100 {
            assert_eq!(writers.enter(None).mishap(true), Mishap::None);
        }
    }

    #[test]
    fn the_second_of_two_suffers_the_same_every_time() {
        let seconds = || {
            let writers = Writers::default();
            let _first = writers.enter(Some("P-1".to_owned()));
            (0..40).map(|_| writers.enter(None).mishap(true)).collect::<Vec<_>>()
        };
        assert_eq!(seconds(), seconds());
        for mishap in [Mishap::None, Mishap::Swallowed, Mishap::Unposted, Mishap::Deadlock] {
            assert!(seconds().contains(&mishap), "{mishap:?}");
        }
    }

    #[test]
    fn a_writer_knows_the_numbers_it_cannot_see() {
        let writers = Writers::default();
        let first = writers.enter(Some("P-1".to_owned()));
        assert_eq!(writers.enter(None).rival_numbers, ["P-1"]);
        drop(first);
        assert_eq!(writers.enter(None).rival_numbers, [""; 0]);
    }
}
