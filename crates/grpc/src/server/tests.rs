use std::time::Duration;

use axum::routing::post;
use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use t11_core::OrgId;
use tokio::sync::oneshot;
use tonic::Code;

use super::*;
use crate::context::as_service;
use crate::{Peer, RemoteFault, Signer};

const GET: &str = "/t11.agents.v1.AgentService/GetAgent";
const WATCH: &str = "/t11.jobs.v1.JobService/WatchJobs";
const EXCHANGE: &str = "/t11.jobs.v1.WorkerService/Exchange";

struct Bed {
    peer: Peer,
    signer: Signer,
    world: World,
    drained: CancellationToken,
}

impl Bed {
    /// A service that answers each call with headers, and a body that never ends.
    fn new(max_calls: usize) -> Self {
        let hang = async || {
            let frames = futures::stream::pending::<Result<Frame<Bytes>, Status>>();
            let body = axum::body::Body::new(StreamBody::new(frames));
            ([("content-type", "application/grpc")], body)
        };
        let paths = [GET, WATCH, EXCHANGE];
        let router = paths
            .iter()
            .fold(Router::new(), |router, path| router.route(path, post(hang)));
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let verifier = Verifier::from_jwks(&signer.jwks()).unwrap();
        let (world, drained) = (World::system(), CancellationToken::new());
        let stack = ServerStack::new(Routes::from(router), verifier, world.clone()).of_service(
            "agents",
            max_calls,
            drained.clone(),
        );
        let (peer, slot) = Peer::local("agents");
        slot.fill(stack);
        Self {
            peer,
            signer,
            world,
            drained,
        }
    }

    /// One call of our own service `edge`.
    async fn call(&self, path: &str) -> Response<Body> {
        let request = Request::post(path).body(Body::empty()).unwrap();
        let call = self.peer.clone().oneshot(request);
        let call = as_service(&self.signer, &self.world, "edge", OrgId::NONE, call);
        call.await.unwrap()
    }
}

/// The refusal that an answer is; `None` for a success under way.
fn refusal(response: &Response<Body>) -> Option<RemoteFault> {
    let status = Status::from_header_map(response.headers())?;
    Some(RemoteFault::from(&status))
}

#[tokio::test]
async fn a_call_holds_its_place_until_its_body_ends() {
    let bed = Bed::new(2);
    let first = bed.call(EXCHANGE).await;
    let second = bed.call(EXCHANGE).await;
    assert!(refusal(&first).is_none() && refusal(&second).is_none());
    let refused = refusal(&bed.call(EXCHANGE).await).unwrap();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(refused.reason(), "OVERLOADED");
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(1)));
    drop(first);
    assert!(refusal(&bed.call(EXCHANGE).await).is_none());
}

#[tokio::test]
async fn background_work_leaves_room_for_the_mesh() {
    let bed = Bed::new(10);
    let mut background = Vec::new();
    for _ in 0..7 {
        // Our own service asks, so nobody waits for it.
        let response = bed.call(GET).await;
        assert!(refusal(&response).is_none());
        background.push(response);
    }
    assert!(refusal(&bed.call(GET).await).is_some());
    assert!(refusal(&bed.call(EXCHANGE).await).is_none());
    let health = bed.call("/grpc.health.v1.Health/Check").await;
    // The bed has no health, but it was asked.
    assert_eq!(health.status(), http::StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn endless_streams_end_when_the_process_drains() {
    let bed = Bed::new(10);
    let (watch, other) = (bed.call(WATCH).await, bed.call(GET).await);
    let (ended, ends) = oneshot::channel();
    tokio::spawn(async move {
        let collected = watch.into_body().collect().await;
        ended.send(collected.unwrap().trailers().cloned()).unwrap();
    });
    bed.drained.cancel();
    let trailers = ends.await.unwrap().unwrap();
    let status = Status::from_header_map(&trailers).unwrap();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(RemoteFault::from(&status).reason(), "DRAINING");
    let still = tokio::time::timeout(Duration::from_millis(100), other.into_body().collect());
    assert!(still.await.is_err(), "a call with a deadline is let finish");
}
