//! What time does to jobs: leases that run out, times that come, history that ends. Every replica
//! does all of it; each step looks again under the lock, so that it happens once.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select, Statement,
};
use t11_core::OrgId;
use t11_store::Tx;
use uuid::Uuid;

use super::entity::{job_orgs, jobs, workers};
use super::ledger::{Change, Effects, Ledger};
use super::rows::{by_ids, read, state_is, without_payload};
use super::{QUEUE, Rules, Store};
use crate::error::Error;
use crate::fair::Line;
use crate::job::{Job, Progress, State};

/// Jobs changed in one transaction.
const AT_ONCE: u64 = 500;

/// A worker asks every few seconds for as long as it lives, and most have a new name with each
/// start: one silent for this long will not be heard of again.
const WORKER_KEPT: TimeDelta = TimeDelta::days(1);

/// What came of looking for due jobs.
#[derive(Debug, Default)]
pub struct Due {
    /// When the next job is due: in the past if there were too many for one transaction.
    pub next: Option<DateTime<Utc>>,
    pub effects: Effects,
}

impl Store {
    /// Gives back jobs whose lease has run out; how many there were, of `AT_ONCE` at most.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn reap(&self) -> Result<(usize, Effects), Error> {
        let rules = self.rules.clone();
        self.db
            .write(QUEUE, move |tx| async move {
                let now = rules.now();
                let expired = jobs::Entity::find()
                    .filter(state_is(&[State::Running]))
                    .filter(jobs::Column::LeaseExpireTime.lte(now))
                    .order_by_asc(jobs::Column::LeaseExpireTime)
                    .limit(AT_ONCE);
                let (mut ledger, mut changes) = lock(&tx, &rules, expired).await?;
                changes.retain(|change| is_expired(&change.after, now));
                for change in &mut changes {
                    change.after.lose(now, &rules.policy, rules.random());
                }
                let reaped = changes.len();
                ledger.save(changes).await?;
                Ok((reaped, ledger.close().await?))
            })
            .await
    }

    /// Makes ready the jobs whose time has come.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn promote(&self) -> Result<Due, Error> {
        let rules = self.rules.clone();
        self.db
            .write(QUEUE, move |tx| async move {
                let now = rules.now();
                let due = waiting()
                    .filter(jobs::Column::RunTime.lte(now))
                    .limit(AT_ONCE);
                let (mut ledger, mut changes) = lock(&tx, &rules, due).await?;
                changes.retain(|change| is_due(&change.after, now));
                promote(&mut ledger, changes).await?;
                let effects = ledger.close().await?;
                let next = without_payload(waiting().limit(1)).one(&tx).await?;
                let next = next.map(Job::try_from).transpose()?.map(|job| job.run_time);
                Ok(Due { next, effects })
            })
            .await
    }

    /// Writes progress that was held back, where the lease still holds.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn write_progress(
        &self,
        reports: Vec<(Uuid, i64, Progress)>,
    ) -> Result<Effects, Error> {
        let rules = self.rules.clone();
        self.db
            .write(QUEUE, move |tx| async move {
                let ids = reports.iter().map(|(id, ..)| *id);
                let running = jobs::Entity::find().filter(jobs::Column::Id.is_in(ids));
                let (mut ledger, mut changes) = lock(&tx, &rules, running).await?;
                for Change { after: job, .. } in &mut changes {
                    let report = reports.iter().find(|(id, ..)| *id == job.id);
                    if let Some((_, fence, progress)) = report
                        && job.is_held_by(*fence)
                    {
                        job.progress.clone_from(progress);
                        job.update_time = ledger.now;
                    }
                }
                ledger.save(changes).await?;
                ledger.close().await
            })
            .await
    }

    /// Deletes jobs that ended longer ago than they are kept, and workers not heard of for
    /// `WORKER_KEPT`; how many jobs, of `AT_ONCE` at most.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn forget(&self) -> Result<usize, Error> {
        let rules = self.rules.clone();
        self.db
            .write(QUEUE, move |tx| async move {
                let before = rules.now() - rules.config.history();
                workers::Entity::delete_many()
                    .filter(workers::Column::SeenTime.lt(rules.now() - WORKER_KEPT))
                    .exec(&tx)
                    .await?;
                let old = jobs::Entity::find()
                    .filter(jobs::Column::EndTime.lt(before))
                    .order_by_asc(jobs::Column::EndTime)
                    .limit(AT_ONCE);
                let (mut ledger, mut old) = lock(&tx, &rules, old).await?;
                // One that was revived meanwhile stays.
                old.retain(|Change { after: job, .. }| {
                    job.end_time.is_some_and(|end| end < before)
                });
                for Change { after: job, .. } in &old {
                    ledger.moved(job.org, &job.queue, Some(job.state), None);
                }
                let positions = old.iter().map(|change| change.after.position);
                jobs::Entity::delete_many()
                    .filter(jobs::Column::Position.is_in(positions))
                    .exec(&tx)
                    .await?;
                ledger.close().await?;
                Ok(old.len())
            })
            .await
    }

    /// Counts every organization's jobs anew. Done at start: it mends counts, and makes shares
    /// that were configured anew count at once.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn recount(&self) -> Result<(), Error> {
        let orgs: Vec<Uuid> = self
            .db
            .read(QUEUE, |tx| async move {
                let orgs = job_orgs::Entity::find()
                    .select_only()
                    .column(job_orgs::Column::OrgId);
                Ok::<_, Error>(orgs.into_tuple().all(&tx).await?)
            })
            .await?;
        for org in orgs {
            let rules = self.rules.clone();
            self.db
                .write(QUEUE, move |tx| async move {
                    recount(&tx, &rules, OrgId(org)).await
                })
                .await?;
        }
        Ok(())
    }
}

