//! Chunks of a streamed answer put together into events.

use std::collections::VecDeque;

use super::refusal;
use crate::failure::{Failure, FailureClass};
use crate::money::NanoUsd;
use crate::provider::{Event, Finish, FinishReason, Tokens, ToolCall};
use crate::wire::{Choice, Chunk, Delta, ToolCallDelta, scalar};

/// More calls in one answer are a runaway model.
const MAX_TOOL_CALLS: usize = 128;

/// What has come of one answer.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    /// Ready to be taken.
    pub(super) events: VecDeque<Event>,
    /// Text or a tool call has begun: from here on a failure cannot be repaired by another try.
    pub(super) content: bool,
    /// The model works, though perhaps only at its reasoning.
    pub(super) speaking: bool,
    calls: Vec<(usize, ToolCall)>,
    refusal: String,
    reason: Option<FinishReason>,
    model: String,
    generation: String,
    tokens: Option<Tokens>,
    cost: Option<NanoUsd>,
}

impl Assembly {
    /// Takes the data of one event other than `[DONE]`.
    pub(super) fn take(&mut self, data: &[u8]) -> Result<(), Failure> {
        let chunk: Chunk<'_> = serde_json::from_slice(data).map_err(|error| {
            tracing::debug!(%error, "an event of the stream is no chunk");
            Failure::cut(
                "invalid_chunk",
                "the provider sent an event that cannot be read",
            )
        })?;
        if self.model.is_empty() {
            self.model = text(chunk.model);
        }
        if self.generation.is_empty() {
            self.generation = text(chunk.id);
        }
        if let Some(usage) = &chunk.usage {
            self.tokens = Some(usage.tokens());
            self.cost = usage.cost();
        }
        if let Some(error) = &chunk.error {
            return Err(refusal::broke_off(error));
        }
        // Only the first choice: we never ask for more.
        match chunk.choices.unwrap_or_default().into_iter().next() {
            Some(choice) => self.take_choice(choice),
            None => Ok(()),
        }
    }

    /// The provider's id of the call, once it was told.
    pub(super) fn generation(&self) -> &str {
        &self.generation
    }

    /// The stream said `[DONE]`.
    pub(super) fn done(&mut self) -> Result<(), Failure> {
        let Some(reason) = self.reason else {
            return Err(Failure::cut(
                "no_finish_reason",
                "the answer ended without saying why",
            ));
        };
        if !self.refusal.is_empty() && !self.content {
            let message = format!("the model refused: {}", self.refusal);
            return Err(Failure::new(
                FailureClass::ContentRefused,
                "refusal",
                message,
            ));
        }
        self.events.push_back(Event::Finish(Finish {
            reason,
            model: std::mem::take(&mut self.model),
            tokens: self.tokens,
            cost: self.cost,
            generation: std::mem::take(&mut self.generation),
        }));
        Ok(())
    }

    fn take_choice(&mut self, choice: Choice<'_>) -> Result<(), Failure> {
        if let Some(error) = &choice.error {
            return Err(refusal::broke_off(error));
        }
        if let Some(delta) = choice.delta {
            self.take_delta(delta)?;
        }
        match choice.finish_reason.as_deref() {
            None | Some("") => Ok(()),
            Some("error") => Err(refusal::broke_off(&Default::default())),
            Some(reason) => {
                self.finish(reason);
                Ok(())
            }
        }
    }

    fn take_delta(&mut self, delta: Delta) -> Result<(), Failure> {
        self.speaking |= delta
            .reasoning
            .is_some_and(|reasoning| !reasoning.is_empty());
        if let Some(text) = delta.content.filter(|text| !text.is_empty()) {
            self.begin_content();
            self.events.push_back(Event::Text(text));
        }
        if let Some(refusal) = delta.refusal {
            self.refusal.push_str(&refusal);
        }
        for call in delta.tool_calls.unwrap_or_default() {
            self.begin_content();
            self.take_call(call)?;
        }
        Ok(())
    }

    fn begin_content(&mut self) {
        self.content = true;
        self.speaking = true;
    }

    /// Pieces of a call share an index. Servers that number all calls 0 tell them apart by id.
    fn take_call(&mut self, delta: ToolCallDelta) -> Result<(), Failure> {
        let index = delta.index.unwrap_or(0);
        let id = delta.id.unwrap_or_default();
        let known = self.calls.iter().rposition(|(known, call)| {
            *known == index && (id.is_empty() || call.id.is_empty() || call.id == id)
        });
        let place = match known {
            Some(place) => place,
            None if self.calls.len() == MAX_TOOL_CALLS => {
                return Err(Failure::cut(
                    "too_many_tool_calls",
                    "the model calls too many tools",
                ));
            }
            None => {
                self.calls.push((index, ToolCall::default()));
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[place].1;
        if call.id.is_empty() {
            call.id = id;
        }
        if let Some(function) = delta.function {
            if call.name.is_empty() {
                call.name = function.name.unwrap_or_default();
            }
            call.arguments
                .push_str(function.arguments.as_deref().unwrap_or_default());
        }
        Ok(())
    }

    fn finish(&mut self, reason: &str) {
        let called = !self.calls.is_empty();
        let calls = self.calls.drain(..).map(|(_, call)| Event::ToolCall(call));
        self.events.extend(calls);
        let reason = match reason {
            "length" => FinishReason::Length,
            "content_filter" => FinishReason::ContentFilter,
            // Ollama says `stop` after calls.
            _ if called => FinishReason::ToolCalls,
            "tool_calls" | "function_call" => FinishReason::ToolCalls,
            // The list of words grows; an answer that ends with a new one has ended.
            _ => FinishReason::Stop,
        };
        self.reason = self.reason.or(Some(reason));
    }
}

fn text(raw: Option<&serde_json::value::RawValue>) -> String {
    raw.map(scalar).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assemble(chunks: &[&str]) -> Result<Vec<Event>, Failure> {
        let mut assembly = Assembly::default();
        for chunk in chunks {
            assembly.take(chunk.as_bytes())?;
        }
        assembly.done()?;
        Ok(assembly.events.into())
    }

    fn finish(reason: FinishReason) -> Event {
        Event::Finish(Finish {
            reason,
            model: String::new(),
            tokens: None,
            cost: None,
            generation: String::new(),
        })
    }

    #[test]
    fn an_answer_with_usage() {
        let events = assemble(&[
            r#"{"id":"gen-1","model":"a/b","choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"new":1}"#,
            r#"{"id":"gen-1","model":"a/b","choices":[{"index":0,"delta":{"content":"При"},"finish_reason":null}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"вет"},"finish_reason":"stop"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":31,"completion_tokens":18,"cost":0.000021,
                "prompt_tokens_details":{"cached_tokens":7},"new":{}}}"#,
        ]);
        let expected = vec![
            Event::Text("При".into()),
            Event::Text("вет".into()),
            Event::Finish(Finish {
                reason: FinishReason::Stop,
                model: "a/b".into(),
                tokens: Some(Tokens {
                    prompt: 31,
                    completion: 18,
                    cached: 7,
                }),
                cost: Some(NanoUsd(21_000)),
                generation: "gen-1".into(),
            }),
        ];
        assert_eq!(events, Ok(expected));
    }

    #[test]
    fn calls_are_put_together_from_their_pieces() {
        let events = assemble(&[
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"find","arguments":"{\"q\":"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"book","arguments":""}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}},{"index":1,"function":{"arguments":"{}"}}]}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
        ]);
        let call = |id: &str, name: &str, arguments: &str| {
            Event::ToolCall(ToolCall {
                id: id.into(),
                name: name.into(),
                arguments: arguments.into(),
            })
        };
        let expected = vec![
            call("a", "find", "{\"q\":1}"),
            call("b", "book", "{}"),
            finish(FinishReason::ToolCalls),
        ];
        assert_eq!(events, Ok(expected));
    }

    #[test]
    fn calls_that_are_all_numbered_zero_are_told_apart() {
        let events = assemble(&[
            r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"x","arguments":"{}"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"id":"b","function":{"name":"y","arguments":"{}"}}]},"finish_reason":"stop"}]}"#,
        ])
        .unwrap();
        assert_eq!(events.len(), 3);
        assert_eq!(events[2], finish(FinishReason::ToolCalls));
    }

    #[test]
    fn errors_inside_the_stream_keep_their_class() {
        use FailureClass as C;
        for (chunk, class) in [
            (
                r#"{"error":{"code":502,"message":"Provider disconnected"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
                C::Unavailable,
            ),
            (
                r#"{"error":{"code":"server_error","message":"x"},"choices":[]}"#,
                C::Unavailable,
            ),
            (
                r#"{"choices":[{"delta":{},"finish_reason":"error","error":{"code":429,"message":"x"}}]}"#,
                C::Limited,
            ),
            (
                r#"{"choices":[{"delta":{},"finish_reason":"error"}]}"#,
                C::Unavailable,
            ),
            ("{not json", C::Cut),
        ] {
            assert_eq!(assemble(&[chunk]).unwrap_err().class, class, "{chunk}");
        }
    }

    #[test]
    fn an_end_without_a_reason_is_a_cut() {
        let failure = assemble(&[r#"{"choices":[{"delta":{"content":"a"}}]}"#]).unwrap_err();
        assert_eq!(failure.class, FailureClass::Cut);
    }

    #[test]
    fn a_refusal_without_text_is_a_refusal() {
        let chunk = r#"{"choices":[{"delta":{"refusal":"I can't"},"finish_reason":"stop"}]}"#;
        assert_eq!(
            assemble(&[chunk]).unwrap_err().class,
            FailureClass::ContentRefused
        );
    }
}
