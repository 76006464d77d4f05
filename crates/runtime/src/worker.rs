//! Takes jobs of one queue and runs them: one loop polls for work, another reports results,
//! heartbeats and progress. Both speak to the jobs service by `Exchange` only.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt as _;
use parking_lot::Mutex;
use t11_core::{Caller, Fault, FaultKind, OrgId, OrgScope, Permission, World};
use t11_grpc::{Peer, Signer, as_service, continue_from_traceparent};
use t11_proto::jobs::v1::settle::Outcome;
use t11_proto::jobs::v1::worker_service_client::WorkerServiceClient;
use t11_proto::jobs::v1::{
    ExchangeRequest, ExchangeResponse, Extend, Failed, JobError, JobProgress, Lease, LeaseRef,
    Released, Settle, Stopped, Succeeded, Want,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use uuid::Uuid;

/// How long one poll waits for work.
const MAX_WAIT_MS: i32 = 15_000;
/// A lease lasts 15 s; extending it each 5 s survives two lost heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// News of progress are sent at most this often.
const REPORT: Duration = Duration::from_millis(250);
/// What a cancelled job gets to end by itself.
const CANCEL_GRACE: Duration = Duration::from_secs(5);
/// What a stopping worker gives the jobs service to name the leases of the poll it gave up.
const HAND_BACK: Duration = Duration::from_secs(1);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);
const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
const MAX_BACK_OFF: Duration = Duration::from_secs(5);

/// Does jobs of one kind. A job may run again after a crash: effects must be idempotent.
#[async_trait]
pub trait JobHandler: Send + Sync {
    /// Does the job.
    ///
    /// # Errors
    /// [`JobFailure`]: tried again with back-off unless permanent.
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure>;
}

/// Why a try failed.
#[derive(Debug, Clone)]
pub struct JobFailure {
    /// Stable, shown and translated by reason.
    pub reason: String,
    pub message: String,
    /// No further try can help.
    pub permanent: bool,
    /// Earliest next try; `None` = by back-off.
    pub retry_after: Option<Duration>,
}

impl<F: Fault + 'static> From<F> for JobFailure {
    /// Faults of the input or the state are permanent; those of neighbours and limits are not.
    fn from(fault: F) -> Self {
        let permanent = match fault.kind() {
            FaultKind::Invalid
            | FaultKind::Unauthenticated
            | FaultKind::Forbidden
            | FaultKind::NotFound
            | FaultKind::AlreadyExists
            | FaultKind::Precondition
            | FaultKind::Unimplemented => true,
            FaultKind::Stale
            | FaultKind::Exhausted
            | FaultKind::Unavailable
            | FaultKind::Timeout
            | FaultKind::Internal => false,
        };
        if fault.kind() == FaultKind::Internal {
            tracing::error!(
                error = &fault as &dyn std::error::Error,
                "job met an internal fault"
            );
        }
        Self {
            reason: fault.reason().to_owned(),
            message: fault.to_string(),
            permanent,
            retry_after: fault.retry_after(),
        }
    }
}

/// A job being done.
pub struct RunningJob {
    pub id: Uuid,
    pub kind: String,
    pub payload: Bytes,
    /// Failed tries before this one.
    pub attempt: i32,
    /// Of the lease; grows with every lease of the job. What `Tx::begin_effect` asks for.
    pub fence: i64,
    org: OrgId,
    service: &'static str,
    state: Arc<State>,
}

impl RunningJob {
    /// A job that no queue has handed out: for tests of handlers.
    pub fn detached(service: &'static str, kind: &str, payload: Vec<u8>, org: OrgId) -> Self {
        Self {
            id: Uuid::nil(),
            kind: kind.to_owned(),
            payload: payload.into(),
            attempt: 0,
            fence: 1,
            org,
            service,
            state: Arc::default(),
        }
    }

    /// The right to the rows of the job's organization: our own service acts for it.
    ///
    /// # Errors
    /// When the job is of no organization.
    pub fn scope(&self) -> Result<OrgScope, JobFailure> {
        if self.org == OrgId::NONE {
            return Err(JobFailure {
                reason: "JOB_WITHOUT_ORGANIZATION".to_owned(),
                message: "the job is of no organization".to_owned(),
                permanent: true,
                retry_after: None,
            });
        }
        Ok(Caller::service(self.service, self.org).require(Permission::Internal)?)
    }

