//! Rows of chunks: replaced whole with each reading, read for lists, hits and indexes.

use std::collections::{HashMap, HashSet};

use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait as _, Condition, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use t11_core::{OrgScope, Page, PageRequest};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::chunk::{Column, Entity, Model};
use super::entity::{agent_version_pin as pin, source, version};
use crate::Error;
use crate::knowledge::index::{Embedding, IndexedChunk};
use crate::knowledge::stem::Stemming;
use crate::knowledge::terms::{self, Terms};
use crate::knowledge::{chunk, index};
use crate::source::{ChunkRow, Reader, Source, State};
use crate::vector;

/// Rows of one insert: SQLite allows 32,766 variables a statement.
const ROWS: usize = 500;

/// What a reading made of a source.
pub(crate) struct Reading {
    pub(crate) chunks: Vec<(chunk::Chunk, Terms, Option<Embedding>)>,
    pub(crate) page_count: i32,
    pub(crate) language: String,
    /// The source's name, when it was given none.
    pub(crate) title: Option<String>,
}

/// What an index must do to be of a version.
pub(crate) struct IndexDelta {
    pub(crate) version: i64,
    pub(crate) changed: Vec<(index::Source, Vec<IndexedChunk>)>,
    pub(crate) removed: Vec<index::Key>,
}

impl Store {
    /// Replaces a source's chunks and makes it READY, in one commit. Those that a version of an agent
    /// searches stay, for it alone. `false` when the reader no longer holds the source, which is
    /// then as it was.
    pub(crate) async fn store_reading(
        &self,
        scope: &OrgScope,
        source_id: Uuid,
        reader: Reader,
        reading: Reading,
    ) -> Result<bool, Error> {
        let now = self.world.now();
        let ids: Vec<_> = reading.chunks.iter().map(|_| self.world.new_id()).collect();
        self.db
            .write(scope, move |tx| async move {
                let version = super::sources::next_index_version(&tx).await?;
                let source = super::sources::held(&tx, source_id).await?;
                if !reader.holds(&source) {
                    return Ok(false);
                }
                retire(&tx, &source).await?;
                save_source(&tx, &source, &reading, version, now).await?;
                insert(&tx, source_id, ids, reading.chunks).await?;
                Ok(true)
            })
            .await
    }

    /// The chunks of a source, in order.
    pub(crate) async fn chunks(
        &self,
        scope: &OrgScope,
        source_id: Uuid,
        page: PageRequest,
    ) -> Result<Page<ChunkRow>, Error> {
        self.db
            .read(scope, move |tx| async move {
                super::sources::by_id(&tx, source_id).await?;
                let after = page
                    .cursor
                    .as_deref()
                    .and_then(|c| c.parse().ok())
                    .unwrap_or(-1_i32);
                let rows = tx
                    .find::<Entity>()?
                    .filter(Column::SourceId.eq(source_id))
                    .filter(Column::Retired.eq(0))
                    .filter(Column::ChunkIndex.gt(after))
                    .order_by_asc(Column::ChunkIndex)
                    .limit(page.size + 1)
                    .all(&tx)
                    .await
                    .map_err(StoreError::from)?;
                let page = Page::from_rows(rows, page.size, |row| row.chunk_index.to_string());
                Ok(page.map(ChunkRow::from))
            })
            .await
    }

    /// Chunks by id, with the names of their sources.
    pub(crate) async fn chunks_by_id(
        &self,
        scope: &OrgScope,
        ids: Vec<Uuid>,
    ) -> Result<HashMap<Uuid, (ChunkRow, String)>, Error> {
        self.db
            .read(scope, move |tx| async move {
                let rows = tx
                    .find::<Entity>()?
                    .filter(Column::Id.is_in(ids))
                    .all(&tx)
                    .await;
                let rows = rows.map_err(StoreError::from)?;
                let names = source_names(&tx, rows.iter().map(|row| row.source_id)).await?;
                let named = rows.into_iter().map(|row| {
                    let name = names.get(&row.source_id).cloned().unwrap_or_default();
                    (row.id, (ChunkRow::from(row), name))
                });
                Ok(named.collect())
            })
            .await
    }

    /// The number that the organization's index should be at; 0 before anything was indexed.
    pub(crate) async fn index_version(&self, scope: &OrgScope) -> Result<i64, Error> {
        self.db
            .read(scope, |tx| async move { current_version(&tx).await })
            .await
    }

