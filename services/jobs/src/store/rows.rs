//! Between rows and the domain.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait as _, EntityTrait as _, FromQueryResult, Iterable as _,
    QueryFilter as _, QuerySelect as _, Select, SelectModel, Selector, Value,
};
use t11_core::OrgId;
use t11_store::Tx;
use uuid::Uuid;

use super::entity::{jobs, queue_orgs};
use super::shape::padded;
use crate::error::Error;
use crate::fair::Line;
use crate::job::{Holder, Job, JobError, NewJob, Progress, State, rank};
use crate::lease::Policy;

/// A job's row without its payload.
#[derive(Debug, FromQueryResult)]
pub(super) struct JobRow {
    position: i64,
    id: Uuid,
    org_id: Uuid,
    queue: String,
    kind: String,
    state: String,
    resource: String,
    display_name: String,
    priority: i32,
    rank: i64,
    attempt: i32,
    max_attempts: i32,
    lost: i32,
    timeout_ms: i64,
    fence: i64,
    worker: Option<String>,
    boot: Option<Uuid>,
    lease_expire_time: Option<DateTime<Utc>>,
    cancel_requested: bool,
    progress_step: String,
    progress_done: i64,
    progress_total: i64,
    progress_percent: i32,
    error_reason: Option<String>,
    error_message: Option<String>,
    ordering_key: Option<String>,
    unique_key: Option<String>,
    traceparent: Option<String>,
    create_time: DateTime<Utc>,
    run_time: DateTime<Utc>,
    start_time: Option<DateTime<Utc>>,
    end_time: Option<DateTime<Utc>>,
    update_time: DateTime<Utc>,
    revision: i64,
}

/// Reads jobs without their payloads.
pub(super) fn without_payload(select: Select<jobs::Entity>) -> Selector<SelectModel<JobRow>> {
    let columns = jobs::Column::iter().filter(|column| !matches!(column, jobs::Column::Payload));
    select.select_only().columns(columns).into_model()
}

