//! gRPC and gRPC-web on the same port.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use t11_core::Fault as _;
use t11_grpc::RemoteFault;
use t11_proto::accounts::v1::IssueCallerTokenRequest;
use t11_proto::accounts::v1::session_service_client::SessionServiceClient;
use t11_proto::agents::v1::agent_service_client::AgentServiceClient;
use t11_proto::agents::v1::chat_service_client::ChatServiceClient;
use t11_proto::agents::v1::{Agent, ChatRequest, ChatResponse, GetAgentRequest};
use t11_proto::jobs::v1::WatchJobsRequest;
use t11_proto::jobs::v1::job_service_client::JobServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::client::{Answer, Call, call};
use crate::mesh::{SESSION, TestMesh};

const GET_AGENT: &str = "POST /t11.agents.v1.AgentService/GetAgent";
const CHAT: &str = "POST /t11.agents.v1.ChatService/Chat";

async fn channel(mesh: &TestMesh) -> Channel {
    let address = format!("http://{}", mesh.listen().await);
    Endpoint::from_shared(address)
        .unwrap()
        .connect()
        .await
        .unwrap()
}

fn signed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {SESSION}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

fn agent(name: &str) -> GetAgentRequest {
    GetAgentRequest {
        name: name.to_owned(),
    }
}

#[tokio::test]
async fn native_calls_reach_their_service() {
    let mesh = TestMesh::new();
    let channel = channel(&mesh).await;
    let mut agents = AgentServiceClient::new(channel.clone());
    let answer = agents
        .get_agent(signed(agent("agents/7")))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.name, "agents/7");

    let refused = agents
        .get_agent(signed(agent("agents/none")))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert_eq!(RemoteFault::from(&refused).reason(), "AGENT_NOT_FOUND");
    let nobody = agents
        .get_agent(Request::new(agent("agents/7")))
        .await
        .unwrap_err();
    assert_eq!(nobody.code(), Code::Unauthenticated);
    assert_eq!(RemoteFault::from(&nobody).domain(), Some("edge.t11.dev"));

    let request = ChatRequest {
        text: "hello".to_owned(),
        ..ChatRequest::default()
    };
    let chat = ChatServiceClient::new(channel)
        .chat(signed(request))
        .await
        .unwrap();
    let mut events = chat.into_inner();
    let mut count = 0;
    while events.message().await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 3);
}

#[tokio::test]
async fn an_endless_stream_ends_when_the_process_drains() {
    let mesh = TestMesh::new();
    let mut jobs = JobServiceClient::new(channel(&mesh).await);
    let mut events = jobs
        .watch_jobs(signed(WatchJobsRequest::default()))
        .await
        .unwrap()
        .into_inner();
    assert!(events.message().await.unwrap().is_some());
    mesh.shutdown.cancel();
    assert_eq!(
        events.message().await.unwrap_err().code(),
        Code::Unavailable
    );
}

#[tokio::test]
async fn internal_rpcs_do_not_exist_outside() {
    let mesh = TestMesh::new();
    let mut sessions = SessionServiceClient::new(channel(&mesh).await);
    let request = IssueCallerTokenRequest {
        session_token: SESSION.to_owned(),
    };
    let refused = sessions
        .issue_caller_token(signed(request))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert_eq!(mesh.seen().exchanges, 0);
}

#[tokio::test]
async fn reflection_lists_what_may_be_called() {
    let mesh = TestMesh::new();
    let channel = channel(&mesh).await;
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(channel.clone());
    let answers = client
        .server_reflection_info(tokio_stream::once(ask))
        .await
        .unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("a list was asked for")
    };
    let names: Vec<String> = list
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    assert!(names.contains(&"t11.agents.v1.AgentService".to_owned()));
    assert!(!names.contains(&"t11.jobs.v1.WorkerService".to_owned()));

    let check = HealthCheckRequest::default();
    let health = HealthClient::new(channel)
        .check(check)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(health.status, 1, "serving");
}

/// A message in a gRPC frame.
fn framed(message: &impl prost::Message) -> Vec<u8> {
    let bytes = message.encode_to_vec();
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&[0][..], &length, &bytes].concat()
}

/// Messages and trailers of a gRPC-web answer.
fn frames(answer: &Answer) -> (Vec<Vec<u8>>, String) {
    let (mut rest, mut messages, mut trailers) =
        (answer.body.as_slice(), Vec::new(), String::new());
    while let [flag, a, b, c, d, tail @ ..] = rest {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let (frame, next) = tail.split_at(length);
        if *flag & 0x80 == 0 {
            messages.push(frame.to_vec());
        } else {
            trailers = String::from_utf8(frame.to_vec()).unwrap();
        }
        rest = next;
    }
    (messages, trailers)
}

fn web(line: &str, message: &impl prost::Message) -> Call {
    let body = framed(message);
    call(line)
        .header("authorization", &format!("Bearer {SESSION}"))
        .header("x-grpc-web", "1")
        .raw("application/grpc-web+proto", body)
}

