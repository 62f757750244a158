//! One process's part of what a credential may send.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::task::spawn_blocking;

use super::limit::{Limit, nanos};
use super::record::{Own, Record};
use super::window::{Ask, Place, Settled, Window};
use super::{PaceError, Rate};

/// By so much the clock of the machine may differ from the steady one before it counts as set forward.
const JUMP: u64 = 1_000_000_000;

/// What one credential may send, for one part of the program.
#[derive(Debug)]
pub struct Allowance {
    shared: Arc<Shared>,
    /// One task at a time takes more.
    taking: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Shared {
    limit: Option<Limit>,
    /// Where others see what is used; `None` when nobody else is to be counted with.
    record: Option<Arc<Record>>,
    /// Names this part of the program among all who share the record.
    owner: u64,
    started: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    stocks: BTreeMap<String, Vec<Chunk>>,
    chunks: u64,
    own: Own,
    /// When the record was last asked for a route, by both clocks.
    asked: BTreeMap<String, (SystemTime, Instant)>,
}

/// Operations that were promised to us together.
#[derive(Debug)]
struct Chunk {
    id: u64,
    operations: u64,
    /// How many nobody has been granted.
    free: u64,
    left: u64,
    last_left: Option<Instant>,
    from: Instant,
    until: Instant,
}

/// Leave to send so many operations of one route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// How many.
    pub operations: usize,
    /// Of which route.
    pub route: String,
    /// `None` where there is no limit.
    chunk: Option<u64>,
}

impl Allowance {
    /// No more than `rate`, where there is one; at least `burst` operations may leave at once. All who have the same
    /// `record` count together, in this process and in others.
    #[must_use]
    pub fn new(rate: Option<Rate>, burst: u32, record: Option<Arc<Record>>) -> Self {
        let shared = Shared {
            limit: rate.map(|rate| Limit::new(rate, burst)),
            record,
            owner: new_owner(),
            started: Instant::now(),
            inner: Mutex::default(),
        };
        Self { shared: Arc::new(shared), taking: tokio::sync::Mutex::default() }
    }

    /// Waits for leave to send at least `least` and at most `most` operations; what may leave is on disk before this
    /// returns. Dropping the future gives up what it was about to get.
    ///
    /// More than a whole window is never granted.
    ///
    /// # Errors
    /// When the record cannot be written: then nothing may be sent.
    pub async fn admit(&self, route: &str, least: usize, most: usize) -> Result<Grant, PaceError> {
        let (grant, wait) = self.book(route, least, most).await?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(grant)
    }

    /// Like [`Allowance::admit`], and leaves the waiting to the caller: nothing may leave before it is over.
    ///
    /// # Errors
    /// As there.
    pub async fn book(&self, route: &str, least: usize, most: usize) -> Result<(Grant, Duration), PaceError> {
        let shared = &self.shared;
        let grant = |operations, chunk| Grant { operations, route: route.to_owned(), chunk };
        let Some(limit) = shared.limit else { return Ok((grant(most.max(least), None), Duration::ZERO)) };
        let (least, most) = (least as u64, most.max(least) as u64);
        let _taking = self.taking.lock().await;
        let found = shared.inner().grant_of_stock(route, least, most);
        let (chunk, operations, wait) = if let Some((chunk, operations)) = found {
            (chunk, operations, Duration::ZERO)
        } else {
            let (chunk, operations, from) = self.take(limit, route, (least, most)).await?;
            (chunk, operations.min(most), from.saturating_duration_since(Instant::now()))
        };
        Ok((grant(usize::try_from(operations).unwrap_or(usize::MAX), Some(chunk)), wait))
    }

    /// Takes a chunk, and keeps what is more than `most` for others; how much it is, and from when on it may leave.
    async fn take(
        &self,
        limit: Limit,
        route: &str,
        (least, most): (u64, u64),
    ) -> Result<(u64, u64, Instant), PaceError> {
        let (least, taken) = (least.max(limit.chunk), most.max(limit.chunk).min(limit.burst).max(least));
        let id = {
            let mut inner = self.shared.inner();
            inner.chunks += 1;
            inner.chunks
        };
        let ask = Ask { owner: self.shared.owner, chunk: id, least, most: taken };
        let (place, asked) = if self.shared.record.is_some() {
            let (shared, route) = (self.shared.clone(), route.to_owned());
            let task = spawn_blocking(move || shared.ask(limit, &route, Some(ask)));
            task.await.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()))?
        } else {
            self.shared.ask(limit, route, Some(ask))?
        };
        let place = place.expect("whoever asks is given a place");
        let from = asked + Duration::from_nanos(place.wait);
        let chunk = Chunk {
            id,
            operations: place.operations,
            free: place.operations.saturating_sub(most),
            left: 0,
            last_left: None,
            from,
            until: from + Duration::from_nanos(limit.hold),
        };
        self.shared.inner().stocks.entry(route.to_owned()).or_default().push(chunk);
        Ok((id, place.operations, from))
    }

    /// Takes back what was granted and will not leave now, for whoever asks next.
    pub fn give_back(&self, grant: &Grant) {
        let Some(id) = grant.chunk else { return };
        let mut inner = self.shared.inner();
        let chunks = inner.stocks.get_mut(&grant.route).into_iter().flatten();
        if let Some(chunk) = chunks.into_iter().find(|chunk| chunk.id == id) {
            chunk.free += grant.operations as u64;
        }
    }

    /// Says that so many operations of a grant leave now. False when the grant is so old that it does not count any more:
    /// then nothing may leave.
    #[must_use = "nothing may leave on a grant that has lapsed"]
    pub fn leave(&self, grant: &Grant, operations: usize) -> bool {
        let Some(id) = grant.chunk else { return true };
        let now = Instant::now();
        let mut inner = self.shared.inner();
        let chunks = inner.stocks.get_mut(&grant.route).into_iter().flatten();
        let Some(chunk) = chunks.into_iter().find(|chunk| chunk.id == id) else { return false };
        if now < chunk.from || now > chunk.until {
            return false;
        }
        chunk.left += operations as u64;
        chunk.last_left = Some(now);
        true
    }

    /// Gives back what did not leave, once nothing is about to: at the end.
    ///
    /// # Errors
    /// When the record cannot be written: what was promised then counts as if it had left.
    pub async fn close(&self) -> Result<(), PaceError> {
        let Some(limit) = self.shared.limit.filter(|_| self.shared.record.is_some()) else { return Ok(()) };
        let shared = self.shared.clone();
        let task = spawn_blocking(move || {
            let routes: Vec<_> = {
                let mut inner = shared.inner();
                let ended = Instant::now();
                inner.stocks.values_mut().flatten().for_each(|chunk| chunk.until = chunk.until.min(ended));
                inner.stocks.keys().cloned().collect()
            };
            routes.iter().try_for_each(|route| shared.ask(limit, route, None).map(drop))
        });
        task.await.unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()))
    }
}

