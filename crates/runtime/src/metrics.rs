//! Metrics as Prometheus reads them.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result};
use metrics::Unit;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use t11_store::Db;
use tokio_util::sync::CancellationToken;

/// Bounds of histograms of seconds: those of OpenTelemetry's conventions, and longer ones for
/// calls that wait for a model or for work.
const SECONDS: [f64; 17] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0,
    120.0,
];
/// Samples are put into their buckets this often when nobody asks.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// A process has one recorder, however many meshes a test starts in it.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

/// The recorder of this process, installed by the first call.
///
/// # Errors
/// When somebody else has installed another.
pub(crate) fn recorder() -> Result<PrometheusHandle> {
    if let Some(installed) = RECORDER.get() {
        return Ok(installed.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()
        .context("metrics")?;
    describe();
    Ok(RECORDER.get_or_init(|| handle).clone())
}

fn describe() {
    let seconds = [
        (
            t11_grpc::SERVER_DURATION,
            "How long calls answered here took",
        ),
        (
            t11_grpc::CLIENT_DURATION,
            "How long calls made from here took",
        ),
    ];
    for (name, about) in seconds {
        metrics::describe_histogram!(name, Unit::Seconds, about);
    }
    metrics::describe_gauge!(
        "t11_grpc_calls_in_flight",
        "Calls a service is answering, streams included"
    );
    metrics::describe_counter!(
        "t11_grpc_calls_shed_total",
        "Calls refused because the service had too many"
    );
    metrics::describe_counter!(
        "t11_grpc_retries_total",
        "Second tries of calls to a neighbour, and those that the budget forbade"
    );
}

/// Keeps the recorder small until `shutdown`.
pub(crate) async fn keep(handle: PrometheusHandle, shutdown: CancellationToken) {
    loop {
        let pause = tokio::time::sleep(UPKEEP_EVERY);
        if shutdown.run_until_cancelled(pause).await.is_none() {
            return;
        }
        handle.run_upkeep();
    }
}

/// Publishes the connections of the database of `service` until `shutdown`.
pub(crate) async fn count_connections(service: &'static str, db: Db, shutdown: CancellationToken) {
    loop {
        let open = db.connections();
        for (state, count) in [("idle", open.idle), ("used", open.used)] {
            metrics::gauge!("db_client_connections", "service" => service, "state" => state)
                .set(count);
        }
        let pause = tokio::time::sleep(UPKEEP_EVERY);
        if shutdown.run_until_cancelled(pause).await.is_none() {
            return;
        }
    }
}
