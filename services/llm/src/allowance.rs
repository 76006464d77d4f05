//! What calls are paid from. Money is reserved in SQL, for good, before a model is called. Where
//! calls follow each other closely, more is reserved at once than the next one needs, and those
//! after it draw on that without asking SQL again (ADR 15).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use t11_core::{OrgId, OrgScope, World};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::budget::{Period, Purse};
use crate::draw::{Allowance, Draw};
use crate::error::Error;
use crate::ledger::Ledger;
use crate::money::NanoUsd;
use crate::store::{Reservation, Room, Store};

/// An allowance is drawn on for so long: a change of a budget is felt by every process within this.
pub(crate) const WINDOW: TimeDelta = TimeDelta::seconds(5);
/// One that nobody has drawn on for so long is given back.
const IDLE: TimeDelta = TimeDelta::seconds(1);
/// How often idle ones are looked for.
const EVERY: Duration = Duration::from_secs(1);
/// An allowance is for at most so many calls like the one that asked for it.
const MOST_CALLS: i64 = 256;

/// The allowances of the organizations and their agents. Clones are the same.
#[derive(Clone)]
pub(crate) struct Allowances {
    store: Store,
    ledger: Ledger,
    world: World,
    lanes: Arc<Mutex<Lanes>>,
}

/// By organization and agent: calls of one lane fall under the same budgets.
type Lanes = HashMap<OrgId, HashMap<String, Arc<Lane>>>;

#[derive(Default)]
struct Lane {
    current: Mutex<Option<Current>>,
    /// Held by the one call that reserves for all.
    refill: tokio::sync::Mutex<()>,
}

/// The allowance that calls draw on now.
struct Current {
    allowance: Arc<Allowance>,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    last_draw: DateTime<Utc>,
    draws: i64,
}

impl Allowances {
    pub(crate) fn new(store: Store, ledger: Ledger, world: World) -> Self {
        Self {
            store,
            ledger,
            world,
            lanes: Arc::default(),
        }
    }

    /// Takes what a call may cost from these purses and those of the budgets that it falls under.
    /// A call with purses of its own has its own reservation, which nobody shares.
    ///
    /// # Errors
    /// [`Error::BudgetExceeded`], or when it cannot be reserved.
    pub(crate) async fn draw(
        &self,
        scope: &OrgScope,
        call: Reservation,
        purses: Vec<Purse>,
    ) -> Result<Draw, Error> {
        if purses.is_empty() {
            return self.draw_on_lane(scope, call).await;
        }
        let amount = call.amount;
        let id = self.reserve_exactly(scope, call, purses).await?;
        let draw = Allowance::of_one_call(scope.org(), id, amount);
        Ok(self.ledger.watched(draw))
    }

    /// The same for a call by which the platform guards itself: no cap cuts it, all count it.
    ///
    /// # Errors
    /// When it cannot be reserved.
    pub(crate) async fn draw_in_any_case(
        &self,
        scope: &OrgScope,
        call: Reservation,
        purses: Vec<Purse>,
    ) -> Result<Draw, Error> {
        let (id, amount, world) = (call.id, call.amount, self.world.clone());
        let reserve = self.store.reserve(scope, world, call, purses, Room::Any);
        reserve.await?;
        let draw = Allowance::of_one_call(scope.org(), id, amount);
        Ok(self.ledger.watched(draw))
    }

    /// Returns when everything that calls of the organization came to, as far as it is known, is
    /// in SQL.
    pub(crate) async fn settled(&self, scope: &OrgScope) {
        self.ledger.settled(scope.org()).await;
    }

    /// Gives back what no call has drawn, as far as none runs that shares it: those that begin from
    /// now on ask SQL what they may cost. And as [`Allowances::settled`].
    pub(crate) async fn renew(&self, scope: &OrgScope) {
        let lanes = self.lanes().get(&scope.org()).cloned();
        for lane in lanes.iter().flat_map(HashMap::values) {
            self.retire(lane);
        }
        self.settled(scope).await;
    }

    /// Gives back what nobody draws on, until `shutdown`; then all of it, once no call runs.
    pub(crate) async fn keep(self, shutdown: CancellationToken) {
        while shutdown
            .run_until_cancelled(tokio::time::sleep(EVERY))
            .await
            .is_some()
        {
            self.give_back_idle();
        }
        self.ledger.until_nothing_runs().await;
        let lanes: Vec<_> = self
            .lanes()
            .values()
            .flat_map(HashMap::values)
            .cloned()
            .collect();
        for lane in lanes {
            self.retire(&lane);
        }
        self.ledger.close();
    }

