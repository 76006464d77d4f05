//! One completion from request to record: choose the way, ask, stream, settle.

mod kept;

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::value::RawValue;
use t11_core::{OrgScope, Subject};
use tokio::time::Instant;
use uuid::Uuid;

use crate::answers::{Answers, Verdict};
use crate::asking::{Answered, Asking, Progress, Release, WholeAnswer, next_event};
use crate::budget::{Exhaustion, Purse, Worst};
use crate::error::Error;
use crate::failure::Failure;
use crate::gateway::{Gateway, NewCall, pseudonym};
use crate::meter::{Meter, Settled};
use crate::money::NanoUsd;
use crate::privacy::{Policy, Veil};
use crate::provider::{Answer, Event, FinishReason, Message, Prompt, Role, Tool, ToolCall};
use crate::route::Way;
use crate::router::{Candidate, Exclusion, Needs};
use crate::schema;
use crate::usage::estimate_tokens;

/// The purpose, in usage records, of a call that mends an answer.
const REPAIR: &str = "repair";
/// That of one that finds out what a text is.
const CLASSIFY: &str = "classify";

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
    /// Nothing is released before all of it is there.
    pub(crate) whole: bool,
    /// For so long the answer may be kept; zero = not at all, `None` = as the route says.
    pub(crate) cache_time: Option<Duration>,
}

/// Makes completions.
#[derive(Clone)]
pub(crate) struct Completions {
    gateway: Gateway,
    answers: Answers,
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

/// A completion that has begun to come. Dropping it cancels the call and settles it.
pub(crate) struct Completion {
    /// All of an answer that was waited for.
    whole: VecDeque<CompletionEvent>,
    live: Option<Live>,
}

/// An answer that is being written.
struct Live {
    first: Option<Event>,
    answer: Answer,
    meter: Box<Meter>,
}

/// A request on its way.
#[derive(Clone)]
struct Call {
    way: Way,
    prompt: Prompt,
    policy: Policy,
    /// What was masked in the prompt already.
    veil: Veil,
    /// For so long the answer may be kept; zero = not at all.
    cache_time: Duration,
    call: NewCall,
    release: Release,
    deadline: Instant,
}

impl Completions {
    pub(crate) fn new(gateway: Gateway, answers: Answers, longest: Duration) -> Self {
        Self {
            gateway,
            answers,
            longest,
        }
    }

    /// Asks the targets of the request's way until one answers: begins to, or, of a request for a
    /// whole answer, ends. Until then nobody has seen anything, and other targets may be asked.
    pub(crate) async fn begin(
        &self,
        scope: &OrgScope,
        new: NewCompletion,
    ) -> Result<Completion, Error> {
        let call = self.call(scope, new).await?;
        if call.verdict() == Verdict::Miss {
            return Box::pin(self.kept(scope, call)).await;
        }
        match self.ask(scope, &call).await? {
            Answered::Begun {
                first,
                answer,
                meter,
            } => Ok(Completion {
                whole: VecDeque::new(),
                live: Some(Live {
                    first: Some(first),
                    answer,
                    meter,
                }),
            }),
            Answered::Whole(answer) => {
                let answer = Box::pin(self.mended(scope, call, answer)).await?;
                Ok(Completion {
                    whole: events(answer),
                    live: None,
                })
            }
        }
    }

