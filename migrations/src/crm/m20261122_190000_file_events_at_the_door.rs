//! A body is kept with its events: nobody reads it later.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_190000_file_events_at_the_door"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, "webhook_inbox", &["parse_time", "receive_time"]).await?;
        for column in ["parse_time", "revivals"] {
            let mut change = Table::alter();
            change.table("webhook_inbox").drop_column(column);
            manager.alter_table(change).await?;
        }
        drop_index(manager, "events", &["org_id", "inbox_id"]).await?;
        table::index(manager, "webhook_inbox", &["receive_time"]).await
    }
}

async fn drop_index(
    manager: &SchemaManager<'_>,
    table: &str,
    columns: &[&str],
) -> Result<(), DbErr> {
    let mut dropping = Index::drop();
    dropping
        .name(format!("ix_{table}_{}", columns.join("_")))
        .table(table.to_owned());
    manager.drop_index(dropping).await
}
