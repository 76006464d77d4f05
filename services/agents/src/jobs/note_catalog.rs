//! The job by which crm tells that an account is set up differently.

use std::sync::Arc;

use async_trait::async_trait;
use prost::Message as _;
use t11_core::{Fault as _, FaultKind, parse_name};
use t11_proto::agents::v1::CatalogChange;
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use uuid::Uuid;

use crate::briefing::Briefing;

/// The kind of the job.
pub(crate) const KIND: &str = "agents.note_catalog";

/// Notes what settings name and an account has no longer.
pub(crate) struct NoteCatalog(pub(crate) Arc<Briefing>);

#[async_trait]
impl JobHandler for NoteCatalog {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let connection = read(&job.payload)
            .ok_or_else(|| super::malformed("the job does not name a connection"))?;
        match self.0.note_catalog(&scope, connection).await {
            // Deleted meanwhile.
            Err(error) if error.kind() == FaultKind::NotFound => Ok(()),
            noted => Ok(noted?),
        }
    }
}

fn read(payload: &[u8]) -> Option<Uuid> {
    let change = CatalogChange::decode(payload).ok()?;
    parse_name("connections", &change.connection).ok()
}
