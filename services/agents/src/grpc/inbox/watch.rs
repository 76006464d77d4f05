//! `WatchConversations`: each conversation as it is, when something has happened in it.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use t11_core::OrgScope;
use t11_grpc::Events;
use t11_proto::agents::v1 as pb;
use tokio::time::{Instant, timeout, timeout_at};
use tonic::Status;
use uuid::Uuid;

use crate::conversation::Conversation;
use crate::inbox::Inbox;
use crate::live::news::{Change, Watch};

/// The client opens the stream again: so it moves on when replicas come and go.
const LIFE: Duration = Duration::from_secs(30 * 60);
/// Rows are also read without being told, for news may be lost.
const SWEEP: Duration = Duration::from_secs(5);
/// Commits become visible in another order than that of their times, by no more than this.
const OVERLAP: TimeDelta = TimeDelta::seconds(15);
/// Rows of one sweep.
const AT_ONCE: u64 = 200;

/// Sends live conversations as they change; `only` one of them if it is given.
pub(super) async fn watch(
    inbox: Inbox,
    scope: OrgScope,
    only: Option<Uuid>,
    events: Events<pb::WatchConversationsResponse>,
) -> Result<(), Status> {
    let end = Instant::now() + LIFE;
    let news = inbox.watch(&scope).await;
    let now = inbox.store.now();
    let mut watcher = Watcher {
        inbox,
        scope,
        only,
        events,
        since: now,
        told: HashMap::new(),
    };
    match timeout_at(end, watcher.follow(news)).await {
        Ok(ended) => ended,
        Err(_elapsed) => Ok(()),
    }
}

struct Watcher {
    inbox: Inbox,
    scope: OrgScope,
    only: Option<Uuid>,
    events: Events<pb::WatchConversationsResponse>,
    /// What changed before has been told.
    since: DateTime<Utc>,
    /// When each conversation that was told lately changed.
    told: HashMap<Uuid, DateTime<Utc>>,
}

impl Watcher {
    async fn follow(&mut self, mut news: Watch) -> Result<(), Status> {
        loop {
            match timeout(SWEEP, news.next()).await {
                Ok(Change::Conversation(id)) => self.tell_one(id).await?,
                Ok(Change::Any) | Err(_) => self.sweep().await?,
            }
        }
    }

    async fn tell_one(&mut self, id: Uuid) -> Result<(), Status> {
        if self.only.is_some_and(|only| only != id) {
            return Ok(());
        }
        match self.inbox.store.conversation(&self.scope, id).await {
            Ok(conversation) => self.tell(conversation).await,
            // Deleted meanwhile.
            Err(crate::Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn sweep(&mut self) -> Result<(), Status> {
        let from = self.since - OVERLAP;
        let store = self.inbox.store.clone();
        let changed = store
            .changed_conversations(&self.scope, from, AT_ONCE)
            .await?;
        if let Some(last) = changed.last() {
            self.since = self.since.max(last.update_time);
        }
        for conversation in changed {
            if self.only.is_none_or(|only| only == conversation.id) {
                self.tell(conversation).await?;
            }
        }
        let forgotten = self.since - OVERLAP;
        self.told.retain(|_, time| *time >= forgotten);
        Ok(())
    }

    async fn tell(&mut self, conversation: Conversation) -> Result<(), Status> {
        let time = conversation.update_time;
        if self.told.insert(conversation.id, time) == Some(time) {
            return Ok(());
        }
        let conversation = Some(conversation.into());
        self.events
            .send(pb::WatchConversationsResponse { conversation })
            .await
    }
}
