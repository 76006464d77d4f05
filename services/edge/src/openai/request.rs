//! A request for a completion, read from OpenAI's form.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use t11_proto::llm::v1 as llm;

use super::refusal::Refusal;

/// What changes no answer, or nothing that is promised.
const HARMLESS: &[&str] = &[
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "safety_identifier",
    "seed",
    "service_tier",
    "store",
    "user",
];
/// What is harmless with this value only: the one that it has when it is left out.
const DEFAULTS: &[(&str, f64)] = &[
    ("frequency_penalty", 0.0),
    ("n", 1.0),
    ("presence_penalty", 0.0),
    ("top_p", 1.0),
];
/// The name that stands for the model of requests that name none.
const DEFAULT_MODEL: &str = "default";

#[derive(Debug, Deserialize)]
pub(super) struct ChatRequest {
    #[serde(default)]
    model: String,
    messages: Vec<Message>,
    temperature: Option<f64>,
    max_completion_tokens: Option<i32>,
    /// Its older name.
    max_tokens: Option<i32>,
    #[serde(default)]
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    #[serde(default)]
    tools: Option<Vec<Tool>>,
    tool_choice: Option<Value>,
    response_format: Option<ResponseFormat>,
    /// OpenRouter's: calls of one conversation share the provider's cache.
    session_id: Option<String>,
    /// Ours: whether the answer may be one that was kept for an equal request.
    cache: Option<Cache>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Cache {
    ttl_seconds: i32,
}

#[derive(Debug, Default, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    content: Option<Content>,
    #[serde(default)]
    tool_call_id: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolCall>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    /// As Anthropic and OpenRouter mark where a prompt is worth keeping.
    cache_control: Option<CacheControl>,
}

