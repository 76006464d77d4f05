//! Trying an agent's triggers on a text: what would fire, and why. Nothing is done.

use t11_core::OrgScope;
use uuid::Uuid;

use crate::Error;
use crate::agent::Agent;
use crate::automation::{Armed, Hit, Trigger};
use crate::chat::Chat;
use crate::clients::Llm;
use crate::conversation::Turn;
use crate::turn::tools::Tools;
use crate::turn::{Action, Mode, Past, State, conditions, guard, triggers};

/// What a trigger would do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trial {
    pub(crate) trigger: Trigger,
    pub(crate) fires: bool,
    /// `keyword`, `condition`, `off`, `not_of_text`, `no_match`, `strict_mode`.
    pub(crate) reason: &'static str,
    pub(crate) evidence: String,
    pub(crate) actions: Vec<Action>,
}

impl Chat {
    /// Tries all triggers of an agent on a client's message.
    ///
    /// # Errors
    /// When there is no such agent; [`Error::ModelAway`] when no model judges.
    pub(crate) async fn try_triggers(
        &self,
        scope: &OrgScope,
        agent_id: Uuid,
        text: String,
    ) -> Result<Vec<Trial>, Error> {
        let agent = self.store.agent(scope, agent_id).await?;
        let all = self.store.triggers(scope, agent_id).await?;
        let armed = all.iter().filter(|trigger| trigger.given.enabled);
        let armed: Vec<_> = armed
            .map(|trigger| Armed {
                trigger: trigger.clone(),
                limit: None,
            })
            .collect();
        let strict = guard::guard(&text).strict();
        let mut hits = triggers::by_keyword(&armed, &text, strict);
        let judged = self.judged(&agent, &armed, &text, strict).await?;
        hits.extend(judged);
        let crm = self.briefing.trial(scope, agent_id).await?;
        let client_texts = [text];
        let tools = Tools {
            crm: crm.as_ref(),
            mode: Mode::Test,
            strict,
            now: self.world.now(),
            client_texts: &client_texts,
        };
        let trials = all.into_iter().map(|trigger| trial(trigger, &hits, &tools));
        Ok(trials.collect())
    }

    async fn judged(
        &self,
        agent: &Agent,
        armed: &[Armed],
        text: &str,
        strict: bool,
    ) -> Result<Vec<Hit>, Error> {
        let asked = triggers::to_judge(armed, strict);
        let words = asked.iter().map(|one| one.trigger.given.condition.as_str());
        let words: Vec<_> = words.collect();
        let turn = Turn {
            id: self.world.new_id(),
            conversation_id: self.world.new_id(),
            agent_id: agent.id,
            version: agent.version(),
            state: State::Running,
            create_time: self.world.now(),
            report: None,
        };
        let model = Llm::of_turn(self.llm.clone(), self.world.clone(), &turn, agent);
        let past = [Past {
            from_client: true,
            text: text.to_owned(),
        }];
        let judged = conditions::ask(&model, &agent.settings, &past, &words).await;
        let (judged, _) = judged.map_err(|fault| Error::ModelAway {
            reason: fault.reason,
            message: fault.message,
        })?;
        Ok(triggers::by_condition(&asked, &judged))
    }
}

fn trial(trigger: Trigger, hits: &[Hit], tools: &Tools<'_>) -> Trial {
    let hit = hits.iter().find(|hit| hit.trigger.id == trigger.id);
    let (given, origin) = (&trigger.given, trigger.origin());
    let (fires, reason) = match hit {
        _ if !given.enabled => (false, "off"),
        _ if !given.kind.is_of_text() => (false, "not_of_text"),
        _ if tools.strict => (false, "strict_mode"),
        None => (false, "no_match"),
        Some(_) => (true, given.kind.as_str()),
    };
    let confidence = hit.map_or(0.0, |hit| hit.confidence);
    let actions = if fires {
        tools.judge_acts(&given.acts, &origin, confidence, &[])
    } else {
        Vec::new()
    };
    Trial {
        evidence: hit.map(|hit| hit.evidence.clone()).unwrap_or_default(),
        trigger,
        fires,
        reason,
        actions,
    }
}
