//! The bus through Redis: plain publish and subscribe, one connection that hears for the whole
//! process.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use fred::clients::{Pipeline, WithOptions};
use fred::interfaces::{ClientLike as _, EventInterface as _, PubsubInterface as _};
use fred::types::{Message, Value};
use futures::FutureExt as _;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::hub::Hub;
use super::{Carrier, Member, Subscription};
use crate::Redis;

/// Messages that wait to be sent; further ones are lost.
const OUTBOX: usize = 4 * 1024;
/// Messages sent in one go.
const BATCH: usize = 256;
/// Longest wait until Redis has taken a batch.
const SEND: Duration = Duration::from_secs(1);
/// How long a new subscription waits until messages come.
const BEGIN: Duration = Duration::from_millis(300);
/// How often topics are looked through without being told.
const LOOK: Duration = Duration::from_secs(5);

type Topics = Arc<HashSet<Arc<str>>>;

/// Carries messages through Redis, within the process too.
pub struct OverRedis {
    hub: Arc<Hub>,
    prefix: Arc<str>,
    outbox: mpsc::Sender<(String, Bytes)>,
    /// The topics whose messages come.
    live: watch::Receiver<Topics>,
    /// Aborted when dropped.
    _tasks: JoinSet<()>,
}

impl OverRedis {
    /// Messages go through `redis`, under its namespace.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn new(redis: &Redis) -> Self {
        let hub = Arc::new(Hub::default());
        let prefix: Arc<str> = format!("{}:bus:", redis.namespace()).into();
        let (outbox, waiting) = mpsc::channel(OUTBOX);
        let (now_live, live) = watch::channel(Topics::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(send(redis.clone(), waiting));
        // Both listen before anything can come.
        let messages = redis.hearing().message_rx();
        tasks.spawn(hand_on(messages, prefix.clone(), hub.clone()));
        let subscriber = Subscriber {
            redis: redis.clone(),
            prefix: prefix.clone(),
            hub: hub.clone(),
            subscribed: HashSet::new(),
            live: now_live,
        };
        tasks.spawn(subscriber.run(redis.hearing().reconnect_rx()));
        Self {
            hub,
            prefix,
            outbox,
            live,
            _tasks: tasks,
        }
    }
}

#[async_trait]
impl Carrier for OverRedis {
    fn publish(&self, from: Member, topic: &str, message: &dyn Fn() -> Bytes) {
        let message = message();
        let mut envelope = BytesMut::with_capacity(8 + message.len());
        envelope.put_u64(from.0);
        envelope.put(message);
        let channel = format!("{}{topic}", self.prefix);
        if self.outbox.try_send((channel, envelope.freeze())).is_err() {
            lose(1);
        }
    }

    async fn subscribe(&self, member: Member, topic: &str) -> Subscription {
        let ear = self.hub.listen(member, topic);
        let (mut live, topic) = (self.live.clone(), ear.topic());
        let mut begins = async move {
            if live.wait_for(|live| live.contains(&topic)).await.is_err() {
                // The carrier is gone: nothing will come.
                std::future::pending::<()>().await;
            }
        }
        .boxed();
        match timeout(BEGIN, &mut begins).await {
            Ok(()) => Subscription::new(ear),
            Err(_elapsed) => Subscription::beginning(ear, begins),
        }
    }
}

fn lose(messages: u64) {
    metrics::counter!("t11_bus_lost_total").increment(messages);
}

/// Sends what is published, in order, as much at a time as there is.
async fn send(redis: Redis, mut waiting: mpsc::Receiver<(String, Bytes)>) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let messages = waiting.recv_many(&mut batch, BATCH).await;
        if messages == 0 {
            return;
        }
        let outcome = timeout(SEND, publish(&redis, batch.drain(..))).await;
        if let Ok(Ok(())) = outcome {
            metrics::counter!("t11_bus_sent_total").increment(messages as u64);
        } else {
            tracing::debug!(?outcome, messages, "messages are lost");
            lose(messages as u64);
        }
    }
}

