//! `t11.crm.v1.MessageService`.

use t11_core::Violations;
use t11_grpc::scope;
use t11_proto::crm::v1 as pb;
use t11_proto::crm::v1::message_service_server::MessageService;
use tonic::{Request, Response, Status, async_trait};
use uuid::Uuid;

use super::convert::connection_id;
use crate::connection::Transport;
use crate::error::Error;
use crate::message::send::Messages;
use crate::message::{Message, NewMessage, State};

#[async_trait]
impl MessageService for Messages {
    async fn send_message(
        &self,
        request: Request<pb::SendMessageRequest>,
    ) -> Result<Response<pb::Delivery>, Status> {
        let scope = scope(&request)?;
        let new = NewMessage::try_from(request.into_inner())?;
        let message = Box::pin(self.send(&scope, new)).await?;
        Ok(Response::new(message.into()))
    }

    async fn get_delivery(
        &self,
        request: Request<pb::GetDeliveryRequest>,
    ) -> Result<Response<pb::Delivery>, Status> {
        let scope = scope(&request)?;
        let mut violations = Violations::default();
        let key = key(&mut violations, &request.into_inner().idempotency_key);
        violations.check().map_err(Error::from)?;
        let message = self.get(&scope, key).await?;
        Ok(Response::new(message.into()))
    }
}

/// The key in `text`; one that is none is noted.
pub(super) fn key(violations: &mut Violations, text: &str) -> Uuid {
    let parsed = Uuid::try_parse(text);
    if parsed.is_err() {
        let description = "`idempotency_key` must be a UUID";
        violations.add("idempotency_key", "MALFORMED", description);
    }
    parsed.unwrap_or_default()
}

impl TryFrom<pb::SendMessageRequest> for NewMessage {
    type Error = Error;

    fn try_from(request: pb::SendMessageRequest) -> Result<Self, Error> {
        let mut violations = Violations::default();
        let new = Self {
            connection: connection_id(&request.connection)?,
            idempotency_key: key(&mut violations, &request.idempotency_key),
            talk_id: request.talk_id,
            chat_id: request.chat_id,
            lead_id: request.lead_id,
            contact_id: request.contact_id,
            text: request.text,
            dry_run: request.dry_run,
        };
        new.check(&mut violations);
        violations.check()?;
        Ok(new)
    }
}

impl From<Message> for pb::Delivery {
    fn from(message: Message) -> Self {
        let state = match message.state {
            State::Pending => pb::DeliveryState::Pending,
            State::Accepted => pb::DeliveryState::Accepted,
            State::Delivered => pb::DeliveryState::Delivered,
            State::Read => pb::DeliveryState::Read,
            // While a try is under way nobody knows more.
            State::Sending | State::Unknown => pb::DeliveryState::Unknown,
            State::Failed => pb::DeliveryState::Failed,
        };
        let transport = message.transport.filter(|kind| *kind != Transport::Auto);
        let (reason, detail) = match message.refusal {
            Some(refusal) => (refusal.reason.into_owned(), refusal.detail),
            None => Default::default(),
        };
        Self {
            idempotency_key: message.new.idempotency_key.to_string(),
            state: state.into(),
            transport: transport.map_or("", Transport::as_str).to_owned(),
            message_id: message.message_id.unwrap_or_default(),
            reason,
            message: detail,
        }
    }
}
