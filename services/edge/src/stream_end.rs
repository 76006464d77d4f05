//! Streams that end before their service ends them: those without an end of their own when the
//! process drains, so that their clients go on elsewhere (calls with a deadline are let finish), and
//! those of an API key when it is no longer believed.

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
use crate::session::KeyWatch;

/// A peer whose streams may be ended here.
#[derive(Clone)]
pub(crate) struct EndingPeer {
    peer: Peer,
    /// Ends endless streams with `UNAVAILABLE`.
    shutdown: Option<CancellationToken>,
    /// Ends streams with the refusal of their key.
    key: Option<KeyWatch>,
}

impl EndingPeer {
    /// `key` is that of the call, if it has one.
    pub(crate) fn new(
        peer: Peer,
        method: &MethodInfo,
        shutdown: &CancellationToken,
        key: Option<KeyWatch>,
    ) -> Self {
        let endless = method.server_streaming && method.deadline_ms == 0;
        Self {
            peer,
            shutdown: endless.then(|| shutdown.clone()),
            key: key.filter(|_| method.server_streaming),
        }
    }
}

impl Service<Request<Body>> for EndingPeer {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.peer.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let call = self.peer.call(request);
        if self.shutdown.is_none() && self.key.is_none() {
            return call;
        }
        let (shutdown, key) = (self.shutdown.clone(), self.key.clone());
        Box::pin(async move {
            Ok(call.await?.map(|inner| {
                Body::new(UntilEnded {
                    inner,
                    drained: shutdown.map(|shutdown| Box::pin(shutdown.cancelled_owned())),
                    refused: key.map(|key| Box::pin(key.refused()) as BoxFuture<'_, _>),
                    ended: false,
                })
            }))
        })
    }
}

struct UntilEnded {
    inner: Body,
    drained: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    refused: Option<BoxFuture<'static, Status>>,
    ended: bool,
}

impl UntilEnded {
    fn end(&mut self, status: &Status) -> Result<Frame<Bytes>, Status> {
        self.ended = true;
        // Cancels the call at its service.
        self.inner = Body::empty();
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers)?;
        Ok(Frame::trailers(trailers))
    }
}

impl HttpBody for UntilEnded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        // Before the data: a stream that never pauses ends as well.
        if let Some(refused) = &mut self.refused
            && let Poll::Ready(status) = refused.as_mut().poll(cx)
        {
            return Poll::Ready(Some(self.end(&status)));
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            return Poll::Ready(frame);
        }
        if let Some(drained) = &mut self.drained {
            std::task::ready!(drained.as_mut().poll(cx));
            let status = t11_grpc::status(DOMAIN, &Error::Draining);
            return Poll::Ready(Some(self.end(&status)));
        }
        Poll::Pending
    }
}
