//! Finds passages: exact BM25 over stems, exact cosine over embeddings, both fused.
//!
//! One index per organization, in memory. It is derived from rows, a source at a time, and can be
//! dropped and loaded again whenever that is simpler than being clever.

mod postings;
mod query;
mod rank;
mod vectors;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use chrono::NaiveDate;
use uuid::Uuid;

use super::stem::Stemming;
use super::terms::Terms;
use postings::{Dictionary, Postings};
pub use query::{Filter, Found, Hit, Mode, Pinned, Query, Ranked};
use rank::{Best, Fused, Scored};
use vectors::Vectors;

/// BM25's saturation of repeated terms and weight of length (Robertson and Zaragoza 2009, 3.5).
const K1: f32 = 1.2;
const B: f32 = 0.75;
/// Each side gives this many candidates to the fusion, or the limit if that is more.
const CANDIDATES: usize = 100;
/// A query of more different terms is cut to its rarest.
const MAX_QUERY_TERMS: usize = 32;
/// The lists are rewritten when this share of the slots belongs to chunks that are gone.
const DEAD_SHARE: usize = 4;
/// Rewriting a small index is not worth a branch; growing it by this many dead slots is.
const DEAD_MIN: usize = 1_000;

/// What a source's chunks have in common: one article, one file, one page, one price book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The row that owns the chunks.
    pub id: Uuid,
    /// Which reading of it: grows with every one.
    pub reading: i64,
    /// Another reading has taken its place; it is found only where it is asked for.
    pub retired: bool,
    /// Grows with every change; an older version never replaces a newer one.
    pub version: u64,
    /// Only for this agent; nothing means for all of the organization.
    pub agent: Option<Uuid>,
    /// The category it is filed under.
    pub category: Option<Uuid>,
    /// First day it holds.
    pub valid_from: Option<NaiveDate>,
    /// Last day it holds.
    pub valid_until: Option<NaiveDate>,
    /// Switched off sources stay indexed and are not found.
    pub enabled: bool,
}

/// What is applied and removed as one: a source, or a retired reading of it.
pub type Key = (Uuid, Option<i64>);

impl Source {
    /// What it is applied and removed by.
    pub fn key(&self) -> Key {
        (self.id, self.retired.then_some(self.reading))
    }
}

/// A chunk as it is indexed.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexedChunk {
    /// The row of the chunk.
    pub id: Uuid,
    /// Switched off chunks are not indexed.
    pub enabled: bool,
    /// What it is about.
    pub terms: Terms,
    /// Its place in a model's space, when it has been embedded.
    pub embedding: Option<Embedding>,
}

/// A vector and the model that made it: vectors of different models cannot be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// The model, as stored beside the vector.
    pub model: String,
    /// Any length and any norm.
    pub values: Vec<f32>,
}

/// Which chunk, of which source, how long. The order of slots is the order of adding.
#[derive(Debug, Clone, Copy)]
struct Slot {
    chunk: Uuid,
    source: u32,
    length: u32,
}

/// A source that was ever applied; one that is gone keeps its version and has no slots.
#[derive(Debug)]
struct Entry {
    source: Source,
    slots: Range<u32>,
}

/// The slots of a removed source point nowhere.
const GONE: u32 = u32::MAX;

/// The passages of one organization.
#[derive(Debug, Default)]
pub struct Index {
    entries: Vec<Entry>,
    by_source: HashMap<Key, u32>,
    slots: Vec<Slot>,
    dead: usize,
    total_length: u64,
    dictionary: Dictionary,
    vectors: HashMap<String, Vectors>,
}

impl Index {
    /// How many chunks can be found.
    pub fn len(&self) -> usize {
        self.slots.len() - self.dead
    }

    /// Is there nothing to find?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The version of a source that is indexed or was removed.
    pub fn version(&self, source: Key) -> Option<u64> {
        let entry = *self.by_source.get(&source)?;
        self.entries
            .get(entry as usize)
            .map(|entry| entry.source.version)
    }

    /// The version of every source that is indexed or was removed.
    pub fn versions(&self) -> HashMap<Key, u64> {
        self.entries
            .iter()
            .map(|entry| (entry.source.key(), entry.source.version))
            .collect()
    }

