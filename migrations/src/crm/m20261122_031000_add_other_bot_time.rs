//! Connections know when a bot that is not ours last wrote to a client.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_031000_add_other_bot_time"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = table::timestamp("other_bot_time").null().take();
        table::add_column(manager, "connections", column).await
    }
}
