//! The queue: what the store does, and who is told of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::select_all;
use parking_lot::Mutex;
use t11_core::{OrgScope, World};
use t11_runtime::Bus;
use t11_store::{Engine, StoreError};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::arrivals::{self, Arrival, Arrivals, Writer};
use crate::changes::{Advance, Changes, News, Watch};
use crate::error::Error;
use crate::job::{Job, NewJob, Progress};
use crate::schedule::{Schedule, Timetable};
use crate::store::{Answer, Call, Effects, Enqueued, Patience, QueueState, Report, Store};
use crate::wake::{Bell, Bells, Rung};

/// Times an exchange waits for a locked organization before it waits for a bell.
const PATIENT_TRIES: usize = 3;
/// Transactions of one replica that enqueue at once on PostgreSQL, where one of them may wait for
/// an organization that is locked. SQLite has one writer.
const ENQUEUE_AT_ONCE: usize = 4;

/// The queue. Clones are the same queue.
#[derive(Clone)]
pub struct Queue {
    store: Store,
    arrivals: Arc<Arrivals>,
    world: World,
    wake: Arc<Bells>,
    changes: Arc<Changes>,
    /// Progress told to watchers and not yet written, by job.
    held_back: Arc<Mutex<HashMap<Uuid, (i64, Progress)>>>,
    draining: CancellationToken,
}

/// What an exchange is answered.
#[derive(Debug)]
pub struct Exchanged {
    pub answer: Answer,
    /// This replica is going away.
    pub drain: bool,
}

impl Queue {
    /// A queue over `store` that answers with drain once `draining` is cancelled, and is one with
    /// the other replicas on `bus` while [`Self::hear_others`] runs.
    pub fn new(store: Store, world: World, bus: &Bus, draining: CancellationToken) -> Self {
        let writers = match store.engine() {
            Engine::Sqlite => 1,
            Engine::Postgres => ENQUEUE_AT_ONCE,
        };
        Self {
            store,
            arrivals: Arc::new(Arrivals::new(writers)),
            world,
            wake: Arc::new(Bells::new(bus.clone())),
            changes: Arc::new(Changes::new(bus.clone())),
            held_back: Arc::default(),
            draining,
        }
    }