    /// What changed for an index that holds these sources at these versions.
    pub(crate) async fn index_delta(
        &self,
        scope: &OrgScope,
        held: HashMap<index::Key, u64>,
    ) -> Result<IndexDelta, Error> {
        self.db
            .read(scope, move |tx| async move {
                // Read first: what changes while the rest is read is seen by the next delta.
                let version = current_version(&tx).await?;
                let rows = tx
                    .find::<source::Entity>()?
                    .filter(source::Column::ChunkCount.gt(0))
                    .all(&tx)
                    .await
                    .map_err(StoreError::from)?;
                let sources: Vec<Source> = rows
                    .into_iter()
                    .map(Source::try_from)
                    .collect::<Result<_, _>>()?;
                let pinned = super::versions::pinned_readings(&tx).await?;
                let (mut changed, mut kept) = (Vec::new(), HashSet::new());
                for source in &sources {
                    let own = pinned.get(&source.id).into_iter().flatten();
                    for entry in indexed_sources(source, own) {
                        let key = entry.key();
                        kept.insert(key);
                        if held.get(&key) != Some(&entry.version) {
                            changed.push((entry, indexed_chunks(&tx, key).await?));
                        }
                    }
                }
                let removed = held.keys().copied().filter(|key| !kept.contains(key));
                let removed = removed.collect();
                Ok(IndexDelta {
                    version,
                    changed,
                    removed,
                })
            })
            .await
    }
}

pub(super) async fn current_version(tx: &Tx) -> Result<i64, Error> {
    let row = tx
        .find::<version::Entity>()?
        .one(tx)
        .await
        .map_err(StoreError::from)?;
    Ok(row.map_or(0, |row| row.version))
}

async fn source_names(
    tx: &Tx,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, String>, Error> {
    let rows: Vec<(Uuid, String)> = tx
        .find::<source::Entity>()?
        .filter(source::Column::Id.is_in(ids))
        .select_only()
        .columns([source::Column::Id, source::Column::DisplayName])
        .into_tuple()
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    Ok(rows.into_iter().collect())
}

async fn save_source(
    tx: &Tx,
    source: &Source,
    reading: &Reading,
    version: i64,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), Error> {
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let tokens: u64 = reading
        .chunks
        .iter()
        .map(|(chunk, ..)| u64::from(chunk.tokens))
        .sum();
    let mut row = source::ActiveModel {
        id: ActiveValue::Unchanged(source.id),
        state: ActiveValue::Set(State::Ready.as_str().to_owned()),
        step: ActiveValue::Set(String::new()),
        error_reason: ActiveValue::Set(String::new()),
        error_message: ActiveValue::Set(String::new()),
        page_count: ActiveValue::Set(reading.page_count),
        chunk_count: ActiveValue::Set(count(reading.chunks.len())),
        token_count: ActiveValue::Set(i32::try_from(tokens).unwrap_or(i32::MAX)),
        language: ActiveValue::Set(reading.language.clone()),
        index_version: ActiveValue::Set(version),
        reading: ActiveValue::Set(source.reading + 1),
        update_time: ActiveValue::Set(now),
        process_time: ActiveValue::Set(Some(now)),
        ..Default::default()
    };
    if let Some(title) = reading
        .title
        .as_ref()
        .filter(|_| source.display_name.is_empty())
    {
        row.name_key = ActiveValue::Set(title.to_lowercase());
        row.display_name = ActiveValue::Set(title.clone());
    }
    row.update(tx).await.map_err(StoreError::from)?;
    Ok(())
}

async fn insert(
    tx: &Tx,
    source_id: Uuid,
    ids: Vec<Uuid>,
    chunks: Vec<(chunk::Chunk, Terms, Option<Embedding>)>,
) -> Result<(), Error> {
    let org_id = tx.org_id()?.0;
    let mut rows = Vec::with_capacity(ROWS);
    for (id, (chunk, terms, embedding)) in ids.into_iter().zip(chunks) {
        rows.push(row_of(id, org_id, source_id, chunk, &terms, embedding)?.into_active_model());
        if rows.len() == ROWS {
            flush(tx, &mut rows).await?;
        }
    }
    flush(tx, &mut rows).await
}

async fn flush(tx: &Tx, rows: &mut Vec<super::entity::chunk::ActiveModel>) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let inserting = Entity::insert_many(std::mem::take(rows));
    inserting
        .exec_without_returning(tx)
        .await
        .map_err(StoreError::from)?;
    Ok(())
}

