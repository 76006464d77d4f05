//! A note at the lead: what would have been sent. The client hears nothing.

use t11_kommo::client::{Entity, NewNote};
use t11_kommo::id::LeadId;

use super::{Attempt, Try, attempt};
use crate::message::Refusal;

/// In whose name notes are written.
pub(crate) const SERVICE: &str = "T11";

pub(super) async fn send(sending: &mut Try<'_>) -> Attempt {
    let lead = LeadId(sending.message.new.lead_id);
    if lead.0 == 0 {
        let detail = "the client has no lead to write a note at";
        return Attempt::Refused(Refusal::new(Refusal::NO_TRANSPORT, detail));
    }
    let note = NewNote::service(SERVICE, sending.message.new.text.as_str());
    let create = sending.call(|client| {
        let note = note.clone();
        async move { client.create_note(Entity::Lead(lead), &note).await }
    });
    attempt(create.await.map(|id| Some(id.to_string())))
}
