//! The agents service beside a crm service that knows one account.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise and reads its own environment"
)]

use std::collections::BTreeMap;
use std::future::Future;

use t11_agents::Agents;
use t11_core::{Caller, OrgId, Role, Subject, World};
use t11_grpc::{CallContext, Peer, RemoteFault, in_context};
use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::agent_service_client::AgentServiceClient;
use t11_proto::crm::v1 as crm;
use t11_proto::crm::v1::catalog_service_server::{CatalogService, CatalogServiceServer};
use t11_runtime::{Built, Context, Entry, Mesh, Service, Settings, Shape, Sources};
use t11_store::testing::URL_VARIABLE;
use tempfile::TempDir;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// The connection that the account belongs to.
pub(crate) const CONNECTION: Uuid = Uuid::from_u128(0xC0);

pub(crate) struct Rig {
    mesh: Mesh,
    pub(crate) org: OrgId,
    _data: TempDir,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        t11_runtime::init_process();
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().display().to_string();
        let mut variables = BTreeMap::from([("T11_DATA_DIR".to_owned(), folder)]);
        if let Ok(url) = std::env::var(URL_VARIABLE) {
            variables.insert("DATABASE_URL".to_owned(), url);
        }
        let sources = Sources {
            variables,
            file: None,
        };
        let settings = Settings::load(&sources).unwrap();
        let entries = [Entry::of::<Crm>(), Entry::of::<Agents>()];
        let names = ["crm", "agents"];
        let world = World::system();
        let mesh = Mesh::start(settings, world, &entries, &names, Shape::OneProcess);
        let mesh = mesh.await.unwrap();
        // Organizations of their own, since a PostgreSQL server is shared by the tests.
        let org = OrgId(mesh.context().world().new_id());
        Self {
            mesh,
            org,
            _data: data,
        }
    }

    pub(crate) async fn stop(self) {
        self.mesh.stop().await;
    }

    pub(crate) fn peer(&self) -> Peer {
        self.mesh.context().peer("agents")
    }

    /// Runs a call as an owner of the organization.
    pub(crate) async fn call<F: Future>(&self, call: F) -> F::Output {
        self.call_in(self.org, call).await
    }

    /// Runs a call as an owner of `org`.
    pub(crate) async fn call_in<F: Future>(&self, org: OrgId, call: F) -> F::Output {
        let subject = Subject::User {
            user: Uuid::from_u128(5),
            session: Uuid::from_u128(6),
        };
        let caller = Caller {
            org,
            subject,
            role: Role::Owner,
            scopes: None,
        };
        let context = self.mesh.context();
        let token = context.signer().sign(&caller, context.world().now());
        let context = CallContext {
            request_id: "a-request".into(),
            caller_token: Some(token.into()),
            ..CallContext::default()
        };
        in_context(context, call).await
    }

    /// An agent with instructions that answers by itself.
    pub(crate) async fn agent(&self, display_name: &str) -> pb::Agent {
        let request = pb::CreateAgentRequest {
            agent: Some(pb::Agent {
                display_name: display_name.to_owned(),
                instructions: "Продавай.".to_owned(),
                answer_mode: pb::AnswerMode::Auto.into(),
                ..pb::Agent::default()
            }),
            ..pb::CreateAgentRequest::default()
        };
        let mut client = AgentServiceClient::new(self.peer());
        self.call(client.create_agent(request))
            .await
            .unwrap()
            .into_inner()
    }

    pub(crate) async fn activate(&self, name: &str) -> Result<pb::Agent, Status> {
        let request = pb::ActivateAgentRequest {
            name: name.to_owned(),
        };
        let mut client = AgentServiceClient::new(self.peer());
        Ok(self
            .call(client.activate_agent(request))
            .await?
            .into_inner())
    }
}

/// The stable reason of a failure, or the fields that are not valid with their reasons.
pub(crate) fn refused<T: std::fmt::Debug>(outcome: Result<T, Status>) -> Vec<String> {
    use t11_core::Fault as _;
    let fault = RemoteFault::from(&outcome.unwrap_err());
    let fields = fault.violations().iter();
    let mut fields: Vec<_> = fields
        .map(|v| format!("{} {}", v.field, v.reason))
        .collect();
    if fields.is_empty() {
        fields.push(fault.reason().to_owned());
    }
    fields
}

pub(crate) fn connection() -> String {
    t11_core::format_name("connections", CONNECTION)
}

/// Knows one account: pipeline 1 with the stages 11 and 12 and a deleted 13, the field 31 of leads.
struct Crm;

impl Service for Crm {
    const NAME: &'static str = "crm";
    type Config = t11_agents::Config;

    async fn build(_: Self::Config, _: &Context) -> anyhow::Result<Built> {
        Ok(Built::new(Routes::new(CatalogServiceServer::new(Account))))
    }
}

struct Account;

impl Account {
    fn known(parent: &str) -> Result<(), Status> {
        if parent == connection() {
            Ok(())
        } else {
            Err(Status::not_found("no such connection"))
        }
    }
}

#[tonic::async_trait]
impl CatalogService for Account {
    async fn list_pipelines(
        &self,
        request: Request<crm::ListPipelinesRequest>,
    ) -> Result<Response<crm::ListPipelinesResponse>, Status> {
        Self::known(&request.get_ref().parent)?;
        let stage = |stage_id, gone| crm::Stage {
            stage_id,
            display_name: format!("Этап {stage_id}"),
            kind: "open".to_owned(),
            gone,
            ..crm::Stage::default()
        };
        let pipelines = vec![crm::Pipeline {
            pipeline_id: 1,
            display_name: "Продажи".to_owned(),
            stages: vec![stage(11, false), stage(12, false), stage(13, true)],
            ..crm::Pipeline::default()
        }];
        Ok(Response::new(crm::ListPipelinesResponse { pipelines }))
    }

    async fn list_users(
        &self,
        _: Request<crm::ListUsersRequest>,
    ) -> Result<Response<crm::ListUsersResponse>, Status> {
        Ok(Response::new(crm::ListUsersResponse::default()))
    }

    async fn list_custom_fields(
        &self,
        _: Request<crm::ListCustomFieldsRequest>,
    ) -> Result<Response<crm::ListCustomFieldsResponse>, Status> {
        let custom_fields = vec![crm::CustomField {
            field_id: 31,
            entity: "leads".to_owned(),
            display_name: "Бюджет".to_owned(),
            r#type: "numeric".to_owned(),
            ..crm::CustomField::default()
        }];
        Ok(Response::new(crm::ListCustomFieldsResponse {
            custom_fields,
        }))
    }

    async fn list_task_types(
        &self,
        _: Request<crm::ListTaskTypesRequest>,
    ) -> Result<Response<crm::ListTaskTypesResponse>, Status> {
        Ok(Response::new(crm::ListTaskTypesResponse::default()))
    }

    async fn list_loss_reasons(
        &self,
        _: Request<crm::ListLossReasonsRequest>,
    ) -> Result<Response<crm::ListLossReasonsResponse>, Status> {
        Ok(Response::new(crm::ListLossReasonsResponse::default()))
    }

    async fn list_channels(
        &self,
        _: Request<crm::ListChannelsRequest>,
    ) -> Result<Response<crm::ListChannelsResponse>, Status> {
        Ok(Response::new(crm::ListChannelsResponse::default()))
    }

    async fn list_sync_changes(
        &self,
        _: Request<crm::ListSyncChangesRequest>,
    ) -> Result<Response<crm::ListSyncChangesResponse>, Status> {
        Ok(Response::new(crm::ListSyncChangesResponse::default()))
    }
}
