//! A job: what it is, and the states it goes through.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use t11_core::{OrgId, Violations};
use uuid::Uuid;

/// What one step of priority is worth: a job goes before one of the step below unless that one
/// has waited this much longer. So a flood of urgent jobs delays the others but never starves
/// them.
const PRIORITY_STEP: TimeDelta = TimeDelta::minutes(1);

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Not before its run time.
    Scheduled,
    /// May run now.
    Ready,
    /// Could run but for its ordering key, which another job holds. People see `Ready`.
    Blocked,
    /// Leased to a worker.
    Running,
    /// Failed; ready again at its run time.
    Retrying,
    Succeeded,
    /// Out of attempts, refused for good, or lost too often.
    Dead,
    Cancelled,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Scheduled,
        Self::Ready,
        Self::Blocked,
        Self::Running,
        Self::Retrying,
        Self::Succeeded,
        Self::Dead,
        Self::Cancelled,
    ];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Ready => "ready",
            Self::Blocked => "blocked",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Succeeded => "succeeded",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing more happens to the job by itself.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Succeeded | Self::Dead | Self::Cancelled)
    }

    /// Whether the job keeps others of its ordering key from running. At most one job of a key
    /// does; a scheduled one joins when it is due.
    pub fn holds_key(self) -> bool {
        matches!(self, Self::Ready | Self::Running | Self::Retrying)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far the running try is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// A stable word: `extract`, `embed`.
    pub step: String,
    /// Of `total`, in the step's own unit.
    pub done: i64,
    /// 0 = not known.
    pub total: i64,
    /// 0–100 over all steps.
    pub percent: i32,
}

/// Why a try failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobError {
    /// Stable, `UPPER_SNAKE`.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// A worker's hold on a running job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The name of the worker process.
    pub worker: String,
    /// The start of that process.
    pub boot: Uuid,
    /// The lease ends then unless extended.
    pub expire_time: DateTime<Utc>,
}

/// A job, without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: Uuid,
    /// Grows with every job of an organization: the order of enqueueing.
    pub position: i64,
    pub org: OrgId,
    pub queue: String,
    pub kind: String,
    pub state: State,
    pub resource: String,
    pub display_name: String,
    pub priority: i32,
    /// Lower is taken first: see [`rank`].
    pub rank: i64,
    /// Failed tries.
    pub attempt: i32,
    pub max_attempts: i32,
    /// Times a worker disappeared with the job.
    pub lost: i32,
    /// Longest run of one try.
    pub timeout: TimeDelta,
    /// Grows with every lease; only the newest can settle or extend.
    pub fence: i64,
    /// Set exactly while running.
    pub holder: Option<Holder>,
    pub cancel_requested: bool,
    pub progress: Progress,
    /// Of the last failed try.
    pub error: Option<JobError>,
    pub ordering_key: Option<String>,
    pub unique_key: Option<String>,
    pub traceparent: Option<String>,
    pub create_time: DateTime<Utc>,
    pub run_time: DateTime<Utc>,
    pub start_time: Option<DateTime<Utc>>,
    /// Set exactly when finished.
    pub end_time: Option<DateTime<Utc>>,
    pub update_time: DateTime<Utc>,
    /// The organization's revision at the last change people can see.
    pub revision: i64,
}

impl Job {
    /// Whether lists show the job unasked: what has a name for people, and whatever died. The
    /// rest is housekeeping, which would bury the work that somebody waits for.
    pub fn is_listed(&self) -> bool {
        !self.display_name.is_empty() || self.state == State::Dead
    }
}

/// A job to be enqueued, as its owner describes it. The default is of no queue and no kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewJob {
    pub id: Uuid,
    /// The nil UUID for work of the platform itself.
    pub org: Uuid,
    pub queue: String,
    pub kind: String,
    #[serde(skip)]
    pub payload: Vec<u8>,
    pub priority: i32,
    /// At once when `None`.
    pub run_time: Option<DateTime<Utc>>,
    pub ordering_key: Option<String>,
    pub unique_key: Option<String>,
    /// The service's default when 0.
    pub max_attempts: i32,
    /// The service's default when 0.
    pub timeout_ms: i64,
    pub resource: String,
    pub display_name: String,
    pub traceparent: Option<String>,
}

