//! Tables of the service `jobs`.

mod m20261121_000001_create_jobs;
mod m20261121_150000_index_listed_jobs;

use sea_orm_migration::prelude::*;

use crate::outbox;

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(outbox::Migration),
            Box::new(m20261121_000001_create_jobs::Migration),
            Box::new(m20261121_150000_index_listed_jobs::Migration),
        ]
    }

    fn migration_table_name() -> DynIden {
        "jobs_migrations".into_iden()
    }
}
