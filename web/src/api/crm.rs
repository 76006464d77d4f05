//! The organization's Kommo: its integration, its accounts, what they are set up with, their leads.

pub(crate) use t11_proto::crm::v1::{
    Channel, Connection, ConnectionKind, ConnectionProblem, ConnectionState, Credential, CrmUser,
    CustomField, FieldValue, Lead, LossReason, PendingInstall, Pipeline, ReplyTransport, Stage,
    SyncChange, UpdateConnectionRequest,
};
use t11_proto::crm::v1::{
    ConnectWithTokenRequest, DeleteConnectionRequest, GetCredentialRequest, GetLeadRequest,
    ListChannelsRequest, ListChannelsResponse, ListConnectionsRequest, ListConnectionsResponse,
    ListCustomFieldsRequest, ListCustomFieldsResponse, ListLossReasonsRequest,
    ListLossReasonsResponse, ListPendingInstallsRequest, ListPendingInstallsResponse,
    ListPipelinesRequest, ListPipelinesResponse, ListSyncChangesRequest, ListSyncChangesResponse,
    ListUsersRequest, ListUsersResponse, RepairConnectionRequest, SetCredentialRequest,
    StartAuthorizationRequest, StartAuthorizationResponse, SyncConnectionRequest,
    SyncConnectionResponse,
};

use super::Problem;
use super::transport::{rpc, unary};
use crate::query::Page;

/// The first hundred connected accounts, newest first.
pub(crate) async fn connections() -> Result<Vec<Connection>, Problem> {
    let request = ListConnectionsRequest {
        page_size: 100,
        page_token: String::new(),
    };
    let page: ListConnectionsResponse = unary(
        rpc!("/t11.crm.v1.ConnectionService/ListConnections"),
        &request,
    )
    .await?;
    Ok(page.connections)
}

/// The address of an account's pages. Only an account of this machine is without TLS.
pub(crate) fn uri(host: &str) -> String {
    let is_local = host.starts_with("127.") || host.starts_with("localhost");
    let scheme = if is_local { "http" } else { "https" };
    format!("{scheme}://{host}")
}

/// A connected account with its pipelines and channels.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) connection: Connection,
    pub(crate) pipelines: Vec<Pipeline>,
    pub(crate) channels: Vec<Channel>,
}

/// Every account that people have granted access to, with what it is set up with.
pub(crate) async fn accounts() -> Result<Vec<Account>, Problem> {
    let connections = connections().await?;
    let granted = connections
        .into_iter()
        .filter(|connection| connection.state() != ConnectionState::NotConnected)
        .map(account);
    futures::future::try_join_all(granted).await
}

async fn account(connection: Connection) -> Result<Account, Problem> {
    let name = connection.name.clone();
    let (pipelines, channels) =
        futures::future::try_join(pipelines(name.clone()), channels(name)).await?;
    Ok(Account {
        connection,
        pipelines,
        channels,
    })
}

pub(crate) async fn update(request: UpdateConnectionRequest) -> Result<Connection, Problem> {
    let path = rpc!("/t11.crm.v1.ConnectionService/UpdateConnection");
    unary(path, &request).await
}

pub(crate) async fn delete(name: String) -> Result<(), Problem> {
    let path = rpc!("/t11.crm.v1.ConnectionService/DeleteConnection");
    unary::<()>(path, &DeleteConnectionRequest { name }).await
}

/// The address at Kommo where a person grants access; for a new account when none is named.
pub(crate) async fn start_authorization(connection: String) -> Result<String, Problem> {
    let path = rpc!("/t11.crm.v1.ConnectionService/StartAuthorization");
    let request = StartAuthorizationRequest { connection };
    let answer: StartAuthorizationResponse = unary(path, &request).await?;
    Ok(answer.authorization_uri)
}

pub(crate) async fn connect_with_token(
    host: String,
    token: String,
    connection: String,
) -> Result<Connection, Problem> {
    let request = ConnectWithTokenRequest {
        host,
        token,
        connection,
    };
    let path = rpc!("/t11.crm.v1.ConnectionService/ConnectWithToken");
    unary(path, &request).await
}

