//! Workers that die at any moment, and many that run at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use t11_core::World;
use t11_jobs::config::Config;
use t11_jobs::job::State;
use t11_jobs::lease::Outcome;
use t11_jobs::store::{Leased, Settlement};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::bed::{Bed, Worker};

const JOBS: usize = 200;

/// A worker process with what it has in hand.
struct Process {
    worker: Worker,
    in_hand: Vec<Leased>,
}

/// Uniform over `0..bound`.
fn dice(world: &World, bound: u64) -> u64 {
    u64::from_le_bytes(world.random()) % bound
}

#[tokio::test]
async fn no_crash_loses_a_job_or_breaks_an_order() {
    let bed = Bed::with(Config {
        max_lost: 1000,
        ..Config::default()
    })
    .await;
    let world = bed.world();
    let jobs: Vec<_> = (0..JOBS)
        .map(|n| match n % 4 {
            0 => bed.keyed((n % 3) as u128, "lead"),
            _ => bed.job((n % 3) as u128),
        })
        .collect();
    let keyed: BTreeMap<Uuid, (Uuid, usize)> = jobs
        .iter()
        .enumerate()
        .filter(|(_, job)| job.ordering_key.is_some())
        .map(|(n, job)| (job.id, (job.org, n)))
        .collect();
    let all: BTreeSet<Uuid> = jobs.iter().map(|job| job.id).collect();
    for jobs in jobs.chunks(50) {
        bed.enqueue(jobs.to_vec()).await;
    }
    let new_process = |n| Process {
        worker: bed.worker(&format!("w{n}")),
        in_hand: Vec::new(),
    };
    let mut processes: Vec<_> = (0..4).map(new_process).collect();
    let mut done: Vec<Uuid> = Vec::new();
    while done.len() < JOBS {
        let n = usize::try_from(dice(&world, 4)).unwrap();
        let process = &mut processes[n];
        match dice(&world, 10) {
            0..5 => process
                .in_hand
                .extend(bed.take(&mut process.worker, 5).await),
            5..8 => {
                let Some(leased) = process.in_hand.pop() else {
                    continue;
                };
                if bed.succeed(&mut process.worker, &leased).await.is_empty() {
                    done.push(leased.job.id);
                }
            }
            // Killed; it starts again under its name or under another.
            8 => {
                let name = if dice(&world, 2) == 0 { n } else { n + 10 };
                *process = new_process(name);
            }
            _ => {
                bed.advance(TimeDelta::seconds(8));
                bed.queue.reap().await.unwrap();
            }
        }
    }
    let once: BTreeSet<_> = done.iter().copied().collect();
    assert_eq!(once, all, "each job has been done, and counted once");
    let mut last: BTreeMap<Uuid, usize> = BTreeMap::new();
    for (org, n) in done.iter().filter_map(|id| keyed.get(id)) {
        assert!(
            last.insert(*org, *n).is_none_or(|before| before < *n),
            "in the order of enqueueing"
        );
    }
    for org in 0..3 {
        assert!(
            bed.all(org)
                .await
                .iter()
                .all(|job| job.state == State::Succeeded)
        );
    }
    bed.check_counts(0..3).await;
}

/// Replicas and workers all at once: nothing is given twice, nobody waits for another for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_work_at_once_give_each_job_once() {
    let bed = Bed::new().await;
    let replicas = [bed.queue.clone(), bed.replica()];
    let mut tasks = JoinSet::new();
    for n in 0..6_u128 {
        let (queue, mut worker) = (
            replicas[n as usize % 2].clone(),
            bed.worker(&format!("w{n}")),
        );
        let jobs: Vec<_> = (0..40_u128)
            .map(|job| match job % 4 {
                0 => bed.keyed(job % 5, "lead"),
                _ => bed.job(job % 5),
            })
            .collect();
        tasks.spawn(async move {
            let mut done = Vec::new();
            let mut enqueued = jobs.chunks(10);
            let mut idle = 0;
            while idle < 20 {
                if let Some(jobs) = enqueued.next() {
                    queue.enqueue(jobs.to_vec()).await.unwrap();
                }
                let mut settlements = Vec::new();
                loop {
                    let call = worker.call(std::mem::take(&mut settlements), Vec::new(), 3);
                    let exchanged = queue
                        .exchange(call, std::time::Duration::ZERO)
                        .await
                        .unwrap();
                    assert!(exchanged.answer.lost.is_empty());
                    for leased in exchanged.answer.leases {
                        done.push(leased.job.id);
                        let lease = leased.lease();
                        settlements.push(Settlement {
                            lease,
                            outcome: Outcome::Succeeded,
                        });
                    }
                    if settlements.is_empty() {
                        break;
                    }
                }
                idle += 1;
            }
            done
        });
    }
    let mut done = Vec::new();
    while let Some(task) = tasks.join_next().await {
        done.extend(task.unwrap());
    }
    // What one worker unblocked after all others had left.
    let mut last = bed.worker("last");
    while let Some(leased) = bed.take(&mut last, 1).await.pop() {
        done.push(leased.job.id);
        bed.succeed(&mut last, &leased).await;
    }
    assert_eq!(done.len(), 240);
    assert_eq!(
        done.iter().collect::<BTreeSet<_>>().len(),
        240,
        "none was given twice"
    );
    for org in 0..5 {
        assert!(
            bed.all(org)
                .await
                .iter()
                .all(|job| job.state == State::Succeeded)
        );
    }
    bed.check_counts(0..5).await;
}
