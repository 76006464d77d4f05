//! Rows of sequences and of their executions.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, IntoActiveModel as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use t11_core::{Etag, OrgScope, Page, PageRequest};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::entity::sequence::{Column, Entity, Model};
use super::entity::{conversation, sequence_execution as execution};
use super::{Store, agents, cursor, from_json, read_cursor, to_json, triggers};
use crate::Error;
use crate::automation::{Execution, ExecutionState, MOST, NewSequence, Quiet, Sequence, Start};

impl Store {
    /// Adds a sequence; a known request id answers with the one it made.
    pub(crate) async fn create_sequence(
        &self,
        scope: &OrgScope,
        agent_id: Uuid,
        given: NewSequence,
        request_id: Option<Uuid>,
    ) -> Result<Sequence, Error> {
        let (id, now) = (self.world.new_id(), self.world.now());
        self.db
            .write(scope, move |tx| async move {
                agents::held(&tx, agent_id).await?;
                if let Some(made) = made_by(&tx, agent_id, request_id).await? {
                    return Ok(made);
                }
                check_acts(&tx, agent_id, &given).await?;
                let others = tx.find::<Entity>()?.filter(Column::AgentId.eq(agent_id));
                if others.count(&tx).await.map_err(StoreError::from)? >= MOST {
                    return Err(Error::AutomationFull);
                }
                let sequence = Sequence {
                    id,
                    agent_id,
                    given,
                    running: 0,
                    revision: 1,
                    create_time: now,
                    update_time: now,
                };
                tx.audit_target(name(agent_id, id));
                let mut row = row_of(&tx, &sequence)?;
                row.request_id = request_id;
                let inserting = row.into_active_model().insert(&tx).await;
                inserting.map_err(|error| taken(error.into(), &sequence))?;
                Ok(sequence)
            })
            .await
    }

    /// One sequence.
    pub(crate) async fn sequence(
        &self,
        scope: &OrgScope,
        agent_id: Uuid,
        id: Uuid,
    ) -> Result<Sequence, Error> {
        self.db
            .read(scope, move |tx| async move {
                let found = find(&tx, agent_id, id).await?;
                let found = found.ok_or_else(|| Error::NotFound(name(agent_id, id)))?;
                let running = running(&tx, vec![id]).await?;
                Ok(counted(found, &running))
            })
            .await
    }

    /// All sequences of an agent, by name.
    pub(crate) async fn sequences(
        &self,
        scope: &OrgScope,
        agent_id: Uuid,
    ) -> Result<Vec<Sequence>, Error> {
        self.db
            .read(scope, move |tx| async move {
                agents::by_id(&tx, agent_id).await?;
                let all = of_agent(&tx, agent_id).await?;
                let running = running(&tx, all.iter().map(|one| one.id).collect()).await?;
                let all = all.into_iter().map(|one| counted(one, &running));
                Ok(all.collect())
            })
            .await
    }

    /// Replaces a sequence.
    pub(crate) async fn update_sequence(
        &self,
        scope: &OrgScope,
        (agent_id, id): (Uuid, Uuid),
        given: NewSequence,
        etag: String,
    ) -> Result<Sequence, Error> {
        let now = self.world.now();
        self.db
            .write(scope, move |tx| async move {
                let old = held(&tx, agent_id, id).await?;
                Etag::of(old.revision).check(&etag)?;
                check_acts(&tx, agent_id, &given).await?;
                tx.audit_target(name(agent_id, id));
                let sequence = Sequence {
                    given,
                    revision: old.revision + 1,
                    update_time: now,
                    ..Sequence::try_from(old.clone())?
                };
                let mut row = row_of(&tx, &sequence)?;
                row.request_id = old.request_id;
                let saving = row.into_active_model().reset_all().update(&tx).await;
                saving.map_err(|error| taken(error.into(), &sequence))?;
                let running = running(&tx, vec![id]).await?;
                Ok(counted(sequence, &running))
            })
            .await
    }

