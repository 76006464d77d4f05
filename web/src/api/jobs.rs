use futures::{Stream, StreamExt as _};
pub(crate) use t11_proto::jobs::v1::watch_jobs_response::Event as JobEvent;
use t11_proto::jobs::v1::{
    CancelJobRequest, ListJobsRequest, ListJobsResponse, ListQueuesRequest, ListQueuesResponse,
    PauseQueueRequest, ResumeQueueRequest, RetryJobRequest, WatchJobsRequest, WatchJobsResponse,
};
pub(crate) use t11_proto::jobs::v1::{Job, JobState, Queue};

use super::Problem;
use super::transport::{rpc, server_stream, unary};

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
    let page: ListJobsResponse = unary(rpc!("/t11.jobs.v1.JobService/ListJobs"), &request).await?;
    Ok((page.jobs, page.next_page_token))
}

pub(crate) async fn cancel(name: String) -> Result<Job, Problem> {
    unary(
        rpc!("/t11.jobs.v1.JobService/CancelJob"),
        &CancelJobRequest { name },
    )
    .await
}

pub(crate) async fn retry(name: String) -> Result<Job, Problem> {
    unary(
        rpc!("/t11.jobs.v1.JobService/RetryJob"),
        &RetryJobRequest { name },
    )
    .await
}

pub(crate) async fn queues() -> Result<Vec<Queue>, Problem> {
    let answer: ListQueuesResponse = unary(
        rpc!("/t11.jobs.v1.QueueService/ListQueues"),
        &ListQueuesRequest {},
    )
    .await?;
    Ok(answer.queues)
}

pub(crate) async fn pause_queue(name: String) -> Result<Queue, Problem> {
    let request = PauseQueueRequest { name };
    unary(rpc!("/t11.jobs.v1.QueueService/PauseQueue"), &request).await
}

pub(crate) async fn resume_queue(name: String) -> Result<Queue, Problem> {
    let request = ResumeQueueRequest { name };
    unary(rpc!("/t11.jobs.v1.QueueService/ResumeQueue"), &request).await
}

/// Unfinished jobs, then every change; see [`super::live`] for the one stream of a browser.
pub(super) async fn watch() -> Result<impl Stream<Item = Result<JobEvent, Problem>>, Problem> {
    let path = rpc!("/t11.jobs.v1.JobService/WatchJobs");
    let answers = server_stream::<WatchJobsResponse, _>(path, &WatchJobsRequest::default()).await?;
    Ok(answers.filter_map(|answer| async move {
        match answer {
            Ok(response) => response.event.map(Ok),
            Err(problem) => Some(Err(problem)),
        }
    }))
}
