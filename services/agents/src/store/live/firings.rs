//! Triggers that time or a stage fires, and sequences that start so.

use chrono_tz::Tz;
use t11_core::{OrgScope, format_name};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::automation::{self, Own};
use super::held::Held;
use crate::Error;
use crate::agent::{Agent, AnswerMode, State};
use crate::automation::{Execution, Sequence, StartedBy, Trigger, TriggerKind};
use crate::conversation::{Controller, Conversation, Message};
use crate::crm_settings::{CrmSettings, Placement, StageSettings};
use crate::store::entity::turn;
use crate::store::{Store, agents, conversations, crm_settings, sequences, triggers, turns};
use crate::turn::Report;

/// What must hold when something fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The lead stands there: pipeline and stage.
    Stage(i64, i64),
    /// Nobody has spoken: the epoch and the client's last message.
    Silence(i64, i64),
}

/// Something that is to fire in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Firing {
    pub(crate) conversation_id: Uuid,
    pub(crate) trigger: Option<Uuid>,
    pub(crate) sequence: Option<Uuid>,
    /// The turn that it becomes, once.
    pub(crate) turn_id: Uuid,
    pub(crate) moment: Moment,
}

impl Firing {
    pub(super) fn of_trigger(held: &Held, trigger: Uuid, moment: Moment) -> Self {
        Self {
            conversation_id: held.id(),
            trigger: Some(trigger),
            sequence: None,
            turn_id: held.world.new_id(),
            moment,
        }
    }

    pub(super) fn of_sequence(held: &Held, sequence: Uuid, moment: Moment) -> Self {
        Self {
            conversation_id: held.id(),
            trigger: None,
            sequence: Some(sequence),
            turn_id: held.world.new_id(),
            moment,
        }
    }

    fn holds(&self, held: &Held) -> bool {
        let live = &held.live;
        match self.moment {
            Moment::Stage(pipeline_id, stage_id) => {
                (live.pipeline_id, live.stage_id) == (pipeline_id, stage_id)
            }
            Moment::Silence(epoch, inbound) => {
                (live.control_epoch, live.last_inbound) == (epoch, inbound)
                    && live.controller == Controller::Bot
                    && !held.conversation.opted_out
            }
        }
    }
}

/// A trigger that fires, with what is to be known for judging what it does.
pub(crate) struct FiringBeginning {
    pub(crate) trigger: Trigger,
    pub(crate) agent: Agent,
    pub(crate) settings: CrmSettings,
    pub(crate) stage: Option<StageSettings>,
    pub(crate) conversation: Conversation,
    /// What was said, oldest first.
    pub(crate) past: Vec<Message>,
    /// What is said is for a person to approve, or goes out; `None`: nothing may be said.
    pub(crate) mode: Option<AnswerMode>,
}

/// How it ends.
pub(crate) struct FiringEnd {
    pub(crate) firing: Firing,
    pub(crate) report: Report,
    pub(crate) zone: Tz,
}

impl Store {
    /// Looks whether a trigger fires; `None` when its moment has passed, or it has fired.
    pub(crate) async fn begin_firing(
        &self,
        scope: &OrgScope,
        firing: Firing,
    ) -> Result<Option<FiringBeginning>, Error> {
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let Some(held) = opened(&tx, &world, firing.conversation_id).await? else {
                        return Ok(None);
                    };
                    begin(&held, &firing).await
                })
            })
            .await
    }

    /// Keeps what a trigger said and did, when its moment is still there. `false` when not.
    pub(crate) async fn end_firing(&self, scope: &OrgScope, end: FiringEnd) -> Result<bool, Error> {
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let Some(held) = opened(&tx, &world, end.firing.conversation_id).await? else {
                        return Ok(false);
                    };
                    let Some(begun) = begin(&held, &end.firing).await? else {
                        return Ok(false);
                    };
                    let own = Own {
                        turn_id: end.firing.turn_id,
                        agent: &begun.agent,
                        mode: begun.mode,
                        report: end.report,
                        zone: end.zone,
                    };
                    automation::commit(held, own).await?;
                    Ok(true)
                })
            })
            .await
    }

    /// Starts a sequence whose moment has come; `false` when it has passed.
    pub(crate) async fn fire_sequence(
        &self,
        scope: &OrgScope,
        firing: Firing,
        id: Uuid,
        zone: Tz,
    ) -> Result<bool, Error> {
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let Some(held) = opened(&tx, &world, firing.conversation_id).await? else {
                        return Ok(false);
                    };
                    let sequence = sequences::by_id(&tx, id).await?;
                    let Some(sequence) = sequence.filter(|_| firing.holds(&held)) else {
                        return Ok(false);
                    };
                    let by = match firing.moment {
                        Moment::Stage(..) => StartedBy::Stage,
                        Moment::Silence(..) => StartedBy::Silence,
                    };
                    let started = start(&held, &sequence, by, zone).await?;
                    Ok(started.is_ok())
                })
            })
            .await
    }

    /// Starts a sequence by hand.
    pub(crate) async fn start_sequence(
        &self,
        scope: &OrgScope,
        (agent_id, id): (Uuid, Uuid),
        conversation_id: Uuid,
        zone: Tz,
    ) -> Result<Execution, Error> {
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let sequence = sequences::find(&tx, agent_id, id).await?;
                    let name = || format!("agents/{agent_id}/sequences/{id}");
                    let sequence = sequence.ok_or_else(|| Error::NotFound(name()))?;
                    tx.audit_target(format_name("conversations", conversation_id));
                    let held = Held::open(&tx, &world, conversation_id).await?;
                    let started = start(&held, &sequence, StartedBy::Manual, zone).await?;
                    started.map_err(Error::SequenceBlocked)
                })
            })
            .await
    }
}

