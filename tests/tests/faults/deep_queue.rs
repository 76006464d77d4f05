//! F32: a hundred thousand jobs of one organization wait, and ten of another come.

use std::sync::Arc;
use std::time::Duration;

use sea_orm_migration::sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::json;
use t11_core::World;
use t11_jobs::job::NewJob;
use t11_jobs::lease::Outcome;
use t11_jobs::queue::Queue;
use t11_jobs::store::{Call, Leased, Settlement, Store, Want};
use t11_runtime::Bus;
use t11_runtime::bus::InProcess;
use t11_store::testing::TestDb;
use t11_store::{Engine, StoreError, System};
use t11_tests::eventually;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::report;

const QUEUE: &str = "crm";
const FLOOD: Uuid = Uuid::from_u128(1);
const SMALL: Uuid = Uuid::from_u128(2);
/// Jobs enqueued as services do, and how often each is copied after that.
const ENQUEUED: usize = 1_000;
const COPIES: usize = 99;
const SMALL_JOBS: usize = 10;
const SLOTS: usize = 4;
const CLAIMS: usize = 50;

struct Bed {
    db: TestDb,
    queue: Queue,
    world: World,
    boot: Uuid,
    sequence: i64,
}

impl Bed {
    async fn new() -> Self {
        let world = World::system();
        let db = TestDb::new(|db| async move { t11_migrations::migrate("jobs", &db).await }).await;
        let store = Store::new(db.db(), world.clone(), t11_jobs::Config::default());
        let bus = Bus::join(Arc::new(InProcess::default()), &world);
        let queue = Queue::new(store, world.clone(), &bus, CancellationToken::new());
        Self {
            db,
            queue,
            boot: world.new_id(),
            world,
            sequence: 0,
        }
    }

    async fn enqueue(&self, org: Uuid, count: usize) {
        let job = || NewJob {
            id: self.world.new_id(),
            org,
            queue: QUEUE.to_owned(),
            kind: "crm.note".to_owned(),
            payload: b"payload".to_vec(),
            ..NewJob::default()
        };
        let jobs = std::iter::repeat_with(job).take(count).collect();
        self.queue.enqueue(jobs).await.unwrap();
    }

    /// Copies every job there is, and lets the queue count them.
    async fn copy(&self) {
        let copied = self.db.write(System("a deep queue"), |tx| async move {
            let (columns, id) = match tx.get_database_backend() {
                DbBackend::Postgres => (
                    "SELECT column_name AS name FROM information_schema.columns \
                     WHERE table_schema = current_schema() AND table_name = 'jobs'",
                    "gen_random_uuid()",
                ),
                _ => (
                    "SELECT name FROM pragma_table_info('jobs')",
                    "randomblob(16)",
                ),
            };
            let columns = Statement::from_string(tx.get_database_backend(), columns);
            let mut names = Vec::new();
            for row in tx.query_all_raw(columns).await? {
                let name: String = row.try_get("", "name")?;
                if name != "id" && name != "position" {
                    names.push(name);
                }
            }
            let names = names.join(", ");
            let copy = format!(
                "INSERT INTO jobs (id, {names}) WITH RECURSIVE copies(number) AS \
                 (SELECT 1 UNION ALL SELECT number + 1 FROM copies WHERE number < {COPIES}) \
                 SELECT {id}, {names} FROM jobs CROSS JOIN copies"
            );
            tx.execute_unprepared(&copy).await?;
            Ok::<_, StoreError>(())
        });
        copied.await.unwrap();
        self.queue.store().recount().await.unwrap();
    }

    /// Takes up to `SLOTS` jobs, and says that those before are done.
    async fn claim(&mut self, done: Vec<Leased>) -> Vec<Leased> {
        self.sequence += 1;
        let settle = |leased: Leased| Settlement {
            lease: leased.lease(),
            outcome: Outcome::Succeeded,
        };
        let want = Want {
            queue: QUEUE.to_owned(),
            slots: SLOTS,
        };
        let call = Call {
            worker: "w".to_owned(),
            boot: self.boot,
            sequence: self.sequence,
            settlements: done.into_iter().map(settle).collect(),
            extensions: Vec::new(),
            wants: vec![want],
            leaving: false,
        };
        let exchanged = self.queue.exchange(call, Duration::ZERO).await;
        exchanged.unwrap().answer.leases
    }

    /// What PostgreSQL has counted of the table: scans of all of it, scans of the index of jobs that
    /// are ready, and entries read there.
    async fn scans(&self) -> [i64; 3] {
        let read = self.db.read(System("statistics"), |tx| async move {
            let counted = "SELECT t.seq_scan, i.idx_scan, i.idx_tup_read \
                 FROM pg_stat_user_tables t JOIN pg_stat_user_indexes i USING (relid) \
                 WHERE t.schemaname = current_schema() AND i.indexrelname = 'ix_jobs_ready'";
            let counted = Statement::from_string(DbBackend::Postgres, counted);
            let row = tx.query_one_raw(counted).await?.unwrap();
            let number = |index| row.try_get_by_index::<i64>(index);
            Ok::<_, StoreError>([number(0)?, number(1)?, number(2)?])
        });
        read.await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f32_behind_a_hundred_thousand_jobs_a_small_organization_has_its_turns_and_claims_use_an_index()
 {
    let mut bed = Bed::new().await;
    bed.enqueue(FLOOD, ENQUEUED).await;
    bed.copy().await;
    let mut done = bed.claim(Vec::new()).await;
    bed.enqueue(SMALL, SMALL_JOBS).await;
    let (mut claims, mut of_small) = (0, 0);
    while of_small < SMALL_JOBS {
        done = bed.claim(done).await;
        claims += 1;
        of_small += done
            .iter()
            .filter(|leased| leased.job.org.0 == SMALL)
            .count();
    }
    // Every other turn is theirs.
    assert!(claims <= SMALL_JOBS * 2 / SLOTS + 1, "{claims} claims");
    let scans = match bed.db.engine() {
        Engine::Sqlite => "not counted".into(),
        Engine::Postgres => json!(counted_scans(&mut bed, done).await),
    };
    report(&json!({
        "rows": "F32", "jobs": ENQUEUED * (COPIES + 1), "claims_until_served": claims,
        "scans": scans,
    }));
}

/// Claims many times; asserts that none read the whole table, and that none read more of the index
/// than all have taken.
async fn counted_scans(bed: &mut Bed, mut done: Vec<Leased>) -> [i64; 3] {
    // What connections have counted is told within seconds.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let claims = i64::try_from(CLAIMS).unwrap();
    let before = bed.scans().await;
    for _ in 0..CLAIMS {
        done = bed.claim(done).await;
    }
    let counted = eventually("statistics", || async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = bed.scans().await;
        (now[1] - before[1] >= claims).then_some(now)
    })
    .await;
    let [whole, scans, read] = std::array::from_fn(|at| counted[at] - before[at]);
    assert_eq!(whole, 0, "the whole table was read");
    // The entry of a job that was taken stays until it is vacuumed away.
    let taken = i64::try_from((CLAIMS + SMALL_JOBS) * SLOTS).unwrap();
    assert!(read <= scans * taken, "{read} in {scans}");
    [whole, scans, read]
}
