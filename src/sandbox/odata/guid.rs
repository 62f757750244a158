//! GUIDs as the API writes them: lower case, with hyphens, without braces.

use std::fmt;
use std::str::FromStr;

/// A GUID. Ordered by its bytes as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Guid(pub(crate) [u8; 16]);

/// Text that is no GUID of the form `8-4-4-4-12` hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a GUID of the form 00000000-0000-0000-0000-000000000000")]
pub(crate) struct GuidError;

impl Guid {
    /// The GUID that means "none".
    pub(crate) const NIL: Self = Self([0; 16]);

    /// Whether this is the GUID that means "none".
    pub(crate) fn is_nil(self) -> bool {
        self == Self::NIL
    }

    /// The 36 characters of the GUID.
    pub(crate) fn text(self) -> [u8; 36] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; 36];
        let mut place = 0;
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                place += 1;
            }
            text[place] = DIGITS[usize::from(byte >> 4)];
            text[place + 1] = DIGITS[usize::from(byte & 15)];
            place += 2;
        }
        text
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text();
        formatter.write_str(std::str::from_utf8(&text).expect("hexadecimal digits and hyphens are ASCII"))
    }
}

impl FromStr for Guid {
    type Err = GuidError;

    fn from_str(text: &str) -> Result<Self, GuidError> {
        let text: &[u8; 36] = text.as_bytes().try_into().map_err(|_| GuidError)?;
        let mut bytes = [0; 16];
        let mut digits = 0;
        for (index, &character) in text.iter().enumerate() {
            match (index, character) {
                (8 | 13 | 18 | 23, b'-') => {}
                (8 | 13 | 18 | 23, _) => return Err(GuidError),
                _ => {
                    let digit = char::from(character).to_digit(16).ok_or(GuidError)?;
                    let digit = u8::try_from(digit).expect("a hexadecimal digit is below 16");
                    bytes[digits / 2] = bytes[digits / 2] << 4 | digit;
                    digits += 1;
                }
            }
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_read_in_any_case_and_written_in_lower_case() {
        let guid: Guid = "D1E2F3A4-b5c6-7890-1234-567890ABCDEF".parse().unwrap();
        assert_eq!(guid.to_string(), "d1e2f3a4-b5c6-7890-1234-567890abcdef");
    }

    #[test]
    fn braces_other_groupings_and_letters_past_f_are_refused() {
        for text in [
            "",
            "{d1e2f3a4-b5c6-7890-1234-567890abcdef}",
            "d1e2f3a4b5c6-7890-1234-567890abcdef-",
            "g1e2f3a4-b5c6-7890-1234-567890abcdef",
            "d1e2f3a4-b5c6-7890-1234-567890abcde",
        ] {
            assert_eq!(text.parse::<Guid>(), Err(GuidError), "{text}");
        }
    }
}
