//! Rate limits per class of call, per caller or address, in this process (GCRA).

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use t11_core::World;
use t11_proto::method::RateClass;

use crate::config::{Limits, Rate};
use crate::error::Error;

/// Between two looks for entries that are full again and can be forgotten.
const SWEEP_EVERY: u32 = 4_096;

/// What is counted apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// A signed-in caller, by the hash of the token.
    Caller([u8; 32]),
    Address(IpAddr),
}

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

type Limiter = RateLimiter<Key, DashMapStateStore<Key>, WorldClock, NoOpMiddleware<Nanos>>;

/// The limits of this process.
pub(crate) struct RateLimits(Option<Classes>);

struct Classes {
    read: Limiter,
    write: Limiter,
    secret: Limiter,
    model: Limiter,
    /// Sessions that accounts must be asked about, by address: what a flood of made-up tokens
    /// counts against.
    unknown: Limiter,
    clock: WorldClock,
    calls: AtomicU32,
}

impl RateLimits {
    pub(crate) fn new(limits: &Limits, world: World) -> Self {
        let clock = WorldClock(world);
        let limiter =
            |rate: Rate| RateLimiter::new(quota(rate), DashMapStateStore::default(), clock.clone());
        Self(limits.enabled.then(|| Classes {
            read: limiter(limits.read),
            write: limiter(limits.write),
            secret: limiter(limits.secret),
            model: limiter(limits.model),
            unknown: limiter(limits.read),
            clock: clock.clone(),
            calls: AtomicU32::new(0),
        }))
    }

    /// Counts one call.
    ///
    /// # Errors
    /// [`Error::RateLimited`] with the time until the next one may pass.
    pub(crate) fn count(&self, class: RateClass, key: &Key) -> Result<(), Error> {
        let Some(classes) = &self.0 else {
            return Ok(());
        };
        let limiter = match class {
            RateClass::Read => &classes.read,
            RateClass::Write | RateClass::Unspecified => &classes.write,
            RateClass::Secret => &classes.secret,
            RateClass::Model => &classes.model,
            RateClass::Internal => return Ok(()),
        };
        classes.count(limiter, key)
    }

    /// Counts one token that accounts must be asked about.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub(crate) fn count_unknown(&self, address: IpAddr) -> Result<(), Error> {
        let Some(classes) = &self.0 else {
            return Ok(());
        };
        classes.count(&classes.unknown, &Key::Address(address))
    }
}

impl Classes {
    fn count(&self, limiter: &Limiter, key: &Key) -> Result<(), Error> {
        if self
            .calls
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(SWEEP_EVERY)
        {
            for limiter in [
                &self.read,
                &self.write,
                &self.secret,
                &self.model,
                &self.unknown,
            ] {
                limiter.retain_recent();
            }
        }
        limiter.check_key(key).map_err(|refusal| {
            let wait = refusal.wait_time_from(self.clock.now());
            Error::RateLimited {
                wait: wait.max(Duration::from_millis(1)),
            }
        })
    }
}

fn quota(rate: Rate) -> Quota {
    let at_least_one = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    Quota::per_minute(at_least_one(rate.per_minute)).allow_burst(at_least_one(rate.burst))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use t11_core::ManualWorld;

    use super::*;

    fn key(n: u8) -> Key {
        Key::Caller([n; 32])
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let world = ManualWorld::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap(), 1);
        let secret = Rate {
            per_minute: 60,
            burst: 3,
        };
        let limits = RateLimits::new(
            &Limits {
                secret,
                ..Limits::default()
            },
            world.world(),
        );
        let ask = |n| limits.count(RateClass::Secret, &key(n));
        for _ in 0..3 {
            assert!(ask(1).is_ok());
        }
        let Err(Error::RateLimited { wait }) = ask(1) else {
            panic!("the fourth must wait")
        };
        assert_eq!(wait, Duration::from_secs(1));
        assert!(ask(2).is_ok(), "another caller is not held up");
        assert!(
            limits.count(RateClass::Read, &key(1)).is_ok(),
            "nor another class"
        );
        world.advance(TimeDelta::seconds(1));
        assert!(ask(1).is_ok());
        assert!(ask(1).is_err());
    }

    #[test]
    fn switched_off_nothing_is_counted() {
        let none = Rate {
            per_minute: 1,
            burst: 1,
        };
        let limits = Limits {
            enabled: false,
            read: none,
            ..Limits::default()
        };
        let limits = RateLimits::new(&limits, World::system());
        for _ in 0..10 {
            assert!(limits.count(RateClass::Read, &key(1)).is_ok());
        }
    }
}
