//! JSON to RPC and back.

use serde_json::json;

use crate::client::{call, signed_in};
use crate::mesh::TestMesh;

#[tokio::test]
async fn a_resource_is_read_by_its_name() {
    let mesh = TestMesh::new();
    let answer = signed_in("GET /api/agents/7").send(&mesh).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let agent = answer.json();
    assert_eq!(agent["name"], "agents/7");
    assert_eq!(agent["display_name"], "Анна");
    assert_eq!(agent["state"], "AGENT_STATE_ACTIVE");
    assert_eq!(
        agent["budget_day_micro_usd"], "9007199254740993",
        "too long for a JSON number"
    );
    assert_eq!(agent["create_time"], "2027-01-15T08:00:00Z");
    assert_eq!(agent["max_tokens"], 0, "zero is written");
    assert_eq!(agent.get("update_time"), None, "an absent message is not");
}

#[tokio::test]
async fn a_list_takes_its_filters_from_the_query() {
    let mesh = TestMesh::new();
    let query = "page_size=5&pageToken=t&states=AGENT_STATE_DRAFT&states=2&query=%D0%B0+b";
    let answer = signed_in(&format!("GET /api/agents?{query}"))
        .send(&mesh)
        .await;
    assert_eq!(
        answer.json(),
        json!({"agents": [], "next_page_token": "", "total_size": 0})
    );
    let seen = mesh.seen();
    let list = &seen.lists[0];
    assert_eq!(
        (
            list.page_size,
            list.page_token.as_str(),
            list.query.as_str()
        ),
        (5, "t", "а b")
    );
    assert_eq!(list.states, [1, 2]);
}

#[tokio::test]
async fn a_body_field_and_the_query_make_one_request() {
    let mesh = TestMesh::new();
    let agent = json!({"displayName": "A", "max_tokens": "512"});
    let answer = signed_in("POST /api/agents?request_id=r1")
        .json(&agent)
        .send(&mesh)
        .await;
    assert_eq!(answer.json()["max_tokens"], 512);
    let seen = mesh.seen();
    assert_eq!(seen.creates[0].request_id, "r1");
    assert_eq!(seen.creates[0].agent.as_ref().unwrap().display_name, "A");
}

#[tokio::test]
async fn a_patch_touches_what_its_body_names() {
    let mesh = TestMesh::new();
    let agent = json!({"memoryEnabled": false, "display_name": "B", "name": "agents/other",
        "etag": "\"3\"", "create_time": "2026-01-01T00:00:00Z"});
    let answer = signed_in("PATCH /api/agents/7")
        .json(&agent)
        .send(&mesh)
        .await;
    assert_eq!(answer.status, 200);
    let given = signed_in("PATCH /api/agents/7?updateMask=displayName,max_tokens").json(&agent);
    assert_eq!(given.send(&mesh).await.status, 200);
    let seen = mesh.seen();
    let masks: Vec<_> = seen
        .updates
        .iter()
        .map(|u| u.update_mask.clone().unwrap().paths)
        .collect();
    assert_eq!(masks[0], ["display_name", "memory_enabled"]);
    assert_eq!(masks[1], ["display_name", "max_tokens"]);
    let agent = seen.updates[0].agent.as_ref().unwrap();
    assert_eq!(agent.name, "agents/7", "the path wins over the body");
    assert_eq!(agent.etag, "\"3\"");
}

#[tokio::test]
async fn every_fault_of_a_request_is_named_at_once() {
    let mesh = TestMesh::new();
    let agent = json!({"display_name": 5, "colour": "red", "schedule": [{"weekday": "soon"}]});
    let answer = signed_in("POST /api/agents?agent.model=x&force=1")
        .json(&agent)
        .send(&mesh)
        .await;
    assert_eq!(answer.error(), "400 REQUEST_INVALID");
    let mut violations = answer.violations();
    violations.sort();
    assert_eq!(
        violations,
        [
            "agent.colour UNKNOWN_FIELD",
            "agent.display_name TYPE",
            "agent.model UNKNOWN_FIELD",
            "agent.schedule[0].weekday TYPE",
            "force UNKNOWN_FIELD",
        ]
    );
    assert!(mesh.seen().creates.is_empty());
}

