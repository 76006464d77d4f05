//! Hands the outbox of every service to the jobs service.

use async_trait::async_trait;
use prost_types::Timestamp;
use t11_core::{OrgId, World};
use t11_grpc::{Peer, Signer, as_service};
use t11_proto::jobs::v1::job_service_client::JobServiceClient;
use t11_proto::jobs::v1::{EnqueueJobsRequest, JobSpec};
use t11_store::{JobSink, OutboxJob, SinkError};

/// The jobs service as the place where outboxes are emptied.
pub(crate) struct JobsSink {
    pub(crate) service: &'static str,
    pub(crate) jobs: Peer,
    pub(crate) signer: Signer,
    pub(crate) world: World,
}

#[async_trait]
impl JobSink for JobsSink {
    async fn deliver(&self, jobs: &[OutboxJob]) -> Result<(), SinkError> {
        let request = EnqueueJobsRequest {
            jobs: jobs.iter().map(spec).collect(),
        };
        let call = async {
            JobServiceClient::new(self.jobs.clone())
                .enqueue_jobs(request)
                .await
        };
        as_service(&self.signer, &self.world, self.service, OrgId::NONE, call).await?;
        Ok(())
    }
}

fn spec(job: &OutboxJob) -> JobSpec {
    JobSpec {
        id: job.id.to_string(),
        organization_id: job.org.map(|org| org.to_string()).unwrap_or_default(),
        queue: job.queue.clone(),
        kind: job.kind.clone(),
        payload: job.payload.clone().into(),
        priority: job.priority,
        run_time: Some(Timestamp {
            seconds: job.run_at.timestamp(),
            nanos: i32::try_from(job.run_at.timestamp_subsec_nanos()).unwrap_or(0),
        }),
        ordering_key: job.ordering_key.clone().unwrap_or_default(),
        unique_key: job.unique_key.clone().unwrap_or_default(),
        traceparent: job.trace_context.clone().unwrap_or_default(),
        resource: job.resource.clone(),
        display_name: job.display_name.clone(),
        ..JobSpec::default()
    }
}
