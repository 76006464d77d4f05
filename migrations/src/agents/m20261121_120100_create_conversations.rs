//! Conversations, their messages, and the turns that answer them.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_120100_create_conversations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_conversations(manager).await?;
        create_messages(manager).await?;
        create_turns(manager).await?;
        create_turn_steps(manager).await
    }
}

async fn create_conversations(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("agent_id"),
        table::text("display_name"),
        table::text("channel"),
        table::text("language"),
        table::bigint("last_sequence"),
        table::int("turn_count"),
        table::bigint("cost_micro_usd"),
        table::boolean("opted_out"),
        table::uuid("request_id").null().take(),
        table::timestamp("create_time"),
        table::timestamp("update_time"),
    ];
    let mut conversations = table::new("conversations", columns);
    conversations.foreign_key(&mut table::belongs_to("agent_id", "agents"));
    table::create_for_tenants(manager, "conversations", conversations).await?;
    table::has_children(manager, "conversations").await?;
    table::unique(manager, "conversations", &["org_id", "request_id"]).await?;
    table::index(manager, "conversations", &["org_id", "update_time"]).await?;
    table::index(
        manager,
        "conversations",
        &["org_id", "agent_id", "update_time"],
    )
    .await
}

async fn create_messages(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("conversation_id"),
        table::bigint("sequence"),
        table::text("author"),
        table::text("content"),
        table::json("sentences"),
        table::uuid("turn_id").null().take(),
        table::timestamp("create_time"),
    ];
    let mut messages = table::new("messages", columns);
    messages.foreign_key(&mut table::belongs_to("conversation_id", "conversations"));
    table::create_for_tenants(manager, "messages", messages).await?;
    table::unique(
        manager,
        "messages",
        &["org_id", "conversation_id", "sequence"],
    )
    .await
}

async fn create_turns(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("conversation_id"),
        table::uuid("agent_id"),
        table::uuid("request_id").null().take(),
        table::text("mode"),
        table::text("state"),
        table::text("outcome"),
        table::text("skip_reason"),
        table::text("error_reason"),
        table::text("error_message"),
        table::json("passages"),
        table::json("prompt"),
        table::json("actions"),
        table::text("model"),
        table::bigint("prompt_tokens"),
        table::bigint("completion_tokens"),
        table::bigint("cost_micro_usd"),
        table::int("total_ms"),
        table::int("first_token_ms"),
        table::boolean("lexical_only"),
        table::timestamp("create_time"),
        // A turn still running then was interrupted.
        table::timestamp("expire_time"),
    ];
    let mut turns = table::new("turns", columns);
    turns.foreign_key(&mut table::belongs_to("conversation_id", "conversations"));
    table::create_for_tenants(manager, "turns", turns).await?;
    table::has_children(manager, "turns").await?;
    table::unique(
        manager,
        "turns",
        &["org_id", "conversation_id", "request_id"],
    )
    .await?;
    table::index(manager, "turns", &["org_id", "create_time"]).await?;
    table::index(manager, "turns", &["state", "expire_time"]).await
}

async fn create_turn_steps(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("turn_id"),
        table::int("step_index"),
        table::text("kind"),
        table::text("verdict"),
        table::json("detail"),
        table::bigint("took_micros"),
        table::bigint("prompt_tokens"),
        table::bigint("completion_tokens"),
        table::bigint("cost_micro_usd"),
    ];
    let mut steps = table::new("turn_steps", columns);
    steps.foreign_key(&mut table::belongs_to("turn_id", "turns"));
    table::create_for_tenants(manager, "turn_steps", steps).await?;
    table::unique(manager, "turn_steps", &["org_id", "turn_id", "step_index"]).await
}
