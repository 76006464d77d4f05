//! One transaction for all who ask at the same time: results and heartbeats in, new jobs in, jobs
//! out, in one commit.
//!
//! The order within it keeps the order of locks: workers' rows by name, then organizations by id,
//! then, without waiting, organizations with something to take.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbBackend, EntityTrait as _, QueryFilter as _,
};
use t11_core::OrgId;
use t11_store::Tx;
use uuid::Uuid;

use super::enqueue::{Enqueued, enqueue};
use super::entity::jobs;
use super::exchange::{Answer, Call, Settling};
use super::ledger::{Change, Effects, Ledger, orgs_of};
use super::rows::{by_ids, read, state_is, without_payload};
use super::shape::padded;
use super::take::{Leased, Patience, Taker};
use super::workers::{Entry, Lease, Session, SessionKind, enter, leave};
use super::{QUEUE, Rules, Store};
use crate::error::Error;
use crate::job::{Job, NewJob, State};

/// What one transaction is asked.
#[derive(Debug, Clone, Default)]
pub struct Round {
    /// Jobs to enqueue, a list for each call.
    pub enqueues: Vec<Vec<NewJob>>,
    /// Calls of workers, each of another worker.
    pub exchanges: Vec<(Call, Patience)>,
}

/// What it came to.
#[derive(Debug, Default)]
pub struct Done {
    /// For each call that enqueues, what became of its jobs.
    pub enqueued: Vec<Vec<Enqueued>>,
    /// For each call of a worker, its answer, or why it is refused: [`Error::WorkerSuperseded`] or
    /// [`Error::SequenceStale`]. A refused call has changed nothing.
    pub answers: Vec<Result<Answer, Error>>,
    /// What is to be told to others.
    pub effects: Effects,
}

impl Store {
    /// Does what is asked in one commit.
    ///
    /// Of a job whose id is known, or whose unique key is that of a job not finished, nothing is
    /// changed. A worker's call that comes again is answered like before: its results are not
    /// counted twice, and jobs are taken only if none were given for it yet.
    ///
    /// # Errors
    /// Those of the database: then nothing of all that was done.
    pub async fn transact(&self, round: Round) -> Result<Done, Error> {
        let rules = self.rules.clone();
        self.db
            .write(
                QUEUE,
                move |tx| async move { run(&tx, &rules, round).await },
            )
            .await
    }
}

async fn run(tx: &Tx, rules: &Rules, round: Round) -> Result<Done, Error> {
    let mut turns = admit(tx, rules, round.exchanges).await?;
    let (mut ledger, jobs) = open(tx, rules, &turns, &round.enqueues).await?;
    settle(&mut ledger, jobs, &mut turns).await?;
    let enqueued = enqueue_all(&mut ledger, round.enqueues).await?;
    for turn in turns.iter_mut().flatten() {
        turn.remember(&ledger).await?;
        turn.take(&mut ledger).await?;
    }
    let given = turns.iter().flatten().filter_map(Turn::to_remember);
    leave(tx, given.collect(), ledger.now).await?;
    let effects = ledger.close().await?;
    tell_cancelled(tx, &mut turns).await?;
    let answers = turns.into_iter().map(|turn| turn.map(|turn| turn.answer));
    Ok(Done {
        enqueued,
        answers: answers.collect(),
        effects,
    })
}

/// One worker's call on its way.
struct Turn {
    call: Call,
    patience: Patience,
    session: Session,
    /// Running jobs of an earlier start of the worker.
    orphans: Vec<Job>,
    answer: Answer,
}

/// Locks the workers' rows and places their calls.
async fn admit(
    tx: &Tx,
    rules: &Rules,
    exchanges: Vec<(Call, Patience)>,
) -> Result<Vec<Result<Turn, Error>>, Error> {
    let sessions = enter(tx, exchanges.iter().map(|(call, _)| call), rules.now()).await?;
    let mut turns = Vec::with_capacity(exchanges.len());
    for ((call, patience), session) in exchanges.into_iter().zip(sessions) {
        let session = match session {
            Ok(session) => session,
            Err(refused) => {
                turns.push(Err(refused));
                continue;
            }
        };
        let orphans = match session.kind {
            SessionKind::NewBoot => left_behind(tx, &call).await?,
            _ => Vec::new(),
        };
        turns.push(Ok(Turn {
            call,
            patience,
            session,
            orphans,
            answer: Answer::default(),
        }));
    }
    Ok(turns)
}

/// Running jobs of an earlier start of the worker.
async fn left_behind(tx: &Tx, call: &Call) -> Result<Vec<Job>, Error> {
    let select = jobs::Entity::find()
        .filter(state_is(&[State::Running]))
        .filter(jobs::Column::Worker.eq(&call.worker))
        .filter(jobs::Column::Boot.ne(call.boot));
    read(without_payload(select).all(tx).await?)
}

/// The jobs that the calls speak of, read under the locks of their organizations, and the locks of
/// those for which jobs are enqueued. On SQLite, where nobody else writes meanwhile, one look tells
/// both.
async fn open<'a>(
    tx: &'a Tx,
    rules: &'a Rules,
    turns: &[Result<Turn, Error>],
    enqueues: &[Vec<NewJob>],
) -> Result<(Ledger<'a>, Vec<Job>), Error> {
    let ids: BTreeSet<_> = turns.iter().flatten().flat_map(Turn::speaks_of).collect();
    let mut orgs: BTreeSet<_> = enqueues
        .iter()
        .flatten()
        .map(|job| OrgId(job.org))
        .collect();
    if ids.is_empty() {
        return Ok((Ledger::open(tx, rules, orgs).await?, Vec::new()));
    }
    if tx.get_database_backend() == DbBackend::Sqlite {
        let jobs = by_ids(tx, ids).await?;
        orgs.extend(jobs.iter().map(|job| job.org));
        return Ok((Ledger::open(tx, rules, orgs).await?, jobs));
    }
    orgs.extend(orgs_of(tx, ids.iter().copied()).await?);
    let ledger = Ledger::open(tx, rules, orgs).await?;
    Ok((ledger, by_ids(tx, ids).await?))
}

