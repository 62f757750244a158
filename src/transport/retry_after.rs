//! When a server says it may be asked again.

use std::time::{Duration, SystemTime};

/// The pause that a `Retry-After` header's value asks for: seconds, or an HTTP date compared with `now`.
///
/// A date in the past asks for no pause. `None` for anything else.
///
/// Source: RFC 9110, section 10.2.3.
#[must_use]
pub fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    match value.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => parse_http_date(value).map(|date| date.duration_since(now).unwrap_or_default()),
    }
}

/// The longest pause that any of these headers asks for.
///
/// Headers whose name starts with `retry-after` count, whatever follows: some servers name the limit that was
/// hit (`Retry-After-auth`), some the unit (`Retry-After-ms`). Dates are compared with the server's own `Date`,
/// because its clock wrote them; with `now` when it sent none.
pub fn longest_pause<'a>(
    headers: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    now: SystemTime,
) -> Option<Duration> {
    let asked = headers.clone().filter_map(|(name, value)| {
        let start = name.get(.."retry-after".len())?;
        start.eq_ignore_ascii_case("retry-after").then(|| (&name[start.len()..], value))
    });
    let pause = move |(suffix, value): (&str, &str)| {
        if suffix.eq_ignore_ascii_case("-ms") {
            return value.trim().parse().ok().map(Duration::from_millis);
        }
        parse_retry_after(value, server_time(headers.clone()).unwrap_or(now))
    };
    asked.filter_map(pause).max()
}

/// The server's own clock, as its `Date` header has it.
pub(super) fn server_time<'a>(mut headers: impl Iterator<Item = (&'a str, &'a str)>) -> Option<SystemTime> {
    headers.find(|(name, _)| name.eq_ignore_ascii_case("date")).and_then(|(_, value)| parse_http_date(value))
}

fn parse_http_date(text: &str) -> Option<SystemTime> {
    jiff::fmt::rfc2822::parse(text.trim()).ok().map(|date| date.timestamp().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn at(seconds_before_date: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - seconds_before_date)
    }

    #[test]
    fn seconds_and_dates_are_both_understood() {
        for (value, seconds) in [("0", 0.0), (" 120 ", 120.0), ("2.5", 2.5), (DATE, 30.0)] {
            assert_eq!(parse_retry_after(value, at(30)), Some(Duration::from_secs_f64(seconds)), "{value}");
        }
    }

    #[test]
    fn a_date_in_the_past_asks_for_no_pause() {
        let later = at(0) + Duration::from_secs(23);
        assert_eq!(parse_retry_after(DATE, later), Some(Duration::ZERO));
    }

    #[test]
    fn nonsense_asks_for_nothing() {
        for value in ["", "soon", "-1", "NaN", "inf", "1e300", "12 apples"] {
            assert_eq!(parse_retry_after(value, at(0)), None, "{value}");
        }
    }

    #[test]
    fn the_longest_of_all_spellings_counts() {
        let headers =
            [("Retry-After-auth", "7"), ("retry-after", "3"), ("retry-after-ms", "1500"), ("x", "99")];
        assert_eq!(longest_pause(headers.into_iter(), at(0)), Some(Duration::from_secs(7)));
        assert_eq!(
            longest_pause([("retry-after-ms", "1500")].into_iter(), at(0)),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(longest_pause([("retry", "5"), ("é", "1")].into_iter(), at(0)), None);
    }

    #[test]
    fn a_date_is_measured_on_the_clock_of_the_server() {
        let headers = [("retry-after", DATE), ("date", "Sun, 06 Nov 1994 08:49:07 GMT")];
        assert_eq!(longest_pause(headers.into_iter(), at(9000)), Some(Duration::from_secs(30)));
    }
}
