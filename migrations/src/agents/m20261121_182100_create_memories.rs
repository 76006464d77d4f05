//! What agents remember of clients.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_182100_create_memories"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            table::id(),
            // `connections/{connection}/contacts/{contact}`, `conversations/{conversation}`.
            table::text("client_key"),
            table::text("kind"),
            table::text("memory_key"),
            table::text("content"),
            table::text("source"),
            // Another one outdoes it.
            table::uuid("superseded_by").null().take(),
            // Whose answer it was taken with.
            table::uuid("turn_id").null().take(),
            table::timestamp("create_time"),
            table::timestamp("expire_time").null().take(),
        ];
        let memories = table::new("memories", columns);
        table::create_for_tenants(manager, "memories", memories).await?;
        let newest = ["org_id", "client_key", "create_time"];
        table::index(manager, "memories", &newest).await
    }
}
