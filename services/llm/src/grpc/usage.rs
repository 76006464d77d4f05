//! `UsageService`.

use t11_core::World;
use t11_proto::llm::v1::usage_service_server::UsageService;
use t11_proto::llm::v1::{QueryUsageRequest, QueryUsageResponse};
use tonic::{Request, Response, Status};

use super::convert;
use crate::allowance::Allowances;
use crate::error::Error;
use crate::forecast;
use crate::store::Store;

pub(super) struct Service {
    pub(super) store: Store,
    pub(super) allowances: Allowances,
    pub(super) world: World,
}

#[tonic::async_trait]
impl UsageService for Service {
    async fn query_usage(
        &self,
        request: Request<QueryUsageRequest>,
    ) -> Result<Response<QueryUsageResponse>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let grouping = convert::grouping(&request);
        let now = self.world.now();
        let query = convert::usage_query(request, now)?;
        self.allowances.settled(&scope).await;
        let basis = self
            .store
            .usage_by_day(&scope, forecast::basis(query.agent.clone(), now));
        let forecast = forecast::forecast(&basis.await.map_err(Error::from)?, now);
        let by_day = self.store.usage_by_day(&scope, query.clone());
        let days = by_day.await.map_err(Error::from)?;
        let groups = match grouping {
            Some(grouping) => {
                let by_group = self.store.usage_by_group(&scope, query, grouping);
                by_group.await.map_err(Error::from)?
            }
            None => Vec::new(),
        };
        let response = convert::query_usage_response(&days, groups, forecast);
        Ok(Response::new(response))
    }
}
