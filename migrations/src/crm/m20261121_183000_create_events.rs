//! What Kommo tells of: the secrets of its addresses, bodies as they came, events and what became
//! of them, bots that wait for an answer, and what is looked for besides.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_183000_create_events"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mismatch_time = table::timestamp("mismatch_time").null().take();
        table::add_column(manager, "connections", mismatch_time).await?;
        create_webhook_secrets(manager).await?;
        create_webhook_inbox(manager).await?;
        create_events(manager).await?;
        create_bot_requests(manager).await?;
        create_intakes(manager).await
    }
}

/// Of a connection the newest has no end; the one before it lives on for a while.
async fn create_webhook_secrets(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("connection_id"),
        table::text("secret_hash"),
        table::blob("secret"),
        table::timestamp("create_time"),
        table::timestamp("expire_time").null().take(),
    ];
    let mut secrets = table::new("webhook_secrets", columns);
    secrets.foreign_key(&mut table::belongs_to("connection_id", "connections"));
    table::create_for_tenants(manager, "webhook_secrets", secrets).await?;
    // Whose a hook is, is known by it.
    table::unique(manager, "webhook_secrets", &["secret_hash"]).await?;
    table::index(
        manager,
        "webhook_secrets",
        &["org_id", "connection_id", "create_time"],
    )
    .await
}

async fn create_webhook_inbox(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("connection_id"),
        table::blob("body"),
        table::timestamp("receive_time"),
        // When its events were filed.
        table::timestamp("parse_time").null().take(),
        // How often its job was enqueued anew.
        table::int("revivals"),
    ];
    let mut inbox = table::new("webhook_inbox", columns);
    inbox.foreign_key(&mut table::belongs_to("connection_id", "connections"));
    table::create_for_tenants(manager, "webhook_inbox", inbox).await?;
    table::index(manager, "webhook_inbox", &["org_id", "connection_id"]).await?;
    table::index(manager, "webhook_inbox", &["parse_time", "receive_time"]).await
}

async fn create_events(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("connection_id"),
        table::text("dedupe_key"),
        table::text("source"),
        table::text("entity"),
        table::text("action"),
        table::text("entity_id"),
        table::text("payload"),
        table::text("state"),
        table::timestamp("state_time"),
        table::text("verdict"),
        table::text("conversation"),
        table::text("turn"),
        table::text("error_reason"),
        table::text("error_message"),
        table::int("deliveries"),
        table::boolean("is_dry_run"),
        // How often it was handled anew.
        table::int("replays"),
        table::uuid("inbox_id").null().take(),
        table::timestamp("receive_time"),
        table::timestamp("end_time").null().take(),
    ];
    let mut events = table::new("events", columns);
    events.foreign_key(&mut table::belongs_to("connection_id", "connections"));
    table::create_for_tenants(manager, "events", events).await?;
    table::unique(
        manager,
        "events",
        &["org_id", "connection_id", "dedupe_key"],
    )
    .await?;
    table::index(manager, "events", &["org_id", "id"]).await?;
    table::index(manager, "events", &["org_id", "inbox_id"]).await?;
    table::index(manager, "events", &["state", "state_time"]).await
}

async fn create_bot_requests(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("connection_id"),
        // `leads`, `contacts`, …, as Kommo names kinds.
        table::text("entity_kind"),
        table::bigint("entity_id"),
        table::text("return_url"),
        table::timestamp("receive_time"),
        // When it was answered.
        table::timestamp("use_time").null().take(),
    ];
    let mut requests = table::new("bot_requests", columns);
    requests.foreign_key(&mut table::belongs_to("connection_id", "connections"));
    table::create_for_tenants(manager, "bot_requests", requests).await?;
    table::unique(
        manager,
        "bot_requests",
        &["org_id", "connection_id", "return_url"],
    )
    .await?;
    table::index(
        manager,
        "bot_requests",
        &["org_id", "connection_id", "entity_id", "receive_time"],
    )
    .await?;
    table::index(manager, "bot_requests", &["receive_time"]).await
}

/// One a connection, of the same id.
async fn create_intakes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::timestamp("next_check_time"),
        table::timestamp("next_poll_time"),
        // Changes of talks are read from here on, by Kommo's clock.
        table::timestamp("poll_cursor"),
        // Talks near the cursor that were read: their times of change by their ids.
        table::json("polled_talks"),
    ];
    let mut intakes = table::new("intakes", columns);
    intakes.foreign_key(&mut table::belongs_to("id", "connections"));
    table::create_for_tenants(manager, "intakes", intakes).await?;
    table::index(manager, "intakes", &["org_id", "id"]).await?;
    table::index(manager, "intakes", &["next_poll_time"]).await?;
    table::index(manager, "intakes", &["next_check_time"]).await
}