fn waiting() -> Select<jobs::Entity> {
    jobs::Entity::find()
        .filter(state_is(&[State::Scheduled, State::Retrying]))
        .order_by_asc(jobs::Column::RunTime)
}

fn is_expired(job: &Job, now: DateTime<Utc>) -> bool {
    job.holder
        .as_ref()
        .is_some_and(|holder| holder.expire_time <= now)
}

fn is_due(job: &Job, now: DateTime<Utc>) -> bool {
    matches!(job.state, State::Scheduled | State::Retrying) && job.run_time <= now
}

/// Locks the organizations of jobs that were found, and reads the jobs again: as they are now.
async fn lock<'a>(
    tx: &'a Tx,
    rules: &'a Rules,
    found: Select<jobs::Entity>,
) -> Result<(Ledger<'a>, Vec<Change>), Error> {
    let found = read(without_payload(found).all(tx).await?)?;
    let ledger = Ledger::open(tx, rules, found.iter().map(|job| job.org)).await?;
    let mut jobs = by_ids(tx, found.iter().map(|job| job.id)).await?;
    jobs.sort_by_key(|job| job.position);
    Ok((ledger, jobs.into_iter().map(Change::of).collect()))
}

/// Makes due jobs ready. Those with an ordering key are saved one by one: of two of one key the
/// second must see that the first holds it.
async fn promote(ledger: &mut Ledger<'_>, changes: Vec<Change>) -> Result<(), Error> {
    let mut together = Vec::new();
    for mut change in changes {
        let is_held = match (&change.after.ordering_key, change.after.state) {
            (Some(key), State::Scheduled) => ledger.is_key_held(change.after.org, key).await?,
            _ => false,
        };
        change.after.promote(is_held, ledger.now);
        if change.after.ordering_key.is_some() {
            ledger.save(vec![change]).await?;
        } else {
            together.push(change);
        }
    }
    ledger.save(together).await
}

async fn recount(tx: &Tx, rules: &Rules, org: OrgId) -> Result<(), Error> {
    let mut ledger = Ledger::open(tx, rules, [org]).await?;
    let sql = "SELECT queue, state, COUNT(*) AS jobs FROM jobs \
        WHERE org_id = $1 AND end_time IS NULL GROUP BY queue, state \
        UNION ALL SELECT queue, state, COUNT(*) AS jobs FROM jobs \
        WHERE org_id = $1 AND state = 'dead' GROUP BY queue, state";
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [org.0.into()]);
    for line in ledger.lines_of(org) {
        let empty = Line {
            pass: line.pass,
            paused: line.paused,
            runnable: line.runnable,
            ..Line::new(org, &line.queue)
        };
        *ledger.line_mut(org, &line.queue) = empty;
    }
    for row in tx.query_all_raw(statement).await? {
        let (queue, word): (String, String) =
            (row.try_get("", "queue")?, row.try_get("", "state")?);
        let jobs: i64 = row.try_get("", "jobs")?;
        let state = State::parse(&word).ok_or_else(|| Error::Corrupt(format!("state `{word}`")))?;
        ledger.line_mut(org, &queue).set(state, jobs);
    }
    ledger.close().await?;
    Ok(())
}
