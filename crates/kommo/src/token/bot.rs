//! Tokens of bots: who posts at a step of our widget.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::TokenError;
use super::jwt::{self, Algorithm, Common};
use crate::client::{BotKind, Entity};
use crate::de::{self, Integer};
use crate::host::{AccountHost, Hosts};
use crate::id::AccountId;
use crate::integration::Integration;

/// What a bot's token says, once it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotToken {
    /// What the bot runs on.
    pub entity: Option<Entity>,
    /// What kind of bot it is, if it says.
    pub kind: Option<BotKind>,
    /// The token's own id.
    pub id: Option<String>,
    /// Until when it holds.
    pub expires_at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(flatten)]
    common: Common,
    /// A number or a word.
    #[serde(default, deserialize_with = "de::text")]
    entity_type: String,
    #[serde(default, deserialize_with = "de::maybe")]
    entity_id: Option<Integer>,
    #[serde(default, deserialize_with = "de::text")]
    bot_type: String,
}

impl BotToken {
    /// Checks the token of a bot of `account` at `host`. Kommo signs with HS512; that HS256 occurs
    /// is not verified, and it is read as well.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn verify(
        integration: &Integration,
        hosts: &Hosts,
        account: (AccountId, &AccountHost),
        token: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<Self, TokenError> {
        let allowed = [Algorithm::Hs512, Algorithm::Hs256];
        let secret = &integration.client_secret;
        let claims: Claims = jwt::claims(token.expose_secret(), secret, &allowed)?;
        let checked = claims.common.check(integration, hosts, now)?;
        if (checked.account_id, &checked.host) != account {
            return Err(TokenError::OtherAccount);
        }
        let entity = claims.entity_id;
        Ok(Self {
            entity: entity.and_then(|id| Entity::of(&claims.entity_type, id.0)),
            kind: BotKind::of(&claims.bot_type),
            id: claims.common.jti,
            expires_at: checked.expires_at,
        })
    }
}
