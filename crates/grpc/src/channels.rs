//! The ways to one neighbour.

use std::sync::atomic::{AtomicUsize, Ordering};

use tonic::transport::Channel;

/// Channels taken in turn, so that a second try goes another way than the first.
pub(crate) struct Channels {
    first: Channel,
    others: Vec<Channel>,
    turn: AtomicUsize,
}

impl Channels {
    pub(crate) fn new(first: Channel, others: Vec<Channel>) -> Self {
        Self {
            first,
            others,
            turn: AtomicUsize::new(0),
        }
    }

    pub(crate) fn next(&self) -> Channel {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % (self.others.len() + 1);
        let other = turn.checked_sub(1).and_then(|at| self.others.get(at));
        other.unwrap_or(&self.first).clone()
    }
}
