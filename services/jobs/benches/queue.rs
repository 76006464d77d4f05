//! What the queue costs, against a floor measured in the same run: the same number of rows put
//! into a bare table, as many to a commit. `cargo bench -p t11-jobs`; with
//! `T11_TEST_DATABASE_URL` set the queue is on PostgreSQL, the floor stays on SQLite.
//!
//! Rates depend on the machine and its disk, for every commit is flushed; the ratios much less.

#![expect(clippy::print_stdout, reason = "it prints what it has measured")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};
use t11_core::World;
use t11_jobs::config::Config;
use t11_jobs::job::NewJob;
use t11_jobs::lease::Outcome;
use t11_jobs::queue::Queue;
use t11_jobs::store::{Call, Settlement, Store, Want};
use t11_runtime::Bus;
use t11_runtime::bus::InProcess;
use t11_store::testing::TestDb;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const BATCH: usize = 50;
const JOBS: usize = 20_000;
const ORGS: u128 = 100;
const PAYLOAD: usize = 279;

#[tokio::main]
async fn main() -> Result<()> {
    println!("{JOBS} jobs of {PAYLOAD} bytes, {ORGS} organizations, {BATCH} a call\n");
    let floor = floor().await?;
    row("raw insert into a bare table", floor, floor);
    for callers in [1, 8] {
        let bench = Bench::new().await;
        let rate = bench.enqueue(JOBS, callers).await?;
        row(&format!("enqueue, {callers} callers"), rate, floor);
        let rate = bench.work(JOBS, callers).await?;
        row(&format!("take and settle, {callers} workers"), rate, floor);
    }
    let bench = Bench::new().await;
    let rate = bench.enqueue_singly(2_000, 64).await?;
    row("enqueue one a call, 64 callers", rate, floor);

    println!();
    for waiting in [1_000, 100_000] {
        let bench = Bench::new().await;
        bench.enqueue(waiting, 8).await?;
        let (median, worst) = bench.takes(20).await?;
        println!("take 50 of {waiting:>6} waiting: median {median:>9.2?}  p99 {worst:>9.2?}");
    }
    let bench = Bench::new().await;
    let (median, worst) = bench.pickup(200).await?;
    println!("enqueue to lease, worker waiting: median {median:>9.2?}  p99 {worst:>9.2?}");
    Ok(())
}

fn row(what: &str, rate: f64, floor: f64) {
    println!(
        "{what:<36} {rate:>9.0} jobs/s   {:>5.2} of the floor",
        rate / floor
    );
}

