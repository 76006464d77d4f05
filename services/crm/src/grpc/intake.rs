//! `t11.crm.v1.IntakeService`.

use t11_proto::crm::v1 as pb;
use t11_proto::crm::v1::intake_service_server::IntakeService;
use tonic::{Request, Response, Status, async_trait};

use crate::intake::Intake;

/// The doors that Kommo knocks at.
pub(super) struct Doors(pub(super) Intake);

#[async_trait]
impl IntakeService for Doors {
    async fn accept_webhook(
        &self,
        request: Request<pb::AcceptWebhookRequest>,
    ) -> Result<Response<pb::AcceptWebhookResponse>, Status> {
        let pb::AcceptWebhookRequest { secret, body } = request.into_inner();
        self.0.accept_webhook(&secret, body.into()).await?;
        Ok(Response::new(pb::AcceptWebhookResponse {}))
    }

    async fn accept_bot_request(
        &self,
        request: Request<pb::AcceptBotRequestRequest>,
    ) -> Result<Response<pb::AcceptBotRequestResponse>, Status> {
        let pb::AcceptBotRequestRequest { secret, body } = request.into_inner();
        self.0.accept_bot_request(&secret, &body).await?;
        Ok(Response::new(pb::AcceptBotRequestResponse {}))
    }
}
