//! Amounts and days as the imitated server stores and shows them.
//!
//! Amounts are whole thousandths here, JSON numbers outside, and text with two decimals in the `formatted` twins.
//! A day leaves as the instant of the server's local midnight.

use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

use super::refusal::Refusal;
use crate::domain::money::Money;

/// Source: columns are `decimal(13,3)`.
const LARGEST: i64 = 9_999_999_999_999;

/// The thousandths of a number that passed validation; what does not fit the column fails as a bare 500.
pub(super) fn thousandths(number: &Value) -> Result<i64, Refusal> {
    let decimal = decimal(number).ok_or_else(Refusal::server)?;
    let whole = Money::from(decimal.checked_mul(Decimal::ONE_THOUSAND).ok_or_else(Refusal::server)?).round(0);
    let stored = whole.decimal().to_i64().ok_or_else(Refusal::server)?;
    if stored.abs() > LARGEST { Err(Refusal::server()) } else { Ok(stored) }
}

/// The exact decimal a JSON number was written as.
pub(super) fn decimal(number: &Value) -> Option<Decimal> {
    number.as_number()?.to_string().parse::<Money>().ok().map(Money::decimal)
}

/// What text holds that a script would take for a number: `10045`, `1e5`, ` 7 `, `0x1F`.
pub(super) fn number_in(text: &str) -> Option<Value> {
    let text = text.trim();
    let radix = |prefix: [&str; 2], radix| {
        let digits = prefix.iter().find_map(|prefix| text.strip_prefix(prefix))?;
        i64::from_str_radix(digits, radix).ok().map(Value::from)
    };
    radix(["0x", "0X"], 16).or_else(|| radix(["0b", "0B"], 2)).or_else(|| radix(["0o", "0O"], 8)).or_else(
        || {
            let starts =
                text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '.' | '-' | '+'));
            let number = f64::from_str(text).ok().filter(|number| starts && number.is_finite())?;
            Some(text.parse::<i64>().map_or_else(|_| float(number), Value::from))
        },
    )
}

/// A double as JavaScript writes it: a whole one without a point.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and far below 2^53")]
pub(super) fn float(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        Value::from(number as i64)
    } else {
        Value::from(number)
    }
}

/// A double that holds these thousandths, with the noise any double has.
#[expect(clippy::cast_precision_loss, reason = "imitates a server that computes with doubles")]
pub(super) fn double(thousandths: i64) -> f64 {
    thousandths as f64 / 1000.0
}

/// Thousandths as a JSON number.
pub(super) fn json(thousandths: i64) -> Value {
    float(double(thousandths))
}

/// Thousandths times a rate, in thousandths.
pub(super) fn times(thousandths: i64, rate: Decimal) -> i64 {
    Money::from(Decimal::from(thousandths) * rate).round(0).decimal().to_i64().unwrap_or(LARGEST)
}

/// Thousandths times a rate as a JSON number with every decimal.
pub(super) fn json_times(thousandths: i64, rate: Decimal) -> Value {
    let product = (Decimal::new(thousandths, 3) * rate).normalize();
    float(product.to_string().parse().unwrap_or(0.0))
}

/// A rate as a JSON number.
pub(super) fn json_decimal(decimal: Decimal) -> Value {
    float(decimal.normalize().to_string().parse().unwrap_or(1.0))
}

/// Two decimals and thousands commas, halves away from zero: `1,250.51`.
pub(super) fn formatted(thousandths: i64) -> String {
    let text = format!("{:.2}", Money::from(Decimal::new(thousandths, 3)).abs().round(2).decimal());
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if thousandths < 0 && text != "0.00" { "-" } else { "" };
    format!("{sign}{grouped}.{cents}")
}

/// The same with a currency's sign: `$1,250.51`, `-$1.00`.
pub(super) fn formatted_with(sign: &str, thousandths: i64) -> String {
    let text = formatted(thousandths);
    match text.strip_prefix('-') {
        Some(text) => format!("-{sign}{text}"),
        None => format!("{sign}{text}"),
    }
}

/// How far the server's clock is from UTC.
pub(super) fn server_offset(hours: i8) -> Offset {
    Offset::from_hours(hours.clamp(-12, 14)).unwrap_or(Offset::UTC)
}

