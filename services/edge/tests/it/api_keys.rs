//! API keys at all three doors, and what becomes of one that is no longer believed.

use std::time::Duration;

use axum::body::Body;
use bytes::{BufMut as _, BytesMut};
use chrono::TimeDelta;
use http::Request;
use http_body_util::BodyExt as _;
use prost::Message as _;
use serde_json::json;
use t11_core::Fault as _;
use t11_edge::Rate;
use t11_grpc::RemoteFault;
use t11_proto::agents::v1::agent_service_client::AgentServiceClient;
use t11_proto::agents::v1::{Agent, GetAgentRequest};
use t11_proto::jobs::v1::WatchJobsRequest;
use t11_proto::jobs::v1::job_service_client::JobServiceClient;
use tonic::transport::{Channel, Endpoint};
use tower::ServiceExt as _;

use crate::client::{Answer, Call, call, signed_in};
use crate::mesh::{API_KEY, TestMesh};

/// The longest that a key may be believed after its end.
const PROMISE: Duration = Duration::from_secs(10);

fn with_key(line: &str) -> Call {
    call(line).header("authorization", &format!("Bearer {API_KEY}"))
}

async fn get_agent(mesh: &TestMesh) -> Answer {
    with_key("GET /api/agents/7").send(mesh).await
}

async fn channel(mesh: &TestMesh) -> Channel {
    let address = format!("http://{}", mesh.listen().await);
    let endpoint = Endpoint::from_shared(address).unwrap();
    endpoint.connect().await.unwrap()
}

