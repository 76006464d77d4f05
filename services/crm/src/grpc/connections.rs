//! `t11.crm.v1.ConnectionService`.

use std::time::Duration;

use t11_core::{PageTokens, Violations, format_name, parse_name};
use t11_grpc::scope;
use t11_kommo::{Lane, Repeat};
use t11_proto::crm::v1 as pb;
use t11_proto::crm::v1::connection_service_server::ConnectionService;
use tonic::{Request, Response, Status, async_trait};
use uuid::Uuid;

use super::convert::{connection_id, connection_message, connection_patch, request_id, timestamp};
use crate::authorization::{Answer, Authorizations, Disabled};
use crate::connection::{self, Connection};
use crate::error::Error;
use crate::kommo::Kommo;
use crate::store::Store;
use crate::subscription::Subscriptions;

const PAGE_DEFAULT: u64 = 50;
const PAGE_MAX: u64 = 200;
/// How long a deletion waits for Kommo: the connection goes all the same.
const TAKE_BACK_WITHIN: Duration = Duration::from_secs(5);

pub(super) struct Connections {
    pub(super) store: Store,
    pub(super) kommo: Kommo,
    pub(super) authorizations: Authorizations,
    pub(super) subscriptions: Subscriptions,
    pub(super) page_tokens: PageTokens,
}

impl Connections {
    fn answer(&self, connection: Connection) -> Response<pb::Connection> {
        Response::new(connection_message(connection, self.kommo.world.now()))
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
        Ok(self.answer(connection))
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
        let now = self.kommo.world.now();
        let connections = page.items.into_iter();
        let connections = connections
            .map(|connection| connection_message(connection, now))
            .collect();
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
        let hosts = self.kommo.hosts();
        let host = connection::host(hosts, &mut violations, "host", &request.host);
        let request_id = request_id(&mut violations, &request.request_id);
        violations.check().map_err(Error::from)?;
        let connection = self
            .store
            .create_connection(&scope, host, request_id)
            .await?;
        Ok(self.answer(connection))
    }

    async fn update_connection(
        &self,
        request: Request<pb::UpdateConnectionRequest>,
    ) -> Result<Response<pb::Connection>, Status> {
        let scope = scope(&request)?;
        let request = request.into_inner();
        let id = connection_id(&request.name)?;
        let patch = connection_patch(&request)?;
        let connection = self.store.update_connection(&scope, id, patch).await?;
        Ok(self.answer(connection))
    }

    async fn delete_connection(
        &self,
        request: Request<pb::DeleteConnectionRequest>,
    ) -> Result<Response<()>, Status> {
        let scope = scope(&request)?;
        let id = connection_id(&request.into_inner().name)?;
        // With the tokens the way to take it back is gone too.
        let unsubscribe = self.subscriptions.unsubscribe(&scope, id);
        let taken_back = tokio::time::timeout(TAKE_BACK_WITHIN, unsubscribe).await;
        if !matches!(taken_back, Ok(Ok(()))) {
            tracing::warn!(connection.id = %id, "the subscription at Kommo may stay");
        }
        self.store.delete_connection(&scope, id).await?;
        Ok(Response::new(()))
    }

    async fn start_authorization(
        &self,
        request: Request<pb::StartAuthorizationRequest>,
    ) -> Result<Response<pb::StartAuthorizationResponse>, Status> {
        let scope = scope(&request)?;
        let connection = optional_connection(&request.into_inner().connection)?;
        let (url, expires) = self.authorizations.start(&scope, connection).await?;
        Ok(Response::new(pb::StartAuthorizationResponse {
            authorization_uri: url.into(),
            expire_time: Some(timestamp(expires)),
        }))
    }

    async fn complete_authorization(
        &self,
        request: Request<pb::CompleteAuthorizationRequest>,
    ) -> Result<Response<pb::Connection>, Status> {
        let scope = scope(&request)?;
        let request = request.into_inner();
        let answer = Answer {
            code: request.code.into(),
            state: request.state,
            referer: request.referer,
            client_id: request.client_id,
            error: request.error,
        };
        let connection = self.authorizations.complete(&scope, answer).await?;
        Ok(self.answer(connection))
    }

    async fn connect_with_token(
        &self,
        request: Request<pb::ConnectWithTokenRequest>,
    ) -> Result<Response<pb::Connection>, Status> {
        let scope = scope(&request)?;
        let request = request.into_inner();
        let connection = optional_connection(&request.connection)?;
        let connection = self
            .authorizations
            .connect_with_token(&scope, &request.host, &request.token, connection)
            .await?;
        Ok(self.answer(connection))
    }

    async fn repair_connection(
        &self,
        request: Request<pb::RepairConnectionRequest>,
    ) -> Result<Response<pb::Connection>, Status> {
        let scope = scope(&request)?;
        let id = connection_id(&request.into_inner().name)?;
        let account = self.kommo.ask_account(&scope, id, Lane::Person).await?;
        if !self.store.note_account(&scope, id, account).await? {
            return Err(Error::AccountMismatch.into());
        }
        match self.subscriptions.ensure(&scope, id, Lane::Person).await {
            // What only a person can mend is noted: the answer shows it.
            Err(Error::Kommo(refusal)) if refusal.repeat() == Repeat::Never => {}
            ensured => ensured?,
        }
        let connection = self.store.connection(&scope, id).await?;
        Ok(self.answer(connection))
    }

    async fn sync_connection(
        &self,
        request: Request<pb::SyncConnectionRequest>,
    ) -> Result<Response<pb::SyncConnectionResponse>, Status> {
        let scope = scope(&request)?;
        let id = connection_id(&request.into_inner().name)?;
        let job = self.store.request_sync(&scope, id).await?;
        Ok(Response::new(pb::SyncConnectionResponse {
            job: format_name("jobs", job),
        }))
    }

    async fn list_pending_installs(
        &self,
        request: Request<pb::ListPendingInstallsRequest>,
    ) -> Result<Response<pb::ListPendingInstallsResponse>, Status> {
        let installs = self.store.pending_installs(&scope(&request)?).await?;
        let installs = installs.into_iter().map(|install| pb::PendingInstall {
            host: install.host,
            create_time: Some(timestamp(install.create_time)),
        });
        Ok(Response::new(pb::ListPendingInstallsResponse {
            pending_installs: installs.collect(),
        }))
    }

    async fn record_widget_install(
        &self,
        request: Request<pb::RecordWidgetInstallRequest>,
    ) -> Result<Response<()>, Status> {
        let install = request.into_inner();
        self.authorizations
            .record_install(install.code, &install.referer, &install.client_id)
            .await?;
        Ok(Response::new(()))
    }

    async fn record_disabled(
        &self,
        request: Request<pb::RecordDisabledRequest>,
    ) -> Result<Response<()>, Status> {
        let request = request.into_inner();
        let hook = Disabled {
            client_uuid: request.client_uuid,
            account_id: request.account_id,
            signature: request.signature,
        };
        self.authorizations.record_disabled(hook).await?;
        Ok(Response::new(()))
    }
}

/// The connection that a request names, if it names one.
fn optional_connection(name: &str) -> Result<Option<Uuid>, Error> {
    if name.is_empty() {
        return Ok(None);
    }
    let id = parse_name("connections", name).map_err(|error| {
        let mut violations = Violations::default();
        violations.add("connection", "MALFORMED", error.to_string());
        Error::from(violations)
    });
    id.map(Some)
}
