//! `WatchNotifications`: how many are not read, when that has changed.

use std::sync::Arc;
use std::time::Duration;

use t11_core::{OrgScope, format_name};
use t11_grpc::Events;
use t11_proto::accounts::v1 as pb;
use tokio::time::{Instant, timeout, timeout_at};
use tonic::Status;

use super::count;
use crate::news::{News, Watch};
use crate::store::Store;

/// The client opens the stream again: so it moves on when replicas come and go.
const LIFE: Duration = Duration::from_secs(30 * 60);
/// Rows are also read without being told, for hints may be lost.
const SWEEP: Duration = Duration::from_secs(10);

/// Sends what the caller has not read, at once and whenever it is different.
pub(super) async fn watch(
    store: Store,
    news: Arc<News>,
    scope: OrgScope,
    events: Events<pb::WatchNotificationsResponse>,
) -> Result<(), Status> {
    let end = Instant::now() + LIFE;
    let hints = news.watch(scope.org()).await;
    match timeout_at(end, follow(store, scope, hints, events)).await {
        Ok(ended) => ended,
        Err(_elapsed) => Ok(()),
    }
}

async fn follow(
    store: Store,
    scope: OrgScope,
    mut hints: Watch,
    events: Events<pb::WatchNotificationsResponse>,
) -> Result<(), Status> {
    let mut told = None;
    loop {
        let unread = store.unread(&scope).await?;
        if told != Some(unread) {
            told = Some(unread);
            let newest = unread.newest.map(|id| format_name("notifications", id));
            let event = pb::WatchNotificationsResponse {
                unread_count: count(unread.count),
                newest: newest.unwrap_or_default(),
            };
            events.send(event).await?;
        }
        // Without a hint it is time to look anyway.
        let _ = timeout(SWEEP, hints.next()).await;
    }
}
