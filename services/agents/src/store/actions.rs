//! Rows of what agents do in the CRM: kept with the turn, done by jobs, one after another in a
//! conversation. The id of a row is the idempotency key of its effect.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use t11_core::{OrgScope, World};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::entity::action::{Column, Entity, Model};
use super::{Store, from_json, to_json};
use crate::Error;
use crate::jobs::{apply_effect, send_webhook};
use crate::turn::{Action, ActionState, Effect};

/// The kind of actions that are not done in the CRM.
const WEBHOOK: &str = "send_webhook";

/// The lead that a turn's actions are done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeadRef {
    pub(crate) connection_id: Uuid,
    pub(crate) lead_id: i64,
}

/// An effect that is to be applied.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pending {
    /// The idempotency key too.
    pub(crate) id: Uuid,
    pub(crate) conversation_id: Uuid,
    pub(crate) turn_id: Uuid,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) lead: LeadRef,
    pub(crate) effect: Effect,
    /// A field that it needs, and that the same turn has not written.
    pub(crate) needs_missing: bool,
}

/// How an action ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Applied {
    pub(crate) state: ActionState,
    pub(crate) reason: String,
    pub(crate) before: Option<serde_json::Value>,
    pub(crate) after: Option<serde_json::Value>,
}

impl Applied {
    /// Nothing was changed, and why.
    pub(crate) fn not(state: ActionState, reason: impl Into<String>) -> Self {
        Self {
            state,
            reason: reason.into(),
            before: None,
            after: None,
        }
    }
}

impl Store {
    /// An action that waits to be done; `None` when it has ended, or its conversation is gone.
    pub(crate) async fn pending_action(
        &self,
        scope: &OrgScope,
        id: Uuid,
    ) -> Result<Option<Pending>, Error> {
        self.db
            .read(scope, move |tx| async move {
                let chosen = tx.find::<Entity>()?.filter(Column::Id.eq(id));
                let found = chosen.one(&tx).await.map_err(StoreError::from)?;
                let waits = |row: &Model| row.state == ActionState::Proposed.as_str();
                let Some(row) = found.filter(waits) else {
                    return Ok(None);
                };
                let effect: Effect = from_json(row.effect, "action")?;
                let turn = of_turn(&tx, row.turn_id).await?;
                Ok(Some(Pending {
                    id,
                    conversation_id: row.conversation_id,
                    turn_id: row.turn_id,
                    create_time: row.create_time,
                    lead: LeadRef {
                        connection_id: row.connection_id,
                        lead_id: row.lead_id,
                    },
                    needs_missing: needs_missing(&effect, turn)?,
                    effect,
                }))
            })
            .await
    }

    /// Notes how an action ended; one that has ended stays as it is.
    pub(crate) async fn end_action(
        &self,
        scope: &OrgScope,
        id: Uuid,
        applied: Applied,
    ) -> Result<(), Error> {
        let now = self.world.now();
        self.db
            .write(scope, move |tx| async move {
                tx.update_many::<Entity>()?
                    .filter(Column::Id.eq(id))
                    .filter(Column::State.eq(ActionState::Proposed.as_str()))
                    .col_expr(Column::State, Expr::value(applied.state.as_str()))
                    .col_expr(Column::Reason, Expr::value(applied.reason))
                    .col_expr(Column::Before, Expr::value(applied.before))
                    .col_expr(Column::After, Expr::value(applied.after))
                    .col_expr(Column::EndTime, Expr::value(now))
                    .exec(&tx)
                    .await
                    .map_err(StoreError::from)?;
                Ok(())
            })
            .await
    }
}

/// Whether a field that the effect leans on was not written after all.
fn needs_missing(effect: &Effect, turn: Vec<Model>) -> Result<bool, Error> {
    let Effect::MoveStage { needs_fields, .. } = effect else {
        return Ok(false);
    };
    let mut written = Vec::new();
    for row in turn {
        let state = ActionState::parse(&row.state);
        if matches!(state, Some(ActionState::Done | ActionState::Unchanged)) {
            written.push(from_json::<Effect>(row.effect, "action")?);
        }
    }
    Ok(needs_fields
        .iter()
        .any(|field| !written.iter().any(|effect| effect.sets(*field))))
}

