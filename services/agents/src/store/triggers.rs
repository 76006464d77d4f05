//! Rows of triggers and of their hits.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, IntoActiveModel as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use serde::{Deserialize, Serialize};
use t11_core::{Etag, OrgScope, Page, PageRequest, Violations, World};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::entity::trigger::{Column, Entity, Model};
use super::entity::{action, trigger_hit};
use super::{Store, agents, cursor, from_json, read_cursor, sequences, to_json};
use crate::Error;
use crate::automation::{Act, Armed, Hit, Kept, MOST, NewTrigger, Outcome, Trigger, TriggerKind};
use crate::turn::Action;

/// Limits of a day are of the last 24 hours.
const DAY: TimeDelta = TimeDelta::hours(24);
/// Fired hits of one conversation in an hour; more are triggers that set each other off.
const MOST_PER_HOUR: u64 = 30;

/// What a hit keeps of an action of its turn.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct KeptAction {
    index: i32,
    kind: String,
    state: String,
    reason: String,
}

impl Store {
    /// Adds a trigger behind the others; a known request id answers with the one it made.
    pub(crate) async fn create_trigger(
        &self,
        scope: &OrgScope,
        agent_id: Uuid,
        given: NewTrigger,
        request_id: Option<Uuid>,
    ) -> Result<Trigger, Error> {
        let (id, now) = (self.world.new_id(), self.world.now());
        self.db
            .write(scope, move |tx| async move {
                agents::held(&tx, agent_id).await?;
                if let Some(made) = made_by(&tx, agent_id, request_id).await? {
                    return Ok(made);
                }
                check_sequences(&tx, agent_id, &given.acts, "trigger.actions").await?;
                let others = of_agent(&tx, agent_id).await?;
                if others.len() as u64 >= MOST {
                    return Err(Error::AutomationFull);
                }
                let last = others.iter().map(|other| other.position).max();
                let trigger = Trigger {
                    id,
                    agent_id,
                    given,
                    position: last.map_or(0, |last| last + 1),
                    hit_count: 0,
                    last_hit_time: None,
                    revision: 1,
                    create_time: now,
                    update_time: now,
                };
                tx.audit_target(name(agent_id, id));
                let mut row = row_of(&tx, &trigger)?;
                row.request_id = request_id;
                let inserting = row.into_active_model().insert(&tx).await;
                inserting.map_err(StoreError::from)?;
                Ok(trigger)
            })
            .await
    }

    /// One trigger.
    pub(crate) async fn trigger(
        &self,
        scope: &OrgScope,
        agent_id: Uuid,
        id: Uuid,
    ) -> Result<Trigger, Error> {
        self.db
            .read(scope, move |tx| async move {
                let chosen = tx.find::<Entity>()?.filter(of(agent_id, id));
                let found = chosen.one(&tx).await.map_err(StoreError::from)?;
                let row = found.ok_or_else(|| Error::NotFound(name(agent_id, id)))?;
                row.try_into()
            })
            .await
    }

    /// All triggers of an agent, in their order.
    pub(crate) async fn triggers(
        &self,
        scope: &OrgScope,
        agent_id: Uuid,
    ) -> Result<Vec<Trigger>, Error> {
        self.db
            .read(scope, move |tx| async move {
                agents::by_id(&tx, agent_id).await?;
                of_agent(&tx, agent_id).await
            })
            .await
    }

    /// Replaces a trigger.
    pub(crate) async fn update_trigger(
        &self,
        scope: &OrgScope,
        (agent_id, id): (Uuid, Uuid),
        given: NewTrigger,
        etag: String,
    ) -> Result<Trigger, Error> {
        let now = self.world.now();
        self.db
            .write(scope, move |tx| async move {
                let old = held(&tx, agent_id, id).await?;
                Etag::of(old.revision).check(&etag)?;
                check_sequences(&tx, agent_id, &given.acts, "trigger.actions").await?;
                tx.audit_target(name(agent_id, id));
                let trigger = Trigger {
                    given,
                    revision: old.revision + 1,
                    update_time: now,
                    ..Trigger::try_from(old.clone())?
                };
                let mut row = row_of(&tx, &trigger)?;
                row.request_id = old.request_id;
                let saving = row.into_active_model().reset_all().update(&tx).await;
                saving.map_err(StoreError::from)?;
                Ok(trigger)
            })
            .await
    }

    /// Deletes a trigger with its history.
    pub(crate) async fn delete_trigger(
        &self,
        scope: &OrgScope,
        (agent_id, id): (Uuid, Uuid),
        etag: String,
    ) -> Result<(), Error> {
        self.db
            .write(scope, move |tx| async move {
                let old = held(&tx, agent_id, id).await?;
                Etag::of(old.revision).check(&etag)?;
                tx.audit_target(name(agent_id, id));
                let deleting = tx.delete_many::<Entity>()?.filter(Column::Id.eq(id));
                deleting.exec(&tx).await.map_err(StoreError::from)?;
                Ok(())
            })
            .await
    }

