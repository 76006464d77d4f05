//! Session cookies, session tokens and API keys, and the caller tokens they are exchanged for.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, HeaderValue, header};
use prost_types::Timestamp;
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use t11_core::{OrgId, World};
use t11_grpc::{Peer, Signer, keys};
use t11_proto::accounts::v1::api_key_service_client::ApiKeyServiceClient;
use t11_proto::accounts::v1::session_service_client::SessionServiceClient;
use t11_proto::accounts::v1::{ExchangeApiKeyRequest, IssueCallerTokenRequest};
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::Status;

use crate::client::Client;
use crate::config::Config;

/// Readable by our pages' scripts, which repeat it in a header.
pub(crate) const CSRF_COOKIE: &str = "t11_csrf";
/// Longest believed token; a session token is 43 characters, an API key not much more.
const LONGEST_TOKEN: usize = 512;
/// How every API key begins.
const KEY_BEGINNING: &str = "t11_";
/// A session token may begin with anything, but is never longer.
const SESSION_TOKEN_CHARS: usize = 43;
/// How long a key is believed before accounts is asked again, and how often an open stream looks:
/// together the ten seconds in which a revoked key ends everywhere.
const KEY_BELIEVED: Duration = Duration::from_secs(5);

/// The session cookie's name. The prefix makes browsers refuse the cookie from any but this very
/// host over TLS; over plain HTTP, on loopback, they would refuse the prefix itself.
fn session_cookie(secure: bool) -> &'static str {
    if secure {
        "__Host-t11_session"
    } else {
        "t11_session"
    }
}

/// What a request offers to be believed by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    None,
    /// From `authorization`: a session token or an API key.
    Bearer(String),
    /// Sent by a browser on its own.
    Cookie(String),
}

impl Credential {
    /// A bearer token, else the cookie.
    pub(crate) fn of(headers: &HeaderMap, client: &Client) -> Self {
        if let Some(token) = bearer(headers) {
            return Self::Bearer(token.to_owned());
        }
        let cookie = cookie(headers, session_cookie(client.secure));
        // A key is for programs: in a cookie it would be sent without their doing.
        match cookie.filter(|token| is_token(token) && !is_api_key(token)) {
            Some(token) => Self::Cookie(token.to_owned()),
            None => Self::None,
        }
    }

    pub(crate) fn token(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Bearer(token) | Self::Cookie(token) => Some(token),
        }
    }

    /// Stands for the token where it must not be kept.
    pub(crate) fn digest(&self) -> Option<[u8; 32]> {
        self.token().map(digest)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && is_token(token)).then_some(token)
}

fn is_token(text: &str) -> bool {
    (1..=LONGEST_TOKEN).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b))
}

