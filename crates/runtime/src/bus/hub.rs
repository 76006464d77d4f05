//! Those within the process who listen, by topic.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};

use super::{Heard, Member};

/// Messages that wait for one who is slow; further ones are lost to him.
const AHEAD: usize = 256;

/// Hands on what is published to those who listen.
#[derive(Default)]
pub(super) struct Hub {
    listeners: Mutex<HashMap<Arc<str>, Vec<Listener>>>,
    next: AtomicU64,
    /// Told when a topic gets its first listener or loses its last.
    pub(super) topics_changed: Notify,
}

struct Listener {
    id: u64,
    member: Member,
    sender: mpsc::Sender<Heard>,
    missed: Arc<AtomicBool>,
}

impl Listener {
    fn tell(&self, heard: Heard) {
        if self.sender.try_send(heard).is_err() {
            self.missed.store(true, Ordering::Release);
        }
    }
}

/// One who listens to one topic.
pub(super) struct Ear {
    hub: Arc<Hub>,
    topic: Arc<str>,
    id: u64,
    receiver: mpsc::Receiver<Heard>,
    missed: Arc<AtomicBool>,
}

impl Hub {
    pub(super) fn listen(self: &Arc<Self>, member: Member, topic: &str) -> Ear {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let missed = Arc::new(AtomicBool::new(false));
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let listener = Listener {
            id,
            member,
            sender,
            missed: missed.clone(),
        };
        let mut listeners = self.listeners.lock();
        let topic = match listeners.get_key_value(topic) {
            Some((known, _)) => known.clone(),
            None => {
                self.topics_changed.notify_one();
                topic.into()
            }
        };
        listeners.entry(topic.clone()).or_default().push(listener);
        drop(listeners);
        Ear {
            hub: self.clone(),
            topic,
            id,
            receiver,
            missed,
        }
    }

    /// Tells all who listen to `topic` but the one who says it.
    pub(super) fn tell(&self, from: Member, topic: &str, message: &dyn Fn() -> Bytes) {
        let listeners = self.listeners.lock();
        let mut others = listeners.get(topic).into_iter().flatten();
        let mut made = None;
        while let Some(listener) = others.find(|listener| listener.member != from) {
            let message = made.get_or_insert_with(message);
            listener.tell(Heard::Message(message.clone()));
        }
    }

    /// Tells everyone that something may have been missed.
    pub(super) fn tell_gap(&self) {
        let listeners = self.listeners.lock();
        for listener in listeners.values().flatten() {
            listener.tell(Heard::Gap);
        }
    }

    /// The topics that someone listens to.
    pub(super) fn topics(&self) -> HashSet<Arc<str>> {
        self.listeners.lock().keys().cloned().collect()
    }

    fn leave(&self, topic: &str, id: u64) {
        let mut listeners = self.listeners.lock();
        let Some(of_topic) = listeners.get_mut(topic) else {
            return;
        };
        of_topic.retain(|listener| listener.id != id);
        if of_topic.is_empty() {
            listeners.remove(topic);
            self.topics_changed.notify_one();
        }
    }
}

impl Ear {
    pub(super) fn topic(&self) -> Arc<str> {
        self.topic.clone()
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        if self.missed.swap(false, Ordering::Acquire) {
            return Poll::Ready(Heard::Gap);
        }
        match self.receiver.poll_recv(context) {
            Poll::Ready(Some(heard)) => Poll::Ready(heard),
            // The hub keeps the other end while this one is here.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.hub.leave(&self.topic, self.id);
    }
}
