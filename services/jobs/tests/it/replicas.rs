//! Several replicas are as one: what happens at one is known at the others at once. Nothing here
//! looks at the database by itself, as replicas do every second.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use t11_core::{Caller, PageTokens, Role, Subject, World};
use t11_grpc::{CallContext, Peer, ServerStack, Signer, Verifier, in_context};
use t11_jobs::changes::News;
use t11_jobs::job::Progress;
use t11_jobs::queue::{Exchanged, Queue};
use t11_jobs::store::{Call, Extension};
use t11_proto::jobs::v1 as pb;
use t11_proto::jobs::v1::job_service_client::JobServiceClient;
use t11_proto::jobs::v1::watch_jobs_response::Event;
use t11_runtime::bus::{InProcess, OverRedis};
use t11_runtime::{Bus, Redis, Secret};
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::bed::{Bed, QUEUE, org_id, scope};

/// What is woken returns long before; what is not waits this long.
const LONG: Duration = Duration::from_secs(20);
const AT_ONCE: Duration = Duration::from_secs(1);

/// Two replicas on one database.
struct Two {
    bed: Bed,
    here: Queue,
    there: Queue,
    _hearing: [AbortOnDropHandle<()>; 2],
}

impl Two {
    async fn start() -> Self {
        let bed = Bed::new().await;
        let [here, there] = buses().map(|bus| bed.replica_on(&bus));
        let hear = |queue: &Queue| {
            let queue = queue.clone();
            AbortOnDropHandle::new(tokio::spawn(async move { queue.hear_others().await }))
        };
        let hearing = [hear(&here), hear(&there)];
        let two = Self {
            bed,
            here,
            there,
            _hearing: hearing,
        };
        two.until_heard().await;
        two
    }

    /// Waits until a bell rung here is heard there.
    async fn until_heard(&self) {
        let mut rung = self.there.due_sooner();
        let deadline = Instant::now() + LONG;
        while timeout(Duration::from_millis(50), &mut rung).await.is_err() {
            assert!(Instant::now() < deadline, "replicas do not hear each other");
            self.here.enqueue(vec![self.scheduled()]).await.unwrap();
        }
    }

    /// A job far in the future, of nobody.
    fn scheduled(&self) -> t11_jobs::job::NewJob {
        t11_jobs::job::NewJob {
            run_time: Some(self.bed.world().now() + chrono::TimeDelta::days(1)),
            ..self.bed.job(99)
        }
    }
}

/// A member in each of two processes: on one Redis, if there is one.
fn buses() -> [Bus; 2] {
    let world = World::system();
    let Ok(url) = std::env::var("T11_TEST_REDIS_URL") else {
        let carrier = Arc::new(InProcess::default());
        return [(); 2].map(|()| Bus::join(carrier.clone(), &world));
    };
    let namespace = format!("test-{}", world.new_id().simple());
    [(); 2].map(|()| {
        let redis = Redis::connect(&Secret::from(url.clone()), &namespace).unwrap();
        Bus::join(Arc::new(OverRedis::new(&redis)), &world)
    })
}

fn waiting(queue: &Queue, call: Call) -> AbortOnDropHandle<Exchanged> {
    let queue = queue.clone();
    AbortOnDropHandle::new(tokio::spawn(async move {
        queue.exchange(call, LONG).await.unwrap()
    }))
}

