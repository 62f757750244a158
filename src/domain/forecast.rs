//! What carrying out a plan will take.

use serde::{Deserialize, Serialize};

/// What a delivery takes when nothing goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// Requests that write.
    pub requests: u64,
    /// Seconds that the pace takes, whatever the target takes besides.
    pub seconds: u64,
}

impl Forecast {
    /// The forecast as a part of a sentence: `120 requests, at least 10 minutes at the allowed pace`.
    #[must_use]
    pub fn words(self) -> String {
        let requests = match self.requests {
            1 => "1 request".to_owned(),
            requests => format!("{requests} requests"),
        };
        match self.seconds {
            0..5 => requests,
            seconds => format!("{requests}, at least {} at the allowed pace", time(seconds)),
        }
    }
}

/// A length of time as people say it, rounded up.
fn time(seconds: u64) -> String {
    match seconds {
        0..=90 => format!("{seconds} seconds"),
        91..=5_400 => format!("{} minutes", seconds.div_ceil(60)),
        _ => {
            let minutes = seconds.div_ceil(60);
            let (hours, minutes) = (minutes / 60, minutes % 60);
            format!("{hours} h {minutes:02} min")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_is_said_as_people_say_it() {
        let words = |requests, seconds| Forecast { requests, seconds }.words();
        assert_eq!(words(1, 0), "1 request");
        assert_eq!(words(120, 90), "120 requests, at least 90 seconds at the allowed pace");
        assert_eq!(words(120, 599), "120 requests, at least 10 minutes at the allowed pace");
        assert_eq!(words(10_000, 7_261), "10000 requests, at least 2 h 02 min at the allowed pace");
    }
}
