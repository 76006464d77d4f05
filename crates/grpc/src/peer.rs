//! A neighbour that is in this process or behind an address; callers cannot tell.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response};
use t11_core::{Fault, FaultKind, World};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::transport::Channel;
use tower::Service;

use crate::channels::Channels;
use crate::context::{self, CallContext};
use crate::metrics::{self, Measured};
use crate::policy::{self, Policy};
use crate::retry::{Attempt, Retries, is_late};
use crate::server::ServerStack;
use crate::status::{chain, status};
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
    Remote {
        channels: Arc<Channels>,
        retries: Arc<Retries>,
    },
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
            Place::Remote { .. } => "remote",
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

    /// A peer behind a channel. `world` gives the pauses between tries.
    pub fn remote(name: &'static str, channel: Channel, world: World) -> Self {
        Self::balanced(name, channel, Vec::new(), world)
    }

    /// A peer behind several channels, of which calls take one after the other.
    pub fn balanced(
        name: &'static str,
        first: Channel,
        others: Vec<Channel>,
        world: World,
    ) -> Self {
        Self {
            name,
            place: Place::Remote {
                channels: Arc::new(Channels::new(first, others)),
                retries: Arc::new(Retries::new(name, world)),
            },
        }
    }

    /// The neighbour's name: `agents`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    async fn send(self, mut attempt: Attempt) -> Response<Body> {
        match self.place {
            Place::Local(slot) => match slot.get() {
                Some(stack) => stack.clone().handle(attempt.request).await,
                None => status(self.name, &PeerError::NotRunning(self.name)).into_http(),
            },
            Place::Remote { channels, retries } => {
                // Where all neighbours are behind one address, it says which one is meant.
                let name = HeaderValue::from_static(self.name);
                attempt.request.headers_mut().insert(keys::PEER, name);
                match retries.send(&channels, attempt).await {
                    Ok(response) => response,
                    Err(late) if is_late(&late) => deadline::passed().into_http(),
                    Err(source) => unreachable(self.name, source),
                }
            }
        }
    }
}

fn unreachable(name: &'static str, source: tonic::transport::Error) -> Response<Body> {
    tracing::warn!(peer = name, error = %chain(&source), "peer cannot be reached");
    status(name, &PeerError::Unreachable { name, source }).into_http()
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
        let policy = policy::find(request.uri().path());
        let measured = Measured::client(request.uri().path());
        let deadline = call_deadline(&mut request, policy, &context);
        if let Some(deadline) = deadline {
            deadline::put_timeout(&mut request, deadline);
        }
        pass_on(request.headers_mut(), &context);
        let call = self.clone().send(Attempt {
            request,
            policy,
            deadline,
        });
        Box::pin(async move {
            let response = deadline::bound(deadline, call).await;
            Ok(metrics::until_end(response, measured))
        })
    }
}

/// The earliest of: the running call's, what the client asked, the RPC's own longest.
fn call_deadline(
    request: &mut Request<Body>,
    policy: Option<Policy>,
    context: &CallContext,
) -> Option<Instant> {
    let now = Instant::now();
    let asked = deadline::take_timeout(request).map(|timeout| now + timeout);
    let longest = policy
        .and_then(Policy::longest)
        .map(|longest| now + longest);
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
