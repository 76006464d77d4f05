//! Triggers that a client's message fires.

use serde_json::{Value, json};

use super::Turn;
use crate::automation::{Act, Hit, Outcome as HitOutcome};
use crate::turn::answer::Judged;
use crate::turn::trace::{Action, ActionState, Outcome, Report, State, StepKind, Verdict};
use crate::turn::{tools, triggers};

/// Why nothing is said that a trigger has stopped.
const STOPPED: &str = "stopped_by_trigger";
/// Why a person has the word.
const REASON: &str = "trigger";

impl Turn<'_> {
    /// Fires what words of the message fire; a report when that answers it.
    pub(super) async fn fire_keywords(&mut self) -> Option<Report> {
        let strict = self.guarded.strict();
        let hits = triggers::by_keyword(&self.inbound.known.triggers, &self.inbound.text, strict);
        if hits.is_empty() {
            return None;
        }
        self.fire(hits, Vec::new());
        let (state, outcome) = self.say_for_hits().await?;
        let detail = json!({"triggers": detail(&self.report.hits)});
        self.step(StepKind::Plays, Verdict::Hit, detail).await;
        self.pace().await;
        self.end_steps().await;
        Some(self.end(state, outcome))
    }

    /// Those whose conditions the model found to hold.
    pub(super) fn hits_of(&self, judged: &[Judged]) -> Vec<Hit> {
        let armed = &self.inbound.known.triggers;
        let asked = triggers::to_judge(armed, self.guarded.strict());
        triggers::by_condition(&asked, judged)
    }

    /// Does what the hits ask for, as far as the rules allow, and gives back of what the model
    /// proposes what does not contradict it.
    pub(super) fn fire(&mut self, hits: Vec<Hit>, mut proposed: Vec<Action>) -> Vec<Action> {
        for hit in hits {
            if hit.outcome == HitOutcome::Fired {
                self.do_acts(&hit);
            }
            self.report.hits.push(hit);
        }
        for action in &mut proposed {
            let own = self.report.actions.iter();
            let mut own = own.filter_map(|one| one.effect.as_ref());
            if action
                .effect
                .as_ref()
                .is_some_and(|effect| own.any(|other| effect.contradicts(other)))
            {
                action.state = ActionState::Refused;
                "contradicts".clone_into(&mut action.reason);
                action.effect = None;
            }
        }
        proposed
    }

    fn do_acts(&mut self, hit: &Hit) {
        let client_texts = self.client_texts.clone();
        let tools = self.tools(&client_texts);
        let (acts, origin) = (&hit.trigger.given.acts, hit.trigger.origin());
        let judged = tools.judge_acts(acts, &origin, hit.confidence, &self.report.actions);
        self.report.actions.extend(judged);
    }

    /// What the hits say in the place of an answer, if anything.
    pub(super) async fn say_for_hits(&mut self) -> Option<(State, Outcome)> {
        let fired = self.report.hits.iter();
        let fired: Vec<_> = fired
            .filter(|hit| hit.outcome == HitOutcome::Fired)
            .collect();
        let mut replies = fired.iter().map(|hit| &hit.trigger.given.reply);
        let reply = replies.find(|reply| !reply.is_empty()).cloned();
        let handed = fired.iter().find_map(|hit| {
            let mut acts = hit.trigger.given.acts.iter();
            let silent = acts.find_map(|act| match act {
                Act::HandOff { silent } => Some(*silent),
                _ => None,
            })?;
            Some((hit.trigger.origin(), silent))
        });
        match (handed, reply) {
            (None, None) => None,
            (None, Some(reply)) => {
                self.say(&reply).await;
                Some((State::Sent, Outcome::Answered))
            }
            (Some((origin, false)), reply) => {
                let from = self.report.actions.len();
                self.hand_off(REASON, &self.inbound.text.clone()).await;
                for action in self.report.actions.iter_mut().skip(from) {
                    action.origin.clone_from(&origin);
                }
                if let Some(reply) = reply {
                    self.say(&reply).await;
                }
                Some((State::Sent, Outcome::HandedOff))
            }
            (Some((origin, true)), reply) => {
                self.stop_silently(origin);
                match reply {
                    Some(reply) => {
                        self.say(&reply).await;
                        Some((State::Sent, Outcome::HandedOff))
                    }
                    None => {
                        self.observer.retracted().await;
                        STOPPED.clone_into(&mut self.report.skip_reason);
                        Some((State::Skipped, Outcome::HandedOff))
                    }
                }
            }
        }
    }

    fn stop_silently(&mut self, origin: String) {
        REASON.clone_into(&mut self.report.handoff_reason);
        let mode = self.inbound.mode;
        let stop = tools::own("hand_off", REASON, mode, self.inbound.now);
        self.report.actions.push(Action { origin, ..stop });
    }
}

/// What a trace shows of hits.
pub(super) fn detail(hits: &[Hit]) -> Value {
    let hits = hits.iter().map(|hit| {
        json!({
            "trigger": hit.trigger.origin(), "display_name": hit.trigger.given.display_name,
            "reason": hit.trigger.given.kind.as_str(), "evidence": hit.evidence,
            "outcome": hit.outcome.as_str(),
        })
    });
    Value::Array(hits.collect())
}
