//! Settings of the service.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use reqwest::Url;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use t11_runtime::Secret;

use crate::health::BreakerSettings;
use crate::provider::openai::{Flavor, Patience, Settings};

const OPENROUTER_URL: &str = "https://openrouter.ai/api/v1";
const OPENROUTER_HOST: &str = "openrouter.ai";
/// Used at OpenRouter when `default_model` is empty.
const OPENROUTER_MODEL: &str = "openai/gpt-4o-mini";

/// The section `llm`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// The provider's key (`OPENROUTER_API_KEY`). Without it and without `base_url`, answers come
    /// from the demo model.
    pub api_key: Option<Secret>,
    /// The provider's address (`OPENROUTER_BASE_URL`), up to and without `/chat/completions`;
    /// unset = OpenRouter. Any OpenAI-compatible server: `http://127.0.0.1:11434/v1` for Ollama.
    pub base_url: Option<String>,
    /// What the provider is: `auto` tells by the address.
    pub server: Server,
    /// The model of requests that name none; empty = `openai/gpt-4o-mini` at OpenRouter, the
    /// first one listed elsewhere.
    pub default_model: String,
    /// Models asked after the default one when it fails, in order, with commas between them.
    pub fallback_models: String,
    /// The model that makes vectors; empty = search is lexical only.
    pub embedding_model: String,
    /// Texts in one request for vectors, 1–256.
    pub embedding_batch: usize,
    /// What the embedding model wants as `input_type` of queries: `query`, `search_query`; empty
    /// = nothing is sent.
    pub embedding_query_type: String,
    /// The same for passages: `passage`, `search_document`.
    pub embedding_passage_type: String,
    /// Whether OpenRouter may use endpoints that keep prompts or train on them.
    pub data_collection: DataCollection,
    /// Longest wait for a connection, in milliseconds.
    pub connect_timeout_ms: u64,
    /// Longest wait for the answer's headers, in milliseconds.
    pub headers_timeout_ms: u64,
    /// Longest wait for the model to begin, from the request, in milliseconds. Comments that keep
    /// the connection alive do not prolong it.
    pub first_content_timeout_ms: u64,
    /// Longest silence of the connection within an answer, in milliseconds.
    pub idle_timeout_ms: u64,
    /// Longest completion, further tries included, in milliseconds. Below the deadline of the RPC
    /// (120 s), so that the reason is told rather than the deadline.
    pub total_timeout_ms: u64,
    /// A provider that asks to wait longer than this is not tried again, in milliseconds.
    pub longest_retry_wait_ms: u64,
    /// A model that fails so many times in a row is left alone for a while.
    pub breaker_failures: u32,
    /// For so long, in milliseconds; twice as long each time it fails again.
    pub breaker_pause_ms: u64,
    /// Bytes of answers that a process keeps for equal requests, where these ask for it. What Redis
    /// keeps of them is not counted.
    pub cache_bytes: u64,
    /// From the end of a call that was left until OpenRouter is asked what it cost, in
    /// milliseconds; each further try waits twice as long.
    pub settle_delay_ms: u64,
    /// The demo model's pause between two words, in milliseconds.
    pub demo_word_delay_ms: u64,
}

/// What kind of server answers at the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Server {
    /// OpenRouter if the address is its own, otherwise compatible.
    #[default]
    Auto,
    /// OpenRouter, or something that speaks all of its API.
    Openrouter,
    /// OpenAI's API and nothing more: Ollama, vLLM, llama.cpp.
    OpenaiCompatible,
}

/// OpenRouter's `provider.data_collection`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DataCollection {
    /// Only endpoints that keep nothing.
    #[default]
    Deny,
    /// Any endpoint.
    Allow,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            api_key: None,
            base_url: None,
            server: Server::default(),
            default_model: String::new(),
            fallback_models: String::new(),
            embedding_model: String::new(),
            embedding_batch: 256,
            embedding_query_type: String::new(),
            embedding_passage_type: String::new(),
            data_collection: DataCollection::default(),
            connect_timeout_ms: 5_000,
            headers_timeout_ms: 60_000,
            first_content_timeout_ms: 60_000,
            idle_timeout_ms: 30_000,
            total_timeout_ms: 115_000,
            longest_retry_wait_ms: 10_000,
            breaker_failures: 5,
            breaker_pause_ms: 15_000,
            cache_bytes: 64 * 1024 * 1024,
            settle_delay_ms: 2_000,
            demo_word_delay_ms: 15,
        }
    }
}

