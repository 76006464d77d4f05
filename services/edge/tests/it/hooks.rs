//! The doors that Kommo knocks at.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use chrono::DateTime;
use t11_core::{FaultKind, ManualWorld, World};
use t11_edge::{Config, EdgeContext};
use t11_grpc::{Peer, ServerStack, Signer, Verifier};
use t11_proto::crm::v1 as crm;
use t11_runtime::bus::InProcess;
use t11_runtime::{Bus, Endings};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response};

use crate::client::call;
use crate::mesh::{TestMesh, refuse, unary};

const SECRET: &str = "c2VjcmV0-of_a_connection";
const FORM: &str = "application/x-www-form-urlencoded";

/// What reached crm: the secret and the body.
type Kept = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A crm that keeps what comes under [`SECRET`], and says no with the reason `fault` to the rest.
fn crm_routes(kept: &Kept, fault: (FaultKind, &'static str)) -> Router {
    let noted = kept.clone();
    let webhook = move |request: Request<crm::AcceptWebhookRequest>| {
        let request = request.into_inner();
        let is_known = request.secret == SECRET;
        if is_known {
            noted
                .lock()
                .unwrap()
                .push((request.secret, request.body.into()));
        }
        std::future::ready(match is_known {
            true => Ok(Response::new(crm::AcceptWebhookResponse {})),
            false => Err(refuse("crm", fault.0, fault.1)),
        })
    };
    let noted = kept.clone();
    let bot = move |request: Request<crm::AcceptBotRequestRequest>| {
        let request = request.into_inner();
        let is_known = request.secret == SECRET;
        if is_known {
            noted
                .lock()
                .unwrap()
                .push((request.secret, request.body.into()));
        }
        std::future::ready(match is_known {
            true => Ok(Response::new(crm::AcceptBotRequestResponse {})),
            false => Err(refuse("crm", fault.0, fault.1)),
        })
    };
    let service = "/t11.crm.v1.IntakeService";
    Router::new()
        .merge(unary(format!("{service}/AcceptWebhook"), webhook))
        .merge(unary(format!("{service}/AcceptBotRequest"), bot))
}

fn mesh(fault: (FaultKind, &'static str)) -> (TestMesh, Kept) {
    let kept = Kept::default();
    let world = ManualWorld::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap(), 7);
    let signer = Signer::from_seed(&[7; 32]).unwrap();
    let verifier = Verifier::from_jwks(&signer.jwks()).unwrap();
    let (crm, slot) = Peer::local("crm");
    let routes = Routes::from(crm_routes(&kept, fault));
    slot.fill(ServerStack::new(routes, verifier, world.world()));
    let (away, _) = Peer::local("away");
    let context = EdgeContext {
        peers: Arc::new(move |name| match name {
            "crm" => crm.clone(),
            _ => away.clone(),
        }),
        signer,
        world: world.world(),
        databases: Arc::new(|| Box::pin(async { Vec::new() })),
        redis: None,
        endings: Endings::new(Bus::join(Arc::new(InProcess::default()), &World::system())),
        health: t11_runtime::Health::ready(),
        shutdown: CancellationToken::new(),
    };
    let config = Config {
        web_dir: Some(PathBuf::from("no-such-folder")),
        ..Config::default()
    };
    let mut mesh = TestMesh::new();
    mesh.router = t11_edge::front(config, context).unwrap().router;
    (mesh, kept)
}

const UNKNOWN: (FaultKind, &str) = (FaultKind::NotFound, "NOT_FOUND");

#[tokio::test]
async fn a_webhook_is_handed_over_as_it_came() {
    let (mesh, kept) = mesh(UNKNOWN);
    let body = "message%5Badd%5D%5B0%5D%5Bid%5D=m-1&x=\u{0}";
    for path in ["/hooks/kommo", "/bot/kommo"] {
        for slash in ["", "/"] {
            let answer = call(&format!("POST {path}/{SECRET}{slash}"))
                .raw(FORM, body)
                .send(&mesh)
                .await;
            assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
        }
    }
    let kept = kept.lock().unwrap();
    assert_eq!(kept.len(), 4);
    assert!(
        kept.iter()
            .all(|(secret, kept)| secret == SECRET && kept == body.as_bytes())
    );
}

#[tokio::test]
async fn kommo_finds_the_address_before_it_saves_it() {
    let (mesh, kept) = mesh(UNKNOWN);
    for method in ["GET", "HEAD"] {
        for slash in ["", "/"] {
            let line = format!("{method} /hooks/kommo/{SECRET}{slash}");
            let answer = call(&line).send(&mesh).await;
            assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
        }
    }
    for line in [
        format!("PUT /hooks/kommo/{SECRET}/"),
        format!("GET /bot/kommo/{SECRET}/"),
    ] {
        assert_eq!(call(&line).send(&mesh).await.status, 405, "{line}");
    }
    assert!(kept.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_unknown_secret_is_a_path_like_any_other() {
    let (mesh, _) = mesh(UNKNOWN);
    let long = "a".repeat(129);
    for secret in ["unknown", "no%2Fsecret", "no.secret", &long] {
        for door in ["hooks", "bot"] {
            let line = format!("POST /{door}/kommo/{secret}/");
            let answer = call(&line).raw(FORM, "x=1").send(&mesh).await;
            assert_eq!(answer.error(), "404 PATH_UNKNOWN", "{line}");
        }
    }
    for line in ["POST /hooks/other/x/", "POST /bot/kommo/a/b/"] {
        assert_eq!(call(line).send(&mesh).await.status, 404, "{line}");
    }
}

/// Whatever is wrong on our side, Kommo is told to send it again, and never to be slower.
#[tokio::test]
async fn what_could_not_be_kept_is_to_be_sent_again() {
    for fault in [
        (FaultKind::Unavailable, "INBOX_UNAVAILABLE"),
        (FaultKind::Exhausted, "OVERLOADED"),
        (FaultKind::Timeout, "DEADLINE_EXCEEDED"),
        (FaultKind::Internal, "DATABASE_FAILED"),
        (FaultKind::Unauthenticated, "CALLER_TOKEN_INVALID"),
    ] {
        let (mesh, _) = mesh(fault);
        for door in ["hooks", "bot"] {
            let line = format!("POST /{door}/kommo/other/");
            let answer = call(&line).raw(FORM, "x=1").send(&mesh).await;
            assert_eq!(answer.error(), "503 INBOX_UNAVAILABLE", "{fault:?}");
            assert_eq!(answer.header("retry-after"), "5");
        }
    }
    // Nobody is there to keep it.
    let away = TestMesh::new();
    let line = format!("POST /hooks/kommo/{SECRET}/");
    let answer = call(&line).raw(FORM, "x=1").send(&away).await;
    assert_eq!(answer.error(), "503 INBOX_UNAVAILABLE");
}

#[tokio::test]
async fn a_bot_that_is_not_the_accounts_is_refused() {
    let (mesh, _) = mesh((FaultKind::Forbidden, "BOT_TOKEN_REFUSED"));
    let line = "POST /bot/kommo/other/";
    let answer = call(line).raw(FORM, "token=x").send(&mesh).await;
    assert_eq!(answer.error(), "403 BOT_TOKEN_REFUSED");
    let (mesh, _) = self::mesh((FaultKind::Invalid, "FIELDS_INVALID"));
    let answer = call(line).raw(FORM, "x=1").send(&mesh).await;
    assert_eq!(answer.error(), "400 HOOK_UNREADABLE");
}

#[tokio::test]
async fn a_body_has_at_most_a_mebibyte() {
    let (mesh, kept) = mesh(UNKNOWN);
    let line = format!("POST /hooks/kommo/{SECRET}/");
    let most = vec![b'x'; 1024 * 1024];
    let answer = call(&line).raw(FORM, most.clone()).send(&mesh).await;
    assert_eq!(answer.status, 200);
    let more = [most, vec![b'x']].concat();
    let answer = call(&line).raw(FORM, more.clone()).send(&mesh).await;
    assert_eq!(answer.error(), "413 BODY_TOO_BIG");
    let answer = call(&line).stream(FORM, Body::from(more)).send(&mesh).await;
    assert_eq!(answer.error(), "413 BODY_TOO_BIG");
    assert_eq!(kept.lock().unwrap().len(), 1);
}