fn keyed<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    let value = format!("Bearer {API_KEY}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

/// A message as gRPC-web frames it.
fn frame(message: &impl prost::Message) -> BytesMut {
    let message = message.encode_to_vec();
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(message.len().try_into().unwrap());
    frame.extend_from_slice(&message);
    frame
}

/// Lets time pass, on the clock and for timers.
async fn pass(mesh: &TestMesh, seconds: u32) {
    for _ in 0..seconds {
        mesh.world.advance(TimeDelta::seconds(1));
        tokio::time::advance(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn a_key_opens_rest_grpc_and_grpc_web() {
    let mesh = TestMesh::new();
    let rest = get_agent(&mesh).await;
    assert_eq!(rest.json()["name"], "agents/7");

    let message = GetAgentRequest {
        name: "agents/7".to_owned(),
    };
    let mut agents = AgentServiceClient::new(channel(&mesh).await);
    let native = agents.get_agent(keyed(message.clone())).await.unwrap();
    assert_eq!(native.into_inner().name, "agents/7");

    let web = with_key("POST /t11.agents.v1.AgentService/GetAgent")
        .raw("application/grpc-web+proto", frame(&message).to_vec())
        .send(&mesh)
        .await;
    assert_eq!(web.status, 200);
    let length = u32::from_be_bytes(web.body[1..5].try_into().unwrap()) as usize;
    let agent = Agent::decode(&web.body[5..5 + length]).unwrap();
    assert_eq!(agent.name, "agents/7");
    assert_eq!(mesh.seen().exchanges, 0, "it is no session");
}

#[tokio::test]
async fn a_key_may_only_what_its_scopes_say() {
    let mesh = TestMesh::new();
    let write = with_key("POST /api/agents").json(&json!({"display_name": "A"}));
    assert_eq!(write.send(&mesh).await.error(), "403 PERMISSION_DENIED");
    assert!(mesh.seen().creates.is_empty());
}

#[tokio::test]
async fn other_sites_cannot_make_a_browser_send_a_key() {
    let mesh = TestMesh::new();
    let text = || json!({"text": "hello"});
    let anywhere = with_key("POST /api/conversations/1:chat")
        .header("origin", "https://elsewhere.example")
        .header("sec-fetch-site", "cross-site")
        .json(&text());
    assert_eq!(
        anywhere.send(&mesh).await.status,
        200,
        "so nothing is asked of it"
    );

    let own = ("origin", "http://127.0.0.1:8080");
    let cookie = call("POST /api/conversations/1:chat")
        .header("cookie", &format!("t11_session={API_KEY}; t11_csrf=abc"))
        .header(own.0, own.1)
        .header("x-t11-csrf", "abc")
        .json(&text());
    assert_eq!(cookie.send(&mesh).await.error(), "401 UNAUTHENTICATED");
    assert_eq!(mesh.seen().key_exchanges, 1, "a cookie holds no key");
}

#[tokio::test]
async fn a_key_that_accounts_does_not_know_is_none() {
    let mesh = TestMesh::new();
    let wrong = API_KEY.replace("8mXq2RtZ", "00000000");
    let answer = call("GET /api/agents/7")
        .header("authorization", &format!("Bearer {wrong}"))
        .send(&mesh)
        .await;
    assert_eq!(answer.error(), "401 API_KEY_INVALID");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    assert_eq!(answer.json()["error"]["domain"], "accounts.t11.dev");
    let mut agents = AgentServiceClient::new(channel(&mesh).await);
    let mut request = keyed(GetAgentRequest::default());
    let value = format!("Bearer {wrong}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    let refused = agents.get_agent(request).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unauthenticated);
    assert_eq!(RemoteFault::from(&refused).reason(), "API_KEY_INVALID");
}

#[tokio::test]
async fn a_key_is_asked_about_again_in_half_the_promised_time() {
    let mesh = TestMesh::with(|config| config.session_cache_seconds = 60);
    for _ in 0..3 {
        assert_eq!(get_agent(&mesh).await.status, 200);
    }
    assert_eq!(mesh.seen().key_exchanges, 1);
    mesh.world.advance(TimeDelta::seconds(4));
    assert_eq!(get_agent(&mesh).await.status, 200);
    assert_eq!(mesh.seen().key_exchanges, 1);
    mesh.world.advance(TimeDelta::seconds(1));
    mesh.seen().key_revoked = true;
    assert_eq!(get_agent(&mesh).await.error(), "401 API_KEY_REVOKED");
    assert_eq!(signed_in("GET /api/agents/7").send(&mesh).await.status, 200);
}

#[tokio::test]
async fn calls_are_counted_by_key() {
    let mesh = TestMesh::with(|config| {
        config.limits.read = Rate {
            per_minute: 60,
            burst: 2,
        };
    });
    for _ in 0..2 {
        assert_eq!(get_agent(&mesh).await.status, 200);
    }
    assert_eq!(get_agent(&mesh).await.error(), "429 RATE_LIMITED");
    let other = signed_in("GET /api/agents/7").send(&mesh).await;
    assert_eq!(other.status, 200, "another caller is not held up");
}

/// An open stream of events, whose first event was read.
pub(crate) async fn watching(mesh: &TestMesh, bearer: &str) -> Body {
    let request = Request::get("/api/jobs:watch")
        .header("authorization", format!("Bearer {bearer}"))
        .body(Body::empty())
        .unwrap();
    let response = mesh.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.starts_with(b"event: snapshot_complete"), "{first:?}");
    body
}

/// All that the stream says until it ends, which it must do now.
pub(crate) async fn rest_of(body: Body) -> String {
    let rest = tokio::time::timeout(Duration::from_secs(1), body.collect());
    let rest = rest.await.unwrap().unwrap().to_bytes();
    String::from_utf8(rest.to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_open_stream_ends_within_ten_seconds_of_a_revocation() {
    let mesh = TestMesh::new();
    let mut body = watching(&mesh, API_KEY).await;
    // For minutes nothing happens but comments that keep the connection.
    for _ in 0..12 {
        pass(&mesh, 5).await;
        while let Ok(frame) = tokio::time::timeout(Duration::ZERO, body.frame()).await {
            let data = frame.unwrap().unwrap().into_data().unwrap();
            assert!(data.starts_with(b":"), "{data:?}");
        }
    }
    // Another call has just made edge believe the key anew: the worst moment.
    assert_eq!(get_agent(&mesh).await.status, 200);
    mesh.seen().key_revoked = true;
    pass(&mesh, PROMISE.as_secs().try_into().unwrap()).await;
    let rest = rest_of(body).await;
    assert!(
        rest.contains("event: error") && rest.contains("API_KEY_REVOKED"),
        "{rest}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_a_session_is_not_asked_about() {
    let mesh = TestMesh::new();
    let mut body = watching(&mesh, crate::mesh::SESSION).await;
    pass(&mesh, 60).await;
    while let Ok(frame) = tokio::time::timeout(Duration::ZERO, body.frame()).await {
        assert!(
            frame
                .unwrap()
                .unwrap()
                .into_data()
                .unwrap()
                .starts_with(b":")
        );
    }
    assert_eq!(mesh.seen().exchanges, 1);
}

/// With real time: a timer that is advanced by hand does not wait for sockets.
#[tokio::test]
async fn a_native_stream_ends_with_the_refusal_of_its_key() {
    let mesh = TestMesh::new();
    let mut jobs = JobServiceClient::new(channel(&mesh).await);
    let request = keyed(WatchJobsRequest::default());
    let mut events = jobs.watch_jobs(request).await.unwrap().into_inner();
    assert!(events.message().await.unwrap().is_some());
    mesh.seen().key_revoked = true;
    mesh.world.advance(TimeDelta::seconds(5));
    let ended = tokio::time::timeout(PROMISE, events.message())
        .await
        .unwrap();
    let status = ended.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unauthenticated);
    assert_eq!(RemoteFault::from(&status).reason(), "API_KEY_REVOKED");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_never_pauses_ends_as_well() {
    let mesh = TestMesh::new();
    let request = with_key("POST /t11.agents.v1.ChatService/Chat").raw(
        "application/grpc-web+proto",
        frame(&talk("endless")).to_vec(),
    );
    let mut body = request.open(&mesh).await.into_body();
    body.frame().await.unwrap().unwrap();
    mesh.seen().key_revoked = true;
    let mut frames = 0_u64;
    while let Some(frame) = body.frame().await {
        frame.unwrap();
        frames += 1;
        mesh.world.advance(TimeDelta::milliseconds(100));
        tokio::time::advance(Duration::from_millis(100)).await;
        assert!(frames < 200, "it should have ended");
    }
    mesh.dropped.notified().await;
}

fn talk(text: &str) -> t11_proto::agents::v1::ChatRequest {
    t11_proto::agents::v1::ChatRequest {
        text: text.to_owned(),
        ..Default::default()
    }
}
