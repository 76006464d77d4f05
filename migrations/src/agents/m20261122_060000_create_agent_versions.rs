//! Versions of agents, and readings of sources that outlive the next reading while a version needs
//! them.

use sea_orm_migration::prelude::*;
use t11_store::constraint_name;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_060000_create_agent_versions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        grow_agents(manager).await?;
        grow_turns(manager).await?;
        grow_knowledge(manager).await?;
        create_versions(manager).await?;
        create_pins(manager).await
    }
}

async fn grow_agents(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    for column in [
        table::uuid("live_version_id").null().take(),
        // 0 = never published.
        table::int("live_version_number").default(0).take(),
    ] {
        table::add_column(manager, "agents", column).await?;
    }
    Ok(())
}

async fn grow_turns(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // What it answered from; null for the draft.
    let version = table::uuid("version_id").null().take();
    table::add_column(manager, "turns", version).await?;
    let number = table::int("version_number").default(0).take();
    table::add_column(manager, "turns", number).await
}

async fn grow_knowledge(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    // Grows with every reading.
    let reading = table::bigint("reading").default(1).take();
    table::add_column(manager, "knowledge_sources", reading).await?;
    // The reading that made the chunk, once another has taken its place; 0 before.
    let retired = table::bigint("retired").default(0).take();
    table::add_column(manager, "knowledge_chunks", retired).await?;
    let chunks = "knowledge_chunks";
    let old = constraint_name(chunks, &["org_id", "source_id", "chunk_index"]);
    let dropping = Index::drop().name(old).table(chunks).to_owned();
    manager.drop_index(dropping).await?;
    let once = ["org_id", "source_id", "retired", "chunk_index"];
    table::unique(manager, chunks, &once).await
}

async fn create_versions(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("agent_id"),
        table::int("number"),
        table::json("snapshot"),
        // Of the snapshot, hexadecimal.
        table::text("sha256"),
        table::bigint("index_version"),
        table::uuid("price_version_id").null().take(),
        // Whether its readings and its price list are kept.
        table::boolean("pinned"),
        table::text("note"),
        table::uuid("creator").null().take(),
        table::text("override_reason"),
        table::uuid("eval_suite_id").null().take(),
        table::uuid("eval_run_id").null().take(),
        table::uuid("request_id").null().take(),
        table::timestamp("create_time"),
        table::timestamp("publish_time"),
    ];
    let mut versions = table::new("agent_versions", columns);
    versions.foreign_key(&mut table::belongs_to("agent_id", "agents"));
    table::create_for_tenants(manager, "agent_versions", versions).await?;
    table::has_children(manager, "agent_versions").await?;
    let number = ["org_id", "agent_id", "number"];
    table::unique(manager, "agent_versions", &number).await?;
    table::unique(manager, "agent_versions", &["org_id", "request_id"]).await?;
    let prices = ["org_id", "price_version_id"];
    table::index(manager, "agent_versions", &prices).await
}

/// Readings that a version searches.
async fn create_pins(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("version_id"),
        table::uuid("source_id"),
        table::bigint("reading"),
        // Of the source, when the version was made.
        table::text("display_name"),
        table::uuid("category_id").null().take(),
        table::text("valid_until_date"),
    ];
    let mut pins = table::new("agent_version_pins", columns);
    pins.foreign_key(&mut table::belongs_to("version_id", "agent_versions"));
    pins.foreign_key(&mut table::belongs_to("source_id", "knowledge_sources"));
    table::create_for_tenants(manager, "agent_version_pins", pins).await?;
    let once = ["org_id", "version_id", "source_id"];
    table::unique(manager, "agent_version_pins", &once).await?;
    let readings = ["org_id", "source_id", "reading"];
    table::index(manager, "agent_version_pins", &readings).await
}
