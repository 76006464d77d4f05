//! One row for each call of a model.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_000100_create_usage_records"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            table::id(),
            // Not unique: a call that is repeated costs again.
            table::uuid("request_id"),
            table::timestamp("create_time"),
            // `2026-11-21`, of `create_time` in UTC.
            table::text("day"),
            table::text("purpose"),
            table::text("agent"),
            table::text("provider"),
            table::text("model"),
            // The provider's own id of the call.
            table::text("generation"),
            // `ok`, `failed` or `cancelled`.
            table::text("outcome"),
            table::text("reason").null().take(),
            table::bigint("prompt_tokens"),
            table::bigint("completion_tokens"),
            table::bigint("cached_tokens"),
            table::bigint("cost_nano_usd"),
            table::boolean("cost_known"),
            table::int("attempts"),
            table::int("first_token_ms").null().take(),
            table::int("total_ms"),
        ];
        let records = table::new("usage_records", columns);
        table::create_for_tenants(manager, "usage_records", records).await?;
        table::index(manager, "usage_records", &["org_id", "create_time"]).await?;
        table::index(
            manager,
            "usage_records",
            &["org_id", "agent", "create_time"],
        )
        .await
    }
}
