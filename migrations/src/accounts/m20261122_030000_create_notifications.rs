//! What people are told of, who has read it, and who wants to hear of what.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_030000_create_notifications"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_notifications(manager).await?;
        create_receipts(manager).await?;
        create_preferences(manager).await
    }
}

async fn create_notifications(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::text("type"),
        table::json("parameters"),
        table::text("resource"),
        // Who raises it again raises nothing.
        table::text("dedupe_key"),
        table::timestamp("create_time"),
    ];
    let notifications = table::new("notifications", columns);
    table::create_for_tenants(manager, "notifications", notifications).await?;
    table::has_children(manager, "notifications").await?;
    table::unique(manager, "notifications", &["org_id", "dedupe_key"]).await?;
    table::index(manager, "notifications", &["create_time"]).await
}

async fn create_receipts(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::uuid("notification_id"),
        table::uuid("user_id"),
        table::timestamp("read_time").null().take(),
    ];
    let mut receipts = table::new("notification_receipts", columns);
    let mut primary = Index::create();
    primary
        .col(table::ORG_ID)
        .col("notification_id")
        .col("user_id");
    receipts.primary_key(&mut primary);
    receipts.foreign_key(&mut table::belongs_to("notification_id", "notifications"));
    receipts.foreign_key(&mut table::refers_to("user_id", "users"));
    table::create_for_tenants(manager, "notification_receipts", receipts).await?;
    let by_person = ["user_id", "notification_id"];
    table::index(manager, "notification_receipts", &by_person).await
}

async fn create_preferences(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::uuid("user_id"),
        table::text("type"),
        table::boolean("in_app"),
    ];
    let mut preferences = table::new("notification_preferences", columns);
    let mut primary = Index::create();
    primary.col(table::ORG_ID).col("user_id").col("type");
    preferences.primary_key(&mut primary);
    preferences.foreign_key(&mut table::refers_to("user_id", "users"));
    table::create_for_tenants(manager, "notification_preferences", preferences).await?;
    table::index(manager, "notification_preferences", &["user_id"]).await
}
