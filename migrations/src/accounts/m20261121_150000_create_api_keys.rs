//! Keys of the organization's own programs.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_150000_create_api_keys"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            table::id(),
            // The 8 characters by which a key that is shown is found.
            table::text("key_id"),
            table::text("key_hash"),
            // How the key begins, for lists.
            table::text("prefix"),
            table::text("display_name"),
            // Permissions, separated by spaces.
            table::text("scopes"),
            // Refers to no row: the key outlives its creator, ended, for the audit log.
            table::uuid("creator_id"),
            table::uuid("request_id").null().take(),
            table::timestamp("create_time"),
            table::timestamp("expire_time").null().take(),
            table::timestamp("last_used_time").null().take(),
            table::timestamp("revoke_time").null().take(),
        ];
        table::create_for_tenants(manager, "api_keys", table::new("api_keys", columns)).await?;
        table::unique(manager, "api_keys", &["key_id"]).await?;
        table::unique(manager, "api_keys", &["org_id", "request_id"]).await?;
        table::index(manager, "api_keys", &["org_id", "id"]).await
    }
}
