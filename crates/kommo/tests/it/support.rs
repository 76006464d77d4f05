//! What the tests share.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use std::sync::Arc;
use t11_fake_kommo::{Account, FakeKommo, FakeKommoOptions, Integration as App};
use t11_kommo::oauth::{Callback, Grant, Tokens};
use t11_kommo::pace::{Budget, Meter};
use t11_kommo::{AccountHost, Client, Error, Hosts, Http, Integration, OAuth, Pace, Patience};
use tokio::time::Instant;

/// Where the app of the tests is registered.
pub(crate) const REDIRECT_URI: &str = "http://127.0.0.1:8080/api/kommo/callback";

/// Counts nothing.
struct Unlimited;

#[async_trait]
impl Meter for Unlimited {
    async fn count(&self, _: Budget<'_>) -> Result<(), Duration> {
        Ok(())
    }
}

/// Lets a call pass this often, whoever's it is.
#[derive(Default)]
pub(crate) struct Spaced {
    every: Duration,
    next: Mutex<HashMap<String, Instant>>,
}

impl Spaced {
    /// `per_second` from our address; accounts are not limited.
    pub(crate) fn new(per_second: u32) -> Arc<Self> {
        Arc::new(Self {
            every: Duration::from_secs(1) / per_second,
            next: Mutex::default(),
        })
    }
}

#[async_trait]
impl Meter for Spaced {
    async fn count(&self, budget: Budget<'_>) -> Result<(), Duration> {
        if budget != Budget::Address {
            return Ok(());
        }
        let mut next = self.next.lock();
        let now = Instant::now();
        let slot = next.entry("address".to_owned()).or_insert(now);
        if *slot > now {
            return Err(*slot - now);
        }
        *slot = now + self.every;
        Ok(())
    }
}

pub(crate) fn pace() -> Pace {
    Pace::new(Arc::new(Unlimited))
}

/// Connections to these hosts, with little patience.
pub(crate) fn http(hosts: &[String]) -> Http {
    // Installed by the first test that comes.
    drop(rustls::crypto::ring::default_provider().install_default());
    let hosts = Hosts::with_test_hosts(hosts, false).unwrap();
    let patience = Patience {
        request: Duration::from_millis(1_500),
        tokens: Duration::from_millis(1_500),
        file: Duration::from_millis(1_500),
        ..Patience::default()
    };
    Http::with_patience(hosts, patience).unwrap()
}

/// A client of one server.
pub(crate) fn client(host: &str) -> Client {
    client_with(&http(&[host.to_owned()]), &pace(), host)
}

pub(crate) fn client_with(http: &Http, pace: &Pace, host: &str) -> Client {
    let host = http.hosts().account(host).unwrap();
    Client::new(http, pace, host, "access-token".into())
}

/// The stand-in of Kommo with the app of the tests.
pub(crate) async fn kommo() -> FakeKommo {
    let options = FakeKommoOptions::with(App::new(REDIRECT_URI)).unlimited();
    FakeKommo::start(options).await.unwrap()
}

pub(crate) fn app() -> Integration {
    let app = App::new(REDIRECT_URI);
    Integration {
        client_id: app.client_id.parse().unwrap(),
        client_secret: app.client_secret.into(),
        redirect_uri: app.redirect_uri.parse().unwrap(),
    }
}

pub(crate) fn http_of(kommo: &FakeKommo) -> Http {
    let hosts: Vec<String> = kommo.hosts().split(',').map(str::to_owned).collect();
    http(&hosts)
}

pub(crate) fn host_of(http: &Http, account: &Account) -> AccountHost {
    http.hosts().account(&account.host()).unwrap()
}

/// Consents as the person at the authorize page would, and takes what comes back.
pub(crate) async fn consent(kommo: &FakeKommo, http: &Http) -> Callback {
    let base = kommo.oauth_url().parse().unwrap();
    let mode = t11_kommo::oauth::Mode::PostMessage;
    let url = t11_kommo::oauth::authorize_url(&base, app().client_id, "state-1", mode);
    let browser = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let answer = browser.get(url).send().await.unwrap();
    let location = answer.headers()["location"].to_str().unwrap();
    let (address, query) = location.split_once('?').unwrap();
    assert_eq!(address, REDIRECT_URI);
    Callback::parse(http.hosts(), query).unwrap()
}

pub(crate) async fn grant(kommo: &FakeKommo, http: &Http) -> Grant {
    match consent(kommo, http).await {
        Callback::Granted(grant) => grant,
        Callback::Declined { .. } => panic!("declined"),
    }
}

/// A connected account: its client, and what its tokens are bought with.
pub(crate) struct Connected {
    pub(crate) http: Http,
    pub(crate) pace: Pace,
    pub(crate) oauth: OAuth,
    pub(crate) tokens: Tokens,
    pub(crate) client: Client,
}

pub(crate) async fn connect(kommo: &FakeKommo) -> Connected {
    connect_paced(kommo, pace()).await
}

pub(crate) async fn connect_paced(kommo: &FakeKommo, pace: Pace) -> Connected {
    let http = http_of(kommo);
    let oauth = OAuth::new(&http, &pace, app());
    let grant = grant(kommo, &http).await;
    let tokens = oauth.exchange(&grant.host, &grant.code).await.unwrap();
    let client = Client::new(&http, &pace, grant.host, tokens.access_token.clone());
    Connected {
        http,
        pace,
        oauth,
        tokens,
        client,
    }
}

/// The error of a call that must fail.
pub(crate) fn failed<T>(outcome: Result<T, Error>) -> Error {
    outcome.err().expect("the call fails")
}