async fn until_seen(bed: &Bed, worker: &str, sequence: i64) {
    while bed.store.last_sequence(worker.to_owned()).await.unwrap() < Some(sequence) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_comes_here_wakes_a_worker_that_waits_there() {
    let two = Two::start().await;
    let mut worker = two.bed.worker("w");
    let waits = waiting(&two.there, worker.call(Vec::new(), Vec::new(), 1));
    until_seen(&two.bed, "w", 1).await;
    let began = Instant::now();
    let job = two.bed.job(1);
    let id = job.id;
    two.here.enqueue(vec![job]).await.unwrap();
    let leases = waits.await.unwrap().answer.leases;
    assert_eq!(leases[0].job.id, id);
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_cancelled_here_is_told_to_its_worker_that_waits_there() {
    let two = Two::start().await;
    let mut worker = two.bed.worker("w");
    let id = two.bed.enqueue_one(two.bed.job(1)).await;
    let call = worker.call(Vec::new(), Vec::new(), 1);
    let leased = two.there.exchange(call, LONG).await.unwrap().answer.leases;
    let extension = Extension {
        lease: leased[0].lease(),
        progress: None,
    };
    let waits = waiting(&two.there, worker.call(Vec::new(), vec![extension], 1));
    until_seen(&two.bed, "w", 2).await;
    let began = Instant::now();
    two.here.cancel(&scope(1), id).await.unwrap();
    assert_eq!(waits.await.unwrap().answer.cancelled, [leased[0].lease()]);
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_reported_here_is_seen_there_before_it_is_written() {
    let two = Two::start().await;
    let mut worker = two.bed.worker("w");
    two.bed.enqueue_one(two.bed.job(1)).await;
    let leased = two.bed.take(&mut worker, 1).await.remove(0);
    let mut watch = two.there.watch(&scope(1)).await;
    let progress = Progress {
        step: "embed".to_owned(),
        percent: 40,
        ..Progress::default()
    };
    let extension = Extension {
        lease: leased.lease(),
        progress: Some(progress.clone()),
    };
    let call = worker.call(Vec::new(), vec![extension], 0);
    two.here.exchange(call, Duration::ZERO).await.unwrap();
    let news = timeout(AT_ONCE, async {
        loop {
            if let Some(News::Progress(advance)) = watch.next().await {
                break advance;
            }
        }
    });
    let advance = news.await.unwrap();
    assert_eq!((advance.job, advance.progress), (leased.job.id, progress));
    assert_eq!(two.bed.read(1, leased.job.id).await.progress.percent, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_there_sees_what_changes_here() {
    let two = Two::start().await;
    let mut events = watch_jobs(&two.there, two.bed.world()).await;
    assert_eq!(next(&mut events).await, Event::SnapshotComplete(true));
    let job = t11_jobs::job::NewJob {
        display_name: "Прайс.xlsx".to_owned(),
        ..two.bed.job(1)
    };
    let began = Instant::now();
    two.here.enqueue(vec![job]).await.unwrap();
    let Event::Job(told) = next(&mut events).await else {
        panic!("a job is expected")
    };
    assert_eq!(told.display_name, "Прайс.xlsx");
    assert_eq!(told.queue, QUEUE);
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

type Events = tonic::Streaming<pb::WatchJobsResponse>;

/// Watches the jobs of organization 1 through the routes of a replica.
async fn watch_jobs(queue: &Queue, world: World) -> Events {
    let signer = Signer::from_seed(&[7; 32]).unwrap();
    let verifier = Verifier::from_jwks(&signer.jwks()).unwrap();
    let routes = t11_jobs::routes(queue.clone(), world.clone(), PageTokens::new([7; 32]));
    let (peer, slot) = Peer::local("jobs");
    slot.fill(ServerStack::new(routes, verifier, world.clone()));
    let viewer = Caller {
        org: org_id(1),
        subject: Subject::User {
            user: Uuid::nil(),
            session: Uuid::nil(),
        },
        role: Role::Viewer,
        scopes: None,
    };
    let context = CallContext {
        caller_token: Some(signer.sign(&viewer, world.now()).into()),
        ..CallContext::default()
    };
    let watch = async {
        JobServiceClient::new(peer)
            .watch_jobs(pb::WatchJobsRequest::default())
            .await
    };
    in_context(context, watch).await.unwrap().into_inner()
}

async fn next(events: &mut Events) -> Event {
    events.next().await.unwrap().unwrap().event.unwrap()
}