    async fn draw_on_lane(&self, scope: &OrgScope, call: Reservation) -> Result<Draw, Error> {
        let lane = self.lane(scope.org(), &call.agent);
        let (amount, now) = (call.amount, call.create_time);
        if let Some(draw) = lane.draw(amount, now) {
            return Ok(self.ledger.watched(draw));
        }
        let _one = lane.refill.lock().await;
        if let Some(draw) = lane.draw(amount, now) {
            return Ok(self.ledger.watched(draw));
        }
        let calls = lane.calls_expected(now);
        self.retire(&lane);
        let size = NanoUsd(amount.0.saturating_mul(calls));
        let (id, size) = match self.reserve_amply(scope, &call, size).await? {
            Some(id) => (id, size),
            None => (self.reserve_exactly(scope, call, Vec::new()).await?, amount),
        };
        let (allowance, draw) = Allowance::new(scope.org(), id, size, amount);
        lane.begin(allowance, now);
        Ok(self.ledger.watched(draw))
    }

    /// The reservation, if there is ample room for it.
    async fn reserve_amply(
        &self,
        scope: &OrgScope,
        call: &Reservation,
        size: NanoUsd,
    ) -> Result<Option<Uuid>, Error> {
        if size <= call.amount {
            return Ok(None);
        }
        let call = Reservation {
            amount: size,
            ..call.clone()
        };
        let id = call.id;
        let world = self.world.clone();
        let reserved = self
            .store
            .reserve(scope, world, call, Vec::new(), Room::Ample);
        match reserved.await {
            Ok(()) => Ok(Some(id)),
            Err(Error::BudgetExceeded(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reserves for this call alone. What is about to be given back counts.
    async fn reserve_exactly(
        &self,
        scope: &OrgScope,
        call: Reservation,
        purses: Vec<Purse>,
    ) -> Result<Uuid, Error> {
        let (id, world) = (call.id, &self.world);
        let reserve = || {
            let (call, purses) = (call.clone(), purses.clone());
            self.store
                .reserve(scope, world.clone(), call, purses, Room::Enough)
        };
        let mut reserved = reserve().await;
        if matches!(reserved, Err(Error::BudgetExceeded(_))) {
            self.ledger.settled(scope.org()).await;
            reserved = reserve().await;
        }
        if let Err(Error::BudgetExceeded(refusal)) = &reserved {
            let told = self.store.tell_exhausted(
                scope,
                call.agent,
                refusal.scope.clone(),
                call.create_time,
            );
            told.await?;
        }
        reserved.map(|()| id)
    }

    fn lane(&self, org: OrgId, agent: &str) -> Arc<Lane> {
        let mut lanes = self.lanes();
        let lanes = lanes.entry(org).or_default();
        if let Some(lane) = lanes.get(agent) {
            return lane.clone();
        }
        lanes.entry(agent.to_owned()).or_default().clone()
    }

    fn retire(&self, lane: &Lane) {
        let current = lane.current().take();
        let closing = current.and_then(|current| current.allowance.close());
        if let Some(closing) = closing {
            self.ledger.give_back(closing);
        }
    }

    fn give_back_idle(&self) {
        let now = self.world.now();
        let mut idle = Vec::new();
        self.lanes().retain(|_, lanes| {
            lanes.retain(|_, lane| {
                let is_idle = lane.is_idle(now);
                if is_idle {
                    idle.push(lane.clone());
                }
                // Whoever has it in hand goes on with it.
                !is_idle || Arc::strong_count(lane) > 2
            });
            !lanes.is_empty()
        });
        for lane in idle {
            self.retire(&lane);
        }
    }

    fn lanes(&self) -> std::sync::MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn draw(&self, amount: NanoUsd, now: DateTime<Utc>) -> Option<Draw> {
        let mut current = self.current();
        let current = current.as_mut().filter(|current| now < current.until)?;
        let draw = current.allowance.draw(amount)?;
        current.draws += 1;
        current.last_draw = now;
        Some(draw)
    }

    /// Calls draw on this one from now on.
    fn begin(&self, allowance: Arc<Allowance>, now: DateTime<Utc>) {
        let (_, midnight) = Period::Day.around(now);
        *self.current() = Some(Current {
            allowance,
            since: now,
            // The purses of another day are others.
            until: midnight.min(now + WINDOW),
            last_draw: now,
            draws: 1,
        });
    }

    /// As many as there were in two seconds.
    fn calls_expected(&self, now: DateTime<Utc>) -> i64 {
        self.current().as_ref().map_or(1, |current| {
            let millis = (now - current.since).num_milliseconds().max(1_000);
            (current.draws * 2_000 / millis).clamp(1, MOST_CALLS)
        })
    }

    fn is_idle(&self, now: DateTime<Utc>) -> bool {
        let current = self.current();
        current
            .as_ref()
            .is_none_or(|current| now >= current.until || now - current.last_draw >= IDLE)
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
