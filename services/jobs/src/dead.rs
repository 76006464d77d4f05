//! The dead letter: how jobs come to it, and how a person brings them back.

use chrono::{DateTime, Utc};

use crate::job::{Job, JobError, Progress, Refused, State, rank};

/// Reason of a job that took its worker with it too often.
pub const POISON: &str = "POISON";
/// Reason of a try that ran longer than the job's timeout without its worker saying so.
pub const TIMEOUT: &str = "JOB_TIMEOUT";

impl Job {
    /// No further try: the job stays, with what went wrong, until a person decides.
    pub(crate) fn bury(&mut self, error: JobError, now: DateTime<Utc>) {
        self.enter(State::Dead, now);
        self.error = Some(error);
    }

    /// A person tries a dead or cancelled job again, with fresh attempts.
    ///
    /// # Errors
    /// [`Refused::NotDead`].
    pub fn revive(&mut self, key_is_held: bool, now: DateTime<Utc>) -> Result<(), Refused> {
        if !matches!(self.state, State::Dead | State::Cancelled) {
            return Err(Refused::NotDead);
        }
        self.enter(
            if key_is_held {
                State::Blocked
            } else {
                State::Ready
            },
            now,
        );
        self.attempt = 0;
        self.lost = 0;
        self.error = None;
        self.progress = Progress::default();
        self.start_time = None;
        self.run_time = now;
        self.rank = rank(now, self.priority);
        Ok(())
    }
}

/// The error of a job lost `times`.
pub(crate) fn poison(times: i32) -> JobError {
    JobError {
        reason: POISON.to_owned(),
        message: format!("its worker disappeared {times} times while running it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::tests::{job, now};

    #[test]
    fn a_revived_job_starts_afresh() {
        let mut dead = job(State::Running);
        (dead.attempt, dead.lost) = (3, 2);
        dead.bury(poison(3), now());
        assert_eq!((dead.state, dead.end_time), (State::Dead, Some(now())));
        assert_eq!(dead.error.as_ref().map(|e| e.reason.as_str()), Some(POISON));
        dead.revive(false, now()).unwrap();
        assert_eq!(
            (dead.state, dead.attempt, dead.lost, dead.end_time),
            (State::Ready, 0, 0, None)
        );
        assert_eq!(dead.error, None);
    }

    #[test]
    fn only_the_dead_are_revived() {
        for state in State::ALL {
            let may = matches!(state, State::Dead | State::Cancelled);
            assert_eq!(job(state).revive(false, now()).is_ok(), may, "{state}");
        }
    }
}
