use prost_types::Timestamp;
use t11_proto::llm::v1::QueryUsageRequest;
pub(crate) use t11_proto::llm::v1::{QueryUsageResponse, Usage, UsageForecast, UsageGrouping};

use super::Problem;
use super::transport::{rpc, unary};

/// What model calls cost from `start` on, to `end` or to now.
pub(crate) async fn query(
    start: Timestamp,
    end: Option<Timestamp>,
    group_by: UsageGrouping,
) -> Result<QueryUsageResponse, Problem> {
    let request = QueryUsageRequest {
        start_time: Some(start),
        end_time: end,
        group_by: group_by.into(),
        ..QueryUsageRequest::default()
    };
    unary(rpc!("/t11.llm.v1.UsageService/QueryUsage"), &request).await
}
