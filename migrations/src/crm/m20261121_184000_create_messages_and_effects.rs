//! Messages sent to clients and what is done to leads, each once a key that the caller gives.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_184000_create_messages_and_effects"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_messages(manager).await?;
        create_lead_effects(manager).await
    }
}

async fn create_messages(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("connection_id"),
        table::uuid("idempotency_key"),
        // To whom; 0 and empty when it was not said.
        table::bigint("talk_id"),
        table::text("chat_id"),
        table::bigint("lead_id"),
        table::bigint("contact_id"),
        table::text("content"),
        table::boolean("dry_run"),
        table::text("state"),
        // The one that sends it, or tried last; empty before the first try.
        table::text("transport"),
        // Kommo's, once it is known.
        table::text("message_id").null().take(),
        // Under which it was seen among outgoing messages; as a rule the same.
        table::text("seen_id").null().take(),
        table::text("reason"),
        table::text("detail"),
        // Of the last try; a try writes its outcome only under its own.
        table::bigint("fence"),
        // When the last try began, just before the call.
        table::timestamp("send_time").null().take(),
        table::timestamp("accept_time").null().take(),
        table::timestamp("create_time"),
        table::timestamp("update_time"),
    ];
    let mut messages = table::new("messages", columns);
    messages.foreign_key(&mut table::belongs_to("connection_id", "connections"));
    table::create_for_tenants(manager, "messages", messages).await?;
    table::unique(manager, "messages", &["org_id", "idempotency_key"]).await?;
    let of_kommo = ["org_id", "connection_id", "message_id"];
    table::unique(manager, "messages", &of_kommo).await?;
    table::index(manager, "messages", &["org_id", "connection_id", "seen_id"]).await?;
    let by_time = ["org_id", "connection_id", "send_time"];
    table::index(manager, "messages", &by_time).await
}

async fn create_lead_effects(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("connection_id"),
        table::uuid("idempotency_key"),
        table::bigint("lead_id"),
        // What is asked for.
        table::json("effect"),
        table::text("kind"),
        table::text("state"),
        table::text("reason"),
        table::text("detail"),
        // What it was before the first try, and what it is.
        table::json("before").null().take(),
        table::json("after").null().take(),
        // Kommo's id of what was made; unique for its kind.
        table::text("created_id").null().take(),
        table::bigint("fence"),
        // Of the last try.
        table::timestamp("begin_time").null().take(),
        // When something that makes one more each time may first have been done.
        table::timestamp("act_time").null().take(),
        table::timestamp("create_time"),
        table::timestamp("end_time").null().take(),
    ];
    let mut effects = table::new("lead_effects", columns);
    effects.foreign_key(&mut table::belongs_to("connection_id", "connections"));
    table::create_for_tenants(manager, "lead_effects", effects).await?;
    table::unique(manager, "lead_effects", &["org_id", "idempotency_key"]).await?;
    let created = ["org_id", "connection_id", "kind", "created_id"];
    table::unique(manager, "lead_effects", &created).await
}
