//! What every call of a model needs: the provider, its models, another try, a meter.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use t11_core::{OrgId, OrgScope, World};
use uuid::Uuid;

use crate::catalog::Catalog;
use crate::ledger::Ledger;
use crate::meter::{Meter, MeterParts};
use crate::provider::Provider;
use crate::retry::Retry;

/// The way to the models. Clones share everything.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) ledger: Ledger,
    pub(crate) retry: Retry,
    pub(crate) world: World,
}

/// A call about to begin.
#[derive(Debug)]
pub(crate) struct NewCall {
    /// `None` = a new one.
    pub(crate) request_id: Option<Uuid>,
    pub(crate) purpose: String,
    /// `agents/{agent}`; may be empty.
    pub(crate) agent: String,
    pub(crate) model: String,
    /// Estimated.
    pub(crate) prompt_tokens: i64,
}

impl Gateway {
    /// Begins to measure a call.
    pub(crate) fn meter(&self, scope: &OrgScope, call: NewCall) -> Meter {
        Meter::start(MeterParts {
            ledger: self.ledger.clone(),
            catalog: self.catalog.clone(),
            scope: scope.clone(),
            id: self.world.new_id(),
            request_id: call.request_id.unwrap_or_else(|| self.world.new_id()),
            create_time: self.world.now(),
            purpose: call.purpose,
            agent: call.agent,
            provider: self.provider.name(),
            model: call.model,
            prompt_tokens: call.prompt_tokens,
        })
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
