//! Routes, refusals, and the playing of scripts.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State as Shared};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::script::{Script, Step};
use super::{CHAT_MODEL, EMBEDDING_MODEL, Received, State, honest, vectors};

pub(super) const CHAT: &str = "POST /chat/completions";
const EMBEDDINGS: &str = "POST /embeddings";
const MODELS: &str = "GET /models";
const GENERATION: &str = "GET /generation";
const KEY: &str = "GET /key";

pub(super) async fn serve(listener: TcpListener, state: Arc<State>) {
    let routes = Router::new()
        .route("/chat/completions", post(complete))
        .route("/embeddings", post(embed))
        .route("/models", get(models))
        .route("/generation", get(generation))
        .route("/key", get(key))
        .with_state(state);
    let router = Router::new()
        .nest("/api/v1", routes.clone())
        .nest("/v1", routes);
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    // Ends only with the task.
    drop(axum::serve(listener, router).await);
}

async fn complete(Shared(state): Shared<Arc<State>>, headers: HeaderMap, body: Bytes) -> Response {
    let attention = state.receive(CHAT, &headers, &body);
    if let Some(script) = state.next_script() {
        return play(script, attention).await;
    }
    let answer = state.authorized(&headers).and_then(|()| {
        let request = read(&body)?;
        honest::check(&request)?;
        Ok(honest::answer(&request))
    });
    play(answer.unwrap_or_else(|refusal| refusal), attention).await
}

async fn embed(Shared(state): Shared<Arc<State>>, headers: HeaderMap, body: Bytes) -> Response {
    let attention = state.receive(EMBEDDINGS, &headers, &body);
    if let Some(script) = state.next_script() {
        return play(script, attention).await;
    }
    let answer = state
        .authorized(&headers)
        .and_then(|()| vectors::answer(&read(&body)?));
    play(answer.unwrap_or_else(|refusal| refusal), attention).await
}

async fn models(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    let attention = state.receive(MODELS, &headers, b"");
    let answer = state.authorized(&headers).map(|()| {
        let Value::Array(mut list) = catalogue() else {
            return Script::refuse(500, "no catalogue");
        };
        list.extend(state.models.lock().iter().cloned());
        let list = json!({ "data": list }).to_string();
        Script::plain(200, "application/json", list)
    });
    play(answer.unwrap_or_else(|refusal| refusal), attention).await
}

async fn generation(
    Shared(state): Shared<Arc<State>>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let attention = state.receive(GENERATION, &headers, b"");
    let bill = query
        .get("id")
        .and_then(|id| state.bills.lock().get(id).cloned());
    let answer = state.authorized(&headers).map(|()| match bill {
        Some(bill) => {
            let body = json!({ "data": bill }).to_string();
            Script::plain(200, "application/json", body)
        }
        // As the real one for a while after the call.
        None => Script::refuse(404, "Generation not found"),
    });
    play(answer.unwrap_or_else(|refusal| refusal), attention).await
}

async fn key(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    let attention = state.receive(KEY, &headers, b"");
    let answer = state.authorized(&headers).map(|()| {
        let account = bearer(&headers).and_then(|key| state.accounts.lock().get(key).cloned());
        let account = account.unwrap_or_else(
            || json!({"label": "test", "usage": 0, "limit": null, "limit_remaining": null}),
        );
        let body = json!({ "data": account }).to_string();
        Script::plain(200, "application/json", body)
    });
    play(answer.unwrap_or_else(|refusal| refusal), attention).await
}