async fn publish(
    redis: &Redis,
    messages: impl Iterator<Item = (String, Bytes)>,
) -> Result<(), fred::error::Error> {
    if !redis.is_connected() {
        return Err(fred::error::Error::new(
            fred::error::ErrorKind::Canceled,
            "not connected",
        ));
    }
    let pipeline: Pipeline<WithOptions<_>> = redis.client(SEND).into();
    for (channel, message) in messages {
        pipeline
            .publish::<Value, _, _>(channel, Value::Bytes(message))
            .await?;
    }
    pipeline.last::<Value>().await?;
    Ok(())
}

/// Hands what comes to those who listen.
async fn hand_on(mut messages: broadcast::Receiver<Message>, prefix: Arc<str>, hub: Arc<Hub>) {
    loop {
        match messages.recv().await {
            Ok(message) => {
                let topic = message.channel.strip_prefix(&*prefix);
                if let (Some(topic), Some(mut envelope)) = (topic, message.value.into_bytes())
                    && envelope.len() >= 8
                {
                    let from = Member(envelope.get_u64());
                    hub.tell(from, topic, &|| envelope.clone());
                }
            }
            Err(RecvError::Lagged(_)) => hub.tell_gap(),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Keeps the process subscribed to the topics that someone listens to.
struct Subscriber {
    redis: Redis,
    prefix: Arc<str>,
    hub: Arc<Hub>,
    subscribed: HashSet<Arc<str>>,
    live: watch::Sender<Topics>,
}

impl Subscriber {
    async fn run<S: Clone + Send>(mut self, mut connections: broadcast::Receiver<S>) {
        let hub = self.hub.clone();
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut is_connected, mut was_live, mut is_gap) = (false, false, false);
        loop {
            tokio::select! {
                biased;
                connection = connections.recv() => {
                    if matches!(connection, Err(RecvError::Closed)) {
                        return;
                    }
                    // A new connection subscribes to nothing.
                    self.forget();
                    is_connected = true;
                    is_gap |= was_live;
                }
                () = hub.topics_changed.notified() => {}
                // A connection may have been made before this began to look, or be well again.
                _ = look.tick() => is_connected |= self.redis.hearing().is_connected(),
            }
            if !is_connected {
                continue;
            }
            match self.catch_up().await {
                Ok(()) => {
                    was_live = true;
                    if std::mem::take(&mut is_gap) {
                        metrics::counter!("t11_bus_gaps_total").increment(1);
                        hub.tell_gap();
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "topics are not subscribed to");
                    // What was done of it is not known.
                    self.forget();
                    is_connected = false;
                    is_gap |= was_live;
                }
            }
        }
    }

    fn forget(&mut self) {
        self.subscribed.clear();
        self.live.send_replace(Topics::default());
    }

    /// Subscribes to what is new and leaves what is not wanted any more. The connection answers in
    /// order, so that an answer to PING comes when the rest is done.
    async fn catch_up(&mut self) -> Result<(), fred::error::Error> {
        let client = self.redis.hearing();
        // First nobody new believes that the topics come which are about to be left.
        let wanted = self.hub.topics();
        self.live.send_replace(Arc::new(&self.subscribed & &wanted));
        let wanted = self.hub.topics();
        let new = self.channels(&wanted - &self.subscribed);
        let old = self.channels(&self.subscribed - &wanted);
        if !new.is_empty() {
            client.subscribe(new).await?;
        }
        if !old.is_empty() {
            client.unsubscribe(old).await?;
        }
        client.ping::<Value>(None).await?;
        self.subscribed.clone_from(&wanted);
        self.live.send_replace(Arc::new(wanted));
        Ok(())
    }

    fn channels(&self, topics: HashSet<Arc<str>>) -> Vec<String> {
        let channel = |topic| format!("{}{topic}", self.prefix);
        topics.into_iter().map(channel).collect()
    }
}
