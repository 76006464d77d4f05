//! Rows of agents' versions, and what they keep of the knowledge.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use t11_core::{OrgScope, Page, PageRequest, World};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::entity::agent_version::{Column, Entity, Model};
use super::entity::{agent as agent_row, agent_version_pin as pin, source};
use super::{
    Store, agents, chunks, crm_settings, eval_runs, from_json, objections, price_book, scripts,
    sources, to_json,
};
use crate::Error;
use crate::agent::Agent;
use crate::knowledge::index::Pinned;
use crate::version::{Frozen, KEPT, Pin, Snapshot, Version, VersionRef, digest};

/// Rows of one insert: SQLite allows 32,766 variables a statement.
const ROWS: usize = 2_000;

/// A draft to be published.
#[derive(Debug, Clone)]
pub(crate) struct Publishing {
    pub(crate) note: String,
    /// Empty = none.
    pub(crate) override_reason: String,
    pub(crate) request_id: Option<Uuid>,
}

/// What an agent answers from: one side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Side {
    /// 0 = the draft.
    pub(crate) number: i32,
    pub(crate) snapshot: Snapshot,
    /// `None`: not kept any more.
    pub(crate) pins: Option<Vec<Pin>>,
}

impl Store {
    /// Makes a version of the draft, and the live one; a known request id answers with the version
    /// it made.
    pub(crate) async fn publish_agent(
        &self,
        scope: &OrgScope,
        agent_id: Uuid,
        publishing: Publishing,
    ) -> Result<Version, Error> {
        let (world, creator) = (self.world.clone(), scope.user());
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    // Held, so that neither knowledge nor prices change while they are taken.
                    let index_version = sources::next_index_version(&tx).await?;
                    price_book::hold(&tx).await?;
                    let agent = agents::held(&tx, agent_id).await?;
                    if let Some(made) = made_by(&tx, &agent, publishing.request_id).await? {
                        return Ok(made);
                    }
                    if agent.settings.instructions.trim().is_empty() {
                        return Err(Error::AgentNotReady);
                    }
                    let (snapshot, pins) = draft(&tx, &agent).await?;
                    let sha256 = sha256(&snapshot, &pins)?;
                    let proof = eval_runs::proof(&tx, agent_id, &sha256).await?;
                    if publishing.override_reason.is_empty() {
                        proof.check()?;
                    }
                    let row = Model {
                        id: world.new_id(),
                        org_id: tx.org_id()?.0,
                        agent_id,
                        number: newest(&tx, agent_id).await? + 1,
                        sha256,
                        price_version_id: snapshot.prices.map(|(id, _)| id),
                        snapshot: to_json(&snapshot, "agent version")?,
                        index_version,
                        pinned: true,
                        note: publishing.note,
                        creator,
                        override_reason: publishing.override_reason,
                        eval_suite_id: proof.passed.map(|(suite, _)| suite),
                        eval_run_id: proof.passed.map(|(_, run)| run),
                        request_id: publishing.request_id,
                        create_time: world.now(),
                        publish_time: world.now(),
                    };
                    tx.audit_target(name(agent_id, row.id));
                    let inserting = row.clone().into_active_model().insert(&tx).await;
                    inserting.map_err(StoreError::from)?;
                    insert_pins(&tx, row.id, pins, &world).await?;
                    make_live(&tx, agent, &row, &world).await?;
                    version_of(&tx, row, true).await
                })
            })
            .await
    }

    /// Makes a version the live one; with `copy` its settings those of the draft too.
    pub(crate) async fn restore_version(
        &self,
        scope: &OrgScope,
        (agent_id, id): (Uuid, Uuid),
        copy: bool,
    ) -> Result<Version, Error> {
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    sources::next_index_version(&tx).await?;
                    // First, so that what is not found is the version, whoever has the agent.
                    by_id(&tx, agent_id, id).await?;
                    let agent = agents::held(&tx, agent_id).await?;
                    let row = by_id(&tx, agent_id, id).await?;
                    if !row.pinned {
                        return Err(Error::AgentVersionOutdated(row.number));
                    }
                    tx.audit_target(name(agent_id, id));
                    let agent = if copy {
                        copy_to_draft(&tx, agent, &row, world.now()).await?
                    } else {
                        agent
                    };
                    let row = Model {
                        publish_time: world.now(),
                        ..row
                    };
                    make_live(&tx, agent, &row, &world).await?;
                    version_of(&tx, row, true).await
                })
            })
            .await
    }

    /// One version.
    pub(crate) async fn version(
        &self,
        scope: &OrgScope,
        (agent_id, id): (Uuid, Uuid),
    ) -> Result<Version, Error> {
        self.db
            .read(scope, move |tx| async move {
                let row = by_id(&tx, agent_id, id).await?;
                let agent = agents::by_id(&tx, agent_id).await?;
                let live = is_live(&agent, id);
                version_of(&tx, row, live).await
            })
            .await
    }

    /// A page of versions, newest first, and the digest of the draft.
    pub(crate) async fn versions(
        &self,
        scope: &OrgScope,
        agent_id: Uuid,
        page: PageRequest,
    ) -> Result<(Page<Version>, String), Error> {
        self.db
            .read(scope, move |tx| async move {
                let agent = agents::by_id(&tx, agent_id).await?;
                let mut chosen = tx.find::<Entity>()?.filter(Column::AgentId.eq(agent_id));
                if let Some(last) = page.cursor.as_deref().and_then(|c| c.parse::<i32>().ok()) {
                    chosen = chosen.filter(Column::Number.lt(last));
                }
                let rows = chosen
                    .order_by_desc(Column::Number)
                    .limit(page.size + 1)
                    .all(&tx)
                    .await
                    .map_err(StoreError::from)?;
                let page = Page::from_rows(rows, page.size, |row| row.number.to_string());
                let mut items = Vec::new();
                for row in page.items {
                    let live = is_live(&agent, row.id);
                    items.push(version_of(&tx, row, live).await?);
                }
                let (snapshot, pins) = draft(&tx, &agent).await?;
                let next_cursor = page.next_cursor;
                Ok((Page { items, next_cursor }, sha256(&snapshot, &pins)?))
            })
            .await
    }

    /// What is compared: `base` (nothing = the live version, if there is one) and `other` (nothing =
    /// the draft).
    pub(crate) async fn sides(
        &self,
        scope: &OrgScope,
        agent_id: Uuid,
        base: Option<Uuid>,
        other: Option<Uuid>,
    ) -> Result<(Option<Side>, Side), Error> {
        self.db
            .read(scope, move |tx| async move {
                let agent = agents::by_id(&tx, agent_id).await?;
                let base = match base.or(agent.live_version.map(|live| live.id)) {
                    Some(id) => Some(side(&tx, agent_id, id).await?),
                    None => None,
                };
                let other = match other {
                    Some(id) => side(&tx, agent_id, id).await?,
                    None => {
                        let (snapshot, pins) = draft(&tx, &agent).await?;
                        Side {
                            number: 0,
                            snapshot,
                            pins: Some(pins),
                        }
                    }
                };
                Ok((base, other))
            })
            .await
    }
}

