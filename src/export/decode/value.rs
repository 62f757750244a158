//! One property's value as a cell.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::catalogue::Kind;
use crate::domain::Money;

/// One value of a row, borrowed from its page.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell<'p> {
    /// No value: absent, null, or the API's way to say "not set".
    #[default]
    Blank,
    /// Text, and everything that is written as text.
    Text(Cow<'p, str>),
    /// A number, with the digits the server sent and without an exponent.
    Number(Cow<'p, str>),
    /// Yes or no.
    Boolean(bool),
}

/// A property's value.
#[derive(Clone, Copy)]
pub(super) struct Value(pub(super) Kind);

impl<'p> DeserializeSeed<'p> for Value {
    type Value = Cell<'p>;

    fn deserialize<D: Deserializer<'p>>(self, deserializer: D) -> Result<Cell<'p>, D::Error> {
        match self.0 {
            Kind::Decimal(_) | Kind::Integer => {
                let raw = <&'p RawValue>::deserialize(deserializer)?.get();
                number(raw).ok_or_else(|| D::Error::custom("something else where a number belongs"))
            }
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'p> Visitor<'p> for Value {
    type Value = Cell<'p>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, a boolean or null")
    }

    fn visit_unit<E>(self) -> Result<Cell<'p>, E> {
        Ok(Cell::Blank)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Cell<'p>, E> {
        Ok(Cell::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Cell<'p>, E> {
        Ok(Cell::Text(value.to_string().into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Cell<'p>, E> {
        Ok(Cell::Text(value.to_string().into()))
    }

    fn visit_borrowed_str<E>(self, text: &'p str) -> Result<Cell<'p>, E> {
        Ok(if is_unset(self.0, text) { Cell::Blank } else { Cell::Text(Cow::Borrowed(text)) })
    }

    fn visit_str<E>(self, text: &str) -> Result<Cell<'p>, E> {
        Ok(if is_unset(self.0, text) { Cell::Blank } else { Cell::Text(Cow::Owned(text.to_owned())) })
    }
}

/// Whether the text is the API's way to say that there is no value.
///
/// Source: a blank enumeration is `_x0020_`, one space or nothing, by version; a date that is not set is
/// 0001-01-01.
fn is_unset(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Enum(_) => matches!(text, "_x0020_" | " " | ""),
        Kind::Date | Kind::DateTime => text.is_empty() || text.starts_with("0001-01-01"),
        _ => false,
    }
}

/// A JSON number, or a text that holds one, without an exponent; `None` if it is neither.
fn number(raw: &str) -> Option<Cell<'_>> {
    let digits = raw.trim_matches('"');
    match digits {
        "null" | "" => Some(Cell::Blank),
        _ if digits.len() == raw.len()
            && raw.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.')) =>
        {
            Some(Cell::Number(Cow::Borrowed(raw)))
        }
        _ => digits.parse::<Money>().ok().map(|money| Cell::Number(money.to_string().into())),
    }
}
