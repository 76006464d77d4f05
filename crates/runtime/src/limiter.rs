//! How often something may happen, for each key (GCRA): counted in the process, or in Redis by all
//! replicas together.

mod local;
mod shared;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use t11_core::World;

use crate::Redis;

pub use local::LocalLimiter;
pub use shared::SharedLimiter;

/// A steady rate with room for a burst. Zero counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Over a long time.
    pub per_minute: u32,
    /// At once after a pause.
    pub burst: u32,
}

/// What is counted apart. Never what a caller merely says of itself, which it could make up anew
/// for every call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitKey {
    /// Whoever shows a secret, by the secret's hash. Secrets that are not known to be good must
    /// count against an address too.
    Digest([u8; 32]),
    /// A network address, as seen or as a trusted proxy has seen it.
    Address(IpAddr),
}

/// The limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many; the next may come in {wait:?}")]
pub struct TooMany {
    /// Until the next may come, if nobody else comes before; more than zero.
    pub wait: Duration,
}

/// Counts.
#[async_trait]
pub trait Limiter: Send + Sync + 'static {
    /// Counts one for `key`.
    ///
    /// # Errors
    /// [`TooMany`], and then it is not counted.
    async fn count(&self, key: &LimitKey) -> Result<(), TooMany>;
}

impl Quota {
    /// What each of `replicas` may let pass when they cannot count together.
    #[must_use]
    pub fn share(self, replicas: u32) -> Self {
        let replicas = replicas.max(1);
        Self {
            per_minute: (self.per_minute / replicas).max(1),
            burst: (self.burst / replicas).max(1),
        }
    }
}

/// The limiter of the mesh: in `redis` if there is one, each replica counting its share by itself
/// while it is away; else always so. `name` tells limits of one mesh apart.
pub fn limiter(
    redis: Option<&Redis>,
    world: &World,
    name: &'static str,
    quota: Quota,
    replicas: u32,
) -> Arc<dyn Limiter> {
    let local = LocalLimiter::new(quota.share(replicas), world.clone());
    match redis {
        Some(redis) => Arc::new(SharedLimiter::new(redis.clone(), name, quota, local)),
        None => Arc::new(local),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_at_least_one() {
        let quota = Quota {
            per_minute: 60,
            burst: 2,
        };
        let shares = [1, 4, 0].map(|replicas| quota.share(replicas));
        assert_eq!(shares.map(|share| share.per_minute), [60, 15, 60]);
        assert_eq!(shares.map(|share| share.burst), [2, 1, 2]);
    }
}