    /// Memory held by lists and vectors, in bytes, dictionary and slots included.
    pub fn memory_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
            + self.entries.capacity() * size_of::<Entry>()
            + self.dictionary.memory_bytes()
            + self
                .vectors
                .values()
                .map(Vectors::memory_bytes)
                .sum::<usize>()
    }

    /// Puts the chunks of a source in place of those it had. Says whether it did: a version that
    /// is not newer than the known one changes nothing.
    pub fn apply(
        &mut self,
        source: Source,
        chunks: impl IntoIterator<Item = IndexedChunk>,
    ) -> bool {
        if self
            .version(source.key())
            .is_some_and(|known| known >= source.version)
        {
            return false;
        }
        let entry = self.vacate(source);
        let first = self.slots.len() as u32;
        for chunk in chunks {
            if chunk.enabled {
                self.add(entry, chunk);
            }
        }
        let last = self.slots.len() as u32;
        if let Some(entry) = self.entries.get_mut(entry as usize) {
            entry.slots = first..last;
        }
        self.compact_if_worth();
        true
    }

    /// Takes the chunks of a source away. The version is remembered, so that a late
    /// [`apply`](Self::apply) of an older one does not bring them back.
    pub fn remove(&mut self, (id, retired): Key, version: u64) -> bool {
        let gone = Source {
            id,
            reading: retired.unwrap_or(0),
            retired: retired.is_some(),
            version,
            agent: None,
            category: None,
            valid_from: None,
            valid_until: None,
            enabled: false,
        };
        self.apply(gone, [])
    }

    /// The entry of the source, its old slots given up.
    fn vacate(&mut self, source: Source) -> u32 {
        let Some(&at) = self.by_source.get(&source.key()) else {
            let at = self.entries.len() as u32;
            self.by_source.insert(source.key(), at);
            self.entries.push(Entry {
                source,
                slots: 0..0,
            });
            return at;
        };
        if let Some(entry) = self.entries.get_mut(at as usize) {
            let slots = std::mem::replace(&mut entry.slots, 0..0);
            entry.source = source;
            self.dead += slots.len();
            for slot in slots {
                let slot = &mut self.slots[slot as usize];
                slot.source = GONE;
                self.total_length -= u64::from(slot.length);
            }
        }
        at
    }

    fn add(&mut self, entry: u32, chunk: IndexedChunk) {
        let slot = self.slots.len() as u32;
        let length = chunk.terms.length();
        self.slots.push(Slot {
            chunk: chunk.id,
            source: entry,
            length,
        });
        self.total_length += u64::from(length);
        chunk
            .terms
            .each(|term, count| self.dictionary.add(term, slot, count));
        if let Some(embedding) = chunk.embedding {
            let vectors = self.vectors.entry(embedding.model).or_default();
            vectors.add(slot, &embedding.values);
        }
    }

    fn compact_if_worth(&mut self) {
        if self.dead < DEAD_MIN || self.dead * DEAD_SHARE < self.slots.len() {
            return;
        }
        let mut moved = vec![GONE; self.slots.len()];
        let mut live = Vec::with_capacity(self.len());
        for (old, slot) in self.slots.iter().enumerate() {
            if slot.source != GONE {
                moved[old] = live.len() as u32;
                live.push(*slot);
            }
        }
        for entry in &mut self.entries {
            // The slots of an entry are all live and stay neighbours.
            let first = moved.get(entry.slots.start as usize).copied().unwrap_or(0);
            let length = entry.slots.len() as u32;
            entry.slots = if length == 0 {
                0..0
            } else {
                first..first + length
            };
        }
        self.dictionary.renumber(&moved, GONE);
        for vectors in self.vectors.values_mut() {
            vectors.renumber(&moved, GONE);
        }
        self.vectors.retain(|_, vectors| !vectors.is_empty());
        self.slots = live;
        self.dead = 0;
    }

    /// The best chunks for a query.
    pub fn search(&self, query: &Query<'_>) -> Found {
        if query.limit == 0 || self.is_empty() {
            return Found {
                mode: Mode::Lexical,
                hits: Vec::new(),
            };
        }
        let wanted = query.limit.max(CANDIDATES);
        let open = self.open_sources(query.filter);
        let terms = self.query_terms(query.text);
        let lexical = self.lexical(&terms, &open, wanted);
        let vectors = query.embedding.and_then(|embedding| {
            let vectors = self.vectors.get(&embedding.model)?;
            vectors.nearest(&embedding.values, wanted, |slot| self.is_open(slot, &open))
        });
        let mode = if vectors.is_some() {
            Mode::Hybrid
        } else {
            Mode::Lexical
        };
        let mut hits = rank::fuse(&lexical, vectors.as_deref().unwrap_or(&[]));
        hits.truncate(query.limit);
        let matched = matched(&terms, &hits);
        let hits = hits
            .into_iter()
            .zip(matched)
            .filter_map(|(hit, matched)| self.hit(hit, matched))
            .collect();
        Found { mode, hits }
    }

    /// Which sources the filter lets through, decided once and not for every chunk.
    fn open_sources(&self, filter: &Filter) -> Vec<bool> {
        self.entries
            .iter()
            .map(|entry| filter.lets_through(&entry.source))
            .collect()
    }

    fn is_open(&self, slot: u32, open: &[bool]) -> bool {
        let source = self.slots[slot as usize].source;
        open.get(source as usize).copied().unwrap_or(false)
    }

    /// The different terms of the query that occur at all, the rarest first.
    fn query_terms(&self, text: &str) -> Vec<QueryTerm<'_>> {
        let mut seen = HashSet::new();
        let mut terms = Vec::new();
        Stemming::default().each(text, |term, _| {
            if seen.insert(term.to_owned())
                && let Some(postings) = self.dictionary.postings(term)
            {
                terms.push(QueryTerm {
                    term: term.to_owned(),
                    postings,
                    idf: self.idf(postings),
                });
            }
        });
        terms.sort_by_key(|term| term.postings.len());
        terms.truncate(MAX_QUERY_TERMS);
        terms
    }

    /// Lucene's form, never negative. Chunks that are gone count until they are compacted away,
    /// the same for every hit of a search.
    fn idf(&self, postings: &Postings) -> f32 {
        let all = self.slots.len() as f32;
        let with = postings.len() as f32;
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }

    /// Term at a time into one score per slot. At a hundred thousand chunks the array stays in the
    /// processor's cache and whole lists are read in order, which is faster than skipping in them.
    fn lexical(&self, terms: &[QueryTerm<'_>], open: &[bool], limit: usize) -> Vec<Scored> {
        let average = (self.total_length as f32 / self.len() as f32).max(1.0);
        // One small number for each slot, so that the loop below stays in the cache.
        let norms: Vec<f32> = self
            .slots
            .iter()
            .map(|slot| K1 * (1.0 - B + B * slot.length as f32 / average))
            .collect();
        let mut scores = vec![0.0_f32; self.slots.len()];
        for term in terms {
            for (slot, count) in term.postings.iter() {
                let slot = slot as usize;
                let count = count as f32;
                scores[slot] += term.idf * count / (count + norms[slot]);
            }
        }
        let mut best = Best::new(limit);
        for (slot, score) in (0_u32..).zip(&scores) {
            if *score > best.floor() && self.is_open(slot, open) {
                best.offer(Scored {
                    slot,
                    score: *score,
                });
            }
        }
        best.into_sorted()
    }

    fn hit(&self, fused: Fused, matched: Vec<String>) -> Option<Hit> {
        let slot = self.slots.get(fused.slot as usize)?;
        let entry = self.entries.get(slot.source as usize)?;
        Some(Hit {
            chunk: slot.chunk,
            source: entry.source.id,
            score: fused.score,
            lexical: fused.lexical,
            vector: fused.vector,
            matched,
        })
    }
}

struct QueryTerm<'a> {
    term: String,
    postings: &'a Postings,
    idf: f32,
}

/// Which of the terms occur in each hit: lists and hits are walked together in the order of slots.
fn matched(terms: &[QueryTerm<'_>], hits: &[Fused]) -> Vec<Vec<String>> {
    let mut places: Vec<(u32, usize)> = hits
        .iter()
        .enumerate()
        .map(|(at, hit)| (hit.slot, at))
        .collect();
    places.sort_unstable();
    let mut matched = vec![Vec::new(); hits.len()];
    for term in terms {
        let mut places = places.iter().peekable();
        for (slot, _) in term.postings.iter() {
            while places.next_if(|(wanted, _)| *wanted < slot).is_some() {}
            match places.peek() {
                Some((wanted, at)) if *wanted == slot => matched[*at].push(term.term.clone()),
                Some(_) => {}
                None => break,
            }
        }
    }
    matched
}

#[cfg(test)]
mod tests;
