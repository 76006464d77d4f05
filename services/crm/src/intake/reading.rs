//! What is read again at Kommo before agents hear of an event: a webhook is a hint.

use std::future::Future;

use chrono::TimeDelta;
use t11_core::OrgScope;
use t11_kommo::client::{
    AuthorKind, ContactWith, Entity, Lead, LeadQuery, LeadWith, TalkQuery, TimeRange,
};
use t11_kommo::id::{ContactId, LeadId, MessageId, StatusId, TalkId};
use t11_kommo::webhook::Message;
use t11_kommo::{Client, Error as KommoError, Lane, Repeat};
use uuid::Uuid;

use crate::error::Error;
use crate::event::Event;
use crate::kommo::Kommo;
use crate::message::{CLOCK_SKEW, is_same_text};
use crate::mirror::MirroredLead;

/// How long before its bot asked a client may have written.
const ASKED_WITHIN: TimeDelta = TimeDelta::minutes(15);
/// Leads of one contact that are looked at, and messages of one talk.
const MOST: usize = 250;

/// Reads at Kommo for one event.
pub(crate) struct Reading<'a> {
    pub(crate) kommo: &'a Kommo,
    pub(crate) scope: &'a OrgScope,
    pub(crate) connection: Uuid,
    /// Whether the event may wait for a Kommo that is away: its job comes again.
    pub(crate) may_wait: bool,
}

/// Whom and what a message is about, as far as it is known; 0 is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) chat_id: String,
    pub(crate) talk_id: i64,
    pub(crate) contact_id: i64,
    pub(crate) lead_id: i64,
    pub(crate) place: Place,
    /// As it was read for that, if it was.
    pub(crate) lead: Option<MirroredLead>,
}

/// Where a lead is; 0 is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) pipeline_id: i64,
    pub(crate) stage_id: i64,
    pub(crate) responsible_user_id: i64,
}

impl Place {
    fn of(lead: &MirroredLead) -> Self {
        Self {
            pipeline_id: lead.pipeline_id,
            stage_id: lead.stage_id,
            responsible_user_id: lead.responsible_user_id,
        }
    }
}

