//! The dashboard's numbers, counted in the organization's days.

use std::collections::HashMap;

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, TimeZone as _, Utc};
use chrono_tz::Tz;

use crate::turn::Outcome;

/// Days of the chart.
pub(crate) const DAYS: u64 = 30;

/// A turn that ended in an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    pub(crate) time: DateTime<Utc>,
    pub(crate) outcome: Outcome,
    pub(crate) cost_micro_usd: i64,
}

/// What there is of each thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) agents_total: u64,
    pub(crate) agents_active: u64,
    pub(crate) sources_ready: u64,
    pub(crate) sources_processing: u64,
    pub(crate) sources_failed: u64,
    pub(crate) chunks_total: u64,
    pub(crate) price_items_live: u64,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Answers {
    pub(crate) today: i64,
    pub(crate) yesterday: i64,
    pub(crate) this_month: i64,
    pub(crate) last_month: i64,
    pub(crate) cost_this_month_micro_usd: i64,
    pub(crate) unanswered_30_days: i64,
    /// Oldest first, days without answers included.
    pub(crate) by_day: Vec<(NaiveDate, i64)>,
}

/// The moment from which turns are needed: the start of last month, or of the chart.
pub(crate) fn since(now: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    let today = now.with_timezone(&zone).date_naive();
    let month = first_of_month(today)
        .checked_sub_months(Months::new(1))
        .unwrap_or(today);
    let chart = today.checked_sub_days(Days::new(DAYS)).unwrap_or(today);
    let midnight = month.min(chart).and_time(chrono::NaiveTime::MIN);
    // A midnight that a change of clocks skips is near enough an hour later.
    zone.from_local_datetime(&midnight)
        .earliest()
        .map_or(now, |time| time.to_utc())
}

/// Counts answers by the days and months of `zone`.
pub(crate) fn answers(turns: &[Answered], now: DateTime<Utc>, zone: Tz) -> Answers {
    let today = now.with_timezone(&zone).date_naive();
    let yesterday = today.pred_opt().unwrap_or(today);
    let this_month = first_of_month(today);
    let last_month = this_month
        .checked_sub_months(Months::new(1))
        .unwrap_or(this_month);
    let chart_start = today.checked_sub_days(Days::new(DAYS - 1)).unwrap_or(today);
    let mut answers = Answers::default();
    let mut by_day: HashMap<NaiveDate, i64> = HashMap::new();
    for turn in turns {
        let day = turn.time.with_timezone(&zone).date_naive();
        *by_day.entry(day).or_default() += 1;
        answers.today += i64::from(day == today);
        answers.yesterday += i64::from(day == yesterday);
        if day >= this_month {
            answers.this_month += 1;
            answers.cost_this_month_micro_usd += turn.cost_micro_usd;
        } else if day >= last_month {
            answers.last_month += 1;
        }
        let unanswered = matches!(turn.outcome, Outcome::NoAnswer | Outcome::Fallback);
        answers.unanswered_30_days += i64::from(unanswered && day >= chart_start);
    }
    let count = |day: NaiveDate| (day, by_day.get(&day).copied().unwrap_or(0));
    answers.by_day = chart_start
        .iter_days()
        .take_while(|day| *day <= today)
        .map(count)
        .collect();
    answers
}

fn first_of_month(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_the_organizations_days() {
        let zone = chrono_tz::Europe::Moscow;
        let now = Utc.with_ymd_and_hms(2026, 11, 21, 22, 30, 0).unwrap();
        let turn = |time| Answered {
            time,
            outcome: Outcome::Answered,
            cost_micro_usd: 5,
        };
        let turns = [
            // 00:10 on the 22nd in Moscow.
            turn(Utc.with_ymd_and_hms(2026, 11, 21, 21, 10, 0).unwrap()),
            // 23:50 on the 21st.
            turn(Utc.with_ymd_and_hms(2026, 11, 21, 20, 50, 0).unwrap()),
            // The 31st of October.
            turn(Utc.with_ymd_and_hms(2026, 10, 31, 20, 0, 0).unwrap()),
            Answered {
                outcome: Outcome::NoAnswer,
                ..turn(Utc.with_ymd_and_hms(2026, 11, 1, 0, 0, 0).unwrap())
            },
        ];
        let answers = answers(&turns, now, zone);
        assert_eq!((answers.today, answers.yesterday), (1, 1));
        assert_eq!((answers.this_month, answers.last_month), (3, 1));
        assert_eq!(answers.cost_this_month_micro_usd, 15);
        assert_eq!(answers.unanswered_30_days, 1);
        assert_eq!(answers.by_day.len(), 30);
        assert_eq!(
            answers.by_day.iter().map(|(_, count)| count).sum::<i64>(),
            4
        );
        assert!(since(now, zone) <= turns[2].time);
    }
}
