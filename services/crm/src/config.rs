//! Settings of crm.

use std::net::SocketAddr;

use anyhow::Context as _;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use t11_kommo::amojo::BASE_URL;
use t11_kommo::oauth::AUTHORIZE_URL;
use t11_runtime::Secret;
use url::Url;

use crate::transport::OwnChannel;

/// Settings of crm.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Where people grant access: amoCRM's is `https://www.amocrm.ru/oauth`.
    pub oauth_url: String,
    /// Where Kommo reaches us, `https://agents.example.com`: its webhooks are sent there. Unset = the
    /// address of edge, which only a stand-in on the same machine can reach.
    pub redirect_base: Option<String>,
    /// At least 32 characters: keys the hash under which the secrets of the webhooks' addresses are
    /// stored. With another one all accounts must be subscribed again.
    pub webhook_secret: Option<Secret>,
    /// How many replicas of crm there are. They count calls to Kommo together in Redis; without it,
    /// or while it is away, each makes this part of them.
    pub replicas: u32,
    /// Whether calls are held to what Kommo bears. A stand-in bears more; off is refused in
    /// production.
    pub is_paced: bool,
    /// The own channel that Kommo has registered for this platform.
    pub channel: ChannelConfig,
    /// Hosts allowed besides `*.kommo.com`, `*.amocrm.ru` and `*.amocrm.com`, for a stand-in of
    /// Kommo, as `127.0.0.1:9400`: a list, or a text with commas. Refused in production.
    #[serde(deserialize_with = "list_or_text")]
    pub test_hosts: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            oauth_url: AUTHORIZE_URL.to_owned(),
            redirect_base: None,
            webhook_secret: None,
            replicas: 1,
            is_paced: true,
            channel: ChannelConfig::default(),
            test_hosts: Vec::new(),
        }
    }
}

/// An own channel in Kommo's chat back end.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ChannelConfig {
    /// Its UUID; empty = there is none.
    pub id: String,
    /// What both sides sign with.
    pub secret: Option<Secret>,
    /// In whose name it writes: the bot that was registered with it.
    pub bot_id: String,
    /// The chat back end: amoCRM's is `https://amojo.amocrm.ru`.
    pub url: String,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            id: String::new(),
            secret: None,
            bot_id: String::new(),
            url: BASE_URL.to_owned(),
        }
    }
}

impl Config {
    /// The own channel, if there is one.
    pub(crate) fn own_channel(&self) -> Option<OwnChannel> {
        let ChannelConfig {
            id,
            secret,
            bot_id,
            url,
        } = &self.channel;
        let secret = secret.as_ref().filter(|_| !id.is_empty())?;
        Some(OwnChannel {
            id: id.clone(),
            secret: secret.as_secret_string().clone(),
            bot_id: bot_id.clone(),
            url: url.clone(),
        })
    }

    pub(crate) fn validate(&self, production: bool) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.test_hosts.is_empty() || !production,
            "`crm.test_hosts` (KOMMO_TEST_HOSTS) sends secrets to hosts that are not Kommo's and \
             is refused in production; unset it"
        );
        anyhow::ensure!(
            self.is_paced || !production,
            "`crm.is_paced` (T11_CRM__IS_PACED) is off, which makes Kommo block this address, and \
             is refused in production; unset it"
        );
        let channel = &self.channel;
        let is_whole = channel.secret.is_some() && !channel.bot_id.is_empty();
        anyhow::ensure!(
            channel.id.is_empty() || is_whole,
            "`crm.channel.id` is set without `secret` and `bot_id`; Kommo gave all three"
        );
        Ok(())
    }

    /// Where people grant access.
    pub(crate) fn oauth_url(&self, production: bool) -> anyhow::Result<Url> {
        let url = Url::parse(&self.oauth_url)
            .ok()
            .filter(|url| url.scheme() == "https" || (url.scheme() == "http" && !production));
        url.with_context(|| {
            let given = &self.oauth_url;
            format!("`crm.oauth_url` (KOMMO_OAUTH_URL) is `{given}`; write it as {AUTHORIZE_URL}")
        })
    }

    /// Where Kommo reaches us: an origin, without a path.
    pub(crate) fn base(&self, edge: SocketAddr) -> anyhow::Result<Url> {
        let text = match &self.redirect_base {
            Some(base) => base.clone(),
            None => format!("http://{edge}"),
        };
        let url = Url::parse(&text).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.query().is_none()
        });
        url.with_context(|| {
            format!(
                "`crm.redirect_base` (KOMMO_OAUTH_REDIRECT_BASE) is `{text}`; write it as \
                 https://agents.example.com"
            )
        })
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ListOrText {
    List(Vec<String>),
    Text(String),
}

fn list_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match ListOrText::deserialize(deserializer)? {
        ListOrText::List(hosts) => hosts,
        ListOrText::Text(text) => text
            .split(',')
            .map(|host| host.trim().to_owned())
            .filter(|host| !host.is_empty())
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use serde::de::IntoDeserializer as _;
    use serde::de::value::{Error, MapDeserializer, StrDeserializer};

    use super::*;

    fn hosts(text: &str) -> Vec<String> {
        let value: StrDeserializer<'_, Error> = text.into_deserializer();
        Config::deserialize(MapDeserializer::new([("test_hosts", value)].into_iter()))
            .unwrap()
            .test_hosts
    }

    #[test]
    fn hosts_may_be_written_with_commas() {
        assert_eq!(
            hosts("127.0.0.1:9400, localhost:1"),
            ["127.0.0.1:9400", "localhost:1"]
        );
        assert_eq!(hosts(""), [""; 0]);
    }

    #[test]
    fn production_knows_no_test_hosts() {
        let config = Config {
            test_hosts: vec!["127.0.0.1:9400".to_owned()],
            ..Config::default()
        };
        assert!(config.validate(false).is_ok());
        assert!(config.validate(true).is_err());
        assert!(Config::default().validate(true).is_ok());
    }

    #[test]
    fn production_keeps_to_what_kommo_bears() {
        let config = Config {
            is_paced: false,
            ..Config::default()
        };
        assert!(config.validate(false).is_ok());
        assert!(config.validate(true).is_err());
    }
}
