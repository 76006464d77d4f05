//! Suites of cases that agents are tried with, and their runs.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_061000_create_evaluation"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_suites(manager).await?;
        create_cases(manager).await?;
        create_runs(manager).await?;
        create_results(manager).await
    }
}

async fn create_suites(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("agent_id"),
        table::text("display_name"),
        // In lower case: what is unique.
        table::text("name_key"),
        table::boolean("required_for_publish"),
        table::bigint("budget_micro_usd"),
        table::uuid("request_id").null().take(),
        // Grows with every change of a case too: a run of an older one does not count.
        table::bigint("revision"),
        table::timestamp("create_time"),
        table::timestamp("update_time"),
    ];
    let mut suites = table::new("eval_suites", columns);
    suites.foreign_key(&mut table::belongs_to("agent_id", "agents"));
    table::create_for_tenants(manager, "eval_suites", suites).await?;
    table::has_children(manager, "eval_suites").await?;
    let name = ["org_id", "agent_id", "name_key"];
    table::unique(manager, "eval_suites", &name).await?;
    table::unique(manager, "eval_suites", &["org_id", "request_id"]).await
}

async fn create_cases(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("suite_id"),
        table::text("display_name"),
        table::boolean("enabled"),
        table::json("setup"),
        table::json("client_texts"),
        table::json("asserts"),
        table::uuid("request_id").null().take(),
        table::bigint("revision"),
        table::timestamp("create_time"),
        table::timestamp("update_time"),
    ];
    let mut cases = table::new("eval_cases", columns);
    cases.foreign_key(&mut table::belongs_to("suite_id", "eval_suites"));
    table::create_for_tenants(manager, "eval_cases", cases).await?;
    table::index(manager, "eval_cases", &["org_id", "suite_id"]).await?;
    table::unique(manager, "eval_cases", &["org_id", "request_id"]).await
}

async fn create_runs(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("suite_id"),
        // What is tried; null for the draft.
        table::uuid("version_id").null().take(),
        table::int("version_number"),
        table::text("sha256"),
        // Of the suite, when the run was asked for.
        table::bigint("suite_revision"),
        table::text("state"),
        table::text("error_reason"),
        table::int("case_count"),
        table::int("passed_count"),
        table::int("failed_count"),
        table::bigint("cost_micro_usd"),
        table::bigint("budget_micro_usd"),
        table::uuid("request_id").null().take(),
        table::timestamp("create_time"),
        table::timestamp("end_time").null().take(),
    ];
    let mut runs = table::new("eval_runs", columns);
    runs.foreign_key(&mut table::belongs_to("suite_id", "eval_suites"));
    table::create_for_tenants(manager, "eval_runs", runs).await?;
    table::has_children(manager, "eval_runs").await?;
    let newest = ["org_id", "suite_id", "create_time"];
    table::index(manager, "eval_runs", &newest).await?;
    table::unique(manager, "eval_runs", &["org_id", "request_id"]).await
}

async fn create_results(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("run_id"),
        table::uuid("case_id"),
        table::uuid("conversation_id"),
        table::text("display_name"),
        table::boolean("passed"),
        table::text("error_reason"),
        table::json("asserts"),
        table::json("replies"),
        table::bigint("cost_micro_usd"),
        table::int("took_ms"),
        table::timestamp("create_time"),
    ];
    let mut results = table::new("eval_results", columns);
    results.foreign_key(&mut table::belongs_to("run_id", "eval_runs"));
    table::create_for_tenants(manager, "eval_results", results).await?;
    let once = ["org_id", "run_id", "case_id"];
    table::unique(manager, "eval_results", &once).await
}
