//! Gives events to the agents, as they need them.

use chrono::{DateTime, Utc};
use prost::Message as _;
use prost_types::Timestamp;
use serde::Deserialize;
use t11_core::{OrgScope, format_name};
use t11_kommo::client::Entity;
use t11_kommo::id::AccountId;
use t11_kommo::webhook::{self, Action, Message};
use t11_proto::agents::v1 as agents;
use t11_proto::agents::v1::crm_event::EventKind;
use t11_store::NewJob;
use uuid::Uuid;

use crate::error::Error;
use crate::event::{self, BOT, DUPLICATE, Event, IGNORED, Trouble};
use crate::intake::reading::{About, Place, Reading, author_word};
use crate::kommo::Kommo;
use crate::message::Seen;
use crate::mirror::MirroredLead;
use crate::store::Store;

/// The queue of the agents, and the job there.
const QUEUE: &str = "agents";
const KIND: &str = "agents.handle_crm_event";

/// Gives events to the agents.
#[derive(Clone)]
pub(crate) struct Dispatcher {
    pub(crate) store: Store,
    pub(crate) kommo: Kommo,
}

/// What becomes of an event that was read.
enum Fate {
    Tell(Box<Told>),
    /// Agents need not hear of it.
    End(&'static str),
    /// So it is noted already.
    Ended,
}

impl Fate {
    fn tell(told: Told) -> Self {
        Self::Tell(Box::new(told))
    }
}

/// What agents are told, and what it is about: of one thing they hear one by one.
struct Told {
    kind: EventKind,
    thing: String,
    /// As it was read for that, if it was.
    lead: Option<MirroredLead>,
}

/// What a bot asked with: see `Intake::accept_bot_request`.
#[derive(Deserialize)]
struct BotAsk {
    step: String,
    lead_id: i64,
    text: String,
}

impl Dispatcher {
    /// Gives an event to the agents, or ends it. With `may_wait` it is not given while Kommo is away
    /// and must be asked.
    ///
    /// # Errors
    /// Those after which trying again may help.
    pub(crate) async fn dispatch(
        &self,
        scope: &OrgScope,
        event: &Event,
        may_wait: bool,
    ) -> Result<(), Error> {
        let reading = Reading {
            kommo: &self.kommo,
            scope,
            connection: event.connection,
            may_wait,
        };
        let fate = if event.entity == BOT {
            self.bot(&reading, event).await?
        } else {
            let read = event::read(&event.entity, &event.action, &event.payload);
            let Ok(thing) = read else {
                return self.unreadable(scope, event).await;
            };
            Box::pin(self.fate(&reading, event, thing)).await?
        };
        match fate {
            Fate::Tell(mut told) => {
                let lead = told.lead.take();
                let job = job(event, *told);
                self.store.dispatch(scope, event, lead, job).await
            }
            Fate::End(verdict) => self.store.end_event(scope, event.id, verdict).await,
            Fate::Ended => Ok(()),
        }
    }

    async fn unreadable(&self, scope: &OrgScope, event: &Event) -> Result<(), Error> {
        let trouble = Trouble {
            reason: "PAYLOAD_UNREADABLE".to_owned(),
            message: "what came cannot be read any more".to_owned(),
        };
        self.store.fail_event(scope, event.id, trouble).await
    }

    async fn fate(
        &self,
        reading: &Reading<'_>,
        event: &Event,
        thing: webhook::Event,
    ) -> Result<Fate, Error> {
        Ok(match thing {
            webhook::Event::Message(message) => {
                self.note_channel(reading.scope, event, &message).await?;
                let mut about = reading.about(&message).await?;
                let lead = about.lead.take();
                let thing = conversation(&about, &message);
                let message = crm_message(message, about, event);
                let kind = EventKind::ClientMessage(message);
                Fate::tell(Told { kind, thing, lead })
            }
            webhook::Event::OutgoingMessage(message) => {
                self.outgoing(reading, event, message).await?
            }
            webhook::Event::Lead(action, lead) => {
                Fate::tell(lead_change(reading, &action, &lead).await?)
            }
            webhook::Event::Talk(_, talk) if talk.is_in_work == Some(false) => {
                Fate::tell(talk_change(&talk))
            }
            _ => Fate::End(IGNORED),
        })
    }

