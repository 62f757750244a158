//! The values of properties: exact, ordered, and written as JSON without going through `serde_json::Value`.
//!
//! Source: decimals are JSON numbers, an unset date is `0001-01-01`, an unset reference is the nil GUID, moments are
//! in UTC with at most milliseconds and without trailing zeros (live answers of API v2.0).

use std::io::Write;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::Offset;

use super::guid::Guid;
use super::model::{Behaviour, EntityType, Kind};
use crate::domain::money::Money;

/// One value. Values of one property are ordered as `$orderby` and `gt` order them: text by its bytes, enums by
/// their place in the list, null first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    /// Nothing at all; empty texts, dates and references have their own values instead.
    Null,
    /// Text or code.
    Text(String),
    /// An exact decimal.
    Decimal(Money),
    /// A whole number of either width.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// A GUID.
    Guid(Guid),
    /// A day; year 1, January 1 is unset.
    Date(civil::Date),
    /// A moment.
    DateTime(Timestamp),
    /// The index of a member in its enum type.
    Enum(u8),
}

/// One entity: its values, in the order of its type's properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// What kind of entity.
    entity: &'static EntityType,
    /// As many as the type has properties, the seed-only ones too.
    values: Vec<Value>,
    /// The `@odata.etag`, such as `W/"MTs3Ow=="`; empty to write none.
    pub(crate) etag: String,
}

/// The unset date, year 1, January 1.
pub(crate) const UNSET_DATE: civil::Date = civil::date(1, 1, 1);

impl Value {
    /// What a property of this kind holds when nothing was ever written to it.
    pub(crate) fn empty(kind: Kind) -> Self {
        match kind {
            Kind::Guid => Self::Guid(Guid::NIL),
            Kind::Text | Kind::Code => Self::Text(String::new()),
            Kind::Decimal => Self::Decimal(Money::ZERO),
            Kind::Boolean => Self::Boolean(false),
            Kind::Date => Self::Date(UNSET_DATE),
            Kind::DateTime => Self::DateTime(unset_moment()),
            Kind::Int32 | Kind::Int64 => Self::Integer(0),
            Kind::Enum(_) | Kind::Choice(_) => Self::Enum(0),
            Kind::List(_) => Self::Text("[]".to_owned()),
        }
    }

    /// Text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The text inside; nothing for other values.
    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The GUID inside; nothing for other values.
    pub(crate) fn as_guid(&self) -> Option<Guid> {
        if let Self::Guid(guid) = self { Some(*guid) } else { None }
    }

    /// The decimal inside; nothing for other values.
    pub(crate) fn as_decimal(&self) -> Option<Money> {
        if let Self::Decimal(money) = self { Some(*money) } else { None }
    }

    /// Appends the value as JSON. `kind` names enum members, `behaviour` says how a blank one looks.
    pub(crate) fn write_json(&self, json: &mut Vec<u8>, kind: Kind, behaviour: Behaviour) {
        match self {
            Self::Null => json.extend_from_slice(b"null"),
            // The books keep a list as it is written.
            Self::Text(text) if matches!(kind, Kind::List(_)) => json.extend_from_slice(text.as_bytes()),
            Self::Text(text) => write_text(json, text),
            Self::Boolean(true) => json.extend_from_slice(b"true"),
            Self::Boolean(false) => json.extend_from_slice(b"false"),
            Self::Decimal(money) => write_decimal(json, *money),
            Self::Integer(number) => write_displayed(json, number),
            Self::Guid(guid) => {
                json.push(b'"');
                json.extend_from_slice(&guid.text());
                json.push(b'"');
            }
            Self::Date(date) => write_displayed(json, format_args!("\"{}\"", DateText(*date))),
            Self::DateTime(moment) => write_displayed(json, format_args!("\"{}\"", MomentText(*moment))),
            Self::Enum(index) => match kind {
                Kind::Enum(enumeration) => write_text(json, enumeration.wire(*index, behaviour)),
                Kind::Choice(enumeration) => write_text(json, enumeration.caption(*index)),
                _ => json.extend_from_slice(b"null"),
            },
        }
    }
}

