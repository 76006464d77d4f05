//! How one answer goes, step by step.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

/// One answer to one request.
#[derive(Debug, Clone)]
pub struct Script {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) steps: VecDeque<Step>,
    /// Say nothing at all, not even headers.
    pub(super) mute: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    /// One write to the socket.
    Send(Bytes),
    Pause(Duration),
    /// Nothing more until the client leaves.
    Hold,
    /// The connection breaks in the middle of the body.
    Disconnect,
}

impl Script {
    fn new(status: u16, content_type: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            steps: VecDeque::new(),
            mute: false,
        }
    }

    /// A stream of events, to be written with the methods below. Ends cleanly after its last
    /// step, even without `[DONE]`.
    pub fn stream() -> Self {
        Self::new(200, "text/event-stream")
    }

    /// An error in OpenRouter's form.
    pub fn refuse(status: u16, message: &str) -> Self {
        Self::refuse_with(status, &json!({"code": status, "message": message}))
    }

    /// An error with this error object.
    pub fn refuse_with(status: u16, error: &Value) -> Self {
        Self::plain(
            status,
            "application/json",
            json!({ "error": error }).to_string(),
        )
    }

    /// Any answer.
    pub fn plain(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self::new(status, content_type).bytes(body)
    }

    /// Accepts the request and never answers.
    pub fn mute() -> Self {
        Self {
            mute: true,
            ..Self::stream()
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push_back(step);
        self
    }

    /// Writes these bytes at once.
    #[must_use]
    pub fn bytes(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    /// Writes these bytes one at a time: characters and line ends are split between writes.
    #[must_use]
    pub fn dribble(self, bytes: impl AsRef<[u8]>) -> Self {
        bytes
            .as_ref()
            .iter()
            .fold(self, |script, byte| script.bytes(vec![*byte]))
    }

    /// The comment by which OpenRouter keeps a waiting connection alive.
    #[must_use]
    pub fn comment(self) -> Self {
        self.bytes(": OPENROUTER PROCESSING\n\n")
    }

    /// One event with this data.
    #[must_use]
    pub fn event(self, data: &Value) -> Self {
        self.bytes(format!("data: {data}\n\n"))
    }

    /// A chunk with this delta.
    #[must_use]
    pub fn delta(self, delta: &Value) -> Self {
        self.event(&chunk(
            &json!([{"index": 0, "delta": delta, "finish_reason": null}]),
        ))
    }

    /// A piece of the answer's text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.delta(&json!({ "content": text }))
    }

    /// The chunk that says why the answer ended.
    #[must_use]
    pub fn finish(self, reason: &str) -> Self {
        self.event(&chunk(
            &json!([{"index": 0, "delta": {"content": ""}, "finish_reason": reason}]),
        ))
    }

    /// The chunk with the usage, which has no choices. `cost` is decimal USD.
    #[must_use]
    pub fn usage(self, prompt_tokens: i64, completion_tokens: i64, cost: &str) -> Self {
        let usage = format!(
            r#"{{"prompt_tokens":{prompt_tokens},"completion_tokens":{completion_tokens},"total_tokens":{},"cost":{cost},"prompt_tokens_details":{{"cached_tokens":0}}}}"#,
            prompt_tokens + completion_tokens,
        );
        let data = chunk(&json!([])).to_string();
        let data = data.strip_suffix('}').unwrap_or(&data);
        self.bytes(format!("data: {data},\"usage\":{usage}}}\n\n"))
    }

    /// The error that ends a stream which began well.
    #[must_use]
    pub fn error(self, error: &Value) -> Self {
        let mut data =
            chunk(&json!([{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]));
        data["error"] = error.clone();
        self.event(&data)
    }

    /// The last event.
    #[must_use]
    pub fn done(self) -> Self {
        self.bytes("data: [DONE]\n\n")
    }

    /// `finish("stop")`, a usage and `[DONE]`.
    #[must_use]
    pub fn stop(self) -> Self {
        self.finish("stop").usage(31, 18, "0.000021").done()
    }

    /// Waits before the next step.
    #[must_use]
    pub fn pause(self, time: Duration) -> Self {
        self.step(Step::Pause(time))
    }

    /// Says nothing more, and waits until the client leaves.
    #[must_use]
    pub fn hold(self) -> Self {
        self.step(Step::Hold)
    }

    /// Breaks the connection.
    #[must_use]
    pub fn disconnect(self) -> Self {
        self.step(Step::Disconnect)
    }
}

/// A chunk with these choices.
fn chunk(choices: &Value) -> Value {
    json!({
        "id": "gen-fake-1",
        "object": "chat.completion.chunk",
        "created": 1_795_249_437,
        "model": super::CHAT_MODEL,
        "provider": "Fake",
        "choices": choices,
    })
}