    /// Channels are chosen from where agents are set up.
    async fn note_channel(
        &self,
        scope: &OrgScope,
        event: &Event,
        message: &Message,
    ) -> Result<(), Error> {
        if message.origin.is_empty() || event.is_dry_run {
            return Ok(());
        }
        let source = message.source_id.map_or(0, |id| id.0);
        let channel = message.origin.clone();
        self.store
            .note_channel(scope, event.connection, channel, source)
            .await
    }

    /// What Kommo has answered us for is known to agents as well. Whatever else may be ours they
    /// are told with its key, for they do not know what became of it.
    async fn outgoing(
        &self,
        reading: &Reading<'_>,
        event: &Event,
        message: Message,
    ) -> Result<Fate, Error> {
        let (scope, connection) = (reading.scope, event.connection);
        let id = message.id.0.clone();
        if self.store.end_if_ours(scope, event, id).await? {
            return Ok(Fate::Ended);
        }
        let about = reading.whom(&message).await?;
        let seen = seen(event, &message, about.lead_id);
        let key = self.store.maybe_sent_by_us(scope, seen).await?;
        let thing = conversation(&about, &message);
        let mut message = crm_message(message, about, event);
        let is_bot = message
            .author
            .as_ref()
            .is_some_and(|author| author.kind == "bot");
        if is_bot && key.is_none() && !event.is_dry_run {
            self.store.note_other_bot(scope, connection).await?;
        }
        message.idempotency_key = key.map(|key| key.to_string()).unwrap_or_default();
        Ok(Fate::tell(Told {
            kind: EventKind::OutgoingMessage(message),
            thing,
            lead: None,
        }))
    }

    /// A bot asks because a client has written. The same message mostly comes as a webhook too, so
    /// it is looked for, and given once.
    async fn bot(&self, reading: &Reading<'_>, event: &Event) -> Result<Fate, Error> {
        let Ok(ask) = serde_json::from_str::<BotAsk>(&event.payload) else {
            return Ok(Fate::End(IGNORED));
        };
        let found = reading
            .message_of_bot(event, ask.lead_id, &ask.text)
            .await?;
        let (mut about, message_id) = match found {
            Some((about, id)) => {
                let key = self.key_of(reading.scope, event, &id.0).await?;
                let is_first =
                    event.is_dry_run || self.store.identify(reading.scope, event.id, key).await?;
                if !is_first {
                    return Ok(Fate::End(DUPLICATE));
                }
                (about, id.0)
            }
            None => {
                let about = About {
                    lead_id: ask.lead_id,
                    ..About::default()
                };
                (about, format!("bot:{}", ask.step))
            }
        };
        let lead;
        (about.place, lead) = reading.place(ask.lead_id, Place::default()).await?;
        let thing = match about.chat_id.as_str() {
            "" => format!("lead:{}", ask.lead_id),
            chat => chat.to_owned(),
        };
        let message = agents::CrmMessage {
            message_id,
            text: ask.text,
            message_type: "text".to_owned(),
            author: Some(agents::MessageAuthor {
                kind: "external".to_owned(),
                ..agents::MessageAuthor::default()
            }),
            create_time: Some(timestamp(event.receive_time)),
            ..of(about)
        };
        let kind = EventKind::ClientMessage(message);
        Ok(Fate::tell(Told { kind, thing, lead }))
    }