/// The jobs with these ids, in no order.
pub(super) async fn by_ids(
    tx: &Tx,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<Job>, Error> {
    let select = jobs::Entity::find().filter(jobs::Column::Id.is_in(padded(ids)));
    read(without_payload(select).all(tx).await?)
}

/// Rows as jobs.
pub(super) fn read(rows: Vec<JobRow>) -> Result<Vec<Job>, Error> {
    rows.into_iter().map(Job::try_from).collect()
}

/// A condition on the state that partial indexes are matched with: they need the words
/// themselves, not parameters.
pub(super) fn state_is(states: &[State]) -> Expr {
    let words: Vec<_> = states.iter().map(|state| format!("'{state}'")).collect();
    match words.as_slice() {
        [one] => Expr::cust(format!("state = {one}")),
        many => Expr::cust(format!("state IN ({})", many.join(", "))),
    }
}

impl From<jobs::Model> for JobRow {
    fn from(row: jobs::Model) -> Self {
        Self {
            position: row.position,
            id: row.id,
            org_id: row.org_id,
            queue: row.queue,
            kind: row.kind,
            state: row.state,
            resource: row.resource,
            display_name: row.display_name,
            priority: row.priority,
            rank: row.rank,
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            lost: row.lost,
            timeout_ms: row.timeout_ms,
            fence: row.fence,
            worker: row.worker,
            boot: row.boot,
            lease_expire_time: row.lease_expire_time,
            cancel_requested: row.cancel_requested,
            progress_step: row.progress_step,
            progress_done: row.progress_done,
            progress_total: row.progress_total,
            progress_percent: row.progress_percent,
            error_reason: row.error_reason,
            error_message: row.error_message,
            ordering_key: row.ordering_key,
            unique_key: row.unique_key,
            traceparent: row.traceparent,
            create_time: row.create_time,
            run_time: row.run_time,
            start_time: row.start_time,
            end_time: row.end_time,
            update_time: row.update_time,
            revision: row.revision,
        }
    }
}

impl TryFrom<JobRow> for Job {
    type Error = Error;

    fn try_from(row: JobRow) -> Result<Self, Error> {
        let state = State::parse(&row.state)
            .ok_or_else(|| Error::Corrupt(format!("job {} is `{}`", row.id, row.state)))?;
        let holder = match (row.worker, row.boot, row.lease_expire_time) {
            (Some(worker), Some(boot), Some(expire_time)) => Some(Holder {
                worker,
                boot,
                expire_time,
            }),
            _ => None,
        };
        Ok(Self {
            id: row.id,
            position: row.position,
            org: OrgId(row.org_id),
            queue: row.queue,
            kind: row.kind,
            state,
            resource: row.resource,
            display_name: row.display_name,
            priority: row.priority,
            rank: row.rank,
            attempt: row.attempt,
            max_attempts: row.max_attempts,
            lost: row.lost,
            timeout: TimeDelta::milliseconds(row.timeout_ms),
            fence: row.fence,
            holder,
            cancel_requested: row.cancel_requested,
            progress: Progress {
                step: row.progress_step,
                done: row.progress_done,
                total: row.progress_total,
                percent: row.progress_percent,
            },
            error: row.error_reason.map(|reason| JobError {
                reason,
                message: row.error_message.unwrap_or_default(),
            }),
            ordering_key: row.ordering_key,
            unique_key: row.unique_key,
            traceparent: row.traceparent,
            create_time: row.create_time,
            run_time: row.run_time,
            start_time: row.start_time,
            end_time: row.end_time,
            update_time: row.update_time,
            revision: row.revision,
        })
    }
}

/// What is given of a new job; the rest is as [`NEW_JOB`] says, or null.
pub(super) const INSERTED: [&str; 19] = [
    "id",
    "org_id",
    "queue",
    "kind",
    "state",
    "resource",
    "display_name",
    "payload",
    "priority",
    "rank",
    "max_attempts",
    "timeout_ms",
    "ordering_key",
    "unique_key",
    "traceparent",
    "create_time",
    "run_time",
    "update_time",
    "revision",
];

/// Columns that are the same in every new job, and their values after those of [`INSERTED`].
pub(super) const NEW_JOB: (&str, &str) = (
    "attempt, lost, fence, cancel_requested, progress_step, progress_done, progress_total, \
     progress_percent",
    ", 0, 0, 0, FALSE, '', 0, 0, 0",
);

/// The row of a new job, by [`INSERTED`].
pub(super) fn insertion(
    job: NewJob,
    state: State,
    revision: i64,
    now: DateTime<Utc>,
    policy: &Policy,
) -> [Value; INSERTED.len()] {
    let run_time = job.run_time.unwrap_or(now);
    let max_attempts = if job.max_attempts > 0 {
        job.max_attempts
    } else {
        policy.max_attempts
    };
    let timeout_ms = if job.timeout_ms > 0 {
        job.timeout_ms
    } else {
        policy.timeout.num_milliseconds()
    };
    // A run time long past must not jump the line: what counts is the waiting here.
    let rank = rank(run_time.max(now), job.priority);
    [
        job.id.into(),
        job.org.into(),
        job.queue.into(),
        job.kind.into(),
        state.as_str().into(),
        job.resource.into(),
        job.display_name.into(),
        job.payload.into(),
        job.priority.into(),
        rank.into(),
        max_attempts.into(),
        timeout_ms.into(),
        job.ordering_key.into(),
        job.unique_key.into(),
        job.traceparent.into(),
        now.into(),
        run_time.into(),
        now.into(),
        revision.into(),
    ]
}

/// What differs between two states of one job. Jobs that changed alike give equal patches, which
/// are then written by one statement.
pub(super) fn patch(before: &Job, after: &Job) -> jobs::ActiveModel {
    let mut patch = jobs::ActiveModel::default();
    macro_rules! differences {
        ($($column:ident: $field:expr;)*) => {
            $(
                let field: fn(&Job) -> _ = $field;
                if field(before) != field(after) {
                    patch.$column = ActiveValue::Set(field(after));
                }
            )*
        };
    }
    differences! {
        state: |job| job.state.as_str().to_owned();
        rank: |job| job.rank;
        attempt: |job| job.attempt;
        lost: |job| job.lost;
        worker: |job| job.holder.as_ref().map(|holder| holder.worker.clone());
        boot: |job| job.holder.as_ref().map(|holder| holder.boot);
        lease_expire_time: |job| job.holder.as_ref().map(|holder| holder.expire_time);
        cancel_requested: |job| job.cancel_requested;
        progress_step: |job| job.progress.step.clone();
        progress_done: |job| job.progress.done;
        progress_total: |job| job.progress.total;
        progress_percent: |job| job.progress.percent;
        error_reason: |job| job.error.as_ref().map(|error| error.reason.clone());
        error_message: |job| job.error.as_ref().map(|error| error.message.clone());
        run_time: |job| job.run_time;
        start_time: |job| job.start_time;
        end_time: |job| job.end_time;
        update_time: |job| job.update_time;
    }
    if after.state == State::Succeeded && before.state != State::Succeeded {
        // Nobody can ask for it again.
        patch.payload = ActiveValue::Set(None);
    }
    patch
}

impl From<queue_orgs::Model> for Line {
    fn from(row: queue_orgs::Model) -> Self {
        Self {
            org: OrgId(row.org_id),
            queue: row.queue,
            pass: row.pass,
            paused: row.paused,
            runnable: row.runnable,
            scheduled: row.scheduled,
            ready: row.ready,
            blocked: row.blocked,
            running: row.running,
            retrying: row.retrying,
            dead: row.dead,
        }
    }
}

/// The columns of a line, its key first.
pub(super) const LINE_COLUMNS: [&str; 11] = [
    "org_id",
    "queue",
    "pass",
    "paused",
    "runnable",
    "scheduled",
    "ready",
    "blocked",
    "running",
    "retrying",
    "dead",
];

/// The row of a line, by [`LINE_COLUMNS`].
pub(super) type LineRow = [Value; LINE_COLUMNS.len()];

pub(super) fn line_row(line: &Line) -> LineRow {
    [
        line.org.0.into(),
        line.queue.clone().into(),
        line.pass.into(),
        line.paused.into(),
        line.runnable.into(),
        line.scheduled.into(),
        line.ready.into(),
        line.blocked.into(),
        line.running.into(),
        line.retrying.into(),
        line.dead.into(),
    ]
}
