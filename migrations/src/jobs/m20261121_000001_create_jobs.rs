//! Jobs, the lines of organizations at queues, workers and schedules.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_000001_create_jobs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_jobs(manager).await?;
        create_job_orgs(manager).await?;
        create_queue_orgs(manager).await?;
        create_workers(manager).await?;
        create_schedules(manager).await
    }
}

async fn create_jobs(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        // The order of enqueueing within an organization.
        table::position(),
        table::uuid("id"),
        table::text("queue"),
        table::text("kind"),
        table::text("state"),
        table::text("resource"),
        table::text("display_name"),
        table::blob("payload").null().take(),
        table::int("priority"),
        // The order of taking within an organization.
        table::bigint("rank"),
        table::int("attempt"),
        table::int("max_attempts"),
        table::int("lost"),
        table::bigint("timeout_ms"),
        table::bigint("fence"),
        table::text("worker").null().take(),
        table::uuid("boot").null().take(),
        table::timestamp("lease_expire_time").null().take(),
        table::boolean("cancel_requested"),
        table::text("progress_step"),
        table::bigint("progress_done"),
        table::bigint("progress_total"),
        table::int("progress_percent"),
        table::text("error_reason").null().take(),
        table::text("error_message").null().take(),
        table::text("ordering_key").null().take(),
        table::text("unique_key").null().take(),
        table::text("traceparent").null().take(),
        table::timestamp("create_time"),
        table::timestamp("run_time"),
        table::timestamp("start_time").null().take(),
        // Null exactly while the job is not finished.
        table::timestamp("end_time").null().take(),
        table::timestamp("update_time"),
        // The organization's revision at the job's last change.
        table::bigint("revision"),
    ];
    table::create_for_tenants(manager, "jobs", table::new("jobs", columns)).await?;
    table::unique(manager, "jobs", &["id"]).await?;
    table::index(manager, "jobs", &["org_id", "position"]).await?;
    table::index(manager, "jobs", &["org_id", "revision"]).await?;
    execute(manager, JOB_INDEXES).await
}

/// Each is as small as the work that is open, however long the history.
const JOB_INDEXES: &[&str] = &[
    "CREATE INDEX ix_jobs_ready ON jobs (queue, org_id, rank, position, run_time) \
     WHERE state = 'ready'",
    "CREATE INDEX ix_jobs_due ON jobs (run_time) WHERE state IN ('scheduled', 'retrying')",
    "CREATE INDEX ix_jobs_running ON jobs (worker, lease_expire_time) WHERE state = 'running'",
    "CREATE INDEX ix_jobs_ordering_key ON jobs (org_id, ordering_key, state, position) \
     WHERE ordering_key IS NOT NULL AND end_time IS NULL",
    "CREATE UNIQUE INDEX uq_jobs_org_id_unique_key ON jobs (org_id, unique_key) \
     WHERE unique_key IS NOT NULL AND end_time IS NULL",
    "CREATE INDEX ix_jobs_unfinished ON jobs (org_id, position) WHERE end_time IS NULL",
    "CREATE INDEX ix_jobs_dead ON jobs (org_id, position) WHERE state = 'dead'",
    "CREATE INDEX ix_jobs_end_time ON jobs (end_time) WHERE end_time IS NOT NULL",
    "CREATE INDEX ix_jobs_resource ON jobs (org_id, resource, position) WHERE resource <> ''",
];

async fn create_job_orgs(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [table::bigint("revision")];
    let mut orgs = table::new("job_orgs", columns);
    orgs.primary_key(Index::create().col(table::ORG_ID));
    table::create_for_tenants(manager, "job_orgs", orgs).await
}

/// Without row security: the place of an organization at a queue is measured against that of all
/// others. Holds counts only.
async fn create_queue_orgs(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::uuid(table::ORG_ID),
        table::text("queue"),
        table::bigint("pass"),
        table::boolean("paused"),
        table::boolean("runnable"),
        table::bigint("scheduled"),
        table::bigint("ready"),
        table::bigint("blocked"),
        table::bigint("running"),
        table::bigint("retrying"),
        table::bigint("dead"),
    ];
    let mut lines = table::new("queue_orgs", columns);
    lines.primary_key(Index::create().col(table::ORG_ID).col("queue"));
    manager.create_table(lines).await?;
    table::index(manager, "queue_orgs", &["queue", "pass"]).await?;
    execute(
        manager,
        &["CREATE INDEX ix_queue_orgs_runnable ON queue_orgs (queue, pass) WHERE runnable"],
    )
    .await
}

async fn create_workers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::text("worker").primary_key().take(),
        table::uuid("boot"),
        table::bigint("sequence"),
        // The answer to `sequence`, for a repeat of the call.
        table::json("leases"),
        table::json("lost"),
        table::json("past_boots"),
        table::timestamp("seen_time"),
    ];
    manager.create_table(table::new("workers", columns)).await?;
    table::index(manager, "workers", &["seen_time"]).await
}

async fn create_schedules(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::text("key").primary_key().take(),
        table::text("cron"),
        table::text("time_zone"),
        table::json("job"),
        table::blob("payload"),
        table::timestamp("next_run_time"),
        table::timestamp("last_run_time").null().take(),
    ];
    table::create_for_tenants(manager, "schedules", table::new("schedules", columns)).await?;
    table::index(manager, "schedules", &["next_run_time"]).await
}

async fn execute(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    for statement in statements {
        manager
            .get_connection()
            .execute_unprepared(statement)
            .await?;
    }
    Ok(())
}
