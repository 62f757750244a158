//! What a server says is left of its allowance.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::retry_after::server_time;

/// A number of seconds above this is a moment, counted from 1970.
const LONGEST_RESET_SECONDS: u64 = 1_000_000_000;

/// How many requests a server still takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Requests left.
    pub requests: u32,
    /// How long until there are more, counted from the arrival of the reply; `None` when the server does not say.
    pub renewed_in: Option<Duration>,
}

/// The smallest budget that any of these headers names.
///
/// Headers count whose name holds `ratelimit` and `remaining`, whatever stands before, between and after: limits
/// carry the names of their scopes. Remaining *time* is no number of requests and is passed over.
///
/// Source: `RateLimit-Remaining` and `RateLimit-Reset` of the IETF's draft on rate limit headers and their older
/// `X-` forms, whose reset is in seconds or a moment since 1970; `x-ms-ratelimit-remaining-…` and
/// `x-ms-ratelimit-burst-remaining-…` of Microsoft's services.
pub(super) fn smallest_budget<'a>(
    headers: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    now: SystemTime,
) -> Option<Budget> {
    let limits = headers.clone().filter_map(|(name, value)| {
        let (_, rest) =
            split_ignoring_case(name, "ratelimit").or_else(|| split_ignoring_case(name, "rate-limit"))?;
        Some((rest, value.trim()))
    });
    let remaining = limits.clone().filter_map(|(rest, value)| {
        let (before, _) = split_ignoring_case(rest, "remaining")?;
        (!before.to_ascii_lowercase().contains("time")).then(|| value.parse::<u32>().ok()).flatten()
    });
    let requests = remaining.min()?;
    let reset = move |value: &str| {
        let seconds: u64 = value.parse().ok()?;
        Some(if seconds < LONGEST_RESET_SECONDS {
            Duration::from_secs(seconds)
        } else {
            let server_now = server_time(headers.clone()).unwrap_or(now);
            let since = server_now.duration_since(UNIX_EPOCH).unwrap_or_default();
            Duration::from_secs(seconds).saturating_sub(since)
        })
    };
    let resets = limits.filter(|(rest, _)| split_ignoring_case(rest, "reset").is_some());
    Some(Budget { requests, renewed_in: resets.filter_map(|(_, value)| reset(value)).max() })
}

/// What stands before and after `part`, in any letter case.
fn split_ignoring_case<'a>(text: &'a str, part: &str) -> Option<(&'a str, &'a str)> {
    let at = (0..=text.len().checked_sub(part.len())?)
        .find(|at| text.get(*at..at + part.len()).is_some_and(|found| found.eq_ignore_ascii_case(part)))?;
    Some((&text[..at], &text[at + part.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(headers: &[(&str, &str)]) -> Option<(u32, Option<u64>)> {
        let now = UNIX_EPOCH + Duration::from_hours(500_000);
        let found = smallest_budget(headers.iter().copied(), now)?;
        Some((found.requests, found.renewed_in.map(|pause| pause.as_secs())))
    }

    #[test]
    fn every_spelling_of_what_is_left_is_understood() {
        assert_eq!(budget(&[("RateLimit-Remaining", "12"), ("RateLimit-Reset", "30")]), Some((12, Some(30))));
        assert_eq!(
            budget(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1800000040")]),
            Some((0, Some(40)))
        );
        assert_eq!(budget(&[("X-Rate-Limit-Remaining", "7")]), Some((7, None)));
        assert_eq!(budget(&[("x-ms-ratelimit-burst-remaining-xrm-requests", "5999")]), Some((5999, None)));
    }

    #[test]
    fn the_smallest_of_several_counts() {
        let headers = [
            ("x-ms-ratelimit-remaining-tenant-writes", "1199"),
            ("x-ms-ratelimit-remaining-subscription-writes", "3"),
        ];
        assert_eq!(budget(&headers), Some((3, None)));
    }

    #[test]
    fn remaining_time_is_no_number_of_requests() {
        assert_eq!(budget(&[("x-ms-ratelimit-time-remaining-xrm-requests", "1200")]), None);
        assert_eq!(budget(&[("ratelimit-remaining", "many"), ("remaining", "3"), ("date", "x")]), None);
    }
}
