//! A part of a plan: the first rows that wait, or the rows of some lines.

use std::ops::RangeInclusive;
use std::str::FromStr;

/// Which of the waiting rows a delivery carries out; the others stay as they are planned.
///
/// What an earlier process left unanswered is settled in any case, and counts nowhere here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// At most so many rows, the first that wait; `None` for all of them.
    pub limit: Option<u64>,
    /// Only rows on these lines of their file, as the column `row` of `results.csv` counts them; empty for all.
    pub lines: Vec<Lines>,
}

impl Slice {
    /// Whether it is all of the plan.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.limit.is_none() && self.lines.is_empty()
    }

    /// Whether a row on this 1-based line belongs to it.
    #[must_use]
    pub fn has_line(&self, line: u64) -> bool {
        self.lines.is_empty() || self.lines.iter().any(|lines| lines.0.contains(&line))
    }
}

/// Lines that follow each other, 1-based, both ends included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines(pub RangeInclusive<u64>);

/// Not `A-B`, nor one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a row such as `7`, nor rows such as `2-100`")]
pub struct LinesError;

impl FromStr for Lines {
    type Err = LinesError;

    fn from_str(text: &str) -> Result<Self, LinesError> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let number = |text: &str| text.trim().parse::<u64>().ok().filter(|number| *number > 0);
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self(first..=last)),
            _ => Err(LinesError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_one_number_or_two_with_both_ends_included() {
        assert_eq!("7".parse(), Ok(Lines(7..=7)));
        assert_eq!(" 2 - 100 ".parse(), Ok(Lines(2..=100)));
        for text in ["", "0", "5-2", "-5", "5-", "a"] {
            assert_eq!(text.parse::<Lines>(), Err(LinesError), "{text}");
        }
    }

    #[test]
    fn a_slice_that_names_no_lines_has_all_of_them() {
        assert!(Slice::default().has_line(1) && Slice::default().is_whole());
        let slice = Slice { limit: None, lines: vec![Lines(2..=3), Lines(9..=9)] };
        let kept: Vec<_> = (1..=10).filter(|line| slice.has_line(*line)).collect();
        assert_eq!(kept, [2, 3, 9]);
        assert!(!slice.is_whole());
    }
}
