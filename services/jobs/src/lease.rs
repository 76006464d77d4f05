//! Leases: how a worker holds a job, and how the hold ends.

use chrono::{DateTime, TimeDelta, Utc};

use crate::dead;
use crate::job::{Job, JobError, State, rank};
use crate::retry::back_off;

/// A lease this near to its full length is not prolonged.
const LEASE_SLACK: TimeDelta = TimeDelta::seconds(2);

/// The rules of leases and retries, from the configuration.
#[derive(Debug, Clone)]
pub struct Policy {
    /// How long a lease lasts unless extended.
    pub lease: TimeDelta,
    /// Leases lost until the job is taken for poison.
    pub max_lost: i32,
    pub retry_base: TimeDelta,
    pub retry_max: TimeDelta,
    /// For jobs that name none.
    pub max_attempts: i32,
    /// For jobs that name none.
    pub timeout: TimeDelta,
}

/// How a try ended, as its worker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Succeeded,
    Failed {
        error: JobError,
        /// No further try can help.
        permanent: bool,
        /// Earliest next try.
        retry_after: TimeDelta,
    },
    /// Handed back untouched.
    Released,
    /// Ended because it was cancelled.
    Stopped,
}

impl Job {
    /// Whether `fence` is the lease that holds the job now. Everything a worker says is checked
    /// against it, so that one which slept through the end of its lease changes nothing.
    pub fn is_held_by(&self, fence: i64) -> bool {
        self.state == State::Running && self.fence == fence
    }

    /// Ends the lease as its worker says. `random` is for the jitter of a retry.
    pub fn settle(&mut self, outcome: Outcome, now: DateTime<Utc>, policy: &Policy, random: u64) {
        match outcome {
            Outcome::Succeeded => self.enter(State::Succeeded, now),
            Outcome::Failed {
                error,
                permanent,
                retry_after,
            } => {
                self.attempt += 1;
                if self.cancel_requested {
                    self.error = Some(error);
                    self.enter(State::Cancelled, now);
                } else if permanent || self.attempt >= self.max_attempts {
                    self.bury(error, now);
                } else {
                    let jittered =
                        back_off(self.attempt, policy.retry_base, policy.retry_max, random);
                    self.try_again(error, now + jittered.max(retry_after), now);
                }
            }
            Outcome::Released | Outcome::Stopped if self.cancel_requested => {
                self.enter(State::Cancelled, now);
            }
            // A worker that stops by itself has not been asked to: hand the job to another.
            Outcome::Released | Outcome::Stopped => self.enter(State::Ready, now),
        }
    }

    /// Prolongs the lease; `false` when the try has run past its timeout, and the lease is left to
    /// end.
    pub fn extend(&mut self, now: DateTime<Utc>, policy: &Policy) -> bool {
        // The worker ends the try itself; one more lease is for telling us.
        if self.overran(now - policy.lease) {
            return false;
        }
        if let Some(holder) = &mut self.holder
            // Reports of progress come more often than the lease is worth writing.
            && holder.expire_time < now + policy.lease - LEASE_SLACK
        {
            holder.expire_time = now + policy.lease;
        }
        true
    }

    /// Ends a lease whose worker has disappeared. That is no failure of the job, and so counted
    /// apart: only a job that it happens to again and again is taken for the cause.
    pub fn lose(&mut self, now: DateTime<Utc>, policy: &Policy, random: u64) {
        if self.overran(now) {
            let error = JobError {
                reason: dead::TIMEOUT.to_owned(),
                message: format!("not done within {} ms", self.timeout.num_milliseconds()),
            };
            let retry_after = TimeDelta::zero();
            let failed = Outcome::Failed {
                error,
                permanent: false,
                retry_after,
            };
            return self.settle(failed, now, policy, random);
        }
        self.lost += 1;
        if self.cancel_requested {
            self.enter(State::Cancelled, now);
        } else if self.lost >= policy.max_lost {
            self.bury(dead::poison(self.lost), now);
        } else {
            self.enter(State::Ready, now);
        }
    }

    fn overran(&self, now: DateTime<Utc>) -> bool {
        self.start_time
            .is_some_and(|start_time| now - start_time > self.timeout)
    }

