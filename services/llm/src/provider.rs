//! What a provider of models is to the rest of the service.

pub(crate) mod demo;
pub(crate) mod openai;

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use futures::stream::BoxStream;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::catalog::Model;
use crate::failure::Failure;
use crate::money::NanoUsd;
use crate::provider_key::KeyReport;
use crate::route::Limits;

/// Where completions and vectors come from.
#[async_trait]
pub(crate) trait Provider: Send + Sync {
    /// `openrouter`, `openai-compatible` or `demo`: shown to callers and kept in usage records.
    fn name(&self) -> &'static str;

    /// Asks for one completion. Dropping the future or the answer cancels the call at the
    /// provider.
    async fn complete(&self, attempt: &Attempt<'_>) -> Result<Answer, Failure>;

    /// What a call that was left came to; `None` while the provider does not know it yet. `key` is
    /// the one that it was made with; `None` = the platform's.
    async fn charged(
        &self,
        generation: &str,
        key: Option<&SecretString>,
        deadline: Instant,
    ) -> Result<Option<Charge>, Failure>;

    /// Whether [`Provider::charged`] may answer at all.
    fn tells_charges(&self) -> bool;

    /// Vectors of the texts, in their order, all of one length.
    async fn embed(
        &self,
        batch: &EmbeddingBatch<'_>,
        deadline: Instant,
    ) -> Result<Embeddings, Failure>;

    /// What the provider says of a key; calls no model.
    async fn check_key(&self, key: &SecretString, deadline: Instant) -> Result<KeyReport, Failure>;

    /// The models that can be called.
    async fn models(&self, deadline: Instant) -> Result<Vec<Model>, Failure>;
}

/// A prompt on its way to one model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) model: &'a str,
    pub(crate) prompt: &'a Prompt,
    /// `None` = the platform's.
    pub(crate) key: Option<&'a SecretString>,
    pub(crate) limits: Limits,
    pub(crate) deadline: Instant,
    pub(crate) trail: &'a Trail,
}

/// What is learned of a call while it runs, for those who end it early. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trail {
    generation: Arc<OnceLock<String>>,
}

impl Trail {
    /// The provider's id of the call; the first one told stays.
    pub(crate) fn note_generation(&self, generation: &str) {
        if !generation.is_empty() {
            self.generation.get_or_init(|| generation.to_owned());
        }
    }

    /// Empty = not told.
    pub(crate) fn generation(&self) -> &str {
        self.generation.get().map_or("", String::as_str)
    }
}

/// What a provider took for a call, asked for afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Charge {
    /// The model that served; may be empty.
    pub(crate) model: String,
    pub(crate) tokens: Tokens,
    pub(crate) cost: NanoUsd,
}

/// The events of a completion: any number of texts and tool calls, then [`Event::Finish`]. An
/// answer that ends otherwise ends with a failure.
pub(crate) type Answer = BoxStream<'static, Result<Event, Failure>>;

/// One request for a completion, checked.
#[derive(Debug, Clone)]
pub(crate) struct Prompt {
    pub(crate) messages: Vec<Message>,
    pub(crate) temperature: Option<f64>,
    pub(crate) max_tokens: u32,
    /// JSON Schema that the answer must follow.
    pub(crate) response_schema: Option<Box<RawValue>>,
    pub(crate) tools: Vec<Tool>,
    /// Calls of one conversation share it; may be empty.
    pub(crate) session_id: String,
    /// Stands for the organization at the provider without naming it.
    pub(crate) user: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) role: Role,
    pub(crate) content: String,
    /// For [`Role::Tool`]: the call it answers.
    pub(crate) tool_call_id: String,
    /// For [`Role::Assistant`]: the calls it made.
    pub(crate) tool_calls: Vec<ToolCall>,
    /// The prompt up to here is worth keeping at the provider.
    pub(crate) prompt_cache: Option<PromptCache>,
}

/// For how long a provider is asked to keep a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PromptCache {
    FiveMinutes,
    OneHour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    User,
    Assistant,
    Tool,
}

#[derive(Debug, Clone)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) description: String,
    /// JSON Schema of the arguments.
    pub(crate) parameters: Box<RawValue>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ToolCall {
    pub(crate) id: String,
    pub(crate) name: String,
    /// As the model wrote it.
    pub(crate) arguments: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Never empty.
    Text(String),
    ToolCall(ToolCall),
    Finish(Finish),
}

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finish {
    pub(crate) reason: FinishReason,
    /// The model that served; empty when the provider does not say.
    pub(crate) model: String,
    /// `None` when the provider does not say.
    pub(crate) tokens: Option<Tokens>,
    /// What the provider charges, when it says.
    pub(crate) cost: Option<NanoUsd>,
    /// The provider's own id of the call; empty when it gives none.
    pub(crate) generation: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FinishReason {
    Stop,
    Length,
    ToolCalls,
    ContentFilter,
}

/// Tokens by the model's own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) prompt: i64,
    pub(crate) completion: i64,
    /// Of `prompt`, those read from the provider's cache.
    pub(crate) cached: i64,
}

/// One request for vectors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EmbeddingBatch<'a> {
    pub(crate) model: &'a str,
    pub(crate) texts: &'a [String],
    pub(crate) purpose: EmbeddingPurpose,
    pub(crate) user: &'a str,
    /// `None` = the platform's.
    pub(crate) key: Option<&'a SecretString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EmbeddingPurpose {
    Query,
    Passage,
}

/// Vectors and what they cost.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Embeddings {
    pub(crate) vectors: Vec<Vec<f32>>,
    pub(crate) model: String,
    pub(crate) tokens: Option<Tokens>,
    pub(crate) cost: Option<NanoUsd>,
}