/// Keeps the actions of a turn; nothing is done yet. Whether there are any.
pub(super) async fn keep(
    tx: &Tx,
    world: &World,
    conversation_id: Uuid,
    turn_id: Uuid,
    lead: LeadRef,
    actions: &[Action],
) -> Result<bool, Error> {
    let mut rows = Vec::new();
    for (index, action) in actions.iter().enumerate() {
        let Some(effect) = action.effect.as_ref().filter(|_| is_to_be_done(action)) else {
            continue;
        };
        let row = Model {
            id: world.new_id(),
            org_id: tx.org_id()?.0,
            conversation_id,
            turn_id,
            action_index: i32::try_from(index).unwrap_or(i32::MAX),
            connection_id: lead.connection_id,
            lead_id: lead.lead_id,
            kind: action.kind.clone(),
            effect: to_json(effect, "action")?,
            state: ActionState::Proposed.as_str().to_owned(),
            reason: String::new(),
            before: None,
            after: None,
            create_time: world.now(),
            end_time: None,
        };
        rows.push(row.into_active_model());
    }
    if rows.is_empty() {
        return Ok(false);
    }
    let inserting = Entity::insert_many(rows).exec_without_returning(tx).await;
    inserting.map_err(StoreError::from)?;
    Ok(true)
}

fn is_to_be_done(action: &Action) -> bool {
    action.state == ActionState::Proposed
}

/// Refuses what cannot be done for want of a lead.
pub(super) fn bind(actions: &mut [Action], lead: Option<LeadRef>) {
    if lead.is_some() {
        return;
    }
    for action in actions.iter_mut() {
        if is_to_be_done(action) && action.effect.is_some() {
            action.state = ActionState::Refused;
            "no_lead".clone_into(&mut action.reason);
        }
    }
}

/// Has the actions of a turn done, in their order.
pub(super) async fn release(tx: &Tx, world: &World, turn_id: Uuid) -> Result<(), Error> {
    for row in of_turn(tx, turn_id).await? {
        if row.state == ActionState::Proposed.as_str() {
            let job = match row.kind.as_str() {
                WEBHOOK => send_webhook::job(world, row.conversation_id, row.id),
                _ => apply_effect::job(world, row.conversation_id, row.id),
            };
            tx.enqueue(job).await?;
        }
    }
    Ok(())
}

/// Puts how the actions of a turn fared where the turn shows them.
pub(super) async fn overlay(tx: &Tx, turn_id: Uuid, actions: &mut [Action]) -> Result<(), Error> {
    if !actions.iter().any(is_to_be_done) {
        return Ok(());
    }
    for row in of_turn(tx, turn_id).await? {
        let index = usize::try_from(row.action_index).unwrap_or(usize::MAX);
        if let Some(action) = actions.get_mut(index) {
            action.state = ActionState::parse(&row.state).ok_or(Error::Corrupt("action"))?;
            action.reason = row.reason;
            action.before = row.before;
            action.after = row.after;
        }
    }
    Ok(())
}

/// Whether the agent itself moves the lead of a conversation to this stage, or did so lately.
pub(super) async fn has_moved(
    tx: &Tx,
    conversation_id: Uuid,
    place: (i64, i64),
) -> Result<bool, Error> {
    let rows = tx
        .find::<Entity>()?
        .filter(Column::ConversationId.eq(conversation_id))
        .filter(Column::Kind.eq("move_stage"))
        .order_by_desc(Column::CreateTime)
        .limit(1)
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let mut moved = false;
    for row in rows {
        let waits_or_done = [ActionState::Proposed, ActionState::Done].map(ActionState::as_str);
        if let Effect::MoveStage {
            pipeline_id,
            stage_id,
            ..
        } = from_json(row.effect, "action")?
        {
            moved |=
                place == (pipeline_id, stage_id) && waits_or_done.contains(&row.state.as_str());
        }
    }
    Ok(moved)
}

async fn of_turn(tx: &Tx, turn_id: Uuid) -> Result<Vec<Model>, Error> {
    let chosen = tx.find::<Entity>()?.filter(Column::TurnId.eq(turn_id));
    let rows = chosen.order_by_asc(Column::ActionIndex).all(tx).await;
    Ok(rows.map_err(StoreError::from)?)
}
