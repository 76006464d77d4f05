//! The job that gives one event to the agents.

use async_trait::async_trait;
use prost::Message as _;
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use t11_store::NewJob;
use uuid::Uuid;

use super::dispatch::Dispatcher;
use crate::error::Error;
use crate::event::{self, State};

/// The kind of the job.
pub(crate) const KIND: &str = "crm.dispatch_event";

/// Tries in which an event waits for a Kommo that is away; then it goes on with what is known.
const PATIENT_TRIES: i32 = 3;

#[derive(Clone, PartialEq, prost::Message)]
struct Payload {
    /// UUID of the event.
    #[prost(string, tag = "1")]
    event: String,
}

/// The job of an event, the `replay`th time.
pub(crate) fn job(event: Uuid, replay: i32) -> NewJob {
    let payload = Payload {
        event: event.to_string(),
    };
    let id = event::job_id(KIND, event, replay);
    NewJob::new(id, "crm", KIND, payload.encode_to_vec())
}

/// Gives events to the agents.
pub(crate) struct DispatchEvent(pub(super) Dispatcher);

#[async_trait]
impl JobHandler for DispatchEvent {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let payload = Payload::decode(job.payload.clone()).ok();
        let id = payload.and_then(|payload| Uuid::try_parse(&payload.event).ok());
        let id = id.ok_or_else(super::malformed)?;
        let event = match self.0.store.event(&scope, id).await {
            Ok(event) => event,
            // It went with its connection.
            Err(Error::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if event.state != State::Received {
            return Ok(());
        }
        let may_wait = job.attempt < PATIENT_TRIES;
        Ok(self.0.dispatch(&scope, &event, may_wait).await?)
    }
}
