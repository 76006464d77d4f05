//! Tables of the service `agents`.

mod m20261121_120000_create_agents;
mod m20261121_120100_create_conversations;
mod m20261121_120200_create_knowledge;
mod m20261121_120300_create_price_book;

use sea_orm_migration::prelude::*;

use crate::outbox;

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(outbox::Migration),
            Box::new(m20261121_120000_create_agents::Migration),
            Box::new(m20261121_120100_create_conversations::Migration),
            Box::new(m20261121_120200_create_knowledge::Migration),
            Box::new(m20261121_120300_create_price_book::Migration),
        ]
    }

    fn migration_table_name() -> DynIden {
        "agents_migrations".into_iden()
    }
}
