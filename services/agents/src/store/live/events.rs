//! Events of the CRM, each taken in one commit with its verdict.

use chrono_tz::Tz;
use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use t11_core::{OrgScope, World};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::automation;
use super::held::{By, Held, NewMessage, Verdict};
use super::replies;
use crate::Error;
use crate::conversation::{
    Author, Carriage, Controller, Conversation, Delivery, Live, Message, title,
};
use crate::crm_settings::Placement;
use crate::jobs::note_verdict;
use crate::live::Fared;
use crate::live::event::{CrmEvent, CrmMessage, LeadChange, TalkChange, What};
use crate::store::entity::conversation::{Column, Entity};
use crate::store::{Store, actions, conversations};
use crate::turn::Language;

/// What an event came to.
struct Taken {
    /// Conversations that it has changed.
    conversations: Vec<Uuid>,
    verdict: Verdict,
}

/// Why nothing of an event is kept.
enum Undone {
    /// Only its verdict was asked for.
    DryRun(Verdict),
    Failed(Error),
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Error> for Undone {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Store {
    /// Takes an event. `zone` is the organization's. The conversations that it has changed.
    pub(crate) async fn take_event(
        &self,
        scope: &OrgScope,
        event: CrmEvent,
        zone: Tz,
    ) -> Result<Vec<Uuid>, Error> {
        let (world, name, dry_run) = (self.world.clone(), event.name.clone(), event.dry_run);
        let taken = self.db.write(scope, move |tx| {
            Box::pin(async move {
                let Taken {
                    conversations,
                    verdict,
                } = take(&tx, &world, &event, zone).await?;
                if dry_run {
                    return Err(Undone::DryRun(verdict));
                }
                if let Verdict::Note(word) = &verdict {
                    let of = conversations.first().copied();
                    let job = note_verdict::job(&world, &event.name, word, of, None);
                    tx.enqueue(job).await?;
                }
                Ok(conversations)
            })
        });
        match taken.await {
            Ok(conversations) => Ok(conversations),
            Err(Undone::Failed(error)) => Err(error),
            Err(Undone::DryRun(verdict)) => {
                let (Verdict::Noted(word) | Verdict::Note(word) | Verdict::Later(word)) = verdict;
                let job = note_verdict::job(&self.world, &name, &word, None, None);
                let noting = self
                    .db
                    .write(scope, move |tx| async move { tx.enqueue(job).await });
                noting.await?;
                Ok(Vec::new())
            }
        }
    }
}

async fn take(tx: &Tx, world: &World, event: &CrmEvent, zone: Tz) -> Result<Taken, Error> {
    let incoming = Incoming {
        tx,
        world,
        event,
        zone,
    };
    match &event.what {
        What::ClientMessage(message) => incoming.client_message(message).await,
        What::OutgoingMessage(message) => incoming.outgoing_message(message).await,
        What::LeadChange(change) => incoming.lead_change(*change).await,
        What::TalkChange(change) => incoming.talk_change(change).await,
    }
}

struct Incoming<'a> {
    tx: &'a Tx,
    world: &'a World,
    event: &'a CrmEvent,
    zone: Tz,
}

impl Incoming<'_> {
    async fn client_message(&self, new: &CrmMessage) -> Result<Taken, Error> {
        if let Some(known) = self.known(new).await? {
            return self.client_message_again(known).await;
        }
        let mut held = self.held(new).await?;
        let from = place_of(&held);
        note_place(&mut held, new);
        note_stage(&held, from).await?;
        if !new.author.display_name.is_empty() {
            new.author
                .display_name
                .clone_into(&mut held.live.client_display_name);
        }
        let is_first = held.conversation.last_sequence == 0;
        if !is_first {
            // The window opens anew once the turn before it has begun.
            held.supersede(By::Client).await?;
            automation::stop(&held, "client_replied").await?;
        }
        let message = self.append(&mut held, Author::Client, new, "").await?;
        note_words(&mut held.conversation, &message);
        held.live.last_inbound = message.sequence;
        held.live.unanswered = true;
        let verdict = held.consider(self.zone).await?;
        saved(held, verdict).await
    }

    /// The same message once more. When a person has its event handled again and it still waits,
    /// what becomes of it is decided anew: by now the agent may work there.
    async fn client_message_again(&self, known: Message) -> Result<Taken, Error> {
        let mut held = Held::open(self.tx, self.world, known.conversation_id).await?;
        if known.carriage.event != self.event.name {
            return unchanged(&held, Verdict::Note("duplicate".to_owned()));
        }
        let waits = known.author == Author::Client
            && known.sequence == held.live.last_inbound
            && known.sequence > held.live.answered
            && !known.carriage.verdict.is_empty()
            && held.live.ticket.is_none()
            && !held.live.has_draft
            && !held.is_speaking().await?;
        if waits {
            held.set_verdict(known.id, "").await?;
            let verdict = held.consider(self.zone).await?;
            return saved(held, verdict).await;
        }
        unchanged(&held, again(known.carriage.verdict))
    }