#[tokio::test]
async fn what_is_not_a_call_is_told_why() {
    let mesh = TestMesh::new();
    let long = format!("GET /api/agents?query={}", "a".repeat(9_000));
    let big = format!("{{\"display_name\": \"{}\"}}", "a".repeat(1_100_000));
    let agents = || signed_in("POST /api/agents");
    let cases = [
        (signed_in("GET /api/nothing"), "404 PATH_UNKNOWN"),
        (signed_in("GET /api"), "404 PATH_UNKNOWN"),
        (signed_in("GET /api/agents/"), "404 PATH_UNKNOWN"),
        (signed_in("GET /api/agents/7:fly"), "404 PATH_UNKNOWN"),
        (signed_in("GET /api/agents/a%2Fb"), "400 PATH_INVALID"),
        (signed_in("GET /api/agents/%FF"), "400 PATH_INVALID"),
        (
            signed_in("GET /api/agents?query=%FF"),
            "400 REQUEST_INVALID",
        ),
        (signed_in(&long), "414 URL_TOO_LONG"),
        (
            signed_in("GET /api/agents/7").raw("application/json", "{}"),
            "400 BODY_UNEXPECTED",
        ),
        (
            agents().raw("text/plain", "{}"),
            "415 MEDIA_TYPE_UNSUPPORTED",
        ),
        (agents().raw("application/json", "{"), "400 REQUEST_INVALID"),
        (
            agents().raw("application/json", "[]"),
            "400 REQUEST_INVALID",
        ),
        (agents().raw("application/json", big), "413 BODY_TOO_BIG"),
        (call("GET /api/agents"), "401 UNAUTHENTICATED"),
        (call("POST /api/health"), "405 METHOD_NOT_ALLOWED"),
    ];
    for (call, expected) in cases {
        let answer = call.send(&mesh).await;
        assert_eq!(answer.error(), expected);
        let error = answer.json()["error"].clone();
        assert_eq!(error["domain"], "edge.t11.dev");
        assert_eq!(error["code"], answer.status.as_u16());
        assert_eq!(error["request_id"], answer.header("x-request-id"));
        assert_eq!(
            error["details"][0]["reason"], error["reason"],
            "ErrorInfo is there: {error}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    let answer = signed_in("PUT /api/agents/7").send(&mesh).await;
    assert_eq!(answer.error(), "405 METHOD_NOT_ALLOWED");
    assert_eq!(answer.header("allow"), "DELETE, GET, HEAD, PATCH");
}

#[tokio::test]
async fn a_body_of_unknown_length_is_capped_too() {
    let mesh = TestMesh::new();
    let pieces = (0..200).map(|_| Ok::<_, std::io::Error>(vec![b' '; 10_000]));
    let body = axum::body::Body::from_stream(futures::stream::iter(pieces));
    let answer = signed_in("POST /api/agents")
        .stream("application/json", body)
        .send(&mesh)
        .await;
    assert_eq!(answer.error(), "413 BODY_TOO_BIG");
}

#[tokio::test]
async fn the_refusal_of_a_service_keeps_its_words() {
    let mesh = TestMesh::new();
    let answer = signed_in("GET /api/agents/none").send(&mesh).await;
    let error = answer.json()["error"].clone();
    assert_eq!(answer.error(), "404 AGENT_NOT_FOUND");
    assert_eq!(
        (&error["status"], &error["domain"]),
        (&json!("NOT_FOUND"), &json!("agents.t11.dev"))
    );

    let answer = signed_in("GET /api/agents/broken").send(&mesh).await;
    assert_eq!(answer.error(), "500 INTERNAL");
    assert!(!answer.text().contains("refused"), "the cause stays inside");

    // The service has no such RPC mounted: tonic's own refusal, which names no reason.
    let answer = signed_in("GET /api/prices/items").send(&mesh).await;
    assert_eq!(answer.error(), "501 UNIMPLEMENTED");

    let answer = signed_in("GET /api/crm/connections").send(&mesh).await;
    assert_eq!(answer.error(), "503 SERVICE_NOT_RUNNING");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn the_request_id_of_the_client_goes_all_the_way() {
    let mesh = TestMesh::new();
    let answer = signed_in("GET /api/agents/7")
        .header("x-request-id", "client-id-1")
        .send(&mesh)
        .await;
    assert_eq!(answer.header("x-request-id"), "client-id-1");
    assert_eq!(
        mesh.seen().metadata.get("x-request-id").unwrap(),
        "client-id-1"
    );
    let answer = signed_in("GET /api/agents/7")
        .header("x-request-id", "a b")
        .send(&mesh)
        .await;
    assert_ne!(answer.header("x-request-id"), "a b");
}
