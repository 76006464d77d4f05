//! The bus: small messages between members, which may be in other processes.
//!
//! It is for hints. A message may be lost and nobody is told; what must not be lost is in the
//! database, and a message only says that it is worth looking. A member that may have missed
//! something hears [`Heard::Gap`], and looks.

mod hub;
mod in_process;
mod redis;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use t11_core::World;

pub use in_process::InProcess;
pub use redis::OverRedis;

use hub::Ear;

/// Who says something: a member does not hear itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Member(u64);

/// What a subscription hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// What another member has published.
    Message(Bytes),
    /// Messages may have been missed: the connection was away, or too many came at once.
    Gap,
}

/// The way messages take from member to member. Each at most once, those of one member and topic
/// in the order in which they were published, to those who subscribe at that time.
#[async_trait]
pub trait Carrier: Send + Sync + 'static {
    /// Carries a message, which is made only if someone may hear it. Never waits: what cannot be
    /// carried at once is lost. Up to 64 KiB is small.
    fn publish(&self, from: Member, topic: &str, message: &dyn Fn() -> Bytes);

    /// Listens to a topic. Returns when messages come, or soon without: then the first thing heard
    /// is a [`Heard::Gap`], as soon as they do.
    async fn subscribe(&self, member: Member, topic: &str) -> Subscription;
}

/// A member of the bus. Clones are the same member.
#[derive(Clone)]
pub struct Bus {
    carrier: Arc<dyn Carrier>,
    member: Member,
}

impl Bus {
    /// A new member.
    pub fn join(carrier: Arc<dyn Carrier>, world: &World) -> Self {
        let member = Member(u64::from_le_bytes(world.random()));
        Self { carrier, member }
    }

    /// Tells all other members that subscribe to `topic`; see [`Carrier::publish`].
    pub fn publish(&self, topic: &str, message: impl Fn() -> Bytes) {
        self.carrier.publish(self.member, topic, &message);
    }

    /// Hears what all other members publish; see [`Carrier::subscribe`].
    pub async fn subscribe(&self, topic: &str) -> Subscription {
        let mut subscription = self.carrier.subscribe(self.member, topic).await;
        subscription.carrier = Some(self.carrier.clone());
        subscription
    }
}

/// Hears one topic until it is dropped.
pub struct Subscription {
    ear: Ear,
    /// Resolves when messages begin to come, if they did not from the start.
    begins: Option<BoxFuture<'static, ()>>,
    /// Nothing would come without it.
    carrier: Option<Arc<dyn Carrier>>,
}

impl Subscription {
    fn new(ear: Ear) -> Self {
        Self {
            ear,
            begins: None,
            carrier: None,
        }
    }

    fn beginning(ear: Ear, begins: BoxFuture<'static, ()>) -> Self {
        Self {
            ear,
            begins: Some(begins),
            carrier: None,
        }
    }

    /// The next message. Nothing is lost when this is dropped before it resolves.
    pub async fn heard(&mut self) -> Heard {
        poll_fn(|context| {
            if let Some(begins) = &mut self.begins
                && begins.as_mut().poll(context).is_ready()
            {
                self.begins = None;
                return Poll::Ready(Heard::Gap);
            }
            self.ear.poll(context)
        })
        .await
    }
}
