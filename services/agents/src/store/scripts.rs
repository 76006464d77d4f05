//! Rows of scripts.

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use t11_core::{Etag, OrgScope, Page, PageRequest, Violations, format_name};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::agents::{self, contains};
use super::entity::script::{Column, Entity, Model};
use super::{Store, from_json, to_json};
use crate::Error;
use crate::playbook::{Counts, NewScript, PlayState, Script};

/// Scripts that a turn chooses among at most.
const MOST_USED: u64 = 500;

/// Which plays a list shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct PlayFilter {
    /// Empty = all.
    pub(crate) kind: String,
    /// Part of the name or the words, without case.
    pub(crate) query: String,
    /// Those of this agent and those of every agent.
    pub(crate) agent: Option<Uuid>,
}

impl Store {
    /// Adds a script; a known request id answers with the one it made.
    pub(crate) async fn create_script(
        &self,
        scope: &OrgScope,
        given: NewScript,
        request_id: Option<Uuid>,
    ) -> Result<Script, Error> {
        let (id, now) = (self.world.new_id(), self.world.now());
        self.db
            .write(scope, move |tx| async move {
                if let Some(made) = made_by(&tx, request_id).await? {
                    return Ok(made);
                }
                check_agent(&tx, given.agent, "script.agent").await?;
                tx.audit_target(format_name("scripts", id));
                let script = Script {
                    id,
                    given,
                    counts: Counts::default(),
                    revision: 1,
                    create_time: now,
                    update_time: now,
                };
                let mut row = row_of(&tx, &script)?;
                row.request_id = request_id;
                let inserting = row.into_active_model().insert(&tx).await;
                inserting.map_err(|error| taken(error.into(), &script))?;
                Ok(script)
            })
            .await
    }

    /// One script.
    pub(crate) async fn script(&self, scope: &OrgScope, id: Uuid) -> Result<Script, Error> {
        self.db
            .read(scope, move |tx| async move {
                let chosen = tx.find::<Entity>()?.filter(Column::Id.eq(id));
                let found = chosen.one(&tx).await.map_err(StoreError::from)?;
                let row = found.ok_or_else(|| Error::not_found("scripts", id))?;
                row.try_into()
            })
            .await
    }

    /// A page of scripts, by name.
    pub(crate) async fn scripts(
        &self,
        scope: &OrgScope,
        filter: PlayFilter,
        page: PageRequest,
    ) -> Result<Page<Script>, Error> {
        self.db
            .read(scope, move |tx| async move {
                let mut chosen = tx.find::<Entity>()?.filter(of_agent(filter.agent));
                if !filter.kind.is_empty() {
                    chosen = chosen.filter(Column::ScriptType.eq(filter.kind));
                }
                if !filter.query.is_empty() {
                    chosen = chosen.filter(contains(Column::SearchKey, &filter.query));
                }
                // A name is unique: it says where a page ends.
                if let Some(last) = page.cursor {
                    chosen = chosen.filter(Column::NameKey.gt(last));
                }
                let rows = chosen
                    .order_by_asc(Column::NameKey)
                    .limit(page.size + 1)
                    .all(&tx)
                    .await
                    .map_err(StoreError::from)?;
                let page = Page::from_rows(rows, page.size, |row| row.name_key.clone());
                let Page { items, next_cursor } = page;
                let items = items.into_iter().map(Script::try_from);
                Ok(Page {
                    items: items.collect::<Result<_, _>>()?,
                    next_cursor,
                })
            })
            .await
    }

    /// Replaces a script.
    pub(crate) async fn update_script(
        &self,
        scope: &OrgScope,
        id: Uuid,
        given: NewScript,
        etag: String,
    ) -> Result<Script, Error> {
        let now = self.world.now();
        self.db
            .write(scope, move |tx| async move {
                let old = held(&tx, id).await?;
                Etag::of(old.revision).check(&etag)?;
                check_agent(&tx, given.agent, "script.agent").await?;
                tx.audit_target(format_name("scripts", id));
                let script = Script {
                    given,
                    revision: old.revision + 1,
                    update_time: now,
                    ..Script::try_from(old.clone())?
                };
                let mut row = row_of(&tx, &script)?;
                row.request_id = old.request_id;
                let saving = row.into_active_model().reset_all().update(&tx).await;
                saving.map_err(|error| taken(error.into(), &script))?;
                Ok(script)
            })
            .await
    }

