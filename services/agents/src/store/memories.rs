//! Rows of what is remembered of clients.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use t11_core::{OrgScope, World};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::memory::{Column, Entity, Model};
use crate::Error;
use crate::memory::{Candidate, Memory, MemoryKind, MemorySource, Merge, expire_time, merge};

/// Memories of one client that are looked at, the newest.
const MOST: u64 = 200;

/// Whose memories a turn adds to.
pub(super) struct Remembering<'a> {
    pub(super) client: &'a str,
    pub(super) turn_id: Uuid,
    /// For how many days at most.
    pub(super) days: i32,
}

impl Store {
    /// What is remembered of a client, the newest first; what is outdone is among it.
    pub(crate) async fn memories(
        &self,
        scope: &OrgScope,
        client: String,
    ) -> Result<Vec<Memory>, Error> {
        let now = self.world.now();
        self.db
            .read(scope, move |tx| async move {
                of_client(&tx, &client, now).await
            })
            .await
    }

    /// Forgets one thing of a client, or everything. Whether there was anything.
    pub(crate) async fn forget(
        &self,
        scope: &OrgScope,
        client: String,
        memory: Option<Uuid>,
    ) -> Result<bool, Error> {
        self.db
            .write(scope, move |tx| async move {
                let mut forgetting = tx
                    .delete_many::<Entity>()?
                    .filter(Column::ClientKey.eq(client));
                if let Some(id) = memory {
                    forgetting = forgetting.filter(Column::Id.eq(id));
                }
                let forgotten = forgetting.exec(&tx).await.map_err(StoreError::from)?;
                Ok(forgotten.rows_affected > 0)
            })
            .await
    }
}

/// The newest memories of a client that have not expired.
pub(super) async fn of_client(
    tx: &Tx,
    client: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Memory>, Error> {
    let not_expired = Condition::any()
        .add(Column::ExpireTime.is_null())
        .add(Column::ExpireTime.gt(now));
    let rows = tx
        .find::<Entity>()?
        .filter(Column::ClientKey.eq(client))
        .filter(not_expired)
        .order_by_desc(Column::CreateTime)
        .order_by_desc(Column::Id)
        .limit(MOST)
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    rows.into_iter().map(Memory::try_from).collect()
}

/// Adds what a turn has learnt. What is outdone stays, and says by what.
pub(super) async fn remember(
    tx: &Tx,
    world: &World,
    remembering: &Remembering<'_>,
    candidates: &[Candidate],
) -> Result<(), Error> {
    if candidates.is_empty() {
        return Ok(());
    }
    let now = world.now();
    let mut known = of_client(tx, remembering.client, now).await?;
    for candidate in candidates {
        let id = world.new_id();
        let (outdone, superseded_by) = match merge(&known, candidate) {
            Merge::Same => continue,
            Merge::Outdoes(outdone) => (outdone, None),
            Merge::OutdoneBy(stronger) => (Vec::new(), Some(stronger)),
        };
        supersede(tx, &outdone, id).await?;
        for memory in known
            .iter_mut()
            .filter(|memory| outdone.contains(&memory.id))
        {
            memory.superseded_by = Some(id);
        }
        let row = Model {
            id,
            org_id: tx.org_id()?.0,
            client_key: remembering.client.to_owned(),
            kind: candidate.kind.as_str().to_owned(),
            memory_key: candidate.key.clone(),
            content: candidate.content.clone(),
            source: candidate.source.as_str().to_owned(),
            superseded_by,
            turn_id: Some(remembering.turn_id),
            create_time: now,
            expire_time: Some(expire_time(candidate.kind, remembering.days, now)),
        };
        let inserting = row.clone().into_active_model().insert(tx).await;
        inserting.map_err(StoreError::from)?;
        known.push(row.try_into()?);
    }
    Ok(())
}

async fn supersede(tx: &Tx, outdone: &[Uuid], by: Uuid) -> Result<(), Error> {
    if outdone.is_empty() {
        return Ok(());
    }
    tx.update_many::<Entity>()?
        .filter(Column::Id.is_in(outdone.iter().copied()))
        .col_expr(Column::SupersededBy, Expr::value(by))
        .exec(tx)
        .await
        .map_err(StoreError::from)?;
    Ok(())
}

impl TryFrom<Model> for Memory {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            kind: MemoryKind::parse(&row.kind).ok_or(Error::Corrupt("memory"))?,
            key: row.memory_key,
            content: row.content,
            source: MemorySource::parse(&row.source).ok_or(Error::Corrupt("memory"))?,
            superseded_by: row.superseded_by,
            conflict: false,
            create_time: row.create_time,
            expire_time: row.expire_time,
        })
    }
}
