//! The mirror of accounts: what they are set up with, their leads and contacts, and what
//! synchronisations have changed.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_182000_create_mirror"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_catalog_items(manager).await?;
        create_sync_changes(manager).await?;
        create_sync_cursors(manager).await?;
        create_leads(manager).await?;
        create_contacts(manager).await?;
        create_channels(manager).await
    }
}

async fn create_with_key(
    manager: &SchemaManager<'_>,
    name: &str,
    mut table: TableCreateStatement,
    key: &[&'static str],
) -> Result<(), DbErr> {
    let mut primary = Index::create();
    primary.col(table::ORG_ID).col("connection_id");
    for column in key {
        primary.col(*column);
    }
    table.primary_key(&mut primary);
    table.foreign_key(&mut table::belongs_to("connection_id", "connections"));
    table::create_for_tenants(manager, name, table).await
}

/// Pipelines, stages, users, custom fields, task types, loss reasons, sources: alike in that they
/// are known by a key of Kommo's, have a name, and may go.
async fn create_catalog_items(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::uuid("connection_id"),
        table::text("entity"),
        // `700`, of a stage `700/7001`.
        table::text("key"),
        table::text("display_name"),
        // In Kommo's order.
        table::bigint("position"),
        // What the entity has besides.
        table::json("facts"),
        table::timestamp("gone_time").null().take(),
    ];
    let items = table::new("catalog_items", columns);
    create_with_key(manager, "catalog_items", items, &["entity", "key"]).await
}

async fn create_sync_changes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("connection_id"),
        table::timestamp("create_time"),
        table::text("kind"),
        table::text("entity"),
        table::text("entity_key"),
        table::text("display_name"),
        table::text("previous_display_name"),
    ];
    let mut changes = table::new("sync_changes", columns);
    changes.foreign_key(&mut table::belongs_to("connection_id", "connections"));
    table::create_for_tenants(manager, "sync_changes", changes).await?;
    table::index(manager, "sync_changes", &["org_id", "connection_id", "id"]).await
}

/// Up to which change of leads and contacts the mirror is read.
async fn create_sync_cursors(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::uuid("connection_id"),
        table::text("entity"),
        table::timestamp("synced_until"),
    ];
    let cursors = table::new("sync_cursors", columns);
    create_with_key(manager, "sync_cursors", cursors, &["entity"]).await
}

async fn create_leads(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::uuid("connection_id"),
        table::bigint("lead_id"),
        table::text("display_name"),
        table::bigint("pipeline_id"),
        table::bigint("stage_id"),
        // In whole units of the account's currency.
        table::bigint("price"),
        table::bigint("responsible_user_id"),
        table::bigint("loss_reason_id"),
        table::bigint("contact_id").null().take(),
        table::json("fields"),
        table::json("tags"),
        table::boolean("is_closed"),
        table::boolean("is_deleted"),
        // When it was changed at Kommo.
        table::timestamp("update_time").null().take(),
        // When it was read.
        table::timestamp("read_time"),
    ];
    let leads = table::new("leads", columns);
    create_with_key(manager, "leads", leads, &["lead_id"]).await
}

async fn create_contacts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::uuid("connection_id"),
        table::bigint("contact_id"),
        table::text("display_name"),
        table::bigint("responsible_user_id"),
        table::json("fields"),
        table::boolean("is_deleted"),
        table::timestamp("update_time").null().take(),
        table::timestamp("read_time"),
    ];
    let contacts = table::new("contacts", columns);
    create_with_key(manager, "contacts", contacts, &["contact_id"]).await
}

/// Channels that messages have come from.
async fn create_channels(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::uuid("connection_id"),
        table::text("channel"),
        // 0 = not known.
        table::bigint("source_id"),
        table::timestamp("last_message_time"),
    ];
    let channels = table::new("channels", columns);
    create_with_key(manager, "channels", channels, &["channel", "source_id"]).await
}
