//! Between protos and the domain, nothing else.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use prost_types::Timestamp;
use t11_core::Violations;
use t11_proto::jobs::v1 as pb;
use uuid::Uuid;

use crate::error::Error;
use crate::job::{Job, JobError, NewJob, Progress, State};
use crate::lease::Outcome;
use crate::queue::Exchanged;
use crate::schedule::{Schedule, Timetable};
use crate::store::{
    Call, Enqueued, Extension, Filter, Lease, Leased, QueueState, Settlement, Want,
};

/// Jobs of one request.
const MAX_JOBS: usize = 1000;
/// Leases one exchange may speak of.
const MAX_LEASES: usize = 1000;
/// Queues a worker may want.
const MAX_WANTS: usize = 16;
/// Slots filled by one exchange; a worker with more asks again.
const MAX_SLOTS: usize = 256;
/// Below every proxy's own limit.
const MAX_WAIT: Duration = Duration::from_secs(20);
/// Kept of an error's text.
const MAX_MESSAGE: usize = 4096;

pub(super) fn job(job: Job) -> pb::Job {
    let name = job.name();
    pb::Job {
        name,
        queue: job.queue,
        kind: job.kind,
        state: state(job.state).into(),
        resource: job.resource,
        display_name: job.display_name,
        priority: job.priority,
        attempt: job.attempt,
        max_attempts: job.max_attempts,
        lost: job.lost,
        progress: Some(pb::JobProgress {
            step: job.progress.step,
            done: job.progress.done,
            total: job.progress.total,
            percent: job.progress.percent,
        }),
        error: job.error.map(|error| pb::JobError {
            reason: error.reason,
            message: error.message,
        }),
        ordering_key: job.ordering_key.unwrap_or_default(),
        create_time: Some(timestamp(job.create_time)),
        run_time: Some(timestamp(job.run_time)),
        start_time: job.start_time.map(timestamp),
        end_time: job.end_time.map(timestamp),
        update_time: Some(timestamp(job.update_time)),
    }
}

fn state(state: State) -> pb::JobState {
    match state {
        State::Scheduled => pb::JobState::Scheduled,
        State::Ready | State::Blocked => pb::JobState::Ready,
        State::Running => pb::JobState::Running,
        State::Retrying => pb::JobState::Retrying,
        State::Succeeded => pb::JobState::Succeeded,
        State::Dead => pb::JobState::Dead,
        State::Cancelled => pb::JobState::Cancelled,
    }
}

pub(super) fn filter(asked: &pb::ListJobsRequest) -> Result<Filter, Error> {
    let mut violations = Violations::default();
    let mut states = Vec::new();
    for (index, value) in asked.states.iter().enumerate() {
        match pb::JobState::try_from(*value) {
            Ok(asked) if asked != pb::JobState::Unspecified => {
                states.extend(
                    State::ALL
                        .into_iter()
                        .filter(|known| state(*known) == asked),
                );
            }
            _ => violations.add(
                format!("states[{index}]"),
                "INVALID",
                "not a state of a job",
            ),
        }
    }
    states.sort();
    states.dedup();
    let kind = violations.text("kind", &asked.kind, 0, 128);
    let resource = violations.text("resource", &asked.resource, 0, 256);
    violations.check()?;
    Ok(Filter {
        states,
        kind,
        resource,
        housekeeping: asked.show_housekeeping,
    })
}

pub(super) fn new_jobs(specs: Vec<pb::JobSpec>) -> Result<Vec<NewJob>, Error> {
    let mut violations = Violations::default();
    if specs.len() > MAX_JOBS {
        violations.add(
            "jobs",
            "TOO_LONG",
            format!("at most {MAX_JOBS} jobs at once"),
        );
        violations.check()?;
        return Ok(Vec::new());
    }
    let jobs = specs
        .into_iter()
        .enumerate()
        .map(|(index, spec)| new_job(&format!("jobs[{index}]"), spec, &mut violations))
        .collect();
    violations.check()?;
    Ok(jobs)
}

fn new_job(field: &str, spec: pb::JobSpec, violations: &mut Violations) -> NewJob {
    let job = NewJob {
        id: uuid(&format!("{field}.id"), &spec.id, violations),
        org: match spec.organization_id.as_str() {
            "" => Uuid::nil(),
            id => uuid(&format!("{field}.organization_id"), id, violations),
        },
        queue: spec.queue,
        kind: spec.kind,
        payload: spec.payload.into(),
        priority: spec.priority,
        run_time: spec.run_time.and_then(|time| {
            let run_time =
                DateTime::from_timestamp(time.seconds, time.nanos.try_into().unwrap_or(0));
            if run_time.is_none() {
                violations.add(
                    format!("{field}.run_time"),
                    "OUT_OF_RANGE",
                    "not a point in time",
                );
            }
            run_time.map(to_micros)
        }),
        ordering_key: some(spec.ordering_key),
        unique_key: some(spec.unique_key),
        max_attempts: spec.max_attempts,
        timeout_ms: spec.timeout_ms,
        resource: spec.resource,
        display_name: spec.display_name,
        traceparent: some(spec.traceparent),
    };
    job.check(field, violations);
    job
}