fn catalogue() -> Value {
    json!([
        {
            "id": CHAT_MODEL,
            "name": "OpenAI: GPT-4o-mini",
            "context_length": 128_000,
            "pricing": {"prompt": "0.00000015", "completion": "0.0000006", "request": "0"},
            "supported_parameters": ["max_tokens", "response_format", "structured_outputs", "tools"],
            "architecture": {"input_modalities": ["text", "image"]},
        },
        {
            "id": "openrouter/auto",
            "name": "Auto Router",
            "context_length": 2_000_000,
            "pricing": {"prompt": "-1", "completion": "-1"},
            "supported_parameters": ["max_tokens"],
        },
        {
            "id": EMBEDDING_MODEL,
            "name": "OpenAI: Text Embedding 3 Small",
            "context_length": 8_192,
            "pricing": {"prompt": "0.00000002", "completion": "0"},
            "supported_parameters": [],
        },
    ])
}

fn read(body: &[u8]) -> Result<Value, Script> {
    serde_json::from_slice(body).map_err(|_| Script::refuse(400, "the body is not JSON"))
}

impl State {
    fn receive(
        self: &Arc<Self>,
        route: &'static str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Attention {
        let body = serde_json::from_slice(body).unwrap_or_default();
        self.received.lock().push(Received {
            route,
            headers: headers.clone(),
            body,
        });
        self.arrived.send_modify(|arrived| *arrived += 1);
        Attention {
            state: self.clone(),
            answered: false,
        }
    }

    fn next_script(&self) -> Option<Script> {
        self.scripts.lock().pop_front()
    }

    fn authorized(&self, headers: &HeaderMap) -> Result<(), Script> {
        let keys = self.keys.lock();
        let is_known = |key: &str| keys.iter().any(|known| known == key);
        if keys.is_empty() || bearer(headers).is_some_and(is_known) {
            Ok(())
        } else {
            Err(Script::refuse(401, "No auth credentials found"))
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ")
}

/// Notices when a client leaves before its answer's end: hyper then drops the body.
struct Attention {
    state: Arc<State>,
    answered: bool,
}

impl Drop for Attention {
    fn drop(&mut self) {
        if !self.answered {
            self.state.left.lock().push(Instant::now());
            self.state
                .cancelled
                .send_modify(|cancelled| *cancelled += 1);
        }
    }
}

async fn play(script: Script, mut attention: Attention) -> Response {
    if script.mute {
        let never: Infallible = std::future::pending().await;
        match never {}
    }
    let Ok(status) = StatusCode::from_u16(script.status) else {
        attention.answered = true;
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = Response::builder().status(status);
    for (name, value) in &script.headers {
        response = response.header(name, value);
    }
    let streams = script.headers.iter().any(|(name, value)| {
        name == CONTENT_TYPE.as_str() && value.starts_with("text/event-stream")
    });
    let body = match whole(&script.steps) {
        Some(whole) if !streams => {
            attention.answered = true;
            Body::from(whole)
        }
        _ => Body::from_stream(futures::stream::unfold(
            (script.steps, attention),
            next_write,
        )),
    };
    response
        .body(body)
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// All that the steps write, when they only write.
fn whole(steps: &VecDeque<Step>) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    for step in steps {
        match step {
            Step::Send(bytes) => whole.extend_from_slice(bytes),
            Step::Pause(_) | Step::Hold | Step::Disconnect => return None,
        }
    }
    Some(whole)
}

type Playing = (VecDeque<Step>, Attention);

async fn next_write((mut steps, mut attention): Playing) -> Option<(io::Result<Bytes>, Playing)> {
    loop {
        let Some(step) = steps.pop_front() else {
            attention.answered = true;
            return None;
        };
        match step {
            Step::Send(bytes) => {
                // Lets hyper write what it has before it is given more.
                tokio::task::yield_now().await;
                return Some((Ok(bytes), (steps, attention)));
            }
            Step::Pause(time) => tokio::time::sleep(time).await,
            Step::Hold => std::future::pending().await,
            Step::Disconnect => {
                attention.answered = true;
                // What was written before must arrive before the break does.
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                let error = io::Error::from(io::ErrorKind::ConnectionReset);
                return Some((Err(error), (steps, attention)));
            }
        }
    }
}
