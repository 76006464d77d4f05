//! Tries at sending that nobody has ended are looked for: the others must cost that nothing.

use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_230000_index_messages_that_are_sent"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = "CREATE INDEX ix_messages_sending ON messages (update_time) \
            WHERE state = 'sending'";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }
}
