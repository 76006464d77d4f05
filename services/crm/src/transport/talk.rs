//! `send_message` of a talk: to any channel, against the month's quota.

use t11_kommo::client::{OutgoingMessage, Talk, TalkQuery};
use t11_kommo::id::{ContactId, LeadId, TalkId};
use t11_kommo::{Client, Error as KommoError};

use super::{Attempt, Try, attempt};
use crate::connection::Transport;
use crate::error::Error;
use crate::message::{NewMessage, Refusal};

/// How many open talks are looked through.
const MOST_TALKS: usize = 50;

pub(super) async fn send(sending: &mut Try<'_>) -> Attempt {
    if sending.message.new.talk_id == 0 {
        return send_to_open_talk(sending, none_open()).await;
    }
    match post(sending).await {
        // A talk is closed, or was never known: the chat may have another one by now.
        Err(Error::Kommo(KommoError::Conflict(_) | KommoError::NotFound(_))) => {
            let refusal = Refusal::new(Refusal::TALK_CLOSED, "the talk is closed");
            send_to_open_talk(sending, refusal).await
        }
        outcome => attempt(outcome),
    }
}

async fn send_to_open_talk(sending: &mut Try<'_>, otherwise: Refusal) -> Attempt {
    let message = sending.message.new.clone();
    let found = sending.call(|client| {
        let message = message.clone();
        async move { open_talk(&client, &message).await }
    });
    let talk = match found.await {
        Ok(Some(talk)) if talk.talk_id.0 != message.talk_id => talk.talk_id.0,
        Ok(_) => return Attempt::Refused(otherwise),
        Err(error) => return Attempt::Later(error),
    };
    let (scope, kind) = (sending.scope, Transport::Talk);
    let store = &sending.kommo.store;
    match store.go_on_with(scope, &sending.message, kind, talk).await {
        Ok(Some(message)) => sending.message = message,
        Ok(None) => return Attempt::Superseded,
        Err(error) => return Attempt::Later(error),
    }
    attempt(post(sending).await)
}

async fn post(sending: &Try<'_>) -> Result<Option<String>, Error> {
    let talk = TalkId(sending.message.new.talk_id);
    let outgoing = OutgoingMessage::text(sending.message.new.text.as_str());
    let sent = sending.call(|client| {
        let outgoing = outgoing.clone();
        async move { client.send_message(talk, &outgoing).await }
    });
    Ok(Some(sent.await?.id.0))
}

fn none_open() -> Refusal {
    Refusal::new(Refusal::TALK_CLOSED, "the client has no open talk")
}

/// The open talk of the message's chat; when the chat is not known, the newest of its lead, else of
/// its contact.
pub(crate) async fn open_talk(
    client: &Client,
    message: &NewMessage,
) -> Result<Option<Talk>, KommoError> {
    let mut query = TalkQuery {
        only_in_work: true,
        ..TalkQuery::default()
    };
    if message.contact_id > 0 {
        query.contact_ids = vec![ContactId(message.contact_id)];
    } else if message.lead_id > 0 {
        query.lead_ids = vec![LeadId(message.lead_id)];
    } else {
        return Ok(None);
    }
    let talks = client.talks(&query)?.collect(MOST_TALKS).await?;
    let is_meant = |talk: &Talk| {
        let chat = talk.chat_id.as_ref().map(|chat| chat.as_str());
        message.chat_id.is_empty() || chat == Some(message.chat_id.as_str())
    };
    Ok(talks.into_iter().find(is_meant))
}