/// Largest payload: jobs carry ids, not files.
const MAX_PAYLOAD: usize = 1 << 20;
const MAX_TIMEOUT_MS: i64 = 24 * 60 * 60 * 1000;

impl NewJob {
    /// Notes what is wrong with the job; `field` is its path in the request.
    pub fn check(&self, field: &str, violations: &mut Violations) {
        if !is_queue_name(&self.queue) {
            violations.add(
                format!("{field}.queue"),
                "INVALID",
                "a queue is named by 1 to 64 of a-z, 0-9, `_` and `-`",
            );
        }
        let texts = [
            ("kind", self.kind.as_str(), 1, 128),
            (
                "ordering_key",
                self.ordering_key.as_deref().unwrap_or_default(),
                0,
                256,
            ),
            (
                "unique_key",
                self.unique_key.as_deref().unwrap_or_default(),
                0,
                256,
            ),
            ("resource", &self.resource, 0, 256),
            ("display_name", &self.display_name, 0, 512),
            (
                "traceparent",
                self.traceparent.as_deref().unwrap_or_default(),
                0,
                128,
            ),
        ];
        for (name, text, min, max) in texts {
            violations.text(&format!("{field}.{name}"), text, min, max);
        }
        if self.payload.len() > MAX_PAYLOAD {
            let limit = format!("a payload has at most {MAX_PAYLOAD} bytes");
            violations.add(format!("{field}.payload"), "TOO_LONG", limit);
        }
        violations.range(&format!("{field}.priority"), self.priority, -100, 100);
        violations.range(&format!("{field}.max_attempts"), self.max_attempts, 0, 100);
        violations.range(
            &format!("{field}.timeout_ms"),
            self.timeout_ms,
            0,
            MAX_TIMEOUT_MS,
        );
    }

    /// Where the job begins: scheduled, behind its key, or ready.
    pub fn first_state(&self, key_is_held: bool, now: DateTime<Utc>) -> State {
        if self.run_time.is_some_and(|run_time| run_time > now) {
            State::Scheduled
        } else if key_is_held {
            State::Blocked
        } else {
            State::Ready
        }
    }
}

fn is_queue_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
}

/// Where a job stands among those of its organization that are ready: by the time it may run,
/// moved by its priority.
pub fn rank(run_time: DateTime<Utc>, priority: i32) -> i64 {
    run_time.timestamp_millis() - i64::from(priority) * PRIORITY_STEP.num_milliseconds()
}

/// What a person asked for cannot be done in the job's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It has ended by other means than being cancelled.
    Finished,
    /// Only a dead or cancelled job may be tried again.
    NotDead,
}

impl Job {
    /// The resource name.
    pub fn name(&self) -> String {
        format!("jobs/{}", self.id)
    }

    /// Its run time has come.
    pub fn promote(&mut self, key_is_held: bool, now: DateTime<Utc>) {
        match self.state {
            State::Scheduled if key_is_held => self.enter(State::Blocked, now),
            // A retrying job holds its key itself.
            State::Scheduled | State::Retrying => self.enter(State::Ready, now),
            State::Ready
            | State::Blocked
            | State::Running
            | State::Succeeded
            | State::Dead
            | State::Cancelled => {}
        }
    }

    /// The job before it in the line of its key has ended.
    pub fn unblock(&mut self, now: DateTime<Utc>) {
        if self.state == State::Blocked {
            self.enter(State::Ready, now);
        }
    }

    /// A person asks the job to stop: a waiting job ends now, a running one when its worker has
    /// heard of it.
    ///
    /// # Errors
    /// [`Refused::Finished`].
    pub fn cancel(&mut self, now: DateTime<Utc>) -> Result<(), Refused> {
        match self.state {
            State::Running => {
                self.cancel_requested = true;
                self.update_time = now;
            }
            State::Cancelled => {}
            State::Succeeded | State::Dead => return Err(Refused::Finished),
            State::Scheduled | State::Ready | State::Blocked | State::Retrying => {
                self.enter(State::Cancelled, now);
            }
        }
        Ok(())
    }

