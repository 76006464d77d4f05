//! What is refused, and how it is said.

use reqwest::StatusCode;
use serde_json::json;
use t11_tests::client::name;
use t11_tests::{TestMesh, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_is_named_at_once() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("B").await;
    let wrong =
        json!({"display_name": " ", "max_tokens": 5, "max_parts": 9, "fallback_models": [""]});
    let answer = owner.post("/api/agents", wrong).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.reason(), "FIELDS_INVALID");
    let mut fields = answer.fields();
    fields.sort();
    assert_eq!(
        fields,
        [
            "agent.display_name",
            "agent.fallback_models",
            "agent.max_parts",
            "agent.max_tokens"
        ]
    );
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_etag_changes_nothing() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("E").await;
    let made = owner
        .post("/api/agents", json!({"display_name": "A"}))
        .await
        .ok();
    let path = format!("/api/{}", name(&made));
    let first = json!({"display_name": "B", "etag": made["etag"]});
    owner.patch(&path, first).await.ok();
    let stale = owner
        .patch(&path, json!({"display_name": "C", "etag": made["etag"]}))
        .await;
    assert_eq!(
        (stale.status, stale.reason()),
        (StatusCode::CONFLICT, "ETAG_STALE")
    );
    assert_eq!(owner.get(&path).await.ok()["display_name"], "B");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_request_id_makes_one_thing() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("R").await;
    let request = Uuid::now_v7();
    let path = format!("/api/agents?request_id={request}");
    let first = owner.post(&path, json!({"display_name": "A"})).await.ok();
    let second = owner.post(&path, json!({"display_name": "A"})).await.ok();
    assert_eq!(first["name"], second["name"]);
    let other = owner
        .post("/api/agents", json!({"display_name": "a"}))
        .await;
    assert_eq!(
        (other.status, other.reason()),
        (StatusCode::CONFLICT, "AGENT_NAME_TAKEN")
    );
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_read_are_refused_or_fail_with_a_reason() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("F").await;
    let upload = "/api/knowledge/sources:upload";
    for (file, bytes, reason) in [
        ("a.exe", b"MZ....".to_vec(), "FILE_TYPE_UNSUPPORTED"),
        ("a.pdf", b"not a pdf at all".to_vec(), "FILE_TYPE_MISMATCH"),
        ("a.txt", Vec::new(), "FILE_EMPTY"),
    ] {
        let answer = owner.upload(upload, file, bytes).await;
        assert_eq!(
            (answer.status, answer.reason()),
            (StatusCode::BAD_REQUEST, reason),
            "{file}"
        );
    }
    assert_eq!(
        owner.get("/api/knowledge/sources").await.ok()["total_size"],
        0,
        "nothing is stored"
    );
    let broken = owner
        .upload(upload, "a.pdf", b"%PDF-1.7 and then nothing".to_vec())
        .await
        .ok();
    let failed = eventually("the broken file fails", || async {
        let source = owner
            .get(&format!("/api/knowledge/{}", name(&broken)))
            .await
            .ok();
        (source["state"] == "SOURCE_STATE_FAILED").then_some(source)
    })
    .await;
    assert_eq!(failed["error_reason"], "UNREADABLE", "{failed}");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_inside_is_refused_at_the_door() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("S").await;
    for uri in [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://[fe80::1]/",
        "http://localhost/",
        "http://db.internal/",
        "https://example.com:8443/",
        "http://user:secret@example.com/",
        "file:///etc/passwd",
        "not an address",
    ] {
        let page = json!({"uri": uri});
        let answer = owner
            .post("/api/knowledge/sources:createWebPage", page)
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{uri}");
        assert_eq!(answer.fields(), ["uri"], "{uri}");
    }
    let sources = owner.get("/api/knowledge/sources").await.ok();
    assert_eq!(sources["total_size"], 0, "nothing is stored");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_leads_to_a_name_inside_is_not_fetched() {
    let site = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = site.local_addr().unwrap().to_string();
    let mesh = TestMesh::with(&[("T11_AGENTS__FETCH_TEST_HOSTS", &format!("[{address:?}]"))]).await;
    let owner = mesh.owner("S").await;
    let page = json!({"uri": format!("http://{address}/")});
    let made = owner
        .post("/api/knowledge/sources:createWebPage", page)
        .await
        .ok();
    let (mut visitor, _) = site.accept().await.unwrap();
    // An answer before the question is none.
    let mut question = [0; 1024];
    assert!(visitor.read(&mut question).await.unwrap() > 0);
    let moved = "HTTP/1.1 302 Found\r\nLocation: http://localhost/\r\nContent-Length: 0\r\n\r\n";
    visitor.write_all(moved.as_bytes()).await.unwrap();
    let failed = eventually("the page is refused", || async {
        let source = owner
            .get(&format!("/api/knowledge/{}", name(&made)))
            .await
            .ok();
        (source["state"] == "SOURCE_STATE_FAILED").then_some(source)
    })
    .await;
    assert_eq!(failed["error_reason"], "FETCH_DENIED", "{failed}");
    mesh.stop().await;
}
