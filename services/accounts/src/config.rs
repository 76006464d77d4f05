//! Settings of accounts.

use schemars::JsonSchema;
use serde::Deserialize;

/// Settings of accounts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Passwords checked at the same time, 1–16; each takes 19 MiB of memory and about 100 ms of
    /// one core. 64 more may wait, further ones are answered with UNAVAILABLE.
    pub password_hash_concurrency: u8,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            password_hash_concurrency: 2,
        }
    }
}

impl Config {
    pub(crate) fn validate(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            (1..=16).contains(&self.password_hash_concurrency),
            "`accounts.password_hash_concurrency` must be from 1 to 16"
        );
        Ok(())
    }
}
