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
use sea_orm_migration::sea_orm::ConnectionTrait as _;
use sea_orm_migration::{Migration, MigratorTrait};
use t11_store::{Db, Engine, StoreError, System};

/// The services that own tables.
pub const SERVICES: [&str; 5] = ["accounts", "agents", "crm", "jobs", "llm"];

/// How often a migration that met a held lock is tried again.
const TRIES: u32 = 8;
/// How many of these wait for a lock as long as the next one says, no longer than anybody minds
/// who queues behind the migration.
const SHORT_TRIES: u32 = 5;
const SHORT_WAIT: Duration = Duration::from_millis(150);
/// The last tries wait longer: autovacuum gives way only to who has waited for a second.
const LONG_WAIT: Duration = Duration::from_secs(2);
/// Pause after the first such try; twice as long after each further one, up to 30 s.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Applies all migrations of `service` that are not applied yet, and tells their names. Several
/// processes may call this at once: one migrates, the others wait and find nothing to do. A table
/// that others hold for longer than 200 ms makes it step back and try again, so that no query
/// queues behind it for longer; only the last of many tries wait for 2 s.
///
/// # Errors
/// [`StoreError::Config`] for a service without tables; what the database answers otherwise. On
/// an error nothing of this call stays.
pub async fn migrate(service: &str, db: &Db) -> Result<Vec<String>, StoreError> {
    match service {
        "accounts" => apply::<accounts::Migrator>(db).await,
        "agents" => apply::<agents::Migrator>(db).await,
        "crm" => apply::<crm::Migrator>(db).await,
        "jobs" => apply::<jobs::Migrator>(db).await,
        "llm" => apply::<llm::Migrator>(db).await,
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

/// Applies the migrations of `M` as [`migrate`] does those of a service.
///
/// # Errors
/// As [`migrate`].
pub async fn apply<M: MigratorTrait>(db: &Db) -> Result<Vec<String>, StoreError> {
    let mut pause = FIRST_PAUSE;
    for number in 1..TRIES {
        let wait = if number <= SHORT_TRIES {
            SHORT_WAIT
        } else {
            LONG_WAIT
        };
        match try_up::<M>(db, wait).await {
            Err(StoreError::Unavailable(error)) => {
                tracing::info!(?error, ?pause, "the migration steps back and tries again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            ended => return ended,
        }
    }
    try_up::<M>(db, LONG_WAIT).await
}

async fn try_up<M: MigratorTrait>(
    db: &Db,
    longest_wait: Duration,
) -> Result<Vec<String>, StoreError> {
    let applied = Arc::new(Mutex::new(Vec::new()));
    let names = applied.clone();
    let engine = db.engine();
    db.migrate(move |tx| async move {
        if engine == Engine::Postgres {
            let millis = longest_wait.as_millis();
            let set = format!("SELECT set_config('lock_timeout', '{millis}', true)");
            tx.execute_unprepared(&set).await?;
        }
        let pending = M::get_pending_migrations_read_only(&tx).await?;
        *names.lock() = names_of(&pending);
        let transaction = tx.savepoint().await?;
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
