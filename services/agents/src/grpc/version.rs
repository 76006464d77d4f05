//! `AgentVersionService`.

use t11_core::{Violations, format_name, parse_child_name, parse_name};
use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::agent_version_service_server::AgentVersionService;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Handlers;
use super::convert::{request_id, timestamp};
use crate::Error;
use crate::store::{Publishing, Side};
use crate::version::{self, Change, Version};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl AgentVersionService for Handlers {
    async fn publish_agent(
        &self,
        request: Request<pb::PublishAgentRequest>,
    ) -> Answer<pb::AgentVersion> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let agent = parse_name("agents", &request.name).map_err(Error::from)?;
        let mut violations = Violations::default();
        let reason = &request.override_reason;
        let publishing = Publishing {
            note: violations.text("note", &request.note, 0, 500),
            override_reason: violations.text("override_reason", reason, 0, 500),
            request_id: request_id(&request.request_id, &mut violations),
        };
        violations.check().map_err(Error::from)?;
        let made = self.store.publish_agent(&scope, agent, publishing).await?;
        Ok(Response::new(made.into()))
    }

    async fn restore_agent_version(
        &self,
        request: Request<pb::RestoreAgentVersionRequest>,
    ) -> Answer<pb::AgentVersion> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let name = parse_version(&request.name)?;
        let copy = request.copy_to_draft;
        let restored = self.store.restore_version(&scope, name, copy).await?;
        Ok(Response::new(restored.into()))
    }

    async fn get_agent_version(
        &self,
        request: Request<pb::GetAgentVersionRequest>,
    ) -> Answer<pb::AgentVersion> {
        let scope = t11_grpc::scope(&request)?;
        let name = parse_version(&request.get_ref().name)?;
        let version = self.store.version(&scope, name).await?;
        Ok(Response::new(version.into()))
    }

    async fn list_agent_versions(
        &self,
        request: Request<pb::ListAgentVersionsRequest>,
    ) -> Answer<pb::ListAgentVersionsResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let agent = parse_name("agents", &request.parent).map_err(Error::from)?;
        let arguments = format!("agent versions {} {agent}", scope.org());
        let page = self
            .pages
            .read(&arguments, request.page_size, &request.page_token, 25, 100)
            .map_err(Error::from)?;
        let (page, draft_sha256) = self.store.versions(&scope, agent, page).await?;
        Ok(Response::new(pb::ListAgentVersionsResponse {
            next_page_token: self.pages.write(&arguments, page.next_cursor.as_deref()),
            versions: page.items.into_iter().map(Into::into).collect(),
            draft_sha256,
        }))
    }

    async fn diff_agent_versions(
        &self,
        request: Request<pb::DiffAgentVersionsRequest>,
    ) -> Answer<pb::DiffAgentVersionsResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let agent = parse_name("agents", &request.agent).map_err(Error::from)?;
        let (base, other) = (
            version_of(agent, &request.base)?,
            version_of(agent, &request.other)?,
        );
        let (base, other) = self.store.sides(&scope, agent, base, other).await?;
        let compared = base.as_ref().map(compared_side);
        let changes = version::changes(compared, compared_side(&other));
        Ok(Response::new(pb::DiffAgentVersionsResponse {
            changes: changes.into_iter().map(pb_change).collect(),
            base_number: base.map_or(0, |base| base.number),
            other_number: other.number,
        }))
    }
}

fn compared_side(side: &Side) -> (&version::Snapshot, Option<&[version::Pin]>) {
    (&side.snapshot, side.pins.as_deref())
}

fn parse_version(name: &str) -> Result<(Uuid, Uuid), Error> {
    Ok(parse_child_name("agents", "versions", name)?)
}

/// The version that a field names; nothing for an empty one.
pub(super) fn optional_version(name: &str) -> Result<Option<(Uuid, Uuid)>, Error> {
    match name {
        "" => Ok(None),
        name => parse_version(name).map(Some),
    }
}

/// The same of one agent.
fn version_of(agent: Uuid, name: &str) -> Result<Option<Uuid>, Error> {
    match optional_version(name)? {
        None => Ok(None),
        Some((of, id)) if of == agent => Ok(Some(id)),
        Some(_) => Err(Error::NotFound(name.to_owned())),
    }
}

pub(super) fn version_name(agent: Uuid, id: Uuid) -> String {
    format!("agents/{agent}/versions/{id}")
}

fn pb_change(change: Change) -> pb::VersionChange {
    pb::VersionChange {
        path: change.path,
        before: change.before,
        after: change.after,
    }
}

impl From<Version> for pb::AgentVersion {
    fn from(version: Version) -> Self {
        let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        let prices = version.snapshot.prices;
        let creator = version.creator.map(|user| format_name("users", user));
        let eval_run = version.eval_run;
        Self {
            name: version_name(version.agent_id, version.id),
            number: version.number,
            live: version.live,
            restorable: version.pinned,
            note: version.note,
            creator: creator.unwrap_or_default(),
            sha256: version.sha256,
            index_version: version.index_version,
            price_book_version: prices
                .map(|(id, _)| format_name("versions", id))
                .unwrap_or_default(),
            script_count: count(version.snapshot.scripts.len()),
            objection_response_count: count(version.snapshot.responses.len()),
            source_count: version.source_count,
            eval_run: eval_run
                .map(|(suite, run)| format!("evalSuites/{suite}/runs/{run}"))
                .unwrap_or_default(),
            override_reason: version.override_reason,
            create_time: Some(timestamp(version.create_time)),
            publish_time: Some(timestamp(version.publish_time)),
        }
    }
}