impl Reading<'_> {
    /// What a message does not say by itself: its lead through its talk or its contact, and where
    /// that lead is.
    pub(crate) async fn about(&self, message: &Message) -> Result<About, Error> {
        let mut about = self.whom(message).await?;
        if about.lead_id != 0 {
            let told = Place::default();
            (about.place, about.lead) = self.place(about.lead_id, told).await?;
        }
        Ok(about)
    }

    /// The same without where the lead is.
    pub(crate) async fn whom(&self, message: &Message) -> Result<About, Error> {
        let mut about = said(message);
        if about.lead_id == 0 && about.talk_id != 0 {
            self.ask_talk(&mut about).await?;
        }
        if about.lead_id == 0 && about.contact_id != 0 {
            about.lead_id = self.lead_of_contact(about.contact_id).await?;
        }
        Ok(about)
    }

    async fn ask_talk(&self, about: &mut About) -> Result<(), Error> {
        let id = TalkId(about.talk_id);
        let asked = self.ask(|client| async move { client.talk(id).await });
        let Some(talk) = asked.await? else {
            return Ok(());
        };
        about.lead_id = talk.lead_id().map_or(0, |id| id.0);
        if about.contact_id == 0 {
            about.contact_id = talk.contact_id.map_or(0, |id| id.0);
        }
        if about.chat_id.is_empty() {
            about.chat_id = talk.chat_id.map(|id| id.0).unwrap_or_default();
        }
        Ok(())
    }

    /// The newest open lead of a contact, else its newest; 0 for none.
    async fn lead_of_contact(&self, contact: i64) -> Result<i64, Error> {
        let id = ContactId(contact);
        let asked = self.ask(|client| async move {
            let contact = client.contact(id, &[ContactWith::Leads]).await?;
            let ids: Vec<LeadId> = contact.lead_ids().take(MOST).collect();
            if ids.len() < 2 {
                return Ok((ids, Vec::new()));
            }
            let query = LeadQuery {
                ids: ids.clone(),
                ..LeadQuery::default()
            };
            Ok((ids, client.leads(&query)?.collect(MOST).await?))
        });
        let (ids, leads) = asked.await?.unwrap_or_default();
        let best = leads
            .iter()
            .filter(|lead| !lead.is_deleted)
            .max_by_key(|lead| (is_open(lead), lead.created_at, lead.id));
        let only = ids.iter().max().copied();
        Ok(best.map(|lead| lead.id).or(only).map_or(0, |id| id.0))
    }

    /// Where a lead is now, and the lead as it was read for that; as it was last read, or else told,
    /// when Kommo does not say.
    pub(crate) async fn place(
        &self,
        lead: i64,
        told: Place,
    ) -> Result<(Place, Option<MirroredLead>), Error> {
        let id = LeadId(lead);
        let asked = self.kommo.with(
            self.scope,
            self.connection,
            Lane::Reply,
            |client| async move { client.lead(id, &[LeadWith::Contacts]).await },
        );
        let error = match asked.await {
            Ok(lead) => {
                let lead = MirroredLead::from(&lead);
                return Ok((Place::of(&lead), Some(lead)));
            }
            Err(error) => error,
        };
        let last = match told.pipeline_id {
            0 => self.last_place(lead).await?.unwrap_or(told),
            _ => told,
        };
        self.go_on_without(error, last.pipeline_id != 0)?;
        Ok((last, None))
    }

    async fn last_place(&self, lead: i64) -> Result<Option<Place>, Error> {
        let (store, connection) = (&self.kommo.store, self.connection);
        let known = store.mirrored_lead(self.scope, connection, lead).await?;
        Ok(known.map(|(lead, _contact)| Place::of(&lead)))
    }

    /// The client's message that made a bot ask: the newest of this text in the lead's talks.
    pub(crate) async fn message_of_bot(
        &self,
        event: &Event,
        lead: i64,
        text: &str,
    ) -> Result<Option<(About, MessageId)>, Error> {
        let since = TimeRange {
            from: Some(event.receive_time - ASKED_WITHIN - CLOCK_SKEW),
            to: None,
        };
        let asked = self.ask(|client| async move {
            let query = TalkQuery {
                lead_ids: vec![LeadId(lead)],
                ..TalkQuery::default()
            };
            let mut found = Vec::new();
            for talk in client.talks(&query)?.collect(MOST).await? {
                let messages = client.messages(talk.talk_id, &since)?.collect(MOST).await?;
                found.extend(messages.into_iter().map(|message| (talk.clone(), message)));
            }
            Ok(found)
        });
        let messages = asked.await?.unwrap_or_default();
        let newest = messages
            .into_iter()
            .filter(|(_, message)| message.direction == "incoming")
            .filter(|(_, message)| is_same_text(&message.text, text))
            .max_by_key(|(_, message)| message.created_at);
        Ok(newest.map(|(talk, message)| {
            let about = About {
                chat_id: talk.chat_id.map(|id| id.0).unwrap_or_default(),
                talk_id: talk.talk_id.0,
                contact_id: talk.contact_id.map_or(0, |id| id.0),
                lead_id: lead,
                ..About::default()
            };
            (about, message.id)
        }))
    }

    /// An answer of Kommo; `None` when it has none for us.
    async fn ask<T, F, Fut>(&self, call: F) -> Result<Option<T>, Error>
    where
        F: Fn(Client) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T, KommoError>> + Send,
    {
        let asked = self
            .kommo
            .with(self.scope, self.connection, Lane::Reply, call);
        match asked.await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => self.go_on_without(error, false).map(|()| None),
        }
    }

    /// Whether the event goes on without an answer, which `is_known` well enough perhaps: the error
    /// itself when it is to be waited for.
    fn go_on_without(&self, error: Error, is_known: bool) -> Result<(), Error> {
        let is_away = matches!(error.repeat(), Repeat::Safe(_));
        let is_ours = matches!(error, Error::Store(_) | Error::Seal(_));
        if is_ours || (is_away && self.may_wait && !is_known) {
            return Err(error);
        }
        tracing::debug!(%error, connection.id = %self.connection, "an event goes on without Kommo's answer");
        Ok(())
    }
}

/// What a message says by itself.
fn said(message: &Message) -> About {
    About {
        chat_id: message
            .chat_id
            .as_ref()
            .map(|id| id.0.clone())
            .unwrap_or_default(),
        talk_id: message.talk_id.map_or(0, |id| id.0),
        contact_id: message.contact_id.map_or(0, |id| id.0),
        lead_id: match message.entity {
            Some(Entity::Lead(id)) => id.0,
            _ => 0,
        },
        place: Place::default(),
        lead: None,
    }
}

fn is_open(lead: &Lead) -> bool {
    ![StatusId::WON, StatusId::LOST].contains(&lead.status_id)
}

/// As Kommo writes it.
pub(crate) fn author_word(kind: &AuthorKind) -> &'static str {
    match kind {
        AuthorKind::External => "external",
        AuthorKind::Internal => "internal",
        AuthorKind::Bot => "bot",
        AuthorKind::Unknown => "",
    }
}