    /// Puts a trigger at a place among those of its agent; all of them in their new order.
    pub(crate) async fn move_trigger(
        &self,
        scope: &OrgScope,
        (agent_id, id): (Uuid, Uuid),
        position: usize,
    ) -> Result<Vec<Trigger>, Error> {
        self.db
            .write(scope, move |tx| async move {
                let missing = || Error::NotFound(name(agent_id, id));
                let known = tx.find::<Entity>()?.filter(of(agent_id, id));
                let known = known.one(&tx).await.map_err(StoreError::from)?;
                known.ok_or_else(missing)?;
                agents::held(&tx, agent_id).await?;
                let mut all = of_agent(&tx, agent_id).await?;
                let at = all.iter().position(|one| one.id == id);
                let at = at.ok_or_else(missing)?;
                let moved = all.remove(at);
                all.insert(position.min(all.len()), moved);
                tx.audit_target(name(agent_id, id));
                for (index, trigger) in all.iter_mut().enumerate() {
                    trigger.position = i32::try_from(index).unwrap_or(i32::MAX);
                    let moving = tx
                        .update_many::<Entity>()?
                        .filter(Column::Id.eq(trigger.id))
                        .col_expr(Column::Position, Expr::value(trigger.position));
                    moving.exec(&tx).await.map_err(StoreError::from)?;
                }
                Ok(all)
            })
            .await
    }

    /// A page of the hits of a trigger, newest first.
    pub(crate) async fn trigger_hits(
        &self,
        scope: &OrgScope,
        (agent_id, id): (Uuid, Uuid),
        page: PageRequest,
    ) -> Result<Page<Kept>, Error> {
        self.db
            .read(scope, move |tx| async move {
                let known = tx.find::<Entity>()?.filter(of(agent_id, id));
                let known = known.one(&tx).await.map_err(StoreError::from)?;
                known.ok_or_else(|| Error::NotFound(name(agent_id, id)))?;
                let mut chosen = tx
                    .find::<trigger_hit::Entity>()?
                    .filter(trigger_hit::Column::TriggerId.eq(id));
                if let Some((time, id)) = page.cursor.as_deref().and_then(read_cursor) {
                    let same_time = Condition::all()
                        .add(trigger_hit::Column::CreateTime.eq(time))
                        .add(trigger_hit::Column::Id.lt(id));
                    let earlier = trigger_hit::Column::CreateTime.lt(time);
                    chosen = chosen.filter(Condition::any().add(earlier).add(same_time));
                }
                let rows = chosen
                    .order_by_desc(trigger_hit::Column::CreateTime)
                    .order_by_desc(trigger_hit::Column::Id)
                    .limit(page.size + 1)
                    .all(&tx)
                    .await
                    .map_err(StoreError::from)?;
                let Page { items, next_cursor } =
                    Page::from_rows(rows, page.size, |row| cursor(row.create_time, row.id));
                let items = kept(&tx, items).await?;
                Ok(Page { items, next_cursor })
            })
            .await
    }
}

/// Triggers that a client's message may fire, with what is left of their limits.
pub(super) async fn armed(
    tx: &Tx,
    agent_id: Uuid,
    conversation_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<Armed>, Error> {
    let mut armed = Vec::new();
    for trigger in enabled(tx, agent_id).await? {
        if trigger.given.kind.is_of_text() {
            let limit = limit(tx, &trigger, conversation_id, now).await?;
            armed.push(Armed { trigger, limit });
        }
    }
    Ok(armed)
}

/// `agents/{agent}/triggers/{trigger}`.
fn name(agent_id: Uuid, id: Uuid) -> String {
    format!("agents/{agent_id}/triggers/{id}")
}

fn of(agent_id: Uuid, id: Uuid) -> Condition {
    Condition::all()
        .add(Column::Id.eq(id))
        .add(Column::AgentId.eq(agent_id))
}

async fn of_agent(tx: &Tx, agent_id: Uuid) -> Result<Vec<Trigger>, Error> {
    let rows = tx
        .find::<Entity>()?
        .filter(Column::AgentId.eq(agent_id))
        .order_by_asc(Column::Position)
        .order_by_asc(Column::Id)
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    rows.into_iter().map(Trigger::try_from).collect()
}

/// Those of an agent that are on, in their order.
pub(super) async fn enabled(tx: &Tx, agent_id: Uuid) -> Result<Vec<Trigger>, Error> {
    let mut all = of_agent(tx, agent_id).await?;
    all.retain(|trigger| trigger.given.enabled);
    Ok(all)
}

/// One that is on.
pub(super) async fn find(tx: &Tx, id: Uuid) -> Result<Option<Trigger>, Error> {
    let chosen = tx.find::<Entity>()?.filter(Column::Id.eq(id));
    let found = chosen.one(tx).await.map_err(StoreError::from)?;
    let found = found.map(Trigger::try_from).transpose()?;
    Ok(found.filter(|trigger| trigger.given.enabled))
}

async fn held(tx: &Tx, agent_id: Uuid, id: Uuid) -> Result<Model, Error> {
    let chosen = tx.find::<Entity>()?.filter(of(agent_id, id));
    let found = chosen.lock_exclusive().one(tx).await;
    let row = found.map_err(StoreError::from)?;
    row.ok_or_else(|| Error::NotFound(name(agent_id, id)))
}

async fn made_by(
    tx: &Tx,
    agent_id: Uuid,
    request_id: Option<Uuid>,
) -> Result<Option<Trigger>, Error> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let chosen = tx
        .find::<Entity>()?
        .filter(Column::AgentId.eq(agent_id))
        .filter(Column::RequestId.eq(request_id));
    let found = chosen.one(tx).await.map_err(StoreError::from)?;
    found.map(Trigger::try_from).transpose()
}

