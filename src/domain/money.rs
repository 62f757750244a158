//! Decimal amounts that keep their digits on the way from a file's text to a JSON number and back.
//!
//! A binary float never holds an amount here. JSON numbers are read and written through their text
//! (`serde_json::value::RawValue`), so `1234567890123456.7800` leaves as it came.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Neg, Sub};
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

/// An exact decimal amount: up to 28 significant digits, scale 0 to 28, without a currency.
///
/// Written as a plain number: a dot, no exponent, trailing zeros kept (`10.50` stays `10.50`). Equality and
/// order are by value, so `10.5 == 10.50`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Money(Decimal);

/// Text that is not one plain decimal number, or one with more digits than fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number of at most 28 digits")]
pub struct MoneyError;

impl Money {
    /// Nothing owed, nothing paid.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// The decimal inside, for arithmetic that `Money` does not offer.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// How many digits stand after the decimal point, trailing zeros not counted.
    #[must_use]
    pub fn scale(self) -> u32 {
        self.0.normalize().scale()
    }

    /// The amount without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// Whether the amount is below zero.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.0.is_sign_negative() && !self.0.is_zero()
    }

    /// Whether the amount is zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// The amount rounded to `scale` digits, halves away from zero, as Business Central rounds.
    #[must_use]
    pub fn round(self, scale: u32) -> Self {
        Self(self.0.round_dp_with_strategy(scale, rust_decimal::RoundingStrategy::MidpointAwayFromZero))
    }
}

impl From<Decimal> for Money {
    fn from(decimal: Decimal) -> Self {
        Self(decimal)
    }
}

impl From<i64> for Money {
    fn from(whole: i64) -> Self {
        Self(Decimal::from(whole))
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    /// Reads `-1234.50`, `1E-2` and `5`; refuses grouping, spaces, `NaN` and amounts that would lose digits.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let plain = match text.find(['e', 'E']) {
            Some(_) => Decimal::from_scientific(text),
            None if text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+')) => {
                Decimal::from_str_exact(text)
            }
            None => return Err(MoneyError),
        };
        plain.map(Self).map_err(|_| MoneyError)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_zero() && self.0.is_sign_negative() {
            return self.0.abs().fmt(formatter);
        }
        self.0.fmt(formatter)
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// As a JSON number with every digit. Only for `serde_json`, and never by way of `serde_json::Value`.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_string()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

/// From a JSON number, or a string holding one, with every digit. Only for `serde_json`.
impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        raw.get().trim_matches('"').parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_survive_json_in_both_directions() {
        for text in ["1234567890123456.7800", "-0.01", "10.50", "0", "999999999999999.99"] {
            let money: Money = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&money).unwrap(), text);
        }
    }

    #[test]
    fn an_exponent_is_read_and_never_written() {
        let money: Money = serde_json::from_str("1E-2").unwrap();
        assert_eq!(money.to_string(), "0.01");
    }

    #[test]
    fn text_that_is_no_plain_number_is_refused() {
        for text in ["", "1,234.50", "12..50", "NaN", "--15.00", "0x1F", "1 2", "5O.00", "1_000"] {
            assert_eq!(text.parse::<Money>(), Err(MoneyError), "{text}");
        }
    }

    proptest! {
        /// Whatever the digits and the scale, text in is text out.
        #[test]
        fn text_in_is_text_out(mantissa in -99_999_999_999_999_999i64..99_999_999_999_999_999, scale in 0u32..28) {
            let text = Decimal::new(mantissa, scale).to_string();
            let money: Money = text.parse().unwrap();
            prop_assert_eq!(money.to_string(), text);
        }
    }
}
