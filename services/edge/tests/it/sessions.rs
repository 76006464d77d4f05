//! Who may call, and how often.

use chrono::TimeDelta;
use serde_json::json;
use t11_edge::Rate;

use crate::client::{Call, call, signed_in};
use crate::mesh::{SESSION, TestMesh};

const ORIGIN: &str = "http://127.0.0.1:8080";

fn with_cookie(line: &str) -> Call {
    call(line).header("cookie", &format!("t11_session={SESSION}; t11_csrf=abc"))
}

fn own_page(line: &str) -> Call {
    with_cookie(line)
        .header("origin", ORIGIN)
        .header("x-t11-csrf", "abc")
}

#[tokio::test]
async fn a_cookie_reads_freely_and_writes_only_from_our_pages() {
    let mesh = TestMesh::new();
    let body = json!({"display_name": "A"});
    assert_eq!(
        with_cookie("GET /api/agents/7").send(&mesh).await.status,
        200
    );
    assert_eq!(
        own_page("POST /api/agents")
            .json(&body)
            .send(&mesh)
            .await
            .status,
        200
    );

    let no_origin = with_cookie("POST /api/agents")
        .header("x-t11-csrf", "abc")
        .json(&body);
    assert_eq!(no_origin.send(&mesh).await.error(), "403 CROSS_SITE");
    let no_token = with_cookie("POST /api/agents")
        .header("origin", ORIGIN)
        .json(&body);
    assert_eq!(no_token.send(&mesh).await.error(), "403 CSRF_TOKEN_MISSING");
    let foreign = with_cookie("POST /api/agents")
        .header("origin", "https://evil.example")
        .header("x-t11-csrf", "abc")
        .json(&body);
    assert_eq!(foreign.send(&mesh).await.error(), "403 CROSS_SITE");
    assert_eq!(mesh.seen().creates.len(), 1);
}

#[tokio::test]
async fn no_site_signs_its_visitors_in() {
    let mesh = TestMesh::new();
    let body = json!({"email": "a@b.c", "password": "p"});
    let sign_in = || call("POST /api/auth/sign-in").json(&body);
    assert_eq!(sign_in().send(&mesh).await.status, 200);
    assert_eq!(
        sign_in().header("origin", ORIGIN).send(&mesh).await.status,
        200
    );
    let foreign = sign_in()
        .header("origin", "https://evil.example")
        .send(&mesh)
        .await;
    assert_eq!(foreign.error(), "403 CROSS_SITE");
    let stale = sign_in()
        .header("cookie", "t11_session=old")
        .header("origin", ORIGIN);
    assert_eq!(
        stale.send(&mesh).await.status,
        200,
        "a stale cookie is no hindrance"
    );
}

#[tokio::test]
async fn a_service_sets_and_clears_the_cookies() {
    let mesh = TestMesh::with(|config| config.trusted_proxies = vec!["127.0.0.0/8".to_owned()]);
    let body = json!({"email": "a@b.c", "password": "p"});
    let answer = call("POST /api/auth/sign-in").json(&body).send(&mesh).await;
    let cookies = answer.cookies();
    assert!(cookies[0].starts_with(&format!(
        "t11_session={SESSION}; HttpOnly; Path=/; Max-Age=43200"
    )));
    assert!(cookies[1].starts_with("t11_csrf=") && !cookies[1].contains("HttpOnly"));
    assert!(
        answer
            .headers
            .keys()
            .all(|name| !name.as_str().starts_with("x-t11-"))
    );

    let answer = own_page("POST /api/auth/sign-out").send(&mesh).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.cookies()[0],
        "t11_session=; HttpOnly; Path=/; Max-Age=0; SameSite=Lax"
    );
    // Signed out here, the session is asked about again at once.
    assert_eq!(mesh.seen().exchanges, 1);
    with_cookie("GET /api/agents/7").send(&mesh).await;
    assert_eq!(mesh.seen().exchanges, 2);
}

