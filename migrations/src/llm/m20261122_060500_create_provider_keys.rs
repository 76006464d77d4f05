//! Keys of organizations' own at the provider of models, and which key each call was made with.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_060500_create_provider_keys"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            table::id(),
            table::text("provider"),
            table::text("display_name"),
            table::blob("secret"),
            table::text("hint"),
            table::text("state"),
            table::int("priority"),
            table::uuid("request_id").null().take(),
            table::text("bench_reason").null().take(),
            table::timestamp("bench_end_time").null().take(),
            table::timestamp("create_time"),
            table::timestamp("update_time"),
            table::timestamp("last_used_time").null().take(),
        ];
        let keys = table::new("provider_keys", columns);
        table::create_for_tenants(manager, "provider_keys", keys).await?;
        table::unique(manager, "provider_keys", &["org_id", "request_id"]).await?;
        let columns = [
            table::id(),
            table::boolean("fallback_to_platform_key"),
            table::timestamp("update_time"),
        ];
        let policies = table::new("provider_key_policies", columns);
        table::create_for_tenants(manager, "provider_key_policies", policies).await?;
        table::unique(manager, "provider_key_policies", &["org_id"]).await?;
        // `providerKeys/{provider_key}`; empty = the platform's.
        let key = table::text("provider_key").default("").take();
        table::add_column(manager, "usage_records", key).await
    }
}