/// A date as the API writes it: `2026-01-31`.
pub(crate) struct DateText(pub(crate) civil::Date);

impl std::fmt::Display for DateText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

/// A moment as the API writes it: UTC, at most milliseconds, no trailing zeros, such as `2025-02-15T09:30:00.03Z`.
pub(crate) struct MomentText(pub(crate) Timestamp);

impl std::fmt::Display for MomentText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let moment = Offset::UTC.to_datetime(self.0);
        let (hour, minute, second) = (moment.hour(), moment.minute(), moment.second());
        write!(formatter, "{}T{hour:02}:{minute:02}:{second:02}", DateText(moment.date()))?;
        match moment.millisecond() {
            0 => formatter.write_str("Z"),
            tenths if tenths % 100 == 0 => write!(formatter, ".{}Z", tenths / 100),
            hundredths if hundredths % 10 == 0 => write!(formatter, ".{:02}Z", hundredths / 10),
            thousandths => write!(formatter, ".{thousandths:03}Z"),
        }
    }
}

/// The unset moment, the first of year 1 in UTC.
pub(crate) fn unset_moment() -> Timestamp {
    Offset::UTC.to_timestamp(UNSET_DATE.at(0, 0, 0, 0)).expect("year 1 is within range")
}

impl Record {
    /// A record with every property empty.
    pub(crate) fn new(entity: &'static EntityType) -> Self {
        let values = entity.properties.iter().map(super::model::Property::empty).collect();
        Self { entity, values, etag: String::new() }
    }

    /// A record of these values, which stand in the order of the type's properties, seed-only ones too.
    ///
    /// # Panics
    /// When there are more or fewer values than properties.
    pub(crate) fn of(entity: &'static EntityType, values: Vec<Value>, etag: String) -> Self {
        assert_eq!(values.len(), entity.properties.len(), "a record of `{}` is complete", entity.set);
        Self { entity, values, etag }
    }

    /// What kind of entity this is.
    pub(crate) fn entity(&self) -> &'static EntityType {
        self.entity
    }

    /// The value of the property at `index`.
    pub(crate) fn value(&self, index: usize) -> &Value {
        &self.values[index]
    }

    /// Replaces the value of the property at `index`.
    pub(crate) fn set_value(&mut self, index: usize, value: Value) {
        self.values[index] = value;
    }

    /// The value of the property called `name`.
    ///
    /// # Panics
    /// When the entity has no such property.
    pub(crate) fn get(&self, name: &str) -> &Value {
        &self.values[self.index_of(name)]
    }

    /// Replaces the value of the property called `name`.
    ///
    /// # Panics
    /// When the entity has no such property.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        let index = self.index_of(name);
        self.values[index] = value;
    }

    /// The same record with the property called `name` set.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        self.set(name, value);
        self
    }

    /// The key, nil when the record has none yet.
    pub(crate) fn id(&self) -> Guid {
        self.values[EntityType::KEY].as_guid().unwrap_or(Guid::NIL)
    }

    fn index_of(&self, name: &str) -> usize {
        self.entity.property_index(name).expect("the server asks only for properties the entity has")
    }
}

/// Appends `text` as a JSON string; characters beyond ASCII stay as they are.
pub(crate) fn write_text(json: &mut Vec<u8>, text: &str) {
    json.push(b'"');
    let mut written = 0;
    for (index, &byte) in text.as_bytes().iter().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        json.extend_from_slice(&text.as_bytes()[written..index]);
        written = index + 1;
        match byte {
            b'"' | b'\\' => json.extend_from_slice(&[b'\\', byte]),
            b'\n' => json.extend_from_slice(b"\\n"),
            b'\r' => json.extend_from_slice(b"\\r"),
            b'\t' => json.extend_from_slice(b"\\t"),
            _ => write_displayed(json, format_args!("\\u{byte:04x}")),
        }
    }
    json.extend_from_slice(&text.as_bytes()[written..]);
    json.push(b'"');
}

