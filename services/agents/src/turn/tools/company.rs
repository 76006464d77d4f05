//! What the company has set to be done, judged by the same rules as what the model proposes.

use chrono::TimeDelta;
use serde_json::json;

use super::{
    Allowed, Crm, Effect, Mode, Refusal, TASK_HOURS, Tools, check_confidence, contradicts, moved,
    moves,
};
use crate::automation::Act;
use crate::crm_settings::{LOST, MoveMode};
use crate::turn::trace::{Action, ActionState};

impl Tools<'_> {
    /// Judges what `origin` asks for, in its order; `before` is what the turn does already. A
    /// hand-off is no action of the CRM and is left out.
    pub fn judge_acts(
        &self,
        acts: &[Act],
        origin: &str,
        confidence: f64,
        before: &[Action],
    ) -> Vec<Action> {
        let mut judged = before.to_vec();
        for act in acts {
            if let Act::HandOff { .. } = act {
                continue;
            }
            let outcome = self.judge_act(act, origin, confidence, &judged);
            judged.push(self.action_of(act, origin, outcome));
        }
        judged.split_off(before.len())
    }

    fn action_of(&self, act: &Act, origin: &str, outcome: Result<Allowed, Refusal>) -> Action {
        let action = Action {
            kind: act.kind().to_owned(),
            origin: origin.to_owned(),
            ..Action::default()
        };
        match outcome {
            Err(reason) => Action {
                reason: reason.to_owned(),
                ..action
            },
            Ok(allowed) => Action {
                detail: allowed.detail,
                state: match (allowed.suggested, self.mode) {
                    (true, _) => ActionState::Suggested,
                    (false, Mode::Test | Mode::Eval) => ActionState::WouldDo,
                    (false, Mode::Live) => ActionState::Proposed,
                },
                effect: allowed.effect.filter(|_| !allowed.suggested),
                ..action
            },
        }
    }

    fn judge_act(
        &self,
        act: &Act,
        origin: &str,
        confidence: f64,
        before: &[Action],
    ) -> Result<Allowed, Refusal> {
        if self.strict {
            return Err("strict_mode");
        }
        let allowed = match act.clone() {
            Act::HandOff { .. } => return Err("unknown_action"),
            Act::StartSequence { sequence } | Act::StopSequence { sequence } => {
                let name = t11_core::format_name("sequences", sequence);
                return Ok(done(json!({"sequence": name}), None));
            }
            Act::SendWebhook { url } => {
                let text = self.client_texts.last().cloned().unwrap_or_default();
                let origin = origin.to_owned();
                done(
                    json!({"url": url}),
                    Some(Effect::SendWebhook { url, origin, text }),
                )
            }
            act => {
                self.check_lead(act.kind())?;
                self.judge_change(act, confidence, before)?
            }
        };
        if contradicts(&allowed, before) {
            return Err("contradicts");
        }
        Ok(allowed)
    }

    fn judge_change(
        &self,
        act: Act,
        confidence: f64,
        before: &[Action],
    ) -> Result<Allowed, Refusal> {
        Ok(match act {
            Act::CreateTask { text, due_hours } => {
                let hours = match due_hours {
                    #[expect(clippy::cast_possible_truncation, reason = "a day")]
                    0 => TASK_HOURS as i64,
                    hours => hours.into(),
                };
                let due = self.now + TimeDelta::hours(hours);
                done(
                    json!({"text": text, "due": due}),
                    Some(Effect::CreateTask { text, due }),
                )
            }
            Act::AddNote { text, on_contact } => done(
                json!({"text": text, "on_contact": on_contact}),
                Some(Effect::AddNote { text, on_contact }),
            ),
            Act::AddTag { tag, on_contact } => done(
                json!({"text": tag, "on_contact": on_contact}),
                Some(Effect::AddTag { tag, on_contact }),
            ),
            Act::RemoveTag { tag, on_contact } => done(
                json!({"text": tag, "on_contact": on_contact}),
                Some(Effect::RemoveTag { tag, on_contact }),
            ),
            act => match self.crm {
                Some(crm) => judge_bound(crm, &act, confidence, before)?,
                None => return Err("no_rule_allows"),
            },
        })
    }
}

fn judge_bound(
    crm: &Crm,
    act: &Act,
    confidence: f64,
    before: &[Action],
) -> Result<Allowed, Refusal> {
    match *act {
        Act::MoveStage {
            pipeline_id,
            stage_id,
            loss_reason_id,
        } => move_stage(
            crm,
            (pipeline_id, stage_id, loss_reason_id),
            confidence,
            before,
        ),
        Act::Assign { user_id } => {
            let mut users = crm.catalog.users.iter();
            let user = users.find(|user| user.user_id == user_id && !user.gone);
            let user = user.ok_or("no_rule_allows")?;
            if crm.lead.responsible_user_id == user_id {
                return Err("unchanged");
            }
            let detail = json!({"user": user.display_name});
            Ok(done(detail, Some(Effect::Assign { user_id })))
        }
        Act::RunSalesbot { bot_id } if crm.rules.salesbot_ids.contains(&bot_id) => Ok(done(
            json!({"bot_id": bot_id}),
            Some(Effect::RunSalesbot { bot_id }),
        )),
        _ => Err("no_rule_allows"),
    }
}

fn move_stage(
    crm: &Crm,
    (pipeline_id, stage_id, loss_reason_id): (i64, i64, i64),
    confidence: f64,
    before: &[Action],
) -> Result<Allowed, Refusal> {
    if (crm.lead.pipeline_id, crm.lead.stage_id) == (pipeline_id, stage_id) {
        return Err("unchanged");
    }
    let allowed = moves(crm);
    let mut allowed = allowed.iter();
    let (rule, name) = allowed
        .find(|(rule, _)| (rule.pipeline_id, rule.to_stage_id) == (pipeline_id, stage_id))
        .ok_or("no_rule_allows")?;
    check_confidence(rule, confidence)?;
    let reasons = &crm.catalog.loss_reasons;
    let loss_reason_id = if stage_id == LOST { loss_reason_id } else { 0 };
    let is_known = |id| reasons.iter().any(|reason| reason.loss_reason_id == id);
    if stage_id == LOST && !reasons.is_empty() && !is_known(loss_reason_id) {
        return Err("loss_reason_needed");
    }
    let moved = moved(crm, rule, loss_reason_id, before)?;
    Ok(Allowed {
        detail: json!({"stage": name, "from": crm.stage_name(), "confidence": confidence}),
        effect: Some(moved),
        suggested: rule.mode == MoveMode::Suggest,
    })
}

fn done(detail: serde_json::Value, effect: Option<Effect>) -> Allowed {
    Allowed {
        effect,
        detail,
        suggested: false,
    }
}
