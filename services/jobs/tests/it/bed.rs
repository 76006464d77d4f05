//! A queue with a clock that moves when told to, and workers that do as they are told.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use t11_core::{Caller, ManualWorld, OrgId, OrgScope, PageRequest, Permission, World};
use t11_jobs::config::Config;
use t11_jobs::error::Error;
use t11_jobs::job::{Job, JobError, NewJob, State};
use t11_jobs::lease::Outcome;
use t11_jobs::queue::{Exchanged, Queue};
use t11_jobs::store::{
    Answer, Call, Enqueued, Extension, Filter, Lease, Leased, Settlement, Store, Want,
};
use t11_runtime::Bus;
use t11_runtime::bus::InProcess;
use t11_store::testing::TestDb;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub(crate) const QUEUE: &str = "agents";

/// A queue of its own.
pub(crate) struct Bed {
    pub(crate) clock: Arc<ManualWorld>,
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    pub(crate) stop: CancellationToken,
    pub(crate) db: TestDb,
    config: Config,
}

/// A worker process as the queue sees it.
pub(crate) struct Worker {
    pub(crate) name: String,
    pub(crate) boot: Uuid,
    pub(crate) sequence: i64,
}

impl Bed {
    pub(crate) async fn new() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let clock = ManualWorld::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap(), 1);
        let migrate = |db| async move { t11_migrations::migrate("jobs", &db).await };
        let db = TestDb::with_world(clock.world(), migrate).await;
        let (store, queue, stop) = replica(&db, &clock.world(), &config);
        Self {
            clock,
            store,
            queue,
            stop,
            db,
            config,
        }
    }

    /// Another replica of the service on the same database.
    pub(crate) fn replica(&self) -> Queue {
        replica(&self.db, &self.clock.world(), &self.config).1
    }

    /// Another replica, which tells others what it does and hears what they do.
    pub(crate) fn replica_on(&self, bus: &Bus) -> Queue {
        let store = self.store.clone();
        Queue::new(store, self.clock.world(), bus, CancellationToken::new())
    }

    pub(crate) fn world(&self) -> World {
        self.clock.world()
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    /// A job of organization `org`.
    pub(crate) fn job(&self, org: u128) -> NewJob {
        NewJob {
            id: self.world().new_id(),
            org: org_id(org).0,
            queue: QUEUE.to_owned(),
            kind: "agents.test".to_owned(),
            payload: b"payload".to_vec(),
            display_name: "Прайс.xlsx".to_owned(),
            ..NewJob::default()
        }
    }

    pub(crate) fn keyed(&self, org: u128, key: &str) -> NewJob {
        NewJob {
            ordering_key: Some(key.to_owned()),
            ..self.job(org)
        }
    }

    pub(crate) async fn enqueue(&self, jobs: Vec<NewJob>) -> Vec<Enqueued> {
        self.queue.enqueue(jobs).await.unwrap()
    }

    pub(crate) async fn enqueue_one(&self, job: NewJob) -> Uuid {
        self.enqueue(vec![job]).await[0].id
    }

    pub(crate) fn worker(&self, name: &str) -> Worker {
        Worker {
            name: name.to_owned(),
            boot: self.world().new_id(),
            sequence: 0,
        }
    }

    /// Takes up to `slots` jobs.
    pub(crate) async fn take(&self, worker: &mut Worker, slots: usize) -> Vec<Leased> {
        let call = worker.call(Vec::new(), Vec::new(), slots);
        self.exchange(call).await.leases
    }

    pub(crate) async fn exchange(&self, call: Call) -> Answer {
        self.try_exchange(call).await.unwrap()
    }

    pub(crate) async fn try_exchange(&self, call: Call) -> Result<Answer, Error> {
        let Exchanged { answer, .. } = self.queue.exchange(call, Duration::ZERO).await?;
        Ok(answer)
    }

    /// Says how a try ended; the leases that no longer held.
    pub(crate) async fn settle(
        &self,
        worker: &mut Worker,
        lease: Lease,
        outcome: Outcome,
    ) -> Vec<Lease> {
        let settlement = Settlement { lease, outcome };
        self.exchange(worker.call(vec![settlement], Vec::new(), 0))
            .await
            .lost
    }

    pub(crate) async fn succeed(&self, worker: &mut Worker, leased: &Leased) -> Vec<Lease> {
        self.settle(worker, leased.lease(), Outcome::Succeeded)
            .await
    }

    pub(crate) async fn extend(&self, worker: &mut Worker, lease: Lease) -> Answer {
        let extension = Extension {
            lease,
            progress: None,
        };
        self.exchange(worker.call(Vec::new(), vec![extension], 0))
            .await
    }

    pub(crate) async fn read(&self, org: u128, id: Uuid) -> Job {
        self.store.job(&scope(org), id).await.unwrap()
    }

    /// The organization's jobs, in the order of enqueueing.
    pub(crate) async fn all(&self, org: u128) -> Vec<Job> {
        let page = PageRequest {
            size: 100_000,
            cursor: None,
        };
        let filter = Filter {
            housekeeping: true,
            ..Filter::default()
        };
        let mut jobs = self
            .store
            .list(&scope(org), filter, page)
            .await
            .unwrap()
            .items;
        jobs.reverse();
        jobs
    }

    /// The counts of every line are those of the jobs.
    pub(crate) async fn check_counts(&self, orgs: impl IntoIterator<Item = u128>) {
        for org in orgs {
            let jobs = self.all(org).await;
            for queue in self.store.queues(&scope(org)).await.unwrap() {
                let line = queue.line;
                let count = |state| {
                    let of_state = |job: &&Job| job.queue == line.queue && job.state == state;
                    i64::try_from(jobs.iter().filter(of_state).count()).unwrap()
                };
                let counted = [
                    line.scheduled,
                    line.ready,
                    line.blocked,
                    line.running,
                    line.retrying,
                    line.dead,
                ];
                let there = [
                    State::Scheduled,
                    State::Ready,
                    State::Blocked,
                    State::Running,
                    State::Retrying,
                    State::Dead,
                ];
                assert_eq!(counted, there.map(count), "{} of {org}", line.queue);
                let startable = line.startable(t11_jobs::fair::Share {
                    weight: 1,
                    max_running: self.config.max_running_per_organization.into(),
                });
                assert_eq!(line.runnable, startable > 0, "{line:?}");
            }
        }
    }
}

