//! Taking jobs: whose turn it is, and the leases.

use std::collections::{BTreeMap, HashMap, VecDeque};

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbBackend, EntityTrait as _, FromQueryResult as _,
    QueryFilter as _, Value,
};
use t11_core::OrgId;
use uuid::Uuid;

use super::entity::{jobs, queue_orgs};
use super::exchange::Want;
use super::ledger::Ledger;
use super::rows::JobRow;
use super::workers::Lease;
use crate::error::Error;
use crate::fair::{Line, Share, allocate};
use crate::job::{Job, State};

/// A job with what its worker needs to do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    pub job: Job,
    pub payload: Vec<u8>,
}

impl Leased {
    /// The lease's name.
    pub fn lease(&self) -> Lease {
        Lease {
            job: self.job.id,
            fence: self.job.fence,
        }
    }
}

/// What to do about organizations that another transaction has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Leave them to it.
    Skip,
    /// Wait for the one whose turn it is: there is no other.
    Wait,
}

/// Who takes.
pub(super) struct Taker<'a> {
    pub(super) worker: &'a str,
    pub(super) boot: Uuid,
}

/// What was taken.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) leased: Vec<Leased>,
    /// There are jobs for the slots left, of organizations that were locked.
    pub(super) is_contended: bool,
}

/// Terms of one compound `SELECT`; SQLite allows 500.
const TERMS: usize = 100;

