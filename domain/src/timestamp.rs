//! Moments in time, UTC, to the microsecond (rule M5).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Microseconds since 1970-01-01T00:00:00Z. On the wire: RFC 3339 text.
///
/// ```
/// use quipu_domain::Timestamp;
/// let noon: Timestamp = "2026-11-20T12:00:00+01:00".parse().unwrap();
/// assert_eq!(noon.to_string(), "2026-11-20T11:00:00Z");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The text is not an RFC 3339 time between the years 1 and 9999.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time with an offset, such as \"2026-11-20T12:00:00Z\"")]
pub struct TimestampError;

impl Timestamp {
    /// 0001-01-02 and 9999-12-30: a day inside what the calendar library holds, in any time zone.
    const RANGE: std::ops::RangeInclusive<i64> = -62_135_510_400_000_000..=253_402_128_000_000_000;

    /// A moment from microseconds since the Unix epoch.
    pub fn from_micros(micros: i64) -> Result<Timestamp, TimestampError> {
        if Self::RANGE.contains(&micros) { Ok(Timestamp(micros)) } else { Err(TimestampError) }
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// This moment and so many seconds more (or fewer), kept within the calendar.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Timestamp {
        let micros = self.0.saturating_add(seconds.saturating_mul(1_000_000));
        Timestamp(micros.clamp(*Self::RANGE.start(), *Self::RANGE.end()))
    }

    /// The same moment for calendar arithmetic.
    #[must_use]
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).expect("RANGE lies within jiff's calendar")
    }
}

impl TryFrom<jiff::Timestamp> for Timestamp {
    type Error = TimestampError;
    fn try_from(value: jiff::Timestamp) -> Result<Timestamp, TimestampError> {
        Timestamp::from_micros(value.as_microsecond())
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;
    fn from_str(text: &str) -> Result<Timestamp, TimestampError> {
        let parsed: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        parsed.try_into()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_jiff().fmt(f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|error| de::Error::custom(format!("{text:?} is {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wants_an_offset_and_a_real_date() {
        for text in ["2026-11-20", "2026-11-20T12:00:00", "2026-02-30T00:00:00Z", "now", ""] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError), "{text}");
        }
    }

    #[test]
    fn survives_json_and_stays_in_the_calendar() {
        let time: Timestamp = serde_json::from_str("\"2026-11-20T12:00:00.123456Z\"").unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-11-20T12:00:00.123456Z\"");
        assert_eq!(time.plus_seconds(i64::MAX).micros(), *Timestamp::RANGE.end());
        let _ = time.plus_seconds(i64::MIN).to_string();
    }
}
