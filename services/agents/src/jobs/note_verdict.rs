//! Tells crm what became of an event; crm runs the job.

use prost::Message as _;
use t11_core::{World, format_name};
use t11_proto::crm::v1::EventVerdict;
use t11_store::NewJob;
use uuid::Uuid;

/// The kind of the job.
pub(crate) const KIND: &str = "crm.note_verdict";

/// The job that notes `verdict` at `event` (`events/{event}`).
pub(crate) fn job(
    world: &World,
    event: &str,
    verdict: &str,
    conversation: Option<Uuid>,
    turn: Option<Uuid>,
) -> NewJob {
    let of = conversation.map(|id| format_name("conversations", id));
    let turn = of.as_ref().zip(turn);
    let payload = EventVerdict {
        event: event.to_owned(),
        verdict: verdict.to_owned(),
        turn: turn.map_or_else(String::new, |(of, id)| format!("{of}/turns/{id}")),
        conversation: of.unwrap_or_default(),
    };
    NewJob {
        // The last verdict stands.
        ordering_key: Some(format!("verdict:{event}")),
        ..NewJob::new(world.new_id(), "crm", KIND, payload.encode_to_vec())
    }
}
