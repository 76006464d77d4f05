//! A queue within the process, and workers of one service that take from it.

use std::collections::HashMap;
use std::sync::Arc;

use t11_core::{Caller, OrgId, OrgScope, PageTokens, Permission, World};
use t11_grpc::{Peer, ServerStack, Signer, Verifier};
use t11_jobs::job::{Job, NewJob, State};
use t11_jobs::keep_up;
use t11_jobs::queue::Queue;
use t11_jobs::store::Store;
use t11_runtime::bus::InProcess;
use t11_runtime::{Bus, JobHandler, simulation};
use t11_store::testing::TestDb;
use t11_tests::eventually;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

/// The queue, and what its workers need.
pub(crate) struct Bed {
    pub(crate) queue: Queue,
    world: World,
    peer: Peer,
    signer: Signer,
    stop: CancellationToken,
    _upkeep: AbortOnDropHandle<()>,
    _db: TestDb,
}

impl Bed {
    pub(crate) async fn new() -> Self {
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
        Self {
            queue,
            world,
            peer,
            signer,
            stop,
            _upkeep: AbortOnDropHandle::new(upkeep),
            _db: db,
        }
    }

    /// The scope of a new organization.
    pub(crate) fn organization(&self) -> OrgScope {
        let caller = Caller::service("crm", OrgId(self.world.new_id()));
        caller.require(Permission::Internal).unwrap()
    }

    /// A worker that knows these kinds, and does them all by `handler`.
    pub(crate) fn worker(
        &self,
        kinds: &[&'static str],
        handler: Arc<dyn JobHandler>,
    ) -> AbortOnDropHandle<()> {
        let handlers: HashMap<_, _> = kinds.iter().map(|kind| (*kind, handler.clone())).collect();
        let (peer, signer, world) = (self.peer.clone(), self.signer.clone(), self.world.clone());
        let work = simulation::work("crm", handlers, peer, signer, world, self.stop.clone());
        AbortOnDropHandle::new(tokio::spawn(work))
    }

    /// A job of the organization, to be tried so often at most.
    pub(crate) async fn enqueue(&self, scope: &OrgScope, kind: &str, max_attempts: i32) -> Uuid {
        let job = NewJob {
            id: self.world.new_id(),
            org: scope.org().0,
            queue: "crm".to_owned(),
            kind: kind.to_owned(),
            payload: PAYLOAD.to_vec(),
            max_attempts,
            ..NewJob::default()
        };
        self.queue.enqueue(vec![job]).await.unwrap()[0].id
    }

    pub(crate) async fn job(&self, scope: &OrgScope, id: Uuid) -> Job {
        self.queue.store().job(scope, id).await.unwrap()
    }

    pub(crate) async fn until(&self, scope: &OrgScope, id: Uuid, state: State) -> Job {
        eventually(state.as_str(), || async {
            let job = self.job(scope, id).await;
            (job.state == state).then_some(job)
        })
        .await
    }
}

/// What every job carries.
pub(crate) const PAYLOAD: &[u8] = b"what the next version wrote";

/// Why a job failed last.
pub(crate) fn reason(job: &Job) -> &str {
    job.error.as_ref().map_or("", |error| &error.reason)
}
