//! The windows of usage reports.

use jiff::tz::TimeZone;
use quipu_domain::{Label, Timestamp};

use crate::ProjectionError;
use crate::cell::named_field;

/// How long a window is. Hours are UTC's; days and months are those of the tenant's zone (M6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WindowUnit {
    /// An hour.
    Hour,
    /// A calendar day.
    Day,
    /// A calendar month.
    Month,
}

named_field!(WindowUnit {
    WindowUnit::Hour = "hour",
    WindowUnit::Day = "day",
    WindowUnit::Month = "month",
});

const HOUR_MICROS: i64 = 3_600_000_000;

/// The first moments of the windows that a moment lies in.
pub(super) fn starts(
    time: Timestamp,
    time_zone: &Label,
) -> Result<[(WindowUnit, Timestamp); 3], ProjectionError> {
    let beyond = |_| ProjectionError::Overflow { what: "a window" };
    let hour = time.micros().div_euclid(HOUR_MICROS) * HOUR_MICROS;
    let hour = Timestamp::from_micros(hour).map_err(beyond)?;
    let zone = TimeZone::get(time_zone.as_str()).map_err(|_| {
        ProjectionError::Inconsistent(format!("the time zone {time_zone} is unknown here"))
    })?;
    let date = zone.to_datetime(time.to_jiff()).date();
    let start = |date: jiff::civil::Date| -> Result<Timestamp, ProjectionError> {
        let midnight = date.to_zoned(zone.clone());
        let midnight = midnight.map_err(|_| ProjectionError::Overflow { what: "a window" })?;
        midnight.timestamp().try_into().map_err(beyond)
    };
    Ok([
        (WindowUnit::Hour, hour),
        (WindowUnit::Day, start(date)?),
        (WindowUnit::Month, start(date.first_of_month())?),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts_of(time: &str, zone: &str) -> [String; 3] {
        let time = time.parse().unwrap();
        starts(time, &zone.parse().unwrap()).unwrap().map(|(_, start)| start.to_string())
    }

    #[test]
    fn days_and_months_begin_where_the_tenant_is() {
        assert_eq!(
            starts_of("2026-02-28T23:30:00Z", "Europe/Berlin"),
            ["2026-02-28T23:00:00Z", "2026-02-28T23:00:00Z", "2026-02-28T23:00:00Z"]
        );
        assert_eq!(
            starts_of("2026-02-28T23:30:00Z", "UTC"),
            ["2026-02-28T23:00:00Z", "2026-02-28T00:00:00Z", "2026-02-01T00:00:00Z"]
        );
    }

    #[test]
    fn a_month_with_a_clock_change_begins_by_the_clock_of_its_first_day() {
        assert_eq!(
            starts_of("2026-03-30T12:00:00Z", "Europe/Berlin"),
            ["2026-03-30T12:00:00Z", "2026-03-29T22:00:00Z", "2026-02-28T23:00:00Z"]
        );
    }

    #[test]
    fn an_unknown_zone_is_an_error() {
        let zone = "Mars/Olympus".parse().unwrap();
        assert!(starts(Timestamp::default(), &zone).is_err());
    }
}
