//! Versions of agents.

pub(crate) use t11_proto::agents::v1::{AgentVersion, DiffAgentVersionsResponse, VersionChange};
use t11_proto::agents::v1::{
    DiffAgentVersionsRequest, ListAgentVersionsRequest, ListAgentVersionsResponse,
    PublishAgentRequest, RestoreAgentVersionRequest,
};

use super::transport::{rpc, unary};
use super::{Problem, request_id};
use crate::query::Page;

const PAGE_SIZE: i32 = 25;

pub(crate) async fn list(
    parent: String,
    page_token: String,
) -> Result<Page<AgentVersion>, Problem> {
    let request = ListAgentVersionsRequest {
        parent,
        page_size: PAGE_SIZE,
        page_token,
    };
    let path = rpc!("/t11.agents.v1.AgentVersionService/ListAgentVersions");
    let page: ListAgentVersionsResponse = unary(path, &request).await?;
    Ok(Page::new(page.versions, page.next_page_token))
}

pub(crate) async fn publish(
    name: String,
    note: String,
    override_reason: String,
) -> Result<AgentVersion, Problem> {
    let path = rpc!("/t11.agents.v1.AgentVersionService/PublishAgent");
    let request = PublishAgentRequest {
        name,
        note,
        override_reason,
        request_id: request_id(),
    };
    unary(path, &request).await
}

pub(crate) async fn restore(name: String, copy_to_draft: bool) -> Result<AgentVersion, Problem> {
    let path = rpc!("/t11.agents.v1.AgentVersionService/RestoreAgentVersion");
    let request = RestoreAgentVersionRequest {
        name,
        copy_to_draft,
    };
    unary(path, &request).await
}

/// What differs: an empty `base` is the live version, an empty `other` the draft.
pub(crate) async fn diff(
    agent: String,
    base: String,
    other: String,
) -> Result<DiffAgentVersionsResponse, Problem> {
    let path = rpc!("/t11.agents.v1.AgentVersionService/DiffAgentVersions");
    let request = DiffAgentVersionsRequest { agent, base, other };
    unary(path, &request).await
}
