//! What accounts are set up with, and what synchronisations have changed.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, ExprTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set,
};
use t11_core::{OrgId, OrgScope, Page, PageError, PageRequest};
use t11_store::Tx;
use uuid::Uuid;

use super::Store;
use super::connections::row;
use super::entity::{catalog_item, channel, sync_change};
use crate::catalog::{Change, Channel, Entity, Item, NotedChange, SourceFacts, diff};
use crate::error::Error;
use crate::jobs::notify;

/// Rows of one statement.
const BATCH: usize = 200;
/// A channel's time is not written anew for every message.
const MINUTE: TimeDelta = TimeDelta::minutes(1);
/// Channels whose last time is remembered.
const REMEMBERED: usize = 10_000;

/// When this process has last noted a channel: of an organization and connection, with its source.
/// Clones are the same.
pub(super) type Heard = Arc<Cache<(OrgId, Uuid, String, i64), DateTime<Utc>>>;

pub(super) fn none_heard() -> Heard {
    Arc::new(Cache::new(REMEMBERED))
}

impl Store {
    /// Things of a kind, in Kommo's order, those that are gone too.
    pub(crate) async fn catalog(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        entity: Entity,
    ) -> Result<Vec<Item>, Error> {
        let read = self.db.read(scope, move |tx| async move {
            row(&tx, connection).await?;
            items(&tx, connection, entity).await
        });
        read.await
    }

    /// Stores what was found of each kind, and what is different, in one commit. How many
    /// differences people are told of.
    pub(crate) async fn put_catalog(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        found: Vec<(Entity, Vec<Item>)>,
    ) -> Result<usize, Error> {
        let store = self.clone();
        let put = self.db.write(scope, move |tx| async move {
            let mut told = 0;
            for (entity, found) in found {
                let diff = diff(&items(&tx, connection, entity).await?, found);
                told += diff.changes.len();
                store.put_items(&tx, connection, entity, diff.put).await?;
                store.tell(&tx, connection, entity, diff.changes).await?;
            }
            if told > 0 {
                tx.enqueue(notify::catalog_changed(&store.world, connection))
                    .await?;
            }
            Ok::<_, Error>(told)
        });
        put.await
    }

    async fn put_items(
        &self,
        tx: &Tx,
        connection: Uuid,
        entity: Entity,
        items: Vec<Item>,
    ) -> Result<(), Error> {
        let (org, now) = (tx.org_id()?.0, self.world.now());
        for batch in items.chunks(BATCH) {
            let rows = batch.iter().map(|item| catalog_item::ActiveModel {
                org_id: Set(org),
                connection_id: Set(connection),
                entity: Set(entity.as_str().to_owned()),
                key: Set(item.key.clone()),
                display_name: Set(item.display_name.clone()),
                position: Set(item.position),
                facts: Set(item.facts.clone()),
                gone_time: Set(item.is_gone.then_some(now)),
            });
            let there = OnConflict::columns([
                catalog_item::Column::OrgId,
                catalog_item::Column::ConnectionId,
                catalog_item::Column::Entity,
                catalog_item::Column::Key,
            ])
            .update_columns([
                catalog_item::Column::DisplayName,
                catalog_item::Column::Position,
                catalog_item::Column::Facts,
                catalog_item::Column::GoneTime,
            ])
            .to_owned();
            catalog_item::Entity::insert_many(rows)
                .on_conflict(there)
                .exec_without_returning(tx)
                .await?;
        }
        Ok(())
    }

    async fn tell(
        &self,
        tx: &Tx,
        connection: Uuid,
        entity: Entity,
        changes: Vec<Change>,
    ) -> Result<(), Error> {
        let (org, now) = (tx.org_id()?.0, self.world.now());
        for batch in changes.chunks(BATCH) {
            let rows = batch.iter().map(|change| sync_change::ActiveModel {
                id: Set(self.world.new_id()),
                org_id: Set(org),
                connection_id: Set(connection),
                create_time: Set(now),
                kind: Set(change.kind.to_owned()),
                entity: Set(entity.as_str().to_owned()),
                entity_key: Set(change.key.clone()),
                display_name: Set(change.display_name.clone()),
                previous_display_name: Set(change.previous_display_name.clone()),
            });
            sync_change::Entity::insert_many(rows)
                .exec_without_returning(tx)
                .await?;
        }
        Ok(())
    }

