//! Sessions, their tokens, and how often passwords were tried.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_120100_create_sessions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_sessions(manager).await?;
        create_session_tokens(manager).await?;
        create_sign_in_buckets(manager).await
    }
}

async fn create_sessions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("user_id"),
        table::text("user_agent").null().take(),
        table::text("client_address").null().take(),
        table::boolean("remember"),
        table::timestamp("create_time"),
        table::timestamp("last_used_time"),
        table::timestamp("expire_time"),
        table::timestamp("rotate_time").null().take(),
    ];
    let mut sessions = table::new("sessions", columns);
    sessions.foreign_key(&mut table::refers_to("user_id", "users"));
    table::create_for_tenants(manager, "sessions", sessions).await?;
    table::has_children(manager, "sessions").await?;
    table::index(manager, "sessions", &["user_id"]).await?;
    table::index(manager, "sessions", &["expire_time"]).await
}

/// A replaced token stays while its session lives: its use after its time is how a stolen one
/// is noticed.
async fn create_session_tokens(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::text("token_hash").primary_key().take(),
        table::uuid("session_id"),
        table::timestamp("create_time"),
        // Null while it is not replaced.
        table::timestamp("expire_time").null().take(),
    ];
    let mut tokens = table::new("session_tokens", columns);
    tokens.foreign_key(&mut table::belongs_to("session_id", "sessions"));
    table::create_for_tenants(manager, "session_tokens", tokens).await?;
    table::index(manager, "session_tokens", &["org_id", "session_id"]).await
}

async fn create_sign_in_buckets(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::text("bucket").primary_key().take(),
        // When it will be full again; a row in the past means nothing.
        table::timestamp("full_at"),
    ];
    manager
        .create_table(table::new("sign_in_buckets", columns))
        .await?;
    table::index(manager, "sign_in_buckets", &["full_at"]).await
}