/// `agents/{agent}/versions/{version}`.
fn name(agent_id: Uuid, id: Uuid) -> String {
    format!("agents/{agent_id}/versions/{id}")
}

/// There is no such version of the agent.
pub(super) fn missing(agent_id: Uuid, id: Uuid) -> Error {
    Error::NotFound(name(agent_id, id))
}

fn is_live(agent: &Agent, id: Uuid) -> bool {
    agent.live_version.is_some_and(|live| live.id == id)
}

pub(super) fn sha256(snapshot: &Snapshot, pins: &[Pin]) -> Result<String, Error> {
    digest(snapshot, pins).map_err(|_| Error::Corrupt("agent version"))
}

/// What clients are answered from; `None` for an agent that was never published.
pub(super) async fn live(tx: &Tx, agent: &Agent) -> Result<Option<Arc<Frozen>>, Error> {
    match agent.live_version {
        Some(live) => frozen(tx, agent.id, live.id).await.map(Some),
        None => Ok(None),
    }
}

/// A version to answer from.
pub(super) async fn frozen(tx: &Tx, agent_id: Uuid, id: Uuid) -> Result<Arc<Frozen>, Error> {
    let row = by_id(tx, agent_id, id).await?;
    if !row.pinned {
        return Err(Error::AgentVersionOutdated(row.number));
    }
    Ok(Arc::new(Frozen {
        version: Some(VersionRef {
            id,
            number: row.number,
        }),
        snapshot: from_json(row.snapshot, "agent version")?,
    }))
}

/// The digest of a version.
pub(super) async fn sha256_of(tx: &Tx, agent_id: Uuid, id: Uuid) -> Result<String, Error> {
    Ok(by_id(tx, agent_id, id).await?.sha256)
}

/// What publishing would keep.
pub(super) async fn draft(tx: &Tx, agent: &Agent) -> Result<(Snapshot, Vec<Pin>), Error> {
    let scripts = scripts::published(tx, agent.id).await?.into_iter();
    let responses = objections::published(tx, agent.id).await?.into_iter();
    let snapshot = Snapshot {
        display_name: agent.display_name.clone(),
        settings: agent.settings.clone(),
        crm: crm_settings::of_agent(tx, agent.id).await?.rules,
        scripts: scripts.map(|one| (one.id, one.given)).collect(),
        responses: responses.map(|one| (one.id, one.given)).collect(),
        prices: price_book::live(tx).await?,
    };
    Ok((snapshot, searched(tx).await?))
}

