//! What the company says: scripts, and responses to objections.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_182000_create_playbook"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_scripts(manager).await?;
        create_responses(manager).await?;
        create_uses(manager).await
    }
}

async fn create_scripts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        // Null = every agent.
        table::uuid("agent_id").null().take(),
        table::text("display_name"),
        // In lower case: what is unique.
        table::text("name_key"),
        table::text("script_type"),
        table::text("content"),
        table::json("variables"),
        table::json("stages"),
        table::json("languages"),
        table::boolean("verbatim"),
        table::text("state"),
        table::bigint("usage_count"),
        table::bigint("success_count"),
        // Name and words in lower case, to search in.
        table::text("search_key"),
        table::uuid("request_id").null().take(),
        table::bigint("revision"),
        table::timestamp("create_time"),
        table::timestamp("update_time"),
    ];
    let mut scripts = table::new("scripts", columns);
    scripts.foreign_key(&mut table::belongs_to("agent_id", "agents"));
    table::create_for_tenants(manager, "scripts", scripts).await?;
    table::unique(manager, "scripts", &["org_id", "name_key"]).await?;
    table::unique(manager, "scripts", &["org_id", "request_id"]).await?;
    table::index(manager, "scripts", &["org_id", "agent_id"]).await
}

async fn create_responses(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        // Null = every agent.
        table::uuid("agent_id").null().take(),
        table::text("objection_type"),
        table::json("phrases"),
        table::text("response"),
        table::text("technique"),
        table::int("max_discount_percent").null().take(),
        table::json("stages"),
        table::int("escalate_after"),
        table::text("state"),
        table::bigint("usage_count"),
        table::bigint("success_count"),
        // Of the counts, to order by.
        table::double("effectiveness"),
        // Phrases and words in lower case, to search in.
        table::text("search_key"),
        table::uuid("request_id").null().take(),
        table::bigint("revision"),
        table::timestamp("create_time"),
        table::timestamp("update_time"),
    ];
    let mut responses = table::new("objection_responses", columns);
    responses.foreign_key(&mut table::belongs_to("agent_id", "agents"));
    table::create_for_tenants(manager, "objection_responses", responses).await?;
    table::unique(manager, "objection_responses", &["org_id", "request_id"]).await?;
    table::index(manager, "objection_responses", &["org_id", "agent_id"]).await?;
    let order = ["org_id", "objection_type", "effectiveness"];
    table::index(manager, "objection_responses", &order).await
}

/// Plays that were said to clients: a success is a client who answers within a day.
async fn create_uses(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("conversation_id"),
        table::uuid("turn_id"),
        // `scripts/{script}`, `objectionResponses/{response}`.
        table::text("play"),
        table::boolean("succeeded"),
        table::timestamp("create_time"),
    ];
    let mut uses = table::new("play_uses", columns);
    uses.foreign_key(&mut table::belongs_to("conversation_id", "conversations"));
    table::create_for_tenants(manager, "play_uses", uses).await?;
    table::unique(manager, "play_uses", &["org_id", "turn_id", "play"]).await?;
    let newest = ["org_id", "conversation_id", "create_time"];
    table::index(manager, "play_uses", &newest).await
}
