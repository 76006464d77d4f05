//! The background work of a replica.

use std::time::Duration;

use t11_core::World;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::queue::Queue;
use crate::store::QueueTotals;

/// How often history is cleaned.
const FORGET_EVERY: Duration = Duration::from_secs(600);
/// How often queues are measured.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// All that a replica does beside answering calls, until told to stop.
pub async fn keep_up(queue: Queue, world: World, stop: CancellationToken) {
    tokio::join!(
        hear_others(queue.clone(), stop.clone()),
        reap(queue.clone(), stop.clone()),
        run_due(queue.clone(), world.clone(), stop.clone()),
        write_progress(queue.clone(), stop.clone()),
        keep_history(queue.clone(), stop.clone()),
        measure(queue, world, stop),
    );
}

/// Wakes those who wait here when other replicas say so.
async fn hear_others(queue: Queue, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = queue.hear_others() => {}
    }
}

/// Gives back the jobs of workers that have disappeared, and makes missed wake-ups good.
async fn reap(queue: Queue, stop: CancellationToken) {
    let mut ticks = Ticks::new(queue.store().config().reap_every(), stop);
    while ticks.next().await {
        log("give back jobs", queue.reap().await);
        log("look for jobs to start", queue.ring_runnable().await);
    }
}

/// Makes jobs and schedules run at their time: sleeps until the next one, or until told of one
/// that is sooner.
async fn run_due(queue: Queue, world: World, stop: CancellationToken) {
    let longest = queue.store().config().reap_every();
    while !stop.is_cancelled() {
        let sooner = queue.due_sooner();
        let next = log("run what is due", queue.run_due().await).flatten();
        let until_next = next.map(|time| (time - world.now()).to_std().unwrap_or_default());
        tokio::select! {
            () = stop.cancelled() => {}
            () = sooner => {}
            () = sleep(until_next.map_or(longest, |wait| wait.min(longest))) => {}
        }
    }
}

/// Writes progress that came faster than it is written.
async fn write_progress(queue: Queue, stop: CancellationToken) {
    let period = Duration::from_millis(queue.store().config().progress_every_ms.max(10).into());
    let mut ticks = Ticks::new(period, stop);
    while ticks.next().await {
        log("write progress", queue.write_progress().await);
    }
}

/// Counts anew at the start, then deletes history now and then.
async fn keep_history(queue: Queue, stop: CancellationToken) {
    log("count jobs anew", queue.store().recount().await);
    let mut ticks = Ticks::new(FORGET_EVERY, stop);
    while ticks.next().await {
        log("delete history", queue.forget().await);
    }
}

/// Publishes the metrics of the queues.
async fn measure(queue: Queue, world: World, stop: CancellationToken) {
    let mut ticks = Ticks::new(MEASURE_EVERY, stop);
    while ticks.next().await {
        let Some(queues) = log("measure queues", queue.store().totals().await) else {
            continue;
        };
        for (name, totals) in &queues {
            publish(name, totals, &world);
        }
    }
}

fn publish(queue: &str, totals: &QueueTotals, world: &World) {
    let gauge = |metric: &'static str, value: i64| {
        metrics::gauge!(metric, "queue" => queue.to_owned()).set(value as f64);
    };
    gauge("t11_jobs_runnable", totals.runnable);
    gauge("t11_jobs_running", totals.running);
    gauge("t11_jobs_dead", totals.dead);
    gauge("t11_jobs_ready", totals.ready);
    gauge("t11_jobs_blocked", totals.blocked);
    gauge("t11_jobs_waiting", totals.waiting);
    gauge("t11_jobs_runnable_organizations", totals.runnable_orgs);
    let age = totals
        .oldest_runnable_time
        .map_or(0, |time| (world.now() - time).num_seconds());
    gauge("t11_jobs_oldest_runnable_age_seconds", age.max(0));
}

/// A period, until told to stop.
struct Ticks {
    interval: Interval,
    stop: CancellationToken,
}

impl Ticks {
    fn new(period: Duration, stop: CancellationToken) -> Self {
        let mut interval = interval(period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { interval, stop }
    }

    /// Waits for the next tick; `false` at the end.
    async fn next(&mut self) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            _ = self.interval.tick() => true,
        }
    }
}

/// The result, or a line in the log: the work is done again at the next tick.
fn log<T>(what: &str, result: Result<T, Error>) -> Option<T> {
    result
        .inspect_err(|error| {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "could not {what}; trying again"
            );
        })
        .ok()
}
