//! Finding out what became of a try that was not heard of again. It is never made again before.

use t11_core::OrgScope;
use t11_kommo::client::{AuthorKind, Entity, Message as KommoMessage, TimeRange};
use t11_kommo::id::{LeadId, TalkId, UserId};
use t11_kommo::{Client, Error as KommoError, Lane};

use super::send::Messages;
use super::{CLOCK_SKEW, Found, LOOKED_FOR, Message, State, is_same_text};
use crate::connection::Transport;
use crate::error::Error;
use crate::store::Settled;
use crate::transport::{self, Attempt, Try, open_talk};

/// How many messages or notes since the try are looked through.
const MOST_ITEMS: usize = 2_000;

impl Messages {
    /// Looks for a lost message, and writes down what became of it. One that is not lost, or not
    /// yet, is left alone.
    pub(crate) async fn reconcile(&self, scope: &OrgScope, message: &Message) -> Result<(), Error> {
        if !message.is_lost(self.world.now()) {
            return Ok(());
        }
        if message.transport == Some(Transport::Amojo) {
            return self.send_same(scope, message).await;
        }
        // Of what was asked later nothing is known.
        let looked_at = self.world.now();
        let found = match message.transport {
            Some(Transport::Note) => self.find_note(scope, message).await?,
            _ => self.find_message(scope, message).await?,
        };
        let settled = self.store.settle_lost(scope, message, found, looked_at);
        if let Settled::Known(known) = settled.await? {
            tracing::info!(
                message.key = %known.new.idempotency_key,
                state = known.state.as_str(),
                "a lost message was found out about"
            );
        }
        Ok(())
    }

    /// Whether a message is to be looked for once more.
    pub(crate) fn is_looked_for(&self, message: &Message) -> bool {
        let now = self.world.now();
        message.is_lost(now)
            && message
                .send_time
                .is_some_and(|begun| now - begun < LOOKED_FOR)
    }

    /// In the own channel an equal id is the same message.
    async fn send_same(&self, scope: &OrgScope, message: &Message) -> Result<(), Error> {
        let connection = message.new.connection;
        let account = self.kommo.account(scope, connection, Lane::Reply).await?;
        let mut attempt = Try {
            kommo: &self.kommo,
            channel: self.channel.as_ref(),
            scope,
            connection: &account.connection,
            message: message.clone(),
        };
        match transport::send(&mut attempt, Transport::Amojo).await {
            Attempt::Accepted(id) => self.store.accept_lost(scope, message, id).await,
            Attempt::Later(error) => Err(error),
            // A refusal now does not say what the first one was answered.
            Attempt::Refused(_) | Attempt::Unknown | Attempt::Superseded => Ok(()),
        }
    }

    /// Messages of the same text since the try, oldest first.
    async fn find_message(&self, scope: &OrgScope, message: &Message) -> Result<Vec<Found>, Error> {
        let connection = message.new.connection;
        let find = self.kommo.with(scope, connection, Lane::Reply, |client| {
            let message = message.clone();
            async move { own_messages(&client, &message).await }
        });
        find.await
    }

    async fn find_note(&self, scope: &OrgScope, message: &Message) -> Result<Vec<Found>, Error> {
        let connection = message.new.connection;
        let find = self.kommo.with(scope, connection, Lane::Reply, |client| {
            let message = message.clone();
            async move { own_notes(&client, &message).await }
        });
        find.await
    }
}

/// The talk that the message went to.
pub(super) async fn talk_of(
    client: &Client,
    message: &Message,
) -> Result<Option<TalkId>, KommoError> {
    if message.new.talk_id > 0 {
        return Ok(Some(TalkId(message.new.talk_id)));
    }
    let talk = open_talk(client, &message.new).await?;
    Ok(talk.map(|talk| talk.talk_id))
}

/// What the account's side has said in the message's talk since the try.
pub(super) async fn said_since(
    client: &Client,
    message: &Message,
) -> Result<Vec<KommoMessage>, KommoError> {
    let (Some(begun), Some(talk)) = (message.send_time, talk_of(client, message).await?) else {
        return Ok(Vec::new());
    };
    let since = TimeRange::since(begun - CLOCK_SKEW);
    let messages = client.messages(talk, &since)?.collect(MOST_ITEMS).await?;
    let is_outgoing =
        |one: &KommoMessage| one.direction != "incoming" && one.author.kind != AuthorKind::External;
    Ok(messages.into_iter().filter(is_outgoing).collect())
}

async fn own_messages(client: &Client, message: &Message) -> Result<Vec<Found>, KommoError> {
    let mut messages = said_since(client, message).await?;
    messages.retain(|one| is_same_text(&one.text, &message.new.text));
    if messages.iter().any(|one| one.author.is_staff()) {
        // What we send may look as if whoever granted the access had written it.
        let granting = client.account().await?.current_user_id;
        messages.retain(|one| !one.author.is_staff() || is_of(one.author.user_id, granting));
    }
    let found = messages.into_iter().map(|one| Found {
        id: one.id.0,
        time: one.created_at.unwrap_or_default(),
        delivery_status: one.delivery_status,
    });
    Ok(in_order(found))
}

fn is_of(user: Option<UserId>, granting: Option<UserId>) -> bool {
    granting.is_some() && user == granting
}

async fn own_notes(client: &Client, message: &Message) -> Result<Vec<Found>, KommoError> {
    let Some(begun) = message.send_time else {
        return Ok(Vec::new());
    };
    let lead = Entity::Lead(LeadId(message.new.lead_id));
    let since = TimeRange::since(begun - CLOCK_SKEW);
    let notes = client.notes(lead, &since)?.collect(MOST_ITEMS).await?;
    let same = notes.into_iter().filter(|note| {
        note.text()
            .is_some_and(|text| is_same_text(text, &message.new.text))
    });
    Ok(in_order(same.map(|note| Found {
        id: note.id.to_string(),
        time: note.created_at.unwrap_or_default(),
        delivery_status: None,
    })))
}

fn in_order(found: impl Iterator<Item = Found>) -> Vec<Found> {
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(|one| one.time);
    found
}

impl Message {
    /// Whether Kommo has taken it, and the channel may still say more.
    pub(crate) fn is_on_its_way(&self) -> bool {
        matches!(self.state, State::Accepted | State::Delivered)
    }
}
