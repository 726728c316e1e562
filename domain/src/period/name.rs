//! How periods are called, and when they begin and end.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Timestamp;
use crate::ids::IdError;

/// A calendar year, month or day of UTC: `2026`, `2026-10`, `2026-10-31` (C1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeriodName {
    first_day: Date,
    length: Length,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Length {
    Year,
    Month,
    Day,
}

impl PeriodName {
    /// Its first moment.
    #[must_use]
    pub fn begins_at(self) -> Timestamp {
        midnight(self.first_day)
    }

    /// The first moment after it.
    #[must_use]
    pub fn ends_at(self) -> Timestamp {
        let length: Span = match self.length {
            Length::Year => 1.year(),
            Length::Month => 1.month(),
            Length::Day => 1.day(),
        };
        midnight(self.first_day.saturating_add(length))
    }
}

fn midnight(date: Date) -> Timestamp {
    let midnight = TimeZone::UTC.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).compatible();
    let midnight = midnight.ok().and_then(|midnight| midnight.try_into().ok());
    midnight.expect("the years 1000 to 9998 lie within the calendar")
}

impl FromStr for PeriodName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<PeriodName, IdError> {
        let wrong = || {
            let text: String = text.chars().take(80).collect();
            IdError(format!(
                "{text:?} is not a period: write a year, a month or a day, such as \"2026-10\""
            ))
        };
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let parts: Vec<&str> = text.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        let length = match &lengths[..] {
            [4] => Length::Year,
            [4, 2] => Length::Month,
            [4, 2, 2] => Length::Day,
            _ => return Err(wrong()),
        };
        if !parts.iter().all(|part| is_digits(part)) {
            return Err(wrong());
        }
        let number = |place: usize| parts.get(place).map_or(Ok(1), |part| part.parse::<i16>());
        let (year, month, day) = match (number(0), number(1), number(2)) {
            (Ok(year @ 1000..=9998), Ok(month), Ok(day)) => (year, month, day),
            _ => return Err(wrong()),
        };
        let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day)) else {
            return Err(wrong());
        };
        let first_day = Date::new(year, month, day).map_err(|_| wrong())?;
        Ok(PeriodName { first_day, length })
    }
}

impl fmt::Display for PeriodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = self.first_day;
        write!(f, "{:04}", day.year())?;
        if self.length != Length::Year {
            write!(f, "-{:02}", day.month())?;
        }
        if self.length == Length::Day {
            write!(f, "-{:02}", day.day())?;
        }
        Ok(())
    }
}

impl Serialize for PeriodName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PeriodName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::text::deserialize(deserializer, str::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c1_a_period_is_a_year_a_month_or_a_day() {
        for (name, from, to) in [
            ("2026", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2026-12", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2028-02-29", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"),
        ] {
            let period: PeriodName = name.parse().unwrap();
            assert_eq!(period.to_string(), name);
            assert_eq!(
                (period.begins_at().to_string(), period.ends_at().to_string()),
                (from.into(), to.into())
            );
        }
        for bad in [
            "",
            "26",
            "2026-13",
            "2026-00",
            "2026-02-29",
            "2026-1",
            "+026",
            "2026-10-",
            "0999",
            "9999",
        ] {
            assert!(bad.parse::<PeriodName>().is_err(), "{bad:?}");
        }
    }
}
