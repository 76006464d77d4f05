//! The rows that wrap effects outside the platform; see `t11_store::Effect`. A service that has
//! such effects puts this [`Migration`] into its list.

use sea_orm_migration::prelude::*;

use crate::table;

/// Makes the table.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_000100_create_effects"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            table::text("key"),
            table::bigint("fence"),
            table::timestamp("begin_time"),
            table::timestamp("done_time").null().take(),
        ];
        let mut effects = table::new("effects", columns);
        effects.primary_key(Index::create().col(table::ORG_ID).col("key"));
        table::create_for_tenants(manager, "effects", effects).await
    }
}
