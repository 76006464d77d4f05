//! Our own channel in the chat back end. `chat_id` is the name that the channel gave to the
//! conversation. Messages are told apart by the ids we give, so one may be sent again.

use secrecy::SecretString;
use t11_kommo::Error as KommoError;
use t11_kommo::amojo::{Amojo, Channel, ChannelMessage, Content, Participant, Scope};
use t11_kommo::id::AmojoId;

use super::{Attempt, Try, attempt};
use crate::error::Error;
use crate::message::Refusal;

/// What the channel is called in accounts.
const TITLE: &str = "T11";

/// The channel that Kommo has registered for this platform.
#[derive(Debug, Clone)]
pub(crate) struct OwnChannel {
    pub(crate) id: String,
    pub(crate) secret: SecretString,
    /// In whose name it writes.
    pub(crate) bot_id: String,
    /// The address of the chat back end.
    pub(crate) url: String,
}

pub(super) async fn send(sending: &mut Try<'_>) -> Attempt {
    let message = &sending.message.new;
    let Some(channel) = sending.channel else {
        return refuse("there is no own channel");
    };
    let Some(amojo_id) = &sending.connection.account.amojo_id else {
        return refuse("the account's name in the chat back end is not known");
    };
    if message.chat_id.is_empty() {
        return refuse("the conversation is not known");
    }
    match post(sending, channel, amojo_id).await {
        // It may have come, and may be sent again.
        Err(Error::Kommo(KommoError::Timeout | KommoError::Unavailable(_))) => Attempt::Unknown,
        Err(Error::Kommo(KommoError::NotFound(_))) => refuse("the account has no such channel"),
        outcome => attempt(outcome),
    }
}

async fn post(
    sending: &Try<'_>,
    channel: &OwnChannel,
    amojo_id: &str,
) -> Result<Option<String>, Error> {
    let registered = Channel {
        id: channel.id.clone(),
        secret: channel.secret.clone(),
    };
    let amojo_id = AmojoId(amojo_id.to_owned());
    let scope = Scope::new(&registered, &amojo_id);
    let kommo = sending.kommo;
    let amojo = Amojo::new(
        &kommo.http,
        &kommo.pace,
        kommo.hosts().account(&sending.connection.host)?,
        &channel.url,
        registered,
        kommo.world.clone(),
    )?;
    let message = outgoing(sending, channel);
    let sent = match amojo.send_message(&scope, &message).await {
        // An account that was connected anew has forgotten the channel.
        Err(KommoError::NotFound(_)) => {
            let scope = amojo.connect(&amojo_id, TITLE).await?;
            amojo.send_message(&scope, &message).await
        }
        sent => sent,
    };
    Ok(Some(sent?.msgid))
}

fn outgoing(sending: &Try<'_>, channel: &OwnChannel) -> ChannelMessage {
    let message = &sending.message.new;
    let bot = Participant {
        ref_id: Some(channel.bot_id.clone()),
        ..Participant::client(channel.bot_id.as_str(), TITLE)
    };
    let client = format!("contact-{}", message.contact_id);
    ChannelMessage {
        id: message.idempotency_key.to_string(),
        conversation_id: message.chat_id.clone(),
        time: sending.kommo.world.now(),
        source: None,
        sender: bot,
        receiver: Some(Participant::client(client, "")),
        content: Content::Text(message.text.clone()),
        is_silent: false,
    }
}

fn refuse(detail: &'static str) -> Attempt {
    Attempt::Refused(Refusal::new(Refusal::NO_TRANSPORT, detail))
}
