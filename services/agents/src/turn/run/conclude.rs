//! The end of a turn: what of the answer is said, done and remembered.

use serde_json::{Value, json};

use super::{Turn, fire};
use crate::memory;
use crate::turn::answer::Answer;
use crate::turn::generate::Generated;
use crate::turn::trace::{
    Action, ActionState, Outcome, Report, Sentence, State, StepKind, Verdict,
};
use crate::turn::words::Standard;
use crate::turn::{Inbound, gates, pace, tools};

impl Turn<'_> {
    pub(super) async fn conclude(mut self, mut generated: Generated) -> Report {
        let answer = generated.answer.take();
        let judged = answer.as_ref().map(|answer| answer.conditions.as_slice());
        let hits = self.hits_of(judged.unwrap_or_default());
        let proposed = self.fire(hits, std::mem::take(&mut generated.actions));
        self.act(proposed).await;
        self.remember(answer.as_ref());
        let verdict = if answer.is_some() {
            Verdict::Passed
        } else {
            Verdict::Vetoed
        };
        self.step(
            StepKind::Gates,
            verdict,
            std::mem::take(&mut generated.gates),
        )
        .await;
        let (state, outcome) = match (answer, generated.fault) {
            (_, Some(fault)) => {
                self.report.error = Some((fault.reason, fault.message));
                (State::Failed, Outcome::Silent)
            }
            (None, None) if generated.silenced_by.is_some() => {
                self.report.skip_reason = generated.silenced_by.unwrap_or_default().to_owned();
                (State::Superseded, Outcome::Silent)
            }
            (None, None) => (State::Sent, self.fall_back().await),
            (Some(answer), None) => match self.say_for_hits().await {
                Some(said) => said,
                None => (State::Sent, self.speak(answer).await),
            },
        };
        self.pace().await;
        self.end_steps().await;
        self.end(state, outcome)
    }

    async fn act(&mut self, actions: Vec<Action>) {
        if actions.is_empty() && self.report.actions.is_empty() {
            self.step(StepKind::Tools, Verdict::Skipped, Value::Null)
                .await;
            return;
        }
        let refused = actions
            .iter()
            .filter(|a| a.state == ActionState::Refused)
            .count();
        let suggested: Vec<_> = actions
            .iter()
            .filter(|a| a.state == ActionState::Suggested)
            .map(|a| &a.detail)
            .collect();
        let detail = json!({
            "proposed": actions.len(), "refused": refused, "suggested": suggested,
            "triggers": fire::detail(&self.report.hits),
        });
        self.report.actions.extend(actions);
        self.step(StepKind::Tools, Verdict::Passed, detail).await;
    }

    /// What the client said of themselves, and what the CRM says of the same things.
    fn remember(&mut self, answer: Option<&Answer>) {
        let Some(answer) = answer.filter(|_| self.remembers() && !self.guarded.strict()) else {
            return;
        };
        let mut said = answer.memory.clone();
        // What a rule keeps from the field is still what the client says.
        said.extend(self.report.actions.iter().filter_map(tools::claim_of));
        let said = memory::candidates(&said, &self.client_texts);
        let known = &self.inbound.known;
        let spoken_of = |key: &str| {
            said.iter().any(|said| said.key == key)
                || known.memories.iter().any(|memory| memory.key == key)
        };
        let facts = known.crm.as_ref().map(memory::crm_facts);
        let facts = facts.unwrap_or_default().into_iter();
        let facts: Vec<_> = facts.filter(|fact| spoken_of(&fact.key)).collect();
        self.report.memories = facts.into_iter().chain(said).collect();
    }

    fn remembers(&self) -> bool {
        self.inbound.agent.settings.memory_enabled
    }

    /// Says what the answer says, or the standard words for what it does not.
    async fn speak(&mut self, answer: Answer) -> Outcome {
        if let Some(handoff) = answer.handoff {
            self.hand_off("no_answer", &handoff.summary).await;
            return Outcome::HandedOff;
        }
        let asked = self
            .report
            .actions
            .iter()
            .find(|action| action.kind == "hand_off" && action.state != ActionState::Refused)
            .filter(|action| action.origin.is_empty());
        if let Some(asked) = asked {
            let summary = asked.detail["text"].as_str().unwrap_or_default().to_owned();
            self.report
                .actions
                .retain(|action| action.kind != "hand_off");
            self.hand_off("no_answer", &summary).await;
            return Outcome::HandedOff;
        }
        if answer.no_answer {
            self.no_answer().await;
            return Outcome::NoAnswer;
        }
        self.report.sentences = answer.sentences.into_iter().map(Sentence::from).collect();
        self.report.plays = self.plays.used(&self.report.sentences);
        self.keep_promises();
        Outcome::Answered
    }

    /// What the company's own scripts promise becomes a task.
    fn keep_promises(&mut self) {
        let mut sentences = self.report.sentences.iter();
        let promise = sentences.find(|sentence| gates::promised(&sentence.text).is_some());
        if let Some(text) = promise.map(|sentence| sentence.text.clone()) {
            self.own_action("create_task", &text);
        }
    }

    pub(super) async fn no_answer(&mut self) {
        let settings = &self.inbound.agent.settings;
        let own = settings.no_answer_text.as_str();
        // Coming back is only promised where somebody is told to.
        let standard = if settings.create_task_on_no_answer {
            Standard::NoAnswer
        } else {
            Standard::NotKnown
        };
        let text = if own.is_empty() {
            standard.text(self.language)
        } else {
            own
        };
        self.say(text).await;
        if settings.create_task_on_no_answer {
            self.own_action("create_task", &self.inbound.text.clone());
        }
    }

    async fn fall_back(&mut self) -> Outcome {
        self.say(Standard::Fallback.text(self.language)).await;
        self.own_action("create_task", &self.inbound.text.clone());
        Outcome::Fallback
    }

    pub(super) async fn hand_off(&mut self, reason: &str, summary: &str) {
        self.say(Standard::HandOff.text(self.language)).await;
        self.report.handoff_reason = reason.to_owned();
        let text = &self.inbound.text;
        let summary = if summary.trim().is_empty() {
            text
        } else {
            summary
        };
        self.own_action("hand_off", reason);
        self.own_action("create_task", summary);
    }

    fn own_action(&mut self, kind: &str, text: &str) {
        let Inbound { mode, now, .. } = *self.inbound;
        self.report.actions.push(tools::own(kind, text, mode, now));
    }

    /// Standard words replace whatever was shown.
    pub(super) async fn say(&mut self, text: &str) {
        let sentence = Sentence {
            text: text.to_owned(),
            passage_ids: Vec::new(),
        };
        self.observer.retracted().await;
        self.observer.sentence(&sentence).await;
        self.report.sentences = vec![sentence];
    }

    pub(super) async fn pace(&mut self) {
        let settings = &self.inbound.agent.settings;
        let texts: Vec<_> = self
            .report
            .sentences
            .iter()
            .map(|s| s.text.as_str())
            .collect();
        if texts.is_empty() {
            self.step(StepKind::Pace, Verdict::Skipped, Value::Null)
                .await;
            return;
        }
        let parts = pace::parts(&texts, settings.max_parts);
        let delays: Vec<_> = parts
            .iter()
            .map(|part| pace::delay(&part.join(" "), settings).as_secs())
            .collect();
        let detail = json!({"parts": parts.len(), "delay_seconds": delays});
        self.step(StepKind::Pace, Verdict::Passed, detail).await;
    }

    /// What the store and the CRM do with the report.
    pub(super) async fn end_steps(&mut self) {
        let report = &self.report;
        let effects = report.actions.iter().filter(|a| a.effect.is_some());
        let detail = json!({
            "effects": effects.count(), "memories": report.memories.len(), "plays": report.plays,
        });
        let has_task = report.actions.iter().any(|a| a.kind == "create_task");
        self.step(StepKind::WriteBack, Verdict::Passed, detail)
            .await;
        let verdict = match &self.inbound.known.crm {
            Some(_) => Verdict::Passed,
            None => Verdict::NotConnected,
        };
        self.step(StepKind::NextStep, verdict, json!({"task": has_task}))
            .await;
    }
}
