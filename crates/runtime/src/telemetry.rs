//! Logs, and traces when a collector is named.

mod json;
mod redact;

use std::io;

use anyhow::{Context as _, Result};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::Settings;
use crate::settings::LogFormat;

/// What libraries say of lost connections is said by us, once for each. `log` goes before.
const QUIET: &str = "fred=error";

/// Keeps the exporters alive; stopped before the process ends, so that the last spans arrive.
pub struct Telemetry {
    tracer: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Starts logging to standard error and, with `otlp_endpoint`, exporting traces as the process
    /// `name`: `agents`.
    ///
    /// # Errors
    /// A filter that cannot be read, an endpoint that cannot be used, or a second start.
    pub fn start(settings: &Settings, name: &str) -> Result<Self> {
        let common = &settings.common;
        let filter = EnvFilter::try_new(format!("{QUIET},{}", common.log)).context("`log`")?;
        let lines = lines(common.log_format, io::stderr);
        let endpoint = common.otlp_endpoint.as_deref();
        let tracer = endpoint.map(|at| provider(at, name)).transpose()?;
        let traces = tracer.as_ref().map(|provider| {
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("t11"))
                .with_filter(LevelFilter::INFO)
        });
        // Traces are whole however little is logged.
        tracing_subscriber::registry()
            .with(lines.with_filter(filter))
            .with(traces)
            .try_init()?;
        Ok(Self { tracer })
    }

    /// Sends what is left.
    pub async fn stop(self) {
        let Some(tracer) = self.tracer else { return };
        // The exporter blocks its thread while it flushes.
        match tokio::task::spawn_blocking(move || tracer.shutdown()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last traces were not exported"),
            Err(error) => tracing::warn!(%error, "the exporter of traces panicked"),
        }
    }
}

type Lines<S> = Box<dyn tracing_subscriber::Layer<S> + Send + Sync>;

/// Writes log lines without secrets.
fn lines<S, W>(format: LogFormat, to: W) -> Lines<S>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(to);
    match format {
        LogFormat::Text => lines
            .fmt_fields(redact::TextFields)
            .with_target(false)
            .boxed(),
        LogFormat::Json => lines
            .fmt_fields(json::JsonFields)
            .event_format(json::JsonLine)
            .boxed(),
    }
}

fn provider(endpoint: &str, name: &str) -> Result<SdkTracerProvider> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .build()?;
    let resource = Resource::builder()
        .with_attribute(KeyValue::new("service.namespace", "t11"))
        .with_attribute(KeyValue::new("service.name", name.to_owned()))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build();
    global::set_tracer_provider(provider.clone());
    global::set_text_map_propagator(TraceContextPropagator::new());
    Ok(provider)
}

#[cfg(test)]
mod tests;
