//! Tables of the service `crm`.

use sea_orm_migration::prelude::*;

use crate::outbox;

mod m20261121_120000_create_credentials_and_connections;
mod m20261121_180000_grow_connections;
mod m20261121_181000_create_authorizations;
mod m20261121_182000_create_mirror;
mod m20261121_183000_create_events;
mod m20261121_184000_create_messages_and_effects;
mod m20261122_031000_add_other_bot_time;
mod m20261122_190000_file_events_at_the_door;
mod m20261122_230000_index_messages_that_are_sent;
mod m20261123_070000_watch_messages_by_time;

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(outbox::Migration),
            Box::new(m20261121_120000_create_credentials_and_connections::Migration),
            Box::new(m20261121_180000_grow_connections::Migration),
            Box::new(m20261121_181000_create_authorizations::Migration),
            Box::new(m20261121_182000_create_mirror::Migration),
            Box::new(m20261121_183000_create_events::Migration),
            Box::new(m20261121_184000_create_messages_and_effects::Migration),
            Box::new(m20261122_031000_add_other_bot_time::Migration),
            Box::new(m20261122_190000_file_events_at_the_door::Migration),
            Box::new(m20261122_230000_index_messages_that_are_sent::Migration),
            Box::new(m20261123_070000_watch_messages_by_time::Migration),
        ]
    }

    fn migration_table_name() -> DynIden {
        "crm_migrations".into_iden()
    }
}
