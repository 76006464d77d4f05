use t11_proto::llm::v1::ListModelsRequest;
pub(crate) use t11_proto::llm::v1::{ListModelsResponse, Model};

use super::Problem;
use super::transport::{rpc, unary};

/// The first hundred whose names contain `query`.
pub(crate) async fn list(query: String, page_token: String) -> Result<ListModelsResponse, Problem> {
    let request = ListModelsRequest {
        page_size: 100,
        page_token,
        query,
    };
    page(&request).await
}

/// Every model that can be called now: OpenRouter has some hundreds.
pub(crate) async fn all() -> Result<ListModelsResponse, Problem> {
    let mut request = ListModelsRequest {
        page_size: 1_000,
        ..ListModelsRequest::default()
    };
    let mut whole = page(&request).await?;
    while !whole.next_page_token.is_empty() {
        request.page_token = std::mem::take(&mut whole.next_page_token);
        let next = page(&request).await?;
        whole.models.extend(next.models);
        whole.next_page_token = next.next_page_token;
    }
    Ok(whole)
}

async fn page(request: &ListModelsRequest) -> Result<ListModelsResponse, Problem> {
    unary(rpc!("/t11.llm.v1.ModelService/ListModels"), request).await
}
