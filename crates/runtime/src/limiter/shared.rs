//! Limits that all replicas count together, in Redis by the server's clock.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{LimitKey, Limiter, LocalLimiter, Quota, TooMany};
use crate::Redis;
use crate::redis::Script;

/// Longest wait for Redis before it is done without.
const PATIENCE: Duration = Duration::from_millis(100);
/// While Redis is away it is tried this often, by one caller; nobody else waits for it.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// Counts in Redis; in the process while Redis is away.
pub struct SharedLimiter {
    redis: Redis,
    name: &'static str,
    script: Script,
    /// Microseconds from one to the next at a steady rate, and by how many of them a burst may be
    /// ahead of that.
    interval: i64,
    ahead: i64,
    local: LocalLimiter,
    /// While Redis is away: when it is tried again.
    away: Mutex<Option<Instant>>,
}

impl SharedLimiter {
    /// Counts against `quota` in `redis`, under `name`; while it is away by `local`.
    pub fn new(redis: Redis, name: &'static str, quota: Quota, local: LocalLimiter) -> Self {
        let interval = 60_000_000 / i64::from(quota.per_minute.max(1));
        Self {
            redis,
            name,
            script: Script::new(include_str!("gcra.lua")),
            interval: interval.max(1),
            ahead: interval.max(1) * i64::from(quota.burst.max(1) - 1),
            local,
            away: Mutex::new(None),
        }
    }

    /// Each key is alone in its script, and its braces say where in a cluster it lies.
    fn key(&self, key: &LimitKey) -> String {
        let namespace = self.redis.namespace();
        let name = self.name;
        match key {
            LimitKey::Digest(digest) => {
                let digest = URL_SAFE_NO_PAD.encode(digest);
                format!("{namespace}:limit:{name}:{{{digest}}}")
            }
            LimitKey::Address(address) => format!("{namespace}:limit:{name}:{{{address}}}"),
        }
    }

    /// Whether to ask Redis. While it is away one caller a second does.
    fn is_tried(&self) -> bool {
        let mut away = self.away.lock();
        let Some(again) = *away else {
            return true;
        };
        let now = Instant::now();
        if now < again {
            return false;
        }
        *away = Some(now + TRY_EVERY);
        true
    }

    fn is_back(&self) {
        if self.away.lock().take().is_some() {
            tracing::info!(limiter = self.name, "limits are shared again");
        }
    }

    fn is_away(&self, error: &fred::error::Error) {
        let mut away = self.away.lock();
        if away.replace(Instant::now() + TRY_EVERY).is_none() {
            tracing::warn!(
                limiter = self.name,
                %error,
                "redis does not count; each replica counts its share"
            );
        }
    }
}

#[async_trait]
impl Limiter for SharedLimiter {
    async fn count(&self, key: &LimitKey) -> Result<(), TooMany> {
        if self.is_tried() {
            let (key, arguments) = (self.key(key), [self.interval, self.ahead]);
            let asked = self.redis.run(&self.script, &key, &arguments, PATIENCE);
            match asked.await {
                Ok(wait) => {
                    self.is_back();
                    return match u64::try_from(wait) {
                        Ok(0) | Err(_) => Ok(()),
                        Ok(micros) => Err(TooMany {
                            wait: Duration::from_micros(micros),
                        }),
                    };
                }
                Err(error) => self.is_away(&error),
            }
        }
        metrics::counter!("t11_limiter_fallbacks_total", "limiter" => self.name).increment(1);
        self.local.count_here(key)
    }
}
