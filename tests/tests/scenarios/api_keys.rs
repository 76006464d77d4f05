//! API keys through every door of the whole mesh.

use std::time::{Duration, Instant};

use bytes::{BufMut as _, BytesMut};
use prost::Message as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use t11_core::Fault as _;
use t11_grpc::RemoteFault;
use t11_proto::agents::v1::agent_service_client::AgentServiceClient;
use t11_proto::agents::v1::{ListAgentsRequest, ListAgentsResponse};
use t11_proto::jobs::v1::WatchJobsRequest;
use t11_proto::jobs::v1::job_service_client::JobServiceClient;
use t11_tests::client::name;
use t11_tests::{Client, TestMesh, eventually};
use tonic::transport::Channel;

/// The longest that a key may be believed after its end, with room for a busy machine.
const PROMISE: Duration = Duration::from_secs(10);

/// A key made by `person`: the program that holds it, and its path.
async fn key(person: &Client, scopes: &[&str]) -> (Client, String) {
    let asked = json!({"display_name": "Nightly", "scopes": scopes});
    let made = person.post("/api/account/apiKeys", asked).await.ok();
    let program = person.clone().with_token(made["key"].as_str().unwrap());
    (program, format!("/api/account/{}", name(&made["api_key"])))
}

async fn revoke(person: &Client, path: &str) {
    person.post(&format!("{path}:revoke"), json!({})).await.ok();
}

async fn grpc(mesh: &TestMesh) -> Channel {
    let channel = Channel::from_shared(mesh.url("")).unwrap();
    channel.connect().await.unwrap()
}

fn keyed<T>(program: &Client, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    let bearer = format!("Bearer {}", program.token()).parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    request
}

/// The agents by gRPC-web, or the reason of the refusal.
async fn by_grpc_web(program: &Client) -> Result<usize, String> {
    let message = ListAgentsRequest::default().encode_to_vec();
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap());
    frame.extend_from_slice(&message);
    let path = "/t11.agents.v1.AgentService/ListAgents";
    let request = program
        .request(Method::POST, path)
        .header("content-type", "application/grpc-web+proto")
        .body(frame.freeze());
    let response = request.send().await.unwrap();
    if let Some(status) = tonic::Status::from_header_map(response.headers())
        && status.code() != tonic::Code::Ok
    {
        return Err(RemoteFault::from(&status).reason().to_owned());
    }
    let body = response.bytes().await.unwrap();
    let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
    let listed = ListAgentsResponse::decode(&body[5..5 + length]).unwrap();
    Ok(listed.agents.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_works_at_every_door_within_its_scopes() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("Doors").await;
    owner.agent(json!({"display_name": "A"})).await;
    let (program, _) = key(&owner, &["agents.read"]).await;

    let rest = program.get("/api/agents").await.ok();
    assert_eq!(rest["agents"].as_array().unwrap().len(), 1);
    let mut agents = AgentServiceClient::new(grpc(&mesh).await);
    let native = agents
        .list_agents(keyed(&program, ListAgentsRequest::default()))
        .await;
    assert_eq!(native.unwrap().into_inner().agents.len(), 1);
    assert_eq!(by_grpc_web(&program).await, Ok(1));

    let write = program
        .post("/api/agents", json!({"display_name": "B"}))
        .await;
    assert_eq!(
        (write.status, write.reason()),
        (StatusCode::FORBIDDEN, "PERMISSION_DENIED")
    );
    for path in [
        "/api/account/apiKeys",
        "/api/auth/me",
        "/api/knowledge/sources",
    ] {
        assert_eq!(
            program.get(path).await.reason(),
            "PERMISSION_DENIED",
            "{path}"
        );
    }
    mesh.stop().await;
}

