//! Another organization's id answers like one that never existed, byte for byte.

use reqwest::StatusCode;
use serde_json::{Value, json};
use t11_tests::{Answer, Client, TestMesh};
use uuid::Uuid;

/// Something of each collection, made by `client`: collection, id, paths with `{}` for the id.
async fn things(client: &Client) -> Vec<(&'static str, String)> {
    let id = |value: &Value| {
        value["name"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap()
            .to_owned()
    };
    let agent = client
        .post("/api/agents", json!({"display_name": "canary-A"}))
        .await
        .ok();
    let agent_name = agent["name"].clone();
    let conversation = client
        .post("/api/conversations", json!({"agent": agent_name}))
        .await
        .ok();
    let category = client
        .post(
            "/api/knowledge/categories",
            json!({"display_name": "canary-C"}),
        )
        .await
        .ok();
    let article = json!({"display_name": "canary-S", "content": "canary-text"});
    let source = client
        .post("/api/knowledge/sources:createArticle", article)
        .await
        .ok();
    let job = source["job"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    vec![
        ("agents", id(&agent)),
        ("conversations", id(&conversation)),
        ("categories", id(&category)),
        ("sources", id(&source)),
        ("jobs", job),
    ]
}

/// Every way to name a thing of a collection.
fn attempts(collection: &str, id: &str) -> Vec<(&'static str, String, Value)> {
    let none = json!({});
    match collection {
        "agents" => vec![
            ("GET", format!("/api/agents/{id}"), none.clone()),
            (
                "PATCH",
                format!("/api/agents/{id}"),
                json!({"display_name": "x"}),
            ),
            ("DELETE", format!("/api/agents/{id}"), none.clone()),
            ("POST", format!("/api/agents/{id}:copy"), none.clone()),
            ("POST", format!("/api/agents/{id}:activate"), none.clone()),
            ("POST", format!("/api/agents/{id}:pause"), none.clone()),
            ("POST", format!("/api/agents/{id}:archive"), none.clone()),
            (
                "POST",
                "/api/conversations".to_owned(),
                json!({"agent": format!("agents/{id}")}),
            ),
            (
                "GET",
                format!("/api/knowledge/chunks:search?query=x&agent=agents/{id}"),
                none,
            ),
        ],
        "conversations" => vec![
            ("GET", format!("/api/conversations/{id}"), none.clone()),
            ("DELETE", format!("/api/conversations/{id}"), none.clone()),
            (
                "GET",
                format!("/api/conversations/{id}/messages"),
                none.clone(),
            ),
            ("GET", format!("/api/conversations/{id}/turns/{id}"), none),
        ],
        "categories" => vec![
            (
                "PATCH",
                format!("/api/knowledge/categories/{id}"),
                json!({"display_name": "x"}),
            ),
            (
                "DELETE",
                format!("/api/knowledge/categories/{id}"),
                none.clone(),
            ),
            (
                "GET",
                format!("/api/knowledge/sources?category=categories/{id}"),
                none,
            ),
            (
                "POST",
                "/api/knowledge/categories".to_owned(),
                json!({"display_name": "y", "parent": format!("categories/{id}")}),
            ),
        ],
        "sources" => vec![
            ("GET", format!("/api/knowledge/sources/{id}"), none.clone()),
            (
                "PATCH",
                format!("/api/knowledge/sources/{id}"),
                json!({"display_name": "x"}),
            ),
            (
                "DELETE",
                format!("/api/knowledge/sources/{id}"),
                none.clone(),
            ),
            (
                "POST",
                format!("/api/knowledge/sources/{id}:reprocess"),
                none.clone(),
            ),
            ("GET", format!("/api/knowledge/sources/{id}/chunks"), none),
        ],
        _ => vec![
            ("GET", format!("/api/jobs/{id}"), none.clone()),
            ("POST", format!("/api/jobs/{id}:cancel"), none.clone()),
            ("POST", format!("/api/jobs/{id}:retry"), none),
        ],
    }
}

async fn send(client: &Client, (method, path, body): &(&str, String, Value)) -> Answer {
    match *method {
        "GET" => client.get(path).await,
        "PATCH" => client.patch(path, body.clone()).await,
        "DELETE" => client.delete(path).await,
        _ => client.post(path, body.clone()).await,
    }
}

/// The answer without what differs in every answer: the id that was asked for and the request's.
fn shape(mut answer: Answer, id: &str) -> (StatusCode, String) {
    let mut error = answer.body["error"].take();
    if let Some(error) = error.as_object_mut() {
        error.remove("request_id");
        if let Some(details) = error.get_mut("details").and_then(Value::as_array_mut) {
            details.retain(|detail| detail.get("request_id").is_none());
        }
    }
    (answer.status, error.to_string().replace(id, "ID"))
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_id_and_a_random_id_answer_alike() {
    let mesh = TestMesh::start().await;
    let (ours, theirs) = (mesh.owner("Ours").await, mesh.owner("Theirs").await);
    let mut tried = 0;
    for (collection, id) in things(&theirs).await {
        let random = Uuid::now_v7().to_string();
        for (other, unknown) in attempts(collection, &id)
            .into_iter()
            .zip(attempts(collection, &random))
        {
            let (a, b) = (send(&ours, &other).await, send(&ours, &unknown).await);
            assert_eq!(a.status, StatusCode::NOT_FOUND, "{other:?}: {a:?}");
            assert!(!a.body.to_string().contains("canary"), "{other:?}");
            assert_eq!(shape(a, &id), shape(b, &random), "{other:?}");
            tried += 1;
        }
    }
    assert!(tried >= 24, "{tried}");
    for list in [
        "/api/agents",
        "/api/conversations",
        "/api/knowledge/sources",
        "/api/jobs",
    ] {
        let listed = ours.get(list).await.ok().to_string();
        assert!(!listed.contains("canary"), "{list}");
    }
    let search = ours
        .get("/api/knowledge/chunks:search?query=canary-text")
        .await
        .ok();
    assert!(search["hits"].as_array().unwrap().is_empty());
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_reads_and_changes_nothing() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("Roles").await;
    let agent = owner.agent(json!({"display_name": "A"})).await;
    let viewer = owner.colleague("viewer").await;
    viewer.get("/api/agents").await.ok();
    let named = json!({"display_name": "x"});
    for (method, path, body) in [
        ("POST", "/api/agents".to_owned(), named.clone()),
        ("PATCH", format!("/api/{agent}"), named.clone()),
        ("DELETE", format!("/api/{agent}"), json!({})),
        ("POST", "/api/knowledge/categories".to_owned(), named),
        (
            "POST",
            "/api/account/invites".to_owned(),
            json!({"email": "x@example.com", "role": "owner"}),
        ),
    ] {
        let answer = send(&viewer, &(method, path.clone(), body)).await;
        assert_eq!(
            (answer.status, answer.reason()),
            (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
            "{path}"
        );
    }
    mesh.stop().await;
}