fn is_api_key(token: &str) -> bool {
    token.len() > SESSION_TOKEN_CHARS && token.starts_with(KEY_BEGINNING)
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// The first cookie of this name.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// Caller tokens by the session or API key they stand for, remembered for a few seconds: so long a
/// revoked one may still work where its ending is not heard of.
pub(crate) struct Sessions {
    accounts: Peer,
    signer: Signer,
    world: World,
    known: Cache<[u8; 32], Known>,
    /// How many endings were heard of.
    endings: watch::Sender<u64>,
    session_believed: TimeDelta,
    key_believed: TimeDelta,
}

#[derive(Clone)]
struct Known {
    caller_token: Arc<str>,
    org: Option<OrgId>,
    until: DateTime<Utc>,
}

/// What accounts answers.
struct Issued {
    caller_token: String,
    expire_time: Option<Timestamp>,
}

impl Sessions {
    pub(crate) fn new(config: &Config, accounts: Peer, signer: Signer, world: World) -> Self {
        let session_believed = TimeDelta::seconds(config.session_cache_seconds.min(60).into());
        let key_believed = TimeDelta::from_std(KEY_BELIEVED).unwrap_or_default();
        Self {
            accounts,
            signer,
            world,
            known: Cache::new(config.session_cache_size),
            endings: watch::Sender::default(),
            session_believed,
            key_believed: key_believed.min(session_believed),
        }
    }

    /// The remembered caller token of a session or a key.
    pub(crate) fn known(&self, token: &str) -> Option<Arc<str>> {
        let known = self.known.get(&digest(token))?;
        (known.until > self.world.now()).then_some(known.caller_token)
    }

    /// Asks accounts for the caller token of a session or a key.
    ///
    /// # Errors
    /// `SESSION_INVALID`, `API_KEY_INVALID` and other refusals of accounts.
    pub(crate) async fn exchange(&self, token: &str) -> Result<Arc<str>, Status> {
        let (asked, endings) = (self.world.now(), *self.endings.borrow());
        let (issued, believed) = if is_api_key(token) {
            (self.issue_for_key(token).await?, self.key_believed)
        } else {
            (self.issue_for_session(token).await?, self.session_believed)
        };
        let expiry = issued
            .expire_time
            .and_then(|time| DateTime::from_timestamp(time.seconds, 0))
            .unwrap_or(asked);
        let caller_token: Arc<str> = issued.caller_token.into();
        let known = Known {
            caller_token: caller_token.clone(),
            org: t11_grpc::organization_of(&caller_token),
            until: expiry.min(asked + believed),
        };
        let digest = digest(token);
        self.known.insert(digest, known);
        if *self.endings.borrow() != endings {
            // The answer may be older than what has ended meanwhile.
            self.known.remove(&digest);
        }
        Ok(caller_token)
    }

    async fn issue_for_session(&self, token: &str) -> Result<Issued, Status> {
        let mut accounts = SessionServiceClient::new(self.accounts.clone());
        let request = IssueCallerTokenRequest {
            session_token: token.to_owned(),
        };
        let answer = self.as_edge(accounts.issue_caller_token(request)).await?;
        let answer = answer.into_inner();
        Ok(Issued {
            caller_token: answer.caller_token,
            expire_time: answer.expire_time,
        })
    }

    async fn issue_for_key(&self, key: &str) -> Result<Issued, Status> {
        let mut accounts = ApiKeyServiceClient::new(self.accounts.clone());
        let request = ExchangeApiKeyRequest {
            key: key.to_owned(),
        };
        let answer = self.as_edge(accounts.exchange_api_key(request)).await?;
        let answer = answer.into_inner();
        Ok(Issued {
            caller_token: answer.caller_token,
            expire_time: answer.expire_time,
        })
    }

    async fn as_edge<F: Future>(&self, call: F) -> F::Output {
        t11_grpc::as_service(&self.signer, &self.world, "edge", OrgId::NONE, call).await
    }

    /// What ends the open streams of an API key; nothing for other credentials, for the token of a
    /// session changes while it lives.
    pub(crate) fn watch(self: &Arc<Self>, credential: &Credential) -> Option<KeyWatch> {
        let token = credential.token().filter(|token| is_api_key(token))?;
        Some(KeyWatch {
            sessions: self.clone(),
            key: token.into(),
            endings: self.endings.subscribe(),
        })
    }

    /// Believes nobody of the organization without asking again: something of it has ended.
    pub(crate) fn end(&self, org: OrgId) {
        // Counted before, for those who ask accounts just now; told after, for those who look then.
        self.endings.send_if_modified(|count| {
            *count += 1;
            false
        });
        self.known.retain(|_, known| known.org != Some(org));
        self.endings.send_modify(|_| {});
    }

    /// Believes a session no longer: it was signed out here.
    pub(crate) fn forget(&self, credential: &Credential) {
        if let Some(digest) = credential.digest() {
            self.known.remove(&digest);
        }
    }
}

/// Looks whether a key is still believed.
#[derive(Clone)]
pub(crate) struct KeyWatch {
    sessions: Arc<Sessions>,
    key: Arc<str>,
    endings: watch::Receiver<u64>,
}

impl KeyWatch {
    /// Returns when the key is not believed any more, with why; also when accounts cannot say.
    pub(crate) async fn refused(mut self) -> Status {
        loop {
            // Something has ended, or the time is over; who tells is there as long as `self`.
            drop(timeout(KEY_BELIEVED, self.endings.changed()).await);
            if self.sessions.known(&self.key).is_some() {
                continue;
            }
            if let Err(status) = self.sessions.exchange(&self.key).await {
                return status;
            }
        }
    }
}

/// What a service asks edge to do with the session cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CookieChange {
    Set { token: String, seconds: u32 },
    Clear,
}

impl CookieChange {
    /// Reads the answer metadata of a service.
    pub(crate) fn of(answer: &HeaderMap) -> Option<Self> {
        if answer.contains_key(keys::CLEAR_SESSION) {
            return Some(Self::Clear);
        }
        let (token, seconds) = answer
            .get(keys::SET_SESSION)?
            .to_str()
            .ok()?
            .split_once(';')?;
        let seconds = seconds.trim().parse().ok()?;
        is_token(token).then(|| Self::Set {
            token: token.to_owned(),
            seconds,
        })
    }

