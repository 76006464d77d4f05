//! What may be spent, what is spent, and what running calls may still cost.

use sea_orm_migration::prelude::*;

use crate::table;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261121_190000_create_budgets"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_budgets(manager).await?;
        create_purses(manager).await?;
        create_reservations(manager).await?;
        create_holds(manager).await
    }
}

async fn create_budgets(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        // `organization` or `agents/{agent}`.
        table::text("resource"),
        // `day` or `month`.
        table::text("period"),
        table::bigint("cap_nano_usd"),
        table::timestamp("update_time"),
    ];
    let budgets = table::new("budgets", columns);
    table::create_for_tenants(manager, "budgets", budgets).await?;
    table::unique(manager, "budgets", &["org_id", "resource", "period"]).await
}

/// What was spent on one thing, whether or not it has a cap of its own now.
async fn create_purses(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        // `organization/2026-11`, `conversations/{conversation}`, …
        table::text("scope"),
        table::bigint("spent_nano_usd"),
        table::bigint("held_nano_usd"),
        table::timestamp("update_time"),
    ];
    let purses = table::new("purses", columns);
    table::create_for_tenants(manager, "purses", purses).await?;
    table::has_children(manager, "purses").await?;
    table::unique(manager, "purses", &["org_id", "scope"]).await
}

/// A call that runs; its id is that of its usage record.
async fn create_reservations(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("request_id"),
        table::text("purpose"),
        table::text("agent"),
        table::text("provider"),
        table::text("model"),
        table::bigint("amount_nano_usd"),
        table::timestamp("create_time"),
        // Nobody settles it any more then.
        table::timestamp("expire_time"),
    ];
    let reservations = table::new("reservations", columns);
    table::create_for_tenants(manager, "reservations", reservations).await?;
    table::has_children(manager, "reservations").await?;
    table::index(manager, "reservations", &["expire_time"]).await
}

/// The amount of a reservation in each purse that it is paid from.
async fn create_holds(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = [
        table::id(),
        table::uuid("reservation_id"),
        table::uuid("purse_id"),
    ];
    let mut holds = table::new("holds", columns);
    holds.foreign_key(&mut table::belongs_to("reservation_id", "reservations"));
    holds.foreign_key(&mut table::belongs_to("purse_id", "purses"));
    table::create_for_tenants(manager, "holds", holds).await?;
    table::unique(manager, "holds", &["org_id", "reservation_id", "purse_id"]).await?;
    table::index(manager, "holds", &["org_id", "purse_id"]).await
}
