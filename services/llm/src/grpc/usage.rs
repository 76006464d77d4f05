//! `UsageService`.

use t11_core::World;
use t11_proto::llm::v1::usage_service_server::UsageService;
use t11_proto::llm::v1::{QueryUsageRequest, QueryUsageResponse};
use tonic::{Request, Response, Status};

use super::convert;
use crate::error::Error;
use crate::store::Store;

pub(super) struct Service {
    pub(super) store: Store,
    pub(super) world: World,
}

#[tonic::async_trait]
impl UsageService for Service {
    async fn query_usage(
        &self,
        request: Request<QueryUsageRequest>,
    ) -> Result<Response<QueryUsageResponse>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let query = convert::usage_query(request.into_inner(), self.world.now())?;
        let days = self
            .store
            .usage_by_day(&scope, query)
            .await
            .map_err(Error::from)?;
        Ok(Response::new(convert::query_usage_response(&days)))
    }
}
