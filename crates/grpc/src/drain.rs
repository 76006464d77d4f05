//! Streams without an end of their own are ended when the process drains, so that their clients
//! go on elsewhere. Calls with a deadline are let finish.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body as HttpBody, Frame};
use t11_core::{Fault, FaultKind};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;
use tonic::body::Body;

use crate::status::status;

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
    response.map(|inner| {
        Body::new(UntilDrained {
            inner,
            drained: Box::pin(drained.clone().cancelled_owned()),
            ended: false,
        })
    })
}

struct UntilDrained {
    inner: Body,
    drained: Pin<Box<WaitForCancellationFutureOwned>>,
    ended: bool,
}

impl HttpBody for UntilDrained {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        ready!(self.drained.as_mut().poll(cx));
        self.ended = true;
        let mut trailers = HeaderMap::new();
        Poll::Ready(Some(
            status("t11", &Draining)
                .add_header(&mut trailers)
                .map(|()| Frame::trailers(trailers)),
        ))
    }
}