    /// What [`Completions::begin`] would do now.
    pub(crate) async fn explain(
        &self,
        scope: &OrgScope,
        new: NewCompletion,
    ) -> Result<Explanation, Error> {
        let call = self.call(scope, new).await?;
        let cache = self.verdict(scope, &call).await;
        let Call {
            way, prompt, call, ..
        } = call;
        let gateway = &self.gateway;
        let (provider_key, keys_exhausted) = match gateway.keys.next(scope).await {
            Ok(key) => (key.map(|key| key.id), false),
            Err(Error::KeysExhausted(_)) => (None, true),
            Err(error) => return Err(error),
        };
        gateway.allowances.settled(scope).await;
        let left = gateway.store.purses_left(
            scope,
            call.agent.clone(),
            call.purses.clone(),
            gateway.world.now(),
        );
        let left = left.await?;
        let heeded = || left.iter().filter(|_| !call.is_guard);
        let least = heeded().map(|(_, left)| *left).min();
        let refusing = heeded().filter(|(purse, _)| purse.exhaustion == Exhaustion::Refuse);
        let refusing = refusing.map(|(_, left)| *left).min();
        let mut is_refused = false;
        let candidates = gateway
            .router
            .candidates(scope.org(), &way, needs(&prompt, &call));
        let judged = candidates.into_iter().map(|mut candidate| {
            let model = &candidate.target.model;
            let worst = gateway.worst_price(call.worst, model);
            let price_known = gateway.catalog.prices(model).is_some();
            if candidate.exclusion.is_none() {
                is_refused |= refusing.is_some_and(|left| left < worst);
                if is_refused || least.is_some_and(|left| left < worst) {
                    candidate.exclusion = Some(Exclusion::Budget);
                }
            }
            Judged {
                candidate,
                worst,
                price_known,
            }
        });
        let mut candidates: Vec<_> = judged.collect();
        candidates.sort_by_key(|judged| judged.candidate.exclusion.is_some());
        Ok(Explanation {
            route: way.route,
            candidates,
            prompt_tokens: call.prompt_tokens,
            left,
            cache,
            provider_key,
            keys_exhausted,
        })
    }

    async fn call(&self, scope: &OrgScope, new: NewCompletion) -> Result<Call, Error> {
        let deadline = Instant::now() + self.longest;
        let way = self.gateway.router.way(scope, &new.model).await?;
        let policy = self.gateway.privacy.policy(scope).await?;
        let prompt = Prompt {
            messages: new.messages,
            temperature: new.temperature,
            max_tokens: new.max_tokens,
            response_schema: new.response_schema,
            tools: new.tools,
            session_id: new.session_id,
            user: pseudonym(scope.org()),
        };
        let call = NewCall {
            // One for all attempts.
            request_id: new.request_id.or_else(|| Some(self.gateway.world.new_id())),
            agent: new.agent,
            model: String::new(),
            prompt_tokens: prompt_tokens(&prompt),
            worst: worst(&prompt),
            is_guard: is_guard(scope, &new.purpose),
            purpose: new.purpose,
            purses: new.purses,
        };
        Ok(Call {
            cache_time: new.cache_time.unwrap_or(way.cache_time),
            way,
            prompt,
            policy,
            veil: Veil::default(),
            call,
            release: match new.whole {
                true => Release::Whole,
                false => Release::AsItComes,
            },
            deadline,
        })
    }

    async fn ask(&self, scope: &OrgScope, call: &Call) -> Result<Answered, Error> {
        let asking = Asking {
            gateway: &self.gateway,
            scope,
            way: &call.way,
            needs: needs(&call.prompt, &call.call),
            prompt: &call.prompt,
            policy: call.policy,
            call: &call.call,
            release: call.release,
            deadline: call.deadline,
            progress: &Progress::default(),
        };
        Box::pin(asking.run()).await
    }

