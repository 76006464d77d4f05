#![doc = include_str!("../README.md")]
#![expect(
    elided_lifetimes_in_paths,
    reason = "`MigrationTrait::up` is declared with one, and async_trait tells them apart"
)]

mod accounts;
mod agents;
mod crm;
pub mod effects;
mod jobs;
mod llm;
mod outbox;
pub mod table;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sea_orm_migration::sea_orm::TransactionTrait as _;
use sea_orm_migration::{Migration, MigratorTrait};
use t11_store::{Db, StoreError, System};

/// The services that own tables.
pub const SERVICES: [&str; 5] = ["accounts", "agents", "crm", "jobs", "llm"];

/// How often a migration that met a held lock is tried again.
const TRIES: u32 = 8;
/// Pause after the first such try; twice as long after each further one, up to 30 s.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Applies all migrations of `service` that are not applied yet, and tells their names. Several
/// processes may call this at once: one migrates, the others wait and find nothing to do. A table
/// that others hold for longer than 5 s makes it step back and try again, so that no query queues
/// behind it for longer.
///
/// # Errors
/// [`StoreError::Config`] for a service without tables; what the database answers otherwise. On
/// an error nothing of this call stays.
pub async fn migrate(service: &str, db: &Db) -> Result<Vec<String>, StoreError> {
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
/// As [`migrate`]; [`StoreError::Config`] also when the service's role was never made.
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

async fn up<M: MigratorTrait>(db: &Db) -> Result<Vec<String>, StoreError> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match try_up::<M>(db).await {
            Err(StoreError::Unavailable(error)) => {
                tracing::info!(?error, ?pause, "the migration steps back and tries again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            ended => return ended,
        }
    }
    try_up::<M>(db).await
}

async fn try_up<M: MigratorTrait>(db: &Db) -> Result<Vec<String>, StoreError> {
    let applied = Arc::new(Mutex::new(Vec::new()));
    let names = applied.clone();
    db.migrate(|tx| async move {
        let pending = M::get_pending_migrations_read_only(&tx).await?;
        *names.lock() = names_of(&pending);
        let transaction = tx.begin().await?;
        M::up(&transaction, None).await?;
        transaction.commit().await?;
        Ok::<_, StoreError>(())
    })
    .await?;
    let applied = std::mem::take(&mut *applied.lock());
    Ok(applied)
}

fn names_of(migrations: &[Migration]) -> Vec<String> {
    let names = migrations
        .iter()
        .map(|migration| migration.name().to_owned());
    names.collect()
}

async fn list_pending<M: MigratorTrait>(db: &Db) -> Result<Vec<String>, StoreError> {
    db.read(System("list of pending migrations"), |tx| async move {
        let pending = M::get_pending_migrations_read_only(&tx).await?;
        Ok(names_of(&pending))
    })
    .await
}
