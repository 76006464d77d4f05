//! Steps of sequences: looked at, written without holding anything, and looked at again in the
//! commit that sends.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, QueryFilter as _};
use t11_core::OrgScope;
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::automation::{self, Own};
use super::held::{By, Held, was_said};
use crate::Error;
use crate::agent::{Agent, AnswerMode};
use crate::automation::{ExecutionState, Sequence, Step, next_time};
use crate::conversation::{Conversation, Message};
use crate::crm_settings::{CrmSettings, Placement, StageSettings};
use crate::store::entity::sequence_execution::{Column, Entity, Model};
use crate::store::{Store, conversations, sequences, turns};
use crate::turn::skip_rules::{Situation, SkipReason, skip_reason};
use crate::turn::{Mode, Report, State};

/// What is being said is said first.
const SOON: TimeDelta = TimeDelta::minutes(1);
/// A limit of an hour is looked at again then.
const LATER: TimeDelta = TimeDelta::minutes(30);

/// A step that may be done.
pub(crate) struct StepBeginning {
    pub(crate) sequence: Sequence,
    pub(crate) step: Step,
    pub(crate) agent: Agent,
    pub(crate) settings: CrmSettings,
    pub(crate) stage: Option<StageSettings>,
    pub(crate) mode: AnswerMode,
    pub(crate) conversation: Conversation,
    /// What was said, oldest first.
    pub(crate) past: Vec<Message>,
    pub(crate) answers_last_hour: i64,
}

/// How a step ends.
pub(crate) struct StepEnd {
    pub(crate) execution: Uuid,
    pub(crate) step: i32,
    pub(crate) turn_id: Uuid,
    pub(crate) report: Report,
    pub(crate) zone: Tz,
}

/// What becomes of a step.
enum Look {
    /// The execution ends, and why.
    Stop(&'static str),
    /// Not now.
    Later(DateTime<Utc>),
    Do(Box<StepBeginning>),
}

impl Store {
    /// Looks whether a step may be done now; `None` when not: it is put off, the execution stops, or
    /// the step was done.
    pub(crate) async fn begin_step(
        &self,
        scope: &OrgScope,
        (execution, step): (Uuid, i32),
        zone: Tz,
    ) -> Result<Option<StepBeginning>, Error> {
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let Some((held, row)) = opened(&tx, &world, execution, step).await? else {
                        return Ok(None);
                    };
                    match look(&held, &row, zone).await? {
                        Look::Do(beginning) => Ok(Some(*beginning)),
                        other => settle(&held, &row, other).await.map(|()| None),
                    }
                })
            })
            .await
    }

    /// Keeps what a step said and did, if it may still be done, and has the next one done in its
    /// time. `false` when nothing of it is kept.
    pub(crate) async fn end_step(&self, scope: &OrgScope, end: StepEnd) -> Result<bool, Error> {
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let Some((held, row)) = opened(&tx, &world, end.execution, end.step).await?
                    else {
                        return Ok(false);
                    };
                    let beginning = match look(&held, &row, end.zone).await? {
                        Look::Do(beginning) => beginning,
                        other => return settle(&held, &row, other).await.map(|()| false),
                    };
                    keep(held, row, *beginning, end).await?;
                    Ok(true)
                })
            })
            .await
    }

    /// Ends an execution whose step could not be written.
    pub(crate) async fn fail_execution(
        &self,
        scope: &OrgScope,
        id: Uuid,
        reason: &'static str,
    ) -> Result<(), Error> {
        let now = self.world.now();
        self.db
            .write(scope, move |tx| async move {
                let end = (ExecutionState::Failed, reason);
                sequences::end_running(&tx, Column::Id.eq(id), end, now).await
            })
            .await
    }
}

/// The conversation of an execution whose next step this is, held, and the execution as it is then.
async fn opened(
    tx: &Tx,
    world: &t11_core::World,
    id: Uuid,
    step: i32,
) -> Result<Option<(Held, Model)>, Error> {
    let Some(row) = sequences::execution_of(tx, id).await? else {
        return Ok(None);
    };
    let held = Held::open(tx, world, row.conversation_id).await?;
    let row = sequences::execution_of(tx, id).await?;
    let is_due =
        |row: &Model| row.state == ExecutionState::Running.as_str() && row.next_step == step;
    Ok(row.filter(is_due).map(|row| (held, row)))
}

