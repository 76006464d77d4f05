//! What the queue costs, against a floor measured in the same run: the same number of rows put
//! into a bare table, as many to a commit. With one organization, as a queue without any has it,
//! and with many, among which it is fair.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};
use t11_jobs::job::NewJob;
use t11_jobs::lease::Outcome;
use t11_jobs::queue::Queue;
use t11_jobs::store::Settlement;
use tokio::task::JoinSet;

use crate::bed::Bed;

const BATCH: usize = 50;
/// Unoptimised, the whole would take minutes and measure nothing.
const SCALE: usize = if cfg!(debug_assertions) { 20 } else { 1 };
const JOBS: usize = 20_000 / SCALE;
const SINGLY: usize = JOBS / 10;
const MANY: u128 = 100;
/// What the worker that waits for a job sleeps before, as the peer's does.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) async fn run() -> Result<()> {
    println!("{JOBS} jobs, {BATCH} a call");
    let floor = floor().await?;
    row("raw insert into a bare table", floor, floor);
    for orgs in [1, MANY] {
        rates(orgs, floor).await?;
    }
    println!();
    for waiting in [1_000, 100_000 / SCALE] {
        let bench = Bench::new(MANY).await;
        bench.enqueue(waiting, 8).await?;
        let (median, worst) = bench.takes(20).await?;
        println!("take 50 of {waiting:>6} waiting: median {median:>9.2?}  p99 {worst:>9.2?}");
    }
    Ok(())
}

async fn rates(orgs: u128, floor: f64) -> Result<()> {
    println!("\n{orgs} organizations");
    let mut rates = [0.0; 2];
    for callers in [1, 8] {
        let bench = Bench::new(orgs).await;
        rates[0] = bench.enqueue(JOBS, callers).await?;
        row(&format!("enqueue, {callers} callers"), rates[0], floor);
        rates[1] = bench.work(JOBS, callers).await?;
        row(
            &format!("take and settle, {callers} workers"),
            rates[1],
            floor,
        );
    }
    let bench = Bench::new(orgs).await;
    let singly = bench.enqueue_singly(SINGLY, 64).await?;
    row("enqueue one a call, 64 callers", singly, floor);
    let bench = Bench::new(orgs).await;
    let (median, worst) = bench.pickup(200).await?;
    println!("enqueue to lease, worker waiting: median {median:>9.2?}  p99 {worst:>9.2?}");
    let [enqueue, process] = rates;
    crate::print(&serde_json::json!({
        "bench": if orgs == 1 { "queue" } else { "queue of many organizations" },
        "enqueue_batched_per_s": enqueue,
        "enqueue_singly_per_s": singly,
        "process_per_s": process,
        "start_p50_ms": median.as_secs_f64() * 1e3,
        "start_p99_ms": worst.as_secs_f64() * 1e3,
    }));
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
    let world = t11_core::World::system();
    let started = Instant::now();
    for _ in 0..JOBS / BATCH {
        let mut transaction = pool.begin().await?;
        for _ in 0..BATCH {
            sqlx::query("INSERT INTO floor (id, payload) VALUES (?, ?)")
                .bind(world.new_id())
                .bind(vec![7_u8; crate::bed::PAYLOAD])
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
    bed: Arc<Bed>,
    queue: Queue,
    orgs: u128,
}

impl Bench {
    async fn new(orgs: u128) -> Self {
        let bed = Arc::new(Bed::new().await);
        Self {
            queue: bed.queue.clone(),
            bed,
            orgs,
        }
    }

    fn job(&self, n: usize) -> NewJob {
        self.bed.job(1 + n as u128 % self.orgs)
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
                bed: self.bed.clone(),
                queue: self.queue.clone(),
                orgs: self.orgs,
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
        let boot = self.bed.world.new_id();
        let (mut done, mut settled) = (0, Vec::new());
        for sequence in 1.. {
            let is_last = sequence > 1 && settled.is_empty();
            if is_last {
                break;
            }
            let call = self
                .bed
                .call(worker, boot, sequence, std::mem::take(&mut settled), BATCH);
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
        let boot = self.bed.world.new_id();
        let mut times = Vec::new();
        for sequence in 1..=takes {
            let call = self.bed.call("w", boot, sequence, Vec::new(), BATCH);
            let started = Instant::now();
            self.queue.exchange(call, Duration::ZERO).await?;
            times.push(started.elapsed());
        }
        Ok(spread(times))
    }

    /// Time from enqueueing to the lease, with a worker that waits.
    #[expect(clippy::disallowed_methods, reason = "awaited below")]
    async fn pickup(&self, jobs: i64) -> Result<(Duration, Duration)> {
        let boot = self.bed.world.new_id();
        let mut times = Vec::new();
        for sequence in 1..=jobs {
            let call = self.bed.call("w", boot, sequence, Vec::new(), BATCH);
            let queue = self.queue.clone();
            let waiting =
                tokio::spawn(async move { queue.exchange(call, Duration::from_secs(20)).await });
            while self.queue.store().last_sequence("w".to_owned()).await? < Some(sequence) {
                tokio::task::yield_now().await;
            }
            tokio::time::sleep(PAUSE).await;
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
