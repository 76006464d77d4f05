//! Counts one running call, and records it however it ends.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use t11_core::OrgScope;
use tokio::time::Instant;
use uuid::Uuid;

use crate::catalog::Catalog;
use crate::draw::Draw;
use crate::failure::Failure;
use crate::health::Permit;
use crate::ledger::{Keeping, Ledger};
use crate::money::NanoUsd;
use crate::provider::{Event, Finish, Tokens, Trail};
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
    /// Whether the provider tells afterwards what a call that was left came to.
    pub(crate) tells_charges: bool,
}

/// What a call that ended well took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) bill: Bill,
    /// The model that served.
    pub(crate) model: String,
    pub(crate) provider: &'static str,
    pub(crate) first_token_ms: i32,
    pub(crate) total_ms: i32,
    /// The answer is that of an equal request.
    pub(crate) cached: bool,
}

/// A call that runs. Dropped before its end, it was cancelled.
pub(crate) struct Meter {
    parts: MeterParts,
    start: Instant,
    tries: i32,
    /// Estimated.
    completion_tokens: i64,
    first_token_ms: Option<i32>,
    /// Tells the target's health how the call ended.
    permit: Option<Permit>,
    /// An organization's own key.
    key: Option<Uuid>,
    trail: Trail,
    /// What the call may cost; `None` once it is recorded.
    draw: Option<Draw>,
}

impl Settled {
    /// Both calls together, as the caller of the second sees them.
    pub(crate) fn after(self, first: &Self) -> Self {
        let (one, other) = (first.bill, self.bill);
        Self {
            bill: Bill {
                tokens: Tokens {
                    prompt: one.tokens.prompt + other.tokens.prompt,
                    completion: one.tokens.completion + other.tokens.completion,
                    cached: one.tokens.cached + other.tokens.cached,
                },
                cost: one.cost + other.cost,
                cost_known: one.cost_known && other.cost_known,
            },
            first_token_ms: first.total_ms.saturating_add(self.first_token_ms),
            total_ms: first.total_ms.saturating_add(self.total_ms),
            ..self
        }
    }
}

impl Meter {
    /// Starts now.
    pub(crate) fn start(parts: MeterParts, draw: Draw) -> Self {
        Self {
            parts,
            start: Instant::now(),
            tries: 1,
            completion_tokens: 0,
            first_token_ms: None,
            permit: None,
            key: None,
            trail: Trail::default(),
            draw: Some(draw),
        }
    }

    pub(crate) fn tried(&mut self, tries: i32) {
        self.tries = tries;
    }

    /// The call is one of a target whose health is watched.
    pub(crate) fn permitted(&mut self, permit: Permit) {
        self.permit = Some(permit);
    }

    /// The key that the call is made with; `None` = the platform's.
    pub(crate) fn keyed(&mut self, key: Option<Uuid>) {
        self.key = key;
    }

    /// What becomes of the call says nothing of its target.
    pub(crate) fn spare_target(&mut self) {
        self.permit = None;
    }

    /// Where the provider notes what is learned of the call.
    pub(crate) fn trail(&self) -> Trail {
        self.trail.clone()
    }

    /// An event of the answer came.
    pub(crate) fn heard(&mut self, event: &Event) {
        match event {
            Event::Text(text) => self.content(text),
            Event::ToolCall(call) => self.content(&call.arguments),
            Event::Finish(_) => {}
        }
    }

    fn content(&mut self, text: &str) {
        if self.first_token_ms.is_none() {
            self.first_token_ms = Some(self.elapsed_ms());
        }
        self.completion_tokens += estimate_tokens(text);
    }

    /// The answer ended well. Returns when that is recorded, if others may wait for what it left.
    pub(crate) async fn finish(&mut self, finish: Finish) -> Settled {
        if !finish.model.is_empty() {
            self.parts.model = finish.model;
        }
        if let Some(permit) = self.permit.take() {
            permit.succeeded(self.first_content());
        }
        let prices = self.parts.catalog.prices(&self.parts.model);
        let bill = Bill::settle(finish.tokens, finish.cost, || self.estimate(), prices)
            .charged(self.reserved());
        let mut record = self.close(Outcome::Ok, bill);
        record.generation = finish.generation;
        let settled = Settled {
            bill,
            model: record.model.clone(),
            provider: self.parts.provider,
            first_token_ms: record.first_token_ms.unwrap_or(record.total_ms),
            total_ms: record.total_ms,
            cached: false,
        };
        self.keep(record).kept().await;
        settled
    }

