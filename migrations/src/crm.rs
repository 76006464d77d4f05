//! Tables of the service `crm`.

use sea_orm_migration::prelude::*;

use crate::outbox;

mod m20261121_120000_create_credentials_and_connections;

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(outbox::Migration),
            Box::new(m20261121_120000_create_credentials_and_connections::Migration),
        ]
    }

    fn migration_table_name() -> DynIden {
        "crm_migrations".into_iden()
    }
}
