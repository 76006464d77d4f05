//! What agents do in the CRM.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_182200_create_actions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            // The idempotency key of the effect.
            table::id(),
            table::uuid("conversation_id"),
            table::uuid("turn_id"),
            // Among the actions of the turn, from 0.
            table::int("action_index"),
            table::uuid("connection_id"),
            table::bigint("lead_id"),
            table::text("kind"),
            table::json("effect"),
            table::text("state"),
            table::text("reason"),
            // What the CRM had and has.
            table::json("before").null().take(),
            table::json("after").null().take(),
            table::timestamp("create_time"),
            table::timestamp("end_time").null().take(),
        ];
        let mut actions = table::new("actions", columns);
        actions.foreign_key(&mut table::belongs_to("conversation_id", "conversations"));
        table::create_for_tenants(manager, "actions", actions).await?;
        table::unique(manager, "actions", &["org_id", "turn_id", "action_index"]).await?;
        table::index(manager, "actions", &["org_id", "conversation_id"]).await
    }
}
