//! One completion from request to record: choose the model, try, stream, settle.

use std::time::Duration;

use futures::StreamExt as _;
use serde_json::value::RawValue;
use t11_core::OrgScope;
use tokio::time::Instant;
use uuid::Uuid;

use crate::budget::{Purse, Worst};
use crate::error::Error;
use crate::failure::Failure;
use crate::gateway::{Gateway, NewCall, pseudonym};
use crate::meter::{Meter, Settled};
use crate::provider::{Answer, Event, FinishReason, Message, Prompt, Tool, ToolCall};
use crate::usage::estimate_tokens;

/// A request for a completion, checked.
#[derive(Debug)]
pub(crate) struct NewCompletion {
    /// Empty = the default.
    pub(crate) model: String,
    pub(crate) messages: Vec<Message>,
    pub(crate) temperature: Option<f64>,
    pub(crate) max_tokens: u32,
    pub(crate) response_schema: Option<Box<RawValue>>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) session_id: String,
    pub(crate) purpose: String,
    /// `agents/{agent}`; may be empty.
    pub(crate) agent: String,
    pub(crate) request_id: Option<Uuid>,
    /// What it is paid from besides the budgets of its organization and agent.
    pub(crate) purses: Vec<Purse>,
}

/// Makes completions.
#[derive(Clone)]
pub(crate) struct Completions {
    gateway: Gateway,
    /// A completion takes no longer, all tries together.
    longest: Duration,
}

/// What the caller sees of a completion.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CompletionEvent {
    Text(String),
    ToolCall(ToolCall),
    Finish {
        reason: FinishReason,
        settled: Settled,
    },
}

/// A completion that has begun to come. Dropping it cancels the call and records it as such.
pub(crate) struct Completion {
    first: Option<Event>,
    answer: Answer,
    meter: Meter,
}

impl Completions {
    pub(crate) fn new(gateway: Gateway, longest: Duration) -> Self {
        Self { gateway, longest }
    }

    /// Asks the model and waits for the first event of its answer. Until then a failure that
    /// passes is followed by another try.
    pub(crate) async fn begin(
        &self,
        scope: &OrgScope,
        new: NewCompletion,
    ) -> Result<Completion, Error> {
        let deadline = Instant::now() + self.longest;
        let model = match new.model.as_str() {
            "" => self.gateway.catalog.default_model().await?,
            _ => new.model,
        };
        let prompt = Prompt {
            model,
            messages: new.messages,
            temperature: new.temperature,
            max_tokens: new.max_tokens,
            response_schema: new.response_schema,
            tools: new.tools,
            session_id: new.session_id,
            user: pseudonym(scope.org()),
        };
        let call = NewCall {
            request_id: new.request_id,
            purpose: new.purpose,
            agent: new.agent,
            model: prompt.model.clone(),
            prompt_tokens: prompt
                .messages
                .iter()
                .map(|message| estimate_tokens(&message.content))
                .sum(),
            worst: worst(&prompt),
            purses: new.purses,
        };
        let mut meter = self.gateway.meter(scope, call).await?;
        let attempt = || self.attempt(&prompt, deadline);
        let (tries, outcome) = self.gateway.retry.run(deadline, attempt).await;
        meter.tried(tries);
        match outcome {
            Ok((first, answer)) => Ok(Completion {
                first: Some(first),
                answer,
                meter,
            }),
            Err(failure) => {
                meter.fail(&failure).await;
                Err(failure.into())
            }
        }
    }

    async fn attempt(
        &self,
        prompt: &Prompt,
        deadline: Instant,
    ) -> Result<(Event, Answer), Failure> {
        let mut answer = self.gateway.provider.complete(prompt, deadline).await?;
        let first = answer
            .next()
            .await
            .unwrap_or_else(|| Err(ended_silently()))?;
        Ok((first, answer))
    }
}

impl Completion {
    /// The next event; the last one is [`CompletionEvent::Finish`].
    pub(crate) async fn next(&mut self) -> Result<CompletionEvent, Failure> {
        let event = match self.first.take() {
            Some(event) => Ok(event),
            None => self
                .answer
                .next()
                .await
                .unwrap_or_else(|| Err(ended_silently())),
        };
        match event {
            Ok(Event::Text(text)) => {
                self.meter.content(&text);
                Ok(CompletionEvent::Text(text))
            }
            Ok(Event::ToolCall(call)) => {
                self.meter.content(&call.arguments);
                Ok(CompletionEvent::ToolCall(call))
            }
            Ok(Event::Finish(finish)) => {
                let reason = finish.reason;
                let settled = self.meter.finish(finish).await;
                Ok(CompletionEvent::Finish { reason, settled })
            }
            Err(failure) => {
                self.meter.fail(&failure).await;
                Err(failure)
            }
        }
    }
}

fn worst(prompt: &Prompt) -> Worst {
    let in_message = |message: &Message| {
        let calls = message.tool_calls.iter();
        let calls = calls.map(|call| call.name.len() + call.arguments.len());
        message.content.len() + calls.sum::<usize>()
    };
    let in_tool =
        |tool: &Tool| tool.name.len() + tool.description.len() + tool.parameters.get().len();
    let schema = prompt.response_schema.as_ref();
    Worst {
        prompt_bytes: prompt.messages.iter().map(in_message).sum::<usize>()
            + prompt.tools.iter().map(in_tool).sum::<usize>()
            + schema.map_or(0, |schema| schema.get().len()),
        messages: prompt.messages.len() + prompt.tools.len(),
        max_tokens: prompt.max_tokens,
    }
}

fn ended_silently() -> Failure {
    Failure::cut("no_finish", "the answer ended without a last word")
}
