//! The lease under which a source is read: a reader that was stopped past it writes nothing.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_100000_fence_readings"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let fence = table::bigint("reader_fence").default(0).take();
        let grown = Table::alter()
            .table("knowledge_sources")
            .add_column(fence)
            .take();
        manager.alter_table(grown).await
    }
}
