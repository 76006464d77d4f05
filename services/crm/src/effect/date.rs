//! Days and moments as people write them, in the account's time zone.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;

/// No day outside is meant.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2100;

/// Reads `2026-11-21`, `21.11.2026`, and `11/21/2026` where only one of both orders is a day.
pub(super) fn day(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    let day = match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(day) => Some(day),
        Err(_) => NaiveDate::parse_from_str(text, "%d.%m.%Y")
            .ok()
            .or_else(|| slashed(text)),
    };
    day.filter(|day| YEARS.contains(&day.year()))
}

/// `3/4/2026` is in March to some and in April to others: not read.
fn slashed(text: &str) -> Option<NaiveDate> {
    let american = NaiveDate::parse_from_str(text, "%m/%d/%Y").ok();
    let other = NaiveDate::parse_from_str(text, "%d/%m/%Y").ok();
    match (american, other) {
        (Some(one), Some(other)) => (one == other).then_some(one),
        (one, other) => one.or(other),
    }
}

/// Reads a day with a time after a blank or a `T`, and with an offset if there is one.
pub(super) fn moment(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.to_utc());
    }
    let (date, time) = text.split_once(['T', ' '])?;
    let time = NaiveTime::parse_from_str(time, "%H:%M:%S")
        .or_else(|_| NaiveTime::parse_from_str(time, "%H:%M"))
        .ok()?;
    local(day(date)?.and_time(time), zone)
}

/// The beginning of a day, which is what Kommo keeps of it.
pub(super) fn beginning(day: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    local(day.and_time(NaiveTime::MIN), zone)
}

/// Where clocks were put on, the moment after.
fn local(time: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    let moment = zone.from_local_datetime(&time).earliest();
    let moment = moment.or_else(|| {
        let later = time.checked_add_signed(chrono::TimeDelta::hours(1))?;
        zone.from_local_datetime(&later).earliest()
    });
    moment.map(|moment| moment.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    #[test]
    fn days_are_read() {
        for text in ["2026-11-21", " 21.11.2026", "11/21/2026", "21/11/2026"] {
            assert_eq!(day(text), Some(date(2026, 11, 21)), "{text}");
        }
        assert_eq!(day("5/5/2026"), Some(date(2026, 5, 5)));
        for text in [
            "3/4/2026",
            "2026-13-01",
            "31.02.2026",
            "21.11.26",
            "tomorrow",
            "",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
    }

    #[test]
    fn moments_are_of_the_accounts_zone_unless_they_say_otherwise() {
        let zone: Tz = "America/Sao_Paulo".parse().unwrap();
        let moment = |text| moment(text, zone).map(|moment| moment.timestamp());
        let noon = DateTime::parse_from_rfc3339("2026-11-21T12:00:00-03:00")
            .unwrap()
            .timestamp();
        for text in [
            "2026-11-21 12:00",
            "21.11.2026 12:00:00",
            "2026-11-21T12:00",
            "2026-11-21T15:00:00Z",
        ] {
            assert_eq!(moment(text), Some(noon), "{text}");
        }
        assert_eq!(moment("2026-11-21"), None);
        assert_eq!(moment("2026-11-21 25:00"), None);
    }

    #[test]
    fn a_day_begins_where_the_account_is() {
        let zone: Tz = "Europe/Moscow".parse().unwrap();
        let begins = beginning(date(2026, 11, 21), zone).unwrap();
        assert_eq!(begins.to_rfc3339(), "2026-11-20T21:00:00+00:00");
        // On this day clocks went from 0:00 to 1:00.
        let zone: Tz = "America/Sao_Paulo".parse().unwrap();
        assert!(beginning(date(2017, 10, 15), zone).is_some());
    }
}
