//! Who may call Kommo now.
//!
//! Kommo counts 7 calls a second, by address or by integration, and blocks who goes on after a 429
//! until a person asks its support. So every call passes here: a budget for each account and one for
//! our address, answers to clients before people's clicks before synchronisation, and a rest for
//! the account (or the address) that Kommo has refused.
//!
//! Sources: Kommo docs, `limitations`, `http-codes`.

mod queue;
mod rest;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;

use self::queue::Queue;
use self::rest::{Rests, Verdict};
use crate::error::Error;
use crate::host::AccountHost;

/// What an account is given by default, in calls a second: other integrations share Kommo's limit.
pub const ACCOUNT_PER_SECOND: u32 = 4;
/// What of that synchronisation may take, so that an answer to a client always finds room.
pub const SYNC_PER_SECOND: u32 = 2;
/// What an address is given by Kommo, in calls a second. A budget of it must have no burst.
pub const ADDRESS_PER_SECOND: u32 = 7;

/// How urgent a call is. The first of a higher lane goes before all of a lower one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// An answer to a client, and what is read to give it.
    Reply,
    /// Somebody waits before a screen.
    Person,
    /// Nobody waits.
    Sync,
}

impl Lane {
    /// How long a call waits for its turn.
    const fn patience(self) -> Duration {
        Duration::from_secs(match self {
            Self::Reply => 20,
            Self::Person => 10,
            Self::Sync => 60,
        })
    }
}

/// What is counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Budget<'a> {
    /// The calls of an account that synchronise: [`SYNC_PER_SECOND`]. They count for
    /// [`Self::Account`] too.
    Sync(&'a AccountHost),
    /// All calls of an account: [`ACCOUNT_PER_SECOND`].
    Account(&'a AccountHost),
    /// All calls from our address: at most [`ADDRESS_PER_SECOND`], without a burst.
    Address,
}

/// That Kommo wants no more calls for so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There were too many (429).
    Limited(Duration),
    /// The account or our address is blocked (403).
    Blocked(Duration),
}

/// Counts calls, and tells other replicas of refusals. The services' limiter and bus do, in the
/// process or for all replicas in Redis; they are handed in, for they link databases and this crate
/// does not.
#[async_trait]
pub trait Meter: Send + Sync + 'static {
    /// Counts one call.
    ///
    /// # Errors
    /// How long to wait when the budget is used up, and then it is not counted.
    async fn count(&self, budget: Budget<'_>) -> Result<(), Duration>;

    /// Kommo has refused a call to the account: others who call it are told, and hand that to
    /// [`Pace::rest`]. One who calls alone tells nobody.
    fn refused(&self, _account: &AccountHost, _refusal: Refusal) {}
}

/// Admits calls. Clones share budgets, queues and rests: keep one in a process.
#[derive(Clone)]
pub struct Pace(Arc<Shared>);

struct Shared {
    meter: Arc<dyn Meter>,
    accounts: Mutex<HashMap<AccountHost, Weak<Queue>>>,
    address: Arc<Queue>,
    rests: Rests,
}

impl Pace {
    /// Calls are counted by `meter`.
    pub fn new(meter: Arc<dyn Meter>) -> Self {
        Self(Arc::new(Shared {
            meter,
            accounts: Mutex::default(),
            address: Arc::default(),
            rests: Rests::default(),
        }))
    }

    /// Lets the account rest: another replica was refused.
    pub fn rest(&self, account: &AccountHost, refusal: Refusal) {
        let verdict = Verdict::Refused(refusal);
        self.0.rests.settle(account, false, verdict);
    }

    /// How long the account still rests; zero when the next call will probe whether it must.
    #[must_use]
    pub fn resting(&self, account: &AccountHost) -> Option<Duration> {
        self.0.rests.left(account)
    }

    /// Waits for the turn of a call.
    ///
    /// # Errors
    /// [`Error::Paced`]: nothing may be sent.
    pub(crate) async fn admit(
        &self,
        account: &AccountHost,
        lane: Lane,
    ) -> Result<Admission<'_>, Error> {
        self.0.rests.check(account)?;
        tokio::time::timeout(lane.patience(), self.0.turn(account, lane))
            .await
            .map_err(|_elapsed| Error::Paced {
                retry_after: Duration::from_secs(1),
            })?;
        // It may have been told to rest meanwhile.
        let is_probe = self.0.rests.begin(account)?;
        Ok(Admission {
            shared: &self.0,
            account: account.clone(),
            is_probe,
            is_settled: false,
        })
    }
}

impl Shared {
    async fn turn(&self, account: &AccountHost, lane: Lane) {
        let queue = self.queue(account);
        let ticket = queue.join(lane);
        if lane == Lane::Sync {
            ticket.pass(&*self.meter, Budget::Sync(account)).await;
        }
        ticket.pass(&*self.meter, Budget::Account(account)).await;
        drop(ticket);
        // Last, so that nothing gathers behind it and leaves at once.
        let ticket = self.address.join(lane);
        ticket.pass(&*self.meter, Budget::Address).await;
    }

    /// The queue of an account, as long as somebody stands in it.
    fn queue(&self, account: &AccountHost) -> Arc<Queue> {
        let mut accounts = self.accounts.lock();
        if let Some(queue) = accounts.get(account).and_then(Weak::upgrade) {
            return queue;
        }
        accounts.retain(|_, queue| queue.strong_count() > 0);
        let queue = Arc::new(Queue::default());
        accounts.insert(account.clone(), Arc::downgrade(&queue));
        queue
    }
}

/// A call that may be made. What came of it is told with [`Admission::settle`].
pub(crate) struct Admission<'a> {
    shared: &'a Shared,
    account: AccountHost,
    is_probe: bool,
    is_settled: bool,
}

impl Admission<'_> {
    pub(crate) fn settle<T>(mut self, outcome: &Result<T, Error>) {
        self.is_settled = true;
        let verdict = Verdict::of(outcome.as_ref().err());
        let Shared { rests, meter, .. } = self.shared;
        rests.settle(&self.account, self.is_probe, verdict);
        if let Verdict::Refused(refusal) = verdict {
            meter.refused(&self.account, refusal);
        }
    }
}

impl Drop for Admission<'_> {
    /// A call that was given up has proved nothing.
    fn drop(&mut self) {
        if !self.is_settled {
            let verdict = Verdict::NoAnswer;
            let rests = &self.shared.rests;
            rests.settle(&self.account, self.is_probe, verdict);
        }
    }
}

#[cfg(test)]
mod tests;