    /// Deletes a script.
    pub(crate) async fn delete_script(
        &self,
        scope: &OrgScope,
        id: Uuid,
        etag: String,
    ) -> Result<(), Error> {
        self.db
            .write(scope, move |tx| async move {
                let old = held(&tx, id).await?;
                Etag::of(old.revision).check(&etag)?;
                tx.audit_target(format_name("scripts", id));
                let deleting = tx.delete_many::<Entity>()?.filter(Column::Id.eq(id));
                deleting.exec(&tx).await.map_err(StoreError::from)?;
                Ok(())
            })
            .await
    }
}

/// Published scripts that an agent may use.
pub(super) async fn published(tx: &Tx, agent: Uuid) -> Result<Vec<Script>, Error> {
    let rows = tx
        .find::<Entity>()?
        .filter(of_agent(Some(agent)))
        .filter(Column::State.eq(PlayState::Published.as_str()))
        .order_by_asc(Column::NameKey)
        .limit(MOST_USED)
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    rows.into_iter().map(Script::try_from).collect()
}

fn of_agent(agent: Option<Uuid>) -> Condition {
    match agent {
        None => Condition::all(),
        Some(agent) => Condition::any()
            .add(Column::AgentId.is_null())
            .add(Column::AgentId.eq(agent)),
    }
}

/// An agent that plays belong to is there.
pub(super) async fn check_agent(tx: &Tx, agent: Option<Uuid>, field: &str) -> Result<(), Error> {
    let Some(agent) = agent else { return Ok(()) };
    match agents::by_id(tx, agent).await {
        Err(Error::NotFound(_)) => {
            let mut violations = Violations::default();
            violations.add(field, "NOT_FOUND", "there is no such agent");
            Err(violations.into())
        }
        found => found.map(drop),
    }
}

async fn held(tx: &Tx, id: Uuid) -> Result<Model, Error> {
    let chosen = tx.find::<Entity>()?.filter(Column::Id.eq(id));
    let found = chosen.lock_exclusive().one(tx).await;
    let row = found.map_err(StoreError::from)?;
    row.ok_or_else(|| Error::not_found("scripts", id))
}

async fn made_by(tx: &Tx, request_id: Option<Uuid>) -> Result<Option<Script>, Error> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let chosen = tx.find::<Entity>()?;
    let chosen = chosen.filter(Column::RequestId.eq(request_id));
    let found = chosen.one(tx).await.map_err(StoreError::from)?;
    found.map(Script::try_from).transpose()
}

fn taken(error: StoreError, script: &Script) -> Error {
    if error.is_conflict_on("scripts", &["org_id", "name_key"]) {
        Error::ScriptNameTaken(script.given.display_name.clone())
    } else {
        error.into()
    }
}

fn row_of(tx: &Tx, script: &Script) -> Result<Model, Error> {
    let given = &script.given;
    let words = format!("{}\n{}", given.display_name, given.content);
    Ok(Model {
        id: script.id,
        org_id: tx.org_id()?.0,
        agent_id: given.agent,
        display_name: given.display_name.clone(),
        name_key: given.display_name.to_lowercase(),
        script_type: given.script_type.clone(),
        content: given.content.clone(),
        variables: to_json(&given.variables, "script")?,
        stages: to_json(&given.stages, "script")?,
        languages: to_json(&given.languages, "script")?,
        verbatim: given.verbatim,
        state: given.state.as_str().to_owned(),
        usage_count: script.counts.usage,
        success_count: script.counts.success,
        search_key: words.to_lowercase(),
        request_id: None,
        revision: script.revision,
        create_time: script.create_time,
        update_time: script.update_time,
    })
}

impl TryFrom<Model> for Script {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            given: NewScript {
                display_name: row.display_name,
                script_type: row.script_type,
                content: row.content,
                variables: from_json(row.variables, "script")?,
                agent: row.agent_id,
                stages: from_json(row.stages, "script")?,
                languages: from_json(row.languages, "script")?,
                verbatim: row.verbatim,
                state: PlayState::parse(&row.state).ok_or(Error::Corrupt("script"))?,
            },
            counts: Counts {
                usage: row.usage_count,
                success: row.success_count,
            },
            revision: row.revision,
            create_time: row.create_time,
            update_time: row.update_time,
        })
    }
}
