//! What every call of a model needs: the provider, its models, another try, a meter.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use t11_core::{OrgId, OrgScope, World};
use uuid::Uuid;

use crate::allowance::{Allowances, WINDOW};
use crate::budget::{Purse, Worst};
use crate::catalog::Catalog;
use crate::draw::Allowance;
use crate::error::Error;
use crate::keys::Keys;
use crate::ledger::Ledger;
use crate::meter::{Meter, MeterParts};
use crate::money::NanoUsd;
use crate::privacy::Privacy;
use crate::provider::Provider;
use crate::retry::Retry;
use crate::router::Router;
use crate::store::{Reservation, Store};
use crate::usage::{Bill, CallRecord, Outcome};

/// After its end a call is settled within this, or its process is dead.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);

/// The way to the models. Clones share everything.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) store: Store,
    pub(crate) allowances: Allowances,
    pub(crate) ledger: Ledger,
    pub(crate) retry: Retry,
    pub(crate) router: Arc<Router>,
    pub(crate) privacy: Arc<Privacy>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) world: World,
    /// No call takes longer.
    pub(crate) longest_call: Duration,
}

/// A call about to begin.
#[derive(Debug, Clone)]
pub(crate) struct NewCall {
    /// `None` = a new one.
    pub(crate) request_id: Option<Uuid>,
    pub(crate) purpose: String,
    /// `agents/{agent}`; may be empty.
    pub(crate) agent: String,
    pub(crate) model: String,
    /// Estimated.
    pub(crate) prompt_tokens: i64,
    /// What it can cost at most.
    pub(crate) worst: Worst,
    /// What it is paid from besides the budgets of its organization and agent.
    pub(crate) purses: Vec<Purse>,
    /// Whether it is made whatever is left.
    pub(crate) is_guard: bool,
}

impl Gateway {
    /// Reserves what a call can cost at most, for good, and begins to measure it.
    ///
    /// # Errors
    /// [`Error::BudgetExceeded`](crate::error::Error::BudgetExceeded), or when it cannot be kept.
    pub(crate) async fn meter(&self, scope: &OrgScope, call: NewCall) -> Result<Meter, Error> {
        let now = self.world.now();
        let reservation = Reservation {
            id: self.world.new_id(),
            request_id: call.request_id.unwrap_or_else(|| self.world.new_id()),
            purpose: call.purpose,
            agent: call.agent,
            provider: self.provider.name().to_owned(),
            amount: self.worst_price(call.worst, &call.model),
            model: call.model,
            create_time: now,
            expire_time: now + WINDOW + self.longest_call + SETTLED_WITHIN,
        };
        let parts = MeterParts {
            ledger: self.ledger.clone(),
            catalog: self.catalog.clone(),
            scope: scope.clone(),
            // Its reservation may be that of others too.
            id: self.world.new_id(),
            request_id: reservation.request_id,
            create_time: now,
            purpose: reservation.purpose.clone(),
            agent: reservation.agent.clone(),
            provider: self.provider.name(),
            model: reservation.model.clone(),
            prompt_tokens: call.prompt_tokens,
            tells_charges: self.provider.tells_charges(),
        };
        let draw = match call.is_guard {
            true => {
                self.allowances
                    .draw_in_any_case(scope, reservation, call.purses)
                    .await
            }
            false => self.allowances.draw(scope, reservation, call.purses).await,
        };
        Ok(Meter::start(parts, draw?))
    }

    /// Records that a call was answered without asking anybody, beside it.
    pub(crate) fn record_hit(&self, scope: &OrgScope, call: &NewCall, model: &str, total_ms: i32) {
        let record = CallRecord {
            id: self.world.new_id(),
            request_id: call.request_id.unwrap_or_else(|| self.world.new_id()),
            create_time: self.world.now(),
            purpose: call.purpose.clone(),
            agent: call.agent.clone(),
            provider: self.provider.name().into(),
            model: model.to_owned(),
            key: None,
            cached: true,
            generation: String::new(),
            outcome: Outcome::Ok,
            reason: None,
            bill: Bill::NOTHING,
            attempts: 0,
            first_token_ms: Some(total_ms),
            total_ms,
        };
        // Nothing was reserved for it.
        let (_, draw) = Allowance::new(scope.org(), record.id, NanoUsd(0), NanoUsd(0));
        drop(self.ledger.begin(record, self.ledger.watched(draw)));
    }

    /// What a call of the model can cost at most. A model without a price is as dear as the
    /// dearest known one.
    pub(crate) fn worst_price(&self, worst: Worst, model: &str) -> NanoUsd {
        let prices = self.catalog.prices(model);
        let prices = prices.or_else(|| self.catalog.dearest());
        // Who names no price at all, asks none.
        prices.map_or(NanoUsd(0), |prices| worst.price(prices))
    }
}

/// Stands for the organization at the provider, so that one that is blocked there does not take
/// the others with it, and none is named.
pub(crate) fn pseudonym(org: OrgId) -> String {
    let digest = Sha256::new()
        .chain_update(b"t11/llm/user/")
        .chain_update(org.0.as_bytes())
        .finalize();
    digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
