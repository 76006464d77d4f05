//! Asking the model until it says something that may go out, or giving up in a known way.

use std::time::Duration;

use futures::StreamExt as _;
use serde_json::{Value, json};

use super::answer::{Answer, Reader};
use super::gates::{self, Outgoing};
use super::ports::{Completion, Model, ModelEvent, ModelFault, ModelRequest, Observer};
use super::tools::{self, Tools};
use super::trace::{Action, PromptMessage, PromptRole, Sentence, Usage};
use crate::agent::Settings;

/// Tries after a veto or a malformed answer, over all models.
const MOST_RETRIES: usize = 2;

/// Bytes of one answer at most; a model that goes on is not listened to.
const MOST_BYTES: usize = 128 * 1024;

/// What came of asking.
#[derive(Debug, Default)]
pub struct Generated {
    /// `None`: no try could be used.
    pub answer: Option<Answer>,
    pub usage: Usage,
    /// The model of the last try that answered.
    pub model: String,
    pub first_token: Duration,
    /// What each try came to, for the trace.
    pub tries: Vec<Value>,
    /// What the gates said of the last try, for the trace.
    pub gates: Value,
    /// The last veto could not be mended by words: the turn must say nothing.
    pub silenced_by: Option<&'static str>,
    /// No model answered at all.
    pub fault: Option<ModelFault>,
    /// What the answer proposes, judged.
    pub actions: Vec<Action>,
}

/// What generating needs.
pub struct Generator<'a> {
    pub model: &'a dyn Model,
    pub observer: &'a dyn Observer,
    pub settings: &'a Settings,
    pub prompt: &'a [PromptMessage],
    /// Everything of the outgoing message but its sentences.
    pub outgoing: Outgoing<'a>,
    pub tools: &'a Tools<'a>,
    /// Of the answer.
    pub schema: &'static str,
}

enum Try {
    Answered(Box<Answer>, Completion),
    /// The text, and what to tell the model.
    Unusable {
        said: String,
        teaching: String,
        usage: Usage,
    },
    Failed(ModelFault),
}

