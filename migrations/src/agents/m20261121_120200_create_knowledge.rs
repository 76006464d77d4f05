//! What the agents answer from: categories, sources, chunks.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_120200_create_knowledge"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_categories(manager).await?;
        create_sources(manager).await?;
        create_chunks(manager).await?;
        create_versions(manager).await
    }
}

async fn create_categories(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        // The nil UUID at the root, so that siblings there are unique too.
        table::uuid("parent_id"),
        table::text("display_name"),
        // In lower case: what is unique.
        table::text("name_key"),
        table::text("description"),
        table::int("sort_order"),
        table::uuid("request_id").null().take(),
        table::bigint("revision"),
    ];
    let categories = table::new("knowledge_categories", columns);
    table::create_for_tenants(manager, "knowledge_categories", categories).await?;
    table::unique(
        manager,
        "knowledge_categories",
        &["org_id", "parent_id", "name_key"],
    )
    .await?;
    table::unique(manager, "knowledge_categories", &["org_id", "request_id"]).await
}

async fn create_sources(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::text("kind"),
        table::text("display_name"),
        table::text("name_key"),
        table::uuid("category_id").null().take(),
        table::text("state"),
        table::text("step"),
        table::text("error_reason"),
        table::text("error_message"),
        table::uuid("job_id").null().take(),
        // Of an article.
        table::text("content"),
        // Of a web page.
        table::text("uri"),
        table::text("document_type"),
        table::text("storage_path"),
        table::bigint("size_bytes"),
        table::text("sha256"),
        table::int("page_count"),
        table::int("chunk_count"),
        table::int("token_count"),
        table::text("language"),
        table::boolean("enabled"),
        // `2026-12-31`, empty for good.
        table::text("valid_until_date"),
        table::uuid("request_id").null().take(),
        // Of `knowledge_versions` when what is indexed changed last.
        table::bigint("index_version"),
        table::bigint("revision"),
        table::timestamp("create_time"),
        table::timestamp("update_time"),
        table::timestamp("process_time").null().take(),
    ];
    let sources = table::new("knowledge_sources", columns);
    table::create_for_tenants(manager, "knowledge_sources", sources).await?;
    table::has_children(manager, "knowledge_sources").await?;
    table::unique(manager, "knowledge_sources", &["org_id", "request_id"]).await?;
    table::index(manager, "knowledge_sources", &["org_id", "create_time"]).await?;
    table::index(manager, "knowledge_sources", &["org_id", "category_id"]).await
}

async fn create_chunks(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("source_id"),
        table::int("chunk_index"),
        table::text("content"),
        table::json("heading_path"),
        table::int("page"),
        table::int("char_start"),
        table::int("char_end"),
        table::int("token_count"),
        table::text("language"),
        table::blob("content_hash"),
        // Stems with their counts: what the index is made of.
        table::blob("terms"),
        // f32, little-endian.
        table::blob("embedding").null().take(),
        table::text("embedding_model"),
    ];
    let mut chunks = table::new("knowledge_chunks", columns);
    chunks.foreign_key(&mut table::belongs_to("source_id", "knowledge_sources"));
    table::create_for_tenants(manager, "knowledge_chunks", chunks).await?;
    table::unique(
        manager,
        "knowledge_chunks",
        &["org_id", "source_id", "chunk_index"],
    )
    .await
}

/// A number an organization, grown by every change of what is indexed.
async fn create_versions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut versions = table::new("knowledge_versions", [table::bigint("version")]);
    versions.primary_key(Index::create().col(table::ORG_ID));
    table::create_for_tenants(manager, "knowledge_versions", versions).await
}