/// Cut to what both databases store.
fn to_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    use chrono::SubsecRound as _;
    time.trunc_subsecs(6)
}

fn uuid(field: &str, text: &str, violations: &mut Violations) -> Uuid {
    Uuid::try_parse(text).unwrap_or_else(|_| {
        violations.add(field, "INVALID", "not a UUID");
        Uuid::nil()
    })
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

pub(super) fn enqueued(enqueued: Enqueued) -> pb::EnqueueResult {
    pb::EnqueueResult {
        name: format!("jobs/{}", enqueued.id),
        duplicate: enqueued.is_duplicate,
    }
}

pub(super) fn call(request: pb::ExchangeRequest) -> Result<(Call, Duration), Error> {
    let mut violations = Violations::default();
    violations.text("worker", &request.worker, 1, 256);
    if request.settles.len() + request.extends.len() > MAX_LEASES {
        violations.add(
            "settles",
            "TOO_LONG",
            format!("at most {MAX_LEASES} leases at once"),
        );
    }
    if request.wants.len() > MAX_WANTS {
        violations.add(
            "wants",
            "TOO_LONG",
            format!("at most {MAX_WANTS} queues at once"),
        );
    }
    violations.range("sequence", request.sequence, 0, i64::MAX);
    let boot = uuid("boot", &request.boot, &mut violations);
    let settlements = request.settles.into_iter().enumerate();
    let settlements = settlements
        .filter_map(|(index, settle)| {
            settlement(&format!("settles[{index}]"), settle, &mut violations)
        })
        .collect();
    let extensions = request.extends.into_iter().enumerate();
    let extensions = extensions
        .map(|(index, extend)| Extension {
            lease: lease(
                &format!("extends[{index}].lease"),
                extend.lease,
                &mut violations,
            ),
            progress: extend.progress.map(progress),
        })
        .collect();
    violations.check()?;
    let leaving = request.leaving;
    let wants = if leaving {
        Vec::new()
    } else {
        wants(request.wants)
    };
    let max_wait = Duration::from_millis(request.max_wait_ms.try_into().unwrap_or(0)).min(MAX_WAIT);
    let (worker, sequence) = (request.worker, request.sequence);
    Ok((
        Call {
            worker,
            boot,
            sequence,
            settlements,
            extensions,
            wants,
            leaving,
        },
        max_wait,
    ))
}

/// The wants that want something, of `MAX_SLOTS` slots in all.
fn wants(asked: Vec<pb::Want>) -> Vec<Want> {
    let mut left = MAX_SLOTS;
    let cut = asked.into_iter().map(|want| {
        let slots = usize::try_from(want.slots).unwrap_or(0).min(left);
        left -= slots;
        Want {
            queue: want.queue,
            slots,
        }
    });
    cut.filter(|want| want.slots > 0).collect()
}

fn settlement(field: &str, settle: pb::Settle, violations: &mut Violations) -> Option<Settlement> {
    let lease = lease(&format!("{field}.lease"), settle.lease, violations);
    let Some(outcome) = settle.outcome else {
        violations.add(
            format!("{field}.outcome"),
            "REQUIRED",
            "how it ended must be given",
        );
        return None;
    };
    let outcome = match outcome {
        pb::settle::Outcome::Succeeded(_) => Outcome::Succeeded,
        pb::settle::Outcome::Failed(failed) => Outcome::Failed {
            error: error(failed.error.unwrap_or_default()),
            permanent: failed.permanent,
            retry_after: TimeDelta::milliseconds(
                failed.retry_after_ms.clamp(0, MAX_RETRY_AFTER_MS),
            ),
        },
        pb::settle::Outcome::Released(_) => Outcome::Released,
        pb::settle::Outcome::Stopped(_) => Outcome::Stopped,
    };
    Some(Settlement { lease, outcome })
}

const MAX_RETRY_AFTER_MS: i64 = 30 * 24 * 60 * 60 * 1000;

fn error(error: pb::JobError) -> JobError {
    let reason = if error.reason.is_empty() {
        "UNKNOWN".to_owned()
    } else {
        error.reason
    };
    JobError {
        reason: reason.chars().take(128).collect(),
        message: error.message.chars().take(MAX_MESSAGE).collect(),
    }
}

fn progress(progress: pb::JobProgress) -> Progress {
    Progress {
        step: progress.step.chars().take(64).collect(),
        done: progress.done.max(0),
        total: progress.total.max(0),
        percent: progress.percent.clamp(0, 100),
    }
}

fn lease(field: &str, lease: Option<pb::LeaseRef>, violations: &mut Violations) -> Lease {
    let lease = lease.unwrap_or_default();
    Lease {
        job: uuid(&format!("{field}.job_id"), &lease.job_id, violations),
        fence: lease.fence,
    }
}

pub(super) fn exchanged(exchanged: Exchanged) -> pb::ExchangeResponse {
    let Exchanged { answer, drain } = exchanged;
    let refs = |leases: Vec<Lease>| leases.into_iter().map(lease_ref).collect();
    pb::ExchangeResponse {
        leases: answer.leases.into_iter().map(leased).collect(),
        lost: refs(answer.lost),
        cancelled: refs(answer.cancelled),
        drain,
    }
}

fn lease_ref(lease: Lease) -> pb::LeaseRef {
    pb::LeaseRef {
        job_id: lease.job.to_string(),
        fence: lease.fence,
    }
}

fn leased(leased: Leased) -> pb::Lease {
    let lease = leased.lease();
    let Leased { job, payload } = leased;
    pb::Lease {
        r#ref: Some(lease_ref(lease)),
        attempt: job.attempt,
        expire_time: job
            .holder
            .as_ref()
            .map(|holder| timestamp(holder.expire_time)),
        job: Some(pb::JobSpec {
            id: job.id.to_string(),
            organization_id: organization_id(job.org.0),
            queue: job.queue,
            kind: job.kind,
            payload: payload.into(),
            priority: job.priority,
            run_time: Some(timestamp(job.run_time)),
            ordering_key: job.ordering_key.unwrap_or_default(),
            unique_key: job.unique_key.unwrap_or_default(),
            max_attempts: job.max_attempts,
            timeout_ms: job.timeout.num_milliseconds(),
            resource: job.resource,
            display_name: job.display_name,
            traceparent: job.traceparent.unwrap_or_default(),
        }),
    }
}

fn organization_id(org: Uuid) -> String {
    if org.is_nil() {
        String::new()
    } else {
        org.to_string()
    }
}

/// The queue of `queues/{queue}`.
pub(super) fn queue_id(name: &str) -> Result<String, Error> {
    match name.strip_prefix("queues/") {
        Some(queue) if !queue.is_empty() && !queue.contains('/') => Ok(queue.to_owned()),
        _ => Err(Error::QueueNotFound),
    }
}

pub(super) fn queue(state: QueueState) -> pb::Queue {
    let QueueState {
        line,
        oldest_ready_time,
    } = state;
    pb::Queue {
        name: format!("queues/{}", line.queue),
        paused: line.paused,
        scheduled: line.scheduled,
        ready: line.ready + line.blocked,
        running: line.running,
        retrying: line.retrying,
        dead: line.dead,
        oldest_ready_time: oldest_ready_time.map(timestamp),
    }
}

pub(super) fn new_schedule(
    asked: pb::Schedule,
    now: DateTime<Utc>,
) -> Result<(Schedule, Timetable), Error> {
    let mut violations = Violations::default();
    let key = violations.text("schedule.key", &asked.key, 1, 256);
    let timetable = Timetable::parse(&asked.cron, &asked.time_zone, &mut violations);
    // The id comes from the schedule and the due time.
    let spec = pb::JobSpec {
        id: Uuid::nil().to_string(),
        run_time: None,
        ..asked.job.unwrap_or_default()
    };
    let job = new_job("schedule.job", spec, &mut violations);
    violations.clone().check()?;
    let timetable = timetable.ok_or(Error::Invalid(violations))?;
    let (cron, time_zone) = (asked.cron, asked.time_zone);
    let schedule = Schedule {
        key,
        cron,
        time_zone,
        job,
        next_run_time: now,
        last_run_time: None,
    };
    Ok((schedule, timetable))
}

pub(super) fn schedule(schedule: Schedule) -> pb::Schedule {
    let job = schedule.job;
    pb::Schedule {
        key: schedule.key,
        cron: schedule.cron,
        time_zone: schedule.time_zone,
        job: Some(pb::JobSpec {
            organization_id: organization_id(job.org),
            queue: job.queue,
            kind: job.kind,
            payload: job.payload.into(),
            priority: job.priority,
            ordering_key: job.ordering_key.unwrap_or_default(),
            unique_key: job.unique_key.unwrap_or_default(),
            max_attempts: job.max_attempts,
            timeout_ms: job.timeout_ms,
            resource: job.resource,
            display_name: job.display_name,
            traceparent: job.traceparent.unwrap_or_default(),
            ..pb::JobSpec::default()
        }),
        next_run_time: Some(timestamp(schedule.next_run_time)),
        last_run_time: schedule.last_run_time.map(timestamp),
    }
}

fn timestamp(time: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: time.timestamp(),
        nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or(0),
    }
}