    /// The `set-cookie` values that carry it out. The CSRF token of other open pages stays good.
    pub(crate) fn cookies(
        &self,
        client: &Client,
        request: &HeaderMap,
        world: &World,
    ) -> Vec<HeaderValue> {
        let name = session_cookie(client.secure);
        let secure = if client.secure { "; Secure" } else { "" };
        let (token, csrf, seconds) = match self {
            Self::Set { token, seconds } => {
                let kept = cookie(request, CSRF_COOKIE).filter(|token| is_token(token));
                let csrf = kept.map_or_else(
                    || URL_SAFE_NO_PAD.encode(world.random::<24>()),
                    ToOwned::to_owned,
                );
                (token.as_str(), csrf, *seconds)
            }
            Self::Clear => ("", String::new(), 0),
        };
        let attributes = format!("Path=/; Max-Age={seconds}; SameSite=Lax{secure}");
        [
            format!("{name}={token}; HttpOnly; {attributes}"),
            format!("{CSRF_COOKIE}={csrf}; {attributes}"),
        ]
        .iter()
        .filter_map(|cookie| HeaderValue::try_from(cookie).ok())
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(secure: bool) -> Client {
        Client {
            address: None,
            secure,
            host: None,
        }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_bearer_token_goes_before_the_cookie() {
        let both = headers(&[
            ("authorization", "bearer abc"),
            ("cookie", "t11_session=def"),
        ]);
        assert_eq!(
            Credential::of(&both, &client(false)),
            Credential::Bearer("abc".into())
        );
        let cookie = headers(&[("cookie", "a=1; t11_session=def; b=2")]);
        assert_eq!(
            Credential::of(&cookie, &client(false)),
            Credential::Cookie("def".into())
        );
    }

    #[test]
    fn over_tls_only_the_prefixed_cookie_counts() {
        let plain = headers(&[("cookie", "t11_session=def")]);
        assert_eq!(Credential::of(&plain, &client(true)), Credential::None);
        let prefixed = headers(&[("cookie", "__Host-t11_session=def")]);
        assert_eq!(
            Credential::of(&prefixed, &client(true)),
            Credential::Cookie("def".into())
        );
        assert_eq!(Credential::of(&prefixed, &client(false)), Credential::None);
    }

    #[test]
    fn a_key_is_no_cookie_and_not_mistaken_for_a_session() {
        let key = format!("t11_dev_{}", "a".repeat(59));
        let session = format!("t11_{}", "a".repeat(39));
        assert!(is_api_key(&key) && !is_api_key(&session));
        let cookie = headers(&[("cookie", &format!("t11_session={key}"))]);
        assert_eq!(Credential::of(&cookie, &client(false)), Credential::None);
        let bearer = headers(&[("authorization", &format!("Bearer {key}"))]);
        assert_eq!(
            Credential::of(&bearer, &client(false)),
            Credential::Bearer(key)
        );
    }

    #[test]
    fn nonsense_is_no_credential() {
        let long = format!("Bearer {}", "a".repeat(LONGEST_TOKEN + 1));
        for value in [
            "Basic abc",
            "Bearer",
            "Bearer ",
            "Bearer a b",
            "Bearer a\"b",
            &long,
        ] {
            let headers = headers(&[("authorization", value)]);
            assert_eq!(
                Credential::of(&headers, &client(false)),
                Credential::None,
                "{value}"
            );
        }
    }

    #[test]
    fn cookies_follow_what_the_service_says() {
        let world = World::system();
        let change = CookieChange::of(&headers(&[(keys::SET_SESSION, "abc;3600")])).unwrap();
        let request = headers(&[("cookie", "t11_csrf=kept")]);
        assert_eq!(
            change.cookies(&client(true), &request, &world),
            [
                "__Host-t11_session=abc; HttpOnly; Path=/; Max-Age=3600; SameSite=Lax; Secure",
                "t11_csrf=kept; Path=/; Max-Age=3600; SameSite=Lax; Secure",
            ]
        );
        let change = CookieChange::of(&headers(&[(keys::CLEAR_SESSION, "1")])).unwrap();
        assert_eq!(
            change.cookies(&client(false), &request, &world),
            [
                "t11_session=; HttpOnly; Path=/; Max-Age=0; SameSite=Lax",
                "t11_csrf=; Path=/; Max-Age=0; SameSite=Lax",
            ]
        );
        for bad in ["abc", "abc;x", "a;b;1", ";1"] {
            assert_eq!(
                CookieChange::of(&headers(&[(keys::SET_SESSION, bad)])),
                None,
                "{bad}"
            );
        }
    }
}
