//! The queue: what the store does, and who is told of it.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::select_all;
use parking_lot::Mutex;
use t11_core::{OrgScope, World};
use t11_runtime::Bus;
use t11_store::{Engine, StoreError};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::arrivals::{self, Arrival, Arrivals, Ticket, Writer};
use crate::changes::{Advance, Changes, News, Watch};
use crate::dry::{Dry, Look};
use crate::error::Error;
use crate::job::{Job, NewJob, Progress};
use crate::schedule::{Schedule, Timetable};
use crate::store::{Answer, Call, Effects, Enqueued, Lease, Patience, QueueState, Report, Store};
use crate::wake::{Bell, Bells, Rung};

/// Times an exchange waits for a locked organization before it waits for a bell.
const PATIENT_TRIES: usize = 3;
/// Transactions of one replica at once on PostgreSQL, where one of them may wait for an organization
/// that another replica has locked. SQLite has one writer.
const MOST_WRITERS: usize = 4;
/// A transaction that takes longer lets another begin beside it.
const HELD_UP: Duration = Duration::from_millis(100);

/// The queue. Clones are the same queue.
#[derive(Clone)]
pub struct Queue {
    store: Store,
    arrivals: Arc<Arrivals>,
    world: World,
    wake: Arc<Bells>,
    dry: Arc<Dry>,
    changes: Arc<Changes>,
    /// Progress told to watchers and not yet written, by job.
    held_back: Arc<Mutex<HashMap<Uuid, (i64, Progress)>>>,
    /// When the next job is due, where that is known: who waits for it need not hear of later ones.
    next_due: Arc<Mutex<Option<DateTime<Utc>>>>,
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
            Engine::Postgres => MOST_WRITERS,
        };
        Self {
            store,
            arrivals: Arc::new(Arrivals::new(writers)),
            world,
            wake: Arc::new(Bells::new(bus.clone())),
            dry: Arc::default(),
            changes: Arc::new(Changes::new(bus.clone())),
            held_back: Arc::default(),
            next_due: Arc::default(),
            draining,
        }
    }

    /// The tables: for what only reads.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Takes jobs; see [`Store::transact`]. Calls that come at the same time share a transaction,
    /// and none of them fails for another's jobs. Once begun, the work is finished though the
    /// caller goes away.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, Error> {
        let (answered, writer) = self.arrivals.enqueue(jobs);
        self.have_written(writer);
        answered.await.unwrap_or_else(|_| Err(unanswered()))
    }

    fn have_written(&self, writer: Option<Writer>) {
        if let Some(writer) = writer {
            #[expect(
                clippy::disallowed_methods,
                reason = "callers wait for it, and it ends when none is left"
            )]
            tokio::spawn(self.clone().write_arrivals(writer));
        }
    }

    async fn write_arrivals(self, mut writer: Writer) {
        while let Some(calls) = writer.next(self.world.now()) {
            let mut written = pin!(self.write_together(calls));
            if timeout(HELD_UP, &mut written).await.is_err() {
                self.have_written(writer.is_held_up());
                written.await;
            }
        }
    }

    async fn write_together(&self, calls: Vec<Arrival>) {
        match self.store.transact(arrivals::round(&calls)).await {
            Ok(done) => {
                count_enqueued(&done.enqueued);
                self.tell(done.effects);
                arrivals::answer(calls, done.enqueued, done.answers);
            }
            // Nobody's call is the cause.
            Err(Error::Store(error)) if is_of_database(&error) => {
                for call in calls {
                    call.fail(error.clone().into());
                }
            }
            Err(_) if calls.len() > 1 => {
                for call in calls {
                    Box::pin(self.write_together(vec![call])).await;
                }
            }
            Err(error) => {
                if let Some(call) = calls.into_iter().next() {
                    call.fail(error);
                }
            }
        }
    }

    /// Exchanges with a worker, and waits up to `max_wait` for something to tell it.
    ///
    /// While it waits it holds nothing: each look is the same call repeated, which the store
    /// answers the same way whether it comes from here or from the worker. A call that only asks
    /// waits before its first look too, where that is known to find nothing.
    ///
    /// # Errors
    /// See [`Store::transact`].
    pub async fn exchange(&self, mut call: Call, max_wait: Duration) -> Result<Exchanged, Error> {
        let deadline = Instant::now() + max_wait;
        let mut known_cancelled = None;
        if let Some((rung, until)) = self.dry_until(&call, deadline) {
            if let Some(answer) = self.wait(&call, &[], rung, until).await? {
                return Ok(self.exchanged(answer, false));
            }
            // What is cancelled by now may have been so since the wait began.
            known_cancelled = Some(Vec::new());
        }
        let wanted = std::mem::take(&mut call.wants);
        let mut patience = PATIENT_TRIES;
        loop {
            let drain = self.draining.is_cancelled();
            call.wants = if drain { Vec::new() } else { wanted.clone() };
            let rung = self.listen(&call);
            let way = if patience < PATIENT_TRIES {
                Patience::Wait
            } else {
                Patience::Skip
            };
            let answer = self.look(call.clone(), way).await?;
            // What was cancelled before is in every answer, but only what is new cuts the wait.
            let known: &Vec<_> = known_cancelled.get_or_insert_with(|| answer.cancelled.clone());
            if answer.is_contended && !answer.is_news(known) && patience > 0 {
                patience -= 1;
                continue;
            }
            let is_last = drain || call.wants.is_empty() || Instant::now() >= deadline;
            if is_last || answer.is_news(known) {
                return Ok(self.exchanged(answer, drain));
            }
            patience = PATIENT_TRIES;
            if let Some(answer) = self.wait(&call, known, rung, deadline).await? {
                return Ok(self.exchanged(answer, drain));
            }
        }
    }

    fn exchanged(&self, answer: Answer, drain: bool) -> Exchanged {
        count_leases(&answer, self.world.now());
        Exchanged { answer, drain }
    }

    /// Until when a call need not look, and the bell that ends this sooner; `None` when it is to
    /// look at once.
    fn dry_until(&self, call: &Call, deadline: Instant) -> Option<(Rung, Instant)> {
        let now = Instant::now();
        if !call.only_asks() || deadline <= now {
            return None;
        }
        // Listening begins before it is asked what has rung, so that no ring falls between the two.
        let rung = self.listen(call);
        let until = self.dry.until(&call.wants, &self.wake, now)?;
        Some((rung, until.min(deadline)))
    }

    /// Looks for jobs, and remembers which queues have no more of them.
    async fn look(&self, call: Call, patience: Patience) -> Result<Answer, Error> {
        let look = Look {
            rings: self.wake.rings(),
            time: Instant::now(),
        };
        let (ticket, writer) = self.arrivals.exchange(call, patience);
        self.have_written(writer);
        let mut answer = self.answer(ticket).await?;
        self.dry.remember(std::mem::take(&mut answer.dry), look);
        Ok(answer)
    }

    /// Waits parked; `None` when it is time to look.
    async fn wait(
        &self,
        call: &Call,
        known_cancelled: &[Lease],
        rung: Rung,
        until: Instant,
    ) -> Result<Option<Answer>, Error> {
        tokio::select! {
            answer = self.wait_parked(call, known_cancelled) => answer.map(Some),
            () = rung => Ok(None),
            () = sleep_until(until) => Ok(None),
            () = self.draining.cancelled() => Ok(None),
        }
    }

    /// Until whoever enqueues has taken the worker along and there is news for it. Given up, it
    /// loses nothing: the same call is answered with what was given for it.
    async fn wait_parked(&self, call: &Call, known: &[Lease]) -> Result<Answer, Error> {
        loop {
            let answer = self.answer(self.arrivals.park(call.clone())).await?;
            if answer.is_news(known) {
                return Ok(answer);
            }
        }
    }

    async fn answer(&self, mut ticket: Ticket) -> Result<Answer, Error> {
        let answered = (&mut ticket.answered).await;
        let mut answer = answered.unwrap_or_else(|_| Err(unanswered()))?;
        self.report(std::mem::take(&mut answer.reports));
        Ok(answer)
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
    pub async fn run_due(&self) -> Result<Option<DateTime<Utc>>, Error> {
        // What comes while the next one is looked for may be sooner.
        *self.next_due.lock() = None;
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
                due: None,
                ..due.effects
            });
            if due.next.is_none_or(|next| next > self.world.now()) {
                *self.next_due.lock() = due.next;
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
        if let Some(time) = effects.due
            && self.next_due.lock().is_none_or(|next| time < next)
        {
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

/// A call is dropped unanswered only when the runtime shuts down.
fn unanswered() -> Error {
    StoreError::Unavailable(None).into()
}

fn count_enqueued(enqueued: &[Vec<Enqueued>]) {
    let duplicates = enqueued.iter().flatten().filter(|one| one.is_duplicate);
    let (all, duplicates) = (enqueued.iter().flatten().count(), duplicates.count());
    metrics::counter!("t11_jobs_enqueued_total").increment((all - duplicates) as u64);
    metrics::counter!("t11_jobs_duplicates_total").increment(duplicates as u64);
}

fn count_leases(answer: &Answer, now: chrono::DateTime<chrono::Utc>) {
    for leased in &answer.leases {
        let waited = (now - leased.job.run_time).to_std().unwrap_or_default();
        metrics::histogram!("t11_jobs_wait_seconds", "queue" => leased.job.queue.clone())
            .record(waited);
    }
}
