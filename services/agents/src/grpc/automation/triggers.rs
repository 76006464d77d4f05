//! `TriggerService`.

use t11_core::{Violations, parse_child_name};
use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::trigger_service_server::TriggerService;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{acts, agent, checked, kind_of, outcome, pb_act};
use crate::Error;
use crate::automation::{Kept, NewTrigger, Trigger, TriggerKind};
use crate::grpc::Handlers;
use crate::grpc::convert::{request_id, timestamp};
use crate::trial::Trial;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl TriggerService for Handlers {
    async fn get_trigger(&self, request: Request<pb::GetTriggerRequest>) -> Answer<pb::Trigger> {
        let scope = t11_grpc::scope(&request)?;
        let (agent, id) = trigger_name(&request.get_ref().name)?;
        let trigger = self.store.trigger(&scope, agent, id).await?;
        Ok(Response::new(trigger.into()))
    }

    async fn list_triggers(
        &self,
        request: Request<pb::ListTriggersRequest>,
    ) -> Answer<pb::ListTriggersResponse> {
        let scope = t11_grpc::scope(&request)?;
        let agent = agent(&request.get_ref().parent)?;
        let triggers = self.store.triggers(&scope, agent).await?;
        Ok(Response::new(listed(triggers)))
    }

    async fn create_trigger(
        &self,
        request: Request<pb::CreateTriggerRequest>,
    ) -> Answer<pb::Trigger> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let agent = agent(&request.parent)?;
        let mut violations = Violations::default();
        let request_id = request_id(&request.request_id, &mut violations);
        let given = given(request.trigger.unwrap_or_default(), agent, violations)?;
        let made = self
            .store
            .create_trigger(&scope, agent, given, request_id)
            .await?;
        Ok(Response::new(made.into()))
    }

    async fn update_trigger(
        &self,
        request: Request<pb::UpdateTriggerRequest>,
    ) -> Answer<pb::Trigger> {
        let scope = t11_grpc::scope(&request)?;
        let trigger = request.into_inner().trigger.unwrap_or_default();
        let name = trigger_name(&trigger.name)?;
        let etag = trigger.etag.clone();
        let given = given(trigger, name.0, Violations::default())?;
        let changed = self.store.update_trigger(&scope, name, given, etag).await?;
        Ok(Response::new(changed.into()))
    }

    async fn delete_trigger(&self, request: Request<pb::DeleteTriggerRequest>) -> Answer<()> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let name = trigger_name(&request.name)?;
        self.store
            .delete_trigger(&scope, name, request.etag)
            .await?;
        Ok(Response::new(()))
    }

    async fn move_trigger(
        &self,
        request: Request<pb::MoveTriggerRequest>,
    ) -> Answer<pb::ListTriggersResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let name = trigger_name(&request.name)?;
        let position = usize::try_from(request.position.max(0)).unwrap_or(usize::MAX);
        let triggers = self.store.move_trigger(&scope, name, position).await?;
        Ok(Response::new(listed(triggers)))
    }

    async fn try_triggers(
        &self,
        request: Request<pb::TryTriggersRequest>,
    ) -> Answer<pb::TryTriggersResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let agent = agent(&request.parent)?;
        let mut violations = Violations::default();
        let text = violations.text("text", &request.text, 1, 4_000);
        violations.check().map_err(Error::from)?;
        let trials = Box::pin(self.chat.try_triggers(&scope, agent, text)).await?;
        Ok(Response::new(pb::TryTriggersResponse {
            trials: trials.into_iter().map(trial).collect(),
        }))
    }

    async fn list_trigger_hits(
        &self,
        request: Request<pb::ListTriggerHitsRequest>,
    ) -> Answer<pb::ListTriggerHitsResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let name = trigger_name(&request.parent)?;
        let arguments = format!("trigger hits {} {name:?}", scope.org());
        let page = self
            .pages
            .read(&arguments, request.page_size, &request.page_token, 25, 100)
            .map_err(Error::from)?;
        let page = self.store.trigger_hits(&scope, name, page).await?;
        Ok(Response::new(pb::ListTriggerHitsResponse {
            next_page_token: self.pages.write(&arguments, page.next_cursor.as_deref()),
            hits: page.items.into_iter().map(hit).collect(),
        }))
    }

    async fn get_webhook_secret(
        &self,
        request: Request<pb::GetWebhookSecretRequest>,
    ) -> Answer<pb::GetWebhookSecretResponse> {
        let scope = t11_grpc::scope(&request)?;
        Ok(Response::new(pb::GetWebhookSecretResponse {
            secret: self.webhooks.secret(scope.org()),
        }))
    }
}

