//! A neighbour that is in this process or behind an address; callers cannot tell.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response};
use t11_core::{Fault, FaultKind};
use t11_proto::method;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::transport::Channel;
use tower::{Service, ServiceExt as _};

use crate::context::{self, CallContext};
use crate::server::ServerStack;
use crate::status::status;
use crate::{deadline, keys, trace};

/// Handed to a generated client: `AgentServiceClient::new(peer)`. Puts the caller, the time left
/// and the trace of the running call on every call it makes.
#[derive(Clone)]
pub struct Peer {
    name: &'static str,
    place: Place,
}

#[derive(Clone)]
enum Place {
    Local(Arc<OnceLock<ServerStack>>),
    Remote(Channel),
}

/// Where a local service is put once it is built. Peers exist before the services do, so that
/// services may call each other in a circle.
pub struct LocalSlot(Arc<OnceLock<ServerStack>>);

/// The neighbour does not answer.
#[derive(Debug, thiserror::Error)]
enum PeerError {
    #[error("the service `{0}` does not run here and no address of it is set")]
    NotRunning(&'static str),
    #[error("the service `{name}` cannot be reached")]
    Unreachable {
        name: &'static str,
        source: tonic::transport::Error,
    },
}

impl Fault for PeerError {
    fn kind(&self) -> FaultKind {
        FaultKind::Unavailable
    }
    fn reason(&self) -> &'static str {
        match self {
            Self::NotRunning(_) => "SERVICE_NOT_RUNNING",
            Self::Unreachable { .. } => "SERVICE_UNREACHABLE",
        }
    }
    fn retry_after(&self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.place {
            Place::Local(_) => "local",
            Place::Remote(_) => "remote",
        };
        write!(f, "Peer({}, {place})", self.name)
    }
}

impl Peer {
    /// A peer in this process, and the slot its service goes into.
    pub fn local(name: &'static str) -> (Self, LocalSlot) {
        let slot = Arc::new(OnceLock::new());
        (
            Self {
                name,
                place: Place::Local(slot.clone()),
            },
            LocalSlot(slot),
        )
    }

    /// A peer behind a channel.
    pub fn remote(name: &'static str, channel: Channel) -> Self {
        Self {
            name,
            place: Place::Remote(channel),
        }
    }

    /// The neighbour's name: `agents`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    async fn send(self, request: Request<Body>) -> Response<Body> {
        match self.place {
            Place::Local(slot) => match slot.get() {
                Some(stack) => stack.clone().handle(request).await,
                None => status(self.name, &PeerError::NotRunning(self.name)).into_http(),
            },
            Place::Remote(channel) => match send_remote(channel, request).await {
                Ok(response) => response,
                Err(source) => {
                    tracing::warn!(peer = self.name, error = %source, "peer cannot be reached");
                    let error = PeerError::Unreachable {
                        name: self.name,
                        source,
                    };
                    status(self.name, &error).into_http()
                }
            },
        }
    }
}

async fn send_remote(
    mut channel: Channel,
    request: Request<Body>,
) -> Result<Response<Body>, tonic::transport::Error> {
    channel.ready().await?.call(request).await
}

impl LocalSlot {
    /// Puts the service in its place; a second time is ignored.
    pub fn fill(self, stack: ServerStack) {
        drop(self.0.set(stack));
    }
}

impl Service<Request<Body>> for Peer {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let context = context::current();
        let deadline = call_deadline(&mut request, &context);
        if let Some(deadline) = deadline {
            deadline::put_timeout(&mut request, deadline);
        }
        pass_on(request.headers_mut(), &context);
        let call = self.clone().send(request);
        Box::pin(async move { Ok(deadline::bound(deadline, call).await) })
    }
}

/// The earliest of: the running call's, what the client asked, the RPC's own longest.
fn call_deadline(request: &mut Request<Body>, context: &CallContext) -> Option<Instant> {
    let now = Instant::now();
    let asked = deadline::take_timeout(request).map(|timeout| now + timeout);
    let longest = method::find(request.uri().path())
        .filter(|method| method.deadline_ms > 0)
        .map(|method| now + Duration::from_millis(method.deadline_ms.into()));
    deadline::earliest([context.deadline, asked, longest])
}

fn pass_on(headers: &mut HeaderMap, context: &CallContext) {
    let mut put = |key: &'static str, value: Option<&str>| {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok())
            && !headers.contains_key(key)
        {
            headers.insert(key, value);
        }
    };
    put(keys::CALLER, context.caller_token.as_deref());
    put(keys::CLIENT_ADDRESS, context.client_address.as_deref());
    put(keys::CLIENT_AGENT, context.client_agent.as_deref());
    put(
        keys::REQUEST_ID,
        Some(&*context.request_id).filter(|id| !id.is_empty()),
    );
    trace::pass_on(headers);
}
