//! The job by which agents say what became of an event.

use async_trait::async_trait;
use prost::Message as _;
use t11_proto::crm::v1::EventVerdict;
use t11_runtime::{JobFailure, JobHandler, RunningJob};

use super::dispatch::event_id;
use crate::store::{Store, Verdict};

/// The kind of the job; its payload is an [`EventVerdict`].
pub(crate) const KIND: &str = "crm.note_verdict";

/// Notes verdicts.
pub(crate) struct NoteVerdict(pub(crate) Store);

#[async_trait]
impl JobHandler for NoteVerdict {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let payload = EventVerdict::decode(job.payload.clone()).map_err(|_| super::malformed())?;
        let event = event_id(&payload.event).filter(|_| !payload.verdict.is_empty());
        let event = event.ok_or_else(super::malformed)?;
        let verdict = Verdict {
            word: payload.verdict,
            conversation: payload.conversation,
            turn: payload.turn,
        };
        Ok(self.0.note_verdict(&scope, event, verdict).await?)
    }
}
