//! The admin port: whether the process lives, whether it may be sent work, and its metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Map, Value, json};

use crate::Context;

struct Admin {
    context: Context,
    metrics: PrometheusHandle,
}

pub(crate) fn router(context: Context, metrics: PrometheusHandle) -> Router {
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route(
            "/metrics",
            get(async |State(admin): State<Arc<Admin>>| admin.metrics.render()),
        )
        .with_state(Arc::new(Admin { context, metrics }))
}

async fn ready(State(admin): State<Arc<Admin>>) -> (StatusCode, Json<Value>) {
    let checks = readiness(&admin.context).await;
    let ready = checks.values().all(|check| check == "ok");
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(json!({"ready": ready, "checks": checks})))
}

/// Each thing the process needs, and `ok` or what is wrong with it.
pub(crate) async fn readiness(context: &Context) -> Map<String, Value> {
    let mut checks = Map::new();
    let draining = context.shutdown().is_cancelled();
    checks.insert(
        "process".to_owned(),
        if draining { "draining" } else { "ok" }.into(),
    );
    for (service, db) in context.databases() {
        let answer = match db.ping().await {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.to_string(),
        };
        checks.insert(format!("database/{service}"), answer.into());
    }
    checks
}
