//! Counts one running call, and records it however it ends.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use t11_core::OrgScope;
use tokio::time::Instant;
use uuid::Uuid;

use crate::catalog::Catalog;
use crate::failure::Failure;
use crate::ledger::Ledger;
use crate::money::NanoUsd;
use crate::provider::{Finish, Tokens};
use crate::usage::{Bill, CallRecord, Outcome, estimate_tokens};

/// What is known when the call begins.
pub(crate) struct MeterParts {
    pub(crate) ledger: Ledger,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) scope: OrgScope,
    pub(crate) id: Uuid,
    pub(crate) request_id: Uuid,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) purpose: String,
    pub(crate) agent: String,
    pub(crate) provider: &'static str,
    pub(crate) model: String,
    /// Estimated.
    pub(crate) prompt_tokens: i64,
    pub(crate) reserved: NanoUsd,
}

/// What a call that ended well took.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) bill: Bill,
    /// The model that served.
    pub(crate) model: String,
    pub(crate) provider: &'static str,
    pub(crate) first_token_ms: i32,
    pub(crate) total_ms: i32,
}

/// A call that runs. Dropped before its end, it was cancelled.
pub(crate) struct Meter {
    parts: MeterParts,
    start: Instant,
    tries: i32,
    /// Estimated.
    completion_tokens: i64,
    first_token_ms: Option<i32>,
    recorded: bool,
}

impl Meter {
    /// Starts now.
    pub(crate) fn start(parts: MeterParts) -> Self {
        Self {
            parts,
            start: Instant::now(),
            tries: 1,
            completion_tokens: 0,
            first_token_ms: None,
            recorded: false,
        }
    }

    pub(crate) fn tried(&mut self, tries: i32) {
        self.tries = tries;
    }

    /// A piece of the answer came.
    pub(crate) fn content(&mut self, text: &str) {
        if self.first_token_ms.is_none() {
            self.first_token_ms = Some(self.elapsed_ms());
        }
        self.completion_tokens += estimate_tokens(text);
    }

    /// The answer ended well. Returns when that is recorded.
    pub(crate) async fn finish(&mut self, finish: Finish) -> Settled {
        if !finish.model.is_empty() {
            self.parts.model = finish.model;
        }
        let prices = self.parts.catalog.prices(&self.parts.model);
        let bill = Bill::settle(finish.tokens, finish.cost, || self.estimate(), prices)
            .charged(self.parts.reserved);
        let mut record = self.close(Outcome::Ok, bill);
        record.generation = finish.generation;
        let settled = Settled {
            bill,
            model: record.model.clone(),
            provider: self.parts.provider,
            first_token_ms: record.first_token_ms.unwrap_or(record.total_ms),
            total_ms: record.total_ms,
        };
        self.parts.ledger.record(&self.parts.scope, record).await;
        settled
    }

    /// The call failed. Returns when that is recorded.
    pub(crate) async fn fail(&mut self, failure: &Failure) {
        // Providers charge nothing for what they did not begin to answer.
        let bill = match self.first_token_ms {
            Some(_) => self.estimated_bill(),
            None => Bill::NOTHING,
        };
        let mut record = self.close(Outcome::Failed, bill);
        record.reason = Some(failure.class.reason());
        tracing::warn!(
            llm.model = record.model, reason = failure.class.reason(), cause = %failure.cause,
            attempts = record.attempts, duration_ms = record.total_ms, "a model call failed",
        );
        self.parts.ledger.record(&self.parts.scope, record).await;
    }

    fn estimated_bill(&self) -> Bill {
        let prices = self.parts.catalog.prices(&self.parts.model);
        Bill::settle(None, None, || self.estimate(), prices).charged(self.parts.reserved)
    }

    fn estimate(&self) -> Tokens {
        Tokens {
            prompt: self.parts.prompt_tokens,
            completion: self.completion_tokens,
            cached: 0,
        }
    }

    fn close(&mut self, outcome: Outcome, bill: Bill) -> CallRecord {
        self.recorded = true;
        let parts = &self.parts;
        CallRecord {
            id: parts.id,
            request_id: parts.request_id,
            create_time: parts.create_time,
            purpose: parts.purpose.clone(),
            agent: parts.agent.clone(),
            provider: parts.provider.into(),
            model: parts.model.clone(),
            generation: String::new(),
            outcome,
            reason: None,
            bill,
            attempts: self.tries,
            first_token_ms: self.first_token_ms,
            total_ms: self.elapsed_ms(),
        }
    }

    fn elapsed_ms(&self) -> i32 {
        i32::try_from(self.start.elapsed().as_millis()).unwrap_or(i32::MAX)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if !self.recorded {
            let bill = self.estimated_bill();
            let record = self.close(Outcome::Cancelled, bill);
            drop(self.parts.ledger.begin(&self.parts.scope, record));
        }
    }
}
