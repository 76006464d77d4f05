//! The RPCs of crm: parse, call, map.

mod connections;
mod convert;
mod credentials;

use t11_core::PageTokens;
use t11_proto::crm::v1::connection_service_server::ConnectionServiceServer;
use t11_proto::crm::v1::credential_service_server::CredentialServiceServer;
use tonic::Status;
use tonic::service::Routes;

use crate::connection::AllowedHosts;
use crate::error::Error;
use crate::store::Store;

pub(crate) fn routes(store: Store, hosts: AllowedHosts, page_tokens: PageTokens) -> Routes {
    let connections = connections::Connections::new(store.clone(), hosts, page_tokens);
    Routes::new(ConnectionServiceServer::new(connections)).add_service(
        CredentialServiceServer::new(credentials::Credentials::new(store)),
    )
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        t11_grpc::status("crm", &error)
    }
}