fn row_of(
    id: Uuid,
    org_id: Uuid,
    source_id: Uuid,
    chunk: chunk::Chunk,
    terms: &Terms,
    embedding: Option<Embedding>,
) -> Result<Model, Error> {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let (embedding, embedding_model) = match embedding {
        Some(embedding) => (Some(vector::to_bytes(&embedding.values)), embedding.model),
        None => (None, String::new()),
    };
    Ok(Model {
        id,
        org_id,
        source_id,
        chunk_index: number(chunk.index),
        content: chunk.text,
        heading_path: super::to_json(&chunk.heading_path, "heading path")?,
        page: number(chunk.page.unwrap_or(0)),
        char_start: number(chunk.char_start),
        char_end: number(chunk.char_end),
        token_count: number(chunk.tokens),
        language: chunk.lang.tag().to_owned(),
        content_hash: chunk.hash.to_vec(),
        terms: terms::encode_terms(terms),
        embedding,
        embedding_model,
        retired: 0,
    })
}

/// Keeps the chunks of a reading that a version of an agent searches; those of any other go.
async fn retire(tx: &Tx, source: &Source) -> Result<(), Error> {
    let current = Condition::all()
        .add(Column::SourceId.eq(source.id))
        .add(Column::Retired.eq(0));
    if super::versions::is_pinned(tx, source.id, source.reading).await? {
        let retiring = tx
            .update_many::<Entity>()?
            .filter(current)
            .col_expr(Column::Retired, Expr::value(source.reading));
        retiring.exec(tx).await.map_err(StoreError::from)?;
    } else {
        let deleting = tx.delete_many::<Entity>()?.filter(current);
        deleting.exec(tx).await.map_err(StoreError::from)?;
    }
    Ok(())
}

/// Deletes retired chunks that no version of an agent searches any more.
pub(super) async fn drop_unpinned(tx: &Tx) -> Result<(), Error> {
    use pin::Column as Pin;
    let same = |own: Pin, chunks: Column| Expr::col((pin::Entity, own)).equals((Entity, chunks));
    let pins = Query::select()
        .expr(Expr::value(1))
        .from(pin::Entity)
        .and_where(same(Pin::OrgId, Column::OrgId))
        .and_where(same(Pin::SourceId, Column::SourceId))
        .and_where(same(Pin::Reading, Column::Retired))
        .take();
    let deleting = tx
        .delete_many::<Entity>()?
        .filter(Column::Retired.ne(0))
        .filter(Expr::exists(pins).not());
    deleting.exec(tx).await.map_err(StoreError::from)?;
    Ok(())
}

/// A source as it is, and its retired readings among those that are pinned.
fn indexed_sources<'a>(
    source: &Source,
    pinned: impl Iterator<Item = &'a i64>,
) -> Vec<index::Source> {
    let current = indexed_source(source);
    let retired = pinned.filter(|reading| **reading != source.reading);
    let retired = retired.map(|reading| index::Source {
        reading: *reading,
        retired: true,
        ..current.clone()
    });
    let mut all: Vec<_> = retired.collect();
    all.push(current);
    all
}

fn indexed_source(source: &Source) -> index::Source {
    index::Source {
        id: source.id,
        reading: source.reading,
        retired: false,
        version: u64::try_from(source.index_version).unwrap_or(0),
        agent: None,
        category: source.category,
        valid_from: None,
        valid_until: source.valid_until,
        enabled: source.enabled,
    }
}

/// Id, terms, embedding and its model.
type IndexedRow = (Uuid, Vec<u8>, Option<Vec<u8>>, String);

async fn indexed_chunks(
    tx: &Tx,
    (source_id, retired): index::Key,
) -> Result<Vec<IndexedChunk>, Error> {
    let rows: Vec<IndexedRow> = tx
        .find::<Entity>()?
        .filter(Column::SourceId.eq(source_id))
        .filter(Column::Retired.eq(retired.unwrap_or(0)))
        .select_only()
        .columns([
            Column::Id,
            Column::Terms,
            Column::Embedding,
            Column::EmbeddingModel,
        ])
        .order_by_asc(Column::ChunkIndex)
        .into_tuple()
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let mut stale = Vec::new();
    let chunks = rows.into_iter().map(|(id, terms, embedding, model)| {
        let terms = terms::decode_terms(&terms).unwrap_or_else(|| {
            stale.push(id);
            Terms::default()
        });
        IndexedChunk {
            id,
            enabled: true,
            terms,
            embedding: embedding.map(|bytes| Embedding {
                model,
                values: vector::from_bytes(&bytes),
            }),
        }
    });
    let mut chunks: Vec<_> = chunks.collect();
    let mut anew = stemmed_anew(tx, stale).await?;
    for chunk in &mut chunks {
        if let Some(terms) = anew.remove(&chunk.id) {
            chunk.terms = terms;
        }
    }
    Ok(chunks)
}

