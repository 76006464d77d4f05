//! Messages one after another, to clients who do not answer.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_190100_create_sequences"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_sequences(manager).await?;
        create_executions(manager).await
    }
}

async fn create_sequences(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("agent_id"),
        table::text("display_name"),
        // In lower case: what is unique.
        table::text("name_key"),
        table::boolean("enabled"),
        table::text("start_kind"),
        table::int("start_minutes"),
        table::bigint("start_pipeline_id"),
        table::bigint("start_stage_id"),
        table::text("skip_condition"),
        table::json("stages"),
        table::json("steps"),
        table::int("quiet_start_minute"),
        table::int("quiet_end_minute"),
        table::uuid("request_id").null().take(),
        table::bigint("revision"),
        table::timestamp("create_time"),
        table::timestamp("update_time"),
    ];
    let mut sequences = table::new("sequences", columns);
    sequences.foreign_key(&mut table::belongs_to("agent_id", "agents"));
    table::create_for_tenants(manager, "sequences", sequences).await?;
    table::has_children(manager, "sequences").await?;
    let name = ["org_id", "agent_id", "name_key"];
    table::unique(manager, "sequences", &name).await?;
    table::unique(manager, "sequences", &["org_id", "request_id"]).await
}

async fn create_executions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("sequence_id"),
        table::uuid("conversation_id"),
        // The conversation while it runs: there it runs once at a time.
        table::uuid("running_in").null().take(),
        table::text("state"),
        table::text("stop_reason"),
        table::text("started_by"),
        table::int("next_step"),
        table::timestamp("next_time").null().take(),
        // Who had the word, and what the client had said, when it started.
        table::bigint("control_epoch"),
        table::bigint("inbound_sequence"),
        table::timestamp("create_time"),
        table::timestamp("end_time").null().take(),
    ];
    let mut executions = table::new("sequence_executions", columns);
    executions.foreign_key(&mut table::belongs_to("sequence_id", "sequences"));
    executions.foreign_key(&mut table::belongs_to("conversation_id", "conversations"));
    table::create_for_tenants(manager, "sequence_executions", executions).await?;
    let once = ["org_id", "sequence_id", "running_in"];
    table::unique(manager, "sequence_executions", &once).await?;
    let of_chat = ["org_id", "running_in"];
    table::index(manager, "sequence_executions", &of_chat).await?;
    let conversation = ["org_id", "conversation_id"];
    table::index(manager, "sequence_executions", &conversation).await?;
    let newest = ["org_id", "sequence_id", "create_time"];
    table::index(manager, "sequence_executions", &newest).await
}
