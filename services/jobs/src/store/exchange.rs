//! What a worker says and is answered: results and heartbeats in, jobs out.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Rules;
use super::ledger::Change;
use super::take::Leased;
use super::workers::Lease;
use crate::job::{Job, Progress};
use crate::lease::Outcome;

/// What a worker sends.
#[derive(Debug, Clone)]
pub struct Call {
    /// Name of the worker process.
    pub worker: String,
    /// This start of it.
    pub boot: Uuid,
    /// Grows with each call that is not a repeat.
    pub sequence: i64,
    pub settlements: Vec<Settlement>,
    pub extensions: Vec<Extension>,
    pub wants: Vec<Want>,
    /// The worker may have given up its last call: it wants to hear what that one was given.
    pub leaving: bool,
}

impl Call {
    /// Whether there is nothing to enter for it. The first call of a start is news by itself: what
    /// the start before it held is free by it.
    pub(crate) fn only_asks(&self) -> bool {
        self.sequence > 1
            && !self.leaving
            && self.settlements.is_empty()
            && self.extensions.is_empty()
    }
}

/// A try that has ended.
#[derive(Debug, Clone)]
pub struct Settlement {
    pub lease: Lease,
    pub outcome: Outcome,
}

/// A try that goes on.
#[derive(Debug, Clone)]
pub struct Extension {
    pub lease: Lease,
    /// Set when there is news.
    pub progress: Option<Progress>,
}

/// Free slots for a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    pub queue: String,
    pub slots: usize,
}

/// What the worker is answered.
#[derive(Debug, Default)]
pub struct Answer {
    pub leases: Vec<Leased>,
    /// Leases of the call that no longer hold.
    pub lost: Vec<Lease>,
    /// The worker's jobs that a person wants stopped.
    pub cancelled: Vec<Lease>,
    /// There are jobs, of organizations that were locked.
    pub is_contended: bool,
    /// Queues that had fewer jobs than there were slots, for anyone.
    pub dry: Vec<String>,
    pub reports: Vec<Report>,
}

impl Answer {
    /// Whether there is something to tell, to a worker that has been told of `cancelled`.
    pub(crate) fn is_news(&self, cancelled: &[Lease]) -> bool {
        let is_new = |lease| !cancelled.contains(lease);
        !self.leases.is_empty() || !self.lost.is_empty() || self.cancelled.iter().any(is_new)
    }
}

/// News of progress.
#[derive(Debug, Clone)]
pub struct Report {
    /// With the new progress.
    pub job: Job,
    /// Whether the database has it too.
    pub is_written: bool,
}

/// The jobs that calls speak of, on their way.
pub(super) struct Settling<'a> {
    pub(super) now: DateTime<Utc>,
    pub(super) rules: &'a Rules,
    pub(super) jobs: HashMap<Uuid, Change>,
}

impl Settling<'_> {
    /// Enters a call's results and heartbeats, and gives back the `orphans`.
    pub(super) fn enter(&mut self, call: &Call, orphans: &[Job], answer: &mut Answer) {
        for settlement in &call.settlements {
            self.settle(settlement, answer);
        }
        for extension in &call.extensions {
            self.extend(extension, answer);
        }
        for orphan in orphans {
            self.lose(orphan);
        }
    }

    fn settle(&mut self, settlement: &Settlement, answer: &mut Answer) {
        let random = self.rules.random();
        match held(&mut self.jobs, settlement.lease) {
            Some(job) => {
                job.settle(
                    settlement.outcome.clone(),
                    self.now,
                    &self.rules.policy,
                    random,
                );
            }
            None => answer.lost.push(settlement.lease),
        }
    }

    fn extend(&mut self, extension: &Extension, answer: &mut Answer) {
        let mut held = held(&mut self.jobs, extension.lease);
        if !held
            .as_mut()
            .is_some_and(|job| job.extend(self.now, &self.rules.policy))
        {
            answer.lost.push(extension.lease);
            return;
        }
        let Some(job) = held else { return };
        if job.cancel_requested {
            answer.cancelled.push(extension.lease);
        }
        let Some(progress) = &extension.progress else {
            return;
        };
        let is_written = self.now - job.update_time >= self.rules.config.progress_every();
        let mut told = job.clone();
        told.progress.clone_from(progress);
        if is_written {
            job.progress.clone_from(progress);
            job.update_time = self.now;
        }
        answer.reports.push(Report {
            job: told,
            is_written,
        });
    }

    fn lose(&mut self, orphan: &Job) {
        let random = self.rules.random();
        let lease = Lease {
            job: orphan.id,
            fence: orphan.fence,
        };
        if let Some(job) = held(&mut self.jobs, lease) {
            job.lose(self.now, &self.rules.policy, random);
        }
    }
}

/// The job, if the lease holds it.
fn held(jobs: &mut HashMap<Uuid, Change>, lease: Lease) -> Option<&mut Job> {
    let job = jobs.get_mut(&lease.job).map(|change| &mut change.after);
    job.filter(|job| job.is_held_by(lease.fence))
}
