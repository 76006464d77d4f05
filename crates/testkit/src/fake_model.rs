//! A model server on the wire: OpenRouter's API as far as the platform uses it.
//!
//! Unscripted, it answers honestly: it refuses what the real one refuses, and otherwise answers
//! from the `<passage>` blocks of the prompt, in the shape asked for, in small pieces. A [`Script`]
//! makes one request go another way.
//!
//! ```no_run
//! # async fn example() {
//! use t11_testkit::fake_model::{FakeModel, Script};
//!
//! let model = FakeModel::start().await;
//! model.script(Script::refuse(429, "slow down").header("retry-after", "2"));
//! model.script(Script::stream().text("Дос").text("тавка").disconnect());
//! // … point a client at `model.base_url()` …
//! assert_eq!(model.completions().len(), 2);
//! # }
//! ```

mod honest;
mod script;
mod server;
mod shape;
mod vectors;

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

pub use self::script::Script;

/// The model that completes; with prices.
pub const CHAT_MODEL: &str = "openai/gpt-4o-mini";
/// The model that makes vectors.
pub const EMBEDDING_MODEL: &str = "openai/text-embedding-3-small";

/// A running server. Stops listening when dropped.
pub struct FakeModel {
    address: SocketAddr,
    state: Arc<State>,
    _server: AbortOnDropHandle<()>,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// `POST /chat/completions`.
    pub route: &'static str,
    pub headers: http::HeaderMap,
    /// Null when there was none, or none that is JSON.
    pub body: Value,
}

impl Received {
    /// The text of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

struct State {
    /// One of them must be carried; none = no key is needed.
    keys: Mutex<Vec<String>>,
    /// What is told of a key, by `GET /key`.
    accounts: Mutex<BTreeMap<String, Value>>,
    scripts: Mutex<VecDeque<Script>>,
    received: Mutex<Vec<Received>>,
    /// Requests whose client left before the answer's end.
    cancelled: watch::Sender<usize>,
    /// When they were noticed to have left.
    left: Mutex<Vec<Instant>>,
    /// What calls came to, by their ids.
    bills: Mutex<BTreeMap<String, Value>>,
    /// Models listed besides its own.
    models: Mutex<Vec<Value>>,
    arrived: watch::Sender<usize>,
}

impl FakeModel {
    /// Starts a server on a free port of the loopback address.
    ///
    /// # Panics
    /// When there is no free port.
    #[expect(clippy::expect_used, reason = "a test without its server must fail")]
    #[expect(clippy::unused_async, reason = "must run inside a runtime")]
    pub async fn start() -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener
            .set_nonblocking(true)
            .expect("a socket that does not block");
        let listener = TcpListener::from_std(listener).expect("a runtime");
        let address = listener.local_addr().expect("the address of a listener");
        let state = Arc::new(State {
            keys: Mutex::default(),
            accounts: Mutex::default(),
            scripts: Mutex::default(),
            received: Mutex::default(),
            cancelled: watch::Sender::new(0),
            left: Mutex::default(),
            bills: Mutex::default(),
            models: Mutex::default(),
            arrived: watch::Sender::new(0),
        });
        #[expect(
            clippy::disallowed_methods,
            reason = "aborted when the server is dropped"
        )]
        let server = tokio::spawn(server::serve(listener, state.clone()));
        Self {
            address,
            state,
            _server: AbortOnDropHandle::new(server),
        }
    }

    /// What a client is configured with; `/chat/completions` follows.
    pub fn base_url(&self) -> String {
        format!("http://{}/api/v1", self.address)
    }

    /// From now on every request must carry `Authorization: Bearer <key>` with this key, or another
    /// one that was required.
    pub fn require_key(&self, key: &str) {
        self.state.keys.lock().push(key.to_owned());
    }

    /// From now on tells this of a key: the data of `GET /key`.
    pub fn account(&self, key: &str, account: Value) {
        self.state.accounts.lock().insert(key.to_owned(), account);
    }

    /// Answers the next completion or embedding that has no script yet with this one.
    pub fn script(&self, script: Script) {
        self.state.scripts.lock().push_back(script);
    }

    /// Lists this model too: an object of `GET /models`.
    pub fn offer(&self, model: Value) {
        self.state.models.lock().push(model);
    }

    /// From now on knows what the call with this id came to: an object of `GET /generation`.
    pub fn bill(&self, generation: &str, bill: Value) {
        self.state.bills.lock().insert(generation.to_owned(), bill);
    }

    /// Every request so far, refused ones too.
    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().clone()
    }

    /// The bodies of the requests for completions so far.
    pub fn completions(&self) -> Vec<Value> {
        let received = self.received().into_iter();
        received
            .filter(|one| one.route == server::CHAT)
            .map(|one| one.body)
            .collect()
    }

    /// How many requests were left by their client before the answer's end.
    pub fn cancelled(&self) -> usize {
        *self.state.cancelled.borrow()
    }

    /// When each of them was noticed to have been left.
    pub fn left_at(&self) -> Vec<Instant> {
        self.state.left.lock().clone()
    }

    /// Waits until that many requests were left by their client.
    pub async fn until_cancelled(&self, count: usize) {
        // The sender lives as long as `self`.
        drop(
            self.state
                .cancelled
                .subscribe()
                .wait_for(|cancelled| *cancelled >= count)
                .await,
        );
    }

    /// Waits until that many requests have come.
    pub async fn until_received(&self, count: usize) {
        drop(
            self.state
                .arrived
                .subscribe()
                .wait_for(|arrived| *arrived >= count)
                .await,
        );
    }
}
