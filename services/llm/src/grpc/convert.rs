//! Wire to domain and back. Reading a request finds every broken rule at once.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use prost_types::Timestamp;
use serde_json::value::RawValue;
use t11_core::{Violations, parse_name};
use t11_proto::llm::v1 as pb;
use uuid::Uuid;

use crate::budget::{Exhaustion, Purse};
use crate::catalog::Model;
use crate::completion::{CompletionEvent, NewCompletion};
use crate::embedding::{Embedded, NewEmbeddings};
use crate::error::Error;
use crate::forecast::Forecast;
use crate::meter::Settled;
use crate::money::{NanoUsd, TokenPrice};
use crate::provider::{EmbeddingPurpose, FinishReason, Message, PromptCache, Role, Tool, ToolCall};
use crate::usage::{Bill, Grouping, UsageDay, UsageGroup, UsageQuery, UsageSum};

const MAX_MESSAGES: usize = 1_000;
const MAX_MODEL_CHARS: usize = 200;
const MAX_TOOLS: usize = 128;
const MAX_TOOL_NAME_CHARS: usize = 64;
const MAX_TOOL_DESCRIPTION_CHARS: usize = 4_000;
const DEFAULT_MAX_TOKENS: u32 = 1_024;
const MAX_TOKENS: i32 = 32_768;
const MAX_BUDGETS: usize = 8;
/// A day.
const MAX_CACHE_SECONDS: i32 = 86_400;
const MAX_TEXTS: usize = 256;
/// The models' own limits are lower; this one keeps a request within reason.
const MAX_TEXT_CHARS: usize = 32_000;
const DEFAULT_USAGE_DAYS: i64 = 30;
const MAX_USAGE_DAYS: i64 = 366;

pub(super) fn timestamp(time: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: time.timestamp(),
        nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or(0),
    }
}

pub(super) fn new_completion(request: pb::CompleteRequest) -> Result<NewCompletion, Error> {
    let mut violations = Violations::default();
    let v = &mut violations;
    check_temperature(request.temperature, v);
    let agent = v.text("agent", &request.agent, 0, 100);
    if !agent.is_empty() && parse_name("agents", &agent).is_err() {
        v.add(
            "agent",
            "INVALID",
            "`agent` must be a name of the form `agents/{agent}`",
        );
    }
    let new = NewCompletion {
        model: v.text("model", &request.model, 0, MAX_MODEL_CHARS),
        messages: messages(request.messages, v),
        temperature: request.temperature,
        max_tokens: max_tokens(request.max_tokens, v),
        response_schema: match request.response_schema_json.trim() {
            "" => None,
            schema => json_object("response_schema_json", schema, v),
        },
        tools: tools(request.tools, v),
        session_id: v.text("session_id", &request.session_id, 0, 128),
        purpose: v.text("purpose", &request.purpose, 0, 32),
        agent,
        request_id: request_id(&request.request_id, v),
        purses: purses(request.budgets, v),
        whole: request.whole,
        cache_time: cache_time(request.cache.as_ref(), v),
    };
    violations.check().map_err(Error::Invalid)?;
    Ok(new)
}

fn purses(budgets: Vec<pb::BudgetLimit>, v: &mut Violations) -> Vec<Purse> {
    if budgets.len() > MAX_BUDGETS {
        let words = format!("`budgets` must be at most {MAX_BUDGETS}");
        v.add("budgets", "TOO_MANY", words);
    }
    let budgets = budgets.into_iter().take(MAX_BUDGETS).enumerate();
    budgets
        .map(|(place, budget)| {
            let field = format!("budgets[{place}].cap_micro_usd");
            if budget.cap_micro_usd < 0 {
                v.add(
                    &field,
                    "OUT_OF_RANGE",
                    format!("`{field}` must be at least 0"),
                );
            }
            let scope = v.text(&format!("budgets[{place}].scope"), &budget.scope, 1, 128);
            Purse {
                // Never one of ours.
                scope: format!("caller/{scope}"),
                cap: NanoUsd::from_micro_usd(budget.cap_micro_usd),
                exhaustion: Exhaustion::Degrade,
            }
        })
        .collect()
}

