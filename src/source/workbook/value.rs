//! The value of a cell as the text a text file would have: whole numbers without a point, days as `2025-06-30`,
//! `true` and `false`.

use std::fmt::Write;

use calamine::{ExcelDateTime, ExcelDateTimeType};

use super::formats::Meaning;

/// A spreadsheet shows no more digits than these; what a float has beyond them is noise of its arithmetic.
const SHOWN_DIGITS: usize = 15;

/// What a number in a cell is, and from when its days count.
#[derive(Clone, Copy, Debug)]
pub(super) struct NumberFormat {
    pub(super) meaning: Meaning,
    pub(super) is_1904: bool,
}

/// Appends a number that is written as `written`; `false`, with nothing appended, when it is not a number.
#[inline]
pub(super) fn write_number(written: &str, format: NumberFormat, out: &mut String) -> bool {
    if format.meaning == Meaning::Number && is_shown_as_written(written) {
        out.push_str(written);
        return true;
    }
    let Ok(number) = written.parse() else { return false };
    let result = match format.meaning {
        Meaning::Number | Meaning::Span => write_float(number, out),
        Meaning::Moment => {
            let kind = ExcelDateTimeType::DateTime;
            write_moment(&ExcelDateTime::new(number, kind, format.is_1904), out)
        }
    };
    result.expect("a string takes every text");
    true
}

/// Whether the shortest text that means the number is the one it is written as. Numbers of so few digits are all
/// different floats.
fn is_shown_as_written(written: &str) -> bool {
    let digits = written.strip_prefix('-').unwrap_or(written).as_bytes();
    let point = digits.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = digits.split_at(point.unwrap_or(digits.len()));
    let is_whole_short = match whole {
        [] => false,
        [b'0'] => point.is_some() || written.len() == 1, // `-0` is left to the float
        [first, ..] => *first != b'0',
    };
    let is_fraction_short = match fraction {
        [] => true,
        [_point, .., last] => *last != b'0',
        [_point] => false,
    };
    let is_digits = |digits: &[u8]| digits.iter().all(u8::is_ascii_digit);
    digits.len() <= SHOWN_DIGITS
        && is_whole_short
        && is_fraction_short
        && is_digits(whole)
        && is_digits(fraction.get(1..).unwrap_or_default())
}

/// The shortest text that means the number, but no more digits than a spreadsheet shows.
fn write_float(number: f64, out: &mut String) -> std::fmt::Result {
    let start = out.len();
    write!(out, "{number}")?;
    let digits = out[start..].trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    if digits > SHOWN_DIGITS && out[start..].contains('.') {
        let shown = format!("{number:.*e}", SHOWN_DIGITS - 1);
        out.truncate(start);
        write!(out, "{}", shown.parse().unwrap_or(number))?;
    }
    Ok(())
}

/// A day; with its time of day when that is not midnight.
fn write_moment(moment: &ExcelDateTime, out: &mut String) -> std::fmt::Result {
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    write!(out, "{year:04}-{month:02}-{day:02}")?;
    if (hour, minute, second) == (0, 0, 0) {
        return Ok(());
    }
    write!(out, "T{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(number: &str, meaning: Meaning) -> Option<String> {
        let mut out = String::new();
        write_number(number, NumberFormat { meaning, is_1904: false }, &mut out).then_some(out)
    }

    #[test]
    fn numbers_have_no_noise_and_days_are_days() {
        let number = |text| written(text, Meaning::Number).unwrap();
        assert_eq!(number("0.30000000000000004"), "0.3");
        assert_eq!(number("1E3"), "1000");
        assert_eq!(number("-0012.50"), "-12.5");
        assert_eq!(number("12345678901234567"), "12345678901234568");
        assert_eq!(written("45838", Meaning::Moment).unwrap(), "2025-06-30");
        assert_eq!(written("45838.75", Meaning::Moment).unwrap(), "2025-06-30T18:00:00");
        assert_eq!(written("1.5", Meaning::Span).unwrap(), "1.5");
        assert_eq!(written("x", Meaning::Number), None);
        assert_eq!(written("", Meaning::Moment), None);
    }

    proptest! {
        /// Taking a number as it is written gives what writing its float gives.
        #[test]
        fn the_short_way_writes_what_the_long_way_writes(text in "-?[0-9]{0,9}(\\.[0-9]{0,8})?") {
            if is_shown_as_written(&text) {
                let mut shown = String::new();
                write_float(text.parse().unwrap(), &mut shown).unwrap();
                prop_assert_eq!(shown, text);
            }
        }
    }
}
