//! Agents and their settings.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_120000_create_agents"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            table::id(),
            table::text("display_name"),
            // In lower case: what is unique.
            table::text("name_key"),
            table::text("state"),
            // Of `settings`, to filter by.
            table::text("model"),
            // What the tabs of the editor hold.
            table::json("settings"),
            table::uuid("request_id").null().take(),
            table::bigint("messages_total"),
            table::timestamp("last_activity_time").null().take(),
            table::bigint("revision"),
            table::timestamp("create_time"),
            table::timestamp("update_time"),
        ];
        table::create_for_tenants(manager, "agents", table::new("agents", columns)).await?;
        table::has_children(manager, "agents").await?;
        table::unique(manager, "agents", &["org_id", "name_key"]).await?;
        table::unique(manager, "agents", &["org_id", "request_id"]).await?;
        table::index(manager, "agents", &["org_id", "update_time"]).await
    }
}
