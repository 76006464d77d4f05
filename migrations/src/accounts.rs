//! Tables of the service `accounts`.

use sea_orm_migration::prelude::*;

use crate::outbox;

mod m20261121_120000_create_accounts;
mod m20261121_120100_create_sessions;
mod m20261121_120200_create_audit_log;
mod m20261121_150000_create_api_keys;
mod m20261122_030000_create_notifications;

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(outbox::Migration),
            Box::new(m20261121_120000_create_accounts::Migration),
            Box::new(m20261121_120100_create_sessions::Migration),
            Box::new(m20261121_120200_create_audit_log::Migration),
            Box::new(m20261121_150000_create_api_keys::Migration),
            Box::new(m20261122_030000_create_notifications::Migration),
        ]
    }

    fn migration_table_name() -> DynIden {
        "accounts_migrations".into_iden()
    }
}