#[tokio::test]
async fn a_browser_calls_and_streams() {
    let mesh = TestMesh::new();
    let answer = web(GET_AGENT, &agent("agents/7")).send(&mesh).await;
    assert_eq!(answer.header("content-type"), "application/grpc-web+proto");
    let (messages, trailers) = frames(&answer);
    assert_eq!(
        Agent::decode(messages[0].as_slice()).unwrap().display_name,
        "Анна"
    );
    assert!(trailers.contains("grpc-status:0"), "{trailers}");

    let request = ChatRequest {
        text: "hello".to_owned(),
        ..ChatRequest::default()
    };
    let (messages, trailers) = frames(&web(CHAT, &request).send(&mesh).await);
    let events = messages
        .iter()
        .map(|m| ChatResponse::decode(m.as_slice()).unwrap());
    assert_eq!(events.filter(|event| event.event.is_some()).count(), 3);
    assert!(trailers.contains("grpc-status:0"), "{trailers}");
}

#[tokio::test]
async fn a_browser_may_speak_base64() {
    let mesh = TestMesh::new();
    let body = STANDARD.encode(framed(&agent("agents/7")));
    let mut answer = call(GET_AGENT)
        .header("authorization", &format!("Bearer {SESSION}"))
        .header("accept", "application/grpc-web-text")
        .raw("application/grpc-web-text", body)
        .send(&mesh)
        .await;
    // Each frame is encoded by itself, padding included.
    let text = answer.text();
    let mut decoded = Vec::new();
    for piece in text.as_bytes().chunks(4) {
        decoded.extend(STANDARD.decode(piece).unwrap());
    }
    answer.body = decoded;
    let (messages, _) = frames(&answer);
    assert_eq!(
        Agent::decode(messages[0].as_slice()).unwrap().name,
        "agents/7"
    );
}

#[tokio::test]
async fn a_cookie_over_grpc_web_needs_the_csrf_token() {
    let mesh = TestMesh::new();
    let with_cookie = || {
        call(GET_AGENT)
            .header("cookie", &format!("t11_session={SESSION}; t11_csrf=abc"))
            .header("sec-fetch-site", "same-origin")
            .raw("application/grpc-web+proto", framed(&agent("agents/7")))
    };
    let refused = with_cookie().send(&mesh).await;
    assert_eq!(
        (refused.status.as_u16(), refused.header("grpc-status")),
        (200, "7")
    );
    let answer = with_cookie().header("x-t11-csrf", "abc").send(&mesh).await;
    assert_eq!(frames(&answer).0.len(), 1);
    let foreign = call(GET_AGENT)
        .header("cookie", &format!("t11_session={SESSION}; t11_csrf=abc"))
        .header("sec-fetch-site", "cross-site")
        .header("x-t11-csrf", "abc")
        .raw("application/grpc-web+proto", framed(&agent("agents/7")));
    assert_eq!(foreign.send(&mesh).await.header("grpc-status"), "7");
}

#[tokio::test]
async fn signing_in_over_grpc_web_sets_the_cookies() {
    let mesh = TestMesh::new();
    let request = t11_proto::accounts::v1::SignInRequest::default();
    let answer = call("POST /t11.accounts.v1.SessionService/SignIn")
        .header("origin", "http://127.0.0.1:8080")
        .raw("application/grpc-web+proto", framed(&request))
        .send(&mesh)
        .await;
    assert!(answer.cookies()[0].starts_with("t11_session="));
    assert_eq!(answer.header("x-t11-set-session"), "");
}

#[tokio::test]
async fn what_is_not_grpc_is_told_so() {
    let mesh = TestMesh::new();
    let path = GET_AGENT.trim_start_matches("POST ");
    let get = call(&format!("GET {path}")).send(&mesh).await;
    assert_eq!(get.error(), "405 METHOD_NOT_ALLOWED");
    let json = call(GET_AGENT)
        .raw("application/json", "{}")
        .send(&mesh)
        .await;
    assert_eq!(json.error(), "415 MEDIA_TYPE_UNSUPPORTED");
    let unknown = web("POST /t11.agents.v1.AgentService/Fly", &agent("agents/7"))
        .send(&mesh)
        .await;
    assert_eq!(unknown.header("grpc-status"), "12");
    let garbage = call(GET_AGENT)
        .header("authorization", &format!("Bearer {SESSION}"))
        .raw(
            "application/grpc-web+proto",
            vec![0, 255, 255, 255, 255, 1, 2],
        );
    let answer = garbage.send(&mesh).await;
    let (messages, trailers) = frames(&answer);
    let status = format!("{}{trailers}", answer.header("grpc-status"));
    assert!(
        messages.is_empty() && !status.is_empty() && !status.contains("grpc-status:0"),
        "{status}"
    );
}
