//! Finding chunks: one index an organization, in memory, made from the rows and kept up with
//! them by their version number.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use t11_core::{OrgId, OrgScope, format_name};

use crate::Error;
use crate::clients::embedder::Embedder;
use crate::knowledge::index::{Embedding, Filter, Found, Hit, Index, Mode, Query};
use crate::knowledge::stem;
use crate::source::ChunkRow;
use crate::store::Store;
use crate::turn::{Passage, PassageKind};

/// Memory of all indexes together, in bytes; beyond it the longest unused ones are dropped.
const MOST_BYTES: usize = 512 * 1024 * 1024;

/// The indexes of the organizations that were asked about lately.
pub(crate) struct KnowledgeSearch {
    store: Store,
    embedder: Arc<Embedder>,
    indexes: Mutex<HashMap<OrgId, Arc<Held>>>,
}

struct Held {
    index: RwLock<Index>,
    /// Of the rows that the index shows; the lock lets one task bring it up to date.
    version: tokio::sync::Mutex<i64>,
    used: Mutex<Instant>,
}

/// Chunks that were found.
pub(crate) struct Results {
    pub(crate) hits: Vec<FoundChunk>,
    pub(crate) lexical_only: bool,
    pub(crate) took: Duration,
}

/// A chunk with the reasons it was found for.
pub(crate) struct FoundChunk {
    pub(crate) chunk: ChunkRow,
    pub(crate) source_display_name: String,
    pub(crate) hit: Hit,
    /// Words of the chunk that matched, as they stand in it.
    pub(crate) matched_words: Vec<String>,
}

/// Chunks as passages of a turn.
pub(crate) struct Passages {
    pub(crate) passages: Vec<Passage>,
    pub(crate) lexical_only: bool,
}

impl KnowledgeSearch {
    /// A search over the store's chunks.
    pub(crate) fn new(store: Store, embedder: Arc<Embedder>) -> Self {
        Self {
            store,
            embedder,
            indexes: Mutex::default(),
        }
    }

    /// The best chunks for `text`, best first, among what the filter lets through of the knowledge
    /// at `version` or later.
    ///
    /// # Errors
    /// When the rows cannot be read.
    pub(crate) async fn search(
        &self,
        scope: &OrgScope,
        version: i64,
        text: &str,
        filter: &Filter,
        limit: usize,
    ) -> Result<Results, Error> {
        let embedding = self.embedder.query(text).await;
        let started = Instant::now();
        let held = self.current(scope, version).await?;
        let found = held.find(text, embedding.as_ref(), filter, limit);
        let lexical_only = found.mode == Mode::Lexical;
        let took = started.elapsed();
        let hits = self.with_rows(scope, found.hits).await?;
        Ok(Results {
            hits,
            lexical_only,
            took,
        })
    }

    /// The same as passages for a model.
    ///
    /// # Errors
    /// When the rows cannot be read.
    pub(crate) async fn passages(
        &self,
        scope: &OrgScope,
        version: i64,
        text: &str,
        filter: &Filter,
        limit: usize,
    ) -> Result<Passages, Error> {
        let results = self.search(scope, version, text, filter, limit).await?;
        let passages = results.hits.into_iter().map(passage).collect();
        Ok(Passages {
            passages,
            lexical_only: results.lexical_only,
        })
    }

    /// The organization's index, brought up to the rows of a version at least.
    async fn current(&self, scope: &OrgScope, wanted: i64) -> Result<Arc<Held>, Error> {
        let held = self.held(scope.org());
        let mut version = held.version.lock().await;
        if *version < wanted {
            let known = held.index.read().versions();
            let delta = self.store.index_delta(scope, known).await?;
            let mut index = held.index.write();
            for source in delta.removed {
                index.remove(source, u64::try_from(delta.version).unwrap_or(0));
            }
            for (source, chunks) in delta.changed {
                index.apply(source, chunks);
            }
            *version = delta.version;
        }
        drop(version);
        self.evict();
        Ok(held)
    }

    fn held(&self, org: OrgId) -> Arc<Held> {
        let mut indexes = self.indexes.lock();
        let held = indexes
            .entry(org)
            .or_insert_with(|| Arc::new(Held::empty()))
            .clone();
        *held.used.lock() = Instant::now();
        held
    }

    fn evict(&self) {
        let mut indexes = self.indexes.lock();
        let bytes = |held: &Held| held.index.read().memory_bytes();
        while indexes.len() > 1
            && indexes.values().map(|held| bytes(held)).sum::<usize>() > MOST_BYTES
        {
            let oldest = indexes.iter().min_by_key(|(_, held)| *held.used.lock());
            let Some(org) = oldest.map(|(org, _)| *org) else {
                return;
            };
            indexes.remove(&org);
        }
    }

    async fn with_rows(&self, scope: &OrgScope, hits: Vec<Hit>) -> Result<Vec<FoundChunk>, Error> {
        let ids = hits.iter().map(|hit| hit.chunk).collect();
        let mut rows = self.store.chunks_by_id(scope, ids).await?;
        // A chunk that is gone since the index was read is no hit any more.
        let found = hits.into_iter().filter_map(|hit| {
            let (chunk, source_display_name) = rows.remove(&hit.chunk)?;
            let matched_words = words(&chunk.content, &hit.matched);
            Some(FoundChunk {
                chunk,
                source_display_name,
                hit,
                matched_words,
            })
        });
        Ok(found.collect())
    }
}

impl Held {
    fn empty() -> Self {
        Self {
            index: RwLock::default(),
            version: tokio::sync::Mutex::new(0),
            used: Mutex::new(Instant::now()),
        }
    }

    fn find(
        &self,
        text: &str,
        embedding: Option<&Embedding>,
        filter: &Filter,
        limit: usize,
    ) -> Found {
        self.index.read().search(&Query {
            text,
            embedding,
            filter,
            limit,
        })
    }
}

fn words(content: &str, terms: &[String]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for span in stem::highlights(content, terms) {
        if let Some(word) = content.get(span)
            && !words.iter().any(|known| known == word)
        {
            words.push(word.to_owned());
        }
    }
    words
}

fn passage(found: FoundChunk) -> Passage {
    let FoundChunk {
        chunk,
        source_display_name,
        hit,
        ..
    } = found;
    Passage {
        id: String::new(),
        kind: PassageKind::Chunk,
        resource: format!(
            "{}/chunks/{}",
            format_name("sources", chunk.source),
            chunk.id
        ),
        source_display_name,
        heading_path: chunk.heading_path.join(" > "),
        page: chunk.page,
        content: chunk.content,
        score: hit.score.into(),
    }
}
