//! Moments in time, UTC, to the microsecond (rule M5).

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::fmt::temporal::Pieces;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds since 1970-01-01T00:00:00Z. On the wire: RFC 3339 text.
///
/// ```
/// use quipu_domain::Timestamp;
/// let noon: Timestamp = "2026-11-20T12:00:00+01:00".parse().unwrap();
/// assert_eq!(noon.to_string(), "2026-11-20T11:00:00Z");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Why a text is no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// It has another form.
    #[error("not an RFC 3339 time with an offset, such as \"2026-11-20T12:00:00Z\"")]
    Malformed,
    /// It has the form, and names a moment that the calendar does not have.
    #[error(
        "beyond the calendar, which begins at 0001-01-02T00:00:00Z and ends at 9999-12-30T00:00:00Z"
    )]
    BeyondCalendar,
}

impl Timestamp {
    /// 0001-01-02 and 9999-12-30: a day inside what the calendar library holds, in any time zone.
    const RANGE: std::ops::RangeInclusive<i64> = -62_135_510_400_000_000..=253_402_128_000_000_000;

    /// A moment from microseconds since the Unix epoch.
    pub fn from_micros(micros: i64) -> Result<Timestamp, TimestampError> {
        let has = Self::RANGE.contains(&micros);
        if has { Ok(Timestamp(micros)) } else { Err(TimestampError::BeyondCalendar) }
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// This moment and so many seconds more (or fewer), kept within the calendar.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Timestamp {
        Timestamp::kept_within_calendar(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    fn kept_within_calendar(micros: i64) -> Timestamp {
        Timestamp(micros.clamp(*Self::RANGE.start(), *Self::RANGE.end()))
    }

    /// The same moment for calendar arithmetic.
    #[must_use]
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).expect("RANGE lies within jiff's calendar")
    }
}

impl From<SystemTime> for Timestamp {
    /// What a machine's clock shows, kept within the calendar.
    fn from(shown: SystemTime) -> Timestamp {
        let micros = |it: Duration| i64::try_from(it.as_micros()).unwrap_or(i64::MAX);
        let since_epoch = match shown.duration_since(UNIX_EPOCH) {
            Ok(after) => micros(after),
            Err(before) => -micros(before.duration()),
        };
        Timestamp::kept_within_calendar(since_epoch)
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
        if let Some(micros) = as_written(text) {
            return Timestamp::from_micros(micros);
        }
        // The calendar library reads more than RFC 3339 has, such as a zone beside the offset.
        let text = Rfc3339::of(text).ok_or(TimestampError::Malformed)?.to_nanos();
        let parsed: jiff::Timestamp = text.parse().map_err(|_| why_not(&text))?;
        parsed.try_into()
    }
}

/// The parts of a text that has the form of RFC 3339 (section 5.6), whether or not there is such a
/// day and hour.
struct Rfc3339<'a> {
    date_time: &'a str,
    /// Those behind the point, if there is one.
    decimals: Option<&'a str>,
    offset: &'a str,
}

impl Rfc3339<'_> {
    fn of(text: &str) -> Option<Rfc3339<'_>> {
        let (date_time, rest) = text.split_at_checked(19)?;
        let is_date_time = has_form(date_time, "0000-00-00T00:00:00")
            || has_form(date_time, "0000-00-00t00:00:00")
            || has_form(date_time, "0000-00-00 00:00:00");
        let (decimals, offset) = match rest.strip_prefix('.') {
            None => (None, rest),
            Some(rest) => {
                let (decimals, offset) =
                    rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
                (Some(decimals), offset)
            }
        };
        let is_offset = matches!(offset, "Z" | "z")
            || ((has_form(offset, "+00:00") || has_form(offset, "-00:00"))
                && offset[1..3] < *"24"
                && offset[4..] < *"60");
        (is_date_time && decimals != Some("") && is_offset).then_some(Rfc3339 {
            date_time,
            decimals,
            offset,
        })
    }

    /// The same to the nanosecond, beyond which the calendar library reads nothing.
    fn to_nanos(&self) -> String {
        let Rfc3339 { date_time, decimals, offset } = self;
        match decimals {
            None => format!("{date_time}{offset}"),
            Some(decimals) => {
                format!("{date_time}.{}{offset}", &decimals[..decimals.len().min(9)])
            }
        }
    }
}

/// Whether a text has a digit for each `0` of a form, and else the same characters.
fn has_form(text: &str, form: &str) -> bool {
    let fits = |(byte, of): (u8, u8)| if of == b'0' { byte.is_ascii_digit() } else { byte == of };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
}

/// Why the calendar library does not read a text: its calendar ends, too.
fn why_not(text: &str) -> TimestampError {
    let pieces = Pieces::parse(text).ok();
    let is_time = pieces.is_some_and(|it| it.time().is_some() && it.offset().is_some());
    if is_time { TimestampError::BeyondCalendar } else { TimestampError::Malformed }
}

