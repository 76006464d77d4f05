//! A worker in a process of its own, which can be killed or stopped. It speaks with the queue over
//! its pipes, in lines of JSON: what it has done and holds goes out, leases come in.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use t11_core::{Caller, OrgId, Permission, World};
use t11_jobs::lease::Outcome;
use t11_jobs::store::{Extension, Lease, Settlement};
use t11_store::{DatabaseConfig, Db, Effect, StoreError};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::bed::Bed;

/// Jobs a worker holds at once.
pub(crate) const SLOTS: usize = 50;
const HEARTBEAT: Duration = Duration::from_secs(5);
const TURN: Duration = Duration::from_millis(20);

#[derive(Serialize, Deserialize)]
struct Turn {
    done: Vec<Lease>,
    held: Vec<Lease>,
    /// Jobs whose effect it has had since the last turn.
    effects: Vec<Uuid>,
    free: usize,
}

/// What a worker did to a job.
pub(crate) struct Seen {
    pub(crate) job: Uuid,
    pub(crate) at: Instant,
}

/// A worker process, killed when dropped.
pub(crate) struct Process {
    child: Child,
    seen: mpsc::UnboundedReceiver<(bool, Seen)>,
    pub(crate) started: Vec<Seen>,
    pub(crate) effects: Vec<Seen>,
    speaking: JoinHandle<Result<()>>,
}

impl Drop for Process {
    fn drop(&mut self) {
        self.speaking.abort();
    }
}

impl Process {
    /// Starts a worker that holds each job for so long, and then has an effect wrapped in a row
    /// of the database `effects`.
    pub(crate) fn start(
        bed: std::sync::Arc<Bed>,
        name: &'static str,
        hold: Duration,
        effects: &str,
    ) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["worker", name, &hold.as_millis().to_string(), effects])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let answers = child.stdin.take().context("piped")?;
        let turns = BufReader::new(child.stdout.take().context("piped")?);
        let (tell, seen) = mpsc::unbounded_channel();
        #[expect(clippy::disallowed_methods, reason = "aborted on drop")]
        let speaking = tokio::spawn(speak(bed, name, turns, answers, tell));
        Ok(Self {
            child,
            seen,
            started: Vec::new(),
            effects: Vec::new(),
            speaking,
        })
    }

    /// Takes note of what it has done since the last time.
    pub(crate) fn look(&mut self) {
        while let Ok((is_effect, seen)) = self.seen.try_recv() {
            if is_effect {
                self.effects.push(seen);
            } else {
                self.started.push(seen);
            }
        }
    }

    /// Sends a signal by its name, as `kill` knows it.
    pub(crate) async fn signal(&self, name: &str) -> Result<()> {
        let id = self.child.id().context("it runs")?.to_string();
        let sent = Command::new("kill")
            .args(["-s", name, &id])
            .status()
            .await?;
        anyhow::ensure!(sent.success(), "kill -s {name} {id}: {sent}");
        Ok(())
    }
}

/// The queue's side of the pipes.
async fn speak(
    bed: std::sync::Arc<Bed>,
    name: &str,
    turns: BufReader<tokio::process::ChildStdout>,
    mut answers: tokio::process::ChildStdin,
    tell: mpsc::UnboundedSender<(bool, Seen)>,
) -> Result<()> {
    let boot = bed.world.new_id();
    let mut turns = turns.lines();
    let mut sequence = 0;
    while let Some(line) = turns.next_line().await? {
        let turn: Turn = serde_json::from_str(&line)?;
        let at = Instant::now();
        for job in turn.effects {
            tell.send((true, Seen { job, at }))?;
        }
        sequence += 1;
        let settlements = turn.done.into_iter().map(|lease| Settlement {
            lease,
            outcome: Outcome::Succeeded,
        });
        let mut call = bed.call(name, boot, sequence, settlements.collect(), turn.free);
        let held = turn.held.into_iter();
        call.extensions = held
            .map(|lease| Extension {
                lease,
                progress: None,
            })
            .collect();
        let leases = bed
            .queue
            .exchange(call, Duration::ZERO)
            .await?
            .answer
            .leases;
        let leases: Vec<_> = leases.iter().map(|leased| leased.lease()).collect();
        let at = Instant::now();
        for lease in &leases {
            tell.send((false, Seen { job: lease.job, at }))?;
        }
        let answer = serde_json::to_string(&leases)? + "\n";
        answers.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

/// The worker's side.
pub(crate) async fn work(_name: &str, hold_ms: u64, effects: &str) -> Result<()> {
    let hold = Duration::from_millis(hold_ms);
    let effects = Db::connect(&DatabaseConfig::new(effects), World::system()).await?;
    let mut leases = std::io::stdin().lines();
    let mut running: BTreeMap<Uuid, (Lease, Instant)> = BTreeMap::new();
    let mut told = Instant::now();
    loop {
        let now = Instant::now();
        let over: Vec<Lease> = running
            .values()
            .filter(|(_, until)| *until <= now)
            .map(|(lease, _)| *lease)
            .collect();
        let mut had = Vec::new();
        for lease in &over {
            running.remove(&lease.job);
            if have_effect(&effects, *lease).await? {
                had.push(lease.job);
            }
        }
        let is_heartbeat = told.elapsed() >= HEARTBEAT;
        let held = running.values().filter(|_| is_heartbeat);
        let turn = Turn {
            done: over,
            held: held.map(|(lease, _)| *lease).collect(),
            effects: had,
            free: SLOTS - running.len(),
        };
        if is_heartbeat {
            told = now;
        }
        println!("{}", serde_json::to_string(&turn)?);
        let Some(answer) = leases.next() else {
            return Ok(());
        };
        for lease in serde_json::from_str::<Vec<Lease>>(&answer?)? {
            running.insert(lease.job, (lease, Instant::now() + hold));
        }
        tokio::time::sleep(TURN).await;
    }
}

/// Whether it was this try that had the job's effect. One that has begun and not ended may have
/// had it: what a handler would look up outside is taken for done here.
async fn have_effect(effects: &Db, lease: Lease) -> Result<bool> {
    let owner = Caller::service("bench", OrgId(Uuid::from_u128(1)));
    let scope = owner.require(Permission::Internal)?;
    let begun = effects
        .write(scope.clone(), move |tx| async move {
            tx.begin_effect(&lease.job.to_string(), lease.fence).await
        })
        .await?;
    if begun != Effect::New {
        return Ok(false);
    }
    effects
        .write(scope, move |tx| async move {
            tx.finish_effect(&lease.job.to_string(), lease.fence)
                .await?;
            Ok::<_, StoreError>(())
        })
        .await?;
    Ok(true)
}
