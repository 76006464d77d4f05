//! Answers in OpenAI's form: whole, and in chunks.

use bytes::{BufMut as _, Bytes, BytesMut};
use serde_json::{Value, json};
use t11_proto::llm::v1 as llm;

/// The last event of a stream that came to its end.
pub(super) const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

/// What all parts of one answer have in common.
#[derive(Debug)]
pub(super) struct Answer {
    id: String,
    created: i64,
    model: String,
    /// Of a chunk, up to its delta.
    head: Bytes,
}

impl Answer {
    pub(super) fn new(id: String, created: i64, model: String) -> Self {
        let start = json!({
            "id": id, "object": "chat.completion.chunk", "created": created, "model": model,
        });
        let start = start.to_string();
        let head = format!(
            "data: {},\"choices\":[{{\"index\":0,\"delta\":",
            start.trim_end_matches('}')
        );
        Self {
            id,
            created,
            model,
            head: head.into(),
        }
    }

    /// Says who speaks.
    pub(super) fn opening(&self) -> Bytes {
        self.chunk(&json!({"role": "assistant", "content": ""}), None)
    }

    /// A piece of text. Nothing but the text is made anew.
    pub(super) fn text(&self, text: &str) -> Bytes {
        let mut chunk = BytesMut::with_capacity(self.head.len() + text.len() + 64);
        chunk.put_slice(&self.head);
        chunk.put_slice(b"{\"content\":");
        chunk.put_slice(Value::from(text).to_string().as_bytes());
        chunk.put_slice(b"},\"finish_reason\":null}]}\n\n");
        chunk.freeze()
    }

    /// A whole call of a tool, the `index`th of the answer.
    pub(super) fn tool_call(&self, index: usize, call: &llm::ToolCall) -> Bytes {
        let mut call = tool_call(call);
        call["index"] = index.into();
        self.chunk(&json!({"tool_calls": [call]}), None)
    }

    pub(super) fn finish(&self, reason: llm::FinishReason) -> Bytes {
        self.chunk(&json!({}), Some(word(reason)))
    }

    /// The chunk that has no choices.
    pub(super) fn usage(&self, used: &llm::Usage) -> Bytes {
        let chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created,
            "model": self.model, "choices": [], "usage": usage(used),
        });
        format!("data: {chunk}\n\n").into()
    }

    fn chunk(&self, delta: &Value, reason: Option<&str>) -> Bytes {
        let reason = json!(reason);
        let mut chunk = BytesMut::from(self.head.as_ref());
        chunk.put_slice(format!("{delta},\"finish_reason\":{reason}}}]}}\n\n").as_bytes());
        chunk.freeze()
    }

    /// The answer in one piece.
    pub(super) fn whole(self, text: &str, calls: &[llm::ToolCall], finish: &llm::Finish) -> Value {
        let content = match (text, calls) {
            ("", [_, ..]) => Value::Null,
            _ => text.into(),
        };
        let mut message = json!({"role": "assistant", "content": content, "refusal": null});
        if !calls.is_empty() {
            message["tool_calls"] = calls.iter().map(tool_call).collect();
        }
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created,
            "model": finish.model,
            "choices": [{
                "index": 0, "message": message, "logprobs": null,
                "finish_reason": word(finish.reason()),
            }],
            "usage": usage(&finish.usage.unwrap_or_default()),
        })
    }
}

fn tool_call(call: &llm::ToolCall) -> Value {
    json!({
        "id": call.id, "type": "function",
        "function": {"name": call.name, "arguments": call.arguments_json},
    })
}

fn word(reason: llm::FinishReason) -> &'static str {
    match reason {
        llm::FinishReason::Stop | llm::FinishReason::Unspecified => "stop",
        llm::FinishReason::Length => "length",
        llm::FinishReason::ToolCalls => "tool_calls",
        llm::FinishReason::ContentFilter => "content_filter",
    }
}

fn usage(usage: &llm::Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(chunk: &Bytes) -> Value {
        let text = std::str::from_utf8(chunk).unwrap();
        let data = text.strip_prefix("data: ").unwrap();
        serde_json::from_str(data.strip_suffix("\n\n").unwrap()).unwrap()
    }

    #[test]
    fn every_chunk_is_whole_json_whatever_it_says() {
        let answer = Answer::new("chatcmpl-1".into(), 7, "a/\"b\"".into());
        for text in ["да", "\"}\n\u{2028}", "\\", ""] {
            let chunk = data(&answer.text(text));
            assert_eq!(chunk["choices"][0]["delta"]["content"], text);
            assert_eq!(chunk["model"], "a/\"b\"");
            assert!(chunk["choices"][0]["finish_reason"].is_null());
        }
        let finish = data(&answer.finish(llm::FinishReason::Length));
        assert_eq!(finish["choices"][0]["finish_reason"], "length");
        assert_eq!(
            data(&answer.opening())["choices"][0]["delta"]["role"],
            "assistant"
        );
        assert_eq!(
            data(&answer.usage(&llm::Usage::default()))["choices"],
            json!([])
        );
    }

    #[test]
    fn an_answer_of_calls_alone_has_no_content() {
        let call = llm::ToolCall {
            id: "c".into(),
            name: "f".into(),
            arguments_json: "{}".into(),
        };
        let answer = Answer::new("chatcmpl-1".into(), 7, "m".into());
        let whole = answer.whole("", &[call], &llm::Finish::default());
        let message = &whole["choices"][0]["message"];
        assert!(message["content"].is_null());
        assert_eq!(message["tool_calls"][0]["function"]["name"], "f");
    }
}
