//! Within an organization a viewer reads and changes nothing.

use reqwest::StatusCode;
use serde_json::json;
use t11_tests::TestMesh;

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_reads_and_changes_nothing() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("Roles").await;
    let agent = owner.agent(json!({"display_name": "A"})).await;
    let viewer = owner.colleague("viewer").await;
    viewer.get("/api/agents").await.ok();
    let named = json!({"display_name": "x"});
    let invite = json!({"email": "x@example.com", "role": "owner"});
    for (asked, answer) in [
        ("create", viewer.post("/api/agents", named.clone()).await),
        (
            "update",
            viewer.patch(&format!("/api/{agent}"), named.clone()).await,
        ),
        ("delete", viewer.delete(&format!("/api/{agent}")).await),
        (
            "category",
            viewer.post("/api/knowledge/categories", named).await,
        ),
        ("invite", viewer.post("/api/account/invites", invite).await),
    ] {
        assert_eq!(
            (answer.status, answer.reason()),
            (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
            "{asked}"
        );
    }
    mesh.stop().await;
}