/// The micros of a text in the form in which times are written, `2026-11-20T12:00:00.123456Z`
/// with or without decimals; `None` for any other, valid or not. Every event has two or three.
fn as_written(text: &str) -> Option<i64> {
    let (date_time, fraction) = text.strip_suffix('Z')?.split_at_checked(19)?;
    let bytes = date_time.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(index, separator)| bytes[*index] != *separator) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| digits(&bytes[range]);
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (year, month, day) = (year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?);
    let date = jiff::civil::Date::new(year, month, day).ok()?;
    let days = (date - EPOCH).get_days();
    let micros = match fraction.strip_prefix('.') {
        None if fraction.is_empty() => 0,
        Some(decimals) if (1..=6).contains(&decimals.len()) => {
            let missing = u32::try_from(6 - decimals.len()).ok()?;
            digits(decimals.as_bytes())? * 10_i64.pow(missing)
        }
        _ => return None,
    };
    let seconds = i64::from(days) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * 1_000_000 + micros)
}

const EPOCH: jiff::civil::Date = jiff::civil::date(1970, 1, 1);

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
    })
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
        let parse = |text: &str| {
            text.parse().map_err(|error: TimestampError| format!("{text:?} is {error}"))
        };
        crate::text::deserialize(deserializer, parse)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wants_an_offset_and_a_real_date() {
        for text in ["2026-11-20", "2026-11-20T12:00:00", "2026-02-30T00:00:00Z", "now", ""] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError::Malformed), "{text}");
        }
    }

    /// RFC 3339 (5.6), to the microsecond.
    #[test]
    fn every_form_of_rfc_3339_is_a_time() {
        for (text, time) in [
            ("2026-11-20T12:00:00+01:00", "2026-11-20T11:00:00Z"),
            ("2026-11-20t12:00:00z", "2026-11-20T12:00:00Z"),
            ("2026-11-20 12:00:00-23:59", "2026-11-21T11:59:00Z"),
            ("2026-11-20T12:00:00.5-00:00", "2026-11-20T12:00:00.5Z"),
            ("2026-11-20T12:00:00.1234567891234Z", "2026-11-20T12:00:00.123456Z"),
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), time, "{text}");
        }
    }

    #[test]
    fn what_only_other_standards_have_is_no_time() {
        for text in [
            "2026-11-20T12:00:00+01:00[America/New_York]",
            "2026-11-20T12:00:00Z[UTC]",
            "2026-11-20T12:00:00+24:00",
            "2026-11-20T12:00:00+01:60",
            "2026-11-20T12:00:00+01",
            "2026-11-20T12:00:00+0100",
            "2026-11-20T12:00:00+01:00:30",
            "2026-11-20T12:00:00,5Z",
            "2026-11-20T12:00:00.Z",
            "2026-11-20T12:00Z",
            "20261120T120000Z",
            "+002026-11-20T12:00:00Z",
            " 2026-11-20T12:00:00Z",
            "2026-11-20T12:00:00é",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError::Malformed), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_is_not(text in "[0-9TtZz:. +\\-é]{0,32}") {
            let _ = text.parse::<Timestamp>();
        }

        #[test]
        fn the_short_way_reads_what_the_calendar_library_reads(
            text in "(0001|1969|1970|2000|2026|9999)-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,7})?Z"
        ) {
            let library = text.parse::<jiff::Timestamp>().ok();
            if as_written(&text).is_some() {
                // The calendar ends on 9999-12-30, and what is written as later is no time.
                let library = library.and_then(|time| Timestamp::try_from(time).ok());
                prop_assert_eq!(text.parse().ok(), library, "{}", text);
            }
        }

        #[test]
        fn every_written_time_is_read_the_short_way(micros in Timestamp::RANGE) {
            let time = Timestamp::from_micros(micros).unwrap();
            prop_assert_eq!(as_written(&time.to_string()), Some(micros));
        }
    }

    #[test]
    fn what_a_clock_shows_is_kept_within_the_calendar() {
        let shown = |shown: SystemTime| Timestamp::from(shown).micros();
        let (second, ages) = (Duration::from_secs(1), Duration::from_secs(1 << 40));
        assert_eq!(shown(UNIX_EPOCH + second), 1_000_000);
        assert_eq!(shown(UNIX_EPOCH - second), -1_000_000);
        assert_eq!(shown(UNIX_EPOCH + ages), *Timestamp::RANGE.end());
        assert_eq!(shown(UNIX_EPOCH - ages), *Timestamp::RANGE.start());
    }

    #[test]
    fn a_time_beyond_the_calendar_is_refused() {
        assert!("9999-12-30T00:00:00Z".parse::<Timestamp>().is_ok());
        for text in [
            "9999-12-31T00:00:00Z",
            "9999-12-31T23:59:59.999999999Z",
            "9999-12-31T00:00:00-01:00",
            "0001-01-01T00:00:00Z",
            "0000-06-01T00:00:00+02:00",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(TimestampError::BeyondCalendar), "{text}");
        }
    }

    #[test]
    fn the_ends_of_the_calendar_are_those_that_are_told() {
        let told = TimestampError::BeyondCalendar.to_string();
        for micros in [Timestamp::RANGE.start(), Timestamp::RANGE.end()] {
            let end = Timestamp::from_micros(*micros).unwrap().to_string();
            assert!(told.contains(&end), "{told}: {end}");
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
