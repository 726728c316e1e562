//! Periods in a tenant's own time zone (M6).
//!
//! Only the zone data that is compiled in is asked, never the machine's: the same journal gives
//! the same periods everywhere. Zones are looked up here and nowhere else.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::{Label, Timestamp};

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone of an IANA name, or `None` where there is none such.
#[must_use]
pub fn time_zone(name: &Label) -> Option<TimeZone> {
    if name.as_str() == "UTC" {
        return Some(TimeZone::UTC);
    }
    ZONES.get(name.as_str()).ok()
}

/// Whether the IANA database has a zone of this name. `Etc/Unknown` is what programs say that know
/// of none.
#[must_use]
pub fn is_time_zone(name: &Label) -> bool {
    time_zone(name).is_some_and(|zone| !zone.is_unknown())
}

/// First moment of the calendar month that `at` lies in, in that zone.
#[must_use]
pub fn month_start(at: Timestamp, zone: &Label) -> Option<Timestamp> {
    let local = at.to_jiff().to_zoned(time_zone(zone)?);
    let start = local.first_of_month().ok()?.start_of_day().ok()?;
    start.timestamp().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(at: &str, zone: &str) -> String {
        month_start(at.parse().unwrap(), &zone.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn m6_a_month_begins_at_midnight_of_the_tenants_own_zone() {
        assert_eq!(start("2026-11-20T12:00:00Z", "UTC"), "2026-11-01T00:00:00Z");
        assert_eq!(start("2026-11-01T03:00:00Z", "America/New_York"), "2026-10-01T04:00:00Z");
        assert_eq!(start("2026-11-01T04:00:00Z", "America/New_York"), "2026-11-01T04:00:00Z");
        assert_eq!(start("2026-10-31T23:30:00Z", "Europe/Stockholm"), "2026-10-31T23:00:00Z");
    }

    #[test]
    fn m6_a_month_that_begins_while_clocks_change_begins_once() {
        assert_eq!(start("2026-03-31T22:00:00Z", "Europe/Stockholm"), "2026-03-31T22:00:00Z");
        assert_eq!(start("2026-03-15T00:00:00Z", "Europe/Stockholm"), "2026-02-28T23:00:00Z");
    }

    #[test]
    fn m6_only_names_of_the_iana_database_are_zones() {
        let known = |name: &str| is_time_zone(&name.parse().unwrap());
        assert!(known("Asia/Kolkata") && known("UTC"));
        assert!(!known("Mars/Olympus") && !known("+02:00") && !known("/etc/localtime"));
        assert!(!known("Etc/Unknown"));
    }
}
