//! Tables of the service `agents`.

mod m20261121_120000_create_agents;
mod m20261121_120100_create_conversations;
mod m20261121_120200_create_knowledge;
mod m20261121_120300_create_price_book;
mod m20261121_180500_create_crm_settings;
mod m20261121_181000_grow_conversations;
mod m20261121_181100_create_replies;
mod m20261121_182000_create_playbook;
mod m20261121_182100_create_memories;
mod m20261121_182200_create_actions;
mod m20261121_190000_create_triggers;
mod m20261121_190100_create_sequences;
mod m20261122_060000_create_agent_versions;
mod m20261122_061000_create_evaluation;
mod m20261122_100000_fence_readings;

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
            Box::new(m20261121_180500_create_crm_settings::Migration),
            Box::new(m20261121_181000_grow_conversations::Migration),
            Box::new(m20261121_181100_create_replies::Migration),
            Box::new(m20261121_182000_create_playbook::Migration),
            Box::new(m20261121_182100_create_memories::Migration),
            Box::new(m20261121_182200_create_actions::Migration),
            Box::new(m20261121_190000_create_triggers::Migration),
            Box::new(m20261121_190100_create_sequences::Migration),
            Box::new(m20261122_060000_create_agent_versions::Migration),
            Box::new(m20261122_061000_create_evaluation::Migration),
            Box::new(m20261122_100000_fence_readings::Migration),
        ]
    }

    fn migration_table_name() -> DynIden {
        "agents_migrations".into_iden()
    }
}
