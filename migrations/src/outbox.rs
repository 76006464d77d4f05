//! The outbox, which every service has.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_000000_create_outbox"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            // The order of enqueuing, which the relay keeps.
            table::position(),
            table::uuid("id"),
            table::uuid("org_id").null().take(),
            table::text("queue"),
            table::text("kind"),
            table::blob("payload"),
            table::text("ordering_key").null().take(),
            table::text("unique_key").null().take(),
            table::int("priority"),
            table::timestamp("run_at"),
            table::timestamp("create_time"),
            table::text("trace_context").null().take(),
            table::text("resource"),
            table::text("display_name"),
        ];
        manager.create_table(table::new("outbox", columns)).await?;
        table::unique(manager, "outbox", &["id"]).await
    }
}