fn replica(db: &TestDb, world: &World, config: &Config) -> (Store, Queue, CancellationToken) {
    let store = Store::new(db.db(), world.clone(), config.clone());
    let stop = CancellationToken::new();
    let bus = Bus::join(Arc::new(InProcess::default()), world);
    let queue = Queue::new(store.clone(), world.clone(), &bus, stop.clone());
    (store, queue, stop)
}

impl Worker {
    /// The next call.
    pub(crate) fn call(
        &mut self,
        settlements: Vec<Settlement>,
        extensions: Vec<Extension>,
        slots: usize,
    ) -> Call {
        self.sequence += 1;
        let wants = vec![Want {
            queue: QUEUE.to_owned(),
            slots,
        }];
        Call {
            worker: self.name.clone(),
            boot: self.boot,
            sequence: self.sequence,
            settlements,
            extensions,
            wants: wants.into_iter().filter(|want| want.slots > 0).collect(),
            leaving: false,
        }
    }

    /// The last call.
    pub(crate) fn leave(&mut self) -> Call {
        Call {
            leaving: true,
            ..self.call(Vec::new(), Vec::new(), 0)
        }
    }
}

pub(crate) fn org_id(org: u128) -> OrgId {
    OrgId(Uuid::from_u128(org))
}

/// The right of a service to work for the organization.
pub(crate) fn scope(org: u128) -> OrgScope {
    Caller::service("test", org_id(org))
        .require(Permission::Internal)
        .unwrap()
}

pub(crate) fn failed(permanent: bool) -> Outcome {
    Outcome::Failed {
        error: JobError {
            reason: "BROKEN".to_owned(),
            message: "it broke".to_owned(),
        },
        permanent,
        retry_after: TimeDelta::zero(),
    }
}

pub(crate) fn ids(leased: &[Leased]) -> Vec<Uuid> {
    leased.iter().map(|leased| leased.job.id).collect()
}
