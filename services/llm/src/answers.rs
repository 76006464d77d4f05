//! Answers that are kept for equal requests of one organization. Equal requests at the same time are
//! one call.
//!
//! What is kept is what the provider was shown and said: where values of people were masked, there
//! are placeholders, and whoever gets the answer has their own values put in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use t11_core::OrgId;
use t11_runtime::{Cache, CacheKey};
use tokio::sync::OnceCell;

use crate::failure::Failure;
use crate::provider::{FinishReason, Message, Prompt, Role};
use crate::route::Way;

/// Whether an answer may be kept, and whether there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    NotAsked,
    NotDeterministic,
    Tools,
    /// It may.
    Miss,
    Hit,
}

/// An answer to a prompt, as its provider gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptAnswer {
    pub(crate) text: String,
    pub(crate) reason: FinishReason,
    /// That served.
    pub(crate) model: String,
}

/// Kept answers, and those that are on their way.
#[derive(Clone)]
pub(crate) struct Answers {
    cache: Cache,
    flights: Arc<Mutex<HashMap<CacheKey, Arc<Flight>>>>,
}

/// A call that others wait for. Should its caller leave, the next one makes it anew.
type Flight = OnceCell<Landed>;

/// What came of a call, as far as those who waited may have it.
#[derive(Debug, Clone)]
pub(crate) enum Landed {
    Answered(Arc<KeptAnswer>),
    /// The provider failed.
    Failed(Failure),
    /// It is of its caller alone: a budget, for one.
    OfItsOwn,
}

/// A place in a flight; the last one to leave it ends it.
struct Seat<'a> {
    answers: &'a Answers,
    key: CacheKey,
    flight: Arc<Flight>,
}

impl Answers {
    pub(crate) fn new(cache: Cache) -> Self {
        Self {
            cache,
            flights: Arc::default(),
        }
    }

    /// The answer that is kept.
    pub(crate) async fn kept(&self, key: &CacheKey) -> Option<KeptAnswer> {
        let kept = self.cache.get(key).await?;
        let read = serde_json::from_slice(&kept);
        read.inspect_err(|error| tracing::warn!(%error, "a kept answer cannot be read"))
            .ok()
    }

    /// What comes of the call that is made for all who ask for the same now: by `call`, or by
    /// another one's. An answer that ended by itself is kept for `time`.
    pub(crate) async fn fly<F>(&self, key: CacheKey, time: Duration, call: F) -> Landed
    where
        F: Future<Output = Landed>,
    {
        let seat = self.seat(key);
        let landing = seat.flight.get_or_init(|| async {
            let landed = call.await;
            if let Landed::Answered(answer) = &landed {
                self.keep(&key, answer, time).await;
            }
            landed
        });
        landing.await.clone()
    }

    async fn keep(&self, key: &CacheKey, answer: &KeptAnswer, time: Duration) {
        if answer.reason != FinishReason::Stop {
            return;
        }
        match serde_json::to_vec(answer) {
            Ok(bytes) => self.cache.put(key, Bytes::from(bytes), time).await,
            Err(error) => tracing::warn!(%error, "an answer cannot be kept"),
        }
    }

    fn seat(&self, key: CacheKey) -> Seat<'_> {
        let flight = self.flights.lock().entry(key).or_default().clone();
        Seat {
            answers: self,
            key,
            flight,
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut flights = self.answers.flights.lock();
        let is_last = flights.get(&self.key).is_some_and(|flight| {
            // The map's own and this one.
            Arc::ptr_eq(flight, &self.flight) && Arc::strong_count(flight) == 2
        });
        if is_last {
            flights.remove(&self.key);
        }
    }
}

/// Whether the answer to a prompt is the same each time, and has no effects.
pub(crate) fn may_keep(prompt: &Prompt) -> Verdict {
    if !prompt.tools.is_empty() {
        Verdict::Tools
    } else if prompt.temperature != Some(0.0) {
        Verdict::NotDeterministic
    } else {
        Verdict::Miss
    }
}

/// What equal requests have in common: their organization, whom they ask, and the prompt as a
/// provider is shown it.
pub(crate) fn key(org: OrgId, way: &Way, prompt: &Prompt) -> CacheKey {
    let models: Vec<_> = way.targets.iter().map(|target| &target.model).collect();
    let messages: Vec<_> = prompt.messages.iter().map(message).collect();
    let schema = prompt.response_schema.as_ref();
    let whole = json!([
        org.0,
        models,
        messages,
        prompt.max_tokens,
        schema.map(|schema| schema.get()),
    ]);
    Sha256::digest(whole.to_string().as_bytes()).into()
}

fn message(message: &Message) -> serde_json::Value {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let calls = message.tool_calls.iter();
    let calls: Vec<_> = calls
        .map(|call| [&call.id, &call.name, &call.arguments])
        .collect();
    json!([role, message.content, message.tool_call_id, calls])
}

#[cfg(test)]
mod tests;