/// Looks at the account again and mends what can be mended from here.
pub(crate) async fn repair(name: String) -> Result<Connection, Problem> {
    let path = rpc!("/t11.crm.v1.ConnectionService/RepairConnection");
    unary(path, &RepairConnectionRequest { name }).await
}

/// Starts a synchronisation; gives the name of its job.
pub(crate) async fn sync(name: String) -> Result<String, Problem> {
    let path = rpc!("/t11.crm.v1.ConnectionService/SyncConnection");
    let answer: SyncConnectionResponse = unary(path, &SyncConnectionRequest { name }).await?;
    Ok(answer.job)
}

/// Accounts that installed the widget and belong to nobody yet.
pub(crate) async fn pending_installs() -> Result<Vec<PendingInstall>, Problem> {
    let path = rpc!("/t11.crm.v1.ConnectionService/ListPendingInstalls");
    let answer: ListPendingInstallsResponse = unary(path, &ListPendingInstallsRequest {}).await?;
    Ok(answer.pending_installs)
}

/// The integration's client id and address, if it was ever entered.
pub(crate) async fn credential() -> Result<Option<Credential>, Problem> {
    let path = rpc!("/t11.crm.v1.CredentialService/GetCredential");
    match unary(path, &GetCredentialRequest {}).await {
        Ok(credential) => Ok(Some(credential)),
        Err(problem) if problem.reason == "CREDENTIAL_MISSING" => Ok(None),
        Err(problem) => Err(problem),
    }
}

pub(crate) async fn set_credential(
    client_id: String,
    client_secret: String,
    redirect_uri: String,
) -> Result<Credential, Problem> {
    let request = SetCredentialRequest {
        client_id,
        client_secret,
        redirect_uri,
    };
    unary(
        rpc!("/t11.crm.v1.CredentialService/SetCredential"),
        &request,
    )
    .await
}

pub(crate) async fn pipelines(parent: String) -> Result<Vec<Pipeline>, Problem> {
    let path = rpc!("/t11.crm.v1.CatalogService/ListPipelines");
    let answer: ListPipelinesResponse = unary(path, &ListPipelinesRequest { parent }).await?;
    Ok(answer.pipelines)
}

pub(crate) async fn custom_fields(parent: String) -> Result<Vec<CustomField>, Problem> {
    let path = rpc!("/t11.crm.v1.CatalogService/ListCustomFields");
    let answer: ListCustomFieldsResponse = unary(path, &ListCustomFieldsRequest { parent }).await?;
    Ok(answer.custom_fields)
}

pub(crate) async fn users(parent: String) -> Result<Vec<CrmUser>, Problem> {
    let path = rpc!("/t11.crm.v1.CatalogService/ListUsers");
    let answer: ListUsersResponse = unary(path, &ListUsersRequest { parent }).await?;
    Ok(answer.users)
}

pub(crate) async fn loss_reasons(parent: String) -> Result<Vec<LossReason>, Problem> {
    let path = rpc!("/t11.crm.v1.CatalogService/ListLossReasons");
    let answer: ListLossReasonsResponse = unary(path, &ListLossReasonsRequest { parent }).await?;
    Ok(answer.loss_reasons)
}

pub(crate) async fn channels(parent: String) -> Result<Vec<Channel>, Problem> {
    let path = rpc!("/t11.crm.v1.CatalogService/ListChannels");
    let answer: ListChannelsResponse = unary(path, &ListChannelsRequest { parent }).await?;
    Ok(answer.channels)
}

/// What synchronisations have changed, newest first.
pub(crate) async fn sync_changes(
    parent: String,
    page_token: String,
) -> Result<Page<SyncChange>, Problem> {
    let request = ListSyncChangesRequest {
        parent,
        page_size: 20,
        page_token,
    };
    let path = rpc!("/t11.crm.v1.CatalogService/ListSyncChanges");
    let page: ListSyncChangesResponse = unary(path, &request).await?;
    Ok(Page::new(page.sync_changes, page.next_page_token))
}

pub(crate) async fn lead(name: String) -> Result<Lead, Problem> {
    unary(
        rpc!("/t11.crm.v1.LeadService/GetLead"),
        &GetLeadRequest { name },
    )
    .await
}
