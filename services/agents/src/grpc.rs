//! The service's RPCs: parse, take the scope, call, map.

mod agents;
mod analytics;
mod automation;
mod chat;
mod conversation;
mod convert;
mod crm_settings;
mod evaluation;
mod inbox;
mod knowledge;
mod playbook;
mod price_book;
mod source;
mod version;

use std::sync::Arc;

use t11_core::{PageTokens, World};
use t11_proto::agents::v1::agent_service_server::AgentServiceServer;
use t11_proto::agents::v1::agent_version_service_server::AgentVersionServiceServer;
use t11_proto::agents::v1::analytics_service_server::AnalyticsServiceServer;
use t11_proto::agents::v1::chat_service_server::ChatServiceServer;
use t11_proto::agents::v1::conversation_service_server::ConversationServiceServer;
use t11_proto::agents::v1::crm_settings_service_server::CrmSettingsServiceServer;
use t11_proto::agents::v1::evaluation_service_server::EvaluationServiceServer;
use t11_proto::agents::v1::inbox_service_server::InboxServiceServer;
use t11_proto::agents::v1::knowledge_service_server::KnowledgeServiceServer;
use t11_proto::agents::v1::playbook_service_server::PlaybookServiceServer;
use t11_proto::agents::v1::price_book_service_server::PriceBookServiceServer;
use t11_proto::agents::v1::sequence_service_server::SequenceServiceServer;
use t11_proto::agents::v1::trigger_service_server::TriggerServiceServer;
use tokio_util::task::TaskTracker;
use tonic::Status;
use tonic::service::Routes;

use crate::Error;
use crate::briefing::Briefing;
use crate::chat::Chat;
use crate::inbox::Inbox;
use crate::knowledge::fetch::Fetcher;
use crate::store::Store;
use crate::upload::Uploads;
use crate::webhook::Webhooks;

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        t11_grpc::status("agents", &error)
    }
}

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Handlers {
    pub(crate) store: Store,
    pub(crate) pages: PageTokens,
    pub(crate) chat: Arc<Chat>,
    pub(crate) inbox: Inbox,
    pub(crate) briefing: Arc<Briefing>,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) fetcher: Fetcher,
    pub(crate) webhooks: Webhooks,
    pub(crate) world: World,
    /// Turns that run beside their streams; waited for at shutdown.
    pub(crate) tasks: TaskTracker,
}

/// Mounts every RPC service.
pub(crate) fn routes(handlers: Handlers) -> Routes {
    Routes::new(AgentServiceServer::new(handlers.clone()))
        .add_service(AgentVersionServiceServer::new(handlers.clone()))
        .add_service(AnalyticsServiceServer::new(handlers.clone()))
        .add_service(ChatServiceServer::new(handlers.clone()))
        .add_service(ConversationServiceServer::new(handlers.clone()))
        .add_service(CrmSettingsServiceServer::new(handlers.clone()))
        .add_service(EvaluationServiceServer::new(handlers.clone()))
        .add_service(InboxServiceServer::new(handlers.clone()))
        .add_service(KnowledgeServiceServer::new(handlers.clone()))
        .add_service(PlaybookServiceServer::new(handlers.clone()))
        .add_service(PriceBookServiceServer::new(handlers.clone()))
        .add_service(SequenceServiceServer::new(handlers.clone()))
        .add_service(TriggerServiceServer::new(handlers))
}
