//! The organization's Kommo integration, and the Kommo accounts to be connected through it.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_120000_create_credentials_and_connections"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_credentials(manager).await?;
        create_connections(manager).await
    }
}

async fn create_credentials(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("client_id"),
        table::blob("client_secret"),
        table::text("redirect_uri"),
        table::timestamp("update_time"),
    ];
    let credentials = table::new("credentials", columns);
    table::create_for_tenants(manager, "credentials", credentials).await?;
    table::unique(manager, "credentials", &["org_id"]).await
}

async fn create_connections(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::text("host"),
        table::uuid("request_id").null().take(),
        table::timestamp("create_time"),
    ];
    let connections = table::new("connections", columns);
    table::create_for_tenants(manager, "connections", connections).await?;
    table::unique(manager, "connections", &["org_id", "host"]).await?;
    table::unique(manager, "connections", &["org_id", "request_id"]).await
}