    /// The answer, if it follows its schema; otherwise another one, which was told of the breach.
    async fn mended(
        &self,
        scope: &OrgScope,
        mut call: Call,
        answer: WholeAnswer,
    ) -> Result<WholeAnswer, Error> {
        let Some(breach) = breach(&call, &answer) else {
            return Ok(answer);
        };
        tracing::info!(breach, "an answer breaks its schema; asking for another");
        let words = format!(
            "This answer breaks the JSON schema: {breach}. Answer again, with nothing but JSON \
             that follows the schema."
        );
        let said = [(Role::Assistant, answer.text), (Role::User, words)];
        let said = said.map(|(role, content)| Message {
            role,
            content,
            tool_call_id: String::new(),
            tool_calls: Vec::new(),
            prompt_cache: None,
        });
        call.prompt.messages.extend(said);
        call.call.purpose = REPAIR.to_owned();
        call.call.prompt_tokens = prompt_tokens(&call.prompt);
        call.call.worst = worst(&call.prompt);
        let Answered::Whole(second) = self.ask(scope, &call).await? else {
            return Err(Failure::cut("no_finish", "the answer did not end").into());
        };
        if let Some(breach) = self::breach(&call, &second) {
            return Err(Error::AnswerInvalid(breach));
        }
        Ok(WholeAnswer {
            settled: second.settled.after(&answer.settled),
            ..second
        })
    }
}

impl Completion {
    /// The next event; the last one is [`CompletionEvent::Finish`].
    pub(crate) async fn next(&mut self) -> Result<CompletionEvent, Failure> {
        if let Some(event) = self.whole.pop_front() {
            return Ok(event);
        }
        match &mut self.live {
            Some(live) => live.next().await,
            None => Err(Failure::cut("no_finish", "the answer is over")),
        }
    }
}

impl Live {
    async fn next(&mut self) -> Result<CompletionEvent, Failure> {
        let event = match self.first.take() {
            Some(event) => Ok(event),
            None => next_event(&mut self.answer).await.inspect(|event| {
                self.meter.heard(event);
            }),
        };
        match event {
            Ok(Event::Text(text)) => Ok(CompletionEvent::Text(text)),
            Ok(Event::ToolCall(call)) => Ok(CompletionEvent::ToolCall(call)),
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

/// What a request would do, and why.
#[derive(Debug)]
pub(crate) struct Explanation {
    pub(crate) route: Option<Uuid>,
    /// Those that would be asked, in order; then the others.
    pub(crate) candidates: Vec<Judged>,
    /// Estimated.
    pub(crate) prompt_tokens: i64,
    pub(crate) left: Vec<(Purse, NanoUsd)>,
    pub(crate) cache: Verdict,
    /// The organization's own key that it would be made with.
    pub(crate) provider_key: Option<Uuid>,
    /// None of its keys serves now.
    pub(crate) keys_exhausted: bool,
}

/// A target and what a call of it may cost.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) candidate: Candidate,
    pub(crate) worst: NanoUsd,
    pub(crate) price_known: bool,
}

fn events(answer: WholeAnswer) -> VecDeque<CompletionEvent> {
    let text = Some(answer.text).filter(|text| !text.is_empty());
    let mut events: VecDeque<_> = text.map(CompletionEvent::Text).into_iter().collect();
    let calls = answer.calls.into_iter();
    events.extend(calls.map(CompletionEvent::ToolCall));
    events.push_back(CompletionEvent::Finish {
        reason: answer.reason,
        settled: answer.settled,
    });
    events
}

/// Where an answer breaks the schema that was asked for. One that calls tools or was cut at its
/// length says so itself.
fn breach(call: &Call, answer: &WholeAnswer) -> Option<String> {
    let schema = call.prompt.response_schema.as_ref()?;
    if answer.reason != FinishReason::Stop {
        return None;
    }
    let schema = serde_json::from_str(schema.get()).unwrap_or_default();
    schema::breach(&schema, &call.veil.lift_text(answer.text.clone()))
}

/// Whether the platform asks for its own safety: what a client wants is found out also when there is
/// no money left for an answer.
fn is_guard(scope: &OrgScope, purpose: &str) -> bool {
    purpose == CLASSIFY && matches!(scope.subject(), Subject::Service { .. })
}

fn prompt_tokens(prompt: &Prompt) -> i64 {
    let messages = prompt.messages.iter();
    messages
        .map(|message| estimate_tokens(&message.content))
        .sum()
}

fn needs(prompt: &Prompt, call: &NewCall) -> Needs {
    Needs {
        tokens: call.prompt_tokens + i64::from(prompt.max_tokens),
        tools: !prompt.tools.is_empty(),
        json_schema: prompt.response_schema.is_some(),
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
