//! Messages by the account: ours, of a person, of a bot.

use t11_core::OrgScope;
use t11_kommo::webhook::Message;
use uuid::Uuid;

use crate::error::Error;
use crate::event::Event;
use crate::message::Seen;
use crate::store::Store;

/// Under which key we sent the message, if we did: known by its id, else by its place, text and
/// time.
pub(crate) async fn own_key(
    store: &Store,
    scope: &OrgScope,
    event: &Event,
    message: &Message,
    lead_id: i64,
) -> Result<Option<Uuid>, Error> {
    let message_id = message.id.0.clone();
    let known = store.sent_by_us(scope, event.connection, message_id.clone());
    if let Some(key) = known.await? {
        return Ok(Some(key));
    }
    let seen = Seen {
        connection: event.connection,
        message_id,
        talk_id: message.talk_id.map_or(0, |id| id.0),
        chat_id: message
            .chat_id
            .as_ref()
            .map(|id| id.0.clone())
            .unwrap_or_default(),
        lead_id,
        text: message.text.clone(),
        time: message.created_at.unwrap_or(event.receive_time),
    };
    store.maybe_sent_by_us(scope, seen).await
}
