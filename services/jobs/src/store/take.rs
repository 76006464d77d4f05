//! Taking jobs: whose turn it is, and the leases.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::iter;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbBackend, EntityTrait as _, FromQueryResult,
    QueryFilter as _, Value,
};
use t11_core::OrgId;
use uuid::Uuid;

use super::entity::{jobs, queue_orgs};
use super::exchange::Want;
use super::ledger::Ledger;
use super::rows::JobRow;
use super::shape::{Text, padded};
use super::workers::Lease;
use crate::error::Error;
use crate::fair::{Line, Share, allocate};
use crate::job::{Holder, Job, JobError, Progress, State};

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
    /// Wait for the one whose turn it is, if no other is held: there is nothing else to take.
    Wait,
    /// Leave them to it, and do not even ask whether there are any: who waits here is rung for when
    /// they are free.
    Parked,
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
    /// There are none for the slots left.
    pub(super) is_dry: bool,
}

/// Terms of one compound `SELECT`; SQLite allows 500.
const TERMS: usize = 128;

impl Ledger<'_> {
    /// Leases up to `want.slots` jobs, turn by turn among the organizations that have some.
    pub(super) async fn take(
        &mut self,
        want: &Want,
        taker: &Taker<'_>,
        patience: Patience,
    ) -> Result<Taken, Error> {
        self.join().await?;
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
        let in_turn = |index: usize| started.get_mut(&lines[index].0.org)?.pop_front();
        let leased: Vec<_> = turns.into_iter().filter_map(in_turn).collect();
        let is_to_ask = patience != Patience::Parked && leased.len() < want.slots;
        let is_contended = is_to_ask && self.others_are_runnable(want).await?;
        Ok(Taken {
            leased,
            is_contended,
            is_dry: is_to_ask && !is_contended,
        })
    }

    /// The lines whose turn is next, locked. As many as slots are enough: each turn serves the
    /// lowest pass, so no line beyond these can come first.
    async fn candidates(
        &mut self,
        want: &Want,
        patience: Patience,
    ) -> Result<Vec<(Line, Share)>, Error> {
        let mut lines = self.others(want, patience).await?;
        lines.extend(self.open_lines(&want.queue));
        lines.sort_by_key(|line| line.pass);
        Ok(lines
            .into_iter()
            .map(|line| (line.clone(), self.share(&line.queue, line.org)))
            .collect())
    }

    /// Those of organizations for which the ledger was not opened: of the others it knows more than
    /// the database.
    async fn others(&mut self, want: &Want, patience: Patience) -> Result<Vec<Line>, Error> {
        use sea_orm::{QueryOrder as _, QuerySelect as _};
        // What was booked before for one of them is to be seen.
        self.flush_others().await?;
        // Holding one while waiting for the next is how deadlocks are made.
        let (limit, patience) = match patience {
            Patience::Wait if !self.is_holding => (1, Patience::Wait),
            _ => (want.slots, Patience::Skip),
        };
        let next = queue_orgs::Entity::find()
            .filter(queue_orgs::Column::Queue.eq(&want.queue))
            .filter(Expr::cust("runnable"))
            .order_by_asc(queue_orgs::Column::Pass)
            .limit(limit as u64);
        let next = match self.tx.get_database_backend() {
            DbBackend::Postgres => {
                // Read after the locks, for what was seen before them may have changed.
                let locked = self.lock_next(&want.queue, limit, patience).await?;
                if locked.is_empty() {
                    return Ok(Vec::new());
                }
                self.is_holding = true;
                next.filter(queue_orgs::Column::OrgId.is_in(padded(locked)))
            }
            _ => next.filter(queue_orgs::Column::OrgId.is_not_in(padded(self.open_orgs()))),
        };
        let lines = next.all(self.tx).await?.into_iter();
        Ok(lines.map(Line::from).collect())
    }

    /// The organizations whose turn is next, under their locks.
    async fn lock_next(
        &self,
        queue: &str,
        limit: usize,
        patience: Patience,
    ) -> Result<Vec<Uuid>, Error> {
        let lock = match patience {
            Patience::Wait => "FOR UPDATE OF o",
            Patience::Skip | Patience::Parked => "FOR UPDATE OF o SKIP LOCKED",
        };
        let sql = format!(
            "SELECT q.org_id FROM queue_orgs q JOIN job_orgs o ON o.org_id = q.org_id \
             WHERE q.queue = $1 AND q.runnable AND q.org_id <> ALL ($3) \
             ORDER BY q.pass LIMIT $2 {lock}"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let open: Vec<_> = self.open_orgs().collect();
        let statement = self.statement(sql, [queue.into(), limit.into(), open.into()]);
        let rows = self.tx.query_all_raw(statement).await?;
        Ok(rows
            .iter()
            .map(|row| row.try_get("", "org_id"))
            .collect::<Result<_, _>>()?)
    }

    /// Raises those that were not raised when the ledger was opened.
    async fn raise_revisions(&self, lines: &[(Line, Share)]) -> Result<(), Error> {
        use super::entity::job_orgs;
        use sea_orm::sea_query::ExprTrait as _;
        let orgs = lines.iter().map(|(line, _)| line.org);
        let orgs: Vec<_> = orgs.filter(|org| !self.is_open(*org)).collect();
        if orgs.is_empty() {
            return Ok(());
        }
        job_orgs::Entity::update_many()
            .col_expr(
                job_orgs::Column::Revision,
                Expr::col(job_orgs::Column::Revision).add(1),
            )
            .filter(job_orgs::Column::OrgId.is_in(padded(orgs.into_iter().map(|org| org.0))))
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
        let quotas: Vec<_> = quotas.iter().filter(|(_, quota)| *quota > 0).collect();
        if quotas.is_empty() {
            return Ok(Vec::new());
        }
        let nobody = (OrgId::NONE, 0);
        let terms = quotas.len().next_power_of_two();
        let padding = iter::repeat_n(&nobody, terms - quotas.len());
        let values = [
            taker.worker.into(),
            taker.boot.into(),
            (self.now + self.rules.policy.lease).into(),
            self.now.into(),
            self.now.into(),
        ];
        let of_term = |(org, quota): &(OrgId, i64)| -> [Value; 3] {
            [want.queue.clone().into(), org.0.into(), (*quota).into()]
        };
        let of_terms = quotas.into_iter().chain(padding).flat_map(of_term);
        let statement = start_jobs(self.text(), terms).with(values.into_iter().chain(of_terms));
        let rows = StartedRow::find_by_statement(statement)
            .all(self.tx)
            .await?;
        let mut leased: Vec<_> = rows
            .into_iter()
            .map(|row| row.leased(want, taker, self))
            .collect();
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
        // The database does not know yet what was taken from those that are locked here.
        let own = padded(self.known_orgs(&want.queue));
        let others = queue_orgs::Entity::find()
            .filter(queue_orgs::Column::Queue.eq(&want.queue))
            .filter(Expr::cust("runnable"))
            .filter(queue_orgs::Column::OrgId.is_not_in(own))
            .one(self.tx)
            .await?;
        Ok(others.is_some())
    }

    /// Leases given before, as far as they still hold.
    pub(super) async fn given_before(&self, leases: &[Lease]) -> Result<Vec<Leased>, Error> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        let rows = jobs::Entity::find()
            .filter(jobs::Column::Id.is_in(padded(leases.iter().map(|lease| lease.job))))
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

/// Leases the first jobs of so many organizations. A term names a queue, an organization and how
/// many; SQLite would prepare the statement anew whenever a bare parameter as a limit changes.
fn start_jobs(mut text: Text, terms: usize) -> Text {
    text.add("UPDATE jobs SET state = 'running', fence = fence + 1, worker = ")
        .parameter()
        .add(", boot = ")
        .parameter()
        .add(", lease_expire_time = ")
        .parameter()
        .add(", start_time = ")
        .parameter()
        .add(", update_time = ")
        .parameter()
        .add(
            ", progress_step = '', progress_done = 0, progress_total = 0, progress_percent = 0, \
             revision = (SELECT o.revision FROM job_orgs o WHERE o.org_id = jobs.org_id) \
             WHERE position ",
        );
    // PostgreSQL would look up the first jobs anew for each row of the table, as long as it takes
    // the table for small; an array it makes once.
    let (open, close) = match text.backend() {
        DbBackend::Postgres => ("= ANY (ARRAY (", "))"),
        _ => ("IN (", ")"),
    };
    text.add(open);
    for term in 0..terms {
        text.add(if term == 0 { "" } else { " UNION ALL " })
            .add("SELECT position FROM (SELECT position FROM jobs WHERE queue = ")
            .parameter()
            .add(" AND org_id = ")
            .parameter()
            .add(" AND state = 'ready' ORDER BY rank, position LIMIT (0 + ")
            .parameter()
            .add(")) t");
    }
    text.add(close).add(" RETURNING ").add(STARTED);
    text
}

/// What is not known of a job that has just been started.
const STARTED: &str = "position, id, org_id, kind, resource, display_name, payload, priority, rank, \
    attempt, max_attempts, lost, timeout_ms, fence, error_reason, error_message, ordering_key, \
    unique_key, traceparent, create_time, run_time, revision";

/// A row of [`STARTED`].
#[derive(FromQueryResult)]
struct StartedRow {
    position: i64,
    id: Uuid,
    org_id: Uuid,
    kind: String,
    resource: String,
    display_name: String,
    payload: Option<Vec<u8>>,
    priority: i32,
    rank: i64,
    attempt: i32,
    max_attempts: i32,
    lost: i32,
    timeout_ms: i64,
    fence: i64,
    error_reason: Option<String>,
    error_message: Option<String>,
    ordering_key: Option<String>,
    unique_key: Option<String>,
    traceparent: Option<String>,
    create_time: DateTime<Utc>,
    run_time: DateTime<Utc>,
    revision: i64,
}

impl StartedRow {
    fn leased(self, want: &Want, taker: &Taker<'_>, ledger: &Ledger<'_>) -> Leased {
        let error = self.error_reason.map(|reason| JobError {
            reason,
            message: self.error_message.unwrap_or_default(),
        });
        let job = Job {
            id: self.id,
            position: self.position,
            org: OrgId(self.org_id),
            queue: want.queue.clone(),
            kind: self.kind,
            state: State::Running,
            resource: self.resource,
            display_name: self.display_name,
            priority: self.priority,
            rank: self.rank,
            attempt: self.attempt,
            max_attempts: self.max_attempts,
            lost: self.lost,
            timeout: TimeDelta::milliseconds(self.timeout_ms),
            fence: self.fence,
            holder: Some(Holder {
                worker: taker.worker.to_owned(),
                boot: taker.boot,
                expire_time: ledger.now + ledger.rules.policy.lease,
            }),
            cancel_requested: false,
            progress: Progress::default(),
            error,
            ordering_key: self.ordering_key,
            unique_key: self.unique_key,
            traceparent: self.traceparent,
            create_time: self.create_time,
            run_time: self.run_time,
            start_time: Some(ledger.now),
            end_time: None,
            update_time: ledger.now,
            revision: self.revision,
        };
        Leased {
            job,
            payload: self.payload.unwrap_or_default(),
        }
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
