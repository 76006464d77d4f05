//! Fetching pages from a server on this machine, which only the tests' exemption allows.

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use t11_agents::knowledge::Rejection;
use t11_agents::knowledge::fetch::{Fetcher, Outcome};
use t11_agents::knowledge::sniff::DocumentType;
use tokio::net::TcpListener;

/// Answers like sites do; gives its address.
async fn site() -> String {
    let router = Router::new()
        .route(
            "/page",
            get(|| async {
                (
                    [(header::ETAG, "\"1\"")],
                    axum::response::Html("<p>привет</p>"),
                )
            }),
        )
        .route("/conditional", get(conditional))
        .route("/to-page", get(|| async { Redirect::temporary("/page") }))
        .route(
            "/inside",
            get(|| async { Redirect::temporary("http://169.254.169.254/latest/meta-data/") }),
        )
        .route(
            "/file",
            get(|| async { Redirect::permanent("file:///etc/passwd") }),
        )
        .route("/circle", get(|| async { Redirect::temporary("/circle") }))
        .route("/gone", get(|| async { StatusCode::GONE }))
        .route("/forbidden", get(|| async { StatusCode::FORBIDDEN }))
        .route(
            "/image",
            get(|| async { ([(header::CONTENT_TYPE, "image/png")], "x") }),
        )
        .route("/announced", get(|| async { vec![b'x'; 11 << 20] }))
        .route("/endless", get(endless));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn conditional(headers: HeaderMap) -> Response {
    match headers.get(header::IF_NONE_MATCH) {
        Some(etag) if etag == "\"7\"" => StatusCode::NOT_MODIFIED.into_response(),
        _ => (
            [
                (header::CONTENT_TYPE, "text/plain"),
                (header::ETAG, "\"7\""),
            ],
            "text",
        )
            .into_response(),
    }
}

async fn endless() -> Response {
    let piece = Ok::<_, std::io::Error>(vec![b'x'; 64 << 10]);
    let stream = futures::stream::repeat_with(move || {
        piece
            .as_ref()
            .map(Clone::clone)
            .map_err(|_| std::io::Error::other(""))
    });
    let mut response = Response::new(axum::body::Body::from_stream(stream));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/html"),
    );
    response
}

fn fetcher(hosts: Vec<String>) -> Fetcher {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Fetcher::new(hosts).unwrap()
}

#[tokio::test]
async fn pages_are_fetched_through_redirects() {
    let site = site().await;
    let fetcher = fetcher(vec![site.clone()]);
    let Outcome::Fetched(page) = fetcher
        .fetch(&format!("http://{site}/to-page"), None)
        .await
        .unwrap()
    else {
        panic!("not fetched");
    };
    assert_eq!(page.url.as_str(), format!("http://{site}/page"));
    assert_eq!(
        (page.document_type, page.charset.as_deref()),
        (DocumentType::Html, Some("utf-8"))
    );
    assert_eq!(
        (page.etag.as_deref(), page.bytes.as_slice()),
        (Some("\"1\""), "<p>привет</p>".as_bytes())
    );
}

#[tokio::test]
async fn what_did_not_change_is_not_fetched_again() {
    let site = site().await;
    let fetcher = fetcher(vec![site.clone()]);
    let url = format!("http://{site}/conditional");
    assert_eq!(
        fetcher.fetch(&url, Some("\"7\"")).await,
        Ok(Outcome::NotModified)
    );
    assert!(matches!(
        fetcher.fetch(&url, Some("\"6\"")).await,
        Ok(Outcome::Fetched(_))
    ));
}

#[tokio::test]
async fn refusals_have_reasons() {
    let site = site().await;
    let fetcher = fetcher(vec![site.clone(), "127.0.0.1:1".into()]);
    for (path, reason) in [
        ("/inside", Rejection::FetchDenied),
        ("/file", Rejection::FetchDenied),
        ("/circle", Rejection::FetchFailed),
        ("/gone", Rejection::NotFound),
        ("/missing", Rejection::NotFound),
        ("/forbidden", Rejection::FetchFailed),
        ("/image", Rejection::TypeUnsupported),
        ("/announced", Rejection::TooBig),
        ("/endless", Rejection::TooBig),
    ] {
        assert_eq!(
            fetcher.fetch(&format!("http://{site}{path}"), None).await,
            Err(reason),
            "{path}"
        );
    }
    assert_eq!(
        fetcher.fetch("http://127.0.0.1:1/", None).await,
        Err(Rejection::FetchFailed)
    );
    assert_eq!(
        fetcher.fetch("not a url", None).await,
        Err(Rejection::FetchDenied)
    );
}

#[tokio::test]
async fn without_the_exemption_this_machine_is_out_of_reach() {
    let site = site().await;
    let denied = fetcher(Vec::new())
        .fetch(&format!("http://{site}/page"), None)
        .await;
    assert_eq!(denied, Err(Rejection::FetchDenied));
}