    async fn outgoing_message(&self, new: &CrmMessage) -> Result<Taken, Error> {
        if let Some(taken) = self.own_message(new).await? {
            return Ok(taken);
        }
        if let Some(known) = self.known(new).await? {
            let held = Held::open(self.tx, self.world, known.conversation_id).await?;
            let verdict = match known.carriage.delivery {
                Some(_) => Verdict::Note("own".to_owned()),
                None if known.carriage.event == self.event.name => again(known.carriage.verdict),
                None => Verdict::Note("duplicate".to_owned()),
            };
            return unchanged(&held, verdict);
        }
        let mut held = self.held(new).await?;
        if let Some(row) = replies::on_its_way(&held, &new.text).await? {
            replies::note(&mut held, &row, accepted(new)).await?;
            return saved(held, Verdict::Note("own".to_owned())).await;
        }
        let from = place_of(&held);
        note_place(&mut held, new);
        note_stage(&held, from).await?;
        if new.is_of_another_bot() {
            self.append(&mut held, Author::System, new, "other_bot")
                .await?;
            return saved(held, Verdict::Note("other_bot".to_owned())).await;
        }
        // Whoever Kommo does not name is a person.
        self.append(&mut held, Author::Human, new, "human_wrote")
            .await?;
        held.supersede(By::Other("human_wrote")).await?;
        let user = held.live.controller_user;
        held.pass_to_human("human_wrote", user).await?;
        note_answered(&mut held);
        held.settle("human", None).await?;
        saved(held, Verdict::Note("human_wrote".to_owned())).await
    }

    /// What we have sent ourselves comes back as an event.
    async fn own_message(&self, new: &CrmMessage) -> Result<Option<Taken>, Error> {
        let Ok(reply) = Uuid::try_parse(&new.idempotency_key) else {
            return Ok(None);
        };
        let own = || Verdict::Note("own".to_owned());
        let Some((mut held, row)) = replies::open(self.tx, self.world, reply).await? else {
            // Deleted meanwhile, with its conversation.
            return Ok(Some(Taken {
                conversations: Vec::new(),
                verdict: own(),
            }));
        };
        replies::note(&mut held, &row, accepted(new)).await?;
        Ok(Some(saved(held, own()).await?))
    }

    async fn lead_change(&self, change: LeadChange) -> Result<Taken, Error> {
        let mut taken = Taken {
            conversations: Vec::new(),
            verdict: Verdict::Note("ignored".to_owned()),
        };
        for conversation in self.of_lead(change.lead_id).await? {
            let mut held = Held::new(self.tx, self.world, conversation)?;
            let word = if change.deleted {
                lead_deleted(&mut held).await?
            } else {
                self.lead_moved(&mut held, change).await?
            };
            if let Some(word) = word {
                taken.verdict = Verdict::Note(word.to_owned());
                taken.conversations.push(held.save().await?.id);
            }
        }
        Ok(taken)
    }