    /// The call failed. Returns when that is recorded, or kept to be asked for.
    pub(crate) async fn fail(&mut self, failure: &Failure) {
        self.hear_of(failure);
        let free = failure.free && self.first_token_ms.is_none();
        let bill = match free {
            true => Bill::NOTHING,
            false => self.estimated_bill(),
        };
        let mut record = self.close(Outcome::Failed, bill);
        record.reason = Some(failure.class.reason().into());
        tracing::warn!(
            llm.model = record.model, reason = failure.class.reason(), cause = %failure.cause,
            attempts = record.attempts, duration_ms = record.total_ms, "a model call failed",
        );
        let keeping = match free {
            true => self.keep(record),
            false => self.leave(record),
        };
        keeping.kept().await;
    }

    /// The call failed, cost nothing, and is made again elsewhere: what was reserved is given
    /// back.
    pub(crate) fn give_back(mut self, failure: &Failure) {
        self.hear_of(failure);
        if let Some(draw) = self.draw.take() {
            self.parts.ledger.release(draw);
        }
    }

    fn hear_of(&mut self, failure: &Failure) {
        if let Some(permit) = self.permit.take() {
            permit.failed(failure);
        }
    }

    fn keep(&mut self, record: CallRecord) -> Keeping {
        let draw = self.draw.take();
        draw.map_or(Keeping::nothing(), |draw| {
            self.parts.ledger.begin(record, draw)
        })
    }

    /// Keeps the record of a call whose cost may be asked for later.
    fn leave(&mut self, mut record: CallRecord) -> Keeping {
        record.generation = self.trail.generation().to_owned();
        let is_told = self.parts.tells_charges && !record.generation.is_empty();
        if !is_told || record.bill.cost_known {
            return self.keep(record);
        }
        let draw = self.draw.take();
        draw.map_or(Keeping::nothing(), |draw| {
            self.parts.ledger.defer(&self.parts.scope, record, draw)
        })
    }

    /// What the call may cost; nothing once that is settled.
    fn reserved(&self) -> NanoUsd {
        self.draw.as_ref().map(Draw::amount).unwrap_or_default()
    }

    fn estimated_bill(&self) -> Bill {
        let prices = self.parts.catalog.prices(&self.parts.model);
        Bill::settle(None, None, || self.estimate(), prices).charged(self.reserved())
    }

    fn estimate(&self) -> Tokens {
        Tokens {
            prompt: self.parts.prompt_tokens,
            completion: self.completion_tokens,
            cached: 0,
        }
    }

    fn close(&self, outcome: Outcome, bill: Bill) -> CallRecord {
        let parts = &self.parts;
        CallRecord {
            id: parts.id,
            request_id: parts.request_id,
            create_time: parts.create_time,
            purpose: parts.purpose.clone(),
            agent: parts.agent.clone(),
            provider: parts.provider.into(),
            model: parts.model.clone(),
            key: self.key,
            cached: false,
            generation: String::new(),
            outcome,
            reason: None,
            bill,
            attempts: self.tries,
            first_token_ms: self.first_token_ms,
            total_ms: self.elapsed_ms(),
        }
    }

    fn first_content(&self) -> Option<Duration> {
        let millis = u64::try_from(self.first_token_ms?).ok()?;
        Some(Duration::from_millis(millis))
    }

    fn elapsed_ms(&self) -> i32 {
        i32::try_from(self.start.elapsed().as_millis()).unwrap_or(i32::MAX)
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.draw.is_some() {
            let bill = self.estimated_bill();
            let record = self.close(Outcome::Cancelled, bill);
            drop(self.leave(record));
        }
    }
}