/// What the program hears at each door about the key that it sends.
async fn refusals(mesh: &TestMesh, program: &Client) -> [String; 4] {
    let rest = program.get("/api/agents").await;
    let openai = program.get("/v1/models").await;
    let mut agents = AgentServiceClient::new(grpc(mesh).await);
    let native = agents
        .list_agents(keyed(program, ListAgentsRequest::default()))
        .await
        .unwrap_err();
    let said = |answer: &t11_tests::Answer, word: &str| {
        let error = &answer.body["error"];
        format!("{} {}: {}", answer.status, error[word], error["message"])
    };
    [
        said(&rest, "reason"),
        said(&openai, "code"),
        format!(
            "{}: {}",
            RemoteFault::from(&native).reason(),
            native.message()
        ),
        by_grpc_web(program).await.unwrap_err(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_cut_or_of_somebody_else_is_refused_as_a_key_at_every_door() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("Wrong").await;
    let (program, _) = key(&owner, &["agents.read"]).await;
    let whole = program.token();
    let wrong = [20, 43, whole.len() - 1].map(|chars| &whole[..chars]);
    for wrong in wrong.into_iter().chain(["sk-or-v1-0123456789"]) {
        let [rest, openai, native, web] = refusals(&mesh, &owner.clone().with_token(wrong)).await;
        assert!(
            rest.starts_with("401 Unauthorized \"API_KEY_INVALID\""),
            "{wrong}: {rest}"
        );
        assert!(
            openai.starts_with("401 Unauthorized \"invalid_api_key\""),
            "{wrong}: {openai}"
        );
        assert!(native.starts_with("API_KEY_INVALID"), "{wrong}: {native}");
        assert_eq!(web, "API_KEY_INVALID", "{wrong}");
        for said in [rest, openai, native] {
            assert!(
                said.contains("API key") && !said.contains("session"),
                "{said}"
            );
            assert!(said.contains("make another"), "what to do: {said}");
        }
    }
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_does_is_in_the_log_under_its_name() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("Log").await;
    let (program, path) = key(&owner, &["agents.write"]).await;
    let agent = program.agent(json!({"display_name": "By a program"})).await;
    let actor = path.replace("/api/account/apiKeys/", "key:");
    let record = eventually("the record arrives", || async {
        let records = owner.get("/api/account/auditRecords").await.ok();
        let records = records["audit_records"].as_array().unwrap().clone();
        records
            .into_iter()
            .find(|record| record["actor"] == actor.as_str())
    })
    .await;
    assert_eq!(record["action"], "t11.agents.v1.AgentService/CreateAgent");
    assert_eq!(record["resource"], agent.as_str());
    let used = owner.get(&path).await.ok();
    assert!(used["last_used_time"].is_string(), "{used}");
    mesh.stop().await;
}

/// Why REST refuses the program, if it does.
async fn refused_by_rest(program: &Client) -> Option<String> {
    let answer = program.get("/api/agents").await;
    if answer.status == StatusCode::UNAUTHORIZED {
        return Some(answer.reason().to_owned());
    }
    answer.ok();
    None
}

/// Asks until there is an answer, and then waits until the promise had to be kept everywhere:
/// another replica may believe a key longer than the one that was asked.
async fn in_time<T, F: Future<Output = Option<T>>>(mut ask: impl FnMut() -> F) -> T {
    let started = Instant::now();
    let answer = loop {
        if let Some(answer) = ask().await {
            break answer;
        }
        assert!(started.elapsed() < PROMISE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    tokio::time::sleep(PROMISE.saturating_sub(started.elapsed())).await;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused_at_every_door_within_ten_seconds() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("Revoke").await;
    let (program, path) = key(&owner, &["agents.read"]).await;
    program.get("/api/agents").await.ok();
    revoke(&owner, &path).await;
    let refused = in_time(|| refused_by_rest(&program)).await;
    assert_eq!(refused, "API_KEY_REVOKED");
    let mut agents = AgentServiceClient::new(grpc(&mesh).await);
    let native = agents
        .list_agents(keyed(&program, ListAgentsRequest::default()))
        .await;
    assert_eq!(
        RemoteFault::from(&native.unwrap_err()).reason(),
        "API_KEY_REVOKED"
    );
    assert_eq!(
        by_grpc_web(&program).await,
        Err("API_KEY_REVOKED".to_owned())
    );
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn open_streams_of_a_revoked_key_end_within_ten_seconds() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("Streams").await;
    let (program, path) = key(&owner, &["jobs.read"]).await;
    let mut jobs = JobServiceClient::new(grpc(&mesh).await);
    let request = keyed(&program, WatchJobsRequest::default());
    let mut native = jobs.watch_jobs(request).await.unwrap().into_inner();
    native.message().await.unwrap();
    let mut rest = program
        .request(Method::GET, "/api/jobs:watch")
        .send()
        .await
        .unwrap();
    assert_eq!(rest.status(), StatusCode::OK);
    rest.chunk().await.unwrap().unwrap();

    let started = Instant::now();
    revoke(&owner, &path).await;
    let native = async {
        loop {
            if let Err(status) = native.message().await {
                return status;
            }
        }
    };
    let rest = async {
        let mut said = Vec::new();
        while let Some(part) = rest.chunk().await.unwrap() {
            said.extend_from_slice(&part);
        }
        String::from_utf8(said).unwrap()
    };
    let (native, rest) = tokio::time::timeout(PROMISE, async { tokio::join!(native, rest) })
        .await
        .unwrap();
    assert!(started.elapsed() < PROMISE);
    let reason = RemoteFault::from(&native).reason().to_owned();
    assert_eq!(reason, "API_KEY_REVOKED", "{native}");
    assert!(
        rest.contains("event: error") && rest.contains("API_KEY_REVOKED"),
        "{rest}"
    );
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_shrinks_and_ends_with_its_creator_within_ten_seconds() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("Creator").await;
    let admin = owner.colleague("admin").await;
    let (program, _) = key(&admin, &["agents.read", "agents.write"]).await;
    program.agent(json!({"display_name": "A"})).await;
    let members = owner.get("/api/account/members").await.ok();
    let is_admin = |member: &&Value| member["role"] == "admin";
    let member = members["members"]
        .as_array()
        .unwrap()
        .iter()
        .find(is_admin)
        .unwrap();
    let member = format!("/api/account/{}", name(member));

    let demotion = json!({"role": "viewer"});
    owner
        .post(&format!("{member}:updateRole"), demotion)
        .await
        .ok();
    let started = Instant::now();
    let mut number = 0;
    loop {
        number += 1;
        let asked = json!({"display_name": format!("B{number}")});
        let answer = program.post("/api/agents", asked).await;
        if answer.reason() == "PERMISSION_DENIED" {
            break;
        }
        answer.ok();
        assert!(started.elapsed() < PROMISE);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    program.get("/api/agents").await.ok();

    owner.delete(&member).await.ok();
    let refused = in_time(|| refused_by_rest(&program)).await;
    assert_eq!(refused, "API_KEY_ORPHANED");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_key_answers_like_one_that_never_was() {
    let mesh = TestMesh::start().await;
    let (ours, theirs) = (mesh.owner("Ours").await, mesh.owner("Theirs").await);
    let (program, path) = key(&theirs, &["agents.read"]).await;
    let nowhere = format!("/api/account/apiKeys/{}", t11_tests::client::new_id());
    let shape = |answer: t11_tests::Answer| {
        let error = &answer.body["error"];
        let words = [&error["reason"], &error["message"], &error["domain"]].map(Value::to_string);
        (answer.status, words)
    };
    for (foreign, nowhere) in [
        (ours.get(&path).await, ours.get(&nowhere).await),
        (
            ours.patch(&path, json!({"display_name": "x"})).await,
            ours.patch(&nowhere, json!({"display_name": "x"})).await,
        ),
        (
            ours.post(&format!("{path}:revoke"), json!({})).await,
            ours.post(&format!("{nowhere}:revoke"), json!({})).await,
        ),
    ] {
        assert_eq!(foreign.status, StatusCode::NOT_FOUND);
        assert_eq!(shape(foreign), shape(nowhere));
    }
    let listed = ours
        .get("/api/account/apiKeys?show_revoked=true")
        .await
        .ok();
    assert_eq!(listed["api_keys"], json!([]));
    program.get("/api/agents").await.ok();
    mesh.stop().await;
}
