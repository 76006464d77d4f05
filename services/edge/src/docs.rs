//! The page that shows `/api/openapi.json` to people. Its files are part of the binary.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};

use crate::app::App;
use crate::error::Error;
use crate::rest::error::Problem;

const PAGE: &str = include_str!("../docs/index.html");
const SCRIPT: &str = include_str!("../docs/docs.js");
const STYLE: &str = include_str!("../docs/docs.css");

pub(crate) async fn page() -> Response {
    file(PAGE, "text/html; charset=utf-8")
}

pub(crate) async fn part(Path(name): Path<String>) -> Response {
    match name.as_str() {
        "docs.js" => file(SCRIPT, "text/javascript; charset=utf-8"),
        "docs.css" => file(STYLE, "text/css; charset=utf-8"),
        _ => Problem::from(Error::PathUnknown).into_response(),
    }
}

/// The OpenAPI document.
pub(crate) async fn openapi(State(app): State<App>) -> Response {
    file(app.openapi.clone(), "application/json")
}

fn file(body: impl Into<axum::body::Body>, content_type: &'static str) -> Response {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