    /// Deletes a sequence with its executions.
    pub(crate) async fn delete_sequence(
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

    /// A page of the executions of a sequence, newest first; of one state if it is given.
    pub(crate) async fn executions(
        &self,
        scope: &OrgScope,
        (agent_id, id): (Uuid, Uuid),
        state: Option<ExecutionState>,
        page: PageRequest,
    ) -> Result<Page<Execution>, Error> {
        self.db
            .read(scope, move |tx| async move {
                let known = find(&tx, agent_id, id).await?;
                known.ok_or_else(|| Error::NotFound(name(agent_id, id)))?;
                let mut chosen = tx
                    .find::<execution::Entity>()?
                    .filter(execution::Column::SequenceId.eq(id));
                if let Some(state) = state {
                    chosen = chosen.filter(execution::Column::State.eq(state.as_str()));
                }
                if let Some((time, id)) = page.cursor.as_deref().and_then(read_cursor) {
                    let same_time = Condition::all()
                        .add(execution::Column::CreateTime.eq(time))
                        .add(execution::Column::Id.lt(id));
                    let earlier = execution::Column::CreateTime.lt(time);
                    chosen = chosen.filter(Condition::any().add(earlier).add(same_time));
                }
                let rows = chosen
                    .order_by_desc(execution::Column::CreateTime)
                    .order_by_desc(execution::Column::Id)
                    .limit(page.size + 1)
                    .all(&tx)
                    .await
                    .map_err(StoreError::from)?;
                let Page { items, next_cursor } =
                    Page::from_rows(rows, page.size, |row| cursor(row.create_time, row.id));
                let items = named(&tx, agent_id, items).await?;
                Ok(Page { items, next_cursor })
            })
            .await
    }

    /// Stops an execution; one that has ended stays as it is.
    pub(crate) async fn stop_execution(
        &self,
        scope: &OrgScope,
        (agent_id, sequence_id, id): (Uuid, Uuid, Uuid),
    ) -> Result<Execution, Error> {
        let now = self.world.now();
        self.db
            .write(scope, move |tx| async move {
                let name = format!("{}/executions/{id}", name(agent_id, sequence_id));
                let missing = || Error::NotFound(name.clone());
                let known = find(&tx, agent_id, sequence_id).await?;
                known.ok_or_else(missing)?;
                let row = execution_of(&tx, id).await?;
                let row = row.filter(|row| row.sequence_id == sequence_id);
                let row = row.ok_or_else(missing)?;
                tx.audit_target(name.clone());
                let end = (ExecutionState::Stopped, "stopped_by_person");
                end_running(&tx, execution::Column::Id.eq(row.id), end, now).await?;
                let row = execution_of(&tx, id).await?.ok_or_else(missing)?;
                let mut named = named(&tx, agent_id, vec![row]).await?;
                named.pop().ok_or_else(missing)
            })
            .await
    }
}

/// `agents/{agent}/sequences/{sequence}`.
fn name(agent_id: Uuid, id: Uuid) -> String {
    format!("agents/{agent_id}/sequences/{id}")
}

/// One of an agent.
pub(super) async fn find(tx: &Tx, agent_id: Uuid, id: Uuid) -> Result<Option<Sequence>, Error> {
    let chosen = tx
        .find::<Entity>()?
        .filter(Column::Id.eq(id))
        .filter(Column::AgentId.eq(agent_id));
    let found = chosen.one(tx).await.map_err(StoreError::from)?;
    found.map(Sequence::try_from).transpose()
}

/// One of any agent.
pub(super) async fn by_id(tx: &Tx, id: Uuid) -> Result<Option<Sequence>, Error> {
    let found = tx.find::<Entity>()?.filter(Column::Id.eq(id)).one(tx).await;
    let found = found.map_err(StoreError::from)?;
    found.map(Sequence::try_from).transpose()
}

async fn of_agent(tx: &Tx, agent_id: Uuid) -> Result<Vec<Sequence>, Error> {
    let rows = tx
        .find::<Entity>()?
        .filter(Column::AgentId.eq(agent_id))
        .order_by_asc(Column::NameKey)
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    rows.into_iter().map(Sequence::try_from).collect()
}

/// Those of an agent that are on and start by themselves.
pub(super) async fn starting(tx: &Tx, agent_id: Uuid) -> Result<Vec<Sequence>, Error> {
    let mut all = of_agent(tx, agent_id).await?;
    all.retain(|one| one.given.enabled && one.given.start != Start::Manual);
    Ok(all)
}

async fn held(tx: &Tx, agent_id: Uuid, id: Uuid) -> Result<Model, Error> {
    let chosen = tx
        .find::<Entity>()?
        .filter(Column::Id.eq(id))
        .filter(Column::AgentId.eq(agent_id));
    let found = chosen.lock_exclusive().one(tx).await;
    let row = found.map_err(StoreError::from)?;
    row.ok_or_else(|| Error::NotFound(name(agent_id, id)))
}

async fn made_by(
    tx: &Tx,
    agent_id: Uuid,
    request_id: Option<Uuid>,
) -> Result<Option<Sequence>, Error> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let chosen = tx
        .find::<Entity>()?
        .filter(Column::AgentId.eq(agent_id))
        .filter(Column::RequestId.eq(request_id));
    let found = chosen.one(tx).await.map_err(StoreError::from)?;
    found.map(Sequence::try_from).transpose()
}