    /// What it means for the conversation, if anything.
    async fn lead_moved(
        &self,
        held: &mut Held,
        change: LeadChange,
    ) -> Result<Option<&'static str>, Error> {
        let place = (change.pipeline_id, change.stage_id);
        if place == (held.live.pipeline_id, held.live.stage_id) || place == (0, 0) {
            return Ok(None);
        }
        let before = held.placement().await?;
        let from = place_of(held);
        (held.live.pipeline_id, held.live.stage_id) = place;
        note_stage(held, from).await?;
        if actions::has_moved(self.tx, held.id(), place).await? {
            // What the agent says with it still goes out.
            return Ok(Some("own"));
        }
        match (before, held.placement().await?) {
            (_, Placement::Off(reason)) => {
                if held.live.controller == Controller::Bot {
                    held.live.control_epoch += 1;
                }
                held.supersede(By::Other(reason)).await?;
                if held.live.unanswered {
                    held.fall_silent(reason).await?;
                }
                Ok(Some(reason))
            }
            (Placement::Agent { agent: old, .. }, Placement::Agent { agent, .. })
                if old.id != agent.id =>
            {
                let waits = held.live.ticket.is_some();
                held.live.control_epoch += 1;
                held.supersede(By::Other("agent_changed")).await?;
                held.conversation.agent_id = Some(agent.id);
                if waits {
                    held.consider(self.zone).await?;
                }
                Ok(Some("agent_changed"))
            }
            (Placement::Off(_), Placement::Agent { agent, .. }) => {
                held.conversation.agent_id = Some(agent.id);
                if held.live.controller == Controller::Human {
                    held.pass_to_bot();
                }
                Ok(Some("stage_entered"))
            }
            _ => Ok(Some("stage_changed")),
        }
    }

    async fn talk_change(&self, change: &TalkChange) -> Result<Taken, Error> {
        let connection = self.event.connection;
        let found = of_chat(self.tx, connection, &change.chat_id, change.talk_id).await?;
        let Some(conversation) = found else {
            return Ok(Taken {
                conversations: Vec::new(),
                verdict: Verdict::Note("ignored".to_owned()),
            });
        };
        let mut held = Held::new(self.tx, self.world, conversation)?;
        let live = &mut held.live;
        set_if_known(&mut live.lead_id, change.lead_id);
        set_if_known(&mut live.contact_id, change.contact_id);
        if !change.closed {
            live.talk_id = live.talk_id.max(change.talk_id);
            return saved(held, Verdict::Note("talk_changed".to_owned())).await;
        }
        if live.talk_id != change.talk_id {
            // An older talk of the same chat.
            return unchanged(&held, Verdict::Note("ignored".to_owned()));
        }
        held.supersede(By::Other("talk_closed")).await?;
        automation::stop(&held, "talk_closed").await?;
        if held.live.unanswered {
            held.fall_silent("talk_closed").await?;
        }
        saved(held, Verdict::Note("talk_closed".to_owned())).await
    }

    async fn known(&self, new: &CrmMessage) -> Result<Option<Message>, Error> {
        let id = external_id(self.event, new);
        replies::message_of(self.tx, self.event.connection, id).await
    }

    /// The conversation of a message, begun if there is none.
    async fn held(&self, new: &CrmMessage) -> Result<Held, Error> {
        let connection = self.event.connection;
        let found = of_chat(self.tx, connection, &new.chat_id, new.talk_id).await?;
        if let Some(conversation) = found {
            return Held::new(self.tx, self.world, conversation);
        }
        let now = self.world.now();
        let conversation = Conversation {
            id: self.world.new_id(),
            agent_id: None,
            display_name: String::new(),
            channel: new.channel.clone(),
            language: "und".to_owned(),
            last_sequence: 0,
            turn_count: 0,
            cost_micro_usd: 0,
            opted_out: false,
            create_time: now,
            update_time: now,
            live: Some(begun(connection, new)),
        };
        conversations::insert(self.tx, &conversation, None).await?;
        Held::new(self.tx, self.world, conversation)
    }

    async fn append(
        &self,
        held: &mut Held,
        author: Author,
        new: &CrmMessage,
        verdict: &str,
    ) -> Result<Message, Error> {
        let author_display_name = new.author.display_name.clone();
        let message = NewMessage {
            id: self.world.new_id(),
            author,
            content: new.content(),
            sentences: Vec::new(),
            turn_id: None,
            carriage: Carriage {
                external_id: Some(external_id(self.event, new).to_owned()),
                event: self.event.name.clone(),
                verdict: verdict.to_owned(),
                content_type: new.content_type().to_owned(),
                author_display_name,
                ..Carriage::default()
            },
        };
        held.append(message).await
    }

    async fn of_lead(&self, lead_id: i64) -> Result<Vec<Conversation>, Error> {
        if lead_id == 0 {
            return Ok(Vec::new());
        }
        let rows = self
            .tx
            .find::<Entity>()?
            .filter(Column::ConnectionId.eq(self.event.connection))
            .filter(Column::LeadId.eq(lead_id))
            .order_by_asc(Column::Id)
            .lock_exclusive()
            .all(self.tx)
            .await
            .map_err(StoreError::from)?;
        conversations::read_all(rows)
    }
}

async fn saved(held: Held, verdict: Verdict) -> Result<Taken, Error> {
    Ok(Taken {
        conversations: vec![held.save().await?.id],
        verdict,
    })
}

fn unchanged(held: &Held, verdict: Verdict) -> Result<Taken, Error> {
    Ok(Taken {
        conversations: vec![held.id()],
        verdict,
    })
}

/// The verdict of an event that was handled before.
fn again(verdict: String) -> Verdict {
    if verdict.is_empty() {
        Verdict::Later("answered".to_owned())
    } else {
        Verdict::Note(verdict)
    }
}

