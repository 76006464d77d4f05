//! Rows of agents.

use sea_orm::sea_query::{Expr, ExprTrait as _, LikeExpr};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait as _, Condition, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};
use t11_core::{OrgScope, Page, PageRequest};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::entity::agent::{Column, Entity, Model};
use super::{Store, crm_settings};
use crate::agent::{Agent, Draft, Move, State};
use crate::version::VersionRef;
use crate::{Error, agent};

/// Which agents a list shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct AgentFilter {
    /// Part of the display name, without case.
    pub(crate) query: String,
    /// Empty = all but archived.
    pub(crate) states: Vec<State>,
    pub(crate) model: Option<String>,
    pub(crate) order: AgentOrder,
}

/// How a list is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum AgentOrder {
    #[default]
    Updated,
    Created,
    LastActive,
    Name,
}

impl Store {
    /// Adds an agent; a known request id answers with the agent it made.
    pub(crate) async fn create_agent(
        &self,
        scope: &OrgScope,
        draft: Draft,
        request_id: Option<Uuid>,
    ) -> Result<Agent, Error> {
        let (id, now) = (self.world.new_id(), self.world.now());
        self.db
            .write(scope, move |tx| async move {
                if let Some(made) = made_by(&tx, request_id).await? {
                    return Ok(made);
                }
                tx.audit_target(t11_core::format_name("agents", id));
                let row = Model {
                    id,
                    org_id: tx.org_id()?.0,
                    name_key: draft.display_name.to_lowercase(),
                    display_name: draft.display_name.clone(),
                    state: State::Draft.as_str().to_owned(),
                    model: draft.settings.model.clone(),
                    settings: settings_json(&draft.settings)?,
                    request_id,
                    messages_total: 0,
                    last_activity_time: None,
                    revision: 1,
                    create_time: now,
                    update_time: now,
                    live_version_id: None,
                    live_version_number: 0,
                };
                let inserted = row.into_active_model().insert(&tx).await;
                let row =
                    inserted.map_err(|error| name_taken(error.into(), &draft.display_name))?;
                row.try_into()
            })
            .await
    }

    /// One agent.
    pub(crate) async fn agent(&self, scope: &OrgScope, id: Uuid) -> Result<Agent, Error> {
        self.db
            .read(scope, move |tx| async move { by_id(&tx, id).await })
            .await
    }

    /// A page of agents, and how many the filter has.
    pub(crate) async fn agents(
        &self,
        scope: &OrgScope,
        filter: AgentFilter,
        page: PageRequest,
    ) -> Result<(Page<Agent>, u64), Error> {
        self.db
            .read(scope, move |tx| async move {
                let chosen = filtered(&tx, &filter)?;
                let total = chosen.clone().count(&tx).await.map_err(StoreError::from)?;
                let offset: u64 = page.cursor.as_deref().map_or(0, |c| c.parse().unwrap_or(0));
                let rows = ordered(chosen, filter.order)
                    .offset(offset)
                    .limit(page.size + 1)
                    .all(&tx)
                    .await
                    .map_err(StoreError::from)?;
                let next = offset + page.size;
                let page = Page::from_rows(rows, page.size, |_| next.to_string());
                let Page { items, next_cursor } = page;
                let items = items
                    .into_iter()
                    .map(Agent::try_from)
                    .collect::<Result<_, _>>()?;
                Ok((Page { items, next_cursor }, total))
            })
            .await
    }

