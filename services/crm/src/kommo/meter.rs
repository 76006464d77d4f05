//! Counts calls to Kommo by the limiters of the mesh: for all replicas together where there is a
//! Redis. All of them rest when one is refused.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::RwLock;
use sha2::{Digest as _, Sha256};
use t11_core::World;
use t11_kommo::AccountHost;
use t11_kommo::pace::{
    self, ACCOUNT_PER_SECOND, ADDRESS_PER_SECOND, Budget, Refusal, SYNC_PER_SECOND,
};
use t11_runtime::limiter::{LimitKey, Limiter, Quota, limiter};
use t11_runtime::{Bus, Redis};

use super::refusals;

/// The rates that an account may be given: a limiter for each.
const RATES: [&str; ADDRESS_PER_SECOND as usize] = [
    "crm.kommo.account.1",
    "crm.kommo.account.2",
    "crm.kommo.account.3",
    "crm.kommo.account.4",
    "crm.kommo.account.5",
    "crm.kommo.account.6",
    "crm.kommo.account.7",
];

/// Counts calls. Clones count together.
#[derive(Clone)]
pub(crate) struct Meter(Arc<Budgets>);

struct Budgets {
    /// By calls a second, from 1.
    accounts: [Arc<dyn Limiter>; ADDRESS_PER_SECOND as usize],
    sync: Arc<dyn Limiter>,
    address: Arc<dyn Limiter>,
    /// Calls a second of accounts that people have set.
    rates: RwLock<HashMap<AccountHost, u32>>,
    /// To the other replicas.
    bus: Bus,
}

impl Meter {
    /// Counts in `redis` if there is one, else as one of `replicas`.
    pub(crate) fn new(redis: Option<&Redis>, world: &World, replicas: u32, bus: Bus) -> Self {
        let of = |name, per_second: u32, burst| {
            let quota = Quota {
                per_minute: per_second * 60,
                burst,
            };
            limiter(redis, world, name, quota, replicas)
        };
        let mut per_second = 0;
        let accounts = RATES.map(|name| {
            per_second += 1;
            // Both together are not more in any second than Kommo bears.
            let burst = (ADDRESS_PER_SECOND - per_second).max(1);
            of(name, per_second, burst)
        });
        Self(Arc::new(Budgets {
            accounts,
            sync: of("crm.kommo.sync", SYNC_PER_SECOND, 1),
            address: of("crm.kommo.address", ADDRESS_PER_SECOND, 1),
            rates: RwLock::default(),
            bus,
        }))
    }

    /// Lets as many calls pass as come, for a stand-in of Kommo.
    pub(crate) fn unlimited(world: &World, bus: Bus) -> Self {
        let quota = Quota {
            per_minute: u32::MAX,
            burst: u32::MAX,
        };
        let of = |name| limiter(None, world, name, quota, 1);
        Self(Arc::new(Budgets {
            accounts: RATES.map(of),
            sync: of("crm.kommo.sync"),
            address: of("crm.kommo.address"),
            rates: RwLock::default(),
            bus,
        }))
    }

    /// For the pace.
    pub(crate) fn shared(&self) -> Arc<dyn pace::Meter> {
        self.0.clone()
    }

    /// Notes how often an account may be called.
    pub(crate) fn set_rate(&self, account: &AccountHost, per_second: u32) {
        if self.0.rate(account) != per_second {
            self.0.rates.write().insert(account.clone(), per_second);
        }
    }
}

impl Budgets {
    fn rate(&self, account: &AccountHost) -> u32 {
        let rates = self.rates.read();
        rates.get(account).copied().unwrap_or(ACCOUNT_PER_SECOND)
    }

    fn of_account(&self, account: &AccountHost) -> &dyn Limiter {
        let rate = self.rate(account).clamp(1, ADDRESS_PER_SECOND);
        &*self.accounts[rate as usize - 1]
    }
}

#[async_trait]
impl pace::Meter for Budgets {
    async fn count(&self, budget: Budget<'_>) -> Result<(), Duration> {
        let (limiter, key) = match budget {
            Budget::Sync(account) => (&*self.sync, account.as_str()),
            Budget::Account(account) => (self.of_account(account), account.as_str()),
            Budget::Address => (&*self.address, "address"),
        };
        let key = LimitKey::Digest(Sha256::digest(key).into());
        limiter.count(&key).await.map_err(|refused| refused.wait)
    }

    fn refused(&self, account: &AccountHost, refusal: Refusal) {
        refusals::tell(&self.bus, account, refusal);
    }
}