    /// The tables: for what only reads.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Takes jobs; see [`Store::enqueue`]. Calls that come at the same time share a transaction,
    /// and none of them fails for another's jobs. Once begun, the work is finished though the
    /// caller goes away.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, Error> {
        let (answer, answered) = oneshot::channel();
        if let Some(writer) = self.arrivals.add(jobs, answer) {
            #[expect(
                clippy::disallowed_methods,
                reason = "callers wait for it, and it ends when none is left"
            )]
            tokio::spawn(self.clone().write_arrivals(writer));
        }
        // Dropped unanswered only when the runtime shuts down.
        answered
            .await
            .unwrap_or_else(|_| Err(StoreError::Unavailable(None).into()))
    }

    async fn write_arrivals(self, mut writer: Writer) {
        while let Some(calls) = writer.next() {
            self.write_together(calls).await;
        }
    }

    async fn write_together(&self, calls: Vec<Arrival>) {
        let jobs = calls.iter().flat_map(|call| call.jobs.iter().cloned());
        match self.enqueue_at_once(jobs.collect()).await {
            Ok(enqueued) => {
                let mut enqueued = enqueued.into_iter();
                for Arrival { jobs, answer } in calls {
                    tell_caller(answer, Ok(enqueued.by_ref().take(jobs.len()).collect()));
                }
            }
            // Nobody's jobs are the cause.
            Err(Error::Store(error)) if is_of_database(&error) => {
                for Arrival { answer, .. } in calls {
                    tell_caller(answer, Err(error.clone().into()));
                }
            }
            Err(_) if calls.len() > 1 => {
                for Arrival { jobs, answer } in calls {
                    tell_caller(answer, self.enqueue_at_once(jobs).await);
                }
            }
            Err(error) => {
                let mut calls = calls.into_iter();
                if let Some(Arrival { answer, .. }) = calls.next() {
                    tell_caller(answer, Err(error));
                }
            }
        }
    }

    async fn enqueue_at_once(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, Error> {
        let (enqueued, effects) = self.store.enqueue(jobs).await?;
        let duplicates = enqueued.iter().filter(|one| one.is_duplicate).count();
        metrics::counter!("t11_jobs_enqueued_total")
            .increment((enqueued.len() - duplicates) as u64);
        metrics::counter!("t11_jobs_duplicates_total").increment(duplicates as u64);
        self.tell(effects);
        Ok(enqueued)
    }

    /// Exchanges with a worker, and waits up to `max_wait` for something to tell it.
    ///
    /// While it waits it holds nothing: each look is the same call repeated, which the store
    /// answers the same way whether it comes from here or from the worker.
    ///
    /// # Errors
    /// See [`Store::exchange`].
    pub async fn exchange(&self, mut call: Call, max_wait: Duration) -> Result<Exchanged, Error> {
        let wanted = std::mem::take(&mut call.wants);
        let deadline = Instant::now() + max_wait;
        let mut patience = PATIENT_TRIES;
        let mut known_cancelled = None;
        loop {
            let drain = self.draining.is_cancelled();
            call.wants = if drain { Vec::new() } else { wanted.clone() };
            let rung = self.listen(&call);
            let way = if patience < PATIENT_TRIES {
                Patience::Wait
            } else {
                Patience::Skip
            };
            let mut answer = self.store.exchange(call.clone(), way).await?;
            self.tell(std::mem::take(&mut answer.effects));
            self.report(std::mem::take(&mut answer.reports));
            // What was cancelled before is in every answer, but only what is new cuts the wait.
            let known = known_cancelled.get_or_insert_with(|| answer.cancelled.clone());
            let is_news = !answer.leases.is_empty()
                || !answer.lost.is_empty()
                || answer.cancelled.iter().any(|lease| !known.contains(lease));
            if answer.is_contended && !is_news && patience > 0 {
                patience -= 1;
                continue;
            }
            if is_news || drain || call.wants.is_empty() || Instant::now() >= deadline {
                count_leases(&answer, self.world.now());
                return Ok(Exchanged { answer, drain });
            }
            patience = PATIENT_TRIES;
            tokio::select! {
                () = rung => {}
                () = sleep_until(deadline) => {}
                () = self.draining.cancelled() => {}
            }
        }
    }

    /// Resolves when there may be something for the worker. Listening begins before the look at
    /// the database, so that nothing falls between the two.
    fn listen(&self, call: &Call) -> Rung {
        let mut bells = vec![self.wake.listen(&Bell::Worker(call.worker.clone()))];
        for want in &call.wants {
            bells.push(self.wake.listen(&Bell::Queue(want.queue.clone())));
        }
        Box::pin(async move {
            select_all(bells).await;
        })
    }

    /// Asks a job to stop; see [`Store::cancel`].
    ///
    /// # Errors
    /// As [`Store::cancel`].
    pub async fn cancel(&self, scope: &OrgScope, id: Uuid) -> Result<Job, Error> {
        let (job, effects) = self.store.cancel(scope, id).await?;
        self.tell(effects);
        Ok(job)
    }

    /// Puts a job back; see [`Store::retry`].
    ///
    /// # Errors
    /// As [`Store::retry`].
    pub async fn retry(&self, scope: &OrgScope, id: Uuid) -> Result<Job, Error> {
        let (job, effects) = self.store.retry(scope, id).await?;
        self.tell(effects);
        Ok(job)
    }

    /// Stops or starts taking the organization's jobs from a queue.
    ///
    /// # Errors
    /// As [`Store::set_paused`].
    pub async fn set_paused(
        &self,
        scope: &OrgScope,
        queue: String,
        paused: bool,
    ) -> Result<QueueState, Error> {
        let (state, effects) = self.store.set_paused(scope, queue, paused).await?;
        self.tell(effects);
        Ok(state)
    }

    /// Creates or replaces a schedule, of which `next_run_time` is worked out here.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is never due again, or those of the database.
    pub async fn put_schedule(
        &self,
        mut schedule: Schedule,
        timetable: &Timetable,
    ) -> Result<Schedule, Error> {
        let Some(next) = timetable.after(self.world.now()) else {
            let mut violations = t11_core::Violations::default();
            violations.add("schedule.cron", "NEVER", "this time never comes");
            return Err(violations.into());
        };
        schedule.next_run_time = next;
        let stored = self.store.put_schedule(schedule).await?;
        self.wake.ring(&Bell::Due, 1);
        Ok(stored)
    }

    /// News of an organization from now on.
    pub async fn watch(&self, scope: &OrgScope) -> Watch {
        self.changes.watch(scope.org()).await
    }

    /// Wakes those who wait here when other replicas say so, for ever.
    pub async fn hear_others(&self) {
        self.wake.hear_others().await;
    }

    /// Gives back jobs whose lease ran out; how many.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn reap(&self) -> Result<usize, Error> {
        let mut total = 0;
        loop {
            let (lost, effects) = self.store.reap().await?;
            metrics::counter!("t11_jobs_leases_lost_total").increment(lost as u64);
            self.tell(effects);
            total += lost;
            if lost == 0 {
                return Ok(total);
            }
        }
    }

    /// Does what is due: schedules, then jobs. Returns when the next job is due, if any waits.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn run_due(&self) -> Result<Option<chrono::DateTime<chrono::Utc>>, Error> {
        loop {
            let (made, effects) = self.store.run_schedules().await?;
            self.tell(effects);
            if made == 0 {
                break;
            }
        }
        loop {
            let due = self.store.promote().await?;
            // The jobs that wait still were known here before.
            self.tell(Effects {
                due: false,
                ..due.effects
            });
            if due.promoted == 0 {
                return Ok(due.next);
            }
        }
    }

    /// Writes progress that was held back.
    ///
    /// # Errors
    /// Those of the database; what could not be written is dropped, newer will come.
    pub async fn write_progress(&self) -> Result<(), Error> {
        let held_back = std::mem::take(&mut *self.held_back.lock());
        if held_back.is_empty() {
            return Ok(());
        }
        let reports = held_back
            .into_iter()
            .map(|(id, (fence, progress))| (id, fence, progress));
        let effects = self.store.write_progress(reports.collect()).await?;
        self.tell(effects);
        Ok(())
    }

    /// Deletes history that has ended.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn forget(&self) -> Result<usize, Error> {
        let mut total = 0;
        loop {
            let forgotten = self.store.forget().await?;
            total += forgotten;
            if forgotten == 0 {
                return Ok(total);
            }
        }
    }

    /// Waits until a job may be due sooner than was thought.
    pub fn due_sooner(&self) -> Rung {
        self.wake.listen(&Bell::Due)
    }

    /// Rings here for every queue with jobs to start: a bell that was missed, or rung at another
    /// replica of which nothing is heard, costs this period.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn ring_runnable(&self) -> Result<(), Error> {
        for queue in self.store.runnable_queues().await? {
            self.wake.ring_here(&Bell::Queue(queue), 1);
        }
        Ok(())
    }

    /// Tells of what was committed.
    fn tell(&self, effects: Effects) {
        for (queue, startable) in effects.startable {
            self.wake.ring(&Bell::Queue(queue), startable);
        }
        for worker in effects.workers {
            self.wake.ring(&Bell::Worker(worker), 1);
        }
        if effects.due {
            self.wake.ring(&Bell::Due, 1);
        }
        for org in effects.changed {
            self.changes.tell(org, News::Changed);
        }
    }

    fn report(&self, reports: Vec<Report>) {
        for Report { job, is_written } in reports {
            let mut held_back = self.held_back.lock();
            if is_written {
                // What was held back is older.
                held_back.remove(&job.id);
            } else {
                held_back.insert(job.id, (job.fence, job.progress.clone()));
            }
            drop(held_back);
            let advance = Advance {
                job: job.id,
                fence: job.fence,
                revision: job.revision,
                progress: job.progress,
            };
            self.changes.tell(job.org, News::Progress(advance));
        }
    }
}

/// Whether the statement is not the cause.
fn is_of_database(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Unavailable(_)
            | StoreError::Busy
            | StoreError::Full(_)
            | StoreError::Failed(_)
            | StoreError::Timeout
    )
}

/// A caller that has gone away wants no answer.
fn tell_caller(caller: oneshot::Sender<arrivals::Answer>, answer: arrivals::Answer) {
    let _gone = caller.send(answer);
}

fn count_leases(answer: &Answer, now: chrono::DateTime<chrono::Utc>) {
    for leased in &answer.leases {
        let waited = (now - leased.job.run_time).to_std().unwrap_or_default();
        metrics::histogram!("t11_jobs_wait_seconds", "queue" => leased.job.queue.clone())
            .record(waited);
    }
}
