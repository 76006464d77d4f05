//! People, organizations, who belongs to which, and who is invited.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_120000_create_accounts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_users(manager).await?;
        create_organizations(manager).await?;
        create_members(manager).await?;
        create_invites(manager).await
    }
}

/// People are looked up before their organization is known, so this is no tenant table.
async fn create_users(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::text("email"),
        // In lower case: what is unique.
        table::text("email_key"),
        table::text("display_name"),
        table::text("locale"),
        table::text("theme"),
        table::text("password_hash"),
        // Of the registration, to know it when it is repeated.
        table::uuid("request_id").null().take(),
        table::timestamp("create_time"),
    ];
    manager.create_table(table::new("users", columns)).await?;
    table::unique(manager, "users", &["email_key"]).await
}

async fn create_organizations(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::text("display_name"),
        table::text("locale"),
        table::text("time_zone"),
        table::bigint("revision"),
        table::timestamp("create_time"),
        table::timestamp("update_time"),
    ];
    let mut organizations = table::new("organizations", columns);
    organizations.primary_key(Index::create().col(table::ORG_ID));
    table::create_for_tenants(manager, "organizations", organizations).await
}

async fn create_members(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::uuid("user_id"),
        table::text("role"),
        table::timestamp("create_time"),
    ];
    let mut members = table::new("organization_members", columns);
    members.primary_key(Index::create().col(table::ORG_ID).col("user_id"));
    members.foreign_key(&mut table::refers_to("user_id", "users"));
    table::create_for_tenants(manager, "organization_members", members).await?;
    // A person belongs to one organization: joining makes the account.
    table::unique(manager, "organization_members", &["user_id"]).await
}

async fn create_invites(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::text("email"),
        table::text("email_key"),
        table::text("role"),
        table::text("secret_hash"),
        table::uuid("request_id").null().take(),
        table::timestamp("create_time"),
        table::timestamp("expire_time"),
    ];
    let invites = table::new("organization_invites", columns);
    table::create_for_tenants(manager, "organization_invites", invites).await?;
    table::unique(manager, "organization_invites", &["org_id", "email_key"]).await?;
    table::unique(manager, "organization_invites", &["org_id", "request_id"]).await?;
    table::unique(manager, "organization_invites", &["secret_hash"]).await
}
