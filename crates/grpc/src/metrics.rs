//! How long calls take and how they end, under the names of OpenTelemetry's conventions for RPCs
//! as Prometheus writes them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};

use crate::policy;
use crate::shed::Place;

/// Histograms of seconds, by method and status: calls answered here, calls made from here.
pub const SERVER_DURATION: &str = "rpc_server_call_duration_seconds";
/// See [`SERVER_DURATION`].
pub const CLIENT_DURATION: &str = "rpc_client_call_duration_seconds";

/// Methods whose paths are not in `proto/`.
const FOREIGN: [&str; 4] = [
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// The names of codes as google/rpc/code.proto writes them.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// A call under way. One that is dropped before its end was cancelled.
#[derive(Debug)]
pub(crate) struct Measured {
    histogram: &'static str,
    method: &'static str,
    started: Instant,
    code: Code,
}

impl Measured {
    /// A call of `path` that is answered here.
    pub(crate) fn server(path: &str) -> Self {
        Self::begin(SERVER_DURATION, path)
    }

    /// A call of `path` that is made from here.
    pub(crate) fn client(path: &str) -> Self {
        Self::begin(CLIENT_DURATION, path)
    }

    fn begin(histogram: &'static str, path: &str) -> Self {
        Self {
            histogram,
            method: label(path),
            started: Instant::now(),
            code: Code::Cancelled,
        }
    }

    fn ended(mut self, code: Code) {
        self.code = code;
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        metrics::histogram!(
            self.histogram,
            "rpc_method" => self.method, "rpc_status_code" => code_name(self.code),
        )
        .record(self.started.elapsed().as_secs_f64());
    }
}

/// Paths come from outside: those that are no method of ours share one label.
fn label(path: &str) -> &'static str {
    let ours = policy::find(path).map(|policy| policy.method.path);
    let known = ours.or_else(|| FOREIGN.into_iter().find(|known| *known == path));
    known.map_or("_OTHER", |path| path.trim_start_matches('/'))
}

/// Ends `measured` when the answer ends, by its status. The place in the room that came with the
/// answer is held as long.
pub(crate) fn until_end(mut response: Response<Body>, measured: Measured) -> Response<Body> {
    let place = response.extensions_mut().remove::<Arc<Place>>();
    // An answer of trailers alone has its status among the headers.
    if let Some(code) = code_of(response.headers()) {
        measured.ended(code);
        return response;
    }
    response.map(|inner| {
        Body::new(MeasuredBody {
            inner,
            measured: Some(measured),
            _place: place,
        })
    })
}

fn code_of(headers: &HeaderMap) -> Option<Code> {
    let status = headers.get("grpc-status")?;
    Some(Code::from_bytes(status.as_bytes()))
}

struct MeasuredBody {
    inner: Body,
    measured: Option<Measured>,
    _place: Option<Arc<Place>>,
}

impl MeasuredBody {
    fn end(&mut self, code: Code) {
        if let Some(measured) = self.measured.take() {
            measured.ended(code);
        }
    }
}

impl HttpBody for MeasuredBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.end(code_of(trailers).unwrap_or(Code::Unknown));
                }
            }
            Some(Err(status)) => self.end(status.code()),
            // Without trailers: the answer broke off.
            None => self.end(Code::Unknown),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_methods_become_labels() {
        assert_eq!(
            label("/t11.agents.v1.AgentService/GetAgent"),
            "t11.agents.v1.AgentService/GetAgent"
        );
        assert_eq!(
            label("/grpc.health.v1.Health/Check"),
            "grpc.health.v1.Health/Check"
        );
        assert_eq!(label("/t11.agents.v1.AgentService/DropAll"), "_OTHER");
    }
}