fn trigger_name(name: &str) -> Result<(Uuid, Uuid), Error> {
    Ok(parse_child_name("agents", "triggers", name)?)
}

fn listed(triggers: Vec<Trigger>) -> pb::ListTriggersResponse {
    pb::ListTriggersResponse {
        triggers: triggers.into_iter().map(Into::into).collect(),
    }
}

fn given(
    trigger: pb::Trigger,
    agent: Uuid,
    mut violations: Violations,
) -> Result<NewTrigger, Error> {
    let kind = match trigger.kind() {
        pb::TriggerKind::Unspecified => {
            violations.add("trigger.kind", "REQUIRED", "when it fires");
            TriggerKind::Keyword
        }
        pb::TriggerKind::Keyword => TriggerKind::Keyword,
        pb::TriggerKind::Condition => TriggerKind::Condition,
        pb::TriggerKind::Stage => TriggerKind::Stage,
        pb::TriggerKind::Silence => TriggerKind::Silence,
    };
    let acts = acts(&trigger.actions, agent, "trigger.actions", &mut violations);
    let given = NewTrigger {
        display_name: trigger.display_name,
        enabled: trigger.enabled,
        kind,
        keywords: trigger.keywords,
        condition: trigger.condition,
        pipeline_id: trigger.pipeline_id,
        stage_id: trigger.stage_id,
        after_minutes: trigger.after_minutes,
        acts,
        reply: trigger.reply,
        max_per_chat: trigger.max_per_chat,
        max_per_day: trigger.max_per_day,
    };
    checked(given.check(), violations)
}

fn hit(kept: Kept) -> pb::TriggerHit {
    let conversation = t11_core::format_name("conversations", kept.conversation_id);
    let actions = kept.actions.into_iter().map(|(kind, state, reason)| {
        let kind = kind_of(&kind).into();
        pb::AutomationOutcome {
            kind,
            state,
            reason,
        }
    });
    pb::TriggerHit {
        turn: format!("{conversation}/turns/{}", kept.turn_id),
        conversation,
        reason: kept.reason.as_str().to_owned(),
        evidence: kept.evidence,
        outcome: kept.outcome.as_str().to_owned(),
        actions: actions.collect(),
        create_time: Some(timestamp(kept.create_time)),
    }
}

fn trial(trial: Trial) -> pb::TriggerTrial {
    let trigger = trial.trigger;
    pb::TriggerTrial {
        trigger: name_of(&trigger),
        fires: trial.fires,
        reason: trial.reason.to_owned(),
        evidence: trial.evidence,
        actions: trial.actions.into_iter().map(outcome).collect(),
        reply: if trial.fires {
            trigger.given.reply
        } else {
            String::new()
        },
        display_name: trigger.given.display_name,
    }
}

fn name_of(trigger: &Trigger) -> String {
    format!("agents/{}/triggers/{}", trigger.agent_id, trigger.id)
}

impl From<TriggerKind> for pb::TriggerKind {
    fn from(kind: TriggerKind) -> Self {
        match kind {
            TriggerKind::Keyword => Self::Keyword,
            TriggerKind::Condition => Self::Condition,
            TriggerKind::Stage => Self::Stage,
            TriggerKind::Silence => Self::Silence,
        }
    }
}

impl From<Trigger> for pb::Trigger {
    fn from(trigger: Trigger) -> Self {
        let (name, etag) = (name_of(&trigger), trigger.etag().into());
        let (agent, given) = (trigger.agent_id, trigger.given);
        let actions = given.acts.into_iter().map(|act| pb_act(act, agent));
        Self {
            name,
            display_name: given.display_name,
            enabled: given.enabled,
            kind: pb::TriggerKind::from(given.kind).into(),
            keywords: given.keywords,
            condition: given.condition,
            pipeline_id: given.pipeline_id,
            stage_id: given.stage_id,
            after_minutes: given.after_minutes,
            actions: actions.collect(),
            reply: given.reply,
            max_per_chat: given.max_per_chat,
            max_per_day: given.max_per_day,
            hit_count: trigger.hit_count,
            last_hit_time: trigger.last_hit_time.map(timestamp),
            create_time: Some(timestamp(trigger.create_time)),
            update_time: Some(timestamp(trigger.update_time)),
            etag,
        }
    }
}
