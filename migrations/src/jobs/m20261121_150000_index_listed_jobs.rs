//! An index of the jobs that lists show: without it a page is found by reading past all
//! housekeeping.

use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_150000_index_listed_jobs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "CREATE INDEX ix_jobs_listed ON jobs (org_id, position) \
                   WHERE (display_name <> '' OR state = 'dead')";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}
