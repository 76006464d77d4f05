//! The service's RPCs.

mod convert;
mod jobs;
mod queues;
mod schedules;
mod watch;
mod workers;

use t11_core::{PageTokens, World};
use t11_proto::jobs::v1::job_service_server::JobServiceServer;
use t11_proto::jobs::v1::queue_service_server::QueueServiceServer;
use t11_proto::jobs::v1::schedule_service_server::ScheduleServiceServer;
use t11_proto::jobs::v1::worker_service_server::WorkerServiceServer;
use tonic::Status;
use tonic::service::Routes;

use crate::error::Error;
use crate::queue::Queue;

/// What the handlers work with.
#[derive(Clone)]
pub(crate) struct Api {
    queue: Queue,
    world: World,
    page_tokens: PageTokens,
}

/// The routes of all services of `jobs`.
pub fn routes(queue: Queue, world: World, page_tokens: PageTokens) -> Routes {
    let api = Api {
        queue,
        world,
        page_tokens,
    };
    Routes::new(JobServiceServer::new(api.clone()))
        .add_service(QueueServiceServer::new(api.clone()))
        .add_service(ScheduleServiceServer::new(api.clone()))
        .add_service(WorkerServiceServer::new(api))
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        t11_grpc::status("jobs", &error)
    }
}
