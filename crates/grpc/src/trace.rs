//! W3C trace context in gRPC metadata, in HTTP headers and beside stored work.

use std::collections::HashMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::global;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::{TraceContextExt as _, TraceId};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const TRACEPARENT: &str = "traceparent";

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }
    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct HeadersMut<'a>(&'a mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

/// Makes `span` a child of the trace the request came with, and notes the trace in the span's field
/// `trace_id`, for logs.
pub fn continue_from(headers: &HeaderMap, span: &Span) {
    continue_extracted(&Headers(headers), span);
}

/// The same for work that was stored with the [`traceparent`] of who asked for it.
pub fn continue_from_traceparent(traceparent: &str, span: &Span) {
    let stored = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    continue_extracted(&stored, span);
}

fn continue_extracted(carrier: &dyn Extractor, span: &Span) {
    let parent = global::get_text_map_propagator(|p| p.extract(carrier));
    // Fails only when no tracing to a collector is set up, and then there is nothing to continue.
    drop(span.set_parent(parent));
    let context = span.context();
    let trace = context.span().span_context().trace_id();
    if trace != TraceId::INVALID {
        span.record("trace_id", tracing::field::display(trace));
    }
}

/// The current span as the value of a W3C `traceparent`; `None` while no traces are exported.
pub fn traceparent() -> Option<String> {
    let context = Span::current().context();
    let mut written = HashMap::new();
    global::get_text_map_propagator(|p| p.inject_context(&context, &mut written));
    written.remove(TRACEPARENT)
}

/// Writes the current trace into the request.
pub(crate) fn pass_on(headers: &mut HeaderMap) {
    let context = Span::current().context();
    global::get_text_map_propagator(|p| p.inject_context(&context, &mut HeadersMut(headers)));
}