/// For how long an answer may be kept; `None` = nothing is said of it.
pub(super) fn cache_time(cache: Option<&pb::Cache>, v: &mut Violations) -> Option<Duration> {
    let seconds = cache?.ttl_seconds;
    v.range("cache.ttl_seconds", seconds, 0, MAX_CACHE_SECONDS);
    Some(Duration::from_secs(seconds.unsigned_abs().into()))
}

pub(super) fn cache(time: Duration) -> Option<pb::Cache> {
    let ttl_seconds = i32::try_from(time.as_secs()).unwrap_or(i32::MAX);
    (ttl_seconds > 0).then_some(pb::Cache { ttl_seconds })
}

fn check_temperature(temperature: Option<f64>, v: &mut Violations) {
    // Written so that NaN is refused.
    if temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
        v.add(
            "temperature",
            "OUT_OF_RANGE",
            "`temperature` must be from 0 to 2",
        );
    }
}

fn max_tokens(asked: i32, v: &mut Violations) -> u32 {
    v.range("max_tokens", asked, 0, MAX_TOKENS);
    match u32::try_from(asked) {
        Ok(0) | Err(_) => DEFAULT_MAX_TOKENS,
        Ok(asked) => asked,
    }
}

pub(super) fn request_id(text: &str, v: &mut Violations) -> Option<Uuid> {
    if text.is_empty() {
        return None;
    }
    let id = Uuid::try_parse(text).ok();
    if id.is_none() {
        v.add("request_id", "INVALID", "`request_id` must be a UUID");
    }
    id
}

fn messages(messages: Vec<pb::Message>, v: &mut Violations) -> Vec<Message> {
    if messages.is_empty() {
        v.add("messages", "REQUIRED", "`messages` must be given");
    } else if messages.len() > MAX_MESSAGES {
        v.add(
            "messages",
            "TOO_MANY",
            format!("`messages` must be at most {MAX_MESSAGES}"),
        );
    }
    let messages = messages.into_iter().take(MAX_MESSAGES).enumerate();
    messages
        .map(|(place, message)| self::message(place, message, v))
        .collect()
}

fn message(place: usize, message: pb::Message, v: &mut Violations) -> Message {
    let role = match message.role() {
        pb::MessageRole::System => Role::System,
        pb::MessageRole::User => Role::User,
        pb::MessageRole::Assistant => Role::Assistant,
        pb::MessageRole::Tool => Role::Tool,
        pb::MessageRole::Unspecified => {
            let field = format!("messages[{place}].role");
            v.add(
                &field,
                "REQUIRED",
                format!("`{field}` must be one of the known roles"),
            );
            Role::User
        }
    };
    if role == Role::Tool && message.tool_call_id.is_empty() {
        let field = format!("messages[{place}].tool_call_id");
        v.add(
            &field,
            "REQUIRED",
            format!("`{field}` must name the call that is answered"),
        );
    }
    if role != Role::Assistant && !message.tool_calls.is_empty() {
        let field = format!("messages[{place}].tool_calls");
        v.add(&field, "INVALID", "only an assistant calls tools");
    }
    let call = |call: pb::ToolCall| ToolCall {
        id: call.id,
        name: call.name,
        arguments: call.arguments_json,
    };
    let prompt_cache = match message.prompt_cache() {
        pb::PromptCache::Unspecified => None,
        pb::PromptCache::FiveMinutes => Some(PromptCache::FiveMinutes),
        pb::PromptCache::OneHour => Some(PromptCache::OneHour),
    };
    Message {
        role,
        prompt_cache,
        content: message.content,
        tool_call_id: message.tool_call_id,
        tool_calls: message.tool_calls.into_iter().map(call).collect(),
    }
}

fn tools(tools: Vec<pb::Tool>, v: &mut Violations) -> Vec<Tool> {
    if tools.len() > MAX_TOOLS {
        v.add(
            "tools",
            "TOO_MANY",
            format!("`tools` must be at most {MAX_TOOLS}"),
        );
    }
    let mut names = HashSet::new();
    let mut checked = Vec::new();
    for (place, tool) in tools.into_iter().take(MAX_TOOLS).enumerate() {
        let field = format!("tools[{place}].name");
        if !is_tool_name(&tool.name) {
            let rule =
                format!("`{field}` must be 1 to {MAX_TOOL_NAME_CHARS} of a-z, A-Z, 0-9, _ and -");
            v.add(&field, "INVALID", rule);
        } else if !names.insert(tool.name.clone()) {
            v.add(
                &field,
                "DUPLICATE",
                format!("`{field}` is the name of another tool"),
            );
        }
        let field = format!("tools[{place}].description");
        let description = v.text(&field, &tool.description, 0, MAX_TOOL_DESCRIPTION_CHARS);
        let field = format!("tools[{place}].parameters_json");
        if let Some(parameters) = json_object(&field, &tool.parameters_json, v) {
            checked.push(Tool {
                name: tool.name,
                description,
                parameters,
            });
        }
    }
    checked
}

