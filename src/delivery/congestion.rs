//! How many requests a lane keeps in flight: fewer while answers take much longer than they did.
//!
//! More requests in flight than a server can work on only lengthen its queue. Answers are compared with those to
//! requests of about the same size: what a request costs beside its operations is much for a small one. Pure: what
//! answers took is passed in.

use std::time::Duration;

/// Answers that come faster than this say nothing of a queue.
const UNREMARKABLE: Duration = Duration::from_millis(100);

/// Answers per request in flight between two changes, so that each change shows its effect first.
const PATIENCE: usize = 3;

/// How much slower than the quickest answers a lane may become before it gives way.
const SLOW: f64 = 3.0;

/// How close to the quickest answers it must be again to try more.
const QUICK: f64 = 1.5;

/// The weight of the newest answer in the average.
const NEWEST: f64 = 0.25;

/// The quickest answer is forgotten by this share with every other one: a server may become slower for good.
const FORGET: f64 = 1.002;

/// Requests of up to twice as many operations are of one size; the largest have a hundred.
const SIZES: usize = 8;

#[derive(Debug)]
pub(super) struct Congestion {
    most: usize,
    now: usize,
    /// By the power of two below the number of operations.
    sizes: [Size; SIZES],
    answers: usize,
}

/// What is known of requests of one size.
#[derive(Clone, Copy, Debug)]
struct Size {
    /// Seconds an operation takes at best, and on average.
    quickest: f64,
    average: f64,
    /// Answers since the number in flight was changed last, of this size.
    answers: usize,
}

impl Congestion {
    /// Starts with as many as are allowed.
    pub(super) fn new(most: usize) -> Self {
        let unknown = Size { quickest: f64::INFINITY, average: 0.0, answers: 0 };
        Self { most, now: most, sizes: [unknown; SIZES], answers: 0 }
    }

    /// Counts an answer to a request of so many operations; returns how many requests may be in flight.
    pub(super) fn answered(&mut self, took: Duration, operations: usize) -> usize {
        let place = usize::try_from(operations.max(1).ilog2()).unwrap_or(SIZES).min(SIZES - 1);
        let size = &mut self.sizes[place];
        size.answered(took, operations);
        self.answers += 1;
        // A size that has just come up says nothing yet.
        if self.answers < PATIENCE * self.now || size.answers < PATIENCE {
            return self.now;
        }
        let size = *size;
        if size.average > SLOW * size.quickest && took > UNREMARKABLE && self.now > 1 {
            self.change(self.now - self.now.div_ceil(4));
        } else if size.average < QUICK * size.quickest || took <= UNREMARKABLE {
            self.change((self.now + 1).min(self.most));
        }
        self.now
    }

    fn change(&mut self, now: usize) {
        (self.now, self.answers) = (now, 0);
        self.sizes.iter_mut().for_each(|size| size.answers = 0);
    }
}

impl Size {
    fn answered(&mut self, took: Duration, operations: usize) {
        #[expect(clippy::cast_precision_loss, reason = "a request has few operations")]
        let each = took.as_secs_f64() / operations.max(1) as f64;
        self.average =
            if self.quickest.is_finite() { self.average + NEWEST * (each - self.average) } else { each };
        self.quickest = (self.quickest * FORGET).min(each);
        self.answers += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(congestion: &mut Congestion, answers: usize, millis: u64) -> usize {
        (0..answers).map(|_| congestion.answered(Duration::from_millis(millis), 1)).last().unwrap()
    }

    #[test]
    fn answers_that_grow_slow_shrink_what_is_in_flight_and_quick_ones_grow_it_again() {
        let mut congestion = Congestion::new(8);
        assert_eq!(after(&mut congestion, 100, 150), 8);
        assert_eq!(after(&mut congestion, 100, 900), 1);
        assert_eq!(after(&mut congestion, 200, 150), 8);
    }

    #[test]
    fn quick_answers_are_never_slow() {
        let mut congestion = Congestion::new(5);
        after(&mut congestion, 50, 1);
        assert_eq!(after(&mut congestion, 200, 90), 5);
    }

    #[test]
    fn a_server_that_is_slower_for_good_gets_its_requests_again() {
        let mut congestion = Congestion::new(4);
        after(&mut congestion, 50, 120);
        assert!(after(&mut congestion, 100, 600) < 4);
        assert_eq!(after(&mut congestion, 2_000, 600), 4);
    }

    #[test]
    fn a_larger_batch_is_not_a_slower_server() {
        let mut congestion = Congestion::new(4);
        for _ in 0..50 {
            congestion.answered(Duration::from_millis(200), 10);
        }
        assert_eq!((0..50).map(|_| congestion.answered(Duration::from_secs(2), 100)).last(), Some(4));
    }

    #[test]
    fn a_smaller_batch_is_not_a_slower_server_either() {
        let mut congestion = Congestion::new(4);
        for _ in 0..50 {
            congestion.answered(Duration::from_millis(600), 100);
        }
        // Half a second for the request itself, a millisecond for each operation.
        assert_eq!((0..50).map(|_| congestion.answered(Duration::from_millis(505), 5)).last(), Some(4));
    }
}
