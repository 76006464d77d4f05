//! `t11.accounts.v1.OrganizationService`.

use t11_grpc::scope;
use t11_proto::accounts::v1 as pb;
use t11_proto::accounts::v1::organization_service_server::OrganizationService;
use tonic::{Request, Response, Status, async_trait};

use super::Parts;
use crate::organization::OrganizationPatch;
use crate::store::Store;

pub(super) struct Organizations {
    store: Store,
}

impl Organizations {
    pub(super) fn new(parts: &Parts) -> Self {
        Self {
            store: parts.store.clone(),
        }
    }
}

#[async_trait]
impl OrganizationService for Organizations {
    async fn get_organization(
        &self,
        request: Request<pb::GetOrganizationRequest>,
    ) -> Result<Response<pb::Organization>, Status> {
        let organization = self.store.organization(&scope(&request)?).await?;
        Ok(Response::new(organization.into()))
    }

    async fn update_organization(
        &self,
        request: Request<pb::UpdateOrganizationRequest>,
    ) -> Result<Response<pb::Organization>, Status> {
        let scope = scope(&request)?;
        let request = request.into_inner();
        let organization = request.organization.unwrap_or_default();
        let etag = organization.etag.clone();
        let patch = OrganizationPatch::try_from((organization, request.update_mask))?;
        let organization = self.store.update_organization(&scope, patch, etag).await?;
        Ok(Response::new(organization.into()))
    }
}
