#![doc = include_str!("../README.md")]

mod admission;
mod app;
mod assets;
mod client;
mod config;
mod csrf;
mod descriptors;
mod docs;
mod error;
mod grpc_proxy;
mod headers;
mod health;
mod kommo_hooks;
mod kommo_oauth;
mod limits;
mod openai;
mod openapi;
mod rest;
mod session;
mod stream_end;

use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use futures::future::BoxFuture;
use http::{HeaderMap, StatusCode, header};
use t11_grpc::CallContext;
use t11_runtime::{Built, Context, Endings, Service};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::app::{App, Shared};
use crate::error::Error;
use crate::grpc_proxy::GrpcDoor;
use crate::rest::error::Problem;
use crate::session::Sessions;

pub use app::{DatabaseProbe, EdgeContext};
pub use config::{Config, Limits, Rate};

/// Longest path and query, in bytes.
const LONGEST_URL: usize = 8 * 1024;

/// The front door.
pub struct Edge;

impl Service for Edge {
    const NAME: &'static str = "edge";
    type Config = Config;

    async fn build(config: Config, context: &Context) -> Result<Built> {
        let (peers, databases) = (context.clone(), context.clone());
        let context = EdgeContext {
            peers: Arc::new(move |name| peers.peer(name)),
            signer: context.signer(),
            world: context.world(),
            databases: Arc::new(move || Box::pin(ping(databases.clone()))),
            redis: context.redis(),
            endings: Endings::new(context.bus()),
            health: context.health(),
            shutdown: context.shutdown(),
        };
        let front = front(config, context)?;
        Ok(Built::http(front.router).task("endings", front.hearing))
    }
}

async fn ping(context: Context) -> Vec<(String, bool)> {
    let mut answers = Vec::new();
    for (service, database) in context.databases() {
        let answer = database.ping().await;
        if let Err(error) = &answer {
            tracing::warn!(%service, %error, "a database does not answer");
        }
        answers.push((service, answer.is_ok()));
    }
    answers
}

/// What edge consists of.
pub struct Front {
    /// All that is served.
    pub router: Router,
    /// Hears whose sessions and keys have ended, until the process takes no more calls.
    pub hearing: BoxFuture<'static, ()>,
}

/// Makes edge.
///
/// # Errors
/// When the descriptors or a setting cannot be used.
pub fn front(config: Config, context: EdgeContext) -> Result<Front> {
    let shutdown = context.shutdown.clone();
    let app: App = Arc::new(Shared::new(config, context)?);
    let hearing = hear(app.sessions.clone(), app.context.endings.clone());
    Ok(Front {
        router: router(app)?,
        hearing: Box::pin(async move {
            shutdown.run_until_cancelled(hearing).await;
        }),
    })
}

async fn hear(sessions: Arc<Sessions>, endings: Endings) {
    let mut hearing = endings.hear().await;
    loop {
        sessions.end(hearing.next().await);
    }
}

fn router(app: App) -> Result<Router> {
    let door = GrpcDoor::new(app.clone())?;
    let elsewhere = move |State(app): State<App>, request: Request| {
        let door = door.clone();
        async move {
            if GrpcDoor::takes(request.uri().path()) {
                return door.serve(request).await;
            }
            let (parts, _body) = request.into_parts();
            app.assets
                .serve(&parts.method, parts.uri.path(), &parts.headers)
                .await
        }
    };
    let router = Router::new()
        .route("/api/health", get(health::summary))
        .route("/api/health/ready", get(health::ready))
        .route("/api/health/db", get(health::db))
        .route("/api/health/redis", get(health::redis))
        .route("/api/health/services", get(health::each_service))
        .route("/api/openapi.json", get(docs::openapi))
        .route("/api/docs", get(docs::page))
        .route("/api/docs/{part}", get(docs::part))
        .route("/api/{*path}", any(rest::serve))
        .merge(kommo_hooks::routes())
        .merge(kommo_oauth::routes())
        // Doors of later issues: closed, and not pages of the web client either.
        .route("/api", any(closed))
        .route("/hooks/{*path}", any(closed))
        .route("/bot/{*path}", any(closed))
        .merge(openai::routes())
        .method_not_allowed_fallback(only_get)
        .fallback(elsewhere)
        .layer(middleware::from_fn_with_state(app.clone(), outermost))
        .with_state(app);
    Ok(router)
}

async fn closed() -> Response {
    Problem::from(Error::PathUnknown).into_response()
}

async fn only_get() -> Response {
    Problem::from(Error::MethodNotAllowed {
        allow: "GET, HEAD".to_owned(),
    })
    .into_response()
}

/// Around every request: who the client is, under which id, and the headers of every answer.
async fn outermost(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let client = app.hops.client(&request);
    let secure = client.secure;
    let request_id = headers::request_id(request.headers(), &app.context.world);
    let context = CallContext {
        request_id: request_id.as_str().into(),
        client_address: client.address.map(|address| address.to_string().into()),
        client_agent: headers::user_agent(request.headers()).map(Into::into),
        ..CallContext::default()
    };
    headers::strip_internal(request.headers_mut());
    request.extensions_mut().insert(client);
    let origin = allowed_origin(&app, request.headers());
    let preflight = origin.is_some() && headers::is_preflight(request.method(), request.headers());

    let (door, started) = (door(request.uri().path()), Instant::now());

    // The query may hold what people typed, the path of a hook its secret: neither is logged.
    let span = tracing::info_span!(
        "http", otel.name = %request.method(), otel.kind = "server",
        method = %request.method(), path = kommo_hooks::shown_path(request.uri().path()), request_id,
        status = tracing::field::Empty, trace_id = tracing::field::Empty,
    );
    t11_grpc::continue_from(request.headers(), &span);
    let answer = async {
        let length = request
            .uri()
            .path_and_query()
            .map_or(0, |path| path.as_str().len());
        if length > LONGEST_URL {
            return Problem::from(Error::UrlTooLong { limit: LONGEST_URL }).into_response();
        }
        if preflight {
            return StatusCode::NO_CONTENT.into_response();
        }
        next.run(request).await
    };
    let mut response = t11_grpc::in_context(context, answer)
        .instrument(span.clone())
        .await;
    span.record("status", response.status().as_u16());
    count(door, response.status(), started);
    headers::finish(response.headers_mut(), &request_id, secure);
    if let Some(origin) = origin {
        headers::allow_origin(response.headers_mut(), &origin);
        if preflight {
            headers::preflight(response.headers_mut());
        }
    }
    response
}

/// Which way in a path takes, for metrics.
fn door(path: &str) -> &'static str {
    match path {
        path if GrpcDoor::takes(path) => "rpc",
        path if path.starts_with("/api") => "rest",
        path if path.starts_with("/v1/") => "openai",
        path if path.starts_with("/hooks/") || path.starts_with("/bot/") => "hook",
        _ => "web",
    }
}

/// The time is until the headers of the answer: a stream's body may take any time.
fn count(door: &'static str, status: StatusCode, started: Instant) {
    let labels = [
        ("door", door.to_owned()),
        ("status", status.as_u16().to_string()),
    ];
    metrics::counter!("t11_edge_requests_total", &labels).increment(1);
    metrics::histogram!("t11_edge_request_seconds", "door" => door)
        .record(started.elapsed().as_secs_f64());
}

fn allowed_origin(app: &Shared, headers: &HeaderMap) -> Option<http::HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let allowed = &app.config.allowed_origins;
    allowed
        .iter()
        .any(|allowed| allowed.as_bytes() == origin.as_bytes())
        .then(|| origin.clone())
}
