//! The queue against a model of it: random histories, after each step of which both must agree on
//! every job. The model is slow and simple: it looks at all jobs whenever it needs to know
//! anything, where the queue keeps counts, keys and turns.

mod step;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use t11_jobs::config::Config;
use t11_jobs::job::{NewJob, State};
use t11_jobs::lease::Outcome;
use t11_jobs::store::{Call, Lease, Settlement};
use uuid::Uuid;

use self::step::{Step, step};
use crate::bed::{Bed, QUEUE, Worker, failed, org_id, scope};

const ORGS: u128 = 3;
const CAP: usize = 3;
const MAX_ATTEMPTS: i32 = 2;

/// A job as the model has it.
#[derive(Debug, Clone)]
struct Known {
    id: Uuid,
    org: u128,
    key: Option<String>,
    unique: Option<String>,
    priority: i32,
    state: State,
    run_time: DateTime<Utc>,
    attempt: i32,
    lost: i32,
    fence: i64,
    held_by: Option<(String, Uuid)>,
    expire_time: DateTime<Utc>,
    cancel_requested: bool,
}

impl Known {
    fn is_finished(&self) -> bool {
        matches!(
            self.state,
            State::Succeeded | State::Dead | State::Cancelled
        )
    }

    fn finish(&mut self, state: State) {
        self.state = state;
        self.cancel_requested = false;
    }

    fn rank(&self) -> (i64, i32) {
        (
            self.run_time.timestamp_millis() - i64::from(self.priority) * 60_000,
            0,
        )
    }

    fn fail(&mut self, is_permanent: bool) {
        self.attempt += 1;
        if self.cancel_requested {
            self.finish(State::Cancelled);
        } else if is_permanent || self.attempt >= MAX_ATTEMPTS {
            self.finish(State::Dead);
        } else {
            self.state = State::Retrying;
        }
    }

    fn give_back(&mut self) {
        if self.cancel_requested {
            self.finish(State::Cancelled);
        } else {
            self.state = State::Ready;
        }
    }

    fn lose(&mut self) {
        self.lost += 1;
        if self.lost >= 3 && !self.cancel_requested {
            self.finish(State::Dead);
        } else {
            self.give_back();
        }
    }
}

/// The model, beside the queue it models.
struct Model {
    bed: Bed,
    /// In the order of enqueueing.
    jobs: Vec<Known>,
    specs: HashMap<Uuid, NewJob>,
    paused: BTreeMap<u128, bool>,
    workers: Vec<Worker>,
    last_calls: Vec<Option<(Call, Vec<Lease>)>>,
    /// Every lease that was ever given, and to which worker.
    leases: Vec<(usize, Lease)>,
}

