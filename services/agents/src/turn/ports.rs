//! What a turn needs from outside: a model, sources, somebody who watches.

use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDate;
use futures::stream::BoxStream;

use super::trace::{Passage, PromptMessage, Sentence, Step, Usage};
use crate::agent::Settings;
use crate::price_book::PriceItem;

/// A question to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRequest {
    /// Empty = the default model.
    pub model: String,
    pub messages: Vec<PromptMessage>,
    pub temperature: f64,
    pub max_tokens: i32,
    /// JSON Schema the answer must follow; empty = free text.
    pub schema: String,
    /// What the call is for, in usage records.
    pub purpose: &'static str,
}

/// What a model says.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelEvent {
    Text(String),
    /// The last event; a stream that ends without it was cut.
    Done(Completion),
}

/// A finished call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Completion {
    /// The model that served.
    pub model: String,
    pub usage: Usage,
    pub first_token: Duration,
}

/// The model could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ModelFault {
    /// Stable, of the llm service.
    pub reason: String,
    pub message: String,
    /// Another model may do better.
    pub transient: bool,
}

/// Events of one call.
pub type ModelStream = BoxStream<'static, Result<ModelEvent, ModelFault>>;

/// A language model.
#[async_trait]
pub trait Model: Send + Sync {
    /// Asks; dropping the stream cancels the call.
    ///
    /// # Errors
    /// [`ModelFault`] when the model does not begin to answer.
    async fn complete(&self, request: ModelRequest) -> Result<ModelStream, ModelFault>;
}

/// What the sources say about a question.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Best first; ids are given by the turn.
    pub passages: Vec<Passage>,
    /// Rows of the live price book that the question or the passages name.
    pub prices: Vec<PriceItem>,
    /// Only words were compared.
    pub lexical_only: bool,
}

/// The company's knowledge and prices.
#[async_trait]
pub trait Sources: Send + Sync {
    /// At most `limit` passages for `query` among what the agent may use.
    ///
    /// # Errors
    /// When the sources cannot be read.
    async fn find(
        &self,
        query: &str,
        settings: &Settings,
        today: NaiveDate,
        limit: usize,
    ) -> Result<Found, crate::Error>;
}

/// Sees a turn while it runs.
#[async_trait]
pub trait Observer: Send + Sync {
    /// A step ended.
    async fn step(&self, index: usize, step: &Step);
    /// A sentence passed the number rule and may be shown.
    async fn sentence(&self, sentence: &Sentence);
    /// What was shown is taken back; other sentences follow.
    async fn retracted(&self);
}