/// Enters results and heartbeats, and gives back what earlier starts of workers have left.
async fn settle(
    ledger: &mut Ledger<'_>,
    jobs: Vec<Job>,
    turns: &mut [Result<Turn, Error>],
) -> Result<(), Error> {
    let jobs = jobs.into_iter().map(|job| (job.id, Change::of(job)));
    let mut settling = Settling {
        now: ledger.now,
        rules: ledger.rules,
        jobs: jobs.collect(),
    };
    for turn in turns.iter_mut().flatten().filter(|turn| turn.is_news()) {
        settling.enter(&turn.call, &turn.orphans, &mut turn.answer);
    }
    let mut changes: Vec<_> = settling.jobs.into_values().collect();
    changes.sort_by_key(|change| change.after.position);
    ledger.save(changes).await
}

async fn enqueue_all(
    ledger: &mut Ledger<'_>,
    enqueues: Vec<Vec<NewJob>>,
) -> Result<Vec<Vec<Enqueued>>, Error> {
    let lengths: Vec<_> = enqueues.iter().map(Vec::len).collect();
    let jobs = enqueues.into_iter().flatten().collect();
    let mut enqueued = enqueue(ledger, jobs).await?.into_iter();
    let of_call = |length| enqueued.by_ref().take(length).collect();
    Ok(lengths.into_iter().map(of_call).collect())
}

impl Turn {
    /// Whether the call is not a repeat of one that was done.
    fn is_news(&self) -> bool {
        !matches!(self.session.kind, SessionKind::Repeat { .. })
    }

    /// The jobs that its results and heartbeats are of.
    fn speaks_of(&self) -> BTreeSet<Uuid> {
        if !self.is_news() {
            return BTreeSet::new();
        }
        let settled = self.call.settlements.iter().map(|one| one.lease.job);
        let extended = self.call.extensions.iter().map(|one| one.lease.job);
        let orphans = self.orphans.iter().map(|job| job.id);
        settled.chain(extended).chain(orphans).collect()
    }

    /// Answers what was answered before.
    async fn remember(&mut self, ledger: &Ledger<'_>) -> Result<(), Error> {
        match &self.session.kind {
            SessionKind::Repeat { leases, lost } => {
                self.answer.leases = ledger.given_before(leases).await?;
                self.answer.lost.clone_from(lost);
            }
            SessionKind::Next { leases } if self.call.leaving => {
                self.answer.leases = ledger.given_before(leases).await?;
            }
            SessionKind::Next { .. } | SessionKind::NewBoot => {}
        }
        Ok(())
    }

    /// Takes what the worker wants, unless its call was given something before.
    async fn take(&mut self, ledger: &mut Ledger<'_>) -> Result<(), Error> {
        if matches!(&self.session.kind, SessionKind::Repeat { leases, .. } if !leases.is_empty()) {
            return Ok(());
        }
        let taker = Taker {
            worker: &self.call.worker,
            boot: self.call.boot,
        };
        for want in self.call.wants.iter().filter(|want| want.slots > 0) {
            let taken = ledger.take(want, &taker, self.patience).await?;
            self.answer.leases.extend(taken.leased);
            self.answer.is_contended |= taken.is_contended;
            if taken.is_dry {
                self.answer.dry.push(want.queue.clone());
            }
        }
        Ok(())
    }

    /// What is to be remembered of the call; of a repeat, only what it was given at last.
    fn to_remember(&self) -> Option<Entry<'_>> {
        let is_to_remember = match &self.session.kind {
            SessionKind::NewBoot | SessionKind::Next { .. } => true,
            SessionKind::Repeat { leases, .. } => {
                leases.is_empty() && !self.answer.leases.is_empty()
            }
        };
        is_to_remember.then(|| Entry {
            session: &self.session,
            call: &self.call,
            leases: self.answer.leases.iter().map(Leased::lease).collect(),
            lost: &self.answer.lost,
        })
    }
}

/// Tells the workers which of all that they hold they must stop, as far as that was known when they
/// were admitted; of what came since they hear by their bell. Their extensions have been
/// answered before: a worker may hold leases under one name and report on them under another.
async fn tell_cancelled(tx: &Tx, turns: &mut [Result<Turn, Error>]) -> Result<(), Error> {
    let mut by_worker: HashMap<(String, Uuid), &mut Answer> = HashMap::new();
    let asked = |turn: &&mut Turn| turn.session.has_cancelled;
    for turn in turns.iter_mut().flatten().filter(asked) {
        let worker = (turn.call.worker.clone(), turn.call.boot);
        by_worker.insert(worker, &mut turn.answer);
    }
    if by_worker.is_empty() {
        return Ok(());
    }
    let workers = by_worker.keys().map(|(worker, _)| worker.clone());
    let asked = jobs::Entity::find()
        .filter(state_is(&[State::Running]))
        .filter(jobs::Column::Worker.is_in(padded(workers)))
        .filter(jobs::Column::CancelRequested.eq(true));
    for job in read(without_payload(asked).all(tx).await?)? {
        let Some(holder) = job.holder else { continue };
        let lease = Lease {
            job: job.id,
            fence: job.fence,
        };
        if let Some(answer) = by_worker.get_mut(&(holder.worker, holder.boot))
            && !answer.cancelled.contains(&lease)
        {
            answer.cancelled.push(lease);
        }
    }
    Ok(())
}
