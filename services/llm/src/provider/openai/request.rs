//! A prompt as the body of `POST /chat/completions`.

use super::Flavor;
use crate::provider::{Message, Prompt, PromptCache, Role, Tool, ToolCall};
use crate::wire::{
    CacheControl, CalledFunction, CalledTool, ChatMessage, ChatRequest, Content,
    FunctionDeclaration, NamedSchema, ProviderPreferences, ResponseFormat, StreamOptions, TextPart,
    ToolDeclaration,
};

/// The request for `prompt`. Servers other than OpenRouter refuse fields they do not know.
pub(super) fn chat_request<'a>(
    model: &'a str,
    prompt: &'a Prompt,
    flavor: Flavor,
    data_collection: &'a str,
) -> ChatRequest<'a> {
    let openrouter = flavor == Flavor::OpenRouter;
    let structured = prompt.response_schema.is_some() || !prompt.tools.is_empty();
    ChatRequest {
        model,
        messages: prompt
            .messages
            .iter()
            .map(|one| message(one, flavor))
            .collect(),
        stream: true,
        stream_options: (!openrouter).then_some(StreamOptions {
            include_usage: true,
        }),
        temperature: prompt.temperature,
        max_completion_tokens: openrouter.then_some(prompt.max_tokens),
        max_tokens: (!openrouter).then_some(prompt.max_tokens),
        response_format: prompt
            .response_schema
            .as_deref()
            .map(|schema| ResponseFormat {
                r#type: "json_schema",
                json_schema: NamedSchema {
                    name: "answer",
                    strict: true,
                    schema,
                },
            }),
        tools: prompt.tools.iter().map(tool).collect(),
        user: &prompt.user,
        session_id: if openrouter { &prompt.session_id } else { "" },
        provider: openrouter.then_some(ProviderPreferences {
            require_parameters: structured,
            data_collection,
        }),
    }
}

fn message(message: &Message, flavor: Flavor) -> ChatMessage<'_> {
    let called_only = message.content.is_empty() && !message.tool_calls.is_empty();
    ChatMessage {
        role: match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        },
        content: (!called_only).then(|| content(message, flavor)),
        tool_call_id: (message.role == Role::Tool).then_some(&message.tool_call_id),
        tool_calls: message.tool_calls.iter().map(called_tool).collect(),
    }
}

/// Servers other than OpenRouter keep prompts, or do not, without being told.
fn content(message: &Message, flavor: Flavor) -> Content<'_> {
    let marked = message
        .prompt_cache
        .filter(|_| flavor == Flavor::OpenRouter);
    let Some(time) = marked else {
        return Content::Text(&message.content);
    };
    Content::Marked([TextPart {
        r#type: "text",
        text: &message.content,
        cache_control: CacheControl {
            r#type: "ephemeral",
            ttl: match time {
                PromptCache::FiveMinutes => None,
                PromptCache::OneHour => Some("1h"),
            },
        },
    }])
}

fn called_tool(call: &ToolCall) -> CalledTool<'_> {
    let function = CalledFunction {
        name: &call.name,
        arguments: &call.arguments,
    };
    CalledTool {
        id: &call.id,
        r#type: "function",
        function,
    }
}

fn tool(tool: &Tool) -> ToolDeclaration<'_> {
    let function = FunctionDeclaration {
        name: &tool.name,
        description: &tool.description,
        parameters: &tool.parameters,
    };
    ToolDeclaration {
        r#type: "function",
        function,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::*;

    const MODEL: &str = "openai/gpt-4o-mini";

    fn raw(value: &Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(value).unwrap()
    }

    fn prompt() -> Prompt {
        let call = ToolCall {
            id: "c1".into(),
            name: "find".into(),
            arguments: "{}".into(),
        };
        let message = |role, content: &str| Message {
            role,
            content: content.to_owned(),
            tool_call_id: String::new(),
            tool_calls: Vec::new(),
            prompt_cache: None,
        };
        Prompt {
            messages: vec![
                message(Role::System, "You sell pumps."),
                message(Role::User, "Price of P-40?"),
                Message {
                    tool_calls: vec![call],
                    ..message(Role::Assistant, "")
                },
                Message {
                    tool_call_id: "c1".into(),
                    ..message(Role::Tool, "40")
                },
            ],
            temperature: Some(0.3),
            max_tokens: 300,
            response_schema: Some(raw(&json!({"type": "object"}))),
            tools: vec![Tool {
                name: "find".into(),
                description: String::new(),
                parameters: raw(&json!({"type": "object"})),
            }],
            session_id: "conv-77".to_owned(),
            user: "u1".to_owned(),
        }
    }

    #[test]
    fn openrouter_gets_its_own_fields() {
        let prompt = prompt();
        let body =
            serde_json::to_value(chat_request(MODEL, &prompt, Flavor::OpenRouter, "deny")).unwrap();
        let expected = json!({
            "model": "openai/gpt-4o-mini",
            "messages": [
                {"role": "system", "content": "You sell pumps."},
                {"role": "user", "content": "Price of P-40?"},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "find", "arguments": "{}"}},
                ]},
                {"role": "tool", "content": "40", "tool_call_id": "c1"},
            ],
            "stream": true,
            "temperature": 0.3,
            "max_completion_tokens": 300,
            "response_format": {"type": "json_schema", "json_schema":
                {"name": "answer", "strict": true, "schema": {"type": "object"}}},
            "tools": [{"type": "function", "function":
                {"name": "find", "parameters": {"type": "object"}}}],
            "user": "u1",
            "session_id": "conv-77",
            "provider": {"require_parameters": true, "data_collection": "deny"},
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn other_servers_get_only_what_openai_knows() {
        let prompt = prompt();
        let body =
            serde_json::to_value(chat_request(MODEL, &prompt, Flavor::Compatible, "deny")).unwrap();
        assert_eq!(body["max_tokens"], 300);
        assert_eq!(body["stream_options"], json!({"include_usage": true}));
        for unknown in ["provider", "session_id", "max_completion_tokens"] {
            assert!(body.get(unknown).is_none(), "{unknown}");
        }
    }
}
