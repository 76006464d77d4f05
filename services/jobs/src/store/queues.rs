//! Queues as an organization sees them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select, Statement,
};
use t11_core::OrgScope;
use t11_store::Tx;

use super::entity::{jobs, queue_orgs};
use super::ledger::{Effects, Ledger};
use super::rows::state_is;
use super::{QUEUE, Rules, Store};
use crate::error::Error;
use crate::fair::Line;
use crate::job::State;

/// A queue with the organization's jobs in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueState {
    pub line: Line,
    /// Of the longest waiting ready job.
    pub oldest_ready_time: Option<DateTime<Utc>>,
}

/// All organizations' jobs in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueTotals {
    /// Could start now if there were a worker: of organizations that are not paused, and no more
    /// of each than it may have running.
    pub runnable: i64,
    pub ready: i64,
    pub blocked: i64,
    pub running: i64,
    pub waiting: i64,
    pub dead: i64,
    /// Organizations that have jobs to start.
    pub runnable_orgs: i64,
    /// Of the jobs that organizations start next.
    pub oldest_runnable_time: Option<DateTime<Utc>>,
}

impl Store {
    /// The queues the organization has used, by name.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn queues(&self, scope: &OrgScope) -> Result<Vec<QueueState>, Error> {
        self.db
            .read(scope, |tx| async move {
                let rows = tx
                    .find::<queue_orgs::Entity>()?
                    .order_by_asc(queue_orgs::Column::Queue)
                    .all(&tx)
                    .await?;
                let mut queues = Vec::with_capacity(rows.len());
                for row in rows {
                    queues.push(state_of(&tx, row).await?);
                }
                Ok(queues)
            })
            .await
    }

    /// Stops or starts taking the organization's jobs from a queue.
    ///
    /// # Errors
    /// [`Error::QueueNotFound`] when the organization has never used it, or those of the database.
    pub async fn set_paused(
        &self,
        scope: &OrgScope,
        queue: String,
        paused: bool,
    ) -> Result<(QueueState, Effects), Error> {
        let rules = self.rules.clone();
        self.db
            .write(scope, move |tx| async move {
                let org = tx.org_id()?;
                let of_queue = |tx: &Tx| -> Result<Select<_>, Error> {
                    Ok(tx
                        .find::<queue_orgs::Entity>()?
                        .filter(queue_orgs::Column::Queue.eq(&queue)))
                };
                of_queue(&tx)?.one(&tx).await?.ok_or(Error::QueueNotFound)?;
                tx.audit_target(format!("queues/{queue}"));
                let mut ledger = Ledger::open(&tx, &rules, [org]).await?;
                ledger.line_mut(org, &queue).paused = paused;
                let effects = ledger.close().await?;
                let row = of_queue(&tx)?.one(&tx).await?.ok_or(Error::QueueNotFound)?;
                Ok((state_of(&tx, row).await?, effects))
            })
            .await
    }

    /// The queues in which some organization has jobs to start.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn runnable_queues(&self) -> Result<Vec<String>, Error> {
        self.db
            .read(QUEUE, |tx| async move {
                let queues = queue_orgs::Entity::find()
                    .select_only()
                    .column(queue_orgs::Column::Queue)
                    .distinct()
                    .filter(Expr::cust("runnable"));
                Ok(queues.into_tuple().all(&tx).await?)
            })
            .await
    }

    /// All queues with the sums over all organizations: for metrics.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn totals(&self) -> Result<Vec<(String, QueueTotals)>, Error> {
        let rules = self.rules.clone();
        self.db
            .read(QUEUE, move |tx| async move { totals(&tx, &rules).await })
            .await
    }
}

async fn state_of(tx: &Tx, row: queue_orgs::Model) -> Result<QueueState, Error> {
    let oldest: Option<Option<DateTime<Utc>>> = jobs::Entity::find()
        .select_only()
        .column_as(jobs::Column::RunTime.min(), "oldest")
        .filter(jobs::Column::Queue.eq(&row.queue))
        .filter(jobs::Column::OrgId.eq(row.org_id))
        .filter(state_is(&[State::Ready]))
        .into_tuple()
        .one(tx)
        .await?;
    Ok(QueueState {
        line: row.into(),
        oldest_ready_time: oldest.flatten(),
    })
}

/// Costs as much as there are organizations that have used queues, however many jobs wait.
const TOTALS: &str = "SELECT queue, CAST(SUM(ready) AS BIGINT) AS ready, \
    CAST(SUM(blocked) AS BIGINT) AS blocked, CAST(SUM(running) AS BIGINT) AS running, \
    CAST(SUM(scheduled + retrying) AS BIGINT) AS waiting, CAST(SUM(dead) AS BIGINT) AS dead, \
    MIN(CASE WHEN runnable THEN (SELECT run_time FROM jobs \
        WHERE jobs.queue = queue_orgs.queue AND jobs.org_id = queue_orgs.org_id \
        AND state = 'ready' ORDER BY rank, position LIMIT 1) END) AS oldest \
    FROM queue_orgs GROUP BY queue";

async fn totals(tx: &Tx, rules: &Rules) -> Result<Vec<(String, QueueTotals)>, Error> {
    let statement = Statement::from_string(tx.get_database_backend(), TOTALS);
    let mut totals = BTreeMap::new();
    for row in tx.query_all_raw(statement).await? {
        let count = |column: &str| row.try_get::<i64>("", column);
        let of_queue = QueueTotals {
            ready: count("ready")?,
            blocked: count("blocked")?,
            running: count("running")?,
            waiting: count("waiting")?,
            dead: count("dead")?,
            oldest_runnable_time: row.try_get("", "oldest")?,
            ..QueueTotals::default()
        };
        totals.insert(row.try_get::<String>("", "queue")?, of_queue);
    }
    let runnable = queue_orgs::Entity::find().filter(Expr::cust("runnable"));
    for row in runnable.all(tx).await? {
        let line = Line::from(row);
        let share = rules.config.share(&line.queue, line.org);
        let of_queue = totals.entry(line.queue.clone()).or_default();
        of_queue.runnable += line.startable(share);
        of_queue.runnable_orgs += 1;
    }
    Ok(totals.into_iter().collect())
}
