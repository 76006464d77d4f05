//! `GET /_demo`: a page on which a newcomer plays the client and sees what becomes of the deal.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};

use crate::kommo::Site;

pub(crate) fn router() -> Router<Site> {
    const PAGE: &str = include_str!("demo/page.html");
    const SCRIPT: &str = include_str!("demo/page.js");
    const STYLE: &str = include_str!("demo/page.css");
    Router::new()
        .route("/_demo", get(|| async { asset("text/html", PAGE) }))
        .route(
            "/_demo/page.js",
            get(|| async { asset("text/javascript", SCRIPT) }),
        )
        .route(
            "/_demo/page.css",
            get(|| async { asset("text/css", STYLE) }),
        )
}

fn asset(kind: &str, body: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, format!("{kind}; charset=utf-8")),
        (CONTENT_SECURITY_POLICY, "default-src 'self'".to_owned()),
    ];
    (headers, body).into_response()
}
