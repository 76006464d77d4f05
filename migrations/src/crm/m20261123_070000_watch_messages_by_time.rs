//! When to ask how a message fares is in its row; those that are over must cost that nothing.

use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261123_070000_watch_messages_by_time"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut look_time = ColumnDef::new(Alias::new("look_time"));
        let messages = Table::alter()
            .table(Alias::new("messages"))
            .add_column(look_time.timestamp_with_time_zone())
            .to_owned();
        manager.alter_table(messages).await?;
        let index = "CREATE INDEX ix_messages_look_time ON messages (look_time) \
            WHERE look_time IS NOT NULL";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }
}
