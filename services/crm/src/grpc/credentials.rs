//! `t11.crm.v1.CredentialService`.

use t11_grpc::scope;
use t11_proto::crm::v1 as pb;
use t11_proto::crm::v1::credential_service_server::CredentialService;
use tonic::{Request, Response, Status, async_trait};

use crate::credential::NewCredential;
use crate::store::Store;

pub(super) struct Credentials {
    store: Store,
}

impl Credentials {
    pub(super) fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl CredentialService for Credentials {
    async fn get_credential(
        &self,
        request: Request<pb::GetCredentialRequest>,
    ) -> Result<Response<pb::Credential>, Status> {
        let credential = self.store.credential(&scope(&request)?).await?;
        Ok(Response::new(credential.into()))
    }

    async fn set_credential(
        &self,
        request: Request<pb::SetCredentialRequest>,
    ) -> Result<Response<pb::Credential>, Status> {
        let scope = scope(&request)?;
        let new = NewCredential::try_from(request.into_inner())?;
        let credential = self.store.set_credential(&scope, new).await?;
        Ok(Response::new(credential.into()))
    }

    async fn delete_credential(
        &self,
        request: Request<pb::DeleteCredentialRequest>,
    ) -> Result<Response<()>, Status> {
        let scope = scope(&request)?;
        self.store.delete_credential(&scope).await?;
        Ok(Response::new(()))
    }
}