    /// The job's organization, [`OrgId::NONE`] for work of the platform.
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// Tells how far the job is: `done` of `total` units of `step` (0 = not known), and percent of
    /// the whole.
    pub fn progress(&self, step: &str, done: u64, total: u64, percent: u8) {
        *self.state.progress.lock() = Some(JobProgress {
            step: step.to_owned(),
            done: i64::try_from(done).unwrap_or(i64::MAX),
            total: i64::try_from(total).unwrap_or(i64::MAX),
            percent: percent.min(100).into(),
        });
    }

    /// Cancelled when a person cancelled the job: end soon, with any result.
    pub fn cancelled(&self) -> &CancellationToken {
        &self.state.cancelled
    }
}

#[derive(Default)]
struct State {
    /// News not yet sent.
    progress: Mutex<Option<JobProgress>>,
    cancelled: CancellationToken,
}

struct Running {
    fence: i64,
    state: Arc<State>,
    abort: AbortHandle,
    extended: Instant,
}

/// What a worker is made of.
pub(crate) struct WorkerParts {
    pub(crate) service: &'static str,
    pub(crate) handlers: HashMap<&'static str, Arc<dyn JobHandler>>,
    pub(crate) slots: usize,
    /// No other process can take jobs from the same queue.
    pub(crate) is_alone: bool,
    pub(crate) jobs: Peer,
    pub(crate) signer: Signer,
    pub(crate) world: World,
    pub(crate) drain: Duration,
}

#[derive(Clone)]
pub(crate) struct Worker(Arc<Inner>);

struct Inner {
    parts: WorkerParts,
    /// What the jobs service knows the worker by. A new boot under a known name frees what the
    /// boots before it held and shuts them out: right for a process that is alone, fatal for two
    /// replicas that see the same host name. So only the first keeps its name over restarts; any
    /// other is named by its boot, and what a killed one held is free when its leases run out.
    name: String,
    boot: Uuid,
    slots: Arc<Semaphore>,
    running: Mutex<HashMap<Uuid, Running>>,
    settles: mpsc::UnboundedSender<Settle>,
    tasks: TaskTracker,
}

impl Worker {
    /// Runs the worker until `shutdown`, then drains it.
    pub(crate) async fn run(parts: WorkerParts, shutdown: CancellationToken) {
        let (settles, settled) = mpsc::unbounded_channel();
        let (boot, place) = (parts.world.new_id(), host_name());
        let worker = Self(Arc::new(Inner {
            name: if parts.is_alone {
                format!("{}@{place}", parts.service)
            } else {
                format!("{}@{place}/{boot}", parts.service)
            },
            boot,
            slots: Arc::new(Semaphore::new(parts.slots)),
            running: Mutex::default(),
            settles,
            tasks: TaskTracker::new(),
            parts,
        }));
        let stop_reports = CancellationToken::new();
        let reports = worker.clone().report(settled, stop_reports.clone());
        let work = async {
            let given_up = worker.poll(&shutdown).await;
            let deadline = Instant::now() + worker.0.parts.drain;
            if let Some(sequence) = given_up {
                worker.hand_back(sequence).await;
            }
            worker.drain(deadline).await;
            stop_reports.cancel();
        };
        tokio::join!(work, reports);
    }

    /// Takes jobs until `shutdown`; the sequence of the call that was given up, if one was.
    async fn poll(&self, shutdown: &CancellationToken) -> Option<i64> {
        let mut sequence = 0;
        loop {
            let free = shutdown.run_until_cancelled(self.free_slots()).await?;
            sequence += 1;
            let want = Want {
                queue: self.0.parts.service.to_owned(),
                slots: i32::try_from(free).unwrap_or(i32::MAX),
            };
            let request = ExchangeRequest {
                wants: vec![want],
                max_wait_ms: MAX_WAIT_MS,
                ..self.request(sequence)
            };
            let asked = self.exchange(request);
            let Some(response) = shutdown.run_until_cancelled(asked).await else {
                return Some(sequence);
            };
            self.heed(&response);
            for lease in response.leases {
                self.start(lease).await;
            }
            if response.drain {
                let pause = tokio::time::sleep(MAX_BACK_OFF);
                shutdown.run_until_cancelled(pause).await?;
            }
        }
    }

    /// Waits for a free slot; how many there are.
    async fn free_slots(&self) -> usize {
        // Nobody closes the semaphore, and only the poll takes from it.
        drop(self.0.slots.acquire().await);
        self.0.slots.available_permits()
    }

    fn request(&self, sequence: i64) -> ExchangeRequest {
        ExchangeRequest {
            worker: self.0.name.clone(),
            boot: self.0.boot.to_string(),
            sequence,
            ..ExchangeRequest::default()
        }
    }

