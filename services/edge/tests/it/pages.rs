//! The web client, the documents, health, and the headers of every answer.

use std::fs;

use serde_json::json;

use crate::client::{Answer, call, signed_in};
use crate::mesh::TestMesh;

fn bundle() -> (tempfile::TempDir, TestMesh) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("assets")).unwrap();
    for (name, text) in [
        ("index.html", "<title>T11</title>"),
        ("index.html.br", "brotli of index"),
        ("assets/app-0123abcd.js", "plain script"),
        ("assets/app-0123abcd.js.br", "brotli of script"),
        ("assets/app-0123abcd.js.gz", "gzip of script"),
        ("secret.env", "no"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let web = folder.path().to_owned();
    let mesh = TestMesh::with(move |config| config.web_dir = Some(web));
    (folder, mesh)
}

async fn page(mesh: &TestMesh, path: &str) -> Answer {
    call(&format!("GET {path}"))
        .header("accept", "text/html,*/*")
        .send(mesh)
        .await
}

#[tokio::test]
async fn every_page_of_the_client_is_its_index() {
    let (_folder, mesh) = bundle();
    for path in ["/", "/agents/7", "/sign-in?next=%2F"] {
        let answer = page(&mesh, path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text().as_str()),
            (200, "<title>T11</title>")
        );
        assert_eq!(answer.header("cache-control"), "no-cache");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        let again = call(&format!("GET {path}"))
            .header("accept", "text/html")
            .header("if-none-match", answer.header("etag"));
        assert_eq!(again.send(&mesh).await.status, 304);
    }
    for path in ["/missing.js", "/secret.env", "/../Cargo.toml", "/%2e%2e/x"] {
        assert_eq!(
            call(&format!("GET {path}")).send(&mesh).await.error(),
            "404 PATH_UNKNOWN",
            "{path}"
        );
    }
    assert_eq!(
        page(&mesh, "/api/none").await.error(),
        "404 PATH_UNKNOWN",
        "not under /api"
    );
    assert_eq!(
        call("POST /agents").send(&mesh).await.error(),
        "405 METHOD_NOT_ALLOWED"
    );
}

#[tokio::test]
async fn hashed_files_are_kept_for_ever_and_sent_compressed() {
    let (_folder, mesh) = bundle();
    let path = "GET /assets/app-0123abcd.js";
    let cases = [
        ("gzip, deflate, br", "br", "brotli of script"),
        ("gzip", "gzip", "gzip of script"),
        ("identity", "", "plain script"),
    ];
    let mut tags = Vec::new();
    for (accepted, encoding, text) in cases {
        let answer = call(path)
            .header("accept-encoding", accepted)
            .send(&mesh)
            .await;
        assert_eq!(answer.text(), text);
        assert_eq!(answer.header("content-encoding"), encoding);
        assert_eq!(
            answer.header("content-type"),
            "text/javascript; charset=utf-8"
        );
        assert_eq!(
            answer.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(answer.header("vary"), "accept-encoding");
        tags.push(answer.header("etag").to_owned());
    }
    tags.dedup();
    assert_eq!(tags.len(), 3, "each form has its own tag");
}

#[tokio::test]
async fn without_a_bundle_the_page_says_how_to_build_one() {
    let mesh = TestMesh::new();
    let answer = page(&mesh, "/").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("cargo xtask web"));
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let (_folder, mesh) = bundle();
    let calls = [
        "GET /",
        "GET /none.js",
        "GET /api/docs",
        "GET /api/openapi.json",
        "GET /api/health",
        "GET /api/none",
        "PUT /api/agents",
        "POST /t11.agents.v1.AgentService/GetAgent",
        "GET /hooks/kommo/disabled",
    ];
    for line in calls {
        let answer = call(line).header("accept", "text/html").send(&mesh).await;
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("script-src 'self' 'wasm-unsafe-eval';"),
            "{line}: {policy}"
        );
        assert!(!policy.contains("unsafe-inline"), "{line}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-frame-options", "DENY"),
            ("strict-transport-security", ""),
        ] {
            assert_eq!(answer.header(name), value, "{line}: {name}");
        }
        assert!(!answer.header("x-request-id").is_empty(), "{line}");
    }
}

#[tokio::test]
async fn the_documents_are_served() {
    let mesh = TestMesh::new();
    let document = call("GET /api/openapi.json").send(&mesh).await.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/api/agents/{agent}"]["patch"].is_object());
    let page = call("GET /api/docs").send(&mesh).await;
    for part in ["/api/docs/docs.js", "/api/docs/docs.css"] {
        assert!(page.text().contains(part));
        assert_eq!(call(&format!("GET {part}")).send(&mesh).await.status, 200);
    }
    // The policy forbids both.
    assert!(!page.text().contains("style=") && !page.text().contains("<script>"));
    assert_eq!(
        call("GET /api/docs/none.js").send(&mesh).await.error(),
        "404 PATH_UNKNOWN"
    );
}

#[tokio::test]
async fn health_tells_what_is_missing() {
    let mesh = TestMesh::new();
    assert_eq!(
        call("GET /api/health").send(&mesh).await.json()["status"],
        "ok"
    );
    let redis = call("GET /api/health/redis").send(&mesh).await;
    assert_eq!(redis.json(), json!({"status": "in-process"}));
    let db = call("GET /api/health/db").send(&mesh).await;
    assert_eq!(
        db.json(),
        json!({"status": "ok", "databases": {"accounts": "ok"}})
    );
    // The services made up here serve no health, and crm is away.
    let services = call("GET /api/health/services").send(&mesh).await;
    assert_eq!(services.status, 503);
    assert_eq!(services.json()["services"]["crm"], "unreachable");
    assert_eq!(call("GET /api/health/ready").send(&mesh).await.status, 503);
    assert_eq!(
        signed_in("GET /api/health/none").send(&mesh).await.error(),
        "404 PATH_UNKNOWN"
    );
}
