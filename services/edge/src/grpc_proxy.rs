//! Native gRPC and gRPC-web: passed on as the bytes they are, to the service that owns the RPC.

use std::convert::Infallible;

use anyhow::Result;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use t11_proto::FILE_DESCRIPTOR_SET;
use t11_proto::method::{self, Auth, MethodInfo};
use tonic::body::Body;
use tonic::service::Routes;
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};

use crate::app::App;
use crate::error::Error;
use crate::headers;
use crate::rest::error::Problem;

/// What a client may say to a service; all else ends here.
const PASSED: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::TE,
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-accept-encoding"),
    HeaderName::from_static("grpc-timeout"),
];

/// The four that tonic-web translates (PROTOCOL-WEB.md), and gRPC's own two.
const CONTENT_TYPES: [&str; 6] = [
    "application/grpc",
    "application/grpc+proto",
    "application/grpc-web",
    "application/grpc-web+proto",
    "application/grpc-web-text",
    "application/grpc-web-text+proto",
];

/// Answers RPCs at `/t11.<service>.v1.<Service>/<Method>`, reflection and health.
#[derive(Clone)]
pub(crate) struct GrpcDoor {
    app: App,
    /// Reflection of the public services, and the health of edge itself.
    own: axum::Router,
}

impl GrpcDoor {
    /// # Errors
    /// When the descriptors cannot be served.
    pub(crate) fn new(app: App) -> Result<Self> {
        let reflection = || {
            let services = public_services();
            services.into_iter().fold(
                tonic_reflection::server::Builder::configure()
                    .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET),
                tonic_reflection::server::Builder::with_service_name,
            )
        };
        let world = app.context.world.clone();
        let health = app.context.health.server(public_services(), world);
        let own = Routes::new(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?)
            .add_service(health);
        Ok(Self {
            app,
            own: own.into_axum_router(),
        })
    }

    /// Whether the path is one of an RPC: `/package.Service/Method`.
    pub(crate) fn takes(path: &str) -> bool {
        path.starts_with("/t11.") || path.starts_with("/grpc.")
    }

    /// Answers one call.
    pub(crate) async fn serve(self, request: Request) -> Response {
        if request.method() != Method::POST {
            return Problem::from(Error::MethodNotAllowed {
                allow: "POST".to_owned(),
            })
            .into_response();
        }
        if !has_known_type(request.headers()) {
            return Problem::from(Error::MediaType {
                expected: "application/grpc",
            })
            .into_response();
        }
        let mut door = GrpcWebLayer::new().layer(service_fn(move |request| {
            let door = self.clone();
            async move { Ok::<_, Infallible>(door.route(request).await) }
        }));
        match door.call(request).await {
            Ok(response) => response.map(axum::body::Body::new),
            Err(infallible) => match infallible {},
        }
    }

    async fn route(self, request: http::Request<Body>) -> http::Response<Body> {
        if request.uri().path().starts_with("/grpc.") {
            return match self.own.oneshot(request.map(axum::body::Body::new)).await {
                Ok(response) => response.map(Body::new),
                Err(infallible) => match infallible {},
            };
        }
        match forward(&self.app, request).await {
            Ok(response) => response,
            Err(problem) => problem.into_status().into_http(),
        }
    }
}

async fn forward(app: &App, request: http::Request<Body>) -> Result<http::Response<Body>, Problem> {
    let (parts, body) = request.into_parts();
    let method = public_method(parts.uri.path()).ok_or(Error::RpcUnknown)?;
    let admitted = app.admit(&parts, method, true).await?;
    let mut inner = http::Request::new(body);
    *inner.method_mut() = Method::POST;
    *inner.uri_mut() = http::Uri::from_static(method.path);
    *inner.version_mut() = http::Version::HTTP_2;
    *inner.headers_mut() = passed_on(&parts.headers);
    let mut peer = app.owner(method, &admitted);
    let context = admitted.context.clone();
    let mut response = match t11_grpc::in_context(context, async { peer.call(inner).await }).await {
        Ok(response) => response,
        Err(infallible) => match infallible {},
    };
    let cookies = app.session_cookies(response.headers(), &parts, &admitted);
    headers::strip_internal(response.headers_mut());
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut passed = HeaderMap::new();
    for name in PASSED {
        if let Some(value) = headers.get(&name) {
            passed.insert(name, value.clone());
        }
    }
    passed.insert(header::TE, HeaderValue::from_static("trailers"));
    passed
}

fn public_method(path: &str) -> Option<&'static MethodInfo> {
    method::find(path)
        .filter(|method| method.public && matches!(method.auth, Auth::Public | Auth::Caller))
}

fn public_services() -> Vec<String> {
    let mut names: Vec<String> = method::METHODS
        .iter()
        .filter(|method| public_method(method.path).is_some())
        .map(|method| method.service().to_owned())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn has_known_type(headers: &HeaderMap) -> bool {
    let given = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    given.is_some_and(|given| CONTENT_TYPES.contains(&given))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_rpcs_are_not_offered() {
        assert!(public_method("/t11.agents.v1.AgentService/GetAgent").is_some());
        assert!(public_method("/t11.jobs.v1.WorkerService/Exchange").is_none());
        assert!(public_method("/t11.accounts.v1.SessionService/IssueCallerToken").is_none());
        assert!(!public_services().contains(&"t11.jobs.v1.WorkerService".to_owned()));
    }
}
