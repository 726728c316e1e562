//! Reads the times that files have.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use quipu_domain::Timestamp;

/// A time with an offset as it is, one without as UTC; digits beyond microseconds are cut off.
pub(super) fn parse(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let without_offset = text.parse::<DateTime>().ok();
    without_offset
        .filter(|_| text.contains(':'))
        .and_then(|time| time.to_zoned(TimeZone::UTC).ok())
        .and_then(|time| time.timestamp().try_into().ok())
        .ok_or_else(|| {
            format!("{text:?} is not a time such as 2023-11-16 18:17:03.97 or 2023-11-16T18:17:03Z")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_offset_is_utc_and_cut_to_microseconds() {
        for (text, expected) in [
            ("2023-11-16 18:17:03.9799609", "2023-11-16T18:17:03.97996Z"),
            ("2023-11-16T18:17:03", "2023-11-16T18:17:03Z"),
            ("2023-11-16T18:17:03+01:00", "2023-11-16T17:17:03Z"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in ["", "yesterday", "2023-11-16", "2023-02-30 00:00:00", "1700158623"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
