//! What is asked of the index, and what it answers.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use uuid::Uuid;

use super::{Embedding, Source};

/// A source as it is to be searched: in this reading, filed here, until that day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pinned {
    pub reading: i64,
    pub category: Option<Uuid>,
    pub valid_until: Option<NaiveDate>,
}

/// What may be found.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Sources of this agent and those for all. Nothing: sources of every agent.
    pub agent: Option<Uuid>,
    /// Only sources filed under one of these. Nothing: all, also unfiled ones.
    pub categories: Option<HashSet<Uuid>>,
    /// Only sources that hold on this day. Nothing: whenever they hold.
    pub valid_on: Option<NaiveDate>,
    /// Only these, as they were then. Nothing: all, as they are. What is switched off is not found
    /// either way.
    pub pinned: Option<HashMap<Uuid, Pinned>>,
}

impl Filter {
    pub(super) fn lets_through(&self, source: &Source) -> bool {
        let Some(pinned) = &self.pinned else {
            return !source.retired && self.lets_reading_through(source);
        };
        let pin = pinned.get(&source.id);
        pin.filter(|pin| pin.reading == source.reading)
            .is_some_and(|pin| {
                self.lets_reading_through(&Source {
                    category: pin.category,
                    valid_until: pin.valid_until,
                    ..source.clone()
                })
            })
    }

    fn lets_reading_through(&self, source: &Source) -> bool {
        source.enabled
            && (self.agent.is_none() || source.agent.is_none() || source.agent == self.agent)
            && self.categories.as_ref().is_none_or(|wanted| {
                source
                    .category
                    .is_some_and(|category| wanted.contains(&category))
            })
            && self.valid_on.is_none_or(|day| {
                source.valid_from.is_none_or(|from| from <= day)
                    && source.valid_until.is_none_or(|until| day <= until)
            })
    }
}

/// A search.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    /// What was asked, in words.
    pub text: &'a str,
    /// The same as a vector, when an embedding model is set.
    pub embedding: Option<&'a Embedding>,
    /// What may be found.
    pub filter: &'a Filter,
    /// How many hits to give.
    pub limit: usize,
}

/// How the search was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// By words alone: no vector was given, or no chunk has one of the same model.
    Lexical,
    /// By words and by vectors.
    Hybrid,
}

/// The answer to a [`Query`].
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// How it was searched.
    pub mode: Mode,
    /// The best first.
    pub hits: Vec<Hit>,
}

/// A chunk that was found, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The row of the chunk.
    pub chunk: Uuid,
    /// The row that owns it.
    pub source: Uuid,
    /// The fused score: the sum of `1 / (60 + rank)` over both sides.
    pub score: f32,
    /// Its place and BM25 score among the lexical candidates.
    pub lexical: Option<Ranked>,
    /// Its place and cosine among the nearest vectors.
    pub vector: Option<Ranked>,
    /// The query's terms that occur in it, for [`highlights`](super::stem::highlights).
    pub matched: Vec<String>,
}

/// A place in one of the two rankings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// From 1.
    pub rank: u32,
    /// BM25 or cosine.
    pub score: f32,
}