/// Rows a second into a table without indexes, each commit flushed.
async fn floor() -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("floor.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let pool = SqlitePool::connect_with(options).await?;
    sqlx::query("CREATE TABLE floor (id BLOB, payload BLOB)")
        .execute(&pool)
        .await?;
    let world = World::system();
    let started = Instant::now();
    for _ in 0..JOBS / BATCH {
        let mut transaction = pool.begin().await?;
        for _ in 0..BATCH {
            sqlx::query("INSERT INTO floor (id, payload) VALUES (?, ?)")
                .bind(world.new_id())
                .bind(vec![7_u8; PAYLOAD])
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
    }
    Ok(rate(JOBS, started))
}

fn rate(jobs: usize, started: Instant) -> f64 {
    jobs as f64 / started.elapsed().as_secs_f64()
}

struct Bench {
    queue: Queue,
    world: World,
    _db: Arc<TestDb>,
}

impl Bench {
    async fn new() -> Self {
        let world = World::system();
        let db = TestDb::new(|db| async move { t11_migrations::migrate("jobs", &db).await }).await;
        let config = Config {
            max_running_per_organization: 1_000_000,
            ..Config::default()
        };
        let store = Store::new(db.db(), world.clone(), config);
        let bus = Bus::join(Arc::new(InProcess::default()), &world);
        let queue = Queue::new(store, world.clone(), &bus, CancellationToken::new());
        Self {
            queue,
            world,
            _db: Arc::new(db),
        }
    }

    fn job(&self, n: usize) -> NewJob {
        NewJob {
            id: self.world.new_id(),
            org: Uuid::from_u128(1 + n as u128 % ORGS),
            queue: "bench".to_owned(),
            kind: "bench.nothing".to_owned(),
            payload: vec![7; PAYLOAD],
            priority: 0,
            run_time: None,
            ordering_key: None,
            unique_key: None,
            max_attempts: 0,
            timeout_ms: 0,
            resource: String::new(),
            display_name: String::new(),
            traceparent: None,
        }
    }

    fn call(&self, worker: &str, boot: Uuid, sequence: i64, settled: Vec<Settlement>) -> Call {
        Call {
            worker: worker.to_owned(),
            boot,
            sequence,
            settlements: settled,
            extensions: Vec::new(),
            wants: vec![Want {
                queue: "bench".to_owned(),
                slots: BATCH,
            }],
            leaving: false,
        }
    }

    async fn enqueue(&self, jobs: usize, callers: usize) -> Result<f64> {
        let mut tasks = JoinSet::new();
        let started = Instant::now();
        for caller in 0..callers {
            let batches: Vec<Vec<_>> = (0..jobs / BATCH)
                .filter(|batch| batch % callers == caller)
                .map(|batch| (0..BATCH).map(|n| self.job(batch * BATCH + n)).collect())
                .collect();
            let queue = self.queue.clone();
            tasks.spawn(async move {
                for batch in batches {
                    queue.enqueue(batch).await?;
                }
                Ok::<_, anyhow::Error>(())
            });
        }
        while let Some(task) = tasks.join_next().await {
            task??;
        }
        Ok(rate(jobs, started))
    }

    async fn enqueue_singly(&self, jobs: usize, callers: usize) -> Result<f64> {
        let mut tasks = JoinSet::new();
        let started = Instant::now();
        for caller in 0..callers {
            let own: Vec<_> = (caller..jobs)
                .step_by(callers)
                .map(|n| self.job(n))
                .collect();
            let queue = self.queue.clone();
            tasks.spawn(async move {
                for job in own {
                    queue.enqueue(vec![job]).await?;
                }
                Ok::<_, anyhow::Error>(())
            });
        }
        while let Some(task) = tasks.join_next().await {
            task??;
        }
        Ok(rate(jobs, started))
    }

    /// Takes and settles all jobs: each call settles what the one before has taken.
    async fn work(&self, jobs: usize, workers: usize) -> Result<f64> {
        let mut tasks = JoinSet::new();
        let started = Instant::now();
        for worker in 0..workers {
            let bench = Self {
                queue: self.queue.clone(),
                world: self.world.clone(),
                _db: self._db.clone(),
            };
            tasks.spawn(async move { bench.work_alone(&format!("w{worker}")).await });
        }
        let mut done = 0;
        while let Some(task) = tasks.join_next().await {
            done += task??;
        }
        anyhow::ensure!(done == jobs, "{done} of {jobs} jobs were done");
        Ok(rate(jobs, started))
    }

    async fn work_alone(&self, worker: &str) -> Result<usize> {
        let boot = self.world.new_id();
        let (mut done, mut settled) = (0, Vec::new());
        for sequence in 1.. {
            let is_last = sequence > 1 && settled.is_empty();
            if is_last {
                break;
            }
            let call = self.call(worker, boot, sequence, std::mem::take(&mut settled));
            let exchanged = self.queue.exchange(call, Duration::ZERO).await?;
            done += exchanged.answer.leases.len();
            settled.extend(exchanged.answer.leases.iter().map(|leased| Settlement {
                lease: leased.lease(),
                outcome: Outcome::Succeeded,
            }));
        }
        Ok(done)
    }

    /// Time of one take, with nothing to settle.
    async fn takes(&self, takes: i64) -> Result<(Duration, Duration)> {
        let boot = self.world.new_id();
        let mut times = Vec::new();
        for sequence in 1..=takes {
            let call = self.call("w", boot, sequence, Vec::new());
            let started = Instant::now();
            self.queue.exchange(call, Duration::ZERO).await?;
            times.push(started.elapsed());
        }
        Ok(spread(times))
    }

    /// Time from enqueueing to the lease, with a worker that waits.
    #[expect(clippy::disallowed_methods, reason = "awaited below")]
    async fn pickup(&self, jobs: i64) -> Result<(Duration, Duration)> {
        let boot = self.world.new_id();
        let mut times = Vec::new();
        for sequence in 1..=jobs {
            let call = self.call("w", boot, sequence, Vec::new());
            let queue = self.queue.clone();
            let waiting =
                tokio::spawn(async move { queue.exchange(call, Duration::from_secs(20)).await });
            while self.queue.store().last_sequence("w".to_owned()).await? < Some(sequence) {
                tokio::task::yield_now().await;
            }
            let started = Instant::now();
            self.queue.enqueue(vec![self.job(0)]).await?;
            waiting.await??;
            times.push(started.elapsed());
        }
        Ok(spread(times))
    }
}

fn spread(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}
