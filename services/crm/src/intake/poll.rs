//! Looks at Kommo for messages that nobody told us of. It is a repair and not the way that messages
//! come: Kommo restricts addresses that read the same again and again.
//!
//! A poll of an account where nothing has changed is one call and no write. Open talks are listed,
//! newest first; those that changed after the cursor are read from there on, and what is not known
//! by its id is filed as an event. While webhooks come, an account is polled every quarter of an
//! hour instead of every 90 s, and at once when Kommo had given up telling us.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use t11_core::{OrgScope, World};
use t11_kommo::client::{Message, Talk, TalkQuery, TimeRange};
use t11_kommo::id::AccountId;
use t11_kommo::webhook::Delivery;
use t11_kommo::{Lane, Pages};
use uuid::Uuid;

use super::reading::author_word;
use crate::connection::State;
use crate::error::Error;
use crate::event::Filing;
use crate::kommo::Kommo;
use crate::store::{PollCursor, Store};

/// How long after an event an account is taken to tell us of everything.
pub(crate) const HEARD_WITHIN: TimeDelta = TimeDelta::minutes(10);
/// How often such an account is polled.
pub(crate) const EVERY_WHILE_HEARD: TimeDelta = TimeDelta::minutes(15);

/// Kommo may show a change a little later than it says it was.
const OVERLAP: TimeDelta = TimeDelta::seconds(60);
/// What is older is not answered any more.
const LOOK_BACK: TimeDelta = TimeDelta::hours(24);
/// Pages of open talks that are looked at: ten thousand talks.
const MAX_PAGES: usize = 40;
/// Talks whose messages are filed together; a poll that is broken off goes on after them.
const TALKS_AT_ONCE: usize = 50;
/// Messages of one talk that are looked at.
const MAX_MESSAGES: usize = 250;

/// Polls accounts.
#[derive(Clone)]
pub(crate) struct Poller {
    pub(crate) store: Store,
    pub(crate) kommo: Kommo,
    pub(crate) world: World,
}

impl Poller {
    /// Files what Kommo has kept from us; how many events there were.
    ///
    /// # Errors
    /// Those of Kommo and of the database.
    pub(crate) async fn poll(&self, scope: &OrgScope, connection: Uuid) -> Result<usize, Error> {
        let known = self.store.connection(scope, connection).await?;
        let account = known.account.id.filter(|_| known.state == State::Connected);
        let (Some(account), Some(cursor)) = (
            account.map(AccountId),
            self.store.poll_cursor(scope, connection).await?,
        ) else {
            return Ok(0);
        };
        let from = cursor.time.max(self.world.now() - LOOK_BACK);
        let talks = self.open_talks(scope, connection).await?;
        let (mut changed, known): (Vec<&Talk>, Vec<&Talk>) = talks
            .iter()
            .filter(|talk| talk.updated_at.is_some_and(|time| time >= from - OVERLAP))
            .partition(|talk| cursor.talks.get(&talk.talk_id.0).copied() != changed_at(talk));
        changed.sort_by_key(|talk| talk.updated_at);
        let (mut found, mut read) = (0, 0);
        for talks in changed.chunks(TALKS_AT_ONCE) {
            let mut filings = Vec::new();
            for talk in talks {
                let messages = self.messages(scope, connection, talk, from).await?;
                let filed = messages
                    .iter()
                    .flat_map(|message| filed(talk, message, account));
                filings.extend(filed);
            }
            found += self.file(scope, connection, filings).await?;
            read += talks.len();
            let done = known.iter().chain(&changed[..read]).copied();
            let next = next_cursor(done, &changed[..read], from);
            self.store.set_poll_cursor(scope, connection, next).await?;
        }
        Ok(found)
    }

    async fn open_talks(&self, scope: &OrgScope, connection: Uuid) -> Result<Vec<Talk>, Error> {
        let asked = self
            .kommo
            .with(scope, connection, Lane::Sync, |client| async move {
                let query = TalkQuery {
                    only_in_work: true,
                    ..TalkQuery::default()
                };
                let mut pages: Pages<Talk> = client.talks(&query)?;
                let mut talks = Vec::new();
                for _ in 0..MAX_PAGES {
                    match pages.next_page().await? {
                        Some(page) => talks.extend(page),
                        None => break,
                    }
                }
                Ok(talks)
            });
        asked.await
    }

    async fn messages(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        talk: &Talk,
        from: DateTime<Utc>,
    ) -> Result<Vec<Message>, Error> {
        let id = talk.talk_id;
        let since = TimeRange {
            from: Some(from - OVERLAP),
            to: None,
        };
        let asked = self
            .kommo
            .with(scope, connection, Lane::Sync, |client| async move {
                client.messages(id, &since)?.collect(MAX_MESSAGES).await
            });
        let mut messages = asked.await?;
        messages.sort_by_key(|message| message.created_at);
        Ok(messages)
    }

    async fn file(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        filings: Vec<Filing>,
    ) -> Result<usize, Error> {
        let keys = filings
            .iter()
            .map(|filing| filing.dedupe_key.clone())
            .collect();
        let known = self.store.known_keys(scope, connection, keys).await?;
        let mut missed = filings;
        missed.retain(|filing| !known.contains(&filing.dedupe_key));
        if missed.is_empty() {
            return Ok(0);
        }
        self.store.file_polled(scope, connection, missed).await
    }
}

fn changed_at(talk: &Talk) -> Option<i64> {
    talk.updated_at.map(|time| time.timestamp())
}

/// Where the next poll begins when these talks are read, the oldest first, with those of all that
/// are done that it would else read again.
fn next_cursor<'a>(
    done: impl Iterator<Item = &'a Talk>,
    read: &[&Talk],
    from: DateTime<Utc>,
) -> PollCursor {
    let last = read.last().and_then(|talk| talk.updated_at);
    let time = last.unwrap_or(from).max(from);
    let near = done.filter(|talk| {
        talk.updated_at
            .is_some_and(|changed| changed >= time - OVERLAP)
    });
    let talks: BTreeMap<i64, i64> = near
        .filter_map(|talk| Some((talk.talk_id.0, changed_at(talk)?)))
        .collect();
    PollCursor { time, talks }
}

/// A message as a webhook would have brought it.
fn filed(talk: &Talk, message: &Message, account: AccountId) -> Option<Filing> {
    let entity = match message.direction.as_str() {
        "outgoing" => "outgoing_message",
        _ => "message",
    };
    let lead = talk.lead_id();
    let attachment = message
        .attachment
        .as_ref()
        .map(|file| json!({"type": file.kind, "link": file.link, "file_name": file.file_name}));
    let item = json!({
        "id": message.id,
        "chat_id": talk.chat_id,
        "talk_id": talk.talk_id,
        "contact_id": talk.contact_id,
        "entity_type": lead.map(|_| "lead"),
        "entity_id": lead,
        "type": message.direction,
        "message_type": message.message_type,
        "text": message.text,
        "author": {
            "id": message.author.id,
            "type": author_word(&message.author.kind),
            "name": message.author.name,
            "user_id": message.author.user_id,
        },
        "origin": if message.origin.is_empty() { &talk.origin } else { &message.origin },
        "attachment": attachment,
        "created_at": message.created_at.map(|time| time.timestamp()),
    });
    let body = json!({ entity: { "add": [item] } }).to_string();
    let delivery = Delivery::parse(body.as_bytes()).ok()?;
    let received = delivery.events.first()?;
    Some(Filing::of(received, account))
}