    /// Takes the named fields of `given`.
    pub(crate) async fn update_agent(
        &self,
        scope: &OrgScope,
        id: Uuid,
        given: Draft,
        fields: Vec<String>,
        etag: String,
    ) -> Result<Agent, Error> {
        let now = self.world.now();
        self.db
            .write(scope, move |tx| async move {
                let agent = held(&tx, id).await?;
                agent.etag().check(&etag)?;
                let mode = agent.settings.answer_mode;
                let mut draft = Draft {
                    display_name: agent.display_name.clone(),
                    settings: agent.settings.clone(),
                };
                for field in &fields {
                    draft.take(&given, field);
                }
                let draft = draft.check()?;
                tx.audit_target(t11_core::format_name("agents", id));
                let changed = Agent {
                    display_name: draft.display_name,
                    settings: draft.settings,
                    revision: agent.revision + 1,
                    update_time: now,
                    ..agent
                };
                if changed.settings.answer_mode != mode {
                    Box::pin(crm_settings::refuse_active(&tx, changed.clone())).await?;
                }
                save(&tx, changed).await
            })
            .await
    }

    /// Moves an agent to another state.
    pub(crate) async fn move_agent(
        &self,
        scope: &OrgScope,
        id: Uuid,
        asked: Move,
    ) -> Result<Agent, Error> {
        let now = self.world.now();
        self.db
            .write(scope, move |tx| async move {
                let agent = held(&tx, id).await?;
                let state = agent.after(asked)?;
                if state == agent.state {
                    return Ok(agent);
                }
                let moved = Agent {
                    state,
                    revision: agent.revision + 1,
                    update_time: now,
                    ..agent
                };
                Box::pin(crm_settings::refuse_active(&tx, moved.clone())).await?;
                tx.audit_target(t11_core::format_name("agents", id));
                save(&tx, moved).await
            })
            .await
    }

    /// Deletes an agent with its conversations.
    pub(crate) async fn delete_agent(
        &self,
        scope: &OrgScope,
        id: Uuid,
        etag: String,
    ) -> Result<(), Error> {
        self.db
            .write(scope, move |tx| async move {
                let agent = held(&tx, id).await?;
                agent.etag().check(&etag)?;
                if agent.state == State::Active {
                    return Err(Error::AgentState { state: agent.state });
                }
                tx.audit_target(t11_core::format_name("agents", id));
                super::conversations::keep_live(&tx, id).await?;
                let deleting = tx.delete_many::<Entity>()?.filter(Column::Id.eq(id));
                deleting.exec(&tx).await.map_err(StoreError::from)?;
                super::chunks::drop_unpinned(&tx).await?;
                Ok(())
            })
            .await
    }

    /// A copy in state DRAFT. Without a name, the first free number is added to the original's.
    pub(crate) async fn copy_agent(
        &self,
        scope: &OrgScope,
        id: Uuid,
        display_name: String,
        request_id: Option<Uuid>,
    ) -> Result<Agent, Error> {
        let original = self.agent(scope, id).await?;
        if !display_name.trim().is_empty() {
            let draft = Draft {
                display_name,
                settings: original.settings,
            }
            .check()?;
            return self.create_agent(scope, draft, request_id).await;
        }
        for number in 2..1_000 {
            let stem: String = original.display_name.chars().take(94).collect();
            let display_name = format!("{stem} {number}");
            let draft = Draft {
                display_name,
                settings: original.settings.clone(),
            };
            match self.create_agent(scope, draft, request_id).await {
                Err(Error::AgentNameTaken(_)) => {}
                made => return made,
            }
        }
        Err(Error::AgentNameTaken(original.display_name))
    }
}

pub(super) async fn by_id(tx: &Tx, id: Uuid) -> Result<Agent, Error> {
    let found = tx.find::<Entity>()?.filter(Column::Id.eq(id)).one(tx).await;
    found
        .map_err(StoreError::from)?
        .ok_or_else(|| Error::not_found("agents", id))?
        .try_into()
}

/// The same, held until the transaction ends: who reads it to change it decides by what it is.
pub(super) async fn held(tx: &Tx, id: Uuid) -> Result<Agent, Error> {
    let chosen = tx.find::<Entity>()?.filter(Column::Id.eq(id));
    let found = chosen.lock_exclusive().one(tx).await;
    found
        .map_err(StoreError::from)?
        .ok_or_else(|| Error::not_found("agents", id))?
        .try_into()
}

