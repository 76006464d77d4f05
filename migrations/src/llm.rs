//! Tables of the service `llm`.

mod m20261121_000100_create_usage_records;
mod m20261121_190000_create_budgets;
mod m20261122_021000_create_routes;
mod m20261122_021100_create_settlements;
mod m20261122_022500_create_privacy_policies;
mod m20261122_060500_create_provider_keys;
mod m20261122_061000_add_caches;
mod m20261122_061500_add_budget_exhaustion;

use sea_orm_migration::prelude::*;

use crate::outbox;

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(outbox::Migration),
            Box::new(m20261121_000100_create_usage_records::Migration),
            Box::new(m20261121_190000_create_budgets::Migration),
            Box::new(m20261122_021000_create_routes::Migration),
            Box::new(m20261122_021100_create_settlements::Migration),
            Box::new(m20261122_022500_create_privacy_policies::Migration),
            Box::new(m20261122_060500_create_provider_keys::Migration),
            Box::new(m20261122_061000_add_caches::Migration),
            Box::new(m20261122_061500_add_budget_exhaustion::Migration),
        ]
    }

    fn migration_table_name() -> DynIden {
        "llm_migrations".into_iden()
    }
}
