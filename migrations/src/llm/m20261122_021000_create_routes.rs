//! Names of organizations for models.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_021000_create_routes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            table::id(),
            table::text("alias"),
            // Models with their limits, in the order in which they are asked.
            table::json("targets"),
            table::int("hedge_delay_ms"),
            table::timestamp("update_time"),
        ];
        let routes = table::new("routes", columns);
        table::create_for_tenants(manager, "routes", routes).await?;
        table::unique(manager, "routes", &["org_id", "alias"]).await
    }
}
