//! REST ↔ gRPC by descriptor: no RPC is named here.

pub(crate) mod body;
pub(crate) mod error;
mod events;
mod json;
mod query;
mod raw;
mod request;
pub(crate) mod route;
pub(crate) mod template;
mod upload;

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, header};
use prost::Message as _;
use tonic::client::Grpc;

use crate::admission::Admitted;
use crate::app::App;
use crate::rest::error::Problem;
use crate::rest::raw::RawCodec;
use crate::rest::route::{Kind, Route};
use crate::rest::upload::Caps;

/// Answers one call under `/api`.
pub(crate) async fn serve(State(app): State<App>, request: Request) -> Response {
    match answer(&app, request).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn answer(app: &App, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let (route, path) = app.routes.find(&parts.method, parts.uri.path())?;
    let captured = route.template.capture(&path)?;
    let admitted = app
        .admit(&parts, route.info, !parts.method.is_safe())
        .await?;
    let context = admitted.context.clone();
    t11_grpc::in_context(
        context,
        call(app, route, &captured, &parts, body, &admitted),
    )
    .await
}

async fn call(
    app: &App,
    route: &Route,
    captured: &[(&[String], String)],
    parts: &Parts,
    body: Body,
    admitted: &Admitted,
) -> Result<Response, Problem> {
    let peer = app.owner(route.info, admitted);
    let idle = Duration::from_secs(app.config.body_idle_seconds);
    if let Kind::Upload(upload) = &route.kind {
        let caps = Caps {
            limit: app.config.max_upload_bytes,
            idle,
        };
        let answer = upload::send(peer, route, upload, parts, body, caps).await?;
        return respond(app, route, answer, parts, admitted);
    }
    request::check_headers(route, &parts.headers)?;
    let body = body::whole(body, app.config.max_body_bytes, idle).await?;
    let query = parts.uri.query().unwrap_or_default();
    let message = request::message(route, captured, query, &body)?;
    let message = Bytes::from(message.encode_to_vec());
    if matches!(route.kind, Kind::Events) {
        return events::send(peer, route, message).await;
    }
    let path = route.grpc_path.clone();
    let answer = Grpc::new(peer)
        .unary(tonic::Request::new(message), path, RawCodec)
        .await?;
    respond(app, route, answer, parts, admitted)
}

fn respond(
    app: &App,
    route: &Route,
    answer: tonic::Response<Bytes>,
    parts: &Parts,
    admitted: &Admitted,
) -> Result<Response, Problem> {
    let (metadata, message, _) = answer.into_parts();
    let json = json::write(&route.rpc.output(), message)?;
    let mut response = Response::new(Body::from(json));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for cookie in app.session_cookies(&metadata.into_headers(), parts, admitted) {
        headers.append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
