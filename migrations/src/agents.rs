//! Tables of the service `agents`.

use sea_orm_migration::prelude::*;

use crate::outbox;

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(outbox::Migration)]
    }

    fn migration_table_name() -> DynIden {
        "agents_migrations".into_iden()
    }
}