async fn check_acts(tx: &Tx, agent_id: Uuid, given: &NewSequence) -> Result<(), Error> {
    for (index, step) in given.steps.iter().enumerate() {
        let field = format!("sequence.steps[{index}].actions");
        triggers::check_sequences(tx, agent_id, &step.acts, &field).await?;
    }
    Ok(())
}

fn taken(error: StoreError, sequence: &Sequence) -> Error {
    if error.is_conflict_on("sequences", &["org_id", "agent_id", "name_key"]) {
        Error::SequenceNameTaken(sequence.given.display_name.clone())
    } else {
        error.into()
    }
}

/// How many executions of each run.
async fn running(tx: &Tx, of: Vec<Uuid>) -> Result<HashMap<Uuid, i64>, Error> {
    let counts: Vec<(Uuid, i64)> = tx
        .find::<execution::Entity>()?
        .select_only()
        .column(execution::Column::SequenceId)
        .column_as(execution::Column::Id.count(), "count")
        .filter(execution::Column::SequenceId.is_in(of))
        .filter(execution::Column::State.eq(ExecutionState::Running.as_str()))
        .group_by(execution::Column::SequenceId)
        .into_tuple()
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    Ok(counts.into_iter().collect())
}

fn counted(sequence: Sequence, running: &HashMap<Uuid, i64>) -> Sequence {
    let running = running.get(&sequence.id).copied().unwrap_or(0);
    Sequence {
        running,
        ..sequence
    }
}

pub(super) async fn execution_of(tx: &Tx, id: Uuid) -> Result<Option<execution::Model>, Error> {
    let chosen = tx
        .find::<execution::Entity>()?
        .filter(execution::Column::Id.eq(id));
    Ok(chosen.one(tx).await.map_err(StoreError::from)?)
}

/// The running execution of a sequence in a conversation.
pub(super) async fn running_in(
    tx: &Tx,
    sequence_id: Uuid,
    conversation_id: Uuid,
) -> Result<Option<execution::Model>, Error> {
    let chosen = tx
        .find::<execution::Entity>()?
        .filter(execution::Column::SequenceId.eq(sequence_id))
        .filter(execution::Column::RunningIn.eq(conversation_id));
    Ok(chosen.one(tx).await.map_err(StoreError::from)?)
}

