//! `WorkerService`.

use t11_proto::jobs::v1::worker_service_server::WorkerService;
use t11_proto::jobs::v1::{ExchangeRequest, ExchangeResponse};
use tonic::{Request, Response, Status};

use super::{Api, convert};

#[tonic::async_trait]
impl WorkerService for Api {
    async fn exchange(
        &self,
        request: Request<ExchangeRequest>,
    ) -> Result<Response<ExchangeResponse>, Status> {
        let (call, max_wait) = convert::call(request.into_inner())?;
        let exchanged = self.queue.exchange(call, max_wait).await?;
        Ok(Response::new(convert::exchanged(exchanged)))
    }
}
