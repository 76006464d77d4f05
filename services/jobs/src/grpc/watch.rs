//! `WatchJobs`: a snapshot, then every change.

use std::collections::HashMap;
use std::time::Duration;

use t11_core::OrgScope;
use t11_grpc::Events;
use t11_proto::jobs::v1::WatchJobsResponse;
use t11_proto::jobs::v1::watch_jobs_response::Event;
use tokio::time::{Instant, timeout, timeout_at};
use tonic::Status;
use uuid::Uuid;

use super::convert;
use crate::changes::{Advance, News, Watch};
use crate::job::Job;
use crate::queue::Queue;

/// The client opens the stream again: so it moves on when replicas come and go.
const LIFE: Duration = Duration::from_secs(30 * 60);
/// Rows are also read without being told, for changes made by other replicas.
const SWEEP: Duration = Duration::from_secs(2);
/// Rows of one read.
const AT_ONCE: u64 = 200;

/// Sends the jobs of the organization that are not finished, then its jobs as they change: those
/// that lists show, and `housekeeping` if it is asked for.
pub(super) async fn watch(
    queue: Queue,
    scope: OrgScope,
    housekeeping: bool,
    events: Events<WatchJobsResponse>,
) -> Result<(), Status> {
    let end = Instant::now() + LIFE;
    // Listening begins before the snapshot: what changes meanwhile is told twice, never not.
    let news = queue.watch(&scope).await;
    let mut watcher = Watcher {
        queue,
        scope,
        housekeeping,
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
    housekeeping: bool,
    events: Events<WatchJobsResponse>,
    /// Each running job as it was told last: what news of progress are about, or too late for.
    told: HashMap<Uuid, Job>,
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

    async fn follow(&mut self, mut news: Watch) -> Result<(), Status> {
        loop {
            match timeout(SWEEP, news.next()).await {
                Ok(Some(News::Progress(advance))) => self.tell_progress(advance).await?,
                Ok(Some(News::Changed)) | Err(_) => self.tell_changes().await?,
                Ok(None) => return Ok(()),
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
        if !self.housekeeping && !job.is_listed() {
            return Ok(());
        }
        if job.holder.is_some() {
            self.told.insert(job.id, job.clone());
        } else {
            self.told.remove(&job.id);
        }
        self.send(Event::Job(convert::job(job))).await
    }

    /// Progress is told while it is of the lease and the row told last.
    async fn tell_progress(&mut self, advance: Advance) -> Result<(), Status> {
        match self.told.get_mut(&advance.job) {
            Some(job) if job.fence == advance.fence && job.revision <= advance.revision => {
                job.progress = advance.progress;
                let job = convert::job(job.clone());
                self.send(Event::Job(job)).await
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
