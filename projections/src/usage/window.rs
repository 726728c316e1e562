//! The windows of usage reports.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

use jiff::tz::TimeZoneTransition;
use quipu_domain::{Label, Timestamp, calendar};

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
const DAY_MICROS: i64 = 24 * HOUR_MICROS;

/// The first moments of the windows that a moment lies in.
pub(crate) fn starts(
    time: Timestamp,
    time_zone: &Label,
) -> Result<[(WindowUnit, Timestamp); 3], ProjectionError> {
    let hour = time.micros().div_euclid(HOUR_MICROS) * HOUR_MICROS;
    let hour = Timestamp::from_micros(hour).map_err(|_| BEYOND)?;
    let day = LAST_DAYS.with_borrow_mut(|days| -> Result<Day, ProjectionError> {
        if let Some(day) = days.get(time_zone).filter(|day| day.known.contains(&time.micros())) {
            return Ok(day.clone());
        }
        let day = Day::of(time, time_zone)?;
        days.insert(time_zone.clone(), day.clone());
        Ok(day)
    })?;
    Ok([(WindowUnit::Hour, hour), (WindowUnit::Day, day.start), (WindowUnit::Month, day.month)])
}

const BEYOND: ProjectionError = ProjectionError::Overflow { what: "a window" };

thread_local! {
    /// The day that was asked for last, in each zone: usage comes nearly in order.
    static LAST_DAYS: RefCell<HashMap<Label, Day>> = RefCell::default();
}

/// A calendar day of a zone.
#[derive(Clone)]
struct Day {
    start: Timestamp,
    /// When its month begins.
    month: Timestamp,
    /// Moments of it, in micros, between which no clock was changed.
    known: Range<i64>,
}

impl Day {
    fn of(time: Timestamp, time_zone: &Label) -> Result<Day, ProjectionError> {
        let zone = calendar::time_zone(time_zone).ok_or_else(|| {
            ProjectionError::Inconsistent(format!("the time zone {time_zone} is unknown here"))
        })?;
        let moment = time.to_jiff();
        let date = zone.to_datetime(moment).date();
        let start = |date: jiff::civil::Date| -> Result<Timestamp, ProjectionError> {
            let midnight = date.to_zoned(zone.clone()).map_err(|_| BEYOND)?;
            midnight.timestamp().try_into().map_err(|_| BEYOND)
        };
        let offset = i64::from(zone.to_offset(moment).seconds()) * 1_000_000;
        let midnight = (time.micros() + offset).div_euclid(DAY_MICROS) * DAY_MICROS - offset;
        let mut known = midnight..midnight + DAY_MICROS;
        let micros = |change: TimeZoneTransition<'_>| change.timestamp().as_microsecond();
        // The clock may have changed at this very moment, which belongs to what follows.
        if let Some(change) = zone
            .preceding(time.plus_seconds(1).to_jiff())
            .map(micros)
            .find(|at| *at <= time.micros())
        {
            known.start = known.start.max(change);
        }
        if let Some(change) = zone.following(moment).next().map(micros) {
            known.end = known.end.min(change);
        }
        Ok(Day { start: start(date)?, month: start(date.first_of_month())?, known })
    }
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
    fn what_was_asked_before_changes_no_answer() {
        // Goose Bay put its clocks back at a minute past midnight: the day before went on.
        for (zone, first, last) in [
            ("America/Goose_Bay", "2010-11-06T12:00:00Z", "2010-11-08T12:00:00Z"),
            ("Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z"),
            ("Asia/Kolkata", "2026-02-28T12:00:00Z", "2026-03-01T12:00:00Z"),
        ] {
            let (first, last): (Timestamp, Timestamp) =
                (first.parse().unwrap(), last.parse().unwrap());
            let mut time = first;
            while time < last {
                let [_, day, month] = starts(time, &zone.parse().unwrap()).unwrap();
                let fresh = Day::of(time, &zone.parse().unwrap()).unwrap();
                assert_eq!((day.1, month.1), (fresh.start, fresh.month), "{time} in {zone}");
                time = time.plus_seconds(59);
            }
        }
    }

    #[test]
    fn m6_windows_are_the_same_on_a_machine_with_other_zone_data() {
        // Berlin on UTC for ever, in the format of RFC 9636.
        let half = format!("TZif2{}\x01\0\0\0\x04{}XXX\0", "\0".repeat(34), "\0".repeat(6));
        let zone = format!("{half}{half}\nXXX0\n");
        let machine = tempfile::tempdir().unwrap();
        std::fs::create_dir(machine.path().join("Europe")).unwrap();
        std::fs::write(machine.path().join("Europe/Berlin"), zone).unwrap();
        let there = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "usage::window::tests::days_and_months_begin_where_the_tenant_is"])
            .env("TZDIR", machine.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&there.stdout);
        assert!(said.contains("1 passed"), "{said}");
    }

    #[test]
    fn an_unknown_zone_is_an_error() {
        let zone = "Mars/Olympus".parse().unwrap();
        assert!(starts(Timestamp::default(), &zone).is_err());
    }
}
