//! A fake with one app that has access, and a receiver of what it sends.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use t11_fake_kommo::{Account, FakeKommo, FakeKommoOptions, Integration};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

pub(crate) const CLIENT_ID: &str = "11111111-2222-3333-4444-555555555555";
pub(crate) const NOW: i64 = 1_760_000_000;
/// People of `acme`: the first is its administrator.
pub(crate) const ADMIN: i64 = 900;
pub(crate) const IVAN: i64 = 901;

/// A fake at a standing clock, and an app in its account.
pub(crate) struct Setting {
    pub(crate) kommo: FakeKommo,
    pub(crate) account: Account,
    pub(crate) http: Client,
    pub(crate) token: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    /// The body of an answer with this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// The first violation of a refusal: its code and path.
    #[track_caller]
    pub(crate) fn violation(self) -> (String, String) {
        let body = self.is(400);
        let error = &body["validation-errors"][0]["errors"][0];
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (text("code"), text("path"))
    }
}

pub(crate) fn http() -> Client {
    static PROVIDER: Once = Once::new();
    // The only provider of TLS the workspace links; nothing here speaks it.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap()
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type");
    let content_type = content_type.map(|value| value.to_str().unwrap().to_owned());
    let text = response.text().await.unwrap();
    Answer {
        status,
        content_type: content_type.unwrap_or_default(),
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
        text,
    }
}

impl Setting {
    pub(crate) async fn new() -> Self {
        Self::with(Integration::new("http://127.0.0.1:1/callback")).await
    }

    pub(crate) async fn with(integration: Integration) -> Self {
        let options = FakeKommoOptions::with(integration);
        Self::start(options.frozen_at(NOW).unlimited()).await
    }

    pub(crate) async fn start(options: FakeKommoOptions) -> Self {
        let kommo = FakeKommo::start(options).await.unwrap();
        let account = kommo.account();
        let token = account.long_lived_token(CLIENT_ID, 30).unwrap();
        Self {
            kommo,
            account,
            http: http(),
            token,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.account.base_url())
    }

    pub(crate) fn api(&self, path: &str) -> String {
        self.url(&format!("/api/v4{path}"))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.http.get(self.api(path)).bearer_auth(&self.token)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        let request = self.http.post(self.api(path)).bearer_auth(&self.token);
        send(request.json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        let request = self.http.patch(self.api(path)).bearer_auth(&self.token);
        send(request.json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str, body: Value) -> Answer {
        let request = self.http.delete(self.api(path)).bearer_auth(&self.token);
        send(request.json(&body)).await
    }

    /// Subscribes a receiver to these events.
    pub(crate) async fn subscribe(&self, receiver: &Receiver, settings: &[&str]) {
        let body = json!({"destination": receiver.url("/hook/"), "settings": settings});
        self.post("/webhooks", body).await.is(201);
    }

    /// The id of a lead made through the API.
    pub(crate) async fn lead(&self, lead: Value) -> i64 {
        let made = self.post("/leads", json!([lead])).await.is(200);
        made["_embedded"]["leads"][0]["id"].as_i64().unwrap()
    }
}

/// One request a receiver got.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) method: Method,
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Got {
    /// The value of a form's key.
    pub(crate) fn field(&self, key: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.body.as_bytes());
        pairs
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.into_owned())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Default)]
struct Received {
    got: Vec<Got>,
    /// Answers to come, before 200.
    statuses: VecDeque<u16>,
    /// Answers to everything, when set.
    always: Option<u16>,
    delay: Duration,
}

/// Somebody who is told: `POST`s are kept, the rest answers 200.
pub(crate) struct Receiver {
    base: String,
    received: Arc<Mutex<Received>>,
    _server: AbortOnDropHandle<()>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Received::default()));
        let router = Router::new().fallback(receive).with_state(received.clone());
        let server = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Self {
            base,
            received,
            _server: AbortOnDropHandle::new(server),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Answers the next requests so.
    pub(crate) fn answer(&self, statuses: &[u16]) {
        self.received.lock().unwrap().statuses.extend(statuses);
    }

    /// Answers everything so.
    pub(crate) fn always(&self, status: u16) {
        self.received.lock().unwrap().always = Some(status);
    }

    /// Waits this long before it answers.
    pub(crate) fn delay(&self, delay: Duration) {
        self.received.lock().unwrap().delay = delay;
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.received.lock().unwrap().got.clone()
    }

    pub(crate) fn clear(&self) {
        self.received.lock().unwrap().got.clear();
    }
}

async fn receive(
    State(received): State<Arc<Mutex<Received>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let is_probe = method == Method::HEAD || (method == Method::GET && uri.query().is_none());
    let (status, delay) = {
        let mut received = received.lock().unwrap();
        let status = received.always.unwrap_or_else(|| {
            let next = (!is_probe).then(|| received.statuses.pop_front()).flatten();
            next.unwrap_or(200)
        });
        if !is_probe {
            received.got.push(Got {
                method,
                uri: uri.to_string(),
                headers,
                body: String::from_utf8(body.to_vec()).unwrap(),
            });
        }
        (status, received.delay)
    };
    tokio::time::sleep(delay).await;
    StatusCode::from_u16(status).unwrap()
}
