#![doc = include_str!("../README.md")]

mod builder;
mod tls;

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response};
use t11_grpc::Peer;
use t11_proto::method::{self, MethodInfo};
use tonic::body::Body;
use tower::Service;

pub use builder::{BuildError, Builder};
pub use t11_core::{Fault, FaultKind};
pub use t11_grpc::RemoteFault;

/// gRPC's own: how long the caller will wait.
const TIMEOUT: &str = "grpc-timeout";
/// The longest that the header can say in milliseconds: eight digits.
const LONGEST_MS: u128 = 99_999_999;

/// The platform, as the generated clients call it: `AgentServiceClient::new(client)`. Clones share
/// connections and the budget of second tries.
#[derive(Clone)]
pub struct Client {
    peer: Peer,
    /// What every call says of its caller.
    credential: HeaderMap,
    deadline: Option<Duration>,
}

impl Client {
    /// A client of the platform at `endpoint`: `https://t11.example.com`, `http://127.0.0.1:8080`.
    pub fn builder(endpoint: impl Into<String>) -> Builder {
        Builder::new(endpoint.into())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl Service<Request<Body>> for Client {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.peer.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let is_endless = method::find(request.uri().path()).is_some_and(is_endless);
        let headers = request.headers_mut();
        for (name, value) in &self.credential {
            headers.insert(name, value.clone());
        }
        if let Some(deadline) = self.deadline
            && !is_endless
            && !headers.contains_key(TIMEOUT)
        {
            headers.insert(TIMEOUT, timeout(deadline));
        }
        self.peer.call(request)
    }
}

fn is_endless(method: &MethodInfo) -> bool {
    method.server_streaming && method.deadline_ms == 0
}

fn timeout(deadline: Duration) -> HeaderValue {
    let millis = deadline.as_millis().clamp(1, LONGEST_MS);
    // Digits and a letter are a header's value.
    HeaderValue::try_from(format!("{millis}m")).unwrap_or_else(|_| HeaderValue::from_static("1m"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_written_in_at_most_eight_digits() {
        assert_eq!(timeout(Duration::from_millis(1_500)), "1500m");
        assert_eq!(timeout(Duration::ZERO), "1m");
        assert_eq!(timeout(Duration::MAX), "99999999m");
    }
}
