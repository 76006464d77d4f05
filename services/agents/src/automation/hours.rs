//! When something may be sent by itself: outside of quiet hours, within the agent's own.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Timelike as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use t11_core::Violations;

use crate::agent::{HoursMode, Settings};
use crate::turn::skip_rules::{in_schedule, opening};

const LAST_MINUTE: i32 = 1_439;
/// Quiet hours and working hours take turns at most so often until one of them wins.
const MOST_LOOKS: usize = 16;

/// Minutes from midnight between which nothing is sent; both the same = none. Over midnight where
/// the end is before the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Quiet {
    pub start_minute: i32,
    pub end_minute: i32,
}

impl Quiet {
    /// Notes what is out of bounds.
    pub fn check(self, prefix: &str, violations: &mut Violations) {
        let field = |name: &str| format!("{prefix}{name}");
        let start = field("quiet_start_minute");
        violations.range(&start, self.start_minute, 0, LAST_MINUTE);
        let end = field("quiet_end_minute");
        violations.range(&end, self.end_minute, 0, LAST_MINUTE);
    }

    fn holds(self, minute: i32) -> bool {
        let Self {
            start_minute: start,
            end_minute: end,
        } = self;
        if start <= end {
            (start..end).contains(&minute)
        } else {
            minute >= start || minute < end
        }
    }

    /// When the quiet ends in which `time` lies.
    fn end(self, time: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let local = time.with_timezone(&zone);
        let minute = i32::try_from(local.hour() * 60 + local.minute()).ok()?;
        if !self.holds(minute) {
            return None;
        }
        let today = local.date_naive();
        let day = if self.end_minute <= minute {
            today.checked_add_days(Days::new(1))?
        } else {
            today
        };
        at(day, self.end_minute, zone)
    }
}

fn at(day: NaiveDate, minute: i32, zone: Tz) -> Option<DateTime<Utc>> {
    let seconds = u32::try_from(minute).ok()? * 60;
    let local = day.and_time(NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0)?);
    // An hour that the change of the clocks leaves out begins with the next.
    let time = zone.from_local_datetime(&local).earliest().or_else(|| {
        let later = local + TimeDelta::hours(1);
        zone.from_local_datetime(&later).earliest()
    });
    time.map(|time| time.with_timezone(&Utc))
}

/// The first moment from `time` on at which something may be sent; `None` when there is none.
pub fn next_time(
    time: DateTime<Utc>,
    quiet: Quiet,
    settings: &Settings,
    zone: Tz,
) -> Option<DateTime<Utc>> {
    let mut time = time;
    for _ in 0..MOST_LOOKS {
        if let Some(end) = quiet.end(time, zone) {
            time = end;
        } else if is_open(settings, time, zone) {
            return Some(time);
        } else {
            time = opens(settings, time, zone)?;
        }
    }
    None
}

fn is_open(settings: &Settings, time: DateTime<Utc>, zone: Tz) -> bool {
    let inside = in_schedule(&settings.schedule, time, zone);
    match settings.hours_mode {
        HoursMode::Always => true,
        HoursMode::Inside => inside,
        HoursMode::Outside => !inside,
    }
}

/// When a closed agent opens: one that works outside of its hours with the end of the hours.
fn opens(settings: &Settings, time: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
    if settings.hours_mode == HoursMode::Inside {
        return opening(settings, time, zone);
    }
    let local = time.with_timezone(&zone);
    let ends = settings.schedule.iter().filter_map(|interval| {
        let end = i32::try_from(interval.end_minute).ok()?;
        let (day, minute) = if end > LAST_MINUTE {
            (local.date_naive().succ_opt()?, 0)
        } else {
            (local.date_naive(), end)
        };
        at(day, minute, zone).filter(|ends| *ends > time)
    });
    ends.min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::WorkingInterval;

    const MOSCOW: Tz = chrono_tz::Europe::Moscow;

    /// Of a Monday, the 23rd, in Moscow.
    fn local(day: u32, hour: u32, minute: u32) -> DateTime<Utc> {
        let time = MOSCOW.with_ymd_and_hms(2026, 11, day, hour, minute, 0);
        time.unwrap().with_timezone(&Utc)
    }

    fn next(time: DateTime<Utc>, quiet: (i32, i32), settings: &Settings) -> Option<DateTime<Utc>> {
        let quiet = Quiet {
            start_minute: quiet.0,
            end_minute: quiet.1,
        };
        next_time(time, quiet, settings, MOSCOW)
    }

    #[test]
    fn the_night_is_waited_out() {
        let (night, always) = ((21 * 60, 9 * 60), Settings::default());
        for (time, expected) in [
            (local(23, 20, 59), local(23, 20, 59)),
            (local(23, 21, 0), local(24, 9, 0)),
            (local(24, 3, 0), local(24, 9, 0)),
            (local(24, 9, 0), local(24, 9, 0)),
        ] {
            assert_eq!(next(time, night, &always), Some(expected));
        }
        assert_eq!(
            next(local(23, 3, 0), (0, 0), &always),
            Some(local(23, 3, 0))
        );
    }

    #[test]
    fn the_agents_hours_hold_beside_quiet_hours() {
        let day = |weekday| WorkingInterval {
            weekday,
            start_minute: 8 * 60,
            end_minute: 18 * 60,
        };
        let mut settings = Settings {
            hours_mode: HoursMode::Inside,
            schedule: vec![day(1), day(3)],
            ..Settings::default()
        };
        // It opens on Wednesday at eight, and it is quiet until nine.
        let night = (21 * 60, 9 * 60);
        assert_eq!(
            next(local(23, 19, 0), night, &settings),
            Some(local(25, 9, 0))
        );
        settings.hours_mode = HoursMode::Outside;
        assert_eq!(
            next(local(23, 10, 0), night, &settings),
            Some(local(23, 18, 0))
        );
        settings.hours_mode = HoursMode::Inside;
        settings.schedule = Vec::new();
        assert_eq!(next(local(23, 10, 0), night, &settings), None);
    }
}