    /// Gives back the jobs that the poll `given_up` was given, or was about to be: nobody heard the
    /// answer, and they would wait for their leases to run out.
    async fn hand_back(&self, given_up: i64) {
        let request = ExchangeRequest {
            leaving: true,
            ..self.request(given_up + 1)
        };
        let Ok(response) = tokio::time::timeout(HAND_BACK, self.exchange(request)).await else {
            tracing::warn!(
                worker = self.0.name,
                "leases of the last call were not handed back; they run out"
            );
            return;
        };
        let leases = response.leases.iter();
        for (job_id, fence) in leases.filter_map(|lease| known(lease.r#ref.as_ref()?)) {
            self.settle(job_id, fence, Outcome::Released(Released {}));
        }
    }

    /// Repeats the same request until it is answered: a repeated sequence gives the same leases.
    async fn exchange(&self, request: ExchangeRequest) -> ExchangeResponse {
        let mut back_off = FIRST_BACK_OFF;
        loop {
            let call = async {
                WorkerServiceClient::new(self.0.parts.jobs.clone())
                    .exchange(request.clone())
                    .await
            };
            let parts = &self.0.parts;
            match as_service(
                &parts.signer,
                &parts.world,
                parts.service,
                OrgId::NONE,
                call,
            )
            .await
            {
                Ok(response) => return response.into_inner(),
                Err(status) => {
                    tracing::warn!(%status, worker = self.0.name, "the jobs service does not answer");
                    tokio::time::sleep(back_off).await;
                    back_off = (back_off * 2).min(MAX_BACK_OFF);
                }
            }
        }
    }

    async fn start(&self, lease: Lease) {
        let Some((job_id, fence)) = lease.r#ref.as_ref().and_then(known) else {
            tracing::error!("a lease without a job id");
            return;
        };
        let Ok(slot) = self.0.slots.clone().acquire_owned().await else {
            return;
        };
        let state = Arc::new(State::default());
        let task = self
            .clone()
            .run_lease(lease, job_id, fence, state.clone(), slot);
        // The entry must be there before the task can end and take it away.
        let mut running = self.0.running.lock();
        let abort = self.0.tasks.spawn(task).abort_handle();
        running.insert(
            job_id,
            Running {
                fence,
                state,
                abort,
                extended: Instant::now(),
            },
        );
    }

    async fn run_lease(
        self,
        lease: Lease,
        job_id: Uuid,
        fence: i64,
        state: Arc<State>,
        _slot: OwnedSemaphorePermit,
    ) {
        let outcome = self.outcome(lease, job_id, fence, state).await;
        let known = self.0.running.lock().remove(&job_id);
        // A lost lease is gone from the table: its result is nobody's.
        if known.is_some_and(|running| running.fence == fence) {
            self.settle(job_id, fence, outcome);
        }
    }

    async fn outcome(&self, lease: Lease, job_id: Uuid, fence: i64, state: Arc<State>) -> Outcome {
        let spec = lease.job.unwrap_or_default();
        let span = tracing::info_span!(
            "job", otel.name = %spec.kind, otel.kind = "consumer", job.id = %job_id,
            org.id = %spec.organization_id, trace_id = tracing::field::Empty,
        );
        continue_from_traceparent(&spec.traceparent, &span);
        let Some(handler) = self.0.parts.handlers.get(spec.kind.as_str()).cloned() else {
            // Another version of the service may know it: not permanent.
            return failed("JOB_KIND_UNKNOWN", format!("no handler of `{}`", spec.kind));
        };
        let timeout = match u64::try_from(spec.timeout_ms) {
            Ok(millis) if millis > 0 => Duration::from_millis(millis),
            _ => DEFAULT_TIMEOUT,
        };
        let job = RunningJob {
            id: job_id,
            kind: spec.kind,
            payload: spec.payload,
            attempt: lease.attempt,
            fence,
            org: OrgId(Uuid::try_parse(&spec.organization_id).unwrap_or_default()),
            service: self.0.parts.service,
            state: state.clone(),
        };
        let parts = &self.0.parts;
        let run = as_service(
            &parts.signer,
            &parts.world,
            parts.service,
            job.org,
            handler.run(&job).instrument(span),
        );
        let run = tokio::time::timeout(timeout, AssertUnwindSafe(run).catch_unwind());
        let given_up = async {
            state.cancelled.cancelled().await;
            tokio::time::sleep(CANCEL_GRACE).await;
        };
        let ended = tokio::select! {
            ended = run => ended,
            () = given_up => return Outcome::Stopped(Stopped {}),
        };
        match ended {
            Ok(Ok(Ok(()))) => Outcome::Succeeded(Succeeded {}),
            Ok(Ok(Err(_))) if state.cancelled.is_cancelled() => Outcome::Stopped(Stopped {}),
            Ok(Ok(Err(failure))) => failure.into_outcome(),
            Ok(Err(_panic)) => failed("JOB_PANICKED", "the job's code failed".to_owned()),
            Err(_elapsed) => failed("JOB_TIMEOUT", format!("not done within {timeout:?}")),
        }
    }

