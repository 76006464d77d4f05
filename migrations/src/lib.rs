#![doc = include_str!("../README.md")]
#![expect(
    elided_lifetimes_in_paths,
    reason = "`MigrationTrait::up` is declared with one, and async_trait tells them apart"
)]

mod accounts;
mod agents;
mod crm;
mod jobs;
mod llm;
mod outbox;
pub mod table;

use sea_orm_migration::MigratorTrait;
use sea_orm_migration::sea_orm::TransactionTrait as _;
use t11_store::{Db, StoreError, System};

/// The services that own tables.
pub const SERVICES: [&str; 5] = ["accounts", "agents", "crm", "jobs", "llm"];

/// Applies all migrations of `service` that are not applied yet. Several processes may call this
/// at once: one migrates, the others wait and find nothing to do.
///
/// # Errors
/// [`StoreError::Config`] for a service without tables; what the database answers otherwise. On
/// an error nothing of this call stays.
pub async fn migrate(service: &str, db: &Db) -> Result<(), StoreError> {
    match service {
        "accounts" => up::<accounts::Migrator>(db).await,
        "agents" => up::<agents::Migrator>(db).await,
        "crm" => up::<crm::Migrator>(db).await,
        "jobs" => up::<jobs::Migrator>(db).await,
        "llm" => up::<llm::Migrator>(db).await,
        other => Err(no_tables(other)),
    }
}

/// Names of the migrations of `service` that [`migrate`] would apply. Changes nothing, and needs
/// no right to change tables.
///
/// # Errors
/// As [`migrate`].
pub async fn pending(service: &str, db: &Db) -> Result<Vec<String>, StoreError> {
    match service {
        "accounts" => list_pending::<accounts::Migrator>(db).await,
        "agents" => list_pending::<agents::Migrator>(db).await,
        "crm" => list_pending::<crm::Migrator>(db).await,
        "jobs" => list_pending::<jobs::Migrator>(db).await,
        "llm" => list_pending::<llm::Migrator>(db).await,
        other => Err(no_tables(other)),
    }
}

fn no_tables(service: &str) -> StoreError {
    StoreError::Config(format!("`{service}` is not a service with tables"))
}

async fn up<M: MigratorTrait>(db: &Db) -> Result<(), StoreError> {
    db.migrate(|tx| async move {
        let transaction = tx.begin().await?;
        M::up(&transaction, None).await?;
        transaction.commit().await?;
        Ok(())
    })
    .await
}

async fn list_pending<M: MigratorTrait>(db: &Db) -> Result<Vec<String>, StoreError> {
    db.read(System("list of pending migrations"), |tx| async move {
        let pending = M::get_pending_migrations_read_only(&tx).await?;
        Ok(pending
            .iter()
            .map(|migration| migration.name().to_owned())
            .collect())
    })
    .await
}
