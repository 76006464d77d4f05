use t11_proto::agents::v1::{
    ActivateAgentRequest, ArchiveAgentRequest, CopyAgentRequest, CreateAgentRequest,
    DeleteAgentRequest, GetAgentRequest, GetOverviewRequest, ListAgentsRequest, PauseAgentRequest,
    UpdateAgentRequest,
};
pub(crate) use t11_proto::agents::v1::{
    Agent, AgentState, AnswerMode, Creativity, GuardLevel, HoursMode, LanguageMode,
    ListAgentsResponse, Overview, WorkingInterval,
};

use super::transport::{rpc, unary};
use super::{Problem, mask, request_id};

/// What the list of agents is narrowed to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AgentFilter {
    pub(crate) query: String,
    pub(crate) state: Option<AgentState>,
    pub(crate) model: String,
    pub(crate) order_by: String,
}

pub(crate) async fn list(
    filter: AgentFilter,
    page_token: String,
) -> Result<ListAgentsResponse, Problem> {
    let request = ListAgentsRequest {
        page_size: 50,
        page_token,
        query: filter.query,
        states: filter.state.map(i32::from).into_iter().collect(),
        model: filter.model,
        order_by: filter.order_by,
    };
    unary(rpc!("/t11.agents.v1.AgentService/ListAgents"), &request).await
}

/// The first hundred agents that are not archived: for menus.
pub(crate) async fn all() -> Result<Vec<Agent>, Problem> {
    let request = ListAgentsRequest {
        page_size: 100,
        order_by: "display_name".to_owned(),
        ..ListAgentsRequest::default()
    };
    let page: ListAgentsResponse =
        unary(rpc!("/t11.agents.v1.AgentService/ListAgents"), &request).await?;
    Ok(page.agents)
}

pub(crate) async fn get(name: String) -> Result<Agent, Problem> {
    unary(
        rpc!("/t11.agents.v1.AgentService/GetAgent"),
        &GetAgentRequest { name },
    )
    .await
}

pub(crate) async fn create(agent: Agent) -> Result<Agent, Problem> {
    let request = CreateAgentRequest {
        agent: Some(agent),
        request_id: request_id(),
    };
    unary(rpc!("/t11.agents.v1.AgentService/CreateAgent"), &request).await
}

/// Replaces everything that people may change.
pub(crate) async fn replace(agent: Agent) -> Result<Agent, Problem> {
    let request = UpdateAgentRequest {
        agent: Some(agent),
        update_mask: mask(&["*"]),
    };
    unary(rpc!("/t11.agents.v1.AgentService/UpdateAgent"), &request).await
}

pub(crate) async fn copy(name: String) -> Result<Agent, Problem> {
    let request = CopyAgentRequest {
        name,
        display_name: String::new(),
        request_id: request_id(),
    };
    unary(rpc!("/t11.agents.v1.AgentService/CopyAgent"), &request).await
}

pub(crate) async fn activate(name: String) -> Result<Agent, Problem> {
    let request = ActivateAgentRequest { name };
    unary(rpc!("/t11.agents.v1.AgentService/ActivateAgent"), &request).await
}

pub(crate) async fn pause(name: String) -> Result<Agent, Problem> {
    unary(
        rpc!("/t11.agents.v1.AgentService/PauseAgent"),
        &PauseAgentRequest { name },
    )
    .await
}

pub(crate) async fn archive(name: String) -> Result<Agent, Problem> {
    let request = ArchiveAgentRequest { name };
    unary(rpc!("/t11.agents.v1.AgentService/ArchiveAgent"), &request).await
}

pub(crate) async fn delete(name: String, etag: String) -> Result<(), Problem> {
    unary::<()>(
        rpc!("/t11.agents.v1.AgentService/DeleteAgent"),
        &DeleteAgentRequest { name, etag },
    )
    .await?;
    Ok(())
}

/// The numbers of the dashboard.
pub(crate) async fn overview() -> Result<Overview, Problem> {
    unary(
        rpc!("/t11.agents.v1.AnalyticsService/GetOverview"),
        &GetOverviewRequest {},
    )
    .await
}