/// Appends the digits of `money` as its `Display` does, without the cost of formatting: rows are full of decimals.
fn write_decimal(json: &mut Vec<u8>, money: Money) {
    let decimal = money.decimal();
    let scale = decimal.scale() as usize;
    let Ok(mut rest) = u64::try_from(decimal.mantissa().unsigned_abs()) else {
        return write_displayed(json, money);
    };
    let mut digits = [b'0'; 48];
    let mut start = digits.len();
    let mut written = 0;
    while rest > 0 || written <= scale {
        if written == scale && scale > 0 {
            start -= 1;
            digits[start] = b'.';
        }
        start -= 1;
        digits[start] = b'0' + u8::try_from(rest % 10).expect("a remainder of ten is one digit");
        rest /= 10;
        written += 1;
    }
    if decimal.mantissa() < 0 {
        json.push(b'-');
    }
    json.extend_from_slice(&digits[start..]);
}

fn write_displayed(json: &mut Vec<u8>, shown: impl std::fmt::Display) {
    write!(json, "{shown}").expect("writing to memory cannot fail");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::model::entity_by_set;
    use super::*;

    fn json(value: &Value) -> String {
        let mut json = Vec::new();
        value.write_json(&mut json, Kind::Text, Behaviour::Strict);
        String::from_utf8(json).unwrap()
    }

    #[test]
    fn decimals_keep_their_digits() {
        for text in ["15750.00", "-0.01", "0", "0.00", "79228162514264337593543950335", "-99.5"] {
            assert_eq!(json(&Value::Decimal(text.parse().unwrap())), text);
        }
    }

    #[test]
    fn moments_lose_trailing_zeros_and_all_below_milliseconds() {
        for (read, written) in [
            ("2025-02-15T09:30:00Z", "2025-02-15T09:30:00Z"),
            ("2025-02-15T09:30:00.5Z", "2025-02-15T09:30:00.5Z"),
            ("2025-02-15T09:30:00.03Z", "2025-02-15T09:30:00.03Z"),
            ("2025-02-15T09:30:00.007999Z", "2025-02-15T09:30:00.007Z"),
        ] {
            assert_eq!(json(&Value::DateTime(read.parse().unwrap())), format!("\"{written}\""));
        }
    }

    #[test]
    fn what_was_never_written_is_shown_as_the_api_shows_it() {
        assert_eq!(json(&Value::empty(Kind::Date)), r#""0001-01-01""#);
        assert_eq!(json(&Value::empty(Kind::DateTime)), r#""0001-01-01T00:00:00Z""#);
        assert_eq!(json(&Value::empty(Kind::Guid)), r#""00000000-0000-0000-0000-000000000000""#);
    }

    #[test]
    fn a_blank_enum_is_a_space_in_seed_behaviour_and_escaped_in_strict_behaviour() {
        let entity = entity_by_set("customers").unwrap();
        let kind = entity.properties[entity.property_index("blocked").unwrap()].kind;
        for (behaviour, shown) in [(Behaviour::Seed, r#"" ""#), (Behaviour::Strict, r#""_x0020_""#)] {
            let mut json = Vec::new();
            Value::Enum(0).write_json(&mut json, kind, behaviour);
            assert_eq!(String::from_utf8(json).unwrap(), shown);
        }
    }

    proptest! {
        /// Whatever the digits and the scale, a decimal is written as it is shown.
        #[test]
        fn decimals_are_written_as_they_are_shown(digits in any::<i64>(), shift in 0_u32..63, scale in 0_u32..=28) {
            let money = Money::from(rust_decimal::Decimal::new(digits >> shift, scale));
            prop_assert_eq!(json(&Value::Decimal(money)), money.to_string());
        }

        /// Whatever the text, a JSON reader gets it back.
        #[test]
        fn text_survives_json(text in "(\\PC|[\\x00-\\x1f\"\\\\])*") {
            let json = json(&Value::text(text.clone()));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