#[derive(Debug, Deserialize)]
struct CacheControl {
    #[serde(rename = "type")]
    kind: String,
    ttl: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ToolCall {
    id: String,
    function: CalledFunction,
}

#[derive(Debug, Deserialize)]
struct CalledFunction {
    name: String,
    arguments: String,
}

#[derive(Debug, Deserialize)]
struct Tool {
    #[serde(rename = "type")]
    kind: String,
    function: Option<Function>,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct ResponseFormat {
    #[serde(rename = "type")]
    kind: String,
    json_schema: Option<JsonSchema>,
}

#[derive(Debug, Deserialize)]
struct JsonSchema {
    schema: Option<Value>,
}

/// A request and how its answer is to come.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: llm::CompleteRequest,
    /// As the caller wrote it.
    pub(super) model: String,
    pub(super) stream: bool,
    /// Whether the stream tells the usage in a chunk of its own.
    pub(super) include_usage: bool,
}

impl ChatRequest {
    /// The request of the service.
    ///
    /// # Errors
    /// What would change the answer and cannot be kept.
    pub(super) fn read(self) -> Result<Asked, Refusal> {
        check_rest(&self.rest)?;
        let tools = self.tools.unwrap_or_default();
        let tools = match tool_choice(self.tool_choice.as_ref())? {
            Choice::Auto => tools,
            Choice::None => Vec::new(),
        };
        let tools = tools.into_iter().map(tool).collect::<Result<_, _>>()?;
        let mut messages = Vec::new();
        for given in self.messages {
            messages.extend(message(given)?);
        }
        let model = match self.model.as_str() {
            DEFAULT_MODEL => String::new(),
            named => named.to_owned(),
        };
        let request = llm::CompleteRequest {
            model,
            messages,
            temperature: self.temperature,
            max_tokens: self
                .max_completion_tokens
                .or(self.max_tokens)
                .unwrap_or_default(),
            response_schema_json: schema(self.response_format)?,
            tools,
            session_id: self.session_id.unwrap_or_default(),
            cache: self.cache.map(|cache| llm::Cache {
                ttl_seconds: cache.ttl_seconds,
            }),
            purpose: "api".to_owned(),
            ..llm::CompleteRequest::default()
        };
        let options = self.stream_options.unwrap_or_default();
        Ok(Asked {
            request,
            model: self.model,
            stream: self.stream.unwrap_or_default(),
            include_usage: options.include_usage.unwrap_or_default(),
        })
    }
}

fn check_rest(rest: &Map<String, Value>) -> Result<(), Refusal> {
    for (name, value) in rest {
        let is_left_out = matches!(value, Value::Null | Value::Bool(false));
        let is_default = DEFAULTS
            .iter()
            .any(|(known, default)| name == known && value.as_f64() == Some(*default));
        if !is_left_out && !is_default && !HARMLESS.contains(&name.as_str()) {
            return Err(Refusal::unsupported(name));
        }
    }
    Ok(())
}

enum Choice {
    Auto,
    None,
}

fn tool_choice(choice: Option<&Value>) -> Result<Choice, Refusal> {
    match choice {
        None | Some(Value::Null) => Ok(Choice::Auto),
        Some(Value::String(word)) if word == "auto" => Ok(Choice::Auto),
        Some(Value::String(word)) if word == "none" => Ok(Choice::None),
        Some(_) => Err(Refusal::unsupported("tool_choice")),
    }
}

/// More than one where marks of what is worth keeping are within it.
fn message(message: Message) -> Result<Vec<llm::Message>, Refusal> {
    let role = match message.role.as_str() {
        "system" | "developer" => llm::MessageRole::System,
        "user" => llm::MessageRole::User,
        "assistant" => llm::MessageRole::Assistant,
        "tool" => llm::MessageRole::Tool,
        _ => return Err(Refusal::unsupported("messages.role")),
    };
    let calls = message.tool_calls.unwrap_or_default().into_iter();
    let calls = calls.map(|call| llm::ToolCall {
        id: call.id,
        name: call.function.name,
        arguments_json: call.function.arguments,
    });
    let mut messages = texts(message.content)?;
    let tool_call_id = message.tool_call_id.unwrap_or_default();
    for message in &mut messages {
        message.role = role.into();
        message.tool_call_id.clone_from(&tool_call_id);
    }
    if let Some(last) = messages.last_mut() {
        last.tool_calls = calls.collect();
    }
    Ok(messages)
}

/// At least one: the parts joined, up to each mark.
fn texts(content: Option<Content>) -> Result<Vec<llm::Message>, Refusal> {
    let text = |content| llm::Message {
        content,
        ..llm::Message::default()
    };
    let parts = match content {
        None => return Ok(vec![text(String::new())]),
        Some(Content::Text(content)) => return Ok(vec![text(content)]),
        Some(Content::Parts(parts)) => parts,
    };
    let mut texts = vec![text(String::new())];
    let mut open = true;
    for part in parts {
        let (content, mark) = read_part(part)?;
        if open && let Some(last) = texts.last_mut() {
            last.content.push_str(&content);
        } else {
            texts.push(text(content));
        }
        open = mark == llm::PromptCache::Unspecified;
        if let Some(last) = texts.last_mut() {
            last.prompt_cache = mark.into();
        }
    }
    Ok(texts)
}

fn read_part(part: Part) -> Result<(String, llm::PromptCache), Refusal> {
    let (("text", Some(text)), mark) = ((part.kind.as_str(), part.text), part.cache_control) else {
        return Err(Refusal::unsupported("messages.content"));
    };
    let mark = match mark {
        None => llm::PromptCache::Unspecified,
        Some(mark) => prompt_cache(&mark)?,
    };
    Ok((text, mark))
}

fn prompt_cache(mark: &CacheControl) -> Result<llm::PromptCache, Refusal> {
    match (mark.kind.as_str(), mark.ttl.as_deref()) {
        ("ephemeral", None | Some("5m")) => Ok(llm::PromptCache::FiveMinutes),
        ("ephemeral", Some("1h")) => Ok(llm::PromptCache::OneHour),
        _ => Err(Refusal::unsupported("messages.content.cache_control")),
    }
}

fn tool(tool: Tool) -> Result<llm::Tool, Refusal> {
    match (tool.kind.as_str(), tool.function) {
        ("function", Some(function)) => Ok(llm::Tool {
            name: function.name,
            description: function.description.unwrap_or_default(),
            parameters_json: function
                .parameters
                .unwrap_or_else(|| serde_json::json!({"type": "object", "properties": {}}))
                .to_string(),
        }),
        _ => Err(Refusal::unsupported("tools")),
    }
}

/// The schema that the answer must follow; empty for text.
fn schema(format: Option<ResponseFormat>) -> Result<String, Refusal> {
    let Some(format) = format else {
        return Ok(String::new());
    };
    match (format.kind.as_str(), format.json_schema) {
        ("text", _) => Ok(String::new()),
        ("json_object", _) => Ok(r#"{"type":"object"}"#.to_owned()),
        (
            "json_schema",
            Some(JsonSchema {
                schema: Some(schema),
            }),
        ) => Ok(schema.to_string()),
        _ => {
            let message =
                "`response_format` must be text, json_object, or json_schema with a schema";
            let http = StatusCode::BAD_REQUEST;
            Err(Refusal::invalid(
                http,
                "invalid_request",
                Some("response_format"),
                message,
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Result<Asked, Refusal> {
        serde_json::from_value::<ChatRequest>(body).unwrap().read()
    }

    fn with(field: &str, value: Value) -> Value {
        let mut body = json!({"model": "a/b", "messages": [{"role": "user", "content": "?"}]});
        body[field] = value;
        body
    }

    #[test]
    fn what_the_clients_send_is_read() {
        let asked = read(json!({
            "model": "default", "stream": true, "stream_options": {"include_usage": true},
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "7"},
            ],
            "max_tokens": 5, "n": 1, "top_p": 1, "user": "u", "seed": 1, "logprobs": false,
            "tools": [{"type": "function", "function": {"name": "f"}}],
        }))
        .unwrap();
        assert!(asked.stream && asked.include_usage);
        let request = asked.request;
        assert_eq!((request.model.as_str(), request.max_tokens), ("", 5));
        let contents: Vec<_> = request.messages.iter().map(|one| &one.content).collect();
        assert_eq!(contents, ["Be brief.", "ab", "", "7"]);
        assert_eq!(request.messages[2].tool_calls[0].name, "f");
        assert_eq!(request.tools.len(), 1);
    }

    #[test]
    fn marks_of_what_is_worth_keeping_stay_where_they_are() {
        let part = |text: &str, mark: Option<Value>| match mark {
            Some(mark) => json!({"type": "text", "text": text, "cache_control": mark}),
            None => json!({"type": "text", "text": text}),
        };
        let hour = json!({"type": "ephemeral", "ttl": "1h"});
        let messages = json!([
            {"role": "system", "content": [
                part("a", None), part("b", Some(hour)), part("c", None), part("d", None)]},
            {"role": "user", "content": [part("?", Some(json!({"type": "ephemeral"})))]},
        ]);
        let mut body = with("session_id", json!("conversations/1"));
        body["messages"] = messages;
        body["cache"] = json!({"ttl_seconds": 60});
        let request = read(body).unwrap().request;
        let found: Vec<_> = request
            .messages
            .iter()
            .map(|one| (one.role(), one.content.as_str(), one.prompt_cache()))
            .collect();
        use llm::MessageRole::{System, User};
        let expected = [
            (System, "ab", llm::PromptCache::OneHour),
            (System, "cd", llm::PromptCache::Unspecified),
            (User, "?", llm::PromptCache::FiveMinutes),
        ];
        assert_eq!(found, expected);
        assert_eq!(request.session_id, "conversations/1");
        assert_eq!(request.cache, Some(llm::Cache { ttl_seconds: 60 }));
        let unknown = json!([{"role": "user", "content": [part("?", Some(json!({"type": "x"})))]}]);
        assert!(read(with("messages", unknown)).is_err());
    }

    #[test]
    fn what_would_change_the_answer_is_refused_by_name() {
        for (field, value) in [
            ("n", json!(2)),
            ("top_p", json!(0.5)),
            ("stop", json!(["x"])),
            ("logit_bias", json!({"1": 2})),
            ("tool_choice", json!("required")),
            ("never_heard_of", json!(1)),
        ] {
            let refusal = read(with(field, value)).unwrap_err();
            assert_eq!(refusal.body()["error"]["param"], field);
            assert_eq!(refusal.body()["error"]["code"], "unsupported_parameter");
        }
        let image = json!([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]);
        assert!(read(with("messages", image)).is_err());
    }

    #[test]
    fn a_format_becomes_a_schema() {
        let schema = |format: Value| {
            read(with("response_format", format)).map(|asked| asked.request.response_schema_json)
        };
        assert_eq!(schema(json!({"type": "text"})).unwrap(), "");
        assert_eq!(
            schema(json!({"type": "json_object"})).unwrap(),
            r#"{"type":"object"}"#
        );
        let given = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "array"}}});
        assert_eq!(schema(given).unwrap(), r#"{"type":"array"}"#);
        assert!(schema(json!({"type": "json_schema"})).is_err());
    }
}
