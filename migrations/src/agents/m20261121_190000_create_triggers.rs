//! What agents do by themselves when something happens.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_190000_create_triggers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_triggers(manager).await?;
        create_hits(manager).await
    }
}

async fn create_triggers(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("agent_id"),
        table::text("display_name"),
        table::boolean("enabled"),
        table::text("kind"),
        table::json("keywords"),
        table::text("condition"),
        table::bigint("pipeline_id"),
        table::bigint("stage_id"),
        table::int("after_minutes"),
        table::json("acts"),
        table::text("reply"),
        table::int("max_per_chat"),
        table::int("max_per_day"),
        // Among those of the agent.
        table::int("position"),
        table::bigint("hit_count"),
        table::timestamp("last_hit_time").null().take(),
        table::uuid("request_id").null().take(),
        table::bigint("revision"),
        table::timestamp("create_time"),
        table::timestamp("update_time"),
    ];
    let mut triggers = table::new("triggers", columns);
    triggers.foreign_key(&mut table::belongs_to("agent_id", "agents"));
    table::create_for_tenants(manager, "triggers", triggers).await?;
    table::has_children(manager, "triggers").await?;
    table::unique(manager, "triggers", &["org_id", "request_id"]).await?;
    table::index(manager, "triggers", &["org_id", "agent_id", "position"]).await
}

async fn create_hits(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("trigger_id"),
        table::uuid("conversation_id"),
        table::uuid("turn_id"),
        // The kind by which it fired.
        table::text("reason"),
        table::text("evidence"),
        table::text("outcome"),
        // What it did: where among the actions of the turn, kind, state and reason at its end.
        table::json("actions"),
        table::timestamp("create_time"),
    ];
    let mut hits = table::new("trigger_hits", columns);
    hits.foreign_key(&mut table::belongs_to("trigger_id", "triggers"));
    hits.foreign_key(&mut table::belongs_to("conversation_id", "conversations"));
    table::create_for_tenants(manager, "trigger_hits", hits).await?;
    let once = ["org_id", "trigger_id", "turn_id"];
    table::unique(manager, "trigger_hits", &once).await?;
    let newest = ["org_id", "trigger_id", "create_time"];
    table::index(manager, "trigger_hits", &newest).await?;
    let of_chat = ["org_id", "conversation_id", "create_time"];
    table::index(manager, "trigger_hits", &of_chat).await
}
