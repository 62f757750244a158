//! What has been used of one limit of late, and whose turn comes when: pure, the time is passed in.
//!
//! Whoever asks is given a place at once: so many operations, from a moment on and until another, and not before anybody
//! who asked earlier. So a large batch is not kept waiting for ever by small requests, whichever process they come from.
//!
//! Why no window ever holds too much: of all that leaves in it, take what asked last. Its place begins before the window
//! ends, and everything else in the window had its place already and counted there, as it may leave no earlier than the
//! window begins.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::bucket::Bucket;
use super::limit::Limit;

/// What is used of one limit. Times are nanoseconds since a fixed moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Window {
    /// The latest moment and the operations of each slot that still counts, oldest first.
    used: VecDeque<(u64, u64)>,
    /// What is promised and may have left.
    held: Vec<Held>,
    /// When nothing that has left is felt by the bucket any more.
    full_at: u64,
    /// Nobody's place begins before this.
    turn: u64,
    /// When this was last asked, and by whom.
    latest: u64,
    latest_owner: u64,
}

/// A promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    owner: u64,
    chunk: u64,
    operations: u64,
    /// The latest moment at which they leave.
    until: u64,
}

/// Somebody who wants to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    pub(super) owner: u64,
    /// Names the promise among those of its owner.
    pub(super) chunk: u64,
    pub(super) least: u64,
    pub(super) most: u64,
}

/// A promise that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) operations: u64,
    /// How long from now until they may leave.
    pub(super) wait: u64,
}

/// What became of a promise: so many of its operations left, the last of them so long ago.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    pub(super) owner: u64,
    pub(super) chunk: u64,
    pub(super) operations: u64,
    pub(super) ago: u64,
}

impl Window {
    /// Takes note of the time. `jumped` is by how much the clock was set forward, as far as `owner` knows, since it
    /// asked last.
    pub(super) fn look_at_clock(&mut self, now: u64, owner: u64, jumped: u64) {
        if now < self.latest {
            // Set back: no time has passed at the least.
            let back = self.latest - now;
            self.shift(|moment| moment.saturating_sub(back));
        } else if jumped > 0 && self.latest_owner == owner {
            self.shift(|moment| moment.saturating_add(jumped));
        }
        (self.latest, self.latest_owner) = (now, owner);
    }

    fn shift(&mut self, shifted: impl Fn(u64) -> u64) {
        self.used.iter_mut().for_each(|(at, _)| *at = shifted(*at));
        self.held.iter_mut().for_each(|held| held.until = shifted(held.until));
        (self.full_at, self.turn) = (shifted(self.full_at), shifted(self.turn));
    }

    /// Counts what has left from when it left, and gives back what has not.
    pub(super) fn settle(&mut self, limit: Limit, now: u64, settled: Settled) {
        let is_it = |held: &mut Held| held.owner == settled.owner && held.chunk == settled.chunk;
        if let Some(held) = self.held.extract_if(.., is_it).next() {
            let back = held.operations.saturating_sub(settled.operations);
            self.full_at = self.full_at.saturating_sub(back.saturating_mul(limit.interval));
        }
        if settled.operations > 0 {
            self.count(limit, now.saturating_sub(settled.ago), settled.operations);
        }
    }

    /// A slot counts from the last moment something left in it, which is later than true and so never too little.
    fn count(&mut self, limit: Limit, at: u64, operations: u64) {
        let slot = |at: u64| at / limit.slot;
        let place = self.used.partition_point(|(other, _)| slot(*other) <= slot(at));
        match place.checked_sub(1).and_then(|before| self.used.get_mut(before)) {
            Some((known, used)) if slot(*known) == slot(at) => {
                *known = at.max(*known);
                *used += operations;
            }
            _ => self.used.insert(place, (at, operations)),
        }
    }

    /// Gives a place to `ask`: at once as many operations as there are, when they are enough; else the fewest that will
    /// do, as soon as they may leave. More than the limit is never given.
    pub(super) fn book(&mut self, limit: Limit, now: u64, ask: Ask) -> Place {
        self.used.retain(|(at, _)| at.saturating_add(limit.window) > now);
        self.held.retain(|held| held.until.saturating_add(limit.window) > now);
        let soonest = now.max(self.turn);
        let least = ask.least.clamp(1, limit.operations);
        let bucket = |moment| Bucket::new(limit, self.full_at, moment);
        let there = self.room(limit, soonest).min(bucket(soonest).there()).min(ask.most.max(least));
        let (operations, from) = if there >= least {
            (there, soonest)
        } else {
            (least, bucket(soonest.max(self.when_room(limit, least))).when(least))
        };
        self.turn = from;
        self.full_at = bucket(from).without(operations);
        let until = from.saturating_add(limit.hold);
        self.held.push(Held { owner: ask.owner, chunk: ask.chunk, operations, until });
        Place { operations, wait: from - now }
    }

    /// When what counts now stops to count, with how much of it.
    fn ends(&self, limit: Limit) -> impl Iterator<Item = (u64, u64)> {
        let used = self.used.iter().map(|(at, operations)| (*at, *operations));
        let held = self.held.iter().map(|held| (held.until, held.operations));
        used.chain(held).map(move |(at, operations)| (at.saturating_add(limit.window), operations))
    }

    /// How much of the limit is left at this moment.
    fn room(&self, limit: Limit, at: u64) -> u64 {
        let counting: u64 = self.ends(limit).filter(|(end, _)| *end > at).map(|(_, used)| used).sum();
        limit.operations.saturating_sub(counting)
    }

    /// When so much of the limit is left.
    fn when_room(&self, limit: Limit, operations: u64) -> u64 {
        let mut ends: Vec<_> = self.ends(limit).collect();
        ends.sort_unstable();
        let counting: u64 = ends.iter().map(|(_, used)| used).sum();
        let mut excess = (counting + operations).saturating_sub(limit.operations);
        for (end, used) in ends {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(used);
            if excess == 0 {
                return end;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests;