impl Ledger<'_> {
    /// Leases up to `want.slots` jobs, turn by turn among the organizations that have some.
    pub(super) async fn take(
        &mut self,
        want: &Want,
        taker: &Taker<'_>,
        patience: Patience,
    ) -> Result<Taken, Error> {
        let lines = self.candidates(want, patience).await?;
        let turns = allocate(&lines, want.slots);
        if !turns.is_empty() {
            self.raise_revisions(&lines).await?;
        }
        let mut given = vec![0; lines.len()];
        for index in &turns {
            given[*index] += 1;
        }
        let mut started: HashMap<OrgId, VecDeque<Leased>> = HashMap::new();
        let quotas: Vec<_> = lines
            .iter()
            .map(|(line, _)| line.org)
            .zip(given.iter().copied())
            .collect();
        for quotas in quotas.chunks(TERMS) {
            for leased in self.start(want, quotas, taker).await? {
                started.entry(leased.job.org).or_default().push_back(leased);
            }
        }
        for ((line, share), given) in lines.iter().zip(given) {
            let got = started.get(&line.org).map_or(0, VecDeque::len);
            self.book(line, *share, given, got);
        }
        self.flush().await?;
        let in_turn = |index: usize| started.get_mut(&lines[index].0.org)?.pop_front();
        let leased: Vec<_> = turns.into_iter().filter_map(in_turn).collect();
        let is_contended = leased.len() < want.slots && self.others_are_runnable(want).await?;
        Ok(Taken {
            leased,
            is_contended,
        })
    }

    /// The lines whose turn is next, locked. As many as slots are enough: each turn serves the
    /// lowest pass, so no line beyond these can come first.
    async fn candidates(
        &self,
        want: &Want,
        patience: Patience,
    ) -> Result<Vec<(Line, Share)>, Error> {
        use sea_orm::{QueryOrder as _, QuerySelect as _};
        let limit = match patience {
            Patience::Skip => want.slots,
            // Holding one while waiting for the next is how deadlocks are made.
            Patience::Wait => 1,
        };
        let orgs = self.next_orgs(&want.queue, limit, patience).await?;
        // Read after the locks, for what was seen before them may have changed.
        let rows = queue_orgs::Entity::find()
            .filter(queue_orgs::Column::Queue.eq(&want.queue))
            .filter(queue_orgs::Column::OrgId.is_in(orgs))
            .filter(Expr::cust("runnable"))
            .order_by_asc(queue_orgs::Column::Pass)
            .limit(limit as u64)
            .all(self.tx)
            .await?;
        let lines = rows.into_iter().map(Line::from);
        Ok(lines
            .map(|line| (line.clone(), self.share(&line.queue, line.org)))
            .collect())
    }

    async fn next_orgs(
        &self,
        queue: &str,
        limit: usize,
        patience: Patience,
    ) -> Result<Vec<Uuid>, Error> {
        let lock = match (self.tx.get_database_backend(), patience) {
            (DbBackend::Postgres, Patience::Skip) => "FOR UPDATE OF o SKIP LOCKED",
            (DbBackend::Postgres, Patience::Wait) => "FOR UPDATE OF o",
            _ => "",
        };
        let sql = format!(
            "SELECT q.org_id FROM queue_orgs q JOIN job_orgs o ON o.org_id = q.org_id \
             WHERE q.queue = $1 AND q.runnable ORDER BY q.pass LIMIT $2 {lock}"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let statement = self.statement(sql, [queue.into(), limit.into()]);
        let rows = self.tx.query_all_raw(statement).await?;
        Ok(rows
            .iter()
            .map(|row| row.try_get("", "org_id"))
            .collect::<Result<_, _>>()?)
    }

    async fn raise_revisions(&self, lines: &[(Line, Share)]) -> Result<(), Error> {
        use super::entity::job_orgs;
        use sea_orm::sea_query::ExprTrait as _;
        job_orgs::Entity::update_many()
            .col_expr(
                job_orgs::Column::Revision,
                Expr::col(job_orgs::Column::Revision).add(1),
            )
            .filter(job_orgs::Column::OrgId.is_in(lines.iter().map(|(line, _)| line.org.0)))
            .exec(self.tx)
            .await?;
        Ok(())
    }

    /// Leases the first jobs of each organization, as many as its quota, in one statement.
    async fn start(
        &self,
        want: &Want,
        quotas: &[(OrgId, i64)],
        taker: &Taker<'_>,
    ) -> Result<Vec<Leased>, Error> {
        let mut values: Vec<Value> = vec![
            want.queue.clone().into(),
            taker.worker.into(),
            taker.boot.into(),
            (self.now + self.rules.policy.lease).into(),
            self.now.into(),
        ];
        let mut terms = Vec::new();
        for (org, quota) in quotas.iter().filter(|(_, quota)| *quota > 0) {
            values.extend([org.0.into(), (*quota).into()]);
            let (org, quota) = (values.len() - 1, values.len());
            terms.push(format!(
                "SELECT position FROM (SELECT position FROM jobs WHERE queue = $1 \
                 AND org_id = ${org} AND state = 'ready' ORDER BY rank, position LIMIT ${quota}) t"
            ));
        }
        if terms.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "UPDATE jobs SET state = 'running', fence = fence + 1, worker = $2, boot = $3, \
             lease_expire_time = $4, start_time = $5, update_time = $5, progress_step = '', \
             progress_done = 0, progress_total = 0, progress_percent = 0, \
             revision = (SELECT o.revision FROM job_orgs o WHERE o.org_id = jobs.org_id) \
             WHERE position IN ({}) RETURNING *",
            terms.join(" UNION ALL ")
        );
        let rows = jobs::Model::find_by_statement(self.statement(sql, values))
            .all(self.tx)
            .await?;
        let mut leased = rows
            .into_iter()
            .map(Leased::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        leased.sort_by_key(|leased| (leased.job.rank, leased.job.position));
        Ok(leased)
    }

    /// Enters what a line has got. Fewer than it counts as ready means that the count was wrong:
    /// there are no more.
    fn book(&mut self, line: &Line, share: Share, given: i64, got: usize) {
        let got = i64::try_from(got).unwrap_or(i64::MAX);
        self.put(line.clone());
        let booked = self.line_mut(line.org, &line.queue);
        booked.ready = if got < given { 0 } else { booked.ready - got };
        booked.running += got;
        booked.charge(got, share);
        if got < given {
            tracing::error!(org.id = %line.org, queue = line.queue, given, got, "counted jobs that are not there");
        }
        if got > 0 {
            self.effects_mut().changed.insert(line.org);
        }
    }

    async fn others_are_runnable(&self, want: &Want) -> Result<bool, Error> {
        if self.tx.get_database_backend() != DbBackend::Postgres {
            return Ok(false);
        }
        let others = queue_orgs::Entity::find()
            .filter(queue_orgs::Column::Queue.eq(&want.queue))
            .filter(Expr::cust("runnable"))
            .one(self.tx)
            .await?;
        Ok(others.is_some())
    }

    /// Leases given before, as far as they still hold.
    pub(super) async fn given_before(&self, leases: &[Lease]) -> Result<Vec<Leased>, Error> {
        let rows = jobs::Entity::find()
            .filter(jobs::Column::Id.is_in(leases.iter().map(|lease| lease.job)))
            .filter(jobs::Column::State.eq(State::Running.as_str()))
            .all(self.tx)
            .await?;
        let mut found = BTreeMap::new();
        for row in rows {
            let leased = Leased::try_from(row)?;
            found.insert((leased.job.id, leased.job.fence), leased);
        }
        Ok(leases
            .iter()
            .filter_map(|lease| found.remove(&(lease.job, lease.fence)))
            .collect())
    }
}

impl TryFrom<jobs::Model> for Leased {
    type Error = Error;

    fn try_from(mut row: jobs::Model) -> Result<Self, Error> {
        let payload = row.payload.take().unwrap_or_default();
        Ok(Self {
            job: Job::try_from(JobRow::from(row))?,
            payload,
        })
    }
}
