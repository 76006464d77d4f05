//! `AgentService`.

use t11_core::{Violations, parse_name};
use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::agent_service_server::AgentService;
use tonic::{Request, Response, Status};

use super::Handlers;
use super::convert::{agent_draft, agent_filter, mask_fields, request_id};
use crate::Error;
use crate::agent::Move;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl AgentService for Handlers {
    async fn get_agent(&self, request: Request<pb::GetAgentRequest>) -> Answer<pb::Agent> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("agents", &request.get_ref().name).map_err(Error::from)?;
        Ok(Response::new(self.store.agent(&scope, id).await?.into()))
    }

    async fn list_agents(
        &self,
        request: Request<pb::ListAgentsRequest>,
    ) -> Answer<pb::ListAgentsResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let filter = agent_filter(&request)?;
        let arguments = format!("agents {} {filter:?}", scope.org());
        let page = self
            .pages
            .read(&arguments, request.page_size, &request.page_token, 25, 100)
            .map_err(Error::from)?;
        let (page, total) = self.store.agents(&scope, filter, page).await?;
        Ok(Response::new(pb::ListAgentsResponse {
            next_page_token: self.pages.write(&arguments, page.next_cursor.as_deref()),
            agents: page.items.into_iter().map(Into::into).collect(),
            total_size: i32::try_from(total).unwrap_or(i32::MAX),
        }))
    }

    async fn create_agent(&self, request: Request<pb::CreateAgentRequest>) -> Answer<pb::Agent> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let request_id = request_id(&request.request_id, &mut violations);
        let draft = agent_draft(request.agent, &mut violations);
        let draft = checked(draft, violations)?;
        Ok(Response::new(
            self.store
                .create_agent(&scope, draft, request_id)
                .await?
                .into(),
        ))
    }

    async fn update_agent(&self, request: Request<pb::UpdateAgentRequest>) -> Answer<pb::Agent> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let agent = request.agent.unwrap_or_default();
        let id = parse_name("agents", &agent.name).map_err(Error::from)?;
        let mut violations = Violations::default();
        let fields = mask_fields(&agent, request.update_mask, &mut violations);
        let etag = agent.etag.clone();
        let given = agent_draft(Some(agent), &mut violations);
        violations.check().map_err(Error::from)?;
        Ok(Response::new(
            self.store
                .update_agent(&scope, id, given, fields, etag)
                .await?
                .into(),
        ))
    }

    async fn copy_agent(&self, request: Request<pb::CopyAgentRequest>) -> Answer<pb::Agent> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let id = parse_name("agents", &request.name).map_err(Error::from)?;
        let mut violations = Violations::default();
        let request_id = request_id(&request.request_id, &mut violations);
        violations.check().map_err(Error::from)?;
        let copy = self
            .store
            .copy_agent(&scope, id, request.display_name, request_id)
            .await?;
        Ok(Response::new(copy.into()))
    }

    async fn activate_agent(
        &self,
        request: Request<pb::ActivateAgentRequest>,
    ) -> Answer<pb::Agent> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("agents", &request.get_ref().name).map_err(Error::from)?;
        Ok(Response::new(
            self.store
                .move_agent(&scope, id, Move::Activate)
                .await?
                .into(),
        ))
    }

    async fn pause_agent(&self, request: Request<pb::PauseAgentRequest>) -> Answer<pb::Agent> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("agents", &request.get_ref().name).map_err(Error::from)?;
        Ok(Response::new(
            self.store.move_agent(&scope, id, Move::Pause).await?.into(),
        ))
    }

    async fn archive_agent(&self, request: Request<pb::ArchiveAgentRequest>) -> Answer<pb::Agent> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("agents", &request.get_ref().name).map_err(Error::from)?;
        Ok(Response::new(
            self.store
                .move_agent(&scope, id, Move::Archive)
                .await?
                .into(),
        ))
    }

    async fn delete_agent(&self, request: Request<pb::DeleteAgentRequest>) -> Answer<()> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let id = parse_name("agents", &request.name).map_err(Error::from)?;
        self.store.delete_agent(&scope, id, request.etag).await?;
        Ok(Response::new(()))
    }
}

/// The checked draft, with the violations found before among its own.
fn checked(
    draft: crate::agent::Draft,
    mut violations: Violations,
) -> Result<crate::agent::Draft, Error> {
    match draft.check() {
        Ok(draft) => violations.check().map(|()| draft).map_err(Error::from),
        Err(more) => {
            violations.0.extend(more.0);
            Err(violations.into())
        }
    }
}
