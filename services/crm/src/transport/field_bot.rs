//! Writes a field of the lead and runs a bot that sends what stands there. One text at a time: the
//! store keeps a second one from the field.

use t11_kommo::client::{Entity, LeadUpdate};
use t11_kommo::field::{FieldUpdate, FieldValue};
use t11_kommo::id::{BotId, FieldId, LeadId};

use super::{Attempt, Try, attempt};
use crate::message::Refusal;

pub(super) async fn send(sending: &mut Try<'_>) -> Attempt {
    let reply = &sending.connection.reply;
    let (Some(field), Some(bot)) = (reply.field_id, reply.bot_id) else {
        return refuse("the field and the bot that sends it are not set");
    };
    if sending.message.new.lead_id == 0 {
        return refuse("the client has no lead, so no field");
    }
    let lead = LeadId(sending.message.new.lead_id);
    let text = FieldValue::Text(sending.message.new.text.clone());
    let update = LeadUpdate {
        fields: vec![FieldUpdate::set(FieldId(field), text)],
        ..LeadUpdate::default()
    };
    let write = sending.call(|client| {
        let update = update.clone();
        async move { client.update_lead(lead, &update).await }
    });
    if let Err(error) = write.await {
        // Nothing was sent, whatever became of the field.
        return attempt(Err(error));
    }
    let run = sending.call(|client| async move {
        let target = Entity::Lead(lead);
        client.run_bot(BotId(bot), target).await
    });
    attempt(run.await.map(|()| None))
}

fn refuse(detail: &'static str) -> Attempt {
    Attempt::Refused(Refusal::new(Refusal::NO_TRANSPORT, detail))
}
