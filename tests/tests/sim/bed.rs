//! What the hosts of one run share: clock, disks, the world outside.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use sea_orm_migration::{MigrationTrait as _, SchemaManager};
use t11_core::world::{Clock, Entropy};
use t11_core::{ManualWorld, World};
use t11_grpc::{Signer, Verifier};
use t11_migrations::table;
use t11_store::{Commit, DatabaseConfig, Db, StoreError};
use tempfile::TempDir;
use uuid::Uuid;

/// What one run's hosts share.
pub(crate) struct Bed {
    pub(crate) signer: Signer,
    pub(crate) verifier: Verifier,
    pub(crate) outside: Outside,
    /// Simulated microseconds since 1970, moved by the run.
    now: Arc<AtomicI64>,
    /// Of whatever must not follow the order of calls: a stream of numbers for each host's boot.
    boots: AtomicU64,
    seed: u64,
    folder: TempDir,
    commits: Mutex<Luck>,
}

/// The world outside: which notes it has seen, and how often.
#[derive(Default)]
pub(crate) struct Outside(Mutex<BTreeMap<Uuid, u32>>);

impl Outside {
    pub(crate) fn perform(&self, note: Uuid) {
        *self.0.lock().entry(note).or_default() += 1;
    }

    pub(crate) fn times(&self, note: Uuid) -> u32 {
        self.0.lock().get(&note).copied().unwrap_or_default()
    }

    pub(crate) fn all(&self) -> BTreeMap<Uuid, u32> {
        self.0.lock().clone()
    }
}

/// How many of a thousand commits go wrong, and the numbers that say which.
struct Luck {
    per_mille: u64,
    numbers: Arc<ManualWorld>,
}

struct SimClock {
    now: Arc<AtomicI64>,
    skew: TimeDelta,
}

impl Clock for SimClock {
    fn now(&self) -> DateTime<Utc> {
        let now = DateTime::from_timestamp_micros(self.now.load(Ordering::Relaxed));
        now.unwrap_or_default() + self.skew
    }
}

const START: i64 = 1_800_000_000_000_000;

impl Bed {
    pub(crate) fn new(seed: u64) -> Self {
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let verifier = Verifier::from_jwks(&signer.jwks()).unwrap();
        let folder = memory_folder();
        for name in ["jobs", "notes"] {
            let from = TEMPLATES.path().join(name);
            std::fs::copy(from, folder.path().join(name)).unwrap();
        }
        let numbers = ManualWorld::new(DateTime::UNIX_EPOCH, seed ^ 0xc0_ffee);
        Self {
            signer,
            verifier,
            outside: Outside::default(),
            now: Arc::new(AtomicI64::new(START)),
            boots: AtomicU64::new(0),
            seed,
            folder,
            commits: Mutex::new(Luck {
                per_mille: 0,
                numbers,
            }),
        }
    }

    /// A clock that is off by `skew`, and numbers of this boot's own.
    pub(crate) fn world(&self, skew: TimeDelta) -> World {
        let clock = SimClock {
            now: self.now.clone(),
            skew,
        };
        let boot = self.boots.fetch_add(1, Ordering::Relaxed) + 1;
        let numbers = ManualWorld::new(DateTime::UNIX_EPOCH, self.seed << 20 | boot << 8);
        World::new(Arc::new(clock), numbers as Arc<dyn Entropy>)
    }

    pub(crate) fn set_elapsed(&self, elapsed: std::time::Duration) {
        let micros = i64::try_from(elapsed.as_micros()).unwrap();
        self.now.store(START + micros, Ordering::Relaxed);
    }

    /// From now on so many of a thousand commits fail, half of them after they were made.
    pub(crate) fn spoil_commits(&self, per_mille: u64) {
        self.commits.lock().per_mille = per_mille;
    }

    /// The disk of `name`, as it was left.
    pub(crate) fn database(self: &Arc<Self>, name: &str, world: World) -> Db {
        let bed = Arc::downgrade(self);
        let commits = Arc::new(move || {
            let Some(bed) = bed.upgrade() else {
                return Commit::Made;
            };
            let luck = bed.commits.lock();
            let mut number = [0; 8];
            luck.numbers.fill(&mut number);
            match u64::from_le_bytes(number) % 2_000 {
                spoilt if spoilt < luck.per_mille => Commit::Refused,
                spoilt if spoilt < luck.per_mille * 2 => Commit::Unheard,
                _ => Commit::Made,
            }
        });
        let path = self.folder.path().join(name);
        let config = DatabaseConfig::new(format!("sqlite://{}", path.display()));
        Db::connect_lockstep(&config, world, commits).unwrap()
    }
}

fn memory_folder() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

/// Migrated once, copied for every run.
static TEMPLATES: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = memory_folder();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for name in ["jobs", "notes"] {
        let path = folder.path().join(name);
        let config = DatabaseConfig::new(format!("sqlite://{}", path.display()));
        // On a thread of its own: the caller may be inside a runtime.
        std::thread::scope(|scope| {
            scope.spawn(|| runtime.block_on(migrate(name, &config)));
        });
    }
    folder
});

async fn migrate(name: &'static str, config: &DatabaseConfig) {
    let db = Db::connect(config, World::system()).await.unwrap();
    if name == "jobs" {
        t11_migrations::migrate("jobs", &db).await.unwrap();
    } else {
        // For its outbox.
        t11_migrations::migrate("crm", &db).await.unwrap();
        let notes = db.migrate(|tx| async move {
            let transaction = tx.savepoint().await?;
            let manager = SchemaManager::new(&transaction);
            let columns = [table::id(), table::uuid("request_id")];
            table::create_for_tenants(&manager, "notes", table::new("notes", columns)).await?;
            t11_migrations::effects::Migration.up(&manager).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(())
        });
        notes.await.unwrap();
    }
    db.close().await;
}
