//! What the agent does by itself: triggers that time or a stage fires, and steps of sequences.

use std::time::Duration;

use serde_json::json;
use t11_core::OrgScope;
use uuid::Uuid;

use super::{Attempt, Desk, MODEL_TRIES};
use crate::Error;
use crate::automation::{Act, Hit, Outcome as HitOutcome};
use crate::chat::{Nobody, ScopedSources, past_of};
use crate::clients::{Llm, OrganizationSettings};
use crate::conversation::Turn;
use crate::store::{Firing, FiringBeginning, FiringEnd, StepBeginning, StepEnd};
use crate::turn::tools::Tools;
use crate::turn::{
    self, Following, Inbound, Known, Mode, Outcome, Report, Sentence, State, Step, StepKind, Usage,
    Verdict,
};

impl Desk {
    /// Fires a trigger or starts a sequence, if its moment is still there.
    pub(crate) async fn fire(&self, scope: &OrgScope, firing: Firing) -> Result<(), Error> {
        let zone = self.accounts.organization(scope.org()).await?.zone;
        let conversation = firing.conversation_id;
        if let Some(sequence) = firing.sequence {
            self.store
                .fire_sequence(scope, firing, sequence, zone)
                .await?;
            return Ok(());
        }
        let Some(beginning) = self.store.begin_firing(scope, firing.clone()).await? else {
            return Ok(());
        };
        let known = self
            .briefing
            .live(
                scope,
                &beginning.agent,
                &beginning.settings,
                beginning.stage.as_ref(),
                &beginning.conversation,
            )
            .await?;
        let report = self.fired(&beginning, &known);
        let end = FiringEnd {
            firing,
            report,
            zone,
        };
        if Box::pin(self.store.end_firing(scope, end)).await? {
            self.news.tell(scope.org(), conversation);
        }
        Ok(())
    }

    fn fired(&self, beginning: &FiringBeginning, known: &Known) -> Report {
        let trigger = &beginning.trigger;
        let said: Vec<_> = beginning.past.iter().cloned().map(past_of).collect();
        let texts = said.into_iter().filter(|past| past.from_client);
        let client_texts: Vec<_> = texts.map(|past| past.text).collect();
        let tools = Tools {
            crm: known.crm.as_ref(),
            mode: Mode::Live,
            strict: false,
            now: self.world.now(),
            client_texts: &client_texts,
        };
        let origin = trigger.origin();
        let mut actions = tools.judge_acts(&trigger.given.acts, &origin, 1.0, &[]);
        let hands_off = trigger
            .given
            .acts
            .iter()
            .any(|act| matches!(act, Act::HandOff { .. }));
        if hands_off {
            let own = turn::tools::own("hand_off", "trigger", Mode::Live, self.world.now());
            actions.push(turn::Action { origin, ..own });
        }
        let reply = &trigger.given.reply;
        let sentences = (!reply.is_empty()).then(|| Sentence {
            text: reply.clone(),
            passage_ids: Vec::new(),
        });
        let detail = json!({
            "trigger": trigger.origin(), "display_name": trigger.given.display_name,
            "reason": trigger.given.kind.as_str(), "actions": actions.len(),
        });
        let step = Step {
            kind: StepKind::Plays,
            verdict: Verdict::Hit,
            detail,
            took: Duration::ZERO,
            usage: Usage::default(),
        };
        Report {
            state: if sentences.is_some() {
                State::Sent
            } else {
                State::Skipped
            },
            outcome: match (hands_off, sentences.is_some()) {
                (true, _) => Outcome::HandedOff,
                (false, true) => Outcome::Answered,
                (false, false) => Outcome::Silent,
            },
            handoff_reason: "trigger".to_owned(),
            sentences: sentences.into_iter().collect(),
            steps: vec![step],
            actions,
            hits: vec![Hit {
                trigger: trigger.clone(),
                evidence: String::new(),
                confidence: 1.0,
                outcome: HitOutcome::Fired,
            }],
            ..Report::empty()
        }
    }

    /// Does a step of a sequence, if nobody has spoken since it was planned and it may be done now.
    pub(crate) async fn run_step(
        &self,
        scope: &OrgScope,
        (execution, step): (Uuid, i32),
        attempt: Attempt,
    ) -> Result<(), Error> {
        let organization = self.accounts.organization(scope.org()).await?;
        let zone = organization.zone;
        let begun = self.store.begin_step(scope, (execution, step), zone);
        let Some(beginning) = begun.await? else {
            return Ok(());
        };
        let conversation = beginning.conversation.id;
        let turn_id = self.world.new_id();
        let report = self
            .written(scope, &beginning, turn_id, organization)
            .await?;
        if report.state == State::Failed {
            if attempt.number >= MODEL_TRIES {
                let failing = self.store.fail_execution(scope, execution, "model_away");
                return failing.await;
            }
            let (reason, message) = report.error.unwrap_or_default();
            return Err(Error::ModelAway { reason, message });
        }
        let end = StepEnd {
            execution,
            step,
            turn_id,
            report,
            zone,
        };
        if Box::pin(self.store.end_step(scope, end)).await? {
            self.news.tell(scope.org(), conversation);
        }
        Ok(())
    }

    async fn written(
        &self,
        scope: &OrgScope,
        beginning: &StepBeginning,
        turn_id: Uuid,
        organization: OrganizationSettings,
    ) -> Result<Report, Error> {
        let StepBeginning {
            agent,
            settings,
            stage,
            conversation,
            ..
        } = beginning;
        let known = self
            .briefing
            .live(scope, agent, settings, stage.as_ref(), conversation)
            .await?;
        let inbound = Inbound {
            agent: agent.clone(),
            mode: Mode::Live,
            text: String::new(),
            past: beginning.past.iter().cloned().map(past_of).collect(),
            opted_out: conversation.opted_out,
            turns: conversation.turn_count,
            answers_last_hour: beginning.answers_last_hour,
            chat_cost_micro_usd: conversation.cost_micro_usd,
            now: self.world.now(),
            zone: organization.zone,
            language: organization.language,
            known,
        };
        let turn = Turn {
            id: turn_id,
            conversation_id: conversation.id,
            agent_id: agent.id,
            version: agent.version(),
            state: State::Running,
            create_time: self.world.now(),
            report: None,
        };
        let model = Llm::of_turn(self.llm.clone(), self.world.clone(), &turn, agent);
        let sources = ScopedSources {
            store: &self.store,
            search: &self.search,
            scope,
            editions: &inbound.known.editions,
        };
        let following = Following {
            step: &beginning.step,
            skip_condition: &beginning.sequence.given.skip_condition,
            origin: &beginning.sequence.origin(),
        };
        Box::pin(turn::follow_up(
            &inbound, following, &model, &sources, &Nobody,
        ))
        .await
    }
}