impl Model {
    async fn new() -> Self {
        let config = Config {
            max_running_per_organization: u32::try_from(CAP).unwrap(),
            max_attempts: u16::try_from(MAX_ATTEMPTS).unwrap(),
            timeout_ms: 86_400_000,
            ..Config::default()
        };
        let bed = Bed::with(config).await;
        let workers = vec![bed.worker("w0"), bed.worker("w1")];
        Self {
            bed,
            jobs: Vec::new(),
            specs: HashMap::new(),
            paused: BTreeMap::new(),
            workers,
            last_calls: vec![None, None],
            leases: Vec::new(),
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.bed.world().now()
    }

    async fn run(&mut self, step: Step) {
        match step {
            Step::Enqueue {
                org,
                key,
                unique,
                delay,
                priority,
            } => {
                self.enqueue(org, key, unique, delay, priority).await;
            }
            Step::EnqueueAgain { job } => self.enqueue_again(job).await,
            Step::Take { worker, slots } => {
                let call = self.workers[worker].call(Vec::new(), Vec::new(), slots);
                self.exchange(worker, call, slots).await;
            }
            Step::Repeat { worker } => self.repeat(worker).await,
            Step::Settle { lease, end, slots } => self.settle(lease, end, slots).await,
            Step::Extend { lease } => self.extend(lease).await,
            Step::Advance { seconds } => self.bed.advance(TimeDelta::seconds(seconds)),
            Step::Reap => self.reap().await,
            Step::RunDue => self.run_due().await,
            Step::Cancel { job } => self.cancel(job).await,
            Step::Retry { job } => self.retry(job).await,
            Step::Restart { worker } => self.restart(worker).await,
            Step::Pause { org, paused } => {
                let queue = QUEUE.to_owned();
                if self
                    .bed
                    .queue
                    .set_paused(&scope(org), queue, paused)
                    .await
                    .is_ok()
                {
                    self.paused.insert(org, paused);
                }
            }
        }
        self.line_up();
        self.check().await;
    }

    async fn enqueue(
        &mut self,
        org: u128,
        key: Option<u8>,
        unique: Option<u8>,
        delay: i64,
        priority: i32,
    ) {
        let now = self.now();
        let run_time = (delay > 0).then(|| now + TimeDelta::seconds(delay));
        let spec = NewJob {
            ordering_key: key.map(|key| key.to_string()),
            unique_key: unique.map(|unique| unique.to_string()),
            run_time,
            priority,
            ..self.bed.job(org)
        };
        let twin = |job: &&Known| {
            job.org == org
                && job.unique.is_some()
                && job.unique == spec.unique_key
                && !job.is_finished()
        };
        let twin = self.jobs.iter().find(twin).map(|job| job.id);
        let answer = self.bed.enqueue(vec![spec.clone()]).await[0];
        assert_eq!(answer.id, twin.unwrap_or(spec.id));
        assert_eq!(answer.is_duplicate, twin.is_some());
        if twin.is_none() {
            self.specs.insert(spec.id, spec.clone());
            self.jobs.push(Known {
                id: spec.id,
                org,
                key: spec.ordering_key,
                unique: spec.unique_key,
                priority,
                // One that finds its key held is put behind it when the model lines up.
                state: if delay > 0 {
                    State::Scheduled
                } else {
                    State::Blocked
                },
                run_time: run_time.unwrap_or(now),
                attempt: 0,
                lost: 0,
                fence: 0,
                held_by: None,
                expire_time: now,
                cancel_requested: false,
            });
        }
    }

    async fn enqueue_again(&mut self, job: usize) {
        let Some(job) = pick(&self.jobs, job) else {
            return;
        };
        let answer = self.bed.enqueue(vec![self.specs[&job.id].clone()]).await[0];
        assert!(answer.is_duplicate);
        assert_eq!(answer.id, job.id);
    }

    /// Makes ready the first of each key that nobody holds, and all that have no key.
    fn line_up(&mut self) {
        for index in 0..self.jobs.len() {
            let job = self.jobs[index].clone();
            let holds = |other: &Known| {
                other.org == job.org
                    && other.key == job.key
                    && matches!(other.state, State::Ready | State::Running | State::Retrying)
            };
            if job.state == State::Blocked && (job.key.is_none() || !self.jobs.iter().any(holds)) {
                self.jobs[index].state = State::Ready;
            }
        }
    }

    /// How many jobs of each organization may start.
    fn startable(&self) -> BTreeMap<u128, usize> {
        let count = |org, state| {
            self.jobs
                .iter()
                .filter(|job| job.org == org && job.state == state)
                .count()
        };
        (1..=ORGS)
            .filter(|org| !self.paused.get(org).copied().unwrap_or_default())
            .map(|org| {
                (
                    org,
                    count(org, State::Ready).min(CAP.saturating_sub(count(org, State::Running))),
                )
            })
            .collect()
    }

    /// Exchanges, and checks what was taken: as much as may start, of each organization the
    /// first.
    async fn exchange(&mut self, worker: usize, call: Call, slots: usize) {
        self.line_up();
        let startable = self.startable();
        let answer = self.bed.exchange(call.clone()).await;
        assert_eq!(
            answer.leases.len(),
            slots.min(startable.values().sum()),
            "{startable:?}"
        );
        for org in 1..=ORGS {
            let taken: Vec<_> = answer
                .leases
                .iter()
                .filter(|leased| leased.job.org == org_id(org))
                .map(|leased| leased.job.id)
                .collect();
            let mut ready: Vec<_> = self
                .jobs
                .iter()
                .enumerate()
                .filter(|(_, job)| job.org == org && job.state == State::Ready)
                .collect();
            ready.sort_by_key(|(index, job)| (job.rank(), *index));
            let first: Vec<_> = ready
                .iter()
                .take(taken.len())
                .map(|(_, job)| job.id)
                .collect();
            assert_eq!(taken, first, "organization {org}");
        }
        let now = self.now();
        let held_by = (call.worker.clone(), call.boot);
        for leased in &answer.leases {
            let job = self
                .jobs
                .iter_mut()
                .find(|job| job.id == leased.job.id)
                .unwrap();
            job.state = State::Running;
            job.fence += 1;
            job.held_by = Some(held_by.clone());
            job.expire_time = now + TimeDelta::seconds(15);
            self.leases.push((worker, leased.lease()));
        }
        let leases = answer.leases.iter().map(|leased| leased.lease()).collect();
        self.last_calls[worker] = Some((call, leases));
    }

    async fn repeat(&mut self, worker: usize) {
        let Some((call, leases)) = self.last_calls[worker].clone() else {
            return;
        };
        // Without leases a repeat may take; that is a new look, not the same answer.
        if leases.is_empty() {
            return;
        }
        let answer = self.bed.exchange(call).await;
        let again: Vec<_> = answer.leases.iter().map(|leased| leased.lease()).collect();
        let held: Vec<_> = leases
            .into_iter()
            .filter(|lease| self.holds(*lease))
            .collect();
        assert_eq!(again, held);
    }

    fn holds(&self, lease: Lease) -> bool {
        let holds = |job: &Known| {
            job.id == lease.job && job.state == State::Running && job.fence == lease.fence
        };
        self.jobs.iter().any(holds)
    }

    async fn settle(&mut self, lease: usize, end: u8, slots: usize) {
        let Some((worker, lease)) = pick(&self.leases, lease).copied() else {
            return;
        };
        let outcome = match end {
            0 => Outcome::Succeeded,
            1 => failed(false),
            2 => failed(true),
            3 => Outcome::Released,
            _ => Outcome::Stopped,
        };
        if self.holds(lease) {
            let job = self
                .jobs
                .iter_mut()
                .find(|job| job.id == lease.job)
                .unwrap();
            match end {
                0 => job.finish(State::Succeeded),
                1 | 2 => job.fail(end == 2),
                _ => job.give_back(),
            }
            if job.state == State::Retrying {
                // When is chance; checked and taken over after the call.
                job.run_time = DateTime::<Utc>::MAX_UTC;
            }
        }
        let settlement = Settlement { lease, outcome };
        let call = self.workers[worker].call(vec![settlement], Vec::new(), slots);
        self.exchange(worker, call, slots).await;
    }

    async fn extend(&mut self, lease: usize) {
        let Some((worker, lease)) = pick(&self.leases, lease).copied() else {
            return;
        };
        let (now, holds) = (self.now(), self.holds(lease));
        let answer = self.bed.extend(&mut self.workers[worker], lease).await;
        self.last_calls[worker] = None;
        assert_eq!(answer.lost.is_empty(), holds);
        if holds {
            let job = self
                .jobs
                .iter_mut()
                .find(|job| job.id == lease.job)
                .unwrap();
            assert_eq!(answer.cancelled.contains(&lease), job.cancel_requested);
            // A lease that is nearly whole is left as it is.
            if job.expire_time < now + TimeDelta::seconds(13) {
                job.expire_time = now + TimeDelta::seconds(15);
            }
        }
    }

    async fn reap(&mut self) {
        let now = self.now();
        let mut expired = 0;
        for job in self
            .jobs
            .iter_mut()
            .filter(|job| job.state == State::Running)
        {
            if job.expire_time <= now {
                job.lose();
                expired += 1;
            }
        }
        assert_eq!(self.bed.queue.reap().await.unwrap(), expired);
    }

    async fn run_due(&mut self) {
        let now = self.now();
        for job in self.jobs.iter_mut().filter(|job| job.run_time <= now) {
            match job.state {
                State::Scheduled => job.state = State::Blocked,
                State::Retrying => job.state = State::Ready,
                _ => {}
            }
        }
        self.bed.queue.run_due().await.unwrap();
    }

    async fn cancel(&mut self, job: usize) {
        let Some(job) = pick_mut(&mut self.jobs, job) else {
            return;
        };
        let may = !matches!(job.state, State::Succeeded | State::Dead);
        match job.state {
            State::Running => job.cancel_requested = true,
            State::Succeeded | State::Dead | State::Cancelled => {}
            _ => job.finish(State::Cancelled),
        }
        let result = self.bed.queue.cancel(&scope(job.org), job.id).await;
        assert_eq!(result.is_ok(), may);
    }

    async fn retry(&mut self, job: usize) {
        let now = self.now();
        let Some(chosen) = pick(&self.jobs, job).cloned() else {
            return;
        };
        let twin = |other: &Known| {
            other.org == chosen.org
                && other.unique.is_some()
                && other.unique == chosen.unique
                && !other.is_finished()
        };
        let may =
            matches!(chosen.state, State::Dead | State::Cancelled) && !self.jobs.iter().any(twin);
        let result = self.bed.queue.retry(&scope(chosen.org), chosen.id).await;
        assert_eq!(result.is_ok(), may);
        if may {
            let job = self
                .jobs
                .iter_mut()
                .find(|job| job.id == chosen.id)
                .unwrap();
            job.state = State::Blocked;
            (job.attempt, job.lost, job.run_time) = (0, 0, now);
            // One that comes back stands behind whoever holds the key, but before those who wait.
            let key = job.key.clone();
            let holds = |other: &Known| {
                other.org == chosen.org
                    && other.key == key
                    && matches!(other.state, State::Ready | State::Running | State::Retrying)
            };
            if key.is_none() || !self.jobs.iter().any(holds) {
                let job = self
                    .jobs
                    .iter_mut()
                    .find(|job| job.id == chosen.id)
                    .unwrap();
                job.state = State::Ready;
            }
        }
    }

    async fn restart(&mut self, worker: usize) {
        let name = self.workers[worker].name.clone();
        let mine = (name.clone(), self.workers[worker].boot);
        for job in self
            .jobs
            .iter_mut()
            .filter(|job| job.state == State::Running)
        {
            if job.held_by.as_ref() == Some(&mine) {
                job.lose();
            }
        }
        self.workers[worker] = self.bed.worker(&name);
        let call = self.workers[worker].call(Vec::new(), Vec::new(), 0);
        self.exchange(worker, call, 0).await;
    }

    /// Model and queue agree.
    async fn check(&mut self) {
        let now = self.now();
        for org in 1..=ORGS {
            for real in self.bed.all(org).await {
                let known = self.jobs.iter_mut().find(|job| job.id == real.id).unwrap();
                assert_eq!(real.state, known.state, "{known:?}\n{real:?}");
                assert_eq!(
                    (real.attempt, real.lost, real.fence, real.cancel_requested),
                    (
                        known.attempt,
                        known.lost,
                        known.fence,
                        known.cancel_requested
                    ),
                    "{known:?}"
                );
                assert_eq!(real.holder.is_some(), real.state == State::Running);
                assert_eq!(real.end_time.is_some(), real.state.is_finished());
                if known.run_time == DateTime::<Utc>::MAX_UTC {
                    assert!(real.run_time - now <= TimeDelta::seconds(2 << (real.attempt - 1)));
                    known.run_time = real.run_time;
                }
                assert_eq!(real.run_time, known.run_time);
            }
        }
        self.bed.check_counts(1..=ORGS).await;
    }
}

fn pick<T>(from: &[T], number: usize) -> Option<&T> {
    from.get(number.checked_rem(from.len())?)
}

fn pick_mut<T>(from: &mut [T], number: usize) -> Option<&mut T> {
    let index = number.checked_rem(from.len())?;
    from.get_mut(index)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_queue_does_what_its_model_does(steps in prop::collection::vec(step(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut model = Model::new().await;
            for step in steps {
                model.run(step).await;
            }
        });
    }
}