async fn look(held: &Held, row: &Model, zone: Tz) -> Result<Look, Error> {
    let Some(sequence) = sequences::by_id(&held.tx, row.sequence_id).await? else {
        return Ok(Look::Stop("sequence_off"));
    };
    let index = usize::try_from(row.next_step).unwrap_or(usize::MAX);
    let Some(step) = sequence.given.steps.get(index).cloned() else {
        return Ok(Look::Stop("step_gone"));
    };
    if row.inbound_sequence != held.live.last_inbound {
        return Ok(Look::Stop("client_replied"));
    }
    if let Some(reason) = automation::hindrance(held, &sequence).await? {
        return Ok(Look::Stop(reason));
    }
    if row.control_epoch != held.live.control_epoch {
        return Ok(Look::Stop("control_changed"));
    }
    if held.live.ticket.is_some() || held.is_sending().await? {
        return Ok(Look::Later(held.now + SOON));
    }
    let Placement::Agent {
        agent,
        settings,
        answer_mode,
        stage,
    } = held.placement().await?
    else {
        return Ok(Look::Stop("agent_off"));
    };
    match next_time(held.now, sequence.given.quiet, &agent.settings, zone) {
        None => return Ok(Look::Stop("never_open")),
        Some(time) if time > held.now => return Ok(Look::Later(time)),
        Some(_) => {}
    }
    let answers_last_hour = turns::answers_last_hour(&held.tx, &agent, held.now).await?;
    match limit(held, &agent, answers_last_hour, zone) {
        None => {}
        Some(SkipReason::LimitHour) => return Ok(Look::Later(held.now + LATER)),
        Some(reason) => return Ok(Look::Stop(reason.as_str())),
    }
    let past = conversations::newest(&held.tx, held.id(), turns::PAST).await?;
    Ok(Look::Do(Box::new(StepBeginning {
        sequence,
        step,
        agent: *agent,
        settings: *settings,
        stage,
        mode: answer_mode,
        conversation: Conversation {
            live: Some(held.live.clone()),
            ..held.conversation.clone()
        },
        past: past.into_iter().filter(was_said).collect(),
        answers_last_hour,
    })))
}

/// The limit of the agent that is reached: those of an answer.
fn limit(held: &Held, agent: &Agent, answers_last_hour: i64, zone: Tz) -> Option<SkipReason> {
    skip_reason(&Situation {
        agent,
        mode: Mode::Live,
        text: "",
        after_answer: false,
        opted_out: held.conversation.opted_out,
        turns: held.conversation.turn_count,
        answers_last_hour,
        chat_cost_micro_usd: held.conversation.cost_micro_usd,
        now: held.now,
        zone,
    })
}

async fn settle(held: &Held, row: &Model, look: Look) -> Result<(), Error> {
    match look {
        Look::Do(_) => Ok(()),
        Look::Stop(reason) => stop(held, row, reason).await,
        Look::Later(time) => {
            set_next(held, row, row.next_step, time).await?;
            automation::schedule(held, row, time).await
        }
    }
}

async fn stop(held: &Held, row: &Model, reason: &str) -> Result<(), Error> {
    let end = (ExecutionState::Stopped, reason);
    sequences::end_running(&held.tx, Column::Id.eq(row.id), end, held.now).await
}

async fn set_next(held: &Held, row: &Model, step: i32, time: DateTime<Utc>) -> Result<(), Error> {
    let setting = held
        .tx
        .update_many::<Entity>()?
        .filter(Column::Id.eq(row.id))
        .col_expr(Column::NextStep, Expr::value(step))
        .col_expr(Column::NextTime, Expr::value(time));
    setting.exec(&held.tx).await.map_err(StoreError::from)?;
    Ok(())
}

async fn keep(
    mut held: Held,
    row: Model,
    beginning: StepBeginning,
    end: StepEnd,
) -> Result<(), Error> {
    let StepBeginning {
        sequence,
        agent,
        mode,
        ..
    } = beginning;
    // Why nothing is said where something was to be.
    let left = match end.report.skip_reason.as_str() {
        "" => None,
        reason => Some(reason.to_owned()),
    };
    if end.report.state == State::Sent {
        // A draft that still waits for a person gives way to the next.
        held.supersede(By::Other("next_step")).await?;
    }
    let next = row.next_step + 1;
    let time = usize::try_from(next)
        .ok()
        .and_then(|next| sequence.step_time(next, held.now, &agent.settings, end.zone));
    match (&left, time) {
        (Some(reason), _) if reason == "nothing_to_say" => {
            let end = (ExecutionState::Failed, reason.as_str());
            sequences::end_running(&held.tx, Column::Id.eq(row.id), end, held.now).await?;
        }
        (Some(reason), _) => stop(&held, &row, reason).await?,
        (None, Some(time)) => {
            set_next(&held, &row, next, time).await?;
            let row = Model {
                next_step: next,
                ..row
            };
            automation::schedule(&held, &row, time).await?;
        }
        (None, None) => {
            set_next(&held, &row, next, held.now).await?;
            let end = (ExecutionState::Completed, "");
            sequences::end_running(&held.tx, Column::Id.eq(row.id), end, held.now).await?;
        }
    }
    let own = Own {
        turn_id: end.turn_id,
        agent: &agent,
        mode: Some(mode),
        report: end.report,
        zone: end.zone,
    };
    automation::commit(held, own).await
}
