//! Deadlines that hold in both shapes: the answer and its whole body end in time, always with
//! `DEADLINE_EXCEEDED`. tonic's own timer bounds only the headers, answers CANCELLED, and does
//! not exist inside a process.

use std::future::Future;
use std::time::Duration;

use http::{HeaderValue, Request, Response};
use t11_core::{Fault, FaultKind};
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;

use crate::status::status;
use crate::until::until;

const GRPC_TIMEOUT: &str = "grpc-timeout";

/// The deadline passed before the call was done.
#[derive(Debug, thiserror::Error)]
#[error("the deadline of the call passed before it was done")]
struct DeadlinePassed;

impl Fault for DeadlinePassed {
    fn kind(&self) -> FaultKind {
        FaultKind::Timeout
    }
    fn reason(&self) -> &'static str {
        "DEADLINE_EXCEEDED"
    }
}

/// The earliest of the given deadlines.
pub(crate) fn earliest(deadlines: [Option<Instant>; 3]) -> Option<Instant> {
    deadlines.into_iter().flatten().min()
}

/// Takes the `grpc-timeout` out of the request, so that no other timer acts on it.
pub(crate) fn take_timeout<B>(request: &mut Request<B>) -> Option<Duration> {
    let value = request.headers_mut().remove(GRPC_TIMEOUT)?;
    parse_timeout(value.to_str().ok()?)
}

/// What a call keeps of its time for the way back, so that the answer of whoever runs late is
/// heard, and not only that it is late.
const SLACK: Duration = Duration::from_millis(5);

/// Writes the time left into the request, less a little.
pub(crate) fn put_timeout<B>(request: &mut Request<B>, deadline: Instant) {
    let left = deadline.saturating_duration_since(Instant::now());
    let left = left.saturating_sub(SLACK.min(left / 10));
    let millis = left.as_millis().min(99_999_999);
    if let Ok(value) = HeaderValue::try_from(format!("{millis}m")) {
        request.headers_mut().insert(GRPC_TIMEOUT, value);
    }
}

/// At most 8 digits and a unit (gRPC over HTTP/2, "Timeout").
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3_600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

/// Runs a call until `deadline`, its body included.
pub(crate) async fn bound<F>(deadline: Option<Instant>, call: F) -> Response<Body>
where
    F: Future<Output = Response<Body>>,
{
    let Some(deadline) = deadline else {
        return call.await;
    };
    match tokio::time::timeout_at(deadline, call).await {
        Ok(response) => until(response, async move {
            tokio::time::sleep_until(deadline).await;
            passed()
        }),
        Err(_elapsed) => passed().into_http(),
    }
}

/// The answer to a call whose time is up.
pub(crate) fn passed() -> Status {
    status("t11", &DeadlinePassed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_by_the_book() {
        assert_eq!(parse_timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse_timeout("2H"), Some(Duration::from_secs(7_200)));
        for bad in ["", "m", "1x", "123456789m", "-1m", "1.5S"] {
            assert_eq!(parse_timeout(bad), None, "{bad}");
        }
    }
}
