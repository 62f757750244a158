//! Text as people and spreadsheets read it: grouped digits, plurals, cell references, neutralised formulas.

use std::borrow::Cow;

use crate::domain::Money;
use crate::domain::text::is_formula_like;

/// The number with a comma between thousands.
#[must_use]
pub(super) fn grouped(number: u64) -> String {
    group_digits(&number.to_string())
}

/// The amount with a comma between thousands and at least two digits after the point.
#[must_use]
pub(super) fn amount(money: Money) -> String {
    let mut decimal = money.decimal().normalize();
    if decimal.scale() < 2 {
        decimal.rescale(2);
    }
    let text = Money::from(decimal.abs()).to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "00"));
    let sign = if money.is_negative() { "-" } else { "" };
    format!("{sign}{}.{fraction}", group_digits(whole))
}

fn group_digits(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 row`, `2 rows`.
#[must_use]
pub(super) fn counted(number: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// The letters of a 0-based spreadsheet column: `A`, `Z`, `AA`.
#[must_use]
pub(super) fn column_letters(column: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = u64::from(column) + 1;
    while rest > 0 {
        let digit = u8::try_from((rest - 1) % 26).expect("a remainder of 26 fits a byte");
        letters.push(char::from(b'A' + digit));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

/// The text with an apostrophe before it when a spreadsheet would take it for a formula.
///
/// What is no formula stays as it is, here as in an export.
#[must_use]
pub(super) fn neutral(text: &str) -> Cow<'_, str> {
    if is_formula_like(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The text in lines of at most `width` characters, broken between words; a longer word has a line of its own.
#[must_use]
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(last) if last.chars().count() + 1 + word.chars().count() <= width => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| clipped(line, width.max(1))).collect()
}

/// At most `limit` (at least 1) characters of the text, the last one `…` when something was cut; control characters are shown
/// as `\u{…}`, so that a terminal never obeys a cell.
#[must_use]
pub(super) fn clipped(text: &str, limit: usize) -> String {
    let too_long = text.chars().nth(limit).is_some();
    let mut visible = String::with_capacity(text.len().min(limit * 4));
    for character in text.chars().take(if too_long { limit - 1 } else { limit }) {
        if character.is_control() {
            visible.extend(character.escape_default());
        } else {
            visible.push(character);
        }
    }
    if too_long {
        visible.push('…');
    }
    visible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(3411, "row"), "3,411 rows");
    }

    #[test]
    fn amounts_keep_their_digits_and_show_at_least_cents() {
        for (text, shown) in [
            ("4120000", "4,120,000.00"),
            ("-58500.5", "-58,500.50"),
            ("0.12345", "0.12345"),
            ("10.500", "10.50"),
        ] {
            assert_eq!(amount(text.parse().unwrap()), shown);
        }
    }

    #[test]
    fn columns_have_the_letters_a_spreadsheet_gives_them() {
        let letters: Vec<_> = [0, 25, 26, 51, 52, 701, 702].map(column_letters).into();
        assert_eq!(letters, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }

    #[test]
    fn formulas_are_neutralised_and_numbers_and_phones_are_not() {
        for formula in ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3*A1", "\t=1", "\r=1"] {
            assert_eq!(neutral(formula), format!("'{formula}"));
        }
        for plain in ["-42.00", "+1-404-555-0100", "+49 (421) 555 0102", "71001", "", "a=b", "- 1200.50"] {
            assert_eq!(neutral(plain), plain);
        }
    }

    #[test]
    fn long_text_is_cut_visibly_and_control_characters_are_shown() {
        assert_eq!(clipped("abcdef", 6), "abcdef");
        assert_eq!(clipped("abcdefg", 6), "abcde…");
        assert_eq!(clipped("a\u{1b}[31mb", 20), "a\\u{1b}[31mb");
        assert_eq!(clipped("ÄÖÜ", 3), "ÄÖÜ");
    }
}
