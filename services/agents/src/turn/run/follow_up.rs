//! What an agent writes by itself, to a client who is silent: through the same gates as an answer.

use serde_json::json;

use super::{Inbound, Turn};
use crate::Error;
use crate::automation::{Act, Step};
use crate::turn::generate::Generated;
use crate::turn::ports::{Model, Sources};
use crate::turn::trace::{Outcome, Report, Sentence, State, StepKind, Verdict};
use crate::turn::{Observer, conditions, tools, triggers};

/// Why a step is not done whose company has said when not.
const CONDITION: &str = "condition";
/// Why a step is not done that cannot be written as the gates want it.
const NOTHING_TO_SAY: &str = "nothing_to_say";
/// Why a person has the word.
const REASON: &str = "sequence";

/// What is to be said and done.
#[derive(Debug, Clone, Copy)]
pub struct Following<'a> {
    pub step: &'a Step,
    /// In words; empty = none.
    pub skip_condition: &'a str,
    /// `sequences/{sequence}`.
    pub origin: &'a str,
}

/// Writes a message to a client who has written nothing since the agent's last. The report has
/// state [`State::Sent`] where something is said, [`State::Skipped`] where something is only done
/// or nothing may be, and then says why, and [`State::Failed`] where no model answers.
///
/// # Errors
/// When the sources cannot be read.
pub async fn follow_up(
    inbound: &Inbound,
    following: Following<'_>,
    model: &dyn Model,
    sources: &dyn Sources,
    observer: &dyn Observer,
) -> Result<Report, Error> {
    let mut turn = Turn::new(inbound, observer);
    let step = following.step;
    if step.instruction.is_empty() {
        turn.say_fixed(following, model).await;
    } else {
        turn.write(following, model, sources).await?;
    }
    if turn.report.state == State::Failed || !turn.report.skip_reason.is_empty() {
        let (state, outcome) = (turn.report.state, turn.report.outcome);
        return Ok(turn.end(state, outcome));
    }
    turn.follow_acts(following).await;
    turn.pace().await;
    turn.end_steps().await;
    let (state, outcome) = (turn.report.state, turn.report.outcome);
    Ok(turn.end(state, outcome))
}

impl Turn<'_> {
    /// The company's own words, unless its condition holds.
    async fn say_fixed(&mut self, following: Following<'_>, model: &dyn Model) {
        if !following.skip_condition.is_empty() && !self.asks_nothing(following, model).await {
            return;
        }
        if following.step.text.is_empty() {
            self.report.state = State::Skipped;
            return;
        }
        self.say(&following.step.text).await;
        self.report.state = State::Sent;
        self.report.outcome = Outcome::Answered;
    }

    /// Whether the condition does not hold, as far as a model can say.
    async fn asks_nothing(&mut self, following: Following<'_>, model: &dyn Model) -> bool {
        let (settings, past) = (&self.inbound.agent.settings, &self.inbound.past);
        let conditions = [following.skip_condition];
        match conditions::ask(model, settings, past, &conditions).await {
            Err(fault) => {
                self.fail(fault.reason, fault.message).await;
                false
            }
            Ok((judged, usage)) => {
                self.report.usage += usage;
                let holds = triggers::holds(&judged, 0);
                let detail = json!({"condition": holds.is_some()});
                let verdict = if holds.is_some() {
                    Verdict::Hit
                } else {
                    Verdict::Passed
                };
                let step = StepKind::Classify;
                let holds = holds.is_some();
                self.step_with(step, verdict, detail, usage).await;
                if holds {
                    self.leave(CONDITION);
                }
                !holds
            }
        }
    }

    /// What the model writes.
    async fn write(
        &mut self,
        following: Following<'_>,
        model: &dyn Model,
        sources: &dyn Sources,
    ) -> Result<(), Error> {
        let instruction = &following.step.instruction;
        self.task = Some(instruction.clone());
        self.unless = Some(following.skip_condition.to_owned()).filter(|words| !words.is_empty());
        instruction.clone_into(&mut self.guarded.masked);
        let found = self.retrieve(sources).await?;
        let generated = self.generate(model, &found).await;
        self.take_written(generated).await;
        Ok(())
    }

    async fn take_written(&mut self, mut generated: Generated) {
        self.step(
            StepKind::Gates,
            if generated.answer.is_some() {
                Verdict::Passed
            } else {
                Verdict::Vetoed
            },
            std::mem::take(&mut generated.gates),
        )
        .await;
        if let Some(fault) = generated.fault {
            self.fail(fault.reason, fault.message).await;
            return;
        }
        let Some(answer) = generated.answer else {
            self.leave(generated.silenced_by.unwrap_or(NOTHING_TO_SAY));
            return;
        };
        if self.unless.is_some() && triggers::holds(&answer.conditions, 0).is_some() {
            self.leave(CONDITION);
            return;
        }
        // Nobody has asked anything that could go unanswered: there is nothing to say then.
        if answer.no_answer || answer.handoff.is_some() || answer.sentences.is_empty() {
            self.leave(NOTHING_TO_SAY);
            return;
        }
        self.report.sentences = answer.sentences.into_iter().map(Sentence::from).collect();
        self.report.state = State::Sent;
        self.report.outcome = Outcome::Answered;
    }

    async fn follow_acts(&mut self, following: Following<'_>) {
        let acts = &following.step.acts;
        let client_texts = self.client_texts.clone();
        let judged = self
            .tools(&client_texts)
            .judge_acts(acts, following.origin, 1.0, &[]);
        self.report.actions.extend(judged);
        let handed = acts.iter().find_map(|act| match act {
            Act::HandOff { silent } => Some(*silent),
            _ => None,
        });
        if let Some(silent) = handed {
            self.hand_over(silent, following.origin).await;
        }
        let verdict = if acts.is_empty() {
            Verdict::Skipped
        } else {
            Verdict::Passed
        };
        let detail = json!({"proposed": acts.len()});
        self.step(StepKind::Tools, verdict, detail).await;
    }

    async fn hand_over(&mut self, silent: bool, origin: &str) {
        let from = self.report.actions.len();
        if silent {
            let (mode, now) = (self.inbound.mode, self.inbound.now);
            REASON.clone_into(&mut self.report.handoff_reason);
            let stop = tools::own("hand_off", REASON, mode, now);
            self.report.actions.push(stop);
        } else {
            let said = std::mem::take(&mut self.report.sentences);
            let last = self.client_texts.last().cloned();
            let summary = last.unwrap_or_else(|| REASON.to_owned());
            self.hand_off(REASON, &summary).await;
            if !said.is_empty() {
                self.report.sentences = said;
            }
            self.report.state = State::Sent;
        }
        self.report.outcome = Outcome::HandedOff;
        for action in self.report.actions.iter_mut().skip(from) {
            origin.clone_into(&mut action.origin);
        }
    }

    fn leave(&mut self, reason: &str) {
        self.report.sentences.clear();
        reason.clone_into(&mut self.report.skip_reason);
        self.report.state = State::Skipped;
        self.report.outcome = Outcome::Silent;
    }

    async fn fail(&mut self, reason: String, message: String) {
        let detail = json!({"reason": reason});
        self.report.error = Some((reason, message));
        self.report.state = State::Failed;
        self.step(StepKind::Generate, Verdict::Failed, detail).await;
    }
}
