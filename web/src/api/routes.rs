//! The organization's own names for models, and what a call would do.

pub(crate) use t11_proto::llm::v1::{
    BreakerState, BudgetLeft, Cache, CacheVerdict, Candidate, Exclusion, ExplainResponse, Route,
    RouteTarget, TargetHealth,
};
use t11_proto::llm::v1::{
    DeleteRouteRequest, ExplainRequest, ListRoutesRequest, ListRoutesResponse, SetRouteRequest,
};

use super::Problem;
use super::completions::CompleteRequest;
use super::transport::{rpc, unary};

/// By alias, with the health of every target.
pub(crate) async fn all() -> Result<Vec<Route>, Problem> {
    let path = rpc!("/t11.llm.v1.RouteService/ListRoutes");
    let answer: ListRoutesResponse = unary(path, &ListRoutesRequest {}).await?;
    Ok(answer.routes)
}

/// Makes the route of an alias, or replaces it.
pub(crate) async fn set(route: Route) -> Result<Route, Problem> {
    let request = SetRouteRequest {
        alias: route.alias,
        targets: route.targets,
        hedge_delay_ms: route.hedge_delay_ms,
        cache: route.cache,
    };
    unary(rpc!("/t11.llm.v1.RouteService/SetRoute"), &request).await
}

pub(crate) async fn delete(name: String) -> Result<(), Problem> {
    let path = rpc!("/t11.llm.v1.RouteService/DeleteRoute");
    unary::<()>(path, &DeleteRouteRequest { name }).await
}

/// What the call would do now; nobody is asked.
pub(crate) async fn explain(completion: CompleteRequest) -> Result<ExplainResponse, Problem> {
    let request = ExplainRequest {
        completion: Some(completion),
    };
    unary(rpc!("/t11.llm.v1.RouteService/Explain"), &request).await
}
