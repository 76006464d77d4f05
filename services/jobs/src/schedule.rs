//! Jobs that come again: cron expressions and the ids of the jobs they make.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use sha2::{Digest as _, Sha256};
use t11_core::Violations;
use uuid::Uuid;

use crate::job::NewJob;

/// A job that comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Chosen by the owner, unique.
    pub key: String,
    pub cron: String,
    /// IANA name.
    pub time_zone: String,
    /// The job of each due time; its id and run time come from the schedule.
    pub job: NewJob,
    pub next_run_time: DateTime<Utc>,
    pub last_run_time: Option<DateTime<Utc>>,
}

/// When a schedule is due.
#[derive(Debug, Clone)]
pub struct Timetable {
    cron: Cron,
    time_zone: Tz,
}

impl Timetable {
    /// Reads a five-field cron expression and an IANA time zone (empty = UTC), noting what is
    /// wrong with them.
    pub fn parse(cron: &str, time_zone: &str, violations: &mut Violations) -> Option<Self> {
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser.parse(cron).map_err(|error| {
            violations.add(
                "schedule.cron",
                "INVALID",
                format!("not a cron expression: {error}"),
            );
        });
        let zone = if time_zone.is_empty() {
            "UTC"
        } else {
            time_zone
        };
        let time_zone = zone.parse().map_err(|_| {
            violations.add(
                "schedule.time_zone",
                "INVALID",
                "not the name of a time zone",
            );
        });
        Some(Self {
            cron: cron.ok()?,
            time_zone: time_zone.ok()?,
        })
    }

    /// The first due time after `time`; `None` when there is none (30 February).
    pub fn after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = time.with_timezone(&self.time_zone);
        let next = self.cron.find_next_occurrence(&local, false).ok()?;
        Some(next.with_timezone(&Utc))
    }
}

impl Schedule {
    /// The job of the due time `next_run_time`.
    ///
    /// Times that passed while nobody looked give one job, not one each: work that repeats wants
    /// to be done again, not as often as it was missed.
    pub fn due_job(&self) -> NewJob {
        NewJob {
            id: job_id(&self.key, self.next_run_time),
            run_time: Some(self.next_run_time),
            ..self.job.clone()
        }
    }
}

/// The id of the job for one due time of a schedule: the same wherever it is made, so that the
/// queue takes it once.
pub fn job_id(key: &str, due: DateTime<Utc>) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(due.timestamp_micros().to_be_bytes());
    hash.update(key.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn next(cron: &str, zone: &str, after: &str) -> DateTime<Utc> {
        let mut violations = Violations::default();
        Timetable::parse(cron, zone, &mut violations)
            .unwrap()
            .after(time(after))
            .unwrap()
    }

    #[test]
    fn due_times_are_in_the_schedules_zone() {
        let moscow = next("0 9 * * 1-5", "Europe/Moscow", "2026-11-20T06:00:00Z");
        assert_eq!(
            moscow,
            time("2026-11-23T06:00:00Z"),
            "Friday 9:00 is over, Monday is next"
        );
        assert_eq!(
            next("*/15 * * * *", "", "2026-11-20T06:00:00Z"),
            time("2026-11-20T06:15:00Z")
        );
    }

    #[test]
    fn a_day_with_two_half_past_ones_has_one_run() {
        let first = next("30 1 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z");
        assert_eq!(first, time("2026-10-24T23:30:00Z"));
        assert_eq!(
            next("30 1 * * *", "Europe/Berlin", "2026-10-25T00:00:00Z"),
            time("2026-10-26T00:30:00Z")
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let mut violations = Violations::default();
        assert!(Timetable::parse("* * * * * *", "Mars/Olympus", &mut violations).is_none());
        let fields: Vec<_> = violations.0.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["schedule.cron", "schedule.time_zone"]);
    }

    #[test]
    fn a_day_that_never_comes_is_never_due() {
        let mut violations = Violations::default();
        let table = Timetable::parse("0 0 30 2 *", "", &mut violations);
        assert_eq!(
            table.and_then(|table| table.after(time("2026-11-20T06:00:00Z"))),
            None
        );
    }

    #[test]
    fn one_due_time_has_one_id() {
        let due = time("2026-11-20T06:00:00Z");
        assert_eq!(job_id("a", due), job_id("a", due));
        assert_ne!(job_id("a", due), job_id("b", due));
        assert_ne!(job_id("a", due), job_id("a", time("2026-11-20T06:01:00Z")));
    }
}
