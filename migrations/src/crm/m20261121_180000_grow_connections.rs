//! Connections become connected: what is known of the account, how it is used, and its tokens.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_180000_grow_connections"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in account().into_iter().chain(usage()).chain(state()) {
            table::add_column(manager, "connections", column).await?;
        }
        table::has_children(manager, "connections").await?;
        // Whoever connects an account has proved to hold it: one organization has it.
        table::unique(manager, "connections", &["account_id"]).await?;
        create_tokens(manager).await
    }
}

fn empty_text(name: &str) -> ColumnDef {
    table::text(name).default("").take()
}

fn zero(name: &str) -> ColumnDef {
    table::int(name).default(0).take()
}

/// What the account says of itself.
fn account() -> Vec<ColumnDef> {
    vec![
        table::text("kind").null().take(),
        table::bigint("account_id").null().take(),
        empty_text("account_display_name"),
        empty_text("currency"),
        empty_text("time_zone"),
        table::json("scopes").null().take(),
        // Where the account is looked for when it has moved.
        table::text("api_domain").null().take(),
        table::text("amojo_id").null().take(),
        table::text("drive_url").null().take(),
        table::boolean("is_unsorted_on").default(false).take(),
    ]
}

/// How it is used.
fn usage() -> Vec<ColumnDef> {
    vec![
        table::text("reply_transport").default("auto").take(),
        table::bigint("reply_field_id").null().take(),
        table::bigint("reply_bot_id").null().take(),
        zero("calls_per_second"),
        // Of messages, in the month `quota_month` (`2026-11`); 0 = not known.
        zero("quota_limit"),
        zero("quota_used"),
        empty_text("quota_month"),
    ]
}

/// How things stand.
fn state() -> Vec<ColumnDef> {
    vec![
        table::text("state").default("not_connected").take(),
        table::timestamp("update_time").null().take(),
        table::text("webhook_state").default("missing").take(),
        table::json("webhook_events").null().take(),
        table::timestamp("webhook_check_time").null().take(),
        table::timestamp("last_event_time").null().take(),
        table::timestamp("last_sync_time").null().take(),
        table::timestamp("sync_due_time").null().take(),
        table::uuid("sync_job").null().take(),
        // Of the running synchronisation: when it was last heard of.
        table::timestamp("sync_beat_time").null().take(),
    ]
}

/// One pair a connection. Apart from `connections`, for it is locked and rewritten by itself.
async fn create_tokens(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::uuid("connection_id"),
        // Of the integration that they were granted to.
        table::uuid("client_id").null().take(),
        table::blob("access_token"),
        table::blob("refresh_token").null().take(),
        table::timestamp("access_expire_time").null().take(),
        table::timestamp("refresh_due_time").null().take(),
        // Grows with every pair that is stored.
        table::bigint("version"),
        // Who may renew the pair: one at a time, until the lease ends; the fence grows with every one.
        table::uuid("lease_owner").null().take(),
        table::bigint("lease_fence"),
        table::timestamp("lease_until").null().take(),
    ];
    let mut tokens = table::new("tokens", columns);
    tokens.primary_key(Index::create().col(table::ORG_ID).col("connection_id"));
    tokens.foreign_key(&mut table::belongs_to("connection_id", "connections"));
    table::create_for_tenants(manager, "tokens", tokens).await?;
    table::index(manager, "tokens", &["refresh_due_time"]).await
}
