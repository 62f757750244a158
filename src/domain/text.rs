//! Text as systems compare it: trimmed, upper-cased, folded.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

/// The text without blanks at its ends.
#[must_use]
#[inline]
pub fn trim(text: &str) -> &str {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(b'!'..=b'~'), Some(b'!'..=b'~')) | (None, _) => text,
        _ => text.trim(),
    }
}

/// Whether the text holds no control character, quote or backslash: nothing a rule or JSON would mind.
#[must_use]
#[inline]
pub fn is_plain(text: &[u8]) -> bool {
    // Sums instead of branches: whole blocks of bytes are looked at together.
    let minded = |byte: u8| {
        u8::from(byte < b' ') | u8::from(byte == 0x7f) | u8::from(byte == b'"') | u8::from(byte == b'\\')
    };
    text.iter().fold(0, |found, byte| found | minded(*byte)) == 0
}

/// Whether a spreadsheet would take this text for a formula.
///
/// Numbers and phone numbers (digits, spaces and `+ - ( ) . /`) are none, although they may start like one.
///
/// Source: OWASP, "CSV Injection".
#[must_use]
pub fn is_formula_like(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
        && !text.bytes().all(|byte| byte.is_ascii_digit() || b" +-()./".contains(&byte))
}

/// The text in upper case, as Business Central stores codes; borrowed when nothing changes.
///
/// A letter whose upper case is more than one letter, such as `ß`, stays: a code never grows.
#[must_use]
pub fn upper(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_lowercase()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(upper_char).collect())
}

/// Whether two codes are one to Business Central, whatever their letter case and the blanks at their ends.
#[must_use]
pub fn is_same_code(left: &str, right: &str) -> bool {
    upper(left.trim()) == upper(right.trim())
}

/// The upper case of one letter, or the letter itself when its upper case is more than one letter.
#[must_use]
pub fn upper_char(letter: char) -> char {
    let mut upper = letter.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(single), None) => single,
        _ => letter,
    }
}

/// The letters and digits of the text in lower case: `Display Name`, `display_name` and `displayName` are one.
#[must_use]
pub fn fold(text: &str) -> String {
    folded(text).collect()
}

/// Whether two texts are the same once folded. Texts without any letter or digit are never the same.
#[must_use]
pub fn is_same_folded(left: &str, right: &str) -> bool {
    let mut left = folded(left).peekable();
    left.peek().is_some() && left.eq(folded(right))
}

fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase)
}

/// The candidate that is spelled most like `text`, if any is close; of equals, the first.
#[must_use]
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const CLOSE: f64 = 0.8;
    let text = fold(text);
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let score = strsim::jaro_winkler(&text, &fold(candidate));
        if score >= CLOSE && best.is_none_or(|(highest, _)| score > highest) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// A name as people compare it: case, and how many blanks stand where, do not matter; nor does whether a letter and
/// its accent are one character or two.
#[must_use]
pub fn fold_name(name: &str) -> String {
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize(name);
    let words: Vec<_> = composed.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_the_same_however_they_are_spelled() {
        for spelling in ["displayName", "Display Name", "DISPLAY_NAME", " display-name ", "DisplayName:"] {
            assert!(is_same_folded(spelling, "displayName"), "{spelling}");
        }
        assert!(is_same_folded("Straßenname", "straßen-name"));
        assert!(!is_same_folded("--", " "));
    }

    #[test]
    fn plain_text_is_what_json_takes_as_it_is() {
        assert!(is_plain("Müller & Söhne, 東京 {}".as_bytes()));
        for text in ["a\nb", "\u{7f}", "\"", "\\", "0123456789abcdef0123456789abcdef\t"] {
            assert!(!is_plain(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn upper_case_never_makes_a_code_longer() {
        assert_eq!(upper("straße 1é"), "STRAßE 1É");
        assert!(matches!(upper("C-001"), Cow::Borrowed("C-001")));
    }

    #[test]
    fn codes_are_one_whatever_their_letter_case_and_the_blanks_around_them() {
        assert!(is_same_code(" käse", "KÄSE"));
        assert!(!is_same_code("KASE", "KÄSE"));
    }

    #[test]
    fn blanks_of_every_script_are_trimmed() {
        assert_eq!(trim("\u{a0} a b\t"), "a b");
        assert_eq!(trim("a b"), "a b");
        assert_eq!(trim("   "), "");
    }

    #[test]
    fn the_nearest_spelling_is_found_and_far_ones_are_not() {
        assert_eq!(nearest("dispaly name", ["city", "displayName"]), Some("displayName"));
        assert_eq!(nearest("qqq", ["city", "displayName"]), None);
    }
}
