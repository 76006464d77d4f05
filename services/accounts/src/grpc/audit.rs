//! `t11.accounts.v1.AuditService`.

use t11_core::PageTokens;
use t11_grpc::scope;
use t11_proto::accounts::v1 as pb;
use t11_proto::accounts::v1::audit_service_server::AuditService;
use tonic::{Request, Response, Status, async_trait};

use super::Parts;
use crate::error::Error;
use crate::store::{AuditFilter, Store};

const PAGE_DEFAULT: u64 = 50;
const PAGE_MAX: u64 = 500;

pub(super) struct AuditLog {
    store: Store,
    page_tokens: PageTokens,
}

impl AuditLog {
    pub(super) fn new(parts: &Parts) -> Self {
        Self {
            store: parts.store.clone(),
            page_tokens: parts.page_tokens.clone(),
        }
    }
}

#[async_trait]
impl AuditService for AuditLog {
    async fn list_audit_records(
        &self,
        request: Request<pb::ListAuditRecordsRequest>,
    ) -> Result<Response<pb::ListAuditRecordsResponse>, Status> {
        let scope = scope(&request)?;
        let request = request.into_inner();
        let filter = AuditFilter {
            action: request.action,
            actor: request.actor,
        };
        let arguments = format!("ListAuditRecords/{}/{filter:?}", scope.org());
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
        let records = self.store.list_audit(&scope, filter, page).await?;
        let next_page_token = self
            .page_tokens
            .write(&arguments, records.next_cursor.as_deref());
        let audit_records = records.items.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListAuditRecordsResponse {
            audit_records,
            next_page_token,
        }))
    }
}