    fn try_again(&mut self, error: JobError, run_time: DateTime<Utc>, now: DateTime<Utc>) {
        self.enter(State::Retrying, now);
        self.error = Some(error);
        self.run_time = run_time;
        self.rank = rank(run_time, self.priority);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::job::tests::{job, now};

    pub(crate) fn policy() -> Policy {
        Policy {
            lease: TimeDelta::seconds(15),
            max_lost: 3,
            retry_base: TimeDelta::seconds(2),
            retry_max: TimeDelta::minutes(10),
            max_attempts: 8,
            timeout: TimeDelta::minutes(5),
        }
    }

    fn failed(permanent: bool, retry_after: TimeDelta) -> Outcome {
        let error = JobError {
            reason: "BROKEN".to_owned(),
            message: "broken".to_owned(),
        };
        Outcome::Failed {
            error,
            permanent,
            retry_after,
        }
    }

    #[test]
    fn a_failure_is_retried_until_attempts_are_out() {
        let mut job = job(State::Running);
        for attempt in 1..=2 {
            job.state = State::Running;
            job.settle(failed(false, TimeDelta::zero()), now(), &policy(), u64::MAX);
            assert_eq!((job.state, job.attempt), (State::Retrying, attempt));
            assert_eq!(job.run_time - now(), TimeDelta::seconds(2 << (attempt - 1)));
        }
        job.state = State::Running;
        job.settle(failed(false, TimeDelta::zero()), now(), &policy(), 0);
        assert_eq!((job.state, job.attempt), (State::Dead, 3));
    }

    #[test]
    fn a_permanent_failure_is_dead_at_once_and_a_named_delay_is_kept() {
        let mut permanent = job(State::Running);
        permanent.settle(failed(true, TimeDelta::zero()), now(), &policy(), 0);
        assert_eq!(permanent.state, State::Dead);
        let mut later = job(State::Running);
        later.settle(failed(false, TimeDelta::minutes(3)), now(), &policy(), 0);
        assert_eq!(later.run_time - now(), TimeDelta::minutes(3));
    }

    #[test]
    fn a_released_job_is_ready_and_counts_nothing() {
        let mut job = job(State::Running);
        job.settle(Outcome::Released, now(), &policy(), 0);
        assert_eq!((job.state, job.attempt, job.lost), (State::Ready, 0, 0));
    }

    #[test]
    fn the_third_loss_is_poison() {
        let mut job = job(State::Running);
        for _ in 0..2 {
            job.lose(now(), &policy(), 0);
            assert_eq!((job.state, job.attempt), (State::Ready, 0));
            job.state = State::Running;
        }
        job.lose(now(), &policy(), 0);
        assert_eq!(job.state, State::Dead);
        assert_eq!(
            job.error.map(|error| error.reason),
            Some(dead::POISON.to_owned())
        );
    }

    #[test]
    fn an_overrun_is_a_failure_and_not_a_loss() {
        let mut job = job(State::Running);
        let late = now() + TimeDelta::minutes(6);
        assert!(!job.extend(late, &policy()));
        job.lose(late, &policy(), 0);
        assert_eq!((job.state, job.attempt, job.lost), (State::Retrying, 1, 0));
    }

    #[test]
    fn a_job_asked_to_stop_ends_cancelled_whatever_its_worker_does() {
        let ends: [fn(&mut Job); 4] = [
            |job| job.settle(failed(false, TimeDelta::zero()), now(), &policy(), 0),
            |job| job.settle(Outcome::Released, now(), &policy(), 0),
            |job| job.settle(Outcome::Stopped, now(), &policy(), 0),
            |job| job.lose(now(), &policy(), 0),
        ];
        for end in ends {
            let mut job = job(State::Running);
            job.cancel(now()).unwrap();
            end(&mut job);
            assert_eq!(job.state, State::Cancelled);
        }
        let mut done = job(State::Running);
        done.cancel(now()).unwrap();
        done.settle(Outcome::Succeeded, now(), &policy(), 0);
        assert_eq!(done.state, State::Succeeded, "it was done before it heard");
    }

    #[test]
    fn only_the_newest_fence_holds() {
        let job = job(State::Running);
        assert!(job.is_held_by(1) && !job.is_held_by(0) && !job.is_held_by(2));
    }
}
