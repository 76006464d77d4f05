//! The call that an account has switched the integration off.

use ring::hmac::HMAC_SHA256;
use url::form_urlencoded;
use uuid::Uuid;

use super::TokenError;
use crate::id::AccountId;
use crate::integration::Integration;
use crate::sign::{is_signed, unhex};

/// The query of `GET {hook}?client_uuid=…&account_id=…&signature=…`, not yet believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisableHook {
    /// Which integration: to be looked up, for its secret is needed.
    pub client_id: Uuid,
    account_id: i64,
    signature: Vec<u8>,
}

impl DisableHook {
    /// Reads the query.
    ///
    /// # Errors
    /// [`TokenError::Malformed`].
    pub fn parse(query: &str) -> Result<Self, TokenError> {
        let value = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            let found = pairs
                .find(|(key, _)| key == name)
                .ok_or(TokenError::Malformed)?;
            Ok(found.1)
        };
        Ok(Self {
            client_id: Uuid::try_parse(&value("client_uuid")?)
                .map_err(|_| TokenError::Malformed)?,
            account_id: value("account_id")?
                .parse()
                .map_err(|_| TokenError::Malformed)?,
            signature: unhex(&value("signature")?).ok_or(TokenError::Malformed)?,
        })
    }

    /// The account that says so. It has no time and may be repeated by anybody who has seen it: ask
    /// the account whether it is true, and expect 401, before anything is deleted.
    ///
    /// # Errors
    /// [`TokenError::OtherIntegration`], [`TokenError::Signature`].
    pub fn verify(&self, integration: &Integration) -> Result<AccountId, TokenError> {
        if self.client_id != integration.client_id {
            return Err(TokenError::OtherIntegration);
        }
        let message = format!("{}|{}", integration.client_id, self.account_id);
        let secret = &integration.client_secret;
        if is_signed(HMAC_SHA256, secret, message.as_bytes(), &self.signature) {
            Ok(AccountId(self.account_id))
        } else {
            Err(TokenError::Signature)
        }
    }
}
