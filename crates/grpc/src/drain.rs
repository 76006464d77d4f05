//! Streams without an end of their own are ended when the process drains, so that their clients
//! go on elsewhere. Calls with a deadline are let finish.

use std::time::Duration;

use http::Response;
use t11_core::{Fault, FaultKind};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use crate::status::status;
use crate::until::until;

/// The process is about to end.
#[derive(Debug, thiserror::Error)]
#[error("this replica is about to stop; call again")]
struct Draining;

impl Fault for Draining {
    fn kind(&self) -> FaultKind {
        FaultKind::Unavailable
    }
    fn reason(&self) -> &'static str {
        "DRAINING"
    }
    fn retry_after(&self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }
}

/// Ends the body of an endless stream with `UNAVAILABLE` once `drained` is cancelled.
pub(crate) fn until_drained(
    response: Response<Body>,
    drained: &CancellationToken,
) -> Response<Body> {
    let drained = drained.clone().cancelled_owned();
    until(response, async move {
        drained.await;
        status("t11", &Draining)
    })
}