async fn made_by(tx: &Tx, request_id: Option<Uuid>) -> Result<Option<Agent>, Error> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let found = tx
        .find::<Entity>()?
        .filter(Column::RequestId.eq(request_id))
        .one(tx)
        .await;
    found
        .map_err(StoreError::from)?
        .map(Agent::try_from)
        .transpose()
}

pub(super) async fn save(tx: &Tx, agent: Agent) -> Result<Agent, Error> {
    let display_name = agent.display_name.clone();
    let row = super::entity::agent::ActiveModel {
        id: ActiveValue::Unchanged(agent.id),
        name_key: ActiveValue::Set(agent.display_name.to_lowercase()),
        display_name: ActiveValue::Set(agent.display_name),
        state: ActiveValue::Set(agent.state.as_str().to_owned()),
        model: ActiveValue::Set(agent.settings.model.clone()),
        settings: ActiveValue::Set(settings_json(&agent.settings)?),
        revision: ActiveValue::Set(agent.revision),
        update_time: ActiveValue::Set(agent.update_time),
        ..Default::default()
    };
    let saved = row.update(tx).await;
    saved
        .map_err(|error| name_taken(error.into(), &display_name))?
        .try_into()
}

fn filtered(tx: &Tx, filter: &AgentFilter) -> Result<Select<Entity>, Error> {
    let mut chosen = tx.find::<Entity>()?;
    if !filter.query.is_empty() {
        chosen = chosen.filter(contains(Column::NameKey, &filter.query));
    }
    chosen = if filter.states.is_empty() {
        chosen.filter(Column::State.ne(State::Archived.as_str()))
    } else {
        chosen.filter(Column::State.is_in(filter.states.iter().map(|state| state.as_str())))
    };
    if let Some(model) = &filter.model {
        chosen = chosen.filter(Column::Model.eq(model.as_str()));
    }
    Ok(chosen)
}

/// Whether a lower-case column contains `text`, whose `%` and `_` mean themselves.
pub(super) fn contains(column: impl sea_orm::ColumnTrait, text: &str) -> Condition {
    let pattern = text
        .to_lowercase()
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    let like = LikeExpr::new(format!("%{pattern}%")).escape('\\');
    Condition::all().add(Expr::col((column.entity_name(), column)).like(like))
}

fn ordered(chosen: Select<Entity>, order: AgentOrder) -> Select<Entity> {
    let ordered = match order {
        AgentOrder::Updated => chosen.order_by_desc(Column::UpdateTime),
        AgentOrder::Created => chosen.order_by_desc(Column::CreateTime),
        AgentOrder::LastActive => chosen.order_by_desc(Column::LastActivityTime),
        AgentOrder::Name => chosen.order_by_asc(Column::NameKey),
    };
    ordered.order_by_desc(Column::Id)
}

fn name_taken(error: StoreError, display_name: &str) -> Error {
    if error.is_conflict_on("agents", &["org_id", "name_key"]) {
        Error::AgentNameTaken(display_name.to_owned())
    } else {
        error.into()
    }
}

fn settings_json(settings: &agent::Settings) -> Result<serde_json::Value, Error> {
    serde_json::to_value(settings).map_err(|_| Error::Corrupt("agent settings"))
}

impl TryFrom<Model> for Agent {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let number = row.live_version_number;
        let live_version = row.live_version_id.map(|id| VersionRef { id, number });
        Ok(Self {
            id: row.id,
            display_name: row.display_name,
            state: State::parse(&row.state).ok_or(Error::Corrupt("agent state"))?,
            settings: serde_json::from_value(row.settings)
                .map_err(|_| Error::Corrupt("agent settings"))?,
            messages_total: row.messages_total,
            last_activity_time: row.last_activity_time,
            revision: row.revision,
            create_time: row.create_time,
            update_time: row.update_time,
            live_version,
            frozen: None,
        })
    }
}
