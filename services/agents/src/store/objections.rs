//! Rows of responses to objections.

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use t11_core::{Etag, OrgScope, Page, PageRequest, format_name};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::agents::contains;
use super::entity::objection_response::{Column, Entity, Model};
use super::scripts::{PlayFilter, check_agent};
use super::{Store, from_json, to_json};
use crate::Error;
use crate::playbook::{Counts, NewResponse, ObjectionResponse, PlayState};

/// Responses that a turn chooses among at most.
const MOST_USED: u64 = 500;
/// The collection in names.
const COLLECTION: &str = "objectionResponses";

impl Store {
    /// Adds a response; a known request id answers with the one it made.
    pub(crate) async fn create_response(
        &self,
        scope: &OrgScope,
        given: NewResponse,
        request_id: Option<Uuid>,
    ) -> Result<ObjectionResponse, Error> {
        let (id, now) = (self.world.new_id(), self.world.now());
        self.db
            .write(scope, move |tx| async move {
                if let Some(made) = made_by(&tx, request_id).await? {
                    return Ok(made);
                }
                check_agent(&tx, given.agent, "objection_response.agent").await?;
                tx.audit_target(format_name(COLLECTION, id));
                let response = ObjectionResponse {
                    id,
                    given,
                    counts: Counts::default(),
                    revision: 1,
                    create_time: now,
                    update_time: now,
                };
                let mut row = row_of(&tx, &response)?;
                row.request_id = request_id;
                let inserting = row.into_active_model().insert(&tx).await;
                inserting.map_err(StoreError::from)?;
                Ok(response)
            })
            .await
    }

    /// One response.
    pub(crate) async fn response(
        &self,
        scope: &OrgScope,
        id: Uuid,
    ) -> Result<ObjectionResponse, Error> {
        self.db
            .read(scope, move |tx| async move {
                let chosen = tx.find::<Entity>()?.filter(Column::Id.eq(id));
                let found = chosen.one(&tx).await.map_err(StoreError::from)?;
                let row = found.ok_or_else(|| Error::not_found(COLLECTION, id))?;
                row.try_into()
            })
            .await
    }

    /// A page of responses: by type, then the most effective first.
    pub(crate) async fn responses(
        &self,
        scope: &OrgScope,
        filter: PlayFilter,
        page: PageRequest,
    ) -> Result<Page<ObjectionResponse>, Error> {
        self.db
            .read(scope, move |tx| async move {
                let mut chosen = tx.find::<Entity>()?.filter(of_agent(filter.agent));
                if !filter.kind.is_empty() {
                    chosen = chosen.filter(Column::ObjectionType.eq(filter.kind));
                }
                if !filter.query.is_empty() {
                    chosen = chosen.filter(contains(Column::SearchKey, &filter.query));
                }
                // Counts grow meanwhile: a place in the list says where a page ends.
                let offset: u64 = page.cursor.as_deref().map_or(0, |c| c.parse().unwrap_or(0));
                let rows = chosen
                    .order_by_asc(Column::ObjectionType)
                    .order_by_desc(Column::Effectiveness)
                    .order_by_asc(Column::Id)
                    .offset(offset)
                    .limit(page.size + 1)
                    .all(&tx)
                    .await
                    .map_err(StoreError::from)?;
                let next = offset + page.size;
                let page = Page::from_rows(rows, page.size, |_| next.to_string());
                let Page { items, next_cursor } = page;
                let items = items.into_iter().map(ObjectionResponse::try_from);
                Ok(Page {
                    items: items.collect::<Result<_, _>>()?,
                    next_cursor,
                })
            })
            .await
    }