    async fn key_of(&self, scope: &OrgScope, event: &Event, id: &str) -> Result<String, Error> {
        let account = self.store.account_of(scope, event.connection).await?;
        Ok(event::message_key(account.unwrap_or(AccountId(0)), id))
    }
}

/// The job of the agents. One replay of an event is one job.
fn job(event: &Event, told: Told) -> NewJob {
    let payload = agents::CrmEvent {
        connection: format_name("connections", event.connection),
        event: format_name("events", event.id),
        receive_time: Some(timestamp(event.receive_time)),
        dry_run: event.is_dry_run,
        event_kind: Some(told.kind),
    };
    let id = event::job_id(KIND, event.id, event.replays);
    NewJob {
        ordering_key: Some(format!("crm:{}:{}", event.connection, told.thing)),
        ..NewJob::new(id, QUEUE, KIND, payload.encode_to_vec())
    }
}

/// What tells a conversation apart: the chat lasts, a talk is one session of it.
fn conversation(about: &About, message: &Message) -> String {
    if !about.chat_id.is_empty() {
        about.chat_id.clone()
    } else if about.talk_id != 0 {
        format!("talk:{}", about.talk_id)
    } else {
        format!("message:{}", message.id)
    }
}

/// By what a message is known to be ours whose id we were never told.
fn seen(event: &Event, message: &Message, lead_id: i64) -> Seen {
    Seen {
        connection: event.connection,
        message_id: message.id.0.clone(),
        talk_id: message.talk_id.map_or(0, |id| id.0),
        chat_id: message
            .chat_id
            .as_ref()
            .map(|id| id.0.clone())
            .unwrap_or_default(),
        lead_id,
        text: message.text.clone(),
        time: message.created_at.unwrap_or(event.receive_time),
    }
}

fn of(about: About) -> agents::CrmMessage {
    agents::CrmMessage {
        chat_id: about.chat_id,
        talk_id: about.talk_id,
        contact_id: about.contact_id,
        lead_id: about.lead_id,
        pipeline_id: about.place.pipeline_id,
        stage_id: about.place.stage_id,
        ..agents::CrmMessage::default()
    }
}

fn crm_message(message: Message, about: About, event: &Event) -> agents::CrmMessage {
    let attachment = message.attachment;
    let kind = attachment.as_ref().map(|file| file.kind.clone());
    let message_type = message.message_type.or(kind).unwrap_or_default();
    let (url, name) = attachment.map_or_else(Default::default, |file| (file.link, file.file_name));
    agents::CrmMessage {
        message_id: message.id.0,
        text: message.text,
        message_type: match message_type.as_str() {
            "" => "text".to_owned(),
            _ => message_type,
        },
        origin: message.origin,
        author: Some(agents::MessageAuthor {
            kind: author_word(&message.author.kind).to_owned(),
            display_name: message.author.name,
            user_id: message.author.user_id.map_or(0, |id| id.0),
        }),
        create_time: Some(timestamp(message.created_at.unwrap_or(event.receive_time))),
        attachment_url: url,
        attachment_name: name,
        ..of(about)
    }
}

async fn lead_change(
    reading: &Reading<'_>,
    action: &Action,
    lead: &webhook::Lead,
) -> Result<Told, Error> {
    let told = Place {
        pipeline_id: lead.pipeline_id.map_or(0, |id| id.0),
        stage_id: lead.status_id.map_or(0, |id| id.0),
        responsible_user_id: lead.responsible_user_id.map_or(0, |id| id.0),
    };
    let is_deleted = *action == Action::Delete;
    let (place, read) = match is_deleted {
        true => (told, None),
        false => reading.place(lead.id.0, told).await?,
    };
    let kind = EventKind::LeadChange(agents::LeadChange {
        lead_id: lead.id.0,
        pipeline_id: place.pipeline_id,
        stage_id: place.stage_id,
        previous_pipeline_id: lead.old_pipeline_id.map_or(0, |id| id.0),
        previous_stage_id: lead.old_status_id.map_or(0, |id| id.0),
        responsible_user_id: place.responsible_user_id,
        deleted: is_deleted,
    });
    Ok(Told {
        kind,
        thing: format!("lead:{}", lead.id),
        lead: read,
    })
}

fn talk_change(talk: &webhook::Talk) -> Told {
    let chat_id = talk
        .chat_id
        .as_ref()
        .map(|id| id.0.clone())
        .unwrap_or_default();
    let thing = match chat_id.as_str() {
        "" => format!("talk:{}", talk.talk_id),
        chat => chat.to_owned(),
    };
    let kind = EventKind::TalkChange(agents::TalkChange {
        talk_id: talk.talk_id.0,
        chat_id,
        lead_id: match talk.entity {
            Some(Entity::Lead(id)) => id.0,
            _ => 0,
        },
        contact_id: talk.contact_id.map_or(0, |id| id.0),
        closed: true,
    });
    Told {
        kind,
        thing,
        lead: None,
    }
}

fn timestamp(time: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: time.timestamp(),
        // Below 10^9 but in a leap second.
        nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or(999_999_999),
    }
}

/// The id of an event in a name that agents were given.
pub(crate) fn event_id(name: &str) -> Option<Uuid> {
    t11_core::parse_name("events", name).ok()
}
