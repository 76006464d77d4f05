//! The worker against a jobs service that answers as it is told.

use t11_grpc::{ServerStack, Verifier};
use t11_proto::jobs::v1::JobSpec;
use t11_proto::jobs::v1::worker_service_server::{WorkerService, WorkerServiceServer};
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use super::*;

/// What the jobs service answers to a call; `None` leaves it waiting.
type Script = fn(&ExchangeRequest) -> Option<ExchangeResponse>;

struct Jobs {
    script: Script,
    calls: mpsc::UnboundedSender<ExchangeRequest>,
}

#[tonic::async_trait]
impl WorkerService for Jobs {
    async fn exchange(
        &self,
        request: Request<ExchangeRequest>,
    ) -> Result<Response<ExchangeResponse>, Status> {
        let request = request.into_inner();
        let answer = (self.script)(&request);
        self.calls.send(request).unwrap();
        match answer {
            Some(answer) => Ok(Response::new(answer)),
            None => std::future::pending().await,
        }
    }
}

/// Runs until its job is cancelled or the test lets it end.
#[derive(Default)]
struct Until(Notify);

#[async_trait]
impl JobHandler for Until {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        tokio::select! {
            () = self.0.notified() => Ok(()),
            () = job.cancelled().cancelled() => Err(JobFailure {
                reason: "CANCELLED".to_owned(),
                message: String::new(),
                permanent: false,
                retry_after: None,
            }),
        }
    }
}

/// A worker, the calls it makes, and its only job.
struct Bench {
    shutdown: CancellationToken,
    calls: mpsc::UnboundedReceiver<ExchangeRequest>,
    job: Arc<Until>,
    running: AbortOnDropHandle<()>,
}

impl Bench {
    #[expect(clippy::disallowed_methods, reason = "aborted with its handle")]
    fn start(is_alone: bool, script: Script) -> Self {
        let (sender, calls) = mpsc::unbounded_channel();
        let jobs = Jobs {
            script,
            calls: sender,
        };
        let world = World::system();
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let verifier = Verifier::from_jwks(&signer.jwks()).unwrap();
        let routes = Routes::new(WorkerServiceServer::new(jobs));
        let (peer, slot) = Peer::local("jobs");
        slot.fill(ServerStack::new(routes, verifier, world.clone()));
        let job = Arc::new(Until::default());
        let handler: Arc<dyn JobHandler> = job.clone();
        let parts = WorkerParts {
            service: "agents",
            handlers: HashMap::from([("agents.test", handler)]),
            slots: 2,
            is_alone,
            jobs: peer,
            signer,
            world,
            drain: Duration::from_secs(20),
        };
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(Worker::run(parts, shutdown.clone()));
        Self {
            shutdown,
            calls,
            job,
            running: AbortOnDropHandle::new(running),
        }
    }

    /// The next call that `is_wanted`.
    async fn call(&mut self, is_wanted: fn(&ExchangeRequest) -> bool) -> ExchangeRequest {
        loop {
            let call = self.calls.recv().await.unwrap();
            if is_wanted(&call) {
                return call;
            }
        }
    }

    /// How the job ended.
    async fn outcome(&mut self) -> Outcome {
        let mut settles = self.call(|call| !call.settles.is_empty()).await.settles;
        assert_eq!(settles.len(), 1, "{settles:?}");
        let settle = settles.remove(0);
        assert_eq!(settle.lease, Some(lease_ref()));
        settle.outcome.unwrap()
    }
}

fn lease_ref() -> LeaseRef {
    LeaseRef {
        job_id: Uuid::from_u128(1).to_string(),
        fence: 3,
    }
}

/// The answer that gives the job.
fn given() -> ExchangeResponse {
    let job = JobSpec {
        kind: "agents.test".to_owned(),
        ..JobSpec::default()
    };
    let lease = Lease {
        r#ref: Some(lease_ref()),
        job: Some(job),
        ..Lease::default()
    };
    ExchangeResponse {
        leases: vec![lease],
        ..ExchangeResponse::default()
    }
}

fn is_poll(call: &ExchangeRequest) -> bool {
    !call.wants.is_empty()
}

#[tokio::test]
async fn a_poll_tells_of_a_cancelled_job() {
    let mut bench = Bench::start(false, |call| match (is_poll(call), call.sequence) {
        (true, 1) => Some(given()),
        (true, 2) => Some(ExchangeResponse {
            cancelled: vec![lease_ref()],
            ..ExchangeResponse::default()
        }),
        (true, _) => None,
        (false, _) => Some(ExchangeResponse::default()),
    });
    assert_eq!(bench.outcome().await, Outcome::Stopped(Stopped {}));
}

#[tokio::test]
async fn jobs_given_to_a_poll_that_was_given_up_are_handed_back() {
    let mut bench = Bench::start(false, |call| match call {
        call if is_poll(call) => None,
        call if call.leaving => Some(given()),
        _ => Some(ExchangeResponse::default()),
    });
    let poll = bench.call(is_poll).await;
    bench.shutdown.cancel();
    let leave = bench.call(|call| call.leaving).await;
    assert_eq!(
        (&leave.worker, &leave.boot, leave.sequence),
        (&poll.worker, &poll.boot, poll.sequence + 1)
    );
    assert_eq!(bench.outcome().await, Outcome::Released(Released {}));
    bench.running.await.unwrap();
}

#[tokio::test]
async fn a_stopping_worker_lets_its_job_end_and_takes_no_other() {
    let mut bench = Bench::start(false, |call| match (is_poll(call), call.sequence) {
        (true, 1) => Some(given()),
        (true, _) => None,
        (false, _) => Some(ExchangeResponse::default()),
    });
    bench.call(|call| is_poll(call) && call.sequence == 2).await;
    bench.shutdown.cancel();
    bench.call(|call| call.leaving).await;
    bench.job.0.notify_one();
    assert_eq!(bench.outcome().await, Outcome::Succeeded(Succeeded {}));
    bench.running.await.unwrap();
    while let Ok(call) = bench.calls.try_recv() {
        assert!(!is_poll(&call), "{call:?}");
    }
}

#[tokio::test]
async fn only_a_worker_that_is_alone_keeps_its_name() {
    let name = async |is_alone| {
        let mut bench = Bench::start(is_alone, |_| None);
        bench.call(is_poll).await.worker
    };
    assert_eq!(name(true).await, name(true).await);
    assert_ne!(name(false).await, name(false).await);
}
