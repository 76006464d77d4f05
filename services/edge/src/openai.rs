//! OpenAI's API for programs that have its client built in: chat completions, embeddings, models.
//! The same RPCs of `llm` answer as everywhere, with the same keys, budgets and records; only the
//! form is another. What would change an answer and cannot be kept is refused, never passed over.
//!
//! Source of the form: OpenAI's API reference and what its Python and Node clients send.

mod chat;
mod chunk;
mod embeddings;
mod models;
mod refusal;
mod request;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use t11_proto::method::{self, MethodInfo};

use self::refusal::Refusal;
use crate::admission::Admitted;
use crate::app::{App, Shared};
use crate::error::Error;
use crate::rest::body;
use crate::stream_end::EndingPeer;

/// The routes.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/chat/completions", post(chat::serve).fallback(not_here))
        .route("/v1/embeddings", post(embeddings::serve).fallback(not_here))
        .route("/v1/models", get(models::list).fallback(not_here))
        .route("/v1/models/{*model}", get(models::get).fallback(not_here))
        .route("/v1/{*path}", any(not_here))
}

async fn not_here() -> Response {
    let message = "nothing answers at this path and method";
    Refusal::invalid(StatusCode::NOT_FOUND, "unknown_url", None, message).into_response()
}

/// A call that was let in, and the service that answers it.
struct Call {
    admitted: Admitted,
    peer: EndingPeer,
}

/// Lets a call in, as the RPC at `path` would.
async fn admit(app: &Shared, parts: &Parts, path: &str) -> Result<Call, Refusal> {
    let method: &MethodInfo = method::find(path).ok_or(Error::RpcUnknown)?;
    let admitted = app.admit(parts, method, !parts.method.is_safe()).await?;
    let peer = app.owner(method, &admitted);
    Ok(Call { admitted, peer })
}

/// The body as JSON.
async fn read<T: DeserializeOwned>(app: &Shared, body: Body) -> Result<T, Refusal> {
    let idle = Duration::from_secs(app.config.body_idle_seconds);
    let body = body::whole(body, app.config.max_body_bytes, idle).await?;
    serde_json::from_slice(&body).map_err(|error| {
        let message = format!("the body is not such a request: {error}");
        Refusal::invalid(StatusCode::BAD_REQUEST, "invalid_request", None, &message)
    })
}

fn json(answer: &impl Serialize) -> Result<Response, Refusal> {
    let body = serde_json::to_vec(answer).map_err(Error::from)?;
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