/// A source as it is selected for a pin.
type Searched = (Uuid, i64, String, String, Option<Uuid>, String);

/// The sources that are found today.
async fn searched(tx: &Tx) -> Result<Vec<Pin>, Error> {
    use source::Column as C;
    let rows: Vec<Searched> = tx
        .find::<source::Entity>()?
        .filter(C::Enabled.eq(true))
        .filter(C::ChunkCount.gt(0))
        .order_by_asc(C::Id)
        .select_only()
        .columns([
            C::Id,
            C::Reading,
            C::DisplayName,
            C::Uri,
            C::CategoryId,
            C::ValidUntilDate,
        ])
        .into_tuple()
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let pins = rows
        .into_iter()
        .map(|(source, reading, name, uri, category, date)| Pin {
            source,
            reading,
            display_name: if name.is_empty() { uri } else { name },
            category,
            valid_until: date.parse().ok(),
        });
    Ok(pins.collect())
}

async fn side(tx: &Tx, agent_id: Uuid, id: Uuid) -> Result<Side, Error> {
    let row = by_id(tx, agent_id, id).await?;
    let pins = match row.pinned {
        true => Some(pins_of(tx, id).await?),
        false => None,
    };
    Ok(Side {
        number: row.number,
        snapshot: from_json(row.snapshot, "agent version")?,
        pins,
    })
}

async fn by_id(tx: &Tx, agent_id: Uuid, id: Uuid) -> Result<Model, Error> {
    let found = tx
        .find::<Entity>()?
        .filter(Column::Id.eq(id))
        .filter(Column::AgentId.eq(agent_id))
        .one(tx)
        .await;
    let row = found.map_err(StoreError::from)?;
    row.ok_or_else(|| missing(agent_id, id))
}

async fn made_by(
    tx: &Tx,
    agent: &Agent,
    request_id: Option<Uuid>,
) -> Result<Option<Version>, Error> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let chosen = tx
        .find::<Entity>()?
        .filter(Column::AgentId.eq(agent.id))
        .filter(Column::RequestId.eq(request_id));
    let Some(row) = chosen.one(tx).await.map_err(StoreError::from)? else {
        return Ok(None);
    };
    let live = is_live(agent, row.id);
    version_of(tx, row, live).await.map(Some)
}

/// The number of the newest version; 0 without any.
async fn newest(tx: &Tx, agent_id: Uuid) -> Result<i32, Error> {
    let number: Option<i32> = tx
        .find::<Entity>()?
        .filter(Column::AgentId.eq(agent_id))
        .order_by_desc(Column::Number)
        .select_only()
        .column(Column::Number)
        .into_tuple()
        .one(tx)
        .await
        .map_err(StoreError::from)?;
    Ok(number.unwrap_or(0))
}

async fn insert_pins(tx: &Tx, version: Uuid, pins: Vec<Pin>, world: &World) -> Result<(), Error> {
    let org_id = tx.org_id()?.0;
    for pins in pins.chunks(ROWS) {
        let rows = pins.iter().map(|pin| {
            pin::Model {
                id: world.new_id(),
                org_id,
                version_id: version,
                source_id: pin.source,
                reading: pin.reading,
                display_name: pin.display_name.clone(),
                category_id: pin.category,
                valid_until_date: pin
                    .valid_until
                    .map(|day| day.to_string())
                    .unwrap_or_default(),
            }
            .into_active_model()
        });
        let inserting = pin::Entity::insert_many(rows.collect::<Vec<_>>());
        let inserted = inserting.exec_without_returning(tx).await;
        inserted.map_err(StoreError::from)?;
    }
    Ok(())
}

async fn pins_of(tx: &Tx, version: Uuid) -> Result<Vec<Pin>, Error> {
    let rows = tx
        .find::<pin::Entity>()?
        .filter(pin::Column::VersionId.eq(version))
        .order_by_asc(pin::Column::SourceId)
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let pins = rows.into_iter().map(|row| Pin {
        source: row.source_id,
        reading: row.reading,
        display_name: row.display_name,
        category: row.category_id,
        valid_until: row.valid_until_date.parse().ok(),
    });
    Ok(pins.collect())
}

/// The readings that a version searches.
pub(super) async fn pinned(tx: &Tx, version: Uuid) -> Result<HashMap<Uuid, Pinned>, Error> {
    let pins = pins_of(tx, version).await?.into_iter();
    let pinned = pins.map(|pin| {
        let pinned = Pinned {
            reading: pin.reading,
            category: pin.category,
            valid_until: pin.valid_until,
        };
        (pin.source, pinned)
    });
    Ok(pinned.collect())
}

