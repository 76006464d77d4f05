//! Where agents work in the CRM.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_180500_create_crm_settings"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_settings(manager).await?;
        create_stages(manager).await
    }
}

async fn create_settings(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("agent_id"),
        // Of `rules`, to find by.
        table::uuid("connection_id").null().take(),
        // What a person has set.
        table::json("rules"),
        // What the rules name and the account has no longer.
        table::json("gone"),
        table::bigint("revision"),
        table::timestamp("update_time"),
    ];
    let mut settings = table::new("crm_settings", columns);
    settings.foreign_key(&mut table::belongs_to("agent_id", "agents"));
    table::create_for_tenants(manager, "crm_settings", settings).await?;
    table::has_children(manager, "crm_settings").await?;
    table::unique(manager, "crm_settings", &["org_id", "agent_id"]).await?;
    table::index(manager, "crm_settings", &["org_id", "connection_id"]).await
}

/// The stages of `rules`: by them a message finds who answers it.
async fn create_stages(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("settings_id"),
        table::uuid("connection_id"),
        table::bigint("pipeline_id"),
        // 0 = every open stage.
        table::bigint("stage_id"),
    ];
    let mut stages = table::new("crm_stages", columns);
    stages.foreign_key(&mut table::belongs_to("settings_id", "crm_settings"));
    table::create_for_tenants(manager, "crm_stages", stages).await?;
    let unique = ["org_id", "settings_id", "pipeline_id", "stage_id"];
    table::unique(manager, "crm_stages", &unique).await?;
    let place = ["org_id", "connection_id", "pipeline_id", "stage_id"];
    table::index(manager, "crm_stages", &place).await
}
