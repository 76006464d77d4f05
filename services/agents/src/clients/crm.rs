//! The crm service: messages to clients, and how they fared.

use t11_core::{Fault as _, FaultKind, format_name};
use t11_grpc::{Peer, RemoteFault};
use t11_proto::crm::v1 as pb;
use t11_proto::crm::v1::message_service_client::MessageServiceClient;
use tonic::Status;
use uuid::Uuid;

use crate::Error;
use crate::conversation::Delivery;
use crate::live::Fared;
use crate::store::Outgoing;

/// The crm service.
pub(crate) struct Crm {
    peer: Peer,
}

impl Crm {
    /// The crm service behind `peer`.
    pub(crate) fn new(peer: Peer) -> Self {
        Self { peer }
    }

    /// Hands a message over, under its id: repeating it sends nothing twice.
    ///
    /// # Errors
    /// The neighbour's refusal.
    pub(crate) async fn send(&self, outgoing: &Outgoing) -> Result<Fared, Error> {
        let request = pb::SendMessageRequest {
            connection: format_name("connections", outgoing.connection_id),
            idempotency_key: outgoing.id.to_string(),
            talk_id: outgoing.talk_id,
            chat_id: outgoing.chat_id.clone(),
            lead_id: outgoing.lead_id,
            contact_id: outgoing.contact_id,
            text: outgoing.text.clone(),
            dry_run: false,
        };
        let mut client = MessageServiceClient::new(self.peer.clone());
        let answer = client.send_message(request).await.map_err(refusal)?;
        Ok(fared(answer.into_inner()))
    }

    /// What is known of a message; `None` when it was never handed over.
    ///
    /// # Errors
    /// The neighbour's refusal.
    pub(crate) async fn delivery(&self, key: Uuid) -> Result<Option<Fared>, Error> {
        let request = pb::GetDeliveryRequest {
            idempotency_key: key.to_string(),
        };
        let mut client = MessageServiceClient::new(self.peer.clone());
        match client.get_delivery(request).await {
            Ok(answer) => Ok(Some(fared(answer.into_inner()))),
            Err(status) => {
                let fault = RemoteFault::from(&status);
                if fault.kind() == FaultKind::NotFound {
                    Ok(None)
                } else {
                    Err(fault.into())
                }
            }
        }
    }
}

fn fared(delivery: pb::Delivery) -> Fared {
    let state = match delivery.state() {
        // It waits for its turn there: more is told by the job `agents.note_delivery`.
        pb::DeliveryState::Unspecified | pb::DeliveryState::Pending => Delivery::Sending,
        pb::DeliveryState::Accepted => Delivery::Accepted,
        pb::DeliveryState::Delivered => Delivery::Delivered,
        pb::DeliveryState::Read => Delivery::Read,
        pb::DeliveryState::Unknown => Delivery::Unknown,
        pb::DeliveryState::Failed => Delivery::Failed,
    };
    Fared {
        delivery: state,
        reason: delivery.reason,
        external_id: delivery.message_id,
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the form that `map_err` asks for"
)]
fn refusal(status: Status) -> Error {
    RemoteFault::from(&status).into()
}