    /// What synchronisations have changed, newest first.
    pub(crate) async fn sync_changes(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        page: PageRequest,
    ) -> Result<Page<NotedChange>, Error> {
        let before = page.cursor.as_deref().map(str::parse::<Uuid>).transpose();
        let before = before.map_err(|_| PageError::BadToken)?;
        let read = self.db.read(scope, move |tx| async move {
            row(&tx, connection).await?;
            let mut query = tx
                .find::<sync_change::Entity>()?
                .filter(sync_change::Column::ConnectionId.eq(connection));
            if let Some(before) = before {
                query = query.filter(sync_change::Column::Id.lt(before));
            }
            let query = query
                .order_by_desc(sync_change::Column::Id)
                .limit(page.size + 1);
            let rows = query.all(&tx).await?;
            let page = Page::from_rows(rows, page.size, |row| row.id.to_string());
            Ok::<_, Error>(page.map(NotedChange::from))
        });
        read.await
    }

    /// Notes that a message has come from a channel, exact to two minutes: `source_id` 0 = not known.
    pub(crate) async fn note_channel(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        name: String,
        source_id: i64,
    ) -> Result<(), Error> {
        let now = self.world.now();
        let heard = (scope.org(), connection, name.clone(), source_id);
        if self
            .heard
            .get(&heard)
            .is_some_and(|time| now - time < MINUTE)
        {
            return Ok(());
        }
        let note = self.db.write(scope, move |tx| async move {
            let row = channel::ActiveModel {
                org_id: Set(tx.org_id()?.0),
                connection_id: Set(connection),
                channel: Set(name),
                source_id: Set(source_id),
                last_message_time: Set(now),
            };
            let mut there = OnConflict::columns([
                channel::Column::OrgId,
                channel::Column::ConnectionId,
                channel::Column::Channel,
                channel::Column::SourceId,
            ]);
            let is_older = Expr::col((channel::Entity, channel::Column::LastMessageTime));
            there
                .update_column(channel::Column::LastMessageTime)
                .action_and_where(is_older.lt(now - MINUTE));
            channel::Entity::insert(row)
                .on_conflict(there)
                .exec_without_returning(&tx)
                .await?;
            Ok::<_, Error>(())
        });
        note.await?;
        self.heard.insert(heard, now);
        Ok(())
    }

    /// Channels that messages have come from, the last heard first, and sources that none has come
    /// from yet.
    pub(crate) async fn channels(
        &self,
        scope: &OrgScope,
        connection: Uuid,
    ) -> Result<Vec<Channel>, Error> {
        let read = self.db.read(scope, move |tx| async move {
            row(&tx, connection).await?;
            let heard = tx
                .find::<channel::Entity>()?
                .filter(channel::Column::ConnectionId.eq(connection))
                .order_by_desc(channel::Column::LastMessageTime)
                .all(&tx)
                .await?;
            let sources = items(&tx, connection, Entity::Source).await?;
            Ok::<_, Error>(joined(heard, sources))
        });
        read.await
    }
}

async fn items(tx: &Tx, connection: Uuid, entity: Entity) -> Result<Vec<Item>, Error> {
    let query = tx
        .find::<catalog_item::Entity>()?
        .filter(catalog_item::Column::ConnectionId.eq(connection))
        .filter(catalog_item::Column::Entity.eq(entity.as_str()))
        .order_by_asc(catalog_item::Column::Position)
        .order_by_asc(catalog_item::Column::Key);
    let rows = query.all(tx).await?.into_iter();
    Ok(rows
        .map(|row| Item {
            key: row.key,
            display_name: row.display_name,
            position: row.position,
            facts: row.facts,
            is_gone: row.gone_time.is_some(),
        })
        .collect())
}

fn joined(heard: Vec<channel::Model>, sources: Vec<Item>) -> Vec<Channel> {
    let mut sources: HashMap<i64, Item> = sources
        .into_iter()
        .filter_map(|item| Some((item.key.parse().ok()?, item)))
        .collect();
    let mut channels: Vec<_> = heard
        .into_iter()
        .map(|row| Channel {
            display_name: sources
                .remove(&row.source_id)
                .map_or_else(String::new, |source| source.display_name),
            channel: row.channel,
            source_id: row.source_id,
            last_message_time: Some(row.last_message_time),
        })
        .collect();
    let silent = sources.into_iter().filter(|(_, source)| !source.is_gone);
    let mut silent: Vec<_> = silent
        .map(|(source_id, source)| Channel {
            channel: facts::<SourceFacts>(&source).channel,
            source_id,
            display_name: source.display_name,
            last_message_time: None,
        })
        .collect();
    silent.sort_by_key(|channel| channel.source_id);
    channels.extend(silent);
    channels
}

/// What a thing has besides its name; a row of a later version may have less.
pub(crate) fn facts<T: Default + serde::de::DeserializeOwned>(item: &Item) -> T {
    serde_json::from_value(item.facts.clone()).unwrap_or_default()
}

impl From<sync_change::Model> for NotedChange {
    fn from(row: sync_change::Model) -> Self {
        Self {
            create_time: row.create_time,
            kind: row.kind,
            entity: row.entity,
            key: row.entity_key,
            display_name: row.display_name,
            previous_display_name: row.previous_display_name,
        }
    }
}