impl Generator<'_> {
    /// Asks the agent's model, then its fallbacks; teaches at most twice.
    pub async fn run(self) -> Generated {
        let mut generated = Generated::default();
        let mut messages = self.prompt.to_vec();
        let mut models = self.models().into_iter();
        let Some(mut model) = models.next() else {
            return generated;
        };
        let (mut retries, mut told) = (0, false);
        loop {
            if self.over_budget(generated.usage) {
                generated.tries.push(json!({"stopped": "budget_turn"}));
                return generated;
            }
            let (tried, shown) = self.ask(&model, &messages).await;
            let (said, teaching) = match tried {
                Try::Answered(answer, completion) => {
                    generated.take(&model, completion);
                    let may_tell = !told && retries < MOST_RETRIES;
                    match self.judge(&mut generated, *answer, may_tell) {
                        Judged::Passed => return generated,
                        Judged::Refused(said, teaching) => (said, teaching),
                        Judged::Told(said, teaching) => {
                            told = true;
                            (said, teaching)
                        }
                    }
                }
                Try::Unusable {
                    said,
                    teaching,
                    usage,
                } => {
                    generated.usage += usage;
                    generated
                        .tries
                        .push(json!({"model": model, "unusable": teaching}));
                    (said, teaching)
                }
                Try::Failed(fault) => {
                    generated
                        .tries
                        .push(json!({"model": model, "failed": fault.reason}));
                    if shown {
                        self.observer.retracted().await;
                    }
                    match models.next().filter(|_| fault.transient) {
                        Some(next) => model = next,
                        None => {
                            generated.fault = Some(fault);
                            return generated;
                        }
                    }
                    continue;
                }
            };
            if shown {
                self.observer.retracted().await;
            }
            retries += 1;
            if generated.silenced_by.is_some() || retries > MOST_RETRIES {
                return generated;
            }
            messages = self.taught(&said, &teaching);
        }
    }

    fn models(&self) -> Vec<String> {
        let mut models = vec![self.settings.model.clone()];
        models.extend(self.settings.fallback_models.iter().cloned());
        models
    }

    fn over_budget(&self, usage: Usage) -> bool {
        let budget = self.settings.budget_turn_micro_usd;
        budget > 0 && usage.cost_micro_usd >= budget
    }

    /// The prompt with the refused answer and why it was refused. Only the last one: a model that
    /// is shown all its mistakes repeats them.
    fn taught(&self, said: &str, teaching: &str) -> Vec<PromptMessage> {
        let mut messages = self.prompt.to_vec();
        let said = said.chars().take(4_000).collect();
        messages.push(PromptMessage {
            role: PromptRole::Assistant,
            content: said,
        });
        let content = format!("[platform] This answer was not sent. {teaching} Answer again.");
        messages.push(PromptMessage {
            role: PromptRole::System,
            content,
        });
        messages
    }

    /// One call. Sentences are shown as they pass; the second value says whether any was.
    async fn ask(&self, model: &str, messages: &[PromptMessage]) -> (Try, bool) {
        let request = ModelRequest {
            model: model.to_owned(),
            messages: messages.to_vec(),
            temperature: self.settings.temperature(),
            max_tokens: self.settings.max_tokens,
            schema: self.schema.to_owned(),
            purpose: "turn",
        };
        let mut stream = match self.model.complete(request).await {
            Ok(stream) => stream,
            Err(fault) => return (Try::Failed(fault), false),
        };
        let mut reader = Reader::default();
        let (mut text, mut shown, mut showing) = (String::new(), false, true);
        let completion = loop {
            match stream.next().await {
                Some(Ok(ModelEvent::Text(piece))) => {
                    if text.len() + piece.len() > MOST_BYTES {
                        let (said, usage) = (text, Usage::default());
                        let teaching = "The answer is far too long.".to_owned();
                        let unusable = Try::Unusable {
                            said,
                            teaching,
                            usage,
                        };
                        return (unusable, shown);
                    }
                    text.push_str(&piece);
                    for said in reader.push(&piece) {
                        let sentence = Sentence::from(said);
                        // After one that may not be shown, the rest waits for the gates.
                        showing &= gates::sentence_may_be_shown(&self.outgoing, &sentence);
                        if showing && !sentence.text.is_empty() {
                            self.observer.sentence(&sentence).await;
                            shown = true;
                        }
                    }
                }
                Some(Ok(ModelEvent::Done(completion))) => break completion,
                Some(Err(fault)) => return (Try::Failed(fault), shown),
                None => return (Try::Failed(cut()), shown),
            }
        };
        let tried = match reader.finish() {
            Ok(answer) => Try::Answered(Box::new(answer), completion),
            Err(error) => Try::Unusable {
                said: text,
                teaching: error.to_string(),
                usage: completion.usage,
            },
        };
        (tried, shown)
    }

    /// Puts the answer into `generated`, or says why it may not go out.
    fn judge(&self, generated: &mut Generated, answer: Answer, may_tell: bool) -> Judged {
        let sentences: Vec<_> = answer
            .sentences
            .iter()
            .cloned()
            .map(Sentence::from)
            .collect();
        let (veto, asked) = gates::pass(&self.outgoing.with(&sentences));
        generated.gates = asked;
        let model = &generated.model;
        let actions = self.tools.judge(&answer.actions);
        match veto {
            None => {
                let teaching = tools::teaching(&actions).filter(|_| may_tell);
                if let Some(teaching) = teaching {
                    generated
                        .tries
                        .push(json!({"model": model, "tool_refused": teaching}));
                    return Judged::Told(joined(&sentences), teaching);
                }
                generated
                    .tries
                    .push(json!({"model": model, "passed": true}));
                generated.actions = actions;
                generated.answer = Some(answer);
                Judged::Passed
            }
            // What is not said needs no gate: the standard words go out instead.
            Some(_) if answer.no_answer || answer.handoff.is_some() => {
                generated
                    .tries
                    .push(json!({"model": model, "passed": true}));
                generated.actions = actions;
                generated.answer = Some(Answer {
                    sentences: Vec::new(),
                    ..answer
                });
                Judged::Passed
            }
            Some(veto) => {
                generated
                    .tries
                    .push(json!({"model": model, "vetoed": veto.gate, "teaching": veto.teaching}));
                if !veto.can_be_mended() {
                    generated.silenced_by = Some(veto.gate);
                }
                Judged::Refused(joined(&sentences), veto.teaching)
            }
        }
    }
}

/// What became of an answer: what was said, and what to tell the model.
enum Judged {
    Passed,
    Refused(String, String),
    /// The words may go out, but a tool was refused in a way that other words may mend.
    Told(String, String),
}

fn joined(sentences: &[Sentence]) -> String {
    let said: Vec<_> = sentences.iter().map(|s| s.text.as_str()).collect();
    said.join(" ")
}

impl Generated {
    fn take(&mut self, asked: &str, completion: Completion) {
        self.usage += completion.usage;
        if self.first_token.is_zero() {
            self.first_token = completion.first_token;
        }
        let served = Some(completion.model).filter(|model| !model.is_empty());
        self.model = served.unwrap_or_else(|| asked.to_owned());
    }
}

impl<'a> Outgoing<'a> {
    /// The same, of other sentences.
    fn with<'b>(&'b self, sentences: &'b [Sentence]) -> Outgoing<'b>
    where
        'a: 'b,
    {
        Outgoing { sentences, ..*self }
    }
}

fn cut() -> ModelFault {
    ModelFault {
        reason: "STREAM_CUT".to_owned(),
        message: "the model's answer was cut off".to_owned(),
        transient: true,
    }
}
