//! Line numbers for payments, reserved before the first one is sent.

/// The server leaves an empty line 10000 behind after some postings and does not show it.
///
/// Source: posting a journal that has no number series.
const HIDDEN: i64 = 10_000;

/// The distances that lines may have, the server's own first: people insert lines between them.
const STEPS: [i64; 5] = [10_000, 1_000, 100, 10, 1];

/// First line and distance for `rows` payments, above everything in `taken` and above the line that may be hidden;
/// `None` when the journal has no room left.
///
/// Source: a journal's line number is a 32-bit integer, and together with the journal it is the record's key, so
/// a repeat is refused.
#[must_use]
pub fn reserve_lines(taken: impl IntoIterator<Item = i64>, rows: u64) -> Option<(i64, i64)> {
    let highest = taken.into_iter().fold(HIDDEN, i64::max);
    let gaps = i64::try_from(rows.saturating_sub(1)).ok()?;
    STEPS.into_iter().find_map(|step| {
        let first = (highest / step + 1).checked_mul(step)?;
        let last = gaps.checked_mul(step)?.checked_add(first)?;
        (last <= i64::from(i32::MAX)).then_some((first, step))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_start_above_the_one_that_may_be_hidden() {
        assert_eq!(reserve_lines([], 3), Some((20_000, 10_000)));
        assert_eq!(reserve_lines([30_000, 10_000, 34_567], 3), Some((40_000, 10_000)));
    }

    #[test]
    fn lines_move_closer_together_when_there_are_many() {
        assert_eq!(reserve_lines([], 1_000_000), Some((11_000, 1_000)));
        let (first, step) = reserve_lines([], 2_000_000_000).unwrap();
        assert_eq!((first, step), (10_001, 1));
        assert_eq!(reserve_lines([i64::from(i32::MAX)], 1), None);
        assert_eq!(reserve_lines([], u64::MAX), None);
    }
}