impl Shared {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the window what has become of earlier chunks, and asks for another one, and says when that was. Blocks
    /// where there is a record.
    fn ask(
        &self,
        limit: Limit,
        route: &str,
        ask: Option<Ask>,
    ) -> Result<(Option<Place>, Instant), PaceError> {
        let (ended, jumped) = {
            let mut inner = self.inner();
            let ended = inner.take_ended(route);
            (ended, self.record.as_ref().map_or(0, |_| inner.jumped(route)))
        };
        let change = |window: &mut Window, now: u64| {
            // A promise ends for us when it ends for the others, however long it takes to reach the disk.
            let asked = Instant::now();
            window.look_at_clock(now, self.owner, jumped);
            for chunk in &ended {
                let ago = chunk.last_left.map_or(0, |left| nanos(left.elapsed()));
                let settled = Settled { owner: self.owner, chunk: chunk.id, operations: chunk.left, ago };
                window.settle(limit, now, settled);
            }
            (ask.map(|ask| window.book(limit, now, ask)), asked)
        };
        match &self.record {
            Some(record) => record.change(route, change),
            None => Ok(change(self.inner().own.window(route), nanos(self.started.elapsed()))),
        }
    }
}

impl Inner {
    /// What is left over of earlier chunks.
    fn grant_of_stock(&mut self, route: &str, least: u64, most: u64) -> Option<(u64, u64)> {
        let now = Instant::now();
        let usable = |chunk: &&mut Chunk| chunk.free >= least && chunk.from <= now && now <= chunk.until;
        let chunk = self.stocks.get_mut(route)?.iter_mut().find(usable)?;
        let operations = chunk.free.min(most);
        chunk.free -= operations;
        Some((chunk.id, operations))
    }

    /// Chunks of which nothing will leave any more.
    fn take_ended(&mut self, route: &str) -> Vec<Chunk> {
        let now = Instant::now();
        let Some(chunks) = self.stocks.get_mut(route) else { return Vec::new() };
        chunks.extract_if(.., |chunk| chunk.left >= chunk.operations || now > chunk.until).collect()
    }

    /// By how much the machine's clock was set forward since the route was last asked for, or the machine was asleep.
    fn jumped(&mut self, route: &str) -> u64 {
        let now = (SystemTime::now(), Instant::now());
        let Some((wall, steady)) = self.asked.insert(route.to_owned(), now) else { return 0 };
        let passed = now.0.duration_since(wall).unwrap_or_default();
        let jumped = nanos(passed.saturating_sub(now.1 - steady));
        if jumped > JUMP { jumped } else { 0 }
    }
}

/// A number that no other part of a program has that shares a record.
fn new_owner() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    RandomState::new().hash_one((
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed),
        SystemTime::now(),
    ))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[tokio::test]
    async fn what_was_given_back_leaves_at_once() {
        let rate = Rate { operations: NonZeroU32::new(10).unwrap(), window: Duration::from_mins(1) };
        let folder = tempfile::tempdir().unwrap();
        let records = [None, Some(Arc::new(Record::open(folder.path(), "record").unwrap()))];
        for record in records {
            let allowance = Allowance::new(Some(rate), 10, record);
            let (grant, wait) = allowance.book("", 10, 10).await.unwrap();
            assert_eq!((grant.operations, wait), (10, Duration::ZERO));
            allowance.give_back(&grant);
            let (grant, wait) = allowance.book("", 10, 10).await.unwrap();
            assert_eq!((grant.operations, wait), (10, Duration::ZERO));
            assert!(allowance.leave(&grant, 10));
            let (_, wait) = allowance.book("", 1, 1).await.unwrap();
            assert!(wait > Duration::from_secs(50), "{wait:?}");
        }
    }
}
