//! The RPCs of accounts: parse, call, map.

mod api_keys;
mod audit;
mod convert;
mod delivery;
mod members;
mod notifications;
mod organizations;
mod sessions;

use std::sync::Arc;

use t11_core::{PageTokens, World};
use t11_grpc::{CallInfo, Signer};
use t11_proto::accounts::v1::api_key_service_server::ApiKeyServiceServer;
use t11_proto::accounts::v1::audit_service_server::AuditServiceServer;
use t11_proto::accounts::v1::member_service_server::MemberServiceServer;
use t11_proto::accounts::v1::notification_service_server::NotificationServiceServer;
use t11_proto::accounts::v1::organization_service_server::OrganizationServiceServer;
use t11_proto::accounts::v1::session_service_server::SessionServiceServer;
use t11_runtime::Endings;
use tonic::Status;
use tonic::service::Routes;

use crate::authenticator::Authenticator;
use crate::error::Error;
use crate::key_text::KeyEnvironment;
use crate::news::News;
use crate::session::Client;
use crate::store::Store;

/// What the RPCs work with.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) authenticator: Authenticator,
    pub(crate) world: World,
    pub(crate) signer: Signer,
    pub(crate) page_tokens: PageTokens,
    pub(crate) news: Arc<News>,
    pub(crate) endings: Endings,
    pub(crate) key_environment: KeyEnvironment,
}

pub(crate) fn routes(parts: &Parts) -> Routes {
    Routes::new(SessionServiceServer::new(sessions::Sessions::new(parts)))
        .add_service(OrganizationServiceServer::new(
            organizations::Organizations::new(parts),
        ))
        .add_service(MemberServiceServer::new(members::Members::new(parts)))
        .add_service(ApiKeyServiceServer::new(api_keys::ApiKeys::new(parts)))
        .add_service(AuditServiceServer::new(audit::AuditLog::new(parts)))
        .add_service(NotificationServiceServer::new(
            notifications::Notifications::new(parts),
        ))
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        t11_grpc::status("accounts", &error)
    }
}

impl From<CallInfo> for Client {
    fn from(info: CallInfo) -> Self {
        Self {
            request_id: info.request_id,
            address: info.client_address,
            user_agent: info.client_agent,
        }
    }
}