/// Whether a version searches a reading.
pub(super) async fn is_pinned(tx: &Tx, source: Uuid, reading: i64) -> Result<bool, Error> {
    let pinning = tx
        .find::<pin::Entity>()?
        .filter(pin::Column::SourceId.eq(source))
        .filter(pin::Column::Reading.eq(reading));
    let found = pinning.limit(1).one(tx).await.map_err(StoreError::from)?;
    Ok(found.is_some())
}

/// Readings that versions search, by their sources.
pub(super) async fn pinned_readings(tx: &Tx) -> Result<HashMap<Uuid, Vec<i64>>, Error> {
    let rows: Vec<(Uuid, i64)> = tx
        .find::<pin::Entity>()?
        .select_only()
        .columns([pin::Column::SourceId, pin::Column::Reading])
        .distinct()
        .into_tuple()
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let mut pinned: HashMap<Uuid, Vec<i64>> = HashMap::new();
    for (source, reading) in rows {
        pinned.entry(source).or_default().push(reading);
    }
    Ok(pinned)
}

/// Has clients answered from a version, and its agent work where it says.
async fn make_live(tx: &Tx, agent: Agent, row: &Model, world: &World) -> Result<(), Error> {
    use agent_row::Column as C;
    let pointing = tx
        .update_many::<agent_row::Entity>()?
        .filter(C::Id.eq(agent.id))
        .col_expr(C::LiveVersionId, Expr::value(row.id))
        .col_expr(C::LiveVersionNumber, Expr::value(row.number));
    pointing.exec(tx).await.map_err(StoreError::from)?;
    let noting = tx
        .update_many::<Entity>()?
        .filter(Column::Id.eq(row.id))
        .col_expr(Column::PublishTime, Expr::value(row.publish_time));
    noting.exec(tx).await.map_err(StoreError::from)?;
    let agent = Agent {
        live_version: Some(VersionRef {
            id: row.id,
            number: row.number,
        }),
        ..agent
    };
    let agent_id = agent.id;
    crm_settings::refuse_active(tx, agent).await?;
    let snapshot: Snapshot = from_json(row.snapshot.clone(), "agent version")?;
    crm_settings::place(tx, agent_id, &snapshot.crm, world).await?;
    unpin(tx, agent_id, row.id).await
}

/// Lets go of what versions keep that are neither live nor among the newest.
async fn unpin(tx: &Tx, agent_id: Uuid, live: Uuid) -> Result<(), Error> {
    let oldest = newest(tx, agent_id).await? - KEPT;
    let outdated = Condition::all()
        .add(Column::AgentId.eq(agent_id))
        .add(Column::Pinned.eq(true))
        .add(Column::Number.lte(oldest))
        .add(Column::Id.ne(live));
    let ids: Vec<Uuid> = tx
        .find::<Entity>()?
        .filter(outdated)
        .select_only()
        .column(Column::Id)
        .into_tuple()
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    if ids.is_empty() {
        return Ok(());
    }
    let unpinning = tx
        .update_many::<Entity>()?
        .filter(Column::Id.is_in(ids.clone()))
        .col_expr(Column::Pinned, Expr::value(false));
    unpinning.exec(tx).await.map_err(StoreError::from)?;
    let deleting = tx
        .delete_many::<pin::Entity>()?
        .filter(pin::Column::VersionId.is_in(ids));
    deleting.exec(tx).await.map_err(StoreError::from)?;
    chunks::drop_unpinned(tx).await
}

/// Makes a version's name, settings and settings for the CRM those of the draft.
async fn copy_to_draft(
    tx: &Tx,
    agent: Agent,
    row: &Model,
    now: DateTime<Utc>,
) -> Result<Agent, Error> {
    let snapshot: Snapshot = from_json(row.snapshot.clone(), "agent version")?;
    crm_settings::replace_draft(tx, agent.id, &snapshot.crm, now).await?;
    let changed = Agent {
        display_name: snapshot.display_name,
        settings: snapshot.settings,
        revision: agent.revision + 1,
        update_time: now,
        ..agent
    };
    agents::save(tx, changed).await
}

async fn version_of(tx: &Tx, row: Model, live: bool) -> Result<Version, Error> {
    let sources = tx
        .find::<pin::Entity>()?
        .filter(pin::Column::VersionId.eq(row.id))
        .count(tx)
        .await
        .map_err(StoreError::from)?;
    Ok(Version {
        id: row.id,
        agent_id: row.agent_id,
        number: row.number,
        snapshot: from_json(row.snapshot, "agent version")?,
        sha256: row.sha256,
        index_version: row.index_version,
        source_count: i32::try_from(sources).unwrap_or(i32::MAX),
        pinned: row.pinned,
        live,
        note: row.note,
        creator: row.creator,
        override_reason: row.override_reason,
        eval_run: row.eval_suite_id.zip(row.eval_run_id),
        create_time: row.create_time,
        publish_time: row.publish_time,
    })
}

#[cfg(test)]
mod tests;
