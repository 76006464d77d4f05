//! JSON Web Tokens with a shared secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use ring::hmac::{HMAC_SHA256, HMAC_SHA512};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::TokenError;
use crate::de::{self, Integer};
use crate::host::{AccountHost, Hosts};
use crate::id::AccountId;
use crate::integration::Integration;
use crate::sign::is_signed;

/// Clocks may differ by this.
const SKEW: TimeDelta = TimeDelta::seconds(30);
/// Longer tokens are not looked at, in bytes.
const MAX_LENGTH: usize = 8 * 1024;

/// An algorithm that is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Hs256,
    Hs512,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// Extensions that must be understood; none is.
    #[serde(default)]
    crit: Option<Value>,
}

/// The claims of a token whose signature holds.
pub(super) fn claims<T: DeserializeOwned>(
    token: &str,
    secret: &SecretString,
    allowed: &[Algorithm],
) -> Result<T, TokenError> {
    if token.len() > MAX_LENGTH {
        return Err(TokenError::Signature);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Signature)?;
    let (header, payload) = signed.split_once('.').ok_or(TokenError::Signature)?;
    let header: Header = decode(header).ok_or(TokenError::Signature)?;
    let algorithm = match header.alg.as_str() {
        "HS256" => Algorithm::Hs256,
        "HS512" => Algorithm::Hs512,
        _ => return Err(TokenError::Signature),
    };
    if !allowed.contains(&algorithm) || header.crit.is_some() {
        return Err(TokenError::Signature);
    }
    let digest = match algorithm {
        Algorithm::Hs256 => HMAC_SHA256,
        Algorithm::Hs512 => HMAC_SHA512,
    };
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| TokenError::Signature)?;
    if !is_signed(digest, secret, signed.as_bytes(), &signature) {
        return Err(TokenError::Signature);
    }
    decode(payload).ok_or(TokenError::Malformed)
}

fn decode<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// What tokens of bots and widgets have in common.
#[derive(Deserialize)]
pub(super) struct Common {
    #[serde(deserialize_with = "de::text")]
    iss: String,
    #[serde(deserialize_with = "de::integer")]
    exp: i64,
    #[serde(default, deserialize_with = "de::maybe")]
    nbf: Option<Integer>,
    #[serde(default, deserialize_with = "de::maybe")]
    iat: Option<Integer>,
    #[serde(default, deserialize_with = "de::some_text")]
    pub(super) jti: Option<String>,
    account_id: AccountId,
    #[serde(default, deserialize_with = "de::some_text")]
    client_uuid: Option<String>,
    /// The same, as one page of the documents writes it.
    #[serde(default, deserialize_with = "de::some_text")]
    client_uid: Option<String>,
}

/// What the claims say once they are checked.
pub(super) struct Checked {
    pub(super) account_id: AccountId,
    pub(super) host: AccountHost,
    pub(super) expires_at: DateTime<Utc>,
}

impl Common {
    /// Checks time, integration and issuer.
    pub(super) fn check(
        &self,
        integration: &Integration,
        hosts: &Hosts,
        now: DateTime<Utc>,
    ) -> Result<Checked, TokenError> {
        let moment = |seconds| DateTime::from_timestamp_secs(seconds).ok_or(TokenError::Malformed);
        let expires_at = moment(self.exp)?;
        if now - SKEW >= expires_at {
            return Err(TokenError::Expired);
        }
        for begin in [self.nbf, self.iat].into_iter().flatten() {
            if now + SKEW < moment(begin.0)? {
                return Err(TokenError::NotYetValid);
            }
        }
        self.check_integration(integration.client_id)?;
        Ok(Checked {
            account_id: self.account_id,
            host: self.issuer(hosts)?,
            expires_at,
        })
    }

    /// One name of the claim must be there, and what is there must be right.
    fn check_integration(&self, client_id: Uuid) -> Result<(), TokenError> {
        let mut ids = [&self.client_uuid, &self.client_uid]
            .into_iter()
            .flatten()
            .peekable();
        if ids.peek().is_none() {
            return Err(TokenError::Malformed);
        }
        if ids.all(|id| Uuid::try_parse(id) == Ok(client_id)) {
            Ok(())
        } else {
            Err(TokenError::OtherIntegration)
        }
    }

    fn issuer(&self, hosts: &Hosts) -> Result<AccountHost, TokenError> {
        let origin = self.iss.strip_suffix('/').unwrap_or(&self.iss);
        let (_, authority) = origin.split_once("://").ok_or(TokenError::Malformed)?;
        let host = hosts
            .account(authority)
            .map_err(|_| TokenError::OtherAccount)?;
        if host.origin() == origin {
            Ok(host)
        } else {
            Err(TokenError::OtherAccount)
        }
    }
}