impl Config {
    /// The server to call; `None` = the demo model answers.
    ///
    /// # Errors
    /// When the settings contradict each other; the message names the setting.
    pub(crate) fn server(&self) -> Result<Option<Settings>> {
        ensure!(
            (1..=256).contains(&self.embedding_batch),
            "`llm.embedding_batch` must be 1–256"
        );
        let api_key = self.platform_key();
        let base_url = self
            .base_url
            .as_deref()
            .map(str::trim)
            .filter(|url| !url.is_empty());
        if api_key.is_none() && base_url.is_none() {
            return Ok(None);
        }
        let base_url = base_url.unwrap_or(OPENROUTER_URL).trim_end_matches('/');
        let base_url: Url = base_url
            .parse()
            .context("`llm.base_url` (OPENROUTER_BASE_URL)")?;
        ensure!(
            matches!(base_url.scheme(), "http" | "https") && base_url.has_host(),
            "`llm.base_url` (OPENROUTER_BASE_URL) must begin with http:// or https://",
        );
        let is_openrouter = base_url.host_str() == Some(OPENROUTER_HOST);
        ensure!(
            api_key.is_some() || !is_openrouter,
            "OpenRouter needs a key: set OPENROUTER_API_KEY, or take OPENROUTER_BASE_URL away",
        );
        let flavor = match self.server {
            Server::Auto if is_openrouter => Flavor::OpenRouter,
            Server::Openrouter => Flavor::OpenRouter,
            Server::Auto | Server::OpenaiCompatible => Flavor::Compatible,
        };
        Ok(Some(Settings {
            base_url,
            api_key: api_key.map(|key| key.as_secret_string().clone()),
            flavor,
            data_collection: match self.data_collection {
                DataCollection::Deny => "deny",
                DataCollection::Allow => "allow",
            },
            patience: self.patience(),
            query_type: self.embedding_query_type.clone(),
            passage_type: self.embedding_passage_type.clone(),
        }))
    }

    /// Whether calls can be made with a key of the platform's own.
    pub(crate) fn has_platform_key(&self) -> bool {
        self.platform_key().is_some()
    }

    pub(crate) fn platform_key(&self) -> Option<&Secret> {
        self.api_key.as_ref().filter(|key| !key.is_empty())
    }

    /// The model of requests that name none; empty = the first one listed.
    pub(crate) fn default_model(&self, flavor: Flavor) -> String {
        match flavor {
            Flavor::OpenRouter if self.default_model.is_empty() => OPENROUTER_MODEL.to_owned(),
            Flavor::OpenRouter | Flavor::Compatible => self.default_model.clone(),
        }
    }

    /// The models asked after the default one, in order.
    pub(crate) fn fallbacks(&self) -> Vec<String> {
        let models = self.fallback_models.split(',').map(str::trim);
        let models = models.filter(|model| !model.is_empty());
        models.map(ToOwned::to_owned).collect()
    }

    pub(crate) fn breaker(&self) -> BreakerSettings {
        BreakerSettings {
            failures: self.breaker_failures.max(1),
            pause: Duration::from_millis(self.breaker_pause_ms),
        }
    }

    pub(crate) fn total_timeout(&self) -> Duration {
        Duration::from_millis(self.total_timeout_ms)
    }

    fn patience(&self) -> Patience {
        Patience {
            connect: Duration::from_millis(self.connect_timeout_ms),
            headers: Duration::from_millis(self.headers_timeout_ms),
            first_content: Duration::from_millis(self.first_content_timeout_ms),
            idle: Duration::from_millis(self.idle_timeout_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(api_key: &str, base_url: &str) -> Config {
        Config {
            api_key: Some(Secret::from(api_key.to_owned())),
            base_url: Some(base_url.to_owned()),
            ..Config::default()
        }
    }

    #[test]
    fn without_key_and_address_the_demo_model_answers() {
        assert!(Config::default().server().unwrap().is_none());
        assert!(config("", " ").server().unwrap().is_none());
    }

    #[test]
    fn a_key_alone_means_openrouter() {
        let settings = config("sk-or-v1-x", "").server().unwrap().unwrap();
        assert_eq!(settings.flavor, Flavor::OpenRouter);
        assert_eq!(settings.base_url.as_str(), OPENROUTER_URL);
        assert_eq!(
            config("k", "").default_model(Flavor::OpenRouter),
            OPENROUTER_MODEL
        );
    }

    #[test]
    fn another_address_means_a_compatible_server() {
        let settings = config("", "http://127.0.0.1:11434/v1/")
            .server()
            .unwrap()
            .unwrap();
        assert_eq!(settings.flavor, Flavor::Compatible);
        assert_eq!(settings.base_url.as_str(), "http://127.0.0.1:11434/v1");
        assert!(settings.api_key.is_none());
    }

    #[test]
    fn what_cannot_work_is_refused_at_start() {
        for (key, url) in [("", OPENROUTER_URL), ("k", "ftp://x"), ("k", "not a url")] {
            assert!(config(key, url).server().is_err(), "{url}");
        }
        assert!(
            Config {
                embedding_batch: 0,
                ..Config::default()
            }
            .server()
            .is_err()
        );
    }

    #[test]
    fn the_key_is_never_shown() {
        assert!(!format!("{:?}", config("sk-or-v1-x", "")).contains("sk-or"));
    }
}
