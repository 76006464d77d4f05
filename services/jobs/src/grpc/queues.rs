//! `QueueService`.

use t11_core::OrgScope;
use t11_proto::jobs::v1::queue_service_server::QueueService;
use t11_proto::jobs::v1::{
    ListQueuesRequest, ListQueuesResponse, PauseQueueRequest, Queue, ResumeQueueRequest,
};
use tonic::{Request, Response, Status};

use super::{Api, convert};

#[tonic::async_trait]
impl QueueService for Api {
    async fn list_queues(
        &self,
        request: Request<ListQueuesRequest>,
    ) -> Result<Response<ListQueuesResponse>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let queues = self.queue.store().queues(&scope).await?;
        let queues = queues.into_iter().map(convert::queue).collect();
        Ok(Response::new(ListQueuesResponse { queues }))
    }

    async fn pause_queue(
        &self,
        request: Request<PauseQueueRequest>,
    ) -> Result<Response<Queue>, Status> {
        let scope = t11_grpc::scope(&request)?;
        self.set_paused(&scope, &request.get_ref().name, true).await
    }

    async fn resume_queue(
        &self,
        request: Request<ResumeQueueRequest>,
    ) -> Result<Response<Queue>, Status> {
        let scope = t11_grpc::scope(&request)?;
        self.set_paused(&scope, &request.get_ref().name, false)
            .await
    }
}

impl Api {
    async fn set_paused(
        &self,
        scope: &OrgScope,
        name: &str,
        paused: bool,
    ) -> Result<Response<Queue>, Status> {
        let queue = convert::queue_id(name)?;
        let state = self.queue.set_paused(scope, queue, paused).await?;
        Ok(Response::new(convert::queue(state)))
    }
}
