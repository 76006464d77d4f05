//! Settings of edge. Its address and Redis are settings of the whole process.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// The section `edge` of the settings.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the built web client lies; unset = `web` beside or above the executable, or
    /// `target/web`.
    pub web_dir: Option<PathBuf>,
    /// Networks whose `x-forwarded-for` and `x-forwarded-proto` are believed: `10.0.0.0/8`.
    pub trusted_proxies: Vec<String>,
    /// Other origins whose pages may call with the session cookie: `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    /// Longest JSON body, in bytes.
    pub max_body_bytes: usize,
    /// Longest uploaded file, in bytes.
    pub max_upload_bytes: usize,
    /// Longest silence while a body is being sent, in seconds.
    pub body_idle_seconds: u64,
    /// How long a session is believed before accounts is asked again, in seconds: the longest a
    /// revoked session still works. At most 60; an API key at most 5.
    pub session_cache_seconds: u16,
    /// Sessions remembered at a time.
    pub session_cache_size: usize,
    /// Limits of calls.
    pub limits: Limits,
}

/// How often one caller, or one address without a caller, may call.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Off only for load tests.
    pub enabled: bool,
    /// How many edges there are. They count together in Redis; without it, or while it is away,
    /// each lets this part of a limit pass.
    pub replicas: u32,
    /// Cheap reads.
    pub read: Rate,
    /// Changes.
    pub write: Rate,
    /// Signing in and anything that checks a secret, sessions unknown to the cache included.
    pub secret: Rate,
    /// Calls that cost model money.
    pub model: Rate,
}

/// A steady rate with room for a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Rate {
    /// Calls a minute over a long time.
    pub per_minute: u32,
    /// Calls at once after a pause.
    pub burst: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            web_dir: None,
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
            max_body_bytes: 1024 * 1024,
            max_upload_bytes: 50 * 1024 * 1024,
            body_idle_seconds: 30,
            session_cache_seconds: 10,
            session_cache_size: 10_000,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            enabled: true,
            replicas: 1,
            read: Rate {
                per_minute: 6_000,
                burst: 600,
            },
            write: Rate {
                per_minute: 1_200,
                burst: 200,
            },
            secret: Rate {
                per_minute: 60,
                burst: 60,
            },
            model: Rate {
                per_minute: 120,
                burst: 60,
            },
        }
    }
}