fn is_tool_name(name: &str) -> bool {
    (1..=MAX_TOOL_NAME_CHARS).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn json_object(field: &str, text: &str, v: &mut Violations) -> Option<Box<RawValue>> {
    match serde_json::from_str::<Box<RawValue>>(text) {
        Ok(raw) if raw.get().starts_with('{') => Some(raw),
        Ok(_) => {
            v.add(
                field,
                "INVALID_JSON",
                format!("`{field}` must be a JSON object"),
            );
            None
        }
        Err(error) => {
            v.add(
                field,
                "INVALID_JSON",
                format!("`{field}` is not JSON: {error}"),
            );
            None
        }
    }
}

pub(super) fn complete_response(event: CompletionEvent) -> pb::CompleteResponse {
    use pb::complete_response::Event;
    let event = match event {
        CompletionEvent::Text(text) => Event::TextDelta(text),
        CompletionEvent::ToolCall(call) => Event::ToolCall(pb::ToolCall {
            id: call.id,
            name: call.name,
            arguments_json: call.arguments,
        }),
        CompletionEvent::Finish { reason, settled } => Event::Finish(finish(reason, settled)),
    };
    pb::CompleteResponse { event: Some(event) }
}

fn finish(reason: FinishReason, settled: Settled) -> pb::Finish {
    let reason = match reason {
        FinishReason::Stop => pb::FinishReason::Stop,
        FinishReason::Length => pb::FinishReason::Length,
        FinishReason::ToolCalls => pb::FinishReason::ToolCalls,
        FinishReason::ContentFilter => pb::FinishReason::ContentFilter,
    };
    pb::Finish {
        reason: reason.into(),
        usage: Some(usage(&settled.bill)),
        model: settled.model,
        provider: settled.provider.to_owned(),
        first_token_ms: settled.first_token_ms,
        total_ms: settled.total_ms,
        cached: settled.cached,
    }
}

fn usage(bill: &Bill) -> pb::Usage {
    pb::Usage {
        prompt_tokens: bill.tokens.prompt,
        completion_tokens: bill.tokens.completion,
        cached_tokens: bill.tokens.cached,
        cost_micro_usd: bill.cost.micro_usd(),
        cost_known: bill.cost_known,
    }
}

pub(super) fn new_embeddings(request: pb::EmbedRequest) -> Result<NewEmbeddings, Error> {
    let mut violations = Violations::default();
    let v = &mut violations;
    if request.texts.is_empty() {
        v.add("texts", "REQUIRED", "`texts` must be given");
    } else if request.texts.len() > MAX_TEXTS {
        v.add(
            "texts",
            "TOO_MANY",
            format!("`texts` must be at most {MAX_TEXTS}"),
        );
    }
    for (place, text) in request.texts.iter().take(MAX_TEXTS).enumerate() {
        v.text(&format!("texts[{place}]"), text, 1, MAX_TEXT_CHARS);
    }
    let model = v.text("model", &request.model, 0, MAX_MODEL_CHARS);
    let purpose = match request.purpose() {
        pb::EmbeddingPurpose::Query => EmbeddingPurpose::Query,
        pb::EmbeddingPurpose::Passage | pb::EmbeddingPurpose::Unspecified => {
            EmbeddingPurpose::Passage
        }
    };
    violations.check().map_err(Error::Invalid)?;
    Ok(NewEmbeddings {
        model,
        texts: request.texts,
        purpose,
    })
}

pub(super) fn embed_response(embedded: Embedded) -> pb::EmbedResponse {
    let dimensions = embedded.vectors.first().map_or(0, Vec::len);
    let bytes = |vector: &Vec<f32>| {
        vector
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect()
    };
    pb::EmbedResponse {
        vectors: embedded.vectors.iter().map(bytes).collect(),
        usage: Some(usage(&embedded.settled.bill)),
        model: embedded.settled.model,
        dimensions: i32::try_from(dimensions).unwrap_or(i32::MAX),
    }
}

pub(super) fn model(model: &Model, provider: &str, default: &str) -> pb::Model {
    let price = |price: Option<TokenPrice>| price.map_or(-1, |price| price.0);
    pb::Model {
        name: format!("models/{}", model.id),
        display_name: model.display_name.clone(),
        provider: provider.to_owned(),
        context_tokens: i32::try_from(model.context_tokens).unwrap_or(i32::MAX),
        prompt_price: price(model.prompt_price),
        completion_price: price(model.completion_price),
        supports_json_schema: model.supports_json_schema,
        supports_tools: model.supports_tools,
        supports_images: model.supports_images,
        is_default: model.id == default,
    }
}

pub(super) fn usage_query(
    request: pb::QueryUsageRequest,
    now: DateTime<Utc>,
) -> Result<UsageQuery, Error> {
    let mut violations = Violations::default();
    let v = &mut violations;
    let end = time("end_time", request.end_time, v).unwrap_or(now);
    let start = time("start_time", request.start_time, v)
        .unwrap_or_else(|| now - TimeDelta::days(DEFAULT_USAGE_DAYS));
    if start > end {
        v.add(
            "start_time",
            "OUT_OF_RANGE",
            "`start_time` must not be after `end_time`",
        );
    } else if end - start > TimeDelta::days(MAX_USAGE_DAYS) {
        let rule = format!("`start_time` must be at most {MAX_USAGE_DAYS} days before `end_time`");
        v.add("start_time", "OUT_OF_RANGE", rule);
    }
    if !request.agent.is_empty() && parse_name("agents", &request.agent).is_err() {
        v.add(
            "agent",
            "INVALID",
            "`agent` must be a name of the form `agents/{agent}`",
        );
    }
    violations.check().map_err(Error::Invalid)?;
    Ok(UsageQuery {
        start,
        end,
        agent: request.agent,
    })
}

fn time(field: &str, time: Option<Timestamp>, v: &mut Violations) -> Option<DateTime<Utc>> {
    let time = time?;
    let nanos = u32::try_from(time.nanos).ok();
    let read = nanos.and_then(|nanos| DateTime::from_timestamp(time.seconds, nanos));
    if read.is_none() {
        v.add(field, "INVALID", format!("`{field}` is not a time"));
    }
    read
}

pub(super) fn grouping(request: &pb::QueryUsageRequest) -> Option<Grouping> {
    match request.group_by() {
        pb::UsageGrouping::Unspecified => None,
        pb::UsageGrouping::Agent => Some(Grouping::Agent),
        pb::UsageGrouping::Model => Some(Grouping::Model),
        pb::UsageGrouping::Key => Some(Grouping::Key),
    }
}

pub(super) fn query_usage_response(
    days: &[UsageDay],
    groups: Vec<UsageGroup>,
    forecast: Option<Forecast>,
) -> pb::QueryUsageResponse {
    let total = UsageSum::total(days);
    let day = |day: &UsageDay| pb::UsageDay {
        date: day.date.to_string(),
        calls: day.sum.calls,
        failed_calls: day.sum.failed_calls,
        usage: Some(usage(&day.sum.bill)),
        cached_calls: day.sum.cached_calls,
    };
    let group = |group: UsageGroup| pb::UsageGroup {
        calls: group.sum.calls,
        failed_calls: group.sum.failed_calls,
        usage: Some(usage(&group.sum.bill)),
        key: group.key,
    };
    pb::QueryUsageResponse {
        days: days.iter().map(day).collect(),
        total: Some(usage(&total.bill)),
        total_calls: total.calls,
        total_cached_calls: total.cached_calls,
        forecast: forecast.map(self::forecast),
        groups: groups.into_iter().map(group).collect(),
    }
}

fn forecast(forecast: Forecast) -> pb::UsageForecast {
    pb::UsageForecast {
        month_end_micro_usd: forecast.month_end.micro_usd(),
        month_micro_usd: forecast.month.micro_usd(),
        daily_micro_usd: forecast.daily.micro_usd(),
        days: forecast.days,
    }
}

#[cfg(test)]
mod tests;
