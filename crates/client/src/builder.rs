//! How a client reaches the platform, and as whom.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use rustls::ClientConfig;
use t11_core::World;
use t11_grpc::{Peer, keys, tls_connector};
use tonic::transport::{Channel, Endpoint};

use crate::Client;
use crate::tls::{self, Identity};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// An endpoint that has gone without a word is noticed within the sum of both.
const PING_EVERY: Duration = Duration::from_secs(20);
const PONG_WITHIN: Duration = Duration::from_secs(5);

/// The client cannot be made so.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("`{endpoint}` is not `http://host:port` or `https://host:port`")]
    Endpoint { endpoint: String },
    /// It has characters that no header may hold.
    #[error("the key or token is not one")]
    Credential,
    #[error("the certificates cannot be used")]
    Tls(#[from] rustls::Error),
    #[error("a certificate or key is not in PEM, or is missing")]
    Pem(#[from] rustls::pki_types::pem::Error),
    #[error("the system has no authorities to believe; name one with `authority`")]
    NoAuthorities,
}

/// Made by [`Client::builder`].
#[derive(Clone)]
pub struct Builder {
    endpoints: Vec<String>,
    credential: Option<(HeaderName, String)>,
    deadline: Option<Duration>,
    authority: Option<Vec<u8>>,
    identity: Option<Identity>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("endpoints", &self.endpoints)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl Builder {
    pub(crate) fn new(endpoint: String) -> Self {
        Self {
            endpoints: vec![endpoint],
            credential: None,
            deadline: None,
            authority: None,
            identity: None,
        }
    }

    /// Another endpoint of the same platform. Calls take them one after the other.
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoints.push(endpoint.into());
        self
    }

    /// Calls with an API key, `t11_live_…`.
    #[must_use]
    pub fn api_key(mut self, key: &str) -> Self {
        self.credential = Some((AUTHORIZATION, format!("Bearer {key}")));
        self
    }

    /// Calls with a signed caller token, past edge: from inside the mesh only, where tokens are
    /// believed. One lives five minutes; a client does not renew it.
    #[must_use]
    pub fn caller_token(mut self, token: &str) -> Self {
        let name = HeaderName::from_static(keys::CALLER);
        self.credential = Some((name, token.to_owned()));
        self
    }

    /// The longest a call may take that names no time of its own. Without it, the RPC's own longest.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Believes certificates of this authority (PEM, one or more), and not the system's.
    #[must_use]
    pub fn authority(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authority = Some(pem.into());
        self
    }

    /// Shows a certificate of its own (PEM, the chain and its key): mutual TLS.
    #[must_use]
    pub fn identity(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.identity = Some(Identity {
            chain: chain.into(),
            key: key.into(),
        });
        self
    }

    /// The client. Connections are made when they are needed; must be called inside a tokio
    /// runtime, which then drives them.
    ///
    /// # Errors
    /// [`BuildError`] for an endpoint, credential or certificate that cannot be used.
    pub fn build(self) -> Result<Client, BuildError> {
        let tls = if self.endpoints.iter().any(|url| url.starts_with("https://")) {
            let identity = self.identity.as_ref();
            Some(tls::config(self.authority.as_deref(), identity)?)
        } else {
            None
        };
        let mut channels = Vec::with_capacity(self.endpoints.len());
        for endpoint in &self.endpoints {
            channels.push(channel(endpoint, tls.as_ref())?);
        }
        let first = channels.remove(0);
        Ok(Client {
            peer: Peer::balanced("t11", first, channels, World::system()),
            credential: headers(self.credential)?,
            deadline: self.deadline,
        })
    }
}

fn channel(url: &str, tls: Option<&Arc<ClientConfig>>) -> Result<Channel, BuildError> {
    let malformed = || BuildError::Endpoint {
        endpoint: url.to_owned(),
    };
    let endpoint = Endpoint::from_shared(url.to_owned())
        .map_err(|_| malformed())?
        .connect_timeout(CONNECT_WITHIN)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG_WITHIN);
    // As it was given: tonic makes a socket of a file out of others.
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    match (scheme, tls) {
        (Some("https"), Some(tls)) => {
            let tls = tls.clone();
            Ok(endpoint.connect_with_connector_lazy(tls_connector(move || tls.clone())))
        }
        (Some("http"), _) => Ok(endpoint.connect_lazy()),
        _ => Err(malformed()),
    }
}

fn headers(credential: Option<(HeaderName, String)>) -> Result<HeaderMap, BuildError> {
    let mut headers = HeaderMap::new();
    if let Some((name, value)) = credential {
        let mut value = HeaderValue::try_from(value).map_err(|_| BuildError::Credential)?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_cannot_be_used_is_named() {
        for bad in ["t11.example.com", "unix:/run/t11", "ftp://host", ""] {
            let refused = Client::builder(bad).build().unwrap_err();
            assert!(
                matches!(refused, BuildError::Endpoint { .. }),
                "{bad}: {refused}"
            );
        }
        let broken = Client::builder("http://127.0.0.1:1")
            .api_key("a\nb")
            .build();
        assert!(matches!(broken, Err(BuildError::Credential)));
        let broken = Client::builder("https://127.0.0.1:1")
            .authority("no PEM")
            .build();
        assert!(matches!(
            broken,
            Err(BuildError::Pem(_) | BuildError::NoAuthorities)
        ));
    }

    #[tokio::test]
    async fn a_key_is_not_shown() {
        let builder = Client::builder("http://127.0.0.1:1").api_key("t11_dev_secret");
        let client = builder.clone().build().unwrap();
        assert!(!format!("{builder:?}{client:?}").contains("secret"));
    }
}
