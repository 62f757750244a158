//! Taking the text of a query apart: percent signs, and separators outside quotes and parentheses.

use super::error::ODataError;

/// `raw` without percent-encoding; `+` is a space, as forms write it.
pub(crate) fn decode(raw: &str) -> Result<String, ODataError> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let decoded = rest.get(..2).and_then(hexadecimal);
                let decoded = decoded.ok_or_else(|| bad_encoding(raw))?;
                rest = &rest[2..];
                decoded
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| bad_encoding(raw))
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u8::from_str_radix(digits, 16).ok()
}

fn bad_encoding(raw: &str) -> ODataError {
    ODataError::bad_request(format!("The query text '{raw}' is not percent-encoded UTF-8."))
}

/// `text` percent-encoded so that it can be the value of a query option.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b',' | b':') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.extend(
                [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])),
            );
        }
    }
    encoded
}

/// The parts of `text` between separators that stand outside quotes and parentheses, trimmed, blank ones too.
pub(crate) fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quoted) = (Vec::new(), 0, 0_usize, false);
    for (index, character) in text.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if character == separator && depth == 0 => {
                parts.push(text[start..index].trim());
                start = index + character.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_and_plus_signs_are_decoded() {
        assert_eq!(decode("Caf%C3%A9+%26%20Co%2B").unwrap(), "Café & Co+");
    }

    #[test]
    fn encoding_is_undone_by_decoding() {
        let text = "'O''Brien & Søn',10%,a+b";
        assert_eq!(decode(&encode(text)).unwrap(), text);
    }

    #[test]
    fn half_a_percent_sign_and_bytes_that_are_no_text_are_refused() {
        for raw in ["%", "%4", "%zz", "%+1", "%ff"] {
            assert_eq!(decode(raw).unwrap_err().status, 400, "{raw}");
        }
    }

    #[test]
    fn separators_in_quotes_and_parentheses_do_not_separate() {
        assert_eq!(
            split_outside("a($filter=x eq 'b,)''c';$top=1), d ,", ','),
            ["a($filter=x eq 'b,)''c';$top=1)", "d", ""]
        );
    }
}