async fn start(
    held: &Held,
    sequence: &Sequence,
    by: StartedBy,
    zone: Tz,
) -> Result<Result<Execution, &'static str>, Error> {
    let agent = agents::by_id(&held.tx, sequence.agent_id).await?;
    let (agent, _) = crm_settings::answering(&held.tx, agent).await?;
    automation::start(held, sequence, by, &agent.settings, zone).await
}

/// The conversation, unless it was deleted.
async fn opened(tx: &Tx, world: &t11_core::World, id: Uuid) -> Result<Option<Held>, Error> {
    match Held::open(tx, world, id).await {
        Ok(held) => Ok(Some(held)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn begin(held: &Held, firing: &Firing) -> Result<Option<FiringBeginning>, Error> {
    let tx = &held.tx;
    let (Some(id), true) = (firing.trigger, firing.holds(held)) else {
        return Ok(None);
    };
    let Some(trigger) = triggers::find(tx, id)
        .await?
        .filter(|one| is_for(one, firing))
    else {
        return Ok(None);
    };
    if has_fired(tx, firing.turn_id).await? {
        return Ok(None);
    }
    let agent = agents::by_id(tx, trigger.agent_id).await?;
    let (agent, settings) = crm_settings::answering(tx, agent).await?;
    if agent.state != State::Active || agent.settings.answer_mode == AnswerMode::Off {
        return Ok(None);
    }
    let placed = match held.placement().await? {
        Placement::Agent {
            agent: placed,
            answer_mode,
            stage,
            ..
        } if placed.id == agent.id => Some((answer_mode, stage)),
        _ => None,
    };
    let is_free = held.live.controller == Controller::Bot && !held.conversation.opted_out;
    let past = conversations::newest(tx, held.id(), turns::PAST).await?;
    Ok(Some(FiringBeginning {
        settings,
        mode: placed.as_ref().map(|(mode, _)| *mode).filter(|_| is_free),
        stage: placed.and_then(|(_, stage)| stage),
        conversation: Conversation {
            live: Some(held.live.clone()),
            ..held.conversation.clone()
        },
        past,
        trigger,
        agent,
    }))
}

/// Whether it still is what was to fire then.
fn is_for(trigger: &Trigger, firing: &Firing) -> bool {
    let given = &trigger.given;
    match firing.moment {
        Moment::Stage(pipeline_id, stage_id) => {
            given.kind == TriggerKind::Stage
                && (given.pipeline_id, given.stage_id) == (pipeline_id, stage_id)
        }
        Moment::Silence(..) => given.kind == TriggerKind::Silence,
    }
}

async fn has_fired(tx: &Tx, turn_id: Uuid) -> Result<bool, Error> {
    use sea_orm::{ColumnTrait as _, QueryFilter as _};
    let chosen = tx
        .find::<turn::Entity>()?
        .filter(turn::Column::Id.eq(turn_id));
    let found = chosen.one(tx).await.map_err(StoreError::from)?;
    Ok(found.is_some())
}
