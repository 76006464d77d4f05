//! F12: what was asked is done, and the answer is lost.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use t11_core::{OrgId, PageTokens, World};
use t11_grpc::{Peer, ServerStack, Signer, Verifier, as_service};
use t11_jobs::queue::Queue;
use t11_jobs::store::Store;
use t11_proto::jobs::v1::job_service_client::JobServiceClient;
use t11_proto::jobs::v1::{EnqueueJobsRequest, EnqueueJobsResponse, JobSpec, ListJobsRequest};
use t11_runtime::Bus;
use t11_runtime::bus::InProcess;
use t11_store::testing::TestDb;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::report;
use crate::wire::{deaf_link, peer, serve};

/// Callers give up after this.
const PATIENCE: Duration = Duration::from_secs(2);
const JOBS: usize = 20;

/// The jobs service.
struct Bed {
    signer: Signer,
    world: World,
    stack: ServerStack,
    _db: TestDb,
}

impl Bed {
    async fn new() -> Self {
        let world = World::system();
        let db = TestDb::new(|db| async move { t11_migrations::migrate("jobs", &db).await }).await;
        let store = Store::new(db.db(), world.clone(), t11_jobs::Config::default());
        let bus = Bus::join(Arc::new(InProcess::default()), &world);
        let queue = Queue::new(store, world.clone(), &bus, CancellationToken::new());
        let routes = t11_jobs::routes(queue, world.clone(), PageTokens::new([7; 32]));
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let verifier = Verifier::from_jwks(&signer.jwks()).unwrap();
        Self {
            stack: ServerStack::new(routes, verifier, world.clone()),
            signer,
            world,
            _db: db,
        }
    }

    /// Enqueues as a service does; `None` when the answer does not come.
    async fn enqueue(&self, jobs: &Peer, specs: &[JobSpec]) -> Option<EnqueueJobsResponse> {
        let request = EnqueueJobsRequest {
            jobs: specs.to_vec(),
        };
        let call = async {
            JobServiceClient::new(jobs.clone())
                .enqueue_jobs(request)
                .await
        };
        let call = as_service(&self.signer, &self.world, "crm", OrgId::NONE, call);
        let answer = tokio::time::timeout(PATIENCE, call).await.ok()?;
        Some(answer.unwrap().into_inner())
    }

    async fn listed(&self, jobs: &Peer, org: OrgId) -> usize {
        let request = ListJobsRequest {
            page_size: 100,
            ..ListJobsRequest::default()
        };
        let call = async { JobServiceClient::new(jobs.clone()).list_jobs(request).await };
        let call = as_service(&self.signer, &self.world, "crm", org, call);
        call.await.unwrap().into_inner().jobs.len()
    }
}

fn job(id: Uuid, org: OrgId) -> JobSpec {
    JobSpec {
        id: id.to_string(),
        organization_id: org.0.to_string(),
        queue: "crm".to_owned(),
        kind: "crm.note".to_owned(),
        display_name: "Заметка".to_owned(),
        ..JobSpec::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f12_a_job_whose_acknowledgement_was_lost_is_enqueued_once() {
    let bed = Bed::new().await;
    let org = OrgId(bed.world.new_id());
    let service = serve(bed.stack.clone()).await;
    let deaf = deaf_link(service.address).await;
    let specs: Vec<_> = (0..JOBS).map(|_| job(bed.world.new_id(), org)).collect();

    let unheard = bed.enqueue(&peer("jobs", deaf.address), &specs).await;
    assert!(unheard.is_none(), "the answer was to be lost");
    let jobs = peer("jobs", service.address);
    assert_eq!(
        bed.listed(&jobs, org).await,
        JOBS,
        "it was done all the same"
    );

    let again = bed.enqueue(&jobs, &specs).await.unwrap();
    assert!(
        again.results.iter().all(|result| result.duplicate),
        "{again:?}"
    );
    assert_eq!(bed.listed(&jobs, org).await, JOBS);
    report(&json!({"rows": "F12", "acknowledged": JOBS, "lost": 0, "doubled": 0}));
}
