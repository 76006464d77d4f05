use prost_types::Timestamp;
use t11_proto::crm::v1::ListConnectionsRequest;
use t11_proto::crm::v1::connection_service_client::ConnectionServiceClient;
use t11_proto::llm::v1::model_service_client::ModelServiceClient;
use t11_proto::llm::v1::usage_service_client::UsageServiceClient;
pub(crate) use t11_proto::llm::v1::{ListModelsResponse, Model, QueryUsageResponse, UsageDay};
use t11_proto::llm::v1::{ListModelsRequest, QueryUsageRequest};

use super::Problem;
use super::transport::Transport;

pub(crate) async fn list(query: String, page_token: String) -> Result<ListModelsResponse, Problem> {
    let request = ListModelsRequest {
        page_size: 100,
        page_token,
        query,
    };
    let mut client = ModelServiceClient::new(Transport::unary());
    Ok(client.list_models(request).await?.into_inner())
}

/// What model calls cost since `start`.
pub(crate) async fn usage(start: Option<Timestamp>) -> Result<QueryUsageResponse, Problem> {
    let request = QueryUsageRequest {
        start_time: start,
        end_time: None,
        agent: String::new(),
    };
    let mut client = UsageServiceClient::new(Transport::unary());
    Ok(client.query_usage(request).await?.into_inner())
}

/// How many Kommo accounts are noted.
pub(crate) async fn count_connections() -> Result<usize, Problem> {
    let request = ListConnectionsRequest {
        page_size: 1,
        page_token: String::new(),
    };
    let mut client = ConnectionServiceClient::new(Transport::unary());
    let page = client.list_connections(request).await?.into_inner();
    Ok(page.connections.len())
}
