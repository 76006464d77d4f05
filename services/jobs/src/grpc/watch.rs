//! `WatchJobs`: a snapshot, then every change.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use t11_core::OrgScope;
use t11_grpc::Events;
use t11_proto::jobs::v1::WatchJobsResponse;
use t11_proto::jobs::v1::watch_jobs_response::Event;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout, timeout_at};
use tonic::Status;
use uuid::Uuid;

use super::convert;
use crate::changes::News;
use crate::job::Job;
use crate::queue::Queue;

/// The client opens the stream again: so it moves on when replicas come and go.
const LIFE: Duration = Duration::from_secs(30 * 60);
/// Rows are also read without being told, for changes made by other replicas.
const SWEEP: Duration = Duration::from_secs(2);
/// Rows of one read.
const AT_ONCE: u64 = 200;

/// Sends the jobs of the organization that are not finished, then its jobs as they change.
pub(super) async fn watch(
    queue: Queue,
    scope: OrgScope,
    events: Events<WatchJobsResponse>,
) -> Result<(), Status> {
    let end = Instant::now() + LIFE;
    // Listening begins before the snapshot: what changes meanwhile is told twice, never not.
    let news = queue.watch(&scope);
    let mut watcher = Watcher {
        queue,
        scope,
        events,
        told: HashMap::new(),
        cursor: (0, i64::MAX),
    };
    watcher.snapshot().await?;
    match timeout_at(end, watcher.follow(news)).await {
        Ok(ended) => ended,
        Err(_elapsed) => Ok(()),
    }
}

struct Watcher {
    queue: Queue,
    scope: OrgScope,
    events: Events<WatchJobsResponse>,
    /// Lease and revision in which each running job was told last, so that late news of progress
    /// are known as such.
    told: HashMap<Uuid, (i64, i64)>,
    /// Up to where changes have been told.
    cursor: (i64, i64),
}

impl Watcher {
    async fn snapshot(&mut self) -> Result<(), Status> {
        let snapshot = self.queue.store().snapshot(&self.scope).await?;
        self.cursor = (snapshot.revision, i64::MAX);
        let mut position = snapshot.newest + 1;
        loop {
            let jobs = self
                .queue
                .store()
                .unfinished(&self.scope, position, AT_ONCE)
                .await?;
            let Some(last) = jobs.last() else { break };
            position = last.position;
            for job in jobs {
                self.tell(job).await?;
            }
        }
        self.send(Event::SnapshotComplete(true)).await
    }

    async fn follow(&mut self, mut news: Receiver<News>) -> Result<(), Status> {
        loop {
            match timeout(SWEEP, news.recv()).await {
                Ok(Ok(News::Progress(job))) => self.tell_progress(job).await?,
                // What was missed is in the rows.
                Ok(Ok(News::Changed) | Err(RecvError::Lagged(_))) | Err(_) => {
                    self.tell_changes().await?;
                }
                Ok(Err(RecvError::Closed)) => return Ok(()),
            }
        }
    }

    async fn tell_changes(&mut self) -> Result<(), Status> {
        loop {
            let store = self.queue.store();
            let jobs = store
                .changed_since(&self.scope, self.cursor, AT_ONCE)
                .await?;
            let Some(last) = jobs.last() else {
                return Ok(());
            };
            self.cursor = (last.revision, last.position);
            for job in jobs {
                self.tell(job).await?;
            }
        }
    }

    async fn tell(&mut self, job: Job) -> Result<(), Status> {
        if job.holder.is_some() {
            self.told.insert(job.id, (job.fence, job.revision));
        } else {
            self.told.remove(&job.id);
        }
        self.send(Event::Job(convert::job(job))).await
    }

    /// Progress is told while it is of the lease and the row told last.
    async fn tell_progress(&mut self, job: Arc<Job>) -> Result<(), Status> {
        match self.told.get(&job.id) {
            Some((fence, revision)) if *fence == job.fence && *revision <= job.revision => {
                self.send(Event::Job(convert::job(Arc::unwrap_or_clone(job))))
                    .await
            }
            _ => Ok(()),
        }
    }

    async fn send(&self, event: Event) -> Result<(), Status> {
        self.events
            .send(WatchJobsResponse { event: Some(event) })
            .await
    }
}
