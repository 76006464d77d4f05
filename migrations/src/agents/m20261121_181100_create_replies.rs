//! What is to be sent to clients, and what waits for a person.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_181100_create_replies"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_replies(manager).await?;
        create_drafts(manager).await
    }
}

/// One message to be sent each; the text is in the message of the same id.
async fn create_replies(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("conversation_id"),
        table::uuid("turn_id").null().take(),
        table::uuid("request_id").null().take(),
        table::text("kind"),
        // From 0, in the order of sending.
        table::int("part"),
        table::bigint("delay_ms"),
        table::text("state"),
        table::text("reason"),
        // Who had the word when it was decided.
        table::bigint("control_epoch"),
        // The newest of the client's messages that it answers, and what was answered before.
        table::bigint("inbound_sequence"),
        table::bigint("answered_before"),
        // Of the job that sends it.
        table::bigint("fence"),
        table::timestamp("create_time"),
        table::timestamp("update_time"),
    ];
    let mut replies = table::new("replies", columns);
    replies.foreign_key(&mut table::belongs_to("conversation_id", "conversations"));
    table::create_for_tenants(manager, "replies", replies).await?;
    let of_request = ["org_id", "conversation_id", "request_id"];
    table::unique(manager, "replies", &of_request).await?;
    table::index(manager, "replies", &["org_id", "conversation_id", "state"]).await?;
    table::index(manager, "replies", &["org_id", "turn_id"]).await
}

async fn create_drafts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("conversation_id"),
        table::uuid("turn_id"),
        // What it is sent as.
        table::text("kind"),
        table::text("state"),
        table::text("content"),
        table::json("sentences"),
        table::text("sent_text"),
        table::text("reject_reason"),
        table::bigint("control_epoch"),
        table::bigint("inbound_sequence"),
        table::timestamp("create_time"),
        table::timestamp("end_time").null().take(),
    ];
    let mut drafts = table::new("drafts", columns);
    drafts.foreign_key(&mut table::belongs_to("conversation_id", "conversations"));
    table::create_for_tenants(manager, "drafts", drafts).await?;
    table::index(manager, "drafts", &["org_id", "conversation_id", "state"]).await?;
    table::index(manager, "drafts", &["org_id", "state", "create_time"]).await
}
