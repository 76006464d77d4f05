//! The job that does one step of a sequence.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use prost::Message as _;
use t11_core::{World, format_name};
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use t11_store::NewJob;
use uuid::Uuid;

use crate::live::{Attempt, Desk};

/// The kind of the job.
pub(crate) const KIND: &str = "agents.run_sequence_step";

#[derive(Clone, PartialEq, prost::Message)]
struct Payload {
    /// UUID of the execution.
    #[prost(string, tag = "1")]
    execution: String,
    /// From 0; nothing is done when it is not the one that comes next.
    #[prost(int32, tag = "2")]
    step: i32,
}

/// The job that does `step` at `time`.
pub(crate) fn job(
    world: &World,
    conversation: Uuid,
    (execution, step): (Uuid, i32),
    time: DateTime<Utc>,
) -> NewJob {
    let payload = Payload {
        execution: execution.to_string(),
        step,
    };
    NewJob {
        run_at: Some(time),
        resource: format_name("conversations", conversation),
        ..NewJob::new(world.new_id(), "agents", KIND, payload.encode_to_vec())
    }
}

/// The execution and the step of a job.
pub(crate) fn read(payload: &[u8]) -> Option<(Uuid, i32)> {
    let payload = Payload::decode(payload).ok()?;
    Some((Uuid::try_parse(&payload.execution).ok()?, payload.step))
}

/// Does steps.
pub(crate) struct RunStep(pub(crate) Arc<Desk>);

#[async_trait]
impl JobHandler for RunStep {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let step =
            read(&job.payload).ok_or_else(|| super::malformed("the job does not name a step"))?;
        let attempt = Attempt {
            fence: job.fence,
            number: job.attempt,
        };
        Ok(Box::pin(self.0.run_step(&scope, step, attempt)).await?)
    }
}
