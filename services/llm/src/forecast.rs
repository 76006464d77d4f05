//! What the month will have cost: what it has cost so far, and for the time that is left the mean of
//! the last whole days.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use crate::budget::Period;
use crate::money::NanoUsd;
use crate::usage::{UsageDay, UsageQuery};

/// The mean is of so many whole days at most.
const DAYS: u64 = 7;

/// A look ahead, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forecast {
    pub(crate) month_end: NanoUsd,
    /// So far.
    pub(crate) month: NanoUsd,
    /// Of a day.
    pub(crate) daily: NanoUsd,
    /// Of so many days that is the mean.
    pub(crate) days: i32,
}

/// The calls that a forecast needs to know.
pub(crate) fn basis(agent: String, now: DateTime<Utc>) -> UsageQuery {
    let (month, _) = Period::Month.around(now);
    let (today, _) = Period::Day.around(now);
    UsageQuery {
        start: month.min(today - Days::new(DAYS)),
        end: now,
        agent,
    }
}

/// `None` before there was a whole day with calls. `days` are those of [`basis`].
pub(crate) fn forecast(days: &[UsageDay], now: DateTime<Utc>) -> Option<Forecast> {
    let (month, next_month) = Period::Month.around(now);
    let today = now.date_naive();
    let first = today.checked_sub_days(Days::new(DAYS))?;
    let is_recent = |day: &&UsageDay| (first..today).contains(&day.date);
    let begin = days.iter().filter(is_recent).map(|day| day.date).min()?;
    let whole_days = (today - begin).num_days();
    let daily = NanoUsd(sum(days, begin, today).0 / whole_days);
    let so_far = sum(days, month.date_naive(), NaiveDate::MAX);
    Some(Forecast {
        month_end: so_far + for_time(daily, next_month - now),
        month: so_far,
        daily,
        days: i32::try_from(whole_days).unwrap_or(i32::MAX),
    })
}

/// From `begin` until before `end`.
fn sum(days: &[UsageDay], begin: NaiveDate, end: NaiveDate) -> NanoUsd {
    let days = days.iter().filter(|day| (begin..end).contains(&day.date));
    days.map(|day| day.sum.bill.cost).sum()
}

fn for_time(daily: NanoUsd, time: TimeDelta) -> NanoUsd {
    let cost = i128::from(daily.0) * i128::from(time.num_seconds()) / (24 * 60 * 60);
    NanoUsd(i64::try_from(cost).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::{Bill, UsageSum};

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    fn day(date: &str, cost: i64) -> UsageDay {
        UsageDay {
            date: date.parse().unwrap(),
            sum: UsageSum {
                calls: 1,
                bill: Bill {
                    cost: NanoUsd(cost),
                    ..Bill::NOTHING
                },
                ..UsageSum::default()
            },
        }
    }

    #[test]
    fn the_rest_of_the_month_costs_as_the_last_seven_days() {
        let days = [
            day("2026-11-22", 50),
            day("2026-11-21", 700),
            day("2026-11-15", 700),
            day("2026-11-14", 9_000),
            day("2026-10-31", 9_000),
        ];
        let forecast = forecast(&days, at("2026-11-22T12:00:00Z")).unwrap();
        let expected = Forecast {
            month_end: NanoUsd(10_450 + 200 * 8 + 100),
            month: NanoUsd(10_450),
            daily: NanoUsd(200),
            days: 7,
        };
        assert_eq!(forecast, expected);
    }

    #[test]
    fn who_is_new_is_judged_by_the_days_since_the_first_call() {
        let days = [day("2026-12-02", 30), day("2026-11-30", 100)];
        let now = at("2026-12-02T00:00:00Z");
        let forecast = super::forecast(&days, now).unwrap();
        assert_eq!((forecast.daily, forecast.days), (NanoUsd(50), 2));
        assert_eq!(forecast.month, NanoUsd(30));
        assert_eq!(forecast.month_end, NanoUsd(30 + 30 * 50));
        assert_eq!(super::forecast(&days[..1], now), None);
        assert_eq!(super::forecast(&[], now), None);
    }

    #[test]
    fn the_basis_holds_the_month_and_the_week() {
        let start = |text| basis(String::new(), at(text)).start;
        assert_eq!(start("2026-11-22T12:00:00Z"), at("2026-11-01T00:00:00Z"));
        assert_eq!(start("2026-12-02T12:00:00Z"), at("2026-11-25T00:00:00Z"));
    }
}
