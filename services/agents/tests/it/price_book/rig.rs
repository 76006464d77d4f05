//! The agents service beside an accounts service that knows one kind of organization.

use std::collections::BTreeMap;
use std::future::Future;

use futures::stream;
use sea_orm::{ConnectionTrait as _, Statement};
use t11_agents::Agents;
use t11_core::{Caller, Fault as _, OrgId, Role, Subject, World};
use t11_grpc::{CallContext, Peer, RemoteFault, in_context};
use t11_proto::accounts::v1 as accounts;
use t11_proto::accounts::v1::organization_service_server::{
    OrganizationService, OrganizationServiceServer,
};
use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::import_prices_request::Part;
use t11_proto::agents::v1::price_book_service_client::PriceBookServiceClient;
use t11_runtime::{Built, Context, Entry, Mesh, Service, Settings, Shape, Sources};
use t11_store::testing::URL_VARIABLE;
use t11_store::{StoreError, System};
use tempfile::TempDir;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use uuid::Uuid;

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
        let entries = [Entry::of::<Accounts>(), Entry::of::<Agents>()];
        let names = ["accounts", "agents"];
        let mesh = Mesh::start(
            settings,
            World::system(),
            &entries,
            &names,
            Shape::OneProcess,
        );
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

    fn client(&self) -> PriceBookServiceClient<Peer> {
        PriceBookServiceClient::new(self.mesh.context().peer("agents"))
    }

    /// Runs a call as an owner of `org`.
    async fn as_owner<F: Future>(&self, org: OrgId, call: F) -> F::Output {
        let user = Subject::User {
            user: Uuid::from_u128(5),
            session: Uuid::from_u128(6),
        };
        let caller = Caller {
            org,
            subject: user,
            role: Role::Owner,
            scopes: None,
        };
        let token = self
            .mesh
            .context()
            .signer()
            .sign(&caller, self.mesh.context().world().now());
        let context = CallContext {
            request_id: "a-request".into(),
            caller_token: Some(token.into()),
            ..CallContext::default()
        };
        in_context(context, call).await
    }

    /// Sends parts as they are.
    pub(crate) async fn send(&self, parts: Vec<Part>) -> Result<pb::ImportPricesResponse, Status> {
        let parts = parts
            .into_iter()
            .map(|part| pb::ImportPricesRequest { part: Some(part) });
        let call = async { self.client().import_prices(stream::iter(parts)).await };
        Ok(self.as_owner(self.org, call).await?.into_inner())
    }

    /// Imports a text in pieces of a few bytes.
    pub(crate) async fn import(
        &self,
        header: pb::ImportPricesHeader,
        text: &str,
    ) -> Result<pb::ImportPricesResponse, Status> {
        let pieces = text
            .as_bytes()
            .chunks(7)
            .map(|piece| Part::Chunk(piece.to_vec().into()));
        self.send([Part::Header(header)].into_iter().chain(pieces).collect())
            .await
    }

    /// Imports a list without errors and makes it live.
    pub(crate) async fn publish_list(&self, text: &str) -> pb::PriceBookVersion {
        let header = pb::ImportPricesHeader {
            publish: true,
            ..header()
        };
        self.import(header, text).await.unwrap().version.unwrap()
    }

    pub(crate) async fn publish(&self, name: &str) -> Result<pb::PriceBookVersion, Status> {
        self.publish_as(self.org, name).await
    }

    pub(crate) async fn publish_as(
        &self,
        org: OrgId,
        name: &str,
    ) -> Result<pb::PriceBookVersion, Status> {
        let request = pb::PublishPriceBookVersionRequest {
            name: name.to_owned(),
        };
        let call = async { self.client().publish_price_book_version(request).await };
        Ok(self.as_owner(org, call).await?.into_inner())
    }

    pub(crate) async fn versions(
        &self,
        request: pb::ListPriceBookVersionsRequest,
    ) -> Result<pb::ListPriceBookVersionsResponse, Status> {
        let call = async { self.client().list_price_book_versions(request).await };
        Ok(self.as_owner(self.org, call).await?.into_inner())
    }

    pub(crate) async fn items(
        &self,
        org: OrgId,
        request: pb::ListPriceItemsRequest,
    ) -> Result<pb::ListPriceItemsResponse, Status> {
        let call = async { self.client().list_price_items(request).await };
        Ok(self.as_owner(org, call).await?.into_inner())
    }

    /// The articles of the live list.
    pub(crate) async fn live(&self) -> Vec<String> {
        let items = self
            .items(self.org, pb::ListPriceItemsRequest::default())
            .await
            .unwrap()
            .items;
        items.into_iter().map(|item| item.sku).collect()
    }

    pub(crate) async fn check(&self, text: &str) -> Result<pb::CheckSentenceResponse, Status> {
        let request = pb::CheckSentenceRequest {
            text: text.to_owned(),
        };
        let call = async { self.client().check_sentence(request).await };
        Ok(self.as_owner(self.org, call).await?.into_inner())
    }

    /// What the audit log is told: action and target.
    pub(crate) async fn audited(&self) -> Vec<(String, String)> {
        let databases = self.mesh.context().databases();
        let org = self.org;
        let read = databases["agents"].read(System("test"), move |tx| async move {
            let sql =
                "SELECT payload FROM outbox WHERE kind = 'accounts.append_audit' ORDER BY position";
            let statement = Statement::from_string(tx.get_database_backend(), sql);
            let rows = tx.query_all_raw(statement).await?;
            let payloads: Result<Vec<Vec<u8>>, _> =
                rows.iter().map(|row| row.try_get_by_index(0)).collect();
            Ok::<_, StoreError>(payloads?)
        });
        let records = read.await.unwrap().into_iter().map(|payload| {
            let record: t11_store::AuditRecord = serde_json::from_slice(&payload).unwrap();
            record
        });
        let own = records.filter(|record| record.org == org.0);
        own.map(|record| (record.action, record.target.unwrap_or_default()))
            .collect()
    }
}

pub(crate) fn header() -> pb::ImportPricesHeader {
    pb::ImportPricesHeader {
        display_name: "Прайс.csv".to_owned(),
        ..Default::default()
    }
}

/// The stable reason of a failure.
pub(crate) fn reason<T: std::fmt::Debug>(outcome: Result<T, Status>) -> String {
    RemoteFault::from(&outcome.unwrap_err()).reason().to_owned()
}

/// Every organization is Russian.
struct Accounts;

impl Service for Accounts {
    const NAME: &'static str = "accounts";
    type Config = t11_agents::Config;

    async fn build(_: Self::Config, _: &Context) -> anyhow::Result<Built> {
        Ok(Built::new(Routes::new(OrganizationServiceServer::new(
            Organizations,
        ))))
    }
}

struct Organizations;

#[tonic::async_trait]
impl OrganizationService for Organizations {
    async fn get_organization(
        &self,
        _: Request<accounts::GetOrganizationRequest>,
    ) -> Result<Response<accounts::Organization>, Status> {
        Ok(Response::new(accounts::Organization {
            locale: "ru".to_owned(),
            time_zone: "Europe/Moscow".to_owned(),
            ..Default::default()
        }))
    }

    async fn update_organization(
        &self,
        request: Request<accounts::UpdateOrganizationRequest>,
    ) -> Result<Response<accounts::Organization>, Status> {
        Ok(Response::new(
            request.into_inner().organization.unwrap_or_default(),
        ))
    }
}
