//! Literals of filters and page tokens: text to a value of a property's type, and back.
//!
//! Source: text in single quotes with embedded quotes doubled; numbers, booleans, GUIDs, dates and moments bare;
//! enum members quoted by wire name; `null` on text means blank (filters page of the web service documentation, and
//! live answers). A date is ISO only.

use std::fmt;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::Offset;

use super::model::{Behaviour, Kind, Property};
use super::value::{DateText, MomentText, Value};

/// A literal as it stands in the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Literal<'a> {
    /// In quotes; the quotes are gone and doubled ones single.
    Quoted(String),
    /// Bare.
    Word(&'a str),
    /// A member with its type: `Microsoft.NAV.customerBlocked'Ship'`.
    Typed(&'a str, String),
}

/// The value that `literal` means for `property`; nothing when it has another type.
pub(crate) fn value_of(literal: &Literal<'_>, property: &Property, behaviour: Behaviour) -> Option<Value> {
    match (property.kind, literal) {
        (Kind::Text, Literal::Quoted(text)) => Some(Value::text(text)),
        (Kind::Code, Literal::Quoted(text)) => Some(Value::Text(as_code(text))),
        (Kind::Enum(enumeration), Literal::Quoted(name)) => {
            enumeration.member(name, behaviour).map(Value::Enum)
        }
        (Kind::Choice(enumeration), Literal::Quoted(name)) => enumeration.captioned(name).map(Value::Enum),
        (kind @ Kind::Enum(enumeration), Literal::Typed(type_name, name))
            if kind.edm_name() == *type_name =>
        {
            enumeration.member(name, behaviour).map(Value::Enum)
        }
        (kind, Literal::Word("null")) => can_be_blank(kind).then(|| Value::empty(kind)),
        (Kind::Decimal, Literal::Word(word)) => word.parse().ok().map(Value::Decimal),
        (Kind::Int32, Literal::Word(word)) => {
            word.parse::<i32>().ok().map(|number| Value::Integer(number.into()))
        }
        (Kind::Int64, Literal::Word(word)) => word.parse().ok().map(Value::Integer),
        (Kind::Boolean, Literal::Word("true")) => Some(Value::Boolean(true)),
        (Kind::Boolean, Literal::Word("false")) => Some(Value::Boolean(false)),
        (Kind::Guid, Literal::Word(word)) => word.parse().ok().map(Value::Guid),
        (Kind::Date, Literal::Word(word)) => parse_date(word).map(Value::Date),
        (Kind::DateTime, Literal::Word(word)) => parse_moment(word).map(Value::DateTime),
        _ => None,
    }
}

fn can_be_blank(kind: Kind) -> bool {
    matches!(kind, Kind::Text | Kind::Code | Kind::Guid | Kind::Date | Kind::DateTime)
}

/// `text` as a code field keeps it: without outer spaces, in upper case.
pub(crate) fn as_code(text: &str) -> String {
    text.trim_matches(' ').to_uppercase()
}

/// The day of `2026-01-31`, and of nothing else.
pub(crate) fn parse_date(text: &str) -> Option<civil::Date> {
    let bytes: &[u8; 10] = text.as_bytes().try_into().ok()?;
    let is_digit_or_hyphen = |(index, byte): (usize, &u8)| match index {
        4 | 7 => *byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    if !bytes.iter().enumerate().all(is_digit_or_hyphen) {
        return None;
    }
    civil::Date::new(text[..4].parse().ok()?, text[5..7].parse().ok()?, text[8..].parse().ok()?).ok()
}

/// The moment of `2026-01-31T10:00:00.123Z`, with any zone; without a zone it is UTC, and a bare day is its start.
pub(crate) fn parse_moment(text: &str) -> Option<Timestamp> {
    let Some((date, time)) = text.split_once('T') else {
        return Offset::UTC.to_timestamp(parse_date(text)?.at(0, 0, 0, 0)).ok();
    };
    parse_date(date)?;
    let has_colon = time.as_bytes().get(2) == Some(&b':');
    let has_zone = time.contains(['Z', '+', '-']);
    match (has_colon, has_zone) {
        (false, _) => None,
        (true, true) => text.parse().ok(),
        (true, false) => Offset::UTC.to_timestamp(text.parse().ok()?).ok(),
    }
}

/// A value as a literal, so that reading it back gives the same value.
pub(crate) struct LiteralText<'a>(pub(crate) &'a Value, pub(crate) Kind);

impl fmt::Display for LiteralText<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Value::Null, _) => formatter.write_str("null"),
            (Value::Text(text), _) => write!(formatter, "'{}'", text.replace('\'', "''")),
            (Value::Decimal(money), _) => money.fmt(formatter),
            (Value::Integer(number), _) => number.fmt(formatter),
            (Value::Boolean(truth), _) => truth.fmt(formatter),
            (Value::Guid(guid), _) => guid.fmt(formatter),
            (Value::Date(date), _) => DateText(*date).fmt(formatter),
            (Value::DateTime(moment), _) => MomentText(*moment).fmt(formatter),
            (Value::Enum(index), Kind::Enum(enumeration)) => {
                write!(formatter, "'{}'", enumeration.wire(*index, Behaviour::Strict))
            }
            (Value::Enum(index), Kind::Choice(enumeration)) => {
                write!(formatter, "'{}'", enumeration.caption(*index))
            }
            (Value::Enum(index), _) => index.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_iso_and_exist() {
        assert_eq!(parse_date("2028-02-29"), Some(civil::date(2028, 2, 29)));
        for text in
            ["2026-02-29", "2026-2-03", "03/02/2026", "20260203", "2026-02-03T00:00:00Z", "+026-02-03", ""]
        {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn moments_without_a_zone_are_in_utc_and_days_are_their_start() {
        let expected: Timestamp = "2026-01-31T10:00:00Z".parse().unwrap();
        for text in [
            "2026-01-31T10:00:00Z",
            "2026-01-31T10:00:00",
            "2026-01-31T11:00:00.000+01:00",
            "2026-01-31T10:00Z",
        ] {
            assert_eq!(parse_moment(text), Some(expected), "{text}");
        }
        assert_eq!(parse_moment("2026-01-31"), "2026-01-31T00:00:00Z".parse().ok());
        for text in ["2026-01-31 10:00:00Z", "2026-01-31T", "2026-01-31T10", "31.01.2026T10:00:00Z", "now"] {
            assert_eq!(parse_moment(text), None, "{text}");
        }
    }
}
