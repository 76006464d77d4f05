//! The admin port: whether the process lives, whether it may be sent work, and its metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Map, Value, json};

use crate::Health;

struct Admin {
    health: Health,
    metrics: PrometheusHandle,
}

pub(crate) fn router(health: Health, metrics: PrometheusHandle) -> Router {
    Router::new()
        // Of nothing else: a process that is restarted does not mend a database.
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route(
            "/metrics",
            get(async |State(admin): State<Arc<Admin>>| admin.metrics.render()),
        )
        .with_state(Arc::new(Admin { health, metrics }))
}

async fn ready(State(admin): State<Arc<Admin>>) -> (StatusCode, Json<Value>) {
    let report = admin.health.report().await;
    let draining = admin.health.is_draining();
    let ready = !draining && !report.iter().any(|finding| finding.blocks);
    let word = |outcome: Result<(), String>| outcome.err().unwrap_or_else(|| "ok".to_owned());
    let mut checks: Map<String, Value> = report
        .into_iter()
        .map(|finding| (finding.name, word(finding.outcome).into()))
        .collect();
    let process = if draining { "draining" } else { "ok" };
    checks.insert("process".to_owned(), process.into());
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(json!({"ready": ready, "checks": checks})))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use tower::ServiceExt as _;

    use super::*;

    async fn asked(health: &Health, path: &str) -> StatusCode {
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router(health.clone(), metrics).oneshot(request).await;
        response.unwrap().status()
    }

    #[tokio::test]
    async fn a_process_in_trouble_lives_but_is_not_ready() {
        let health = Health::default();
        assert_eq!(asked(&health, "/readyz").await, StatusCode::OK);
        health.add_check("database/agents", async || Err("gone".to_owned()));
        assert_eq!(
            asked(&health, "/readyz").await,
            StatusCode::SERVICE_UNAVAILABLE
        );
        assert_eq!(asked(&health, "/livez").await, StatusCode::OK);
    }

    #[tokio::test]
    async fn a_draining_process_is_not_ready() {
        let health = Health::default();
        health.drain();
        assert_eq!(
            asked(&health, "/readyz").await,
            StatusCode::SERVICE_UNAVAILABLE
        );
    }
}
