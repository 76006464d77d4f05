//! Answers may be kept for equal requests: by the route, and seen in the records.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_061000_add_caches"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Null = the route says nothing.
        let ttl = table::int("cache_ttl_seconds").null().take();
        table::add_column(manager, "routes", ttl).await?;
        let cached = table::boolean("cached").default(false).take();
        table::add_column(manager, "usage_records", cached).await
    }
}