/// Ends the running ones among the chosen.
pub(super) async fn end_running(
    tx: &Tx,
    chosen: sea_orm::sea_query::SimpleExpr,
    (state, reason): (ExecutionState, &str),
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let ending = tx
        .update_many::<execution::Entity>()?
        .filter(chosen)
        .filter(execution::Column::State.eq(ExecutionState::Running.as_str()))
        .col_expr(execution::Column::State, Expr::value(state.as_str()))
        .col_expr(execution::Column::StopReason, Expr::value(reason))
        .col_expr(
            execution::Column::RunningIn,
            Expr::value(Option::<Uuid>::None),
        )
        .col_expr(
            execution::Column::NextTime,
            Expr::value(Option::<DateTime<Utc>>::None),
        )
        .col_expr(execution::Column::EndTime, Expr::value(now));
    ending.exec(tx).await.map_err(StoreError::from)?;
    Ok(())
}

/// Executions with the names of their conversations.
pub(super) async fn named(
    tx: &Tx,
    agent_id: Uuid,
    rows: Vec<execution::Model>,
) -> Result<Vec<Execution>, Error> {
    let ids = rows.iter().map(|row| row.conversation_id);
    let names: Vec<(Uuid, String, String)> = tx
        .find::<conversation::Entity>()?
        .select_only()
        .column(conversation::Column::Id)
        .column(conversation::Column::DisplayName)
        .column(conversation::Column::ClientDisplayName)
        .filter(conversation::Column::Id.is_in(ids))
        .into_tuple()
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let names: HashMap<_, _> = names
        .into_iter()
        .map(|(id, title, client)| (id, if client.is_empty() { title } else { client }))
        .collect();
    let named = rows.into_iter().map(|row| {
        Ok(Execution {
            id: row.id,
            agent_id,
            sequence_id: row.sequence_id,
            conversation_id: row.conversation_id,
            conversation_display_name: names.get(&row.conversation_id).cloned().unwrap_or_default(),
            state: ExecutionState::parse(&row.state).ok_or(Error::Corrupt("execution"))?,
            stop_reason: row.stop_reason,
            started_by: row.started_by,
            next_step: row.next_step,
            next_time: row.next_time,
            create_time: row.create_time,
            end_time: row.end_time,
        })
    });
    named.collect()
}

fn row_of(tx: &Tx, sequence: &Sequence) -> Result<Model, Error> {
    let given = &sequence.given;
    let (minutes, place) = match given.start {
        Start::Manual => (0, (0, 0)),
        Start::Silence { minutes } => (minutes, (0, 0)),
        Start::Stage {
            pipeline_id,
            stage_id,
        } => (0, (pipeline_id, stage_id)),
    };
    Ok(Model {
        id: sequence.id,
        org_id: tx.org_id()?.0,
        agent_id: sequence.agent_id,
        display_name: given.display_name.clone(),
        name_key: given.display_name.to_lowercase(),
        enabled: given.enabled,
        start_kind: given.start.as_str().to_owned(),
        start_minutes: minutes,
        start_pipeline_id: place.0,
        start_stage_id: place.1,
        skip_condition: given.skip_condition.clone(),
        stages: to_json(&given.stages, "sequence")?,
        steps: to_json(&given.steps, "sequence")?,
        quiet_start_minute: given.quiet.start_minute,
        quiet_end_minute: given.quiet.end_minute,
        request_id: None,
        revision: sequence.revision,
        create_time: sequence.create_time,
        update_time: sequence.update_time,
    })
}

impl TryFrom<Model> for Sequence {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let place = (row.start_pipeline_id, row.start_stage_id);
        let start = Start::parse(&row.start_kind, row.start_minutes, place);
        Ok(Self {
            id: row.id,
            agent_id: row.agent_id,
            given: NewSequence {
                display_name: row.display_name,
                enabled: row.enabled,
                start: start.ok_or(Error::Corrupt("sequence"))?,
                skip_condition: row.skip_condition,
                stages: from_json(row.stages, "sequence")?,
                steps: from_json(row.steps, "sequence")?,
                quiet: Quiet {
                    start_minute: row.quiet_start_minute,
                    end_minute: row.quiet_end_minute,
                },
            },
            running: 0,
            revision: row.revision,
            create_time: row.create_time,
            update_time: row.update_time,
        })
    }
}
