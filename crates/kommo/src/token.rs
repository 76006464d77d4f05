//! What Kommo signs with the integration's secret: tokens of bots and widgets, and the call that an
//! account has switched the integration off.
//!
//! Of JSON Web Tokens only HS256 and HS512 are read, each where it is due: written here for the
//! reasons of docs/adr/0003-caller-tokens.md.
//!
//! Sources: Kommo docs, `one-time-tokens`, `oauth-20`; the SDK `amocrm-api-php` (HS512 for bots).

mod bot;
mod disable;
mod jwt;
mod widget;

use t11_core::{Fault, FaultKind};

pub use self::bot::BotToken;
pub use self::disable::DisableHook;
pub use self::widget::WidgetToken;

/// What is signed cannot be believed. Says which check failed and nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token, another algorithm, or not signed with the integration's secret.
    #[error("it is not signed by Kommo for this integration")]
    Signature,
    /// A claim is missing or cannot be read.
    #[error("a claim is missing or malformed")]
    Malformed,
    /// Its time has passed.
    #[error("it has expired")]
    Expired,
    /// Its time has not come.
    #[error("it is not valid yet")]
    NotYetValid,
    /// Made for another integration or another address.
    #[error("it is for another integration")]
    OtherIntegration,
    /// Made by another account.
    #[error("it is from another account")]
    OtherAccount,
}

impl Fault for TokenError {
    fn kind(&self) -> FaultKind {
        FaultKind::Unauthenticated
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Signature => "KOMMO_SIGNATURE_INVALID",
            Self::Malformed => "KOMMO_TOKEN_MALFORMED",
            Self::Expired => "KOMMO_TOKEN_EXPIRED",
            Self::NotYetValid => "KOMMO_TOKEN_NOT_YET_VALID",
            Self::OtherIntegration => "KOMMO_TOKEN_OF_ANOTHER_INTEGRATION",
            Self::OtherAccount => "KOMMO_TOKEN_OF_ANOTHER_ACCOUNT",
        }
    }
}

#[cfg(test)]
mod tests;
