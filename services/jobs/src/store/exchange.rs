//! One exchange with a worker: its results and heartbeats in, jobs out, in one commit.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbBackend, EntityTrait as _, QueryFilter as _,
};
use t11_store::Tx;
use uuid::Uuid;

use super::entity::jobs;
use super::ledger::{Change, Effects, Ledger, orgs_of};
use super::rows::{by_ids, read, state_is, without_payload};
use super::take::{Leased, Patience, Taker};
use super::workers::{Lease, Session, SessionKind};
use super::{QUEUE, Rules, Store};
use crate::error::Error;
use crate::job::{Job, Progress, State};
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

/// What the worker is answered, and what is to be told to others.
#[derive(Debug, Default)]
pub struct Answer {
    pub leases: Vec<Leased>,
    /// Leases of the call that no longer hold.
    pub lost: Vec<Lease>,
    /// The worker's jobs that a person wants stopped.
    pub cancelled: Vec<Lease>,
    /// There are jobs, of organizations that were locked.
    pub is_contended: bool,
    pub reports: Vec<Report>,
    pub effects: Effects,
}

/// News of progress.
#[derive(Debug, Clone)]
pub struct Report {
    /// With the new progress.
    pub job: Job,
    /// Whether the database has it too.
    pub is_written: bool,
}

impl Store {
    /// Exchanges with a worker. The same call again is answered like before: its results are not
    /// counted twice, and jobs are taken only if none were given for it yet.
    ///
    /// # Errors
    /// [`Error::WorkerSuperseded`], [`Error::SequenceStale`], or those of the database.
    pub async fn exchange(&self, call: Call, patience: Patience) -> Result<Answer, Error> {
        let rules = self.rules.clone();
        self.db
            .write(QUEUE, move |tx| async move {
                exchange(&tx, &rules, call, patience).await
            })
            .await
    }
}

async fn exchange(tx: &Tx, rules: &Rules, call: Call, patience: Patience) -> Result<Answer, Error> {
    let session = Session::enter(tx, &call.worker, call.boot, call.sequence, rules.now()).await?;
    let mut answer = Answer::default();
    let mut ledger = match &session.kind {
        SessionKind::Repeat { leases, lost } => {
            let ledger = Ledger::open(tx, rules, []).await?;
            answer.leases = ledger.given_before(leases).await?;
            answer.lost.clone_from(lost);
            if !leases.is_empty() {
                tell_cancelled(tx, &call, &mut answer).await?;
                return Ok(answer);
            }
            ledger
        }
        SessionKind::NewBoot => {
            let orphans = left_behind(tx, &call).await?;
            settle(tx, rules, &call, orphans, &mut answer).await?
        }
        SessionKind::Next { leases } => {
            let ledger = settle(tx, rules, &call, Vec::new(), &mut answer).await?;
            if call.leaving {
                answer.leases = ledger.given_before(leases).await?;
            }
            ledger
        }
    };
    take(&mut ledger, &call, patience, &mut answer).await?;
    let is_repeat = matches!(session.kind, SessionKind::Repeat { .. });
    if !is_repeat || !answer.leases.is_empty() {
        let leases: Vec<_> = answer.leases.iter().map(Leased::lease).collect();
        session
            .leave(
                tx,
                call.boot,
                call.sequence,
                &leases,
                &answer.lost,
                ledger.now,
            )
            .await?;
    }
    answer.effects = ledger.close().await?;
    tell_cancelled(tx, &call, &mut answer).await?;
    Ok(answer)
}

/// Running jobs of an earlier start of the worker.
async fn left_behind(tx: &Tx, call: &Call) -> Result<Vec<Job>, Error> {
    let select = jobs::Entity::find()
        .filter(state_is(&[State::Running]))
        .filter(jobs::Column::Worker.eq(&call.worker))
        .filter(jobs::Column::Boot.ne(call.boot));
    read(without_payload(select).all(tx).await?)
}

/// Enters results and heartbeats, and gives back what an earlier start of the worker has left.
async fn settle<'a>(
    tx: &'a Tx,
    rules: &'a Rules,
    call: &Call,
    orphans: Vec<Job>,
    answer: &mut Answer,
) -> Result<Ledger<'a>, Error> {
    let told = call
        .settlements
        .iter()
        .map(|settlement| settlement.lease.job);
    let told = told.chain(call.extensions.iter().map(|extension| extension.lease.job));
    let ids: BTreeSet<_> = told.chain(orphans.iter().map(|job| job.id)).collect();
    if ids.is_empty() {
        return Ledger::open(tx, rules, []).await;
    }
    let (mut ledger, jobs) = lock(tx, rules, ids).await?;
    let mut batch = Batch {
        rules,
        jobs: HashMap::new(),
        answer,
    };
    batch
        .jobs
        .extend(jobs.into_iter().map(|job| (job.id, Change::of(job))));
    for settlement in &call.settlements {
        batch.settle(settlement, &ledger);
    }
    for extension in &call.extensions {
        batch.extend(extension, &ledger);
    }
    for orphan in &orphans {
        batch.lose(orphan, &ledger);
    }
    let mut changes: Vec<_> = batch.jobs.into_values().collect();
    changes.sort_by_key(|change| change.after.position);
    ledger.save(changes).await?;
    ledger.flush().await?;
    Ok(ledger)
}