    fn settle(&self, job_id: Uuid, fence: i64, outcome: Outcome) {
        let lease = Some(LeaseRef {
            job_id: job_id.to_string(),
            fence,
        });
        // Fails only after the reporter has ended, when the lease has run out anyway.
        drop(self.0.settles.send(Settle {
            lease,
            outcome: Some(outcome),
        }));
    }

    async fn report(self, mut settled: mpsc::UnboundedReceiver<Settle>, stop: CancellationToken) {
        let mut sequence = 0;
        loop {
            let mut settles = Vec::new();
            tokio::select! {
                // In this order: what is settled before the stop is still told.
                biased;
                _ = settled.recv_many(&mut settles, 256) => {}
                () = tokio::time::sleep(REPORT) => {}
                () = stop.cancelled() => return,
            }
            let extends = self.due_extends();
            if settles.is_empty() && extends.is_empty() {
                continue;
            }
            sequence += 1;
            let request = ExchangeRequest {
                worker: format!("{}#report", self.0.name),
                settles,
                extends,
                ..self.request(sequence)
            };
            let response = self.exchange(request).await;
            self.heed(&response);
        }
    }

    fn due_extends(&self) -> Vec<Extend> {
        let now = Instant::now();
        let mut running = self.0.running.lock();
        let due = running.iter_mut().filter_map(|(job_id, job)| {
            let progress = job.state.progress.lock().take();
            if progress.is_none() && now.duration_since(job.extended) < HEARTBEAT {
                return None;
            }
            job.extended = now;
            let lease = Some(LeaseRef {
                job_id: job_id.to_string(),
                fence: job.fence,
            });
            Some(Extend { lease, progress })
        });
        due.collect()
    }

    fn heed(&self, response: &ExchangeResponse) {
        let mut running = self.0.running.lock();
        for (job_id, fence) in response.lost.iter().filter_map(known) {
            if running.get(&job_id).is_some_and(|job| job.fence == fence)
                && let Some(job) = running.remove(&job_id)
            {
                tracing::warn!(job.id = %job_id, "lease lost; the job is stopped");
                job.abort.abort();
            } else {
                tracing::warn!(job.id = %job_id, "lease lost; what the job came to is not counted");
            }
        }
        for (job_id, fence) in response.cancelled.iter().filter_map(known) {
            if let Some(job) = running.get(&job_id).filter(|job| job.fence == fence) {
                job.state.cancelled.cancel();
            }
        }
    }

    /// Lets running jobs end; at the `deadline` hands the rest back untouched.
    async fn drain(&self, deadline: Instant) {
        self.0.tasks.close();
        if tokio::time::timeout_at(deadline, self.0.tasks.wait())
            .await
            .is_err()
        {
            let rest: Vec<_> = self.0.running.lock().drain().collect();
            for (job_id, job) in rest {
                job.abort.abort();
                self.settle(job_id, job.fence, Outcome::Released(Released {}));
            }
        }
    }
}

impl JobFailure {
    fn into_outcome(self) -> Outcome {
        let retry_after = self.retry_after.unwrap_or_default().as_millis();
        Outcome::Failed(Failed {
            error: Some(JobError {
                reason: self.reason,
                message: self.message,
            }),
            permanent: self.permanent,
            retry_after_ms: i64::try_from(retry_after).unwrap_or(i64::MAX),
        })
    }
}

fn failed(reason: &str, message: String) -> Outcome {
    let reason = reason.to_owned();
    JobFailure {
        reason,
        message,
        permanent: false,
        retry_after: None,
    }
    .into_outcome()
}

fn known(lease: &LeaseRef) -> Option<(Uuid, i64)> {
    Some((Uuid::try_parse(&lease.job_id).ok()?, lease.fence))
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "localhost".to_owned(), |name| name.trim().to_owned())
}

#[cfg(test)]
mod tests;
