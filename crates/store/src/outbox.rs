//! The outbox: jobs written in the transaction that causes them, handed over by the
//! [`Relay`](crate::Relay). The table is made by every service's migrations.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue, QueryOrder as _, QuerySelect as _, Statement};
use t11_core::OrgId;

use crate::{StoreError, Tx};

/// A job to be enqueued with a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Made by the caller; the jobs service takes a job of one id once.
    pub id: Uuid,
    /// The queue, whose workers take it.
    pub queue: String,
    /// What to do, as the worker knows it: `agents.ingest_document`.
    pub kind: String,
    /// The worker's message, in protobuf.
    pub payload: Vec<u8>,
    /// Filled from the scope when `None`; stays `None` with system access: work of no
    /// organization.
    pub org: Option<OrgId>,
    /// Jobs of one key run one at a time, in the order in which they were enqueued.
    pub ordering_key: Option<String>,
    /// While a job of this key waits to run, another is not added.
    pub unique_key: Option<String>,
    /// Higher runs first; 0 is usual.
    pub priority: i32,
    /// Not before; at once when `None`.
    pub run_at: Option<DateTime<Utc>>,
    /// W3C `traceparent`; that of the caller's span when `None`.
    pub trace_context: Option<String>,
    /// What it works on, where there is one thing: `sources/{source}`; else empty.
    pub resource: String,
    /// What people read: a file's name; empty for housekeeping, which lists of jobs leave out.
    pub display_name: String,
}

impl NewJob {
    /// A job of usual priority, to be run at once, for the organization of the scope.
    pub fn new(
        id: Uuid,
        queue: impl Into<String>,
        kind: impl Into<String>,
        payload: Vec<u8>,
    ) -> Self {
        Self {
            id,
            queue: queue.into(),
            kind: kind.into(),
            payload,
            org: None,
            ordering_key: None,
            unique_key: None,
            priority: 0,
            run_at: None,
            trace_context: None,
            resource: String::new(),
            display_name: String::new(),
        }
    }
}

/// A job as the relay hands it over: a [`NewJob`] that has been committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxJob {
    /// Known by it to the jobs service.
    pub id: Uuid,
    /// The queue, whose workers take it.
    pub queue: String,
    /// What to do.
    pub kind: String,
    /// The worker's message.
    pub payload: Vec<u8>,
    /// `None` for work of no organization.
    pub org: Option<OrgId>,
    /// One at a time, in the order of delivery.
    pub ordering_key: Option<String>,
    /// Dropped while another of this key waits.
    pub unique_key: Option<String>,
    /// Higher first.
    pub priority: i32,
    /// Not before.
    pub run_at: DateTime<Utc>,
    /// When it was enqueued.
    pub create_time: DateTime<Utc>,
    /// W3C `traceparent`.
    pub trace_context: Option<String>,
    /// Name of what the job works on: `sources/0190…`; may be empty.
    pub resource: String,
    /// What people call it; may be empty.
    pub display_name: String,
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "outbox")]
    pub struct Model {
        /// The order of enqueuing; ids made in one millisecond have none.
        #[sea_orm(primary_key)]
        pub position: i64,
        pub id: Uuid,
        pub org_id: Option<Uuid>,
        pub queue: String,
        pub kind: String,
        pub payload: Vec<u8>,
        pub ordering_key: Option<String>,
        pub unique_key: Option<String>,
        pub priority: i32,
        pub run_at: DateTimeUtc,
        pub create_time: DateTimeUtc,
        pub trace_context: Option<String>,
        pub resource: String,
        pub display_name: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) async fn insert(tx: &Tx, job: NewJob) -> Result<(), StoreError> {
    let org = match (job.org, tx.org()) {
        (Some(asked), Some(own)) if asked != own => return Err(StoreError::WrongOrganization),
        (asked, own) => asked.or(own),
    };
    let now = tx.env().world.now();
    let trace_context = job
        .trace_context
        .or_else(|| tx.env().trace_context.and_then(|current| current()));
    let row = entity::ActiveModel {
        position: ActiveValue::NotSet,
        id: ActiveValue::Set(job.id),
        org_id: ActiveValue::Set(org.map(|org| org.0)),
        queue: ActiveValue::Set(job.queue),
        kind: ActiveValue::Set(job.kind),
        payload: ActiveValue::Set(job.payload),
        ordering_key: ActiveValue::Set(job.ordering_key),
        unique_key: ActiveValue::Set(job.unique_key),
        priority: ActiveValue::Set(job.priority),
        run_at: ActiveValue::Set(job.run_at.unwrap_or(now)),
        create_time: ActiveValue::Set(now),
        trace_context: ActiveValue::Set(trace_context),
        resource: ActiveValue::Set(job.resource),
        display_name: ActiveValue::Set(job.display_name),
    };
    entity::Entity::insert(row)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// The oldest jobs, with their positions.
pub(crate) async fn oldest(tx: &Tx, limit: u64) -> Result<Vec<(i64, OutboxJob)>, StoreError> {
    let rows = entity::Entity::find()
        .order_by_asc(entity::Column::Position)
        .limit(limit)
        .all(tx)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.position, row.into()))
        .collect())
}

/// What waits in an outbox.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Waiting {
    /// Counted up to [`COUNTED`].
    pub(crate) jobs: u64,
    /// Of the one that has waited longest.
    pub(crate) oldest_age: Duration,
}

/// Further ones are not counted: the way to them would grow with the backlog.
const COUNTED: u32 = 10_000;

pub(crate) async fn waiting(tx: &Tx) -> Result<Waiting, StoreError> {
    let sql = format!(
        "SELECT COUNT(*) AS jobs, MIN(create_time) AS oldest FROM \
         (SELECT create_time FROM outbox ORDER BY position LIMIT {COUNTED}) AS waiting"
    );
    let statement = Statement::from_string(tx.get_database_backend(), sql);
    let Some(row) = tx.query_one_raw(statement).await? else {
        return Ok(Waiting::default());
    };
    let jobs: i64 = row.try_get("", "jobs")?;
    let oldest: Option<DateTime<Utc>> = row.try_get("", "oldest")?;
    let age = oldest.map(|oldest| tx.env().world.now() - oldest);
    Ok(Waiting {
        jobs: u64::try_from(jobs).unwrap_or(0),
        oldest_age: age.and_then(|age| age.to_std().ok()).unwrap_or_default(),
    })
}

pub(crate) async fn remove(tx: &Tx, positions: &[i64]) -> Result<(), StoreError> {
    entity::Entity::delete_many()
        .filter(entity::Column::Position.is_in(positions.iter().copied()))
        .exec(tx)
        .await?;
    Ok(())
}

impl From<entity::Model> for OutboxJob {
    fn from(row: entity::Model) -> Self {
        Self {
            id: row.id,
            queue: row.queue,
            kind: row.kind,
            payload: row.payload,
            org: row.org_id.map(OrgId),
            ordering_key: row.ordering_key,
            unique_key: row.unique_key,
            priority: row.priority,
            run_at: row.run_at,
            create_time: row.create_time,
            trace_context: row.trace_context,
            resource: row.resource,
            display_name: row.display_name,
        }
    }
}