/// The sequences that acts name are of the same agent.
pub(super) async fn check_sequences(
    tx: &Tx,
    agent_id: Uuid,
    acts: &[Act],
    field: &str,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    for (index, act) in acts.iter().enumerate() {
        let Some(sequence) = act.sequence() else {
            continue;
        };
        if sequences::find(tx, agent_id, sequence).await?.is_none() {
            let field = format!("{field}[{index}].sequence");
            violations.add(field, "NOT_FOUND", "the agent has no such sequence");
        }
    }
    Ok(violations.check()?)
}

/// What keeps a trigger from firing in a conversation.
async fn limit(
    tx: &Tx,
    trigger: &Trigger,
    conversation_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Outcome>, Error> {
    let reached = |most: i32, count: u64| most > 0 && u64::try_from(most).is_ok_and(|m| count >= m);
    let given = &trigger.given;
    let of_trigger = trigger_hit::Column::TriggerId.eq(trigger.id);
    let in_chat = trigger_hit::Column::ConversationId.eq(conversation_id);
    if given.max_per_chat > 0 {
        let both = Condition::all().add(of_trigger.clone()).add(in_chat);
        if reached(given.max_per_chat, fired(tx, both).await?) {
            return Ok(Some(Outcome::LimitChat));
        }
    }
    if given.max_per_day > 0 {
        let lately = trigger_hit::Column::CreateTime.gt(now - DAY);
        let both = Condition::all().add(of_trigger).add(lately);
        if reached(given.max_per_day, fired(tx, both).await?) {
            return Ok(Some(Outcome::LimitDay));
        }
    }
    Ok(None)
}

async fn fired(tx: &Tx, of: Condition) -> Result<u64, Error> {
    let count = tx
        .find::<trigger_hit::Entity>()?
        .filter(of)
        .filter(trigger_hit::Column::Outcome.eq(Outcome::Fired.as_str()))
        .count(tx)
        .await;
    Ok(count.map_err(StoreError::from)?)
}

/// Takes a hit of a trigger, once a turn; what it comes to, now that nobody else can take one.
pub(super) async fn take(
    tx: &Tx,
    hit: &Hit,
    conversation_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Outcome, Error> {
    if hit.outcome != Outcome::Fired {
        return Ok(hit.outcome);
    }
    // Held, so that of two at once the second counts the first.
    let chosen = tx.find::<Entity>()?.filter(Column::Id.eq(hit.trigger.id));
    let held = chosen.lock_exclusive().one(tx).await;
    if held.map_err(StoreError::from)?.is_none() {
        // Deleted meanwhile.
        return Ok(Outcome::LimitChat);
    }
    if let Some(limit) = limit(tx, &hit.trigger, conversation_id, now).await? {
        return Ok(limit);
    }
    let lately = Condition::all()
        .add(trigger_hit::Column::ConversationId.eq(conversation_id))
        .add(trigger_hit::Column::CreateTime.gt(now - TimeDelta::hours(1)));
    if fired(tx, lately).await? >= MOST_PER_HOUR {
        return Ok(Outcome::LimitLoop);
    }
    let counting = tx
        .update_many::<Entity>()?
        .filter(Column::Id.eq(hit.trigger.id))
        .col_expr(Column::HitCount, Expr::col(Column::HitCount).add(1_i64))
        .col_expr(Column::LastHitTime, Expr::value(now));
    counting.exec(tx).await.map_err(StoreError::from)?;
    Ok(Outcome::Fired)
}

/// Keeps a hit with what it did; `actions` are those of the turn.
pub(super) async fn keep(
    tx: &Tx,
    world: &World,
    hit: &Hit,
    (conversation_id, turn_id): (Uuid, Uuid),
    outcome: Outcome,
    actions: &[Action],
) -> Result<(), Error> {
    let origin = hit.trigger.origin();
    let own = actions.iter().enumerate();
    let own = own.filter(|(_, action)| action.origin == origin);
    let own = own.map(|(index, action)| KeptAction {
        index: i32::try_from(index).unwrap_or(i32::MAX),
        kind: action.kind.clone(),
        state: action.state.as_str().to_owned(),
        reason: action.reason.clone(),
    });
    if find_any(tx, hit.trigger.id).await?.is_none() {
        return Ok(());
    }
    let row = trigger_hit::Model {
        id: world.new_id(),
        org_id: tx.org_id()?.0,
        trigger_id: hit.trigger.id,
        conversation_id,
        turn_id,
        reason: hit.trigger.given.kind.as_str().to_owned(),
        evidence: hit.evidence.clone(),
        outcome: outcome.as_str().to_owned(),
        actions: to_json(&own.collect::<Vec<_>>(), "trigger hit")?,
        create_time: world.now(),
    };
    let inserting = row.into_active_model().insert(tx).await;
    inserting.map_err(StoreError::from)?;
    Ok(())
}

async fn find_any(tx: &Tx, id: Uuid) -> Result<Option<Model>, Error> {
    let found = tx.find::<Entity>()?.filter(Column::Id.eq(id)).one(tx).await;
    Ok(found.map_err(StoreError::from)?)
}

/// Hits with how their actions fared since.
async fn kept(tx: &Tx, rows: Vec<trigger_hit::Model>) -> Result<Vec<Kept>, Error> {
    let turns = rows.iter().map(|row| row.turn_id);
    let fared = tx
        .find::<action::Entity>()?
        .filter(action::Column::TurnId.is_in(turns))
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let fared: HashMap<_, _> = fared
        .into_iter()
        .map(|row| ((row.turn_id, row.action_index), (row.state, row.reason)))
        .collect();
    let hits = rows.into_iter().map(|row| {
        let actions: Vec<KeptAction> = from_json(row.actions, "trigger hit")?;
        let actions = actions.into_iter().map(|one| {
            let at_end = (one.state, one.reason);
            let now = fared.get(&(row.turn_id, one.index)).cloned();
            let (state, reason) = now.unwrap_or(at_end);
            (one.kind, state, reason)
        });
        Ok(Kept {
            id: row.id,
            conversation_id: row.conversation_id,
            turn_id: row.turn_id,
            reason: TriggerKind::parse(&row.reason).ok_or(Error::Corrupt("trigger hit"))?,
            evidence: row.evidence,
            outcome: Outcome::parse(&row.outcome).ok_or(Error::Corrupt("trigger hit"))?,
            actions: actions.collect(),
            create_time: row.create_time,
        })
    });
    hits.collect()
}

fn row_of(tx: &Tx, trigger: &Trigger) -> Result<Model, Error> {
    let given = &trigger.given;
    Ok(Model {
        id: trigger.id,
        org_id: tx.org_id()?.0,
        agent_id: trigger.agent_id,
        display_name: given.display_name.clone(),
        enabled: given.enabled,
        kind: given.kind.as_str().to_owned(),
        keywords: to_json(&given.keywords, "trigger")?,
        condition: given.condition.clone(),
        pipeline_id: given.pipeline_id,
        stage_id: given.stage_id,
        after_minutes: given.after_minutes,
        acts: to_json(&given.acts, "trigger")?,
        reply: given.reply.clone(),
        max_per_chat: given.max_per_chat,
        max_per_day: given.max_per_day,
        position: trigger.position,
        hit_count: trigger.hit_count,
        last_hit_time: trigger.last_hit_time,
        request_id: None,
        revision: trigger.revision,
        create_time: trigger.create_time,
        update_time: trigger.update_time,
    })
}

impl TryFrom<Model> for Trigger {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            agent_id: row.agent_id,
            given: NewTrigger {
                display_name: row.display_name,
                enabled: row.enabled,
                kind: TriggerKind::parse(&row.kind).ok_or(Error::Corrupt("trigger"))?,
                keywords: from_json(row.keywords, "trigger")?,
                condition: row.condition,
                pipeline_id: row.pipeline_id,
                stage_id: row.stage_id,
                after_minutes: row.after_minutes,
                acts: from_json(row.acts, "trigger")?,
                reply: row.reply,
                max_per_chat: row.max_per_chat,
                max_per_day: row.max_per_day,
            },
            position: row.position,
            hit_count: row.hit_count,
            last_hit_time: row.last_hit_time,
            revision: row.revision,
            create_time: row.create_time,
            update_time: row.update_time,
        })
    }
}
