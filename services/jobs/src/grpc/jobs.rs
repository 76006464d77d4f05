//! `JobService`.

use t11_core::{PageTokens, parse_name};
use t11_grpc::ResponseStream;
use t11_proto::jobs::v1::job_service_server::JobService;
use t11_proto::jobs::v1::{
    CancelJobRequest, EnqueueJobsRequest, EnqueueJobsResponse, GetJobRequest, Job, ListJobsRequest,
    ListJobsResponse, RetryJobRequest, WatchJobsRequest, WatchJobsResponse,
};
use tonic::{Request, Response, Status};

use super::{Api, convert, watch};
use crate::error::Error;

const DEFAULT_PAGE: u64 = 50;
const MAX_PAGE: u64 = 200;

#[tonic::async_trait]
impl JobService for Api {
    async fn get_job(&self, request: Request<GetJobRequest>) -> Result<Response<Job>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("jobs", &request.get_ref().name).map_err(Error::from)?;
        let job = self.queue.store().job(&scope, id).await?;
        Ok(Response::new(convert::job(job)))
    }

    async fn list_jobs(
        &self,
        request: Request<ListJobsRequest>,
    ) -> Result<Response<ListJobsResponse>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let asked = request.into_inner();
        let filter = convert::filter(&asked)?;
        let arguments = format!("ListJobs {} {filter:?}", scope.org());
        let tokens: &PageTokens = &self.page_tokens;
        let page = tokens
            .read(
                &arguments,
                asked.page_size,
                &asked.page_token,
                DEFAULT_PAGE,
                MAX_PAGE,
            )
            .map_err(Error::from)?;
        let page = self
            .queue
            .store()
            .list(&scope, filter, page)
            .await?
            .map(convert::job);
        let next_page_token = tokens.write(&arguments, page.next_cursor.as_deref());
        Ok(Response::new(ListJobsResponse {
            jobs: page.items,
            next_page_token,
        }))
    }

    async fn cancel_job(
        &self,
        request: Request<CancelJobRequest>,
    ) -> Result<Response<Job>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("jobs", &request.get_ref().name).map_err(Error::from)?;
        let job = self.queue.cancel(&scope, id).await?;
        Ok(Response::new(convert::job(job)))
    }

    async fn retry_job(&self, request: Request<RetryJobRequest>) -> Result<Response<Job>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("jobs", &request.get_ref().name).map_err(Error::from)?;
        let job = self.queue.retry(&scope, id).await?;
        Ok(Response::new(convert::job(job)))
    }

    type WatchJobsStream = ResponseStream<WatchJobsResponse>;

    async fn watch_jobs(
        &self,
        request: Request<WatchJobsRequest>,
    ) -> Result<Response<Self::WatchJobsStream>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let queue = self.queue.clone();
        let housekeeping = request.get_ref().show_housekeeping;
        Ok(Response::new(t11_grpc::stream(move |events| {
            watch::watch(queue, scope, housekeeping, events)
        })))
    }

    async fn enqueue_jobs(
        &self,
        request: Request<EnqueueJobsRequest>,
    ) -> Result<Response<EnqueueJobsResponse>, Status> {
        let jobs = convert::new_jobs(request.into_inner().jobs)?;
        let enqueued = self.queue.enqueue(jobs).await?;
        let results = enqueued.into_iter().map(convert::enqueued).collect();
        Ok(Response::new(EnqueueJobsResponse { results }))
    }
}
