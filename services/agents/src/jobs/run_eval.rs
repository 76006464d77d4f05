//! The job that tries the cases of a suite. Run again after a crash it tries what was not tried yet.

use async_trait::async_trait;
use prost::Message as _;
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use uuid::Uuid;

use crate::evaluator::Evaluator;

/// The kind of the job.
pub(crate) const KIND: &str = "agents.run_eval";

#[derive(Clone, PartialEq, prost::Message)]
struct Payload {
    /// UUID of the run.
    #[prost(string, tag = "1")]
    run: String,
}

/// The payload of the job of a run.
pub(crate) fn payload(run: Uuid) -> Vec<u8> {
    let run = run.to_string();
    Payload { run }.encode_to_vec()
}

/// Runs suites.
pub(crate) struct RunEval(pub(crate) Evaluator);

#[async_trait]
impl JobHandler for RunEval {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let payload = Payload::decode(job.payload.clone()).ok();
        let run = payload.and_then(|payload| Uuid::try_parse(&payload.run).ok());
        let run = run.ok_or_else(|| super::malformed("the job does not name a run"))?;
        Ok(Box::pin(self.0.run(&scope, run, job)).await?)
    }
}
