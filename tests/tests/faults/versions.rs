//! F31: a job of a version that its worker does not know.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::json;
use t11_core::{Caller, OrgId, OrgScope, PageTokens, Permission, World};
use t11_grpc::{Peer, ServerStack, Signer, Verifier};
use t11_jobs::job::{Job, NewJob, State};
use t11_jobs::keep_up;
use t11_jobs::queue::Queue;
use t11_jobs::store::Store;
use t11_runtime::bus::InProcess;
use t11_runtime::{Bus, JobFailure, JobHandler, RunningJob, simulation};
use t11_store::testing::TestDb;
use t11_tests::eventually;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::report;

const KIND: &str = "crm.note";
const NEXT_KIND: &str = "crm.note_with_tags";
const PAYLOAD: &[u8] = b"what the next version wrote";

/// A queue, and the worker of one version of its service.
struct Bed {
    queue: Queue,
    scope: OrgScope,
    world: World,
    peer: Peer,
    signer: Signer,
    stop: CancellationToken,
    _upkeep: AbortOnDropHandle<()>,
    _db: TestDb,
}

impl Bed {
    async fn new() -> Self {
        let (world, stop) = (World::system(), CancellationToken::new());
        let db = TestDb::new(|db| async move { t11_migrations::migrate("jobs", &db).await }).await;
        let store = Store::new(db.db(), world.clone(), t11_jobs::Config::default());
        let bus = Bus::join(Arc::new(InProcess::default()), &world);
        let queue = Queue::new(store, world.clone(), &bus, stop.clone());
        let routes = t11_jobs::routes(queue.clone(), world.clone(), PageTokens::new([7; 32]));
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let verifier = Verifier::from_jwks(&signer.jwks()).unwrap();
        let (peer, slot) = Peer::local("jobs");
        slot.fill(ServerStack::new(routes, verifier, world.clone()));
        let upkeep = tokio::spawn(keep_up(queue.clone(), world.clone(), stop.clone()));
        let caller = Caller::service("crm", OrgId(world.new_id()));
        Self {
            queue,
            scope: caller.require(Permission::Internal).unwrap(),
            world,
            peer,
            signer,
            stop,
            _upkeep: AbortOnDropHandle::new(upkeep),
            _db: db,
        }
    }

    /// A worker that knows these kinds, and counts what it does.
    fn worker(&self, kinds: &[&'static str], done: &Arc<AtomicUsize>) -> AbortOnDropHandle<()> {
        let handler: Arc<dyn JobHandler> = Arc::new(Counts(done.clone()));
        let handlers: HashMap<_, _> = kinds.iter().map(|kind| (*kind, handler.clone())).collect();
        let (peer, signer, world) = (self.peer.clone(), self.signer.clone(), self.world.clone());
        let work = simulation::work("crm", handlers, peer, signer, world, self.stop.clone());
        AbortOnDropHandle::new(tokio::spawn(work))
    }

    async fn enqueue(&self, kind: &str, max_attempts: i32) -> Uuid {
        let job = NewJob {
            id: self.world.new_id(),
            org: self.scope.org().0,
            queue: "crm".to_owned(),
            kind: kind.to_owned(),
            payload: PAYLOAD.to_vec(),
            priority: 0,
            run_time: None,
            ordering_key: None,
            unique_key: None,
            max_attempts,
            timeout_ms: 0,
            resource: String::new(),
            display_name: String::new(),
            traceparent: None,
        };
        self.queue.enqueue(vec![job]).await.unwrap()[0].id
    }

    async fn until(&self, id: Uuid, state: State) -> Job {
        eventually(state.as_str(), || async {
            let job = self.queue.store().job(&self.scope, id).await.unwrap();
            (job.state == state).then_some(job)
        })
        .await
    }
}

struct Counts(Arc<AtomicUsize>);

#[async_trait]
impl JobHandler for Counts {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        assert_eq!(job.payload, PAYLOAD);
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn reason(job: &Job) -> &str {
    job.error.as_ref().map_or("", |error| &error.reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn f31_a_job_of_the_next_version_is_parked_with_its_reason_and_done_by_who_knows_it() {
    let bed = Bed::new().await;
    let (before, after) = (Arc::default(), Arc::default());
    let old = bed.worker(&[KIND], &before);
    let (waiting, parked) = (
        bed.enqueue(NEXT_KIND, 8).await,
        bed.enqueue(NEXT_KIND, 1).await,
    );
    let own = bed.enqueue(KIND, 1).await;
    bed.until(own, State::Succeeded).await;
    let unknown = bed.until(waiting, State::Retrying).await;
    assert_eq!(reason(&unknown), "JOB_KIND_UNKNOWN");
    let dead = bed.until(parked, State::Dead).await;
    assert_eq!(reason(&dead), "JOB_KIND_UNKNOWN");
    drop(old);

    let _new = bed.worker(&[KIND, NEXT_KIND], &after);
    bed.queue.retry(&bed.scope, parked).await.unwrap();
    for id in [waiting, parked] {
        bed.until(id, State::Succeeded).await;
    }
    let done = (
        before.load(Ordering::Relaxed),
        after.load(Ordering::Relaxed),
    );
    assert_eq!(done, (1, 2), "each was done once");
    report(&json!({"rows": "F31", "parked": 2, "done": 3, "lost": 0, "doubled": 0}));
}
