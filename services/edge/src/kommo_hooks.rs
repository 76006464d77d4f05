//! The doors that Kommo knocks at: its webhooks, and its bots that ask what to say.
//!
//! Whose a call is, is known by the secret in its path and by nothing else, so the path is told to
//! nobody: see [`shown_path`]. Kommo waits 2 s, sends again only what was not answered with 200, and
//! switches a subscription off after 100 bad answers; so nothing is done here but to have the body
//! kept.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::StatusCode;
use t11_core::{Fault as _, OrgId};
use t11_grpc::RemoteFault;
use t11_proto::crm::v1::intake_service_client::IntakeServiceClient;
use t11_proto::crm::v1::{AcceptBotRequestRequest, AcceptWebhookRequest};
use tonic::{Code, Status};

use crate::app::{App, Shared};
use crate::error::Error;
use crate::rest::body;
use crate::rest::error::Problem;

/// Longest body, in bytes.
const LONGEST_BODY: usize = 1024 * 1024;
/// Longest secret, in characters; ours have 43.
const LONGEST_SECRET: usize = 128;
/// Longest silence while a body is being sent: Kommo itself waits 2 s.
const IDLE: Duration = Duration::from_secs(2);

/// The routes. Kommo saves only addresses that end with a slash and answer GET and HEAD with 200.
pub(crate) fn routes() -> Router<App> {
    let webhooks = || get(present).post(accept_webhook).fallback(not_allowed);
    let bots = || post(accept_bot_request).fallback(not_allowed);
    Router::new()
        .route("/hooks/kommo/{secret}", webhooks())
        .route("/hooks/kommo/{secret}/", webhooks())
        .route("/bot/kommo/{secret}", bots())
        .route("/bot/kommo/{secret}/", bots())
}

/// The path as logs and traces may have it.
pub(crate) fn shown_path(path: &str) -> &str {
    match path.trim_start_matches('/') {
        rest if rest.starts_with("hooks") => "/hooks/…",
        rest if rest.starts_with("bot/") => "/bot/…",
        _ => path,
    }
}

async fn present() -> StatusCode {
    StatusCode::OK
}

async fn not_allowed() -> Response {
    Problem::from(Error::MethodNotAllowed {
        allow: "POST".to_owned(),
    })
    .into_response()
}

async fn accept_webhook(
    State(app): State<App>,
    Path(secret): Path<String>,
    body: Body,
) -> Response {
    let kept = async {
        let body = read(&secret, body).await?;
        let request = AcceptWebhookRequest { secret, body };
        let mut crm = IntakeServiceClient::new(app.peer("crm"));
        as_edge(&app, crm.accept_webhook(request)).await
    };
    answer(kept.await)
}

async fn accept_bot_request(
    State(app): State<App>,
    Path(secret): Path<String>,
    body: Body,
) -> Response {
    let kept = async {
        let body = read(&secret, body).await?;
        let request = AcceptBotRequestRequest { secret, body };
        let mut crm = IntakeServiceClient::new(app.peer("crm"));
        as_edge(&app, crm.accept_bot_request(request)).await
    };
    answer(kept.await)
}

/// The body of a call whose secret may be one.
async fn read(secret: &str, body: Body) -> Result<Bytes, Error> {
    let is_secret = secret.len() <= LONGEST_SECRET
        && secret
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !is_secret {
        return Err(Error::PathUnknown);
    }
    body::whole(body, LONGEST_BODY, IDLE).await
}

async fn as_edge<T>(
    app: &Shared,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<(), Error> {
    let context = &app.context;
    t11_grpc::as_service(&context.signer, &context.world, "edge", OrgId::NONE, call)
        .await
        .map(drop)
        .map_err(|status| refusal(&status))
}

/// Anything that is not the caller's own fault is said to be ours, so that Kommo sends it again.
fn refusal(status: &Status) -> Error {
    let fault = RemoteFault::from(status);
    match status.code() {
        Code::NotFound => Error::PathUnknown,
        Code::InvalidArgument => Error::HookUnreadable,
        Code::PermissionDenied if fault.reason() == "BOT_TOKEN_REFUSED" => Error::HookRefused,
        code => {
            tracing::warn!(?code, reason = fault.reason(), "a hook was not kept");
            Error::HookNotKept
        }
    }
}

fn answer(kept: Result<(), Error>) -> Response {
    match kept {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_paths_are_not_shown() {
        for path in [
            "/hooks/kommo/c2VjcmV0/",
            "//hooks/kommo/c2VjcmV0/",
            "/hooks/kommo/c2VjcmV0",
            "/bot/kommo/c2VjcmV0/",
            "/hooks//kommo/c2VjcmV0",
        ] {
            assert!(!shown_path(path).contains("c2VjcmV0"), "{path}");
        }
        assert_eq!(shown_path("/api/agents"), "/api/agents");
        assert_eq!(shown_path("/bots"), "/bots");
    }
}
