//! Streams that end before their service ends them: those without an end of their own when the
//! process drains, so that their clients go on elsewhere (calls with a deadline are let finish), and
//! those of an API key when it is no longer believed.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request, Response};
use t11_grpc::{Peer, status, until};
use t11_proto::method::MethodInfo;
use tokio_util::sync::CancellationToken;
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
            let mut response = call.await?;
            if let Some(shutdown) = shutdown {
                response = until(response, async move {
                    shutdown.cancelled_owned().await;
                    status(DOMAIN, &Error::Draining)
                });
            }
            if let Some(key) = key {
                response = until(response, key.refused());
            }
            Ok(response)
        })
    }
}
