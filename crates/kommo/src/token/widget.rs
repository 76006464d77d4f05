//! One-time tokens: which user has our widget before them.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::TokenError;
use super::jwt::{self, Algorithm, Common};
use crate::de;
use crate::host::{AccountHost, Hosts};
use crate::id::{AccountId, UserId};
use crate::integration::Integration;

/// What a widget's token says, once it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WidgetToken {
    /// Which account: to be looked up among the connections of this integration.
    pub account_id: AccountId,
    /// Its host.
    pub host: AccountHost,
    /// Who.
    pub user_id: UserId,
    /// Whether they may do everything, as far as the token says.
    pub is_admin: bool,
    /// To be remembered until it expires, so that it is taken once.
    pub id: String,
    /// Until when it holds.
    pub expires_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(flatten)]
    common: Common,
    /// A text or a list of them.
    aud: Value,
    user_id: UserId,
    #[serde(default, deserialize_with = "de::flag")]
    is_admin: bool,
}

impl WidgetToken {
    /// Checks the value of the header `X-Auth-Token`, signed with HS256. Its audience is the origin
    /// of the integration's redirect address.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn verify(
        integration: &Integration,
        hosts: &Hosts,
        token: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<Self, TokenError> {
        let allowed = [Algorithm::Hs256];
        let secret = &integration.client_secret;
        let claims: Claims = jwt::claims(token.expose_secret(), secret, &allowed)?;
        let checked = claims.common.check(integration, hosts, now)?;
        if !is_for(&claims.aud, &integration.origin()) {
            return Err(TokenError::OtherIntegration);
        }
        Ok(Self {
            account_id: checked.account_id,
            host: checked.host,
            user_id: claims.user_id,
            is_admin: claims.is_admin,
            id: claims.common.jti.ok_or(TokenError::Malformed)?,
            expires_at: checked.expires_at,
        })
    }
}

fn is_for(audience: &Value, origin: &str) -> bool {
    match audience {
        Value::String(text) => text.trim_end_matches('/') == origin,
        Value::Array(list) => list
            .iter()
            .any(|one| one.is_string() && is_for(one, origin)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}
