//! Calls that are over and whose cost the provider has not told yet.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_021100_create_settlements"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            table::id(),
            table::uuid("reservation_id"),
            // The usage record that is written if the provider never tells.
            table::json("record"),
            table::int("tries"),
            table::timestamp("next_time"),
        ];
        let mut settlements = table::new("settlements", columns);
        settlements.foreign_key(&mut table::belongs_to("reservation_id", "reservations"));
        table::create_for_tenants(manager, "settlements", settlements).await?;
        table::unique(manager, "settlements", &["org_id", "reservation_id"]).await?;
        table::index(manager, "settlements", &["next_time"]).await
    }
}