/// The terms of chunks whose own are of another version of stemming, or damaged: made from their
/// text. The rows stay as they are, so that an older process still finds its own version.
async fn stemmed_anew(tx: &Tx, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Terms>, Error> {
    let mut anew = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(ROWS) {
        let rows: Vec<(Uuid, String, serde_json::Value)> = tx
            .find::<Entity>()?
            .filter(Column::Id.is_in(ids.iter().copied()))
            .select_only()
            .columns([Column::Id, Column::Content, Column::HeadingPath])
            .into_tuple()
            .all(tx)
            .await
            .map_err(StoreError::from)?;
        let stemmed = tokio::task::spawn_blocking(move || stemmed(rows)).await;
        anew.extend(stemmed.map_err(|_| Error::Interrupted)?);
    }
    Ok(anew)
}

fn stemmed(rows: Vec<(Uuid, String, serde_json::Value)>) -> Vec<(Uuid, Terms)> {
    let mut stemming = Stemming::default();
    let rows = rows.into_iter();
    rows.map(|(id, text, headings)| {
        let terms = Terms::of(&mut stemming, &heading_path(headings), &text);
        (id, terms)
    })
    .collect()
}

/// Written by us as a list of texts; anything else counts as no path.
fn heading_path(json: serde_json::Value) -> Vec<String> {
    serde_json::from_value(json).unwrap_or_default()
}

impl From<Model> for ChunkRow {
    fn from(row: Model) -> Self {
        let heading_path = heading_path(row.heading_path);
        Self {
            id: row.id,
            source: row.source_id,
            index: row.chunk_index,
            content: row.content,
            heading_path,
            page: row.page,
            char_start: row.char_start,
            char_end: row.char_end,
            token_count: row.token_count,
            language: row.language,
            embedded: row.embedding.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{TestStore, article, reader};
    use super::*;
    use crate::knowledge::chunk::Chunk;
    use crate::knowledge::lang::Lang;

    const TEXT: &str = "Доставка дивана за 3 дня";

    async fn read(store: &TestStore) -> Terms {
        let source = article(store, "Доставка").await;
        let reader = reader(store, source).await;
        let (reading, terms) = made();
        let stored = store.store_reading(&store.scope, source, reader, reading);
        assert!(stored.await.unwrap());
        terms
    }

    fn made() -> (Reading, Terms) {
        let headings = vec!["Сроки".to_owned()];
        let terms = Terms::of(&mut Stemming::default(), &headings, TEXT);
        let chunk = Chunk {
            index: 0,
            text: TEXT.to_owned(),
            heading_path: headings,
            page: None,
            char_start: 0,
            char_end: 24,
            tokens: 8,
            lang: Lang::Ru,
            hash: [0; 32],
        };
        let reading = Reading {
            chunks: vec![(chunk, terms.clone(), None)],
            page_count: 0,
            language: "ru".to_owned(),
            title: None,
        };
        (reading, terms)
    }

    #[tokio::test]
    async fn a_reader_that_slept_past_its_lease_changes_nothing() {
        let store = TestStore::new().await;
        let source = article(&store, "Доставка").await;
        let sleeper = reader(&store, source).await;
        let next = Reader {
            fence: sleeper.fence + 1,
            ..sleeper
        };
        let at = |reader| {
            let step = super::super::Reading::At("embed");
            store.note_reading(&store.scope, source, reader, step)
        };
        assert!(at(sleeper).await.unwrap());
        assert!(at(next).await.unwrap());
        let stored = store.store_reading(&store.scope, source, next, made().0);
        assert!(stored.await.unwrap());
        let known = store.source(&store.scope, source).await.unwrap();
        assert!(!at(sleeper).await.unwrap());
        let stored = store.store_reading(&store.scope, source, sleeper, made().0);
        assert!(!stored.await.unwrap());
        let still = store.source(&store.scope, source).await.unwrap();
        assert_eq!((still.state, still.reading), (known.state, known.reading));
        store.reprocess_source(&store.scope, source).await.unwrap();
        assert!(!at(next).await.unwrap(), "another job reads it");
    }

    #[tokio::test]
    async fn terms_of_another_version_are_made_from_the_text() {
        let store = TestStore::new().await;
        let terms = read(&store).await;
        for bytes in [vec![terms::VERSION + 1, 1, 2, 3], vec![terms::VERSION, 255]] {
            let damaged = store.db.write(&store.scope, move |tx| async move {
                let updating = tx
                    .update_many::<Entity>()?
                    .col_expr(Column::Terms, Expr::value(bytes));
                updating.exec(&tx).await.map_err(StoreError::from)?;
                Ok::<_, Error>(())
            });
            damaged.await.unwrap();
            let delta = store.index_delta(&store.scope, HashMap::new());
            let changed = delta.await.unwrap().changed;
            assert_eq!(changed[0].1[0].terms, terms);
        }
    }
}
