use prost_types::Timestamp;
use t11_proto::llm::v1::{ListModelsRequest, QueryUsageRequest};
pub(crate) use t11_proto::llm::v1::{ListModelsResponse, Model, QueryUsageResponse};

use super::Problem;
use super::transport::{rpc, unary};

pub(crate) async fn list(query: String, page_token: String) -> Result<ListModelsResponse, Problem> {
    let request = ListModelsRequest {
        page_size: 100,
        page_token,
        query,
    };
    unary(rpc!("/t11.llm.v1.ModelService/ListModels"), &request).await
}

/// What model calls cost since `start`.
pub(crate) async fn usage(start: Option<Timestamp>) -> Result<QueryUsageResponse, Problem> {
    let request = QueryUsageRequest {
        start_time: start,
        end_time: None,
        agent: String::new(),
    };
    unary(rpc!("/t11.llm.v1.UsageService/QueryUsage"), &request).await
}
