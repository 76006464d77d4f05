//! The integration: what is registered with Kommo.

use secrecy::SecretString;
use url::Url;
use uuid::Uuid;

/// The integration as it is registered with Kommo.
#[derive(Debug, Clone)]
pub struct Integration {
    /// `client_id`, also called the integration's id.
    pub client_id: Uuid,
    /// `client_secret`: buys tokens, and signs those of bots and widgets.
    pub client_secret: SecretString,
    /// Where people come back with a code, exactly as it is registered.
    pub redirect_uri: Url,
}

impl Integration {
    /// `https://agent.example.com`: the audience of the tokens of widgets.
    pub(crate) fn origin(&self) -> String {
        self.redirect_uri.origin().ascii_serialization()
    }
}