#[tokio::test]
async fn a_session_is_believed_for_ten_seconds() {
    let mesh = TestMesh::new();
    for _ in 0..3 {
        assert_eq!(signed_in("GET /api/agents/7").send(&mesh).await.status, 200);
    }
    assert_eq!(mesh.seen().exchanges, 1);
    mesh.world.advance(TimeDelta::seconds(10));
    assert_eq!(signed_in("GET /api/agents/7").send(&mesh).await.status, 200);
    assert_eq!(mesh.seen().exchanges, 2);
}

#[tokio::test]
async fn a_session_that_accounts_does_not_know_is_none() {
    let mesh = TestMesh::new();
    let answer = call("GET /api/agents/7")
        .header("authorization", "Bearer made-up")
        .send(&mesh)
        .await;
    assert_eq!(answer.error(), "401 SESSION_INVALID");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    assert_eq!(answer.json()["error"]["domain"], "accounts.t11.dev");
}

#[tokio::test]
async fn nobody_says_from_outside_who_he_is() {
    let mesh = TestMesh::new();
    let forged = call("GET /api/agents/7").header("x-t11-caller", "forged");
    assert_eq!(forged.send(&mesh).await.error(), "401 UNAUTHENTICATED");
    let answer = signed_in("GET /api/agents/7")
        .header("x-t11-client-address", "198.51.100.1")
        .header("x-t11-caller", "forged")
        .header("user-agent", "probe/1")
        .send(&mesh)
        .await;
    assert_eq!(answer.status, 200);
    let seen = mesh.seen();
    assert_eq!(seen.metadata.get("x-t11-client-address"), None);
    assert_eq!(seen.metadata.get("x-t11-client-agent").unwrap(), "probe/1");
    assert_eq!(seen.metadata.get("cookie"), None);
    assert_eq!(seen.metadata.get("authorization"), None);
}

#[tokio::test]
async fn too_many_calls_have_to_wait() {
    let mesh = TestMesh::with(|config| {
        config.limits.read = Rate {
            per_minute: 60,
            burst: 2,
        };
    });
    for _ in 0..2 {
        assert_eq!(signed_in("GET /api/agents/7").send(&mesh).await.status, 200);
    }
    let answer = signed_in("GET /api/agents/7").send(&mesh).await;
    assert_eq!(answer.error(), "429 RATE_LIMITED");
    assert_eq!(answer.header("retry-after"), "1");
    mesh.world.advance(TimeDelta::seconds(1));
    assert_eq!(signed_in("GET /api/agents/7").send(&mesh).await.status, 200);
}

#[tokio::test]
async fn made_up_tokens_count_against_their_address() {
    let mesh = TestMesh::with(|config| {
        config.limits.read = Rate {
            per_minute: 60,
            burst: 2,
        };
    });
    let mut answers = Vec::new();
    for n in 0..3 {
        let bearer = format!("Bearer made-up-{n}");
        let call = call("GET /api/agents/7").header("authorization", &bearer);
        answers.push(call.send(&mesh).await.error());
    }
    assert_eq!(
        answers,
        [
            "401 SESSION_INVALID",
            "401 SESSION_INVALID",
            "429 RATE_LIMITED"
        ]
    );
    assert_eq!(mesh.seen().exchanges, 2);
}

#[tokio::test]
async fn an_allowed_origin_calls_with_a_token_and_never_with_a_cookie() {
    let mesh = TestMesh::with(|config| {
        config.allowed_origins = vec!["https://app.example".to_owned()];
    });
    let preflight = call("OPTIONS /api/agents")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST");
    let answer = preflight.send(&mesh).await;
    assert_eq!(answer.status, 204);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "https://app.example"
    );
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    let other = call("OPTIONS /api/agents")
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "POST");
    let answer = other.send(&mesh).await;
    assert_eq!(
        (
            answer.status.as_u16(),
            answer.header("access-control-allow-origin")
        ),
        (405, "")
    );
}
