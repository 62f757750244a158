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

impl Money {
    /// The amount nearest to a number as programs write them, `-1.4210854715202004e-14`: digits beyond what fits are
    /// rounded away, halves away from zero. For answers of servers that compute with binary numbers, never for files.
    ///
    /// # Errors
    /// When the text is no number, or has more than 28 digits before the point.
    pub fn nearest(text: &str) -> Result<Self, MoneyError> {
        let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i64 = exponent.parse().map_err(|_| MoneyError)?;
        let (is_negative, number) = match number.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, number),
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || !whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit()) {
            return Err(MoneyError);
        }
        let digits = [whole, part].concat();
        let point = i64::try_from(whole.len()).map_err(|_| MoneyError)?.saturating_add(exponent);
        let leading = digits.bytes().take_while(|digit| *digit == b'0').count();
        let (digits, point) = (&digits[leading..], point.saturating_sub_unsigned(leading as u64));
        // What stands before the point needs its places, and of what follows it so many are left.
        let scale = MOST_DIGITS - point.max(0);
        if digits.is_empty() || point < -MOST_DIGITS {
            return Ok(Self::ZERO);
        }
        if scale < 0 {
            return Err(MoneyError);
        }
        let places = usize::try_from(scale + point).map_err(|_| MoneyError)?;
        let digit = |place: usize| digits.as_bytes().get(place).map_or(0, |digit| i128::from(digit - b'0'));
        let rounds_up = i128::from(digit(places) >= 5);
        let mantissa = (0..places).fold(0, |mantissa, place| mantissa * 10 + digit(place)) + rounds_up;
        let scale = u32::try_from(scale).map_err(|_| MoneyError)?;
        let mantissa = if is_negative { -mantissa } else { mantissa };
        let exact = Decimal::try_from_i128_with_scale(mantissa, scale).map_err(|_| MoneyError)?;
        Ok(Self(exact.normalize()))
    }
}

/// The digits that an amount has at most.
const MOST_DIGITS: i64 = 28;

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
    fn binary_noise_is_read_to_the_last_digit_that_fits() {
        for (text, nearest) in [
            ("1.4210854715202004e-14", "0.000000000000014210854715202"),
            ("-2.7755575615628914E-17", "-0.0000000000000000277555756156"),
            ("238.16000000000003", "238.16000000000003"),
            ("5e-29", "0.0000000000000000000000000001"),
            ("4e-29", "0"),
            ("1e-400", "0"),
            ("0e99", "0"),
            ("1.5e+3", "1500"),
            ("9999999999999999999999999.995", "9999999999999999999999999.995"),
            ("9999999999999999999999999999.5", "10000000000000000000000000000"),
        ] {
            assert_eq!(Money::nearest(text).unwrap().to_string(), nearest, "{text}");
        }
        for text in
            ["", "1e", "e5", "1e99", "--1", "1.2.3", "NaN", "1e-14x", ".5", "12345678901234567890123456789"]
        {
            assert_eq!(Money::nearest(text), Err(MoneyError), "{text}");
        }
    }

    #[test]
    fn text_that_is_no_plain_number_is_refused() {
        for text in ["", "1,234.50", "12..50", "NaN", "--15.00", "0x1F", "1 2", "5O.00", "1_000"] {
            assert_eq!(text.parse::<Money>(), Err(MoneyError), "{text}");
        }
    }

    proptest! {
        /// Whatever fits is read as it is.
        #[test]
        fn nearest_is_exact_where_it_can_be(mantissa in -99_999_999_999_999_999i64..99_999_999_999_999_999, scale in 0u32..28) {
            let money = Money::from(Decimal::new(mantissa, scale));
            prop_assert_eq!(Money::nearest(&money.to_string()).unwrap(), money);
            prop_assert_eq!(Money::nearest(&format!("{mantissa}e-{scale}")).unwrap(), money);
        }

        /// Whatever the digits and the scale, text in is text out.
        #[test]
        fn text_in_is_text_out(mantissa in -99_999_999_999_999_999i64..99_999_999_999_999_999, scale in 0u32..28) {
            let text = Decimal::new(mantissa, scale).to_string();
            let money: Money = text.parse().unwrap();
            prop_assert_eq!(money.to_string(), text);
        }
    }
}
