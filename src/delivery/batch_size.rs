//! How many operations a batch carries: fewer when the target takes too long over them. Pure.

use std::time::Duration;

/// A batch may take this share of the longest wait for an answer.
const SHARE: u32 = 8;

/// So many quick batches in a row, and the next are larger.
const QUICK_IN_A_ROW: u32 = 4;

#[derive(Debug)]
pub(super) struct BatchSize {
    most: usize,
    now: usize,
    long: Duration,
    quick: u32,
}

impl BatchSize {
    /// Starts with the most there may be; `deadline` is the longest wait for one answer.
    pub(super) fn new(most: usize, deadline: Duration) -> Self {
        Self { most, now: most, long: deadline / SHARE, quick: 0 }
    }

    /// Operations of the next batch.
    pub(super) fn now(&self) -> usize {
        self.now
    }

    /// A batch of this size was answered after so long.
    pub(super) fn answered(&mut self, size: usize, took: Duration) {
        if took > self.long {
            return self.too_much(size);
        }
        self.quick = if took * 2 < self.long { self.quick + 1 } else { 0 };
        if self.quick >= QUICK_IN_A_ROW {
            (self.now, self.quick) = ((self.now + self.now.div_ceil(2)).min(self.most), 0);
        }
    }

    /// A batch of this size was too much: it was refused for its size, or not answered in time.
    pub(super) fn too_much(&mut self, size: usize) {
        // What left before the last halving says nothing new.
        if size <= self.now {
            self.now = (size / 2).max(1);
        }
        self.quick = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_batch_that_takes_long_halves_the_next_and_quick_ones_let_them_grow() {
        let mut size = BatchSize::new(100, SECOND * 80);
        size.answered(100, SECOND * 11);
        assert_eq!(size.now(), 50);
        size.answered(100, SECOND * 11);
        assert_eq!(size.now(), 50, "it had left before");
        size.too_much(50);
        assert_eq!(size.now(), 25);
        for _ in 0..100 {
            size.answered(size.now(), SECOND);
        }
        assert_eq!(size.now(), 100);
    }

    #[test]
    fn accidents_now_and_then_do_not_make_batches_small() {
        let mut size = BatchSize::new(100, SECOND * 80);
        let mut sum = 0;
        for batch in 0_usize..1_000 {
            sum += size.now();
            // Six of a hundred, at uneven distances.
            if batch * 7_919 % 101 < 6 {
                size.too_much(size.now());
            } else {
                size.answered(size.now(), SECOND);
            }
        }
        assert!(sum > 50 * 1_000, "{}", sum / 1_000);
    }

    #[test]
    fn a_batch_has_one_operation_at_least() {
        let mut size = BatchSize::new(3, SECOND);
        for _ in 0..5 {
            size.too_much(3);
        }
        assert_eq!(size.now(), 1);
    }
}
