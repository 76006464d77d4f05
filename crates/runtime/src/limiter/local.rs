//! Limits counted in the process.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use governor::RateLimiter;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use t11_core::World;

use super::{LimitKey, Limiter, Quota, TooMany};

/// Between two looks for keys that are full again and can be forgotten.
const SWEEP_EVERY: u32 = 4_096;

/// The world's clock as governor reads it.
#[derive(Debug, Clone)]
struct WorldClock(World);

impl Clock for WorldClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let micros = self.0.now().timestamp_micros();
        Nanos::from(u64::try_from(micros).unwrap_or(0).saturating_mul(1_000))
    }
}

type Keyed = RateLimiter<LimitKey, DashMapStateStore<LimitKey>, WorldClock, NoOpMiddleware<Nanos>>;

/// Counts in this process only.
pub struct LocalLimiter {
    keyed: Keyed,
    clock: WorldClock,
    counted: AtomicU32,
}

impl LocalLimiter {
    /// Nothing is counted yet.
    pub fn new(quota: Quota, world: World) -> Self {
        let clock = WorldClock(world);
        let at_least_one = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = governor::Quota::per_minute(at_least_one(quota.per_minute))
            .allow_burst(at_least_one(quota.burst));
        Self {
            keyed: RateLimiter::new(quota, DashMapStateStore::default(), clock.clone()),
            clock,
            counted: AtomicU32::new(0),
        }
    }

    /// Counts one for `key`.
    ///
    /// # Errors
    /// [`TooMany`], and then it is not counted.
    pub fn count_here(&self, key: &LimitKey) -> Result<(), TooMany> {
        let counted = self.counted.fetch_add(1, Ordering::Relaxed);
        if counted.is_multiple_of(SWEEP_EVERY) {
            self.keyed.retain_recent();
        }
        self.keyed.check_key(key).map_err(|refusal| {
            let wait = refusal.wait_time_from(self.clock.now());
            TooMany {
                wait: wait.max(Duration::from_millis(1)),
            }
        })
    }
}

#[async_trait]
impl Limiter for LocalLimiter {
    async fn count(&self, key: &LimitKey) -> Result<(), TooMany> {
        self.count_here(key)
    }
}
