use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request as HttpRequest;
use futures::StreamExt as _;
use parking_lot::Mutex;
use t11_proto::accounts::v1::SignInRequest;
use t11_proto::accounts::v1::session_service_client::SessionServiceClient;
use t11_proto::agents::v1::agent_service_client::AgentServiceClient;
use t11_proto::agents::v1::{Agent, GetAgentRequest};
use t11_proto::llm::v1::CompleteRequest;
use t11_proto::llm::v1::completion_service_client::CompletionServiceClient;
use tokio::net::TcpListener;
use tonic::transport::Endpoint;

use super::*;
use crate::Peer;
use crate::context::{CallContext, in_context};

/// What the neighbour does with the next call.
#[derive(Debug, Clone, Copy)]
enum Act {
    Answer,
    /// Begins to answer and goes.
    BreakOff,
    Refuse,
    RefuseFor(&'static str),
}

#[derive(Clone, Default)]
struct Neighbour {
    acts: Arc<Mutex<VecDeque<Act>>>,
    /// Of each call: tries before it, and the time it was given.
    seen: Arc<Mutex<Vec<(String, Duration)>>>,
}

impl Neighbour {
    async fn start(acts: impl IntoIterator<Item = Act>) -> (Self, Peer) {
        let neighbour = Self {
            acts: Arc::new(Mutex::new(acts.into_iter().collect())),
            ..Self::default()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answering = neighbour.clone();
        let router = Router::new().fallback(move |request: HttpRequest| {
            let answer = answering.answer(&request);
            async move {
                drop(request.into_body().collect().await);
                answer
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        (neighbour, peer(address))
    }

    fn answer(&self, request: &HttpRequest) -> Response<Body> {
        let header = |name: &str| {
            let value = request.headers().get(name);
            value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
        };
        let millis: u64 = header("grpc-timeout")
            .trim_end_matches('m')
            .parse()
            .unwrap_or_default();
        self.seen
            .lock()
            .push((header(PREVIOUS_TRIES), Duration::from_millis(millis)));
        let act = self.acts.lock().pop_front().unwrap_or(Act::Answer);
        match act {
            Act::Answer => answer(),
            Act::BreakOff => half(),
            Act::Refuse => Status::unavailable("going").into_http(),
            Act::RefuseFor(pushback) => {
                let mut response = Status::unavailable("going").into_http();
                let value = HeaderValue::from_static(pushback);
                response.headers_mut().insert(PUSHBACK, value);
                response
            }
        }
    }

    fn calls(&self) -> usize {
        self.seen.lock().len()
    }
}

/// An empty message and the trailers of a success.
fn answer() -> Response<Body> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = [
        Ok::<_, Status>(Frame::data(Bytes::from_static(&[0; 5]))),
        Ok(Frame::trailers(trailers)),
    ];
    let body = http_body_util::StreamBody::new(futures::stream::iter(frames));
    Response::builder()
        .header("content-type", "application/grpc")
        .body(Body::new(body))
        .unwrap()
}

/// Headers, a part of a message, and no more. A stream that is reset at once would take its headers
/// along, unsent.
fn half() -> Response<Body> {
    let part = async { Ok(Frame::data(Bytes::from_static(&[0; 3]))) };
    let end = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(Status::internal("killed"))
    };
    let frames = futures::stream::once(part).chain(futures::stream::once(end));
    let body = http_body_util::StreamBody::new(frames);
    Response::builder()
        .header("content-type", "application/grpc")
        .body(Body::new(body))
        .unwrap()
}

fn peer(address: SocketAddr) -> Peer {
    let channel = Endpoint::from_shared(format!("http://{address}"))
        .unwrap()
        .connect_lazy();
    Peer::remote("agents", channel, World::system())
}

async fn read(peer: &Peer) -> Result<Agent, Status> {
    AgentServiceClient::new(peer.clone())
        .get_agent(GetAgentRequest::default())
        .await
        .map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_harmless_call_is_tried_again_and_says_so() {
    let (neighbour, peer) = Neighbour::start([Act::Refuse]).await;
    read(&peer).await.unwrap();
    let tries: Vec<_> = neighbour.seen.lock().iter().map(|s| s.0.clone()).collect();
    assert_eq!(tries, ["", "1"]);
}

#[tokio::test]
async fn it_is_tried_twice_at_most() {
    let (neighbour, peer) = Neighbour::start([Act::Refuse; 3]).await;
    let refused = read(&peer).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(neighbour.calls(), 2);
}

#[tokio::test]
async fn a_call_that_may_do_it_again_is_not_repeated() {
    let (neighbour, peer) = Neighbour::start([Act::Refuse]).await;
    let refused = CompletionServiceClient::new(peer)
        .complete(CompleteRequest::default())
        .await
        .map(drop)
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(neighbour.calls(), 1);
}

#[tokio::test]
async fn an_answer_that_broke_off_was_not_given() {
    let (neighbour, peer) = Neighbour::start([Act::BreakOff]).await;
    read(&peer).await.unwrap();
    assert_eq!(neighbour.calls(), 2);

    let (neighbour, peer) = Neighbour::start([Act::BreakOff]).await;
    let refused = SessionServiceClient::new(peer)
        .sign_in(SignInRequest::default())
        .await
        .map(drop)
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    let fault = crate::RemoteFault::from(&refused);
    assert_eq!(t11_core::Fault::reason(&fault), "ANSWER_INCOMPLETE");
    assert_eq!(neighbour.calls(), 1);
}

#[tokio::test]
async fn the_neighbour_says_when_and_whether() {
    let (neighbour, peer) = Neighbour::start([Act::RefuseFor("-1")]).await;
    assert!(read(&peer).await.is_err());
    assert_eq!(neighbour.calls(), 1, "it asked not to be called again");

    let (neighbour, peer) = Neighbour::start([Act::RefuseFor("400")]).await;
    let start = Instant::now();
    read(&peer).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(400));
    assert_eq!(neighbour.calls(), 2);
}

#[tokio::test]
async fn no_try_goes_past_the_deadline() {
    let (neighbour, peer) = Neighbour::start([Act::RefuseFor("300")]).await;
    let context = CallContext {
        deadline: Some(Instant::now() + Duration::from_millis(200)),
        ..CallContext::default()
    };
    let refused = in_context(context, read(&peer)).await.unwrap_err();
    assert_eq!(
        refused.code(),
        Code::Unavailable,
        "there was no time to wait"
    );
    let seen = neighbour.seen.lock().clone();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].1 < Duration::from_millis(200), "{seen:?}");
}

#[tokio::test]
async fn an_ailing_neighbour_is_asked_little_more_than_a_well_one() {
    let (neighbour, peer) = Neighbour::start(vec![Act::RefuseFor("0"); 1_000]).await;
    for _ in 0..300 {
        assert!(read(&peer).await.is_err());
    }
    let (calls, most) = (neighbour.calls(), 300 + 30 + 3 * 10);
    assert!((301..=most).contains(&calls), "{calls}");
}

/// A server that refuses the first stream unseen, as one does that is going away.
async fn refusing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let (_, mut first) = connection.accept().await.unwrap().unwrap();
        first.send_reset(h2::Reason::REFUSED_STREAM);
        let (_, mut second) = connection.accept().await.unwrap().unwrap();
        let (parts, _) = answer().into_parts();
        let mut sending = second
            .send_response(Response::from_parts(parts, ()), false)
            .unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        sending.send_trailers(trailers).unwrap();
        drop(connection.accept().await);
    });
    address
}

#[tokio::test]
async fn a_call_that_was_not_looked_at_is_sent_again_whatever_it_does() {
    let peer = peer(refusing().await);
    let mut stream = CompletionServiceClient::new(peer)
        .complete(CompleteRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert!(stream.message().await.unwrap().is_none());
}

#[tokio::test]
async fn a_neighbour_that_is_not_there_is_said_to_be_unreachable() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let refused = read(&peer(address)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    let fault = crate::RemoteFault::from(&refused);
    assert_eq!(t11_core::Fault::reason(&fault), "SERVICE_UNREACHABLE");
}

#[tokio::test]
async fn long_messages_are_passed_on_whole_but_not_kept() {
    let piece = Bytes::from(vec![7; 1024 * 1024]);
    let frames = (0..6).map(|_| Ok::<_, Status>(Frame::data(piece.clone())));
    let body = Body::new(http_body_util::StreamBody::new(futures::stream::iter(
        frames.collect::<Vec<_>>(),
    )));
    let Ok(Gathered::TooLong(rest)) = gather(body).await else {
        panic!("six megabytes were kept");
    };
    let whole = rest.collect().await.unwrap().to_bytes();
    assert_eq!(whole.len(), 6 * 1024 * 1024);
}