/// The jobs, read under the locks of their organizations. On SQLite, where nobody else writes
/// meanwhile, one look tells both.
async fn lock<'a>(
    tx: &'a Tx,
    rules: &'a Rules,
    ids: BTreeSet<Uuid>,
) -> Result<(Ledger<'a>, Vec<Job>), Error> {
    if tx.get_database_backend() == DbBackend::Sqlite {
        let jobs = by_ids(tx, ids).await?;
        let ledger = Ledger::open(tx, rules, jobs.iter().map(|job| job.org)).await?;
        return Ok((ledger, jobs));
    }
    let orgs = orgs_of(tx, ids.iter().copied()).await?;
    let ledger = Ledger::open(tx, rules, orgs).await?;
    Ok((ledger, by_ids(tx, ids).await?))
}

/// The jobs a call speaks of, on their way.
struct Batch<'a> {
    rules: &'a Rules,
    jobs: HashMap<Uuid, Change>,
    answer: &'a mut Answer,
}

impl Batch<'_> {
    fn settle(&mut self, settlement: &Settlement, ledger: &Ledger<'_>) {
        let random = self.rules.random();
        match held(&mut self.jobs, settlement.lease) {
            Some(job) => {
                job.settle(
                    settlement.outcome.clone(),
                    ledger.now,
                    &self.rules.policy,
                    random,
                );
            }
            None => self.answer.lost.push(settlement.lease),
        }
    }

    fn extend(&mut self, extension: &Extension, ledger: &Ledger<'_>) {
        let mut held = held(&mut self.jobs, extension.lease);
        if !held
            .as_mut()
            .is_some_and(|job| job.extend(ledger.now, &self.rules.policy))
        {
            self.answer.lost.push(extension.lease);
            return;
        }
        let Some(job) = held else { return };
        if job.cancel_requested {
            self.answer.cancelled.push(extension.lease);
        }
        let Some(progress) = &extension.progress else {
            return;
        };
        let is_written = ledger.now - job.update_time >= self.rules.config.progress_every();
        let mut told = job.clone();
        told.progress.clone_from(progress);
        if is_written {
            job.progress.clone_from(progress);
            job.update_time = ledger.now;
        }
        self.answer.reports.push(Report {
            job: told,
            is_written,
        });
    }

    fn lose(&mut self, orphan: &Job, ledger: &Ledger<'_>) {
        let random = self.rules.random();
        let lease = Lease {
            job: orphan.id,
            fence: orphan.fence,
        };
        if let Some(job) = held(&mut self.jobs, lease) {
            job.lose(ledger.now, &self.rules.policy, random);
        }
    }
}

/// The job, if the lease holds it.
fn held(jobs: &mut HashMap<Uuid, Change>, lease: Lease) -> Option<&mut Job> {
    let job = jobs.get_mut(&lease.job).map(|change| &mut change.after);
    job.filter(|job| job.is_held_by(lease.fence))
}

async fn take(
    ledger: &mut Ledger<'_>,
    call: &Call,
    patience: Patience,
    answer: &mut Answer,
) -> Result<(), Error> {
    let taker = Taker {
        worker: &call.worker,
        boot: call.boot,
    };
    let mut patience = patience;
    for want in call.wants.iter().filter(|want| want.slots > 0) {
        let taken = ledger.take(want, &taker, patience).await?;
        answer.leases.extend(taken.leased);
        answer.is_contended |= taken.is_contended;
        patience = Patience::Skip;
    }
    Ok(())
}

/// Tells the worker which of all that it holds it must stop. Its extensions have been answered
/// before: it may hold leases under one name and report on them under another.
async fn tell_cancelled(tx: &Tx, call: &Call, answer: &mut Answer) -> Result<(), Error> {
    let asked = jobs::Entity::find()
        .filter(state_is(&[State::Running]))
        .filter(jobs::Column::Worker.eq(&call.worker))
        .filter(jobs::Column::Boot.eq(call.boot))
        .filter(jobs::Column::CancelRequested.eq(true));
    for job in read(without_payload(asked).all(tx).await?)? {
        let lease = Lease {
            job: job.id,
            fence: job.fence,
        };
        if !answer.cancelled.contains(&lease) {
            answer.cancelled.push(lease);
        }
    }
    Ok(())
}
