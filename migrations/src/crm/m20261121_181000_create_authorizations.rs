//! Authorizations that people have begun, and installs that Kommo tells of.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_181000_create_authorizations"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_authorizations(manager).await?;
        create_pending_installs(manager).await
    }
}

async fn create_authorizations(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::blob("state_hash"),
        // Who began it: `user:…`, `key:…`.
        table::text("subject"),
        // A connection that is granted again.
        table::uuid("connection_id").null().take(),
        table::timestamp("create_time"),
        table::timestamp("expire_time"),
        table::timestamp("use_time").null().take(),
        // The connection that came of it.
        table::uuid("made_connection_id").null().take(),
    ];
    let authorizations = table::new("authorizations", columns);
    table::create_for_tenants(manager, "authorizations", authorizations).await?;
    table::unique(manager, "authorizations", &["org_id", "state_hash"]).await
}

/// Of no organization: shown to those whose integration it is.
async fn create_pending_installs(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("client_id"),
        table::text("host"),
        table::blob("code"),
        table::timestamp("create_time"),
        table::timestamp("expire_time"),
    ];
    let installs = table::new("pending_installs", columns);
    manager.create_table(installs).await?;
    table::unique(manager, "pending_installs", &["client_id", "host"]).await?;
    table::index(manager, "pending_installs", &["expire_time"]).await
}
