//! How messages that Kommo has taken fare in their channels.
//!
//! When to look at a message is in its row, and one job looks at all of an account that are due: a
//! talk with several of them is read once.

use chrono::{DateTime, TimeDelta, Utc};
use t11_core::{Fault as _, OrgScope};
use t11_kommo::client::Message as KommoMessage;
use t11_kommo::{Lane, Repeat};
use uuid::Uuid;

use super::reconcile::said_since;
use super::send::Messages;
use super::{Message, Refusal, Seen, State, next_look};
use crate::error::Error;

/// How long a message is watched.
const WATCHED_FOR: TimeDelta = TimeDelta::hours(1);

/// What a look at a message came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Look {
    Fared(State),
    /// There is no news, or Kommo does not answer.
    Nothing,
    /// The account does not let its messages be read.
    Never,
}

impl Message {
    /// When to look at it again; `None` when there can be no more news.
    pub(crate) fn next_look(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let age = now - self.accept_time?;
        let is_watched = self.is_on_its_way() && age < WATCHED_FOR;
        is_watched.then(|| now + next_look(age))
    }

    /// Notes what the channel says; `false` when that is no news.
    pub(crate) fn note_fared(&mut self, fared: State) -> bool {
        let is_news = match self.state {
            State::Accepted => true,
            State::Delivered => fared != State::Delivered,
            _ => false,
        };
        if is_news {
            self.state = fared;
            self.refusal = (fared == State::Failed).then(|| {
                let detail = "the channel could not deliver it";
                Refusal::new(Refusal::CHANNEL_FAILED, detail)
            });
        }
        is_news
    }
}

impl Messages {
    /// Looks at the messages of an account that are due, and tells the agents what is new. When
    /// Kommo cannot be asked they are looked at later.
    ///
    /// # Errors
    /// Those of the database; what was not written down is looked at again.
    pub(crate) async fn watch_due(&self, scope: &OrgScope, connection: Uuid) -> Result<(), Error> {
        let due = self.store.take_looks(scope, connection).await?;
        let mut looks = Vec::with_capacity(due.len());
        let mut hindrance = None;
        for messages in due.chunk_by(is_same_talk) {
            if hindrance.is_none() {
                match self.watch_talk(scope, messages, &mut looks).await {
                    Ok(()) => continue,
                    Err(Error::Store(error)) => return Err(error.into()),
                    Err(error) => hindrance = Some(hindered(connection, &error)),
                }
            }
            let look = hindrance.clone().unwrap_or(Look::Nothing);
            looks.extend(messages.iter().map(|message| (message.id, look.clone())));
        }
        self.store.note_looks(scope, looks).await
    }

    /// Asks Kommo how messages of one talk fare, the oldest of them first.
    async fn watch_talk(
        &self,
        scope: &OrgScope,
        messages: &[Message],
        looks: &mut Vec<(Uuid, Look)>,
    ) -> Result<(), Error> {
        let now = self.world.now();
        let Some(oldest) = messages.iter().find(|one| one.next_look(now).is_some()) else {
            looks.extend(messages.iter().map(|one| (one.id, Look::Nothing)));
            return Ok(());
        };
        let connection = oldest.new.connection;
        let said = self.kommo.with(scope, connection, Lane::Sync, |client| {
            let oldest = oldest.clone();
            async move { said_since(&client, &oldest).await }
        });
        let said = said.await?;
        for message in messages {
            let own = self.own(scope, message, &said).await?;
            let fared = own.and_then(|own| own.delivery_status.as_deref().and_then(fared));
            looks.push((message.id, fared.map_or(Look::Nothing, Look::Fared)));
        }
        Ok(())
    }

    /// Our message among those of its talk: by its id; what a bot has said for us by its text.
    async fn own<'a>(
        &self,
        scope: &OrgScope,
        message: &Message,
        messages: &'a [KommoMessage],
    ) -> Result<Option<&'a KommoMessage>, Error> {
        let ids = [message.message_id.as_deref(), message.seen_id.as_deref()];
        let has_id = |one: &&KommoMessage| ids.contains(&Some(one.id.as_str()));
        if let Some(own) = messages.iter().find(has_id) {
            return Ok(Some(own));
        }
        for one in messages.iter().filter(|one| !one.author.is_staff()) {
            let seen = seen(message, one);
            if !message.may_be(&seen) {
                continue;
            }
            let store = &self.store;
            let (connection, id) = (seen.connection, seen.message_id.clone());
            if store.is_sent_by_us(scope, connection, id).await? {
                continue;
            }
            let owner = store.maybe_sent_by_us(scope, seen).await?;
            if owner == Some(message.new.idempotency_key) {
                return Ok(Some(one));
            }
        }
        Ok(None)
    }
}

fn seen(message: &Message, one: &KommoMessage) -> Seen {
    Seen {
        connection: message.new.connection,
        message_id: one.id.0.clone(),
        talk_id: message.new.talk_id,
        chat_id: message.new.chat_id.clone(),
        lead_id: message.new.lead_id,
        text: one.text.clone(),
        time: one.created_at.unwrap_or_default(),
    }
}

/// Messages whose talk is not known are looked at one by one.
fn is_same_talk(one: &Message, next: &Message) -> bool {
    one.new.talk_id != 0 && one.new.talk_id == next.new.talk_id
}

/// What becomes of the looks that are left when one was refused: the others would be as well.
fn hindered(connection: Uuid, error: &Error) -> Look {
    let is_for_good = error.repeat() == Repeat::Never;
    tracing::info!(
        error = error as &dyn std::error::Error,
        reason = error.reason(),
        connection.id = %connection,
        is_for_good,
        "deliveries of the account cannot be watched"
    );
    match is_for_good {
        true => Look::Never,
        false => Look::Nothing,
    }
}

/// What a word of Kommo's says; `None` when it says no more than is known.
fn fared(status: &str) -> Option<State> {
    match status {
        "delivered" => Some(State::Delivered),
        "read" => Some(State::Read),
        "error" | "failed" | "undelivered" => Some(State::Failed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_not_known_say_nothing() {
        assert_eq!(fared("read"), Some(State::Read));
        assert_eq!(fared("error"), Some(State::Failed));
        for word in ["", "sent", "queued"] {
            assert_eq!(fared(word), None);
        }
    }
}
