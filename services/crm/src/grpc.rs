//! The RPCs of crm: parse, call, map.

mod catalog;
mod connections;
mod convert;
mod credentials;
mod events;
mod intake;
mod leads;
mod messages;

use t11_core::PageTokens;
use t11_proto::crm::v1::catalog_service_server::CatalogServiceServer;
use t11_proto::crm::v1::connection_service_server::ConnectionServiceServer;
use t11_proto::crm::v1::credential_service_server::CredentialServiceServer;
use t11_proto::crm::v1::event_service_server::EventServiceServer;
use t11_proto::crm::v1::intake_service_server::IntakeServiceServer;
use t11_proto::crm::v1::lead_service_server::LeadServiceServer;
use t11_proto::crm::v1::message_service_server::MessageServiceServer;
use tonic::Status;
use tonic::service::Routes;

use crate::authorization::Authorizations;
use crate::effect::apply::Effects;
use crate::error::Error;
use crate::intake::Intake;
use crate::kommo::Kommo;
use crate::lead::Leads;
use crate::message::send::Messages;
use crate::store::Store;
use crate::subscription::Subscriptions;

pub(crate) fn routes(
    store: Store,
    kommo: Kommo,
    intake: Intake,
    authorizations: Authorizations,
    subscriptions: Subscriptions,
    page_tokens: PageTokens,
) -> Routes {
    let connections = connections::Connections {
        store: store.clone(),
        kommo,
        authorizations,
        subscriptions,
        page_tokens: page_tokens.clone(),
    };
    let catalog = catalog::Catalog {
        store: store.clone(),
        page_tokens: page_tokens.clone(),
    };
    let events = events::Events {
        store: store.clone(),
        page_tokens,
    };
    Routes::new(ConnectionServiceServer::new(connections))
        .add_service(CredentialServiceServer::new(credentials::Credentials::new(
            store,
        )))
        .add_service(CatalogServiceServer::new(catalog))
        .add_service(EventServiceServer::new(events))
        .add_service(IntakeServiceServer::new(intake::Doors(intake)))
}

/// The same with what crm does to Kommo for the agents.
pub(crate) fn with_agents(
    routes: Routes,
    messages: Messages,
    leads: Leads,
    effects: Effects,
) -> Routes {
    routes
        .add_service(MessageServiceServer::new(messages))
        .add_service(LeadServiceServer::new(leads::LeadRpcs { leads, effects }))
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        t11_grpc::status("crm", &error)
    }
}
