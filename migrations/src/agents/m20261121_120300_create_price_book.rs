//! What things cost: versions of a price list and their items.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_120300_create_price_book"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_versions(manager).await?;
        create_items(manager).await?;
        create_books(manager).await
    }
}

async fn create_versions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::int("number"),
        table::text("file_name"),
        table::int("item_count"),
        table::int("error_count"),
        table::boolean("skip_bad_rows"),
        table::int("added_count"),
        table::int("changed_count"),
        table::int("removed_count"),
        // At most 500, as they were answered.
        table::json("errors"),
        table::uuid("request_id").null().take(),
        table::timestamp("create_time"),
        table::timestamp("publish_time").null().take(),
    ];
    let versions = table::new("price_book_versions", columns);
    table::create_for_tenants(manager, "price_book_versions", versions).await?;
    table::has_children(manager, "price_book_versions").await?;
    table::unique(manager, "price_book_versions", &["org_id", "number"]).await?;
    table::unique(manager, "price_book_versions", &["org_id", "request_id"]).await
}

async fn create_items(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("version_id"),
        // From 0, in the order of the file.
        table::int("item_index"),
        table::text("sku"),
        table::text("display_name"),
        table::json("aliases"),
        table::text("unit"),
        table::bigint("price_minor"),
        table::text("currency"),
        table::boolean("price_from"),
        table::int("max_discount_percent"),
        // `2026-12-31` or empty.
        table::text("valid_from_date"),
        table::text("valid_until_date"),
        // Article, name and aliases in lower case.
        table::text("search_key"),
    ];
    let mut items = table::new("price_items", columns);
    items.foreign_key(&mut table::belongs_to("version_id", "price_book_versions"));
    table::create_for_tenants(manager, "price_items", items).await?;
    table::unique(
        manager,
        "price_items",
        &["org_id", "version_id", "item_index"],
    )
    .await
}

/// One row an organization: locked by whoever imports or publishes.
async fn create_books(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::int("last_number"),
        table::uuid("live_version_id").null().take(),
    ];
    let mut books = table::new("price_books", columns);
    books.primary_key(Index::create().col(table::ORG_ID));
    table::create_for_tenants(manager, "price_books", books).await
}
