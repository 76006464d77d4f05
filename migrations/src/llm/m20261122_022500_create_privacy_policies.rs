//! What of people's data the providers of models are shown.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_022500_create_privacy_policies"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            table::id(),
            table::boolean("emails_allowed"),
            table::boolean("phones_allowed"),
            table::boolean("cards_allowed"),
            table::timestamp("update_time"),
        ];
        let policies = table::new("privacy_policies", columns);
        table::create_for_tenants(manager, "privacy_policies", policies).await?;
        table::unique(manager, "privacy_policies", &["org_id"]).await
    }
}