fn begun(connection_id: Uuid, new: &CrmMessage) -> Live {
    Live {
        connection_id,
        chat_id: new.chat_id.clone(),
        talk_id: new.talk_id,
        lead_id: new.lead_id,
        contact_id: new.contact_id,
        client_display_name: String::new(),
        pipeline_id: new.pipeline_id,
        stage_id: new.stage_id,
        controller: Controller::Bot,
        controller_user: None,
        control_epoch: 0,
        handoff_reason: String::new(),
        resume_time: None,
        silence_reason: String::new(),
        has_draft: false,
        has_error: false,
        unanswered: false,
        last_inbound: 0,
        answered: 0,
        burst_time: None,
        ticket: None,
        notice_time: None,
    }
}

/// The conversation of a chat; while its chat is not known, of a talk.
async fn of_chat(
    tx: &Tx,
    connection: Uuid,
    chat_id: &str,
    talk_id: i64,
) -> Result<Option<Conversation>, Error> {
    let mut keys = vec![conversations::chat_key(chat_id, talk_id)];
    if talk_id != 0 {
        keys.push(conversations::chat_key("", talk_id));
    }
    let of_connection = || {
        let own = tx.find::<Entity>()?;
        Ok::<_, Error>(own.filter(Column::ConnectionId.eq(connection)))
    };
    let by_key = of_connection()?
        .filter(Column::ChatKey.is_in(keys))
        .order_by_asc(Column::ChatKey)
        .lock_exclusive();
    let mut found = by_key.one(tx).await.map_err(StoreError::from)?;
    if found.is_none() && chat_id.is_empty() && talk_id != 0 {
        let by_talk = of_connection()?
            .filter(Column::TalkId.eq(talk_id))
            .order_by_asc(Column::Id)
            .lock_exclusive();
        found = by_talk.one(tx).await.map_err(StoreError::from)?;
    }
    found.map(Conversation::try_from).transpose()
}

/// Where the client is, as the newest message says.
fn note_place(held: &mut Held, new: &CrmMessage) {
    let live = &mut held.live;
    if live.chat_id.is_empty() {
        live.chat_id.clone_from(&new.chat_id);
    }
    set_if_known(&mut live.talk_id, new.talk_id);
    set_if_known(&mut live.contact_id, new.contact_id);
    if new.lead_id != 0 && new.lead_id != live.lead_id {
        live.lead_id = new.lead_id;
        (live.pipeline_id, live.stage_id) = (0, 0);
    }
    set_if_known(&mut live.pipeline_id, new.pipeline_id);
    set_if_known(&mut live.stage_id, new.stage_id);
    if !new.channel.is_empty() {
        held.conversation.channel.clone_from(&new.channel);
    }
}

fn set_if_known(own: &mut i64, new: i64) {
    if new != 0 {
        *own = new;
    }
}

fn note_words(conversation: &mut Conversation, message: &Message) {
    if conversation.display_name.is_empty() {
        conversation.display_name = title(&message.content);
    }
    if let Some(language) = Language::of(&message.content) {
        language.code().clone_into(&mut conversation.language);
    }
}

/// A person has answered all that the client has written.
pub(super) fn note_answered(held: &mut Held) {
    held.live.answered = held.live.last_inbound;
    held.live.unanswered = false;
    held.live.silence_reason.clear();
}

async fn lead_deleted(held: &mut Held) -> Result<Option<&'static str>, Error> {
    let reason = "lead_deleted";
    held.live.lead_id = 0;
    (held.live.pipeline_id, held.live.stage_id) = (0, 0);
    held.live.control_epoch += 1;
    held.supersede(By::Other(reason)).await?;
    automation::stop(held, reason).await?;
    if held.live.unanswered {
        held.fall_silent(reason).await?;
    }
    Ok(Some(reason))
}

fn place_of(held: &Held) -> (i64, i64) {
    (held.live.pipeline_id, held.live.stage_id)
}

/// What starts and stops where the lead has come to another stage. Where it was first seen it may
/// have stood for long.
async fn note_stage(held: &Held, from: (i64, i64)) -> Result<(), Error> {
    let to = place_of(held);
    if from == to || from == (0, 0) || to == (0, 0) {
        return Ok(());
    }
    automation::stage_entered(held).await
}

/// Kommo's id of a message; where it gives none, its event stands for it.
fn external_id<'a>(event: &'a CrmEvent, new: &'a CrmMessage) -> &'a str {
    if new.message_id.is_empty() {
        &event.name
    } else {
        &new.message_id
    }
}

fn accepted(new: &CrmMessage) -> Fared {
    Fared {
        delivery: Delivery::Accepted,
        reason: String::new(),
        external_id: new.message_id.clone(),
    }
}
