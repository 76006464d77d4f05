//! What becomes of calls that a budget has no room for.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_061500_add_budget_exhaustion"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let exhaustion = table::text("exhaustion").default("degrade").take();
        table::add_column(manager, "budgets", exhaustion).await
    }
}
