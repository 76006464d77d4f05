//! Health for people and outside checks. What Kubernetes asks is on the admin port.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures::future::join_all;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::app::{App, Shared};

const SERVICES: [&str; 5] = ["accounts", "agents", "crm", "jobs", "llm"];
const PATIENCE: Duration = Duration::from_secs(2);

/// The process answers.
pub(crate) async fn summary() -> Response {
    respond(
        true,
        json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}),
    )
}

/// Everything that calls need.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let draining = app.context.health.is_draining();
    let (services, databases) = tokio::join!(services(&app), databases(&app));
    let ready = !draining && all_ok(&services) && all_ok(&databases);
    let status = if draining { "draining" } else { word(ready) };
    respond(
        ready,
        json!({"status": status, "services": services, "databases": databases}),
    )
}

/// The databases of this process; in the mesh each service looks after its own, and its health
/// speaks for it.
pub(crate) async fn db(State(app): State<App>) -> Response {
    let mut databases = databases(&app).await;
    if databases.is_empty() {
        databases = services(&app).await;
    }
    let ok = all_ok(&databases);
    respond(ok, json!({"status": word(ok), "databases": databases}))
}

/// Redis, asked now: without one, wake-ups and limits live in the process. While it is away
/// everything works on, only slower, so readiness does not ask for it.
pub(crate) async fn redis(State(app): State<App>) -> Response {
    let Some(redis) = &app.context.redis else {
        return respond(true, json!({"status": "in-process"}));
    };
    let answer = redis.ping().await;
    if let Err(error) = &answer {
        tracing::warn!(%error, "redis does not answer");
    }
    respond(answer.is_ok(), json!({"status": word(answer.is_ok())}))
}

/// Each service, asked through `grpc.health.v1`.
pub(crate) async fn each_service(State(app): State<App>) -> Response {
    let services = services(&app).await;
    let ok = all_ok(&services);
    respond(ok, json!({"status": word(ok), "services": services}))
}

async fn services(app: &Shared) -> Map<String, Value> {
    let answers =
        SERVICES.map(|name| async move { (name.to_owned(), service(app, name).await.into()) });
    join_all(answers).await.into_iter().collect()
}

async fn service(app: &Shared, name: &str) -> &'static str {
    let mut client = HealthClient::new(app.peer(name));
    let check = client.check(HealthCheckRequest {
        service: String::new(),
    });
    match tokio::time::timeout(PATIENCE, check).await {
        Ok(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving => "ok",
        Ok(Ok(_)) => "not serving",
        Ok(Err(error)) => {
            tracing::debug!(service = name, %error, "health could not be asked");
            "unreachable"
        }
        Err(_elapsed) => "too slow",
    }
}

async fn databases(app: &Shared) -> Map<String, Value> {
    let answers = (app.context.databases)().await;
    answers
        .into_iter()
        .map(|(service, ok)| (service, word(ok).into()))
        .collect()
}

fn all_ok(checks: &Map<String, Value>) -> bool {
    checks.values().all(|check| check == "ok")
}

fn word(ok: bool) -> &'static str {
    if ok { "ok" } else { "failing" }
}

fn respond(ok: bool, body: Value) -> Response {
    let status = if ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut response = (status, Json(body)).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