    /// The one place where a state changes.
    pub(crate) fn enter(&mut self, state: State, now: DateTime<Utc>) {
        self.state = state;
        self.update_time = now;
        self.end_time = state.is_finished().then_some(now);
        self.holder = None;
        self.cancel_requested = false;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn now() -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_800_000_000_000).unwrap()
    }

    pub(crate) fn job(state: State) -> Job {
        let holder = Holder {
            worker: "w".to_owned(),
            boot: Uuid::nil(),
            expire_time: now(),
        };
        Job {
            id: Uuid::nil(),
            position: 1,
            org: OrgId::NONE,
            queue: "agents".to_owned(),
            kind: "agents.test".to_owned(),
            state,
            resource: String::new(),
            display_name: String::new(),
            priority: 0,
            rank: rank(now(), 0),
            attempt: 0,
            max_attempts: 3,
            lost: 0,
            timeout: TimeDelta::minutes(5),
            fence: 1,
            holder: (state == State::Running).then_some(holder),
            cancel_requested: false,
            progress: Progress::default(),
            error: None,
            ordering_key: None,
            unique_key: None,
            traceparent: None,
            create_time: now(),
            run_time: now(),
            start_time: (state == State::Running).then_some(now()),
            end_time: state.is_finished().then_some(now()),
            update_time: now(),
            revision: 1,
        }
    }

    pub(crate) fn new_job() -> NewJob {
        NewJob {
            queue: "agents".to_owned(),
            kind: "agents.test".to_owned(),
            ..NewJob::default()
        }
    }

    #[test]
    fn every_word_parses_back_to_its_state() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
        assert_eq!(State::parse("lost"), None);
    }

    #[test]
    fn all_violations_are_told_at_once() {
        let bad = NewJob {
            queue: "Agents".to_owned(),
            kind: String::new(),
            priority: 101,
            payload: vec![0; MAX_PAYLOAD + 1],
            timeout_ms: -1,
            ..new_job()
        };
        let mut violations = Violations::default();
        bad.check("jobs[2]", &mut violations);
        let fields: Vec<_> = violations.0.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "jobs[2].queue",
                "jobs[2].kind",
                "jobs[2].payload",
                "jobs[2].priority",
                "jobs[2].timeout_ms"
            ]
        );
        let mut none = Violations::default();
        new_job().check("jobs[0]", &mut none);
        assert_eq!(none, Violations::default());
    }

    #[test]
    fn priority_goes_first_but_waiting_long_enough_goes_before_it() {
        let urgent = rank(now(), 1);
        assert!(urgent < rank(now(), 0));
        assert!(urgent < rank(now() - TimeDelta::seconds(59), 0));
        assert!(urgent > rank(now() - TimeDelta::seconds(61), 0));
    }

    #[test]
    fn a_waiting_job_is_cancelled_at_once_and_a_running_one_is_asked() {
        for state in [
            State::Scheduled,
            State::Ready,
            State::Blocked,
            State::Retrying,
        ] {
            let mut job = job(state);
            job.cancel(now()).unwrap();
            assert_eq!((job.state, job.end_time), (State::Cancelled, Some(now())));
        }
        let mut running = job(State::Running);
        running.cancel(now()).unwrap();
        assert_eq!(
            (running.state, running.cancel_requested),
            (State::Running, true)
        );
        assert_eq!(job(State::Dead).cancel(now()), Err(Refused::Finished));
        assert_eq!(job(State::Cancelled).cancel(now()), Ok(()));
    }

    #[test]
    fn a_due_job_waits_for_its_key() {
        let mut due = job(State::Scheduled);
        due.promote(true, now());
        assert_eq!(due.state, State::Blocked);
        due.unblock(now());
        assert_eq!(due.state, State::Ready);
        let mut again = job(State::Retrying);
        again.promote(true, now());
        assert_eq!(
            again.state,
            State::Ready,
            "it is the one that holds the key"
        );
    }
}
