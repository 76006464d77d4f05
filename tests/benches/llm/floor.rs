//! The least that a gateway of this stack does: a key is looked up, the request is read, passed on by
//! a pooled client, and the answer looked through for usage and errors. Nothing is kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use axum::serve::ListenerExt as _;
use futures::StreamExt as _;
use http::{HeaderMap, StatusCode, header};
use tokio::net::TcpListener;

use super::{Bench, process};

/// The key that is let in, among so many.
pub(crate) const KEY: &str = "sk-floor-0000";
const KEYS: usize = 10_001;

#[derive(serde::Deserialize)]
struct Asked {
    model: String,
    #[serde(default)]
    stream: bool,
}

struct Floor {
    keys: HashMap<String, usize>,
    http: reqwest::Client,
    upstream: String,
    calls: AtomicU64,
    seen: AtomicU64,
}

pub(crate) async fn serve(upstream: &str) -> Bench<()> {
    let floor = Floor {
        keys: (0..KEYS)
            .map(|number| (format!("sk-floor-{number:04}"), number))
            .collect(),
        http: reqwest::Client::builder()
            .tcp_nodelay(true)
            .no_proxy()
            .build()?,
        upstream: format!("http://{upstream}/v1/chat/completions"),
        calls: AtomicU64::default(),
        seen: AtomicU64::default(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    process::say_address(listener.local_addr()?)?;
    let listener = listener.tap_io(|connection| {
        // Without it the bench itself would show it.
        let _ = connection.set_nodelay(true);
    });
    let routes = Router::new()
        .route("/v1/chat/completions", post(relay))
        .with_state(Arc::new(floor));
    Ok(axum::serve(listener, routes).await?)
}

async fn relay(
    State(floor): State<Arc<Floor>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, StatusCode> {
    let key = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let key = key.and_then(|value| value.strip_prefix("Bearer "));
    if !key.is_some_and(|key| floor.keys.contains_key(key)) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let asked: Asked = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    floor
        .calls
        .fetch_add(asked.model.len() as u64, Ordering::Relaxed);
    let request = floor.http.post(&floor.upstream);
    let request = request
        .header(header::CONTENT_TYPE, "application/json")
        .body(body);
    let answer = request.send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    let (body, kind) = if asked.stream {
        let floor = floor.clone();
        let events = answer.bytes_stream().inspect(move |bytes| {
            bytes.iter().for_each(|bytes| look_through(&floor, bytes));
        });
        (Body::from_stream(events), "text/event-stream")
    } else {
        let bytes = answer.bytes().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
        look_through(&floor, &bytes);
        (Body::from(bytes), "application/json")
    };
    Response::builder()
        .header(header::CONTENT_TYPE, kind)
        .body(body)
        .map_err(|_| StatusCode::BAD_GATEWAY)
}

fn look_through(floor: &Floor, bytes: &[u8]) {
    let has = |text: &[u8]| u64::from(memchr::memmem::find(bytes, text).is_some());
    floor
        .seen
        .fetch_add(has(b"\"usage\"") + has(b"\"error\""), Ordering::Relaxed);
}
