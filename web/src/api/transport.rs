//! gRPC-web over fetch to the page's own origin. The session travels as a cookie that scripts
//! cannot read; the CSRF cookie, which they can, is echoed in a header (double submit).

use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Request};
use tonic::body::Body;
use tonic_web_wasm_client::Client;
use tonic_web_wasm_client::options::{Credentials, FetchOptions};
use tower::Service;

use crate::browser;

const CSRF_COOKIE: &str = "t11_csrf";
pub(super) const CSRF_HEADER: &str = "x-t11-csrf";
/// Longer than any deadline of a unary RPC that screens call.
const UNARY_TIMEOUT: Duration = Duration::from_secs(40);

#[derive(Clone)]
pub(super) struct Transport(Client);

impl Transport {
    /// For calls with one answer.
    pub(super) fn unary() -> Self {
        Self::new(FetchOptions::new().timeout(UNARY_TIMEOUT))
    }

    /// For server streams: no limit of time; dropping the stream aborts the fetch.
    pub(super) fn streaming() -> Self {
        Self::new(FetchOptions::new())
    }

    fn new(options: FetchOptions) -> Self {
        let options = options.credentials(Credentials::SameOrigin);
        Self(Client::new_with_options(browser::origin(), options))
    }
}

impl Service<Request<Body>> for Transport {
    type Response = <Client as Service<Request<Body>>>::Response;
    type Error = <Client as Service<Request<Body>>>::Error;
    type Future = <Client as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let token = csrf_token().and_then(|token| HeaderValue::from_str(&token).ok());
        if let Some(token) = token {
            request.headers_mut().insert(CSRF_HEADER, token);
        }
        self.0.call(request)
    }
}

/// The token of the CSRF cookie, once edge has set it.
pub(super) fn csrf_token() -> Option<String> {
    browser::cookie(CSRF_COOKIE)
}