    /// Replaces a response.
    pub(crate) async fn update_response(
        &self,
        scope: &OrgScope,
        id: Uuid,
        given: NewResponse,
        etag: String,
    ) -> Result<ObjectionResponse, Error> {
        let now = self.world.now();
        self.db
            .write(scope, move |tx| async move {
                let old = held(&tx, id).await?;
                Etag::of(old.revision).check(&etag)?;
                check_agent(&tx, given.agent, "objection_response.agent").await?;
                tx.audit_target(format_name(COLLECTION, id));
                let response = ObjectionResponse {
                    given,
                    revision: old.revision + 1,
                    update_time: now,
                    ..ObjectionResponse::try_from(old.clone())?
                };
                let mut row = row_of(&tx, &response)?;
                row.request_id = old.request_id;
                let saving = row.into_active_model().reset_all().update(&tx).await;
                saving.map_err(StoreError::from)?;
                Ok(response)
            })
            .await
    }

    /// Deletes a response.
    pub(crate) async fn delete_response(
        &self,
        scope: &OrgScope,
        id: Uuid,
        etag: String,
    ) -> Result<(), Error> {
        self.db
            .write(scope, move |tx| async move {
                let old = held(&tx, id).await?;
                Etag::of(old.revision).check(&etag)?;
                tx.audit_target(format_name(COLLECTION, id));
                let deleting = tx.delete_many::<Entity>()?.filter(Column::Id.eq(id));
                deleting.exec(&tx).await.map_err(StoreError::from)?;
                Ok(())
            })
            .await
    }
}

/// Published responses that an agent may use.
pub(super) async fn published(tx: &Tx, agent: Uuid) -> Result<Vec<ObjectionResponse>, Error> {
    let rows = tx
        .find::<Entity>()?
        .filter(of_agent(Some(agent)))
        .filter(Column::State.eq(PlayState::Published.as_str()))
        .order_by_asc(Column::Id)
        .limit(MOST_USED)
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    rows.into_iter().map(ObjectionResponse::try_from).collect()
}

fn of_agent(agent: Option<Uuid>) -> Condition {
    match agent {
        None => Condition::all(),
        Some(agent) => Condition::any()
            .add(Column::AgentId.is_null())
            .add(Column::AgentId.eq(agent)),
    }
}

async fn held(tx: &Tx, id: Uuid) -> Result<Model, Error> {
    let chosen = tx.find::<Entity>()?.filter(Column::Id.eq(id));
    let found = chosen.lock_exclusive().one(tx).await;
    let row = found.map_err(StoreError::from)?;
    row.ok_or_else(|| Error::not_found(COLLECTION, id))
}

async fn made_by(tx: &Tx, request_id: Option<Uuid>) -> Result<Option<ObjectionResponse>, Error> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let chosen = tx.find::<Entity>()?;
    let chosen = chosen.filter(Column::RequestId.eq(request_id));
    let found = chosen.one(tx).await.map_err(StoreError::from)?;
    found.map(ObjectionResponse::try_from).transpose()
}

fn row_of(tx: &Tx, response: &ObjectionResponse) -> Result<Model, Error> {
    let given = &response.given;
    let words = format!("{}\n{}", given.response, given.phrases.join("\n"));
    Ok(Model {
        id: response.id,
        org_id: tx.org_id()?.0,
        agent_id: given.agent,
        objection_type: given.objection_type.clone(),
        phrases: to_json(&given.phrases, "objection response")?,
        response: given.response.clone(),
        technique: given.technique.clone(),
        max_discount_percent: given.max_discount_percent,
        stages: to_json(&given.stages, "objection response")?,
        escalate_after: given.escalate_after,
        state: given.state.as_str().to_owned(),
        usage_count: response.counts.usage,
        success_count: response.counts.success,
        effectiveness: response.counts.effectiveness(),
        search_key: words.to_lowercase(),
        request_id: None,
        revision: response.revision,
        create_time: response.create_time,
        update_time: response.update_time,
    })
}

impl TryFrom<Model> for ObjectionResponse {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let state = PlayState::parse(&row.state);
        Ok(Self {
            id: row.id,
            given: NewResponse {
                objection_type: row.objection_type,
                phrases: from_json(row.phrases, "objection response")?,
                response: row.response,
                technique: row.technique,
                max_discount_percent: row.max_discount_percent,
                agent: row.agent_id,
                stages: from_json(row.stages, "objection response")?,
                escalate_after: row.escalate_after,
                state: state.ok_or(Error::Corrupt("objection response"))?,
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