/// The day a text names: as it stands, or moved to the server's zone when it has a time with an offset.
pub(super) fn day_in(text: &str, offset: Offset) -> Option<Date> {
    let text = text.trim();
    if !text.contains(['T', ' ']) {
        return (text.len() == 10).then(|| text.parse().ok())?;
    }
    match text.parse::<Timestamp>() {
        Ok(moment) => Some(offset.to_datetime(moment).date()),
        Err(_) => text.parse::<DateTime>().ok().map(DateTime::date),
    }
}

/// The instant at which `day` begins on the server, as every answer gives it.
pub(super) fn instant(day: &str, offset: Offset) -> Value {
    let Ok(day) = day.parse::<Date>() else { return Value::Null };
    let midnight = day.to_datetime(jiff::civil::Time::midnight());
    offset.to_timestamp(midnight).map_or(Value::Null, moment)
}

/// A moment to the second, as every answer gives it.
pub(super) fn moment(moment: Timestamp) -> Value {
    Value::from(moment.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string())
}

/// A moment as answers to some writes give it, in the server's zone: `2026-11-21 22:03:15`.
pub(super) fn local_moment(milliseconds: i64, offset: Offset) -> Value {
    let Ok(moment) = Timestamp::from_millisecond(milliseconds) else { return Value::Null };
    Value::from(offset.to_datetime(moment).strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// The day of a moment in the server's zone.
pub(super) fn day_of(milliseconds: i64, offset: Offset) -> String {
    let moment = Timestamp::from_millisecond(milliseconds).unwrap_or_default();
    offset.to_datetime(moment).date().to_string()
}

/// A day in the organization's format, `01/28/2026`, or nothing.
pub(super) fn formatted_day(day: Option<&str>) -> String {
    let day = day.and_then(|day| day.parse::<Date>().ok());
    day.map(|day| day.strftime("%m/%d/%Y").to_string()).unwrap_or_default()
}

/// Whole days from `due` to today; below zero when it is still to come.
pub(super) fn days_past(due: &str, offset: Offset) -> i64 {
    let today = offset.to_datetime(Timestamp::now()).date();
    let past = due.parse::<Date>().map_or(SignedDuration::ZERO, |due| today.duration_since(due));
    past.as_hours() / 24
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_the_instant_of_local_midnight() {
        assert_eq!(instant("2026-01-11", server_offset(4)), "2026-01-10T20:00:00.000Z");
        assert_eq!(instant("2026-01-11", server_offset(-5)), "2026-01-11T05:00:00.000Z");
    }

    #[test]
    fn a_time_with_an_offset_may_change_the_day() {
        let day = |text: &str| day_in(text, server_offset(0)).map(|day| day.to_string());
        assert_eq!(day("2026-01-11").as_deref(), Some("2026-01-11"));
        assert_eq!(day("2026-01-11T00:30:00+04:00").as_deref(), Some("2026-01-10"));
        assert_eq!(day("11/01/2026"), None);
        assert_eq!(day("2026-13-01"), None);
    }

    #[test]
    fn display_text_has_two_decimals_and_commas() {
        assert_eq!(formatted(10_005), "10.01");
        assert_eq!(formatted(1_234_567_890), "1,234,567.89");
        assert_eq!(formatted(-999_999), "-1,000.00");
        assert_eq!(formatted(-1), "0.00");
        assert_eq!(formatted_with("$", -1_000), "-$1.00");
    }

    #[test]
    fn text_that_a_script_reads_as_a_number_is_one() {
        for text in ["10045", "1e5", "0x1F", " 7 ", "-3.5", "00012"] {
            assert!(number_in(text).is_some(), "{text}");
        }
        for text in ["P-10045", "", "Infinity", "1_000", "nan"] {
            assert!(number_in(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_amount_beyond_the_column_is_a_failure_of_the_server() {
        assert_eq!(thousandths(&Value::from(100.0055)), Ok(100_006));
        assert_eq!(thousandths(&Value::from(10_000_000_000_i64)), Err(Refusal::server()));
    }
}
