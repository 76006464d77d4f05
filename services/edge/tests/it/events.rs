//! Server streams as SSE.

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::client::signed_in;
use crate::mesh::{SESSION, TestMesh};

fn chat(text: &str) -> crate::client::Call {
    signed_in("POST /api/conversations/1:chat").json(&json!({"text": text}))
}

/// `(event, data)` of each block.
fn events(text: &str) -> Vec<(String, Value)> {
    let blocks = text.split("\n\n").filter(|block| !block.is_empty());
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default()
            .trim_start_matches(':')
            .trim()
            .to_owned()
    };
    blocks
        .map(|block| {
            (
                field(block, "event"),
                serde_json::from_str(&field(block, "data")).unwrap_or_default(),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_stream_is_a_row_of_named_events() {
    let mesh = TestMesh::new();
    let answer = chat("hello").send(&mesh).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/event-stream");
    let events = events(&answer.text());
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["started", "retracted", "finished"]);
    assert_eq!(events[0].1, json!({"started": {"turn": ""}}));
    assert_eq!(events[1].1, json!({"retracted": true}));
}

#[tokio::test]
async fn an_error_before_the_first_event_has_its_status() {
    let mesh = TestMesh::new();
    assert_eq!(chat("refuse").send(&mesh).await.error(), "400 AGENT_STATE");
}

#[tokio::test]
async fn an_error_in_the_stream_is_its_last_event() {
    let mesh = TestMesh::new();
    let answer = chat("break")
        .header("x-request-id", "stream-id")
        .send(&mesh)
        .await;
    assert_eq!(answer.status, 200);
    let events = events(&answer.text());
    let (name, data) = events.last().unwrap();
    assert_eq!(name, "error");
    assert_eq!(data["error"]["reason"], "PROVIDER_UNAVAILABLE");
    assert_eq!(data["error"]["request_id"], "stream-id");
}

#[tokio::test]
async fn a_client_that_leaves_cancels_the_call() {
    let mesh = TestMesh::new();
    let request = Request::post("/api/conversations/1:chat")
        .header("authorization", format!("Bearer {SESSION}"))
        .header("content-type", "application/json")
        .body(Body::from(json!({"text": "wait"}).to_string()))
        .unwrap();
    let response = mesh.router.clone().oneshot(request).await.unwrap();
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.starts_with(b"event: started\ndata: {"), "{first:?}");
    drop(body);
    mesh.dropped.notified().await;
}

#[tokio::test]
async fn an_endless_stream_ends_when_the_process_drains() {
    let mesh = TestMesh::new();
    let request = Request::get("/api/jobs:watch")
        .header("authorization", format!("Bearer {SESSION}"))
        .body(Body::empty())
        .unwrap();
    let response = mesh.router.clone().oneshot(request).await.unwrap();
    mesh.shutdown.cancel();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let events = events(std::str::from_utf8(&body).unwrap());
    assert_eq!(events[0].0, "snapshot_complete");
    assert_eq!(events[1].1["error"]["reason"], "DRAINING");
    assert_eq!(events.len(), 2);
}
