use t11_proto::agents::v1::agent_service_client::AgentServiceClient;
use t11_proto::agents::v1::analytics_service_client::AnalyticsServiceClient;
pub(crate) use t11_proto::agents::v1::{
    Agent, AgentState, AnswerMode, Creativity, GuardLevel, HoursMode, LanguageMode,
    ListAgentsResponse, Overview, WorkingInterval,
};
use t11_proto::agents::v1::{
    ActivateAgentRequest, ArchiveAgentRequest, CopyAgentRequest, CreateAgentRequest,
    DeleteAgentRequest, GetAgentRequest, GetOverviewRequest, ListAgentsRequest, PauseAgentRequest,
    UpdateAgentRequest,
};

use super::transport::Transport;
use super::{Problem, mask, request_id};

fn client() -> AgentServiceClient<Transport> {
    AgentServiceClient::new(Transport::unary())
}

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
    Ok(client().list_agents(request).await?.into_inner())
}

/// The first hundred agents that are not archived: for menus.
pub(crate) async fn all() -> Result<Vec<Agent>, Problem> {
    let request = ListAgentsRequest {
        page_size: 100,
        order_by: "display_name".to_owned(),
        ..ListAgentsRequest::default()
    };
    Ok(client().list_agents(request).await?.into_inner().agents)
}

pub(crate) async fn get(name: String) -> Result<Agent, Problem> {
    Ok(client().get_agent(GetAgentRequest { name }).await?.into_inner())
}

pub(crate) async fn create(agent: Agent) -> Result<Agent, Problem> {
    let request = CreateAgentRequest {
        agent: Some(agent),
        request_id: request_id(),
    };
    Ok(client().create_agent(request).await?.into_inner())
}

/// Replaces everything that people may change.
pub(crate) async fn replace(agent: Agent) -> Result<Agent, Problem> {
    let request = UpdateAgentRequest {
        agent: Some(agent),
        update_mask: mask(&["*"]),
    };
    Ok(client().update_agent(request).await?.into_inner())
}

pub(crate) async fn copy(name: String) -> Result<Agent, Problem> {
    let request = CopyAgentRequest {
        name,
        display_name: String::new(),
        request_id: request_id(),
    };
    Ok(client().copy_agent(request).await?.into_inner())
}

pub(crate) async fn activate(name: String) -> Result<Agent, Problem> {
    let request = ActivateAgentRequest { name };
    Ok(client().activate_agent(request).await?.into_inner())
}

pub(crate) async fn pause(name: String) -> Result<Agent, Problem> {
    Ok(client().pause_agent(PauseAgentRequest { name }).await?.into_inner())
}

pub(crate) async fn archive(name: String) -> Result<Agent, Problem> {
    let request = ArchiveAgentRequest { name };
    Ok(client().archive_agent(request).await?.into_inner())
}

pub(crate) async fn delete(name: String, etag: String) -> Result<(), Problem> {
    client().delete_agent(DeleteAgentRequest { name, etag }).await?;
    Ok(())
}

/// The numbers of the dashboard.
pub(crate) async fn overview() -> Result<Overview, Problem> {
    let mut client = AnalyticsServiceClient::new(Transport::unary());
    Ok(client.get_overview(GetOverviewRequest {}).await?.into_inner())
}
