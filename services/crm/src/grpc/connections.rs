//! `t11.crm.v1.ConnectionService`.

use t11_core::{PageTokens, Violations};
use t11_grpc::scope;
use t11_proto::crm::v1 as pb;
use t11_proto::crm::v1::connection_service_server::ConnectionService;
use tonic::{Request, Response, Status, async_trait};

use super::convert::{connection_id, request_id};
use crate::connection::AllowedHosts;
use crate::error::Error;
use crate::store::Store;

const PAGE_DEFAULT: u64 = 50;
const PAGE_MAX: u64 = 200;

pub(super) struct Connections {
    store: Store,
    hosts: AllowedHosts,
    page_tokens: PageTokens,
}

impl Connections {
    pub(super) fn new(store: Store, hosts: AllowedHosts, page_tokens: PageTokens) -> Self {
        Self {
            store,
            hosts,
            page_tokens,
        }
    }
}

#[async_trait]
impl ConnectionService for Connections {
    async fn get_connection(
        &self,
        request: Request<pb::GetConnectionRequest>,
    ) -> Result<Response<pb::Connection>, Status> {
        let scope = scope(&request)?;
        let id = connection_id(&request.into_inner().name)?;
        let connection = self.store.connection(&scope, id).await?;
        Ok(Response::new(connection.into()))
    }

    async fn list_connections(
        &self,
        request: Request<pb::ListConnectionsRequest>,
    ) -> Result<Response<pb::ListConnectionsResponse>, Status> {
        let scope = scope(&request)?;
        let request = request.into_inner();
        let arguments = format!("ListConnections/{}", scope.org());
        let page = self
            .page_tokens
            .read(
                &arguments,
                request.page_size,
                &request.page_token,
                PAGE_DEFAULT,
                PAGE_MAX,
            )
            .map_err(Error::from)?;
        let page = self.store.list_connections(&scope, page).await?;
        let next_page_token = self
            .page_tokens
            .write(&arguments, page.next_cursor.as_deref());
        let connections = page.items.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListConnectionsResponse {
            connections,
            next_page_token,
        }))
    }

    async fn create_connection(
        &self,
        request: Request<pb::CreateConnectionRequest>,
    ) -> Result<Response<pb::Connection>, Status> {
        let scope = scope(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let host = self.hosts.parse(&mut violations, "host", &request.host);
        let request_id = request_id(&mut violations, &request.request_id);
        violations.check().map_err(Error::from)?;
        let connection = self
            .store
            .create_connection(&scope, host, request_id)
            .await?;
        Ok(Response::new(connection.into()))
    }

    async fn delete_connection(
        &self,
        request: Request<pb::DeleteConnectionRequest>,
    ) -> Result<Response<()>, Status> {
        let scope = scope(&request)?;
        let id = connection_id(&request.into_inner().name)?;
        self.store.delete_connection(&scope, id).await?;
        Ok(Response::new(()))
    }
}
