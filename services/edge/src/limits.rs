//! Rate limits per class of call, per caller or address: in Redis for all replicas together, or in
//! this process.

use std::net::IpAddr;
use std::sync::Arc;

use t11_core::World;
use t11_proto::method::RateClass;
use t11_runtime::Redis;
use t11_runtime::limiter::{LimitKey, Limiter, Quota, TooMany, limiter};

use crate::config::{Limits, Rate};
use crate::error::Error;

/// The limits of calls.
pub(crate) struct RateLimits(Option<Classes>);

struct Classes {
    read: Arc<dyn Limiter>,
    write: Arc<dyn Limiter>,
    secret: Arc<dyn Limiter>,
    model: Arc<dyn Limiter>,
    /// Sessions that accounts must be asked about, by address: what a flood of made-up tokens
    /// counts against.
    unknown: Arc<dyn Limiter>,
}

impl RateLimits {
    pub(crate) fn new(limits: &Limits, redis: Option<&Redis>, world: &World) -> Self {
        let class = |name, rate: Rate| {
            let quota = Quota {
                per_minute: rate.per_minute,
                burst: rate.burst,
            };
            limiter(redis, world, name, quota, limits.replicas)
        };
        Self(limits.enabled.then(|| Classes {
            read: class("edge.read", limits.read),
            write: class("edge.write", limits.write),
            secret: class("edge.secret", limits.secret),
            model: class("edge.model", limits.model),
            unknown: class("edge.unknown", limits.read),
        }))
    }

    /// Counts one call.
    ///
    /// # Errors
    /// [`Error::RateLimited`] with the time until the next one may pass.
    pub(crate) async fn count(&self, class: RateClass, key: &LimitKey) -> Result<(), Error> {
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
        Ok(limiter.count(key).await?)
    }

    /// Counts one token that accounts must be asked about.
    ///
    /// # Errors
    /// As [`Self::count`].
    pub(crate) async fn count_unknown(&self, address: IpAddr) -> Result<(), Error> {
        let Some(classes) = &self.0 else {
            return Ok(());
        };
        Ok(classes.unknown.count(&LimitKey::Address(address)).await?)
    }
}

impl From<TooMany> for Error {
    fn from(TooMany { wait }: TooMany) -> Self {
        Self::RateLimited { wait }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, TimeDelta};
    use t11_core::ManualWorld;

    use super::*;

    fn key(n: u8) -> LimitKey {
        LimitKey::Digest([n; 32])
    }

    #[tokio::test]
    async fn a_burst_passes_and_then_the_rate_holds() {
        let world = ManualWorld::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap(), 1);
        let secret = Rate {
            per_minute: 60,
            burst: 3,
        };
        let limits = Limits {
            secret,
            ..Limits::default()
        };
        let limits = RateLimits::new(&limits, None, &world.world());
        let ask = async |n| limits.count(RateClass::Secret, &key(n)).await;
        for _ in 0..3 {
            assert!(ask(1).await.is_ok());
        }
        let Err(Error::RateLimited { wait }) = ask(1).await else {
            panic!("the fourth must wait")
        };
        assert_eq!(wait, Duration::from_secs(1));
        assert!(ask(2).await.is_ok(), "another caller is not held up");
        let read = limits.count(RateClass::Read, &key(1)).await;
        assert!(read.is_ok(), "nor another class");
        world.advance(TimeDelta::seconds(1));
        assert!(ask(1).await.is_ok());
        assert!(ask(1).await.is_err());
    }

    #[tokio::test]
    async fn replicas_that_count_by_themselves_share_the_limit() {
        let limits = Limits {
            read: Rate {
                per_minute: 60,
                burst: 4,
            },
            replicas: 2,
            ..Limits::default()
        };
        let limits = RateLimits::new(&limits, None, &World::system());
        for passes in [true, true, false] {
            let counted = limits.count(RateClass::Read, &key(1)).await;
            assert_eq!(counted.is_ok(), passes);
        }
    }

    #[tokio::test]
    async fn switched_off_nothing_is_counted() {
        let none = Rate {
            per_minute: 1,
            burst: 1,
        };
        let limits = Limits {
            enabled: false,
            read: none,
            ..Limits::default()
        };
        let limits = RateLimits::new(&limits, None, &World::system());
        for _ in 0..10 {
            assert!(limits.count(RateClass::Read, &key(1)).await.is_ok());
        }
    }
}
