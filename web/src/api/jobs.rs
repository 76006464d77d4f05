use futures::{Stream, StreamExt as _};
use t11_proto::jobs::v1::job_service_client::JobServiceClient;
use t11_proto::jobs::v1::queue_service_client::QueueServiceClient;
pub(crate) use t11_proto::jobs::v1::watch_jobs_response::Event as JobEvent;
pub(crate) use t11_proto::jobs::v1::{Job, JobState, Queue};
use t11_proto::jobs::v1::{
    CancelJobRequest, ListJobsRequest, ListQueuesRequest, PauseQueueRequest, ResumeQueueRequest,
    RetryJobRequest, WatchJobsRequest,
};
use tonic::Status;

use super::Problem;
use super::transport::Transport;

fn client() -> JobServiceClient<Transport> {
    JobServiceClient::new(Transport::unary())
}

fn queue_client() -> QueueServiceClient<Transport> {
    QueueServiceClient::new(Transport::unary())
}

pub(crate) async fn list(
    states: Vec<JobState>,
    page_token: String,
) -> Result<(Vec<Job>, String), Problem> {
    let request = ListJobsRequest {
        page_size: 50,
        page_token,
        states: states.into_iter().map(i32::from).collect(),
        ..ListJobsRequest::default()
    };
    let page = client().list_jobs(request).await?.into_inner();
    Ok((page.jobs, page.next_page_token))
}

pub(crate) async fn cancel(name: String) -> Result<Job, Problem> {
    Ok(client().cancel_job(CancelJobRequest { name }).await?.into_inner())
}

pub(crate) async fn retry(name: String) -> Result<Job, Problem> {
    Ok(client().retry_job(RetryJobRequest { name }).await?.into_inner())
}

pub(crate) async fn queues() -> Result<Vec<Queue>, Problem> {
    let answer = queue_client().list_queues(ListQueuesRequest {}).await?;
    Ok(answer.into_inner().queues)
}

pub(crate) async fn pause_queue(name: String) -> Result<Queue, Problem> {
    let request = PauseQueueRequest { name };
    Ok(queue_client().pause_queue(request).await?.into_inner())
}

pub(crate) async fn resume_queue(name: String) -> Result<Queue, Problem> {
    let request = ResumeQueueRequest { name };
    Ok(queue_client().resume_queue(request).await?.into_inner())
}

/// Unfinished jobs, then every change; see [`super::live`] for the one stream of a browser.
pub(super) async fn watch() -> Result<impl Stream<Item = Result<JobEvent, Problem>>, Problem> {
    let stream = JobServiceClient::new(Transport::streaming())
        .watch_jobs(WatchJobsRequest {})
        .await?
        .into_inner();
    let events = stream.filter_map(|answer: Result<_, Status>| async move {
        match answer {
            Ok(response) => response.event.map(Ok),
            Err(status) => Some(Err(Problem::from(status))),
        }
    });
    Ok(events)
}
