//! The best of many, and one ranking out of two.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use super::query::Ranked;

/// Reciprocal rank fusion's constant (Cormack, Clarke and Büttcher 2009).
const RRF_K: f32 = 60.0;

/// A slot with its score on one side; greater is better, equal scores in the order of adding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scored {
    pub(super) slot: u32,
    pub(super) score: f32,
}

impl Eq for Scored {}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        // Turned around, so that a heap has the worst on top.
        other
            .score
            .total_cmp(&self.score)
            .then(self.slot.cmp(&other.slot))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Keeps the best few of many.
pub(super) struct Best {
    limit: usize,
    heap: BinaryHeap<Scored>,
}

impl Best {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            heap: BinaryHeap::with_capacity(limit + 1),
        }
    }

    /// What a score must exceed to be kept.
    pub(super) fn floor(&self) -> f32 {
        if self.heap.len() < self.limit {
            0.0
        } else {
            self.heap.peek().map_or(0.0, |worst| worst.score)
        }
    }

    pub(super) fn offer(&mut self, scored: Scored) {
        self.heap.push(scored);
        if self.heap.len() > self.limit {
            self.heap.pop();
        }
    }

    pub(super) fn into_sorted(self) -> Vec<Scored> {
        self.heap.into_sorted_vec()
    }
}

/// A slot with its places in both rankings.
pub(super) struct Fused {
    pub(super) slot: u32,
    pub(super) score: f32,
    pub(super) lexical: Option<Ranked>,
    pub(super) vector: Option<Ranked>,
}

impl Fused {
    fn new(slot: u32) -> Self {
        Self {
            slot,
            score: 0.0,
            lexical: None,
            vector: None,
        }
    }
}

/// Puts two rankings together, the best first.
pub(super) fn fuse(lexical: &[Scored], vector: &[Scored]) -> Vec<Fused> {
    let mut fused: HashMap<u32, Fused> = HashMap::new();
    for (rank, scored) in (1..).zip(lexical) {
        let hit = fused
            .entry(scored.slot)
            .or_insert_with(|| Fused::new(scored.slot));
        hit.lexical = Some(Ranked {
            rank,
            score: scored.score,
        });
        hit.score += 1.0 / (RRF_K + rank as f32);
    }
    for (rank, scored) in (1..).zip(vector) {
        let hit = fused
            .entry(scored.slot)
            .or_insert_with(|| Fused::new(scored.slot));
        hit.vector = Some(Ranked {
            rank,
            score: scored.score,
        });
        hit.score += 1.0 / (RRF_K + rank as f32);
    }
    let mut hits: Vec<Fused> = fused.into_values().collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.slot.cmp(&b.slot)));
    hits
}
