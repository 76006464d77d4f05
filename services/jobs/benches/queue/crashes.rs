//! What becomes of jobs whose workers are killed or stopped, and of a few that stand behind many.
//! Each part is what the peer's script does with the peer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sea_orm_migration::{MigrationTrait as _, SchemaManager};
use serde_json::json;
use t11_core::World;
use t11_jobs::lease::Outcome;
use t11_jobs::store::Settlement;
use t11_store::{DatabaseConfig, Db, StoreError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::bed::Bed;
use crate::process::{Process, SLOTS};

const BENCH: &str = "queue";
/// Longer than any lease.
const FOR_EVER: Duration = Duration::from_secs(600);
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) async fn run() -> Result<()> {
    crate::print(&json!({"bench": BENCH, "last_of_10_behind_10000": fairness().await?}));
    let restart = killed().await?;
    crate::print(&json!({"bench": BENCH, "restart_after_kill_s": restart.as_secs_f64()}));
    crate::print(&json!({
        "bench": BENCH, "effects_doubled_by_a_stopped_worker": stopped().await?,
    }));
    crate::print(&json!({
        "bench": BENCH, "healthy_jobs_failed_after_two_kills": killed_twice().await?,
    }));
    Ok(())
}

/// A queue that is kept up as a replica does it, and a database for its workers' effects.
struct Lab {
    bed: Arc<Bed>,
    effects: String,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Lab {
    async fn with(jobs: usize) -> Result<Self> {
        let bed = Arc::new(Bed::new().await);
        let folder = tempfile::tempdir()?;
        let effects = format!("sqlite://{}", folder.path().join("effects.db").display());
        let db = Db::connect(&DatabaseConfig::new(&effects), World::system()).await?;
        db.migrate(|tx| async move {
            let transaction = tx.savepoint().await?;
            let manager = SchemaManager::new(&transaction);
            t11_migrations::effects::Migration.up(&manager).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(())
        })
        .await?;
        db.close().await;
        let stop = CancellationToken::new();
        let kept = t11_jobs::keep_up(bed.queue.clone(), bed.world.clone(), stop.clone());
        #[expect(clippy::disallowed_methods, reason = "stopped on drop")]
        tokio::spawn(kept);
        let all = (0..jobs).map(|_| bed.job(1)).collect();
        bed.queue.enqueue(all).await?;
        Ok(Self {
            bed,
            effects,
            stop,
            _folder: folder,
        })
    }

    fn worker(&self, name: &'static str, hold: Duration) -> Result<Process> {
        Process::start(self.bed.clone(), name, hold, &self.effects)
    }

    /// A worker that holds as many jobs as it can.
    async fn full(&self, name: &'static str, hold: Duration) -> Result<Process> {
        let mut worker = self.worker(name, hold)?;
        until(&mut worker, |worker| worker.started.len() >= SLOTS).await?;
        Ok(worker)
    }
}

async fn until(worker: &mut Process, is_so: impl Fn(&Process) -> bool) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        worker.look();
        if is_so(worker) {
            return Ok(());
        }
        ensure!(Instant::now() < end, "a worker did not get that far");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// From the kill of a worker to the next start of one of its jobs.
async fn killed() -> Result<Duration> {
    let lab = Lab::with(400).await?;
    let first = lab.full("first", FOR_EVER).await?;
    let held: BTreeSet<Uuid> = first.started.iter().map(|seen| seen.job).collect();
    first.signal("KILL").await?;
    let killed = Instant::now();
    let mut second = lab.worker("second", Duration::from_millis(10))?;
    let again = |worker: &Process| {
        let mut started = worker.started.iter();
        started
            .find(|seen| held.contains(&seen.job))
            .map(|seen| seen.at)
    };
    until(&mut second, |worker| again(worker).is_some()).await?;
    Ok(again(&second).unwrap_or(killed) - killed)
}

/// Effects that happened twice because a worker slept past its leases and went on.
async fn stopped() -> Result<usize> {
    const JOBS: usize = 100;
    let lab = Lab::with(JOBS).await?;
    let mut first = lab.full("first", Duration::from_secs(2)).await?;
    first.signal("STOP").await?;
    let mut second = lab.worker("second", Duration::from_millis(10))?;
    until(&mut second, |worker| worker.effects.len() >= JOBS).await?;
    first.signal("CONT").await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    first.look();
    second.look();
    let mut times: BTreeMap<Uuid, usize> = BTreeMap::new();
    for seen in first.effects.iter().chain(&second.effects) {
        *times.entry(seen.job).or_default() += 1;
    }
    ensure!(times.len() == JOBS, "{} of {JOBS} effects", times.len());
    Ok(times.values().filter(|times| **times > 1).count())
}

/// Jobs that are not done in the end, of those that two killed workers held one after the other.
async fn killed_twice() -> Result<usize> {
    const JOBS: usize = SLOTS;
    let lab = Lab::with(JOBS).await?;
    for name in ["first", "second"] {
        let worker = lab.full(name, FOR_EVER).await?;
        worker.signal("KILL").await?;
    }
    let mut last = lab.worker("last", Duration::from_millis(5))?;
    let end = Instant::now() + Duration::from_secs(40);
    while last.effects.len() < JOBS && Instant::now() < end {
        last.look();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(JOBS - last.effects.len())
}

/// How many jobs start until the last of ten has, which stand behind ten thousand of another
/// organization.
async fn fairness() -> Result<usize> {
    let bed = Bed::new().await;
    for _ in 0..10 {
        bed.queue
            .enqueue((0..1_000).map(|_| bed.job(1)).collect())
            .await?;
    }
    bed.queue
        .enqueue((0..10).map(|_| bed.job(2)).collect())
        .await?;
    let boot = bed.world.new_id();
    let (mut started, mut few, mut settled) = (0, 0, Vec::new());
    for sequence in 1.. {
        let call = bed.call("w", boot, sequence, std::mem::take(&mut settled), SLOTS);
        let leases = bed
            .queue
            .exchange(call, Duration::ZERO)
            .await?
            .answer
            .leases;
        ensure!(!leases.is_empty(), "the ten were never started");
        for leased in &leases {
            started += 1;
            few += usize::from(leased.job.org.0 == Uuid::from_u128(2));
            if few == 10 {
                return Ok(started);
            }
        }
        settled.extend(leases.iter().map(|leased| Settlement {
            lease: leased.lease(),
            outcome: Outcome::Succeeded,
        }));
    }
    Ok(started)
}
