//! Streams without an end of their own, ended when the process drains, so that their clients go
//! on elsewhere. Calls with a deadline are let finish.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body::{Body as HttpBody, Frame};
use t11_grpc::Peer;
use t11_proto::method::MethodInfo;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;
use tonic::body::Body;
use tower::Service;

use crate::error::{DOMAIN, Error};

/// A peer whose endless streams end with `UNAVAILABLE` when `shutdown` is cancelled.
#[derive(Clone)]
pub(crate) struct DrainingPeer {
    peer: Peer,
    /// Only for endless streams.
    shutdown: Option<CancellationToken>,
}

impl DrainingPeer {
    pub(crate) fn new(peer: Peer, method: &MethodInfo, shutdown: &CancellationToken) -> Self {
        let endless = method.server_streaming && method.deadline_ms == 0;
        Self {
            peer,
            shutdown: endless.then(|| shutdown.clone()),
        }
    }
}

impl Service<Request<Body>> for DrainingPeer {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.peer.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let call = self.peer.call(request);
        match self.shutdown.clone() {
            None => call,
            Some(shutdown) => Box::pin(async move {
                Ok(call.await?.map(|inner| {
                    let drained = Box::pin(shutdown.cancelled_owned());
                    Body::new(UntilDrained {
                        inner,
                        drained,
                        ended: false,
                    })
                }))
            }),
        }
    }
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
        std::task::ready!(self.drained.as_mut().poll(cx));
        self.ended = true;
        let mut trailers = HeaderMap::new();
        let status = t11_grpc::status(DOMAIN, &Error::Draining);
        Poll::Ready(Some(
            status
                .add_header(&mut trailers)
                .map(|()| Frame::trailers(trailers)),
        ))
    }
}
