//! Rows of conversations and messages.

use sea_orm::sea_query::{Expr, IntoCondition};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait as _, Condition, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use t11_core::{OrgScope, Page, PageRequest, format_name};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::conversation::{ActiveModel, Column, Entity, Model};
use super::entity::message;
use crate::Error;
use crate::conversation::{
    Author, Carriage, Controller, Conversation, Delivery, EVAL, Live, Message, Turn,
};
use crate::turn::Sentence;

/// Which conversations to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ConversationFilter {
    pub(crate) agent_id: Option<Uuid>,
    /// Without those of the test chat.
    pub(crate) live_only: bool,
    /// Empty = every channel.
    pub(crate) channel: String,
    pub(crate) need: Option<Need>,
    /// 0 = every stage.
    pub(crate) stage_id: i64,
    /// Part of a name, without case.
    pub(crate) query: String,
}

/// What a person looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// A draft, a person asked for, an error.
    Person,
    Draft,
    Error,
    /// A person has the word.
    Human,
    Bot,
}

impl Store {
    /// Starts a test conversation with an agent.
    pub(crate) async fn create_conversation(
        &self,
        scope: &OrgScope,
        agent_id: Uuid,
        display_name: String,
        request_id: Option<Uuid>,
    ) -> Result<Conversation, Error> {
        let (id, now) = (self.world.new_id(), self.world.now());
        self.db
            .write(scope, move |tx| async move {
                if let Some(made) = made_by(&tx, request_id).await? {
                    return Ok(made);
                }
                super::agents::by_id(&tx, agent_id).await?;
                let conversation = Conversation {
                    id,
                    agent_id: Some(agent_id),
                    display_name,
                    channel: "test".to_owned(),
                    language: "und".to_owned(),
                    last_sequence: 0,
                    turn_count: 0,
                    cost_micro_usd: 0,
                    opted_out: false,
                    create_time: now,
                    update_time: now,
                    live: None,
                };
                insert(&tx, &conversation, request_id).await?;
                Ok(conversation)
            })
            .await
    }

    /// One conversation.
    pub(crate) async fn conversation(
        &self,
        scope: &OrgScope,
        id: Uuid,
    ) -> Result<Conversation, Error> {
        self.db
            .read(scope, move |tx| async move { by_id(&tx, id).await })
            .await
    }

    /// Conversations, the last active first.
    pub(crate) async fn conversations(
        &self,
        scope: &OrgScope,
        filter: ConversationFilter,
        page: PageRequest,
    ) -> Result<Page<Conversation>, Error> {
        self.db
            .read(scope, move |tx| async move {
                let mut chosen = tx.find::<Entity>()?.filter(condition(&filter));
                if let Some((time, id)) = page.cursor.as_deref().and_then(super::read_cursor) {
                    chosen = chosen.filter(before(time, id));
                }
                let rows = chosen
                    .order_by_desc(Column::UpdateTime)
                    .order_by_desc(Column::Id)
                    .limit(page.size + 1)
                    .all(&tx)
                    .await
                    .map_err(StoreError::from)?;
                let Page { items, next_cursor } = Page::from_rows(rows, page.size, |row| {
                    super::cursor(row.update_time, row.id)
                });
                let items = read_all(items)?;
                Ok(Page { items, next_cursor })
            })
            .await
    }

    /// Deletes a conversation with its messages and turns.
    pub(crate) async fn delete_conversation(
        &self,
        scope: &OrgScope,
        id: Uuid,
    ) -> Result<(), Error> {
        self.db
            .write(scope, move |tx| async move {
                by_id(&tx, id).await?;
                tx.audit_target(format_name("conversations", id));
                let deleting = tx.delete_many::<Entity>()?.filter(Column::Id.eq(id));
                deleting.exec(&tx).await.map_err(StoreError::from)?;
                Ok(())
            })
            .await
    }

    /// Messages of a conversation, oldest first.
    pub(crate) async fn messages(
        &self,
        scope: &OrgScope,
        conversation_id: Uuid,
        page: PageRequest,
    ) -> Result<Page<Message>, Error> {
        self.db
            .read(scope, move |tx| async move {
                by_id(&tx, conversation_id).await?;
                let after = page
                    .cursor
                    .as_deref()
                    .and_then(|c| c.parse().ok())
                    .unwrap_or(0_i64);
                let rows = tx
                    .find::<message::Entity>()?
                    .filter(message::Column::ConversationId.eq(conversation_id))
                    .filter(message::Column::Sequence.gt(after))
                    .order_by_asc(message::Column::Sequence)
                    .limit(page.size + 1)
                    .all(&tx)
                    .await
                    .map_err(StoreError::from)?;
                let page = Page::from_rows(rows, page.size, |row| row.sequence.to_string());
                let Page { items, next_cursor } = page;
                let items = items
                    .into_iter()
                    .map(Message::try_from)
                    .collect::<Result<_, _>>()?;
                Ok(Page { items, next_cursor })
            })
            .await
    }
}

fn before(time: chrono::DateTime<chrono::Utc>, id: Uuid) -> Condition {
    let same_time = Condition::all()
        .add(Column::UpdateTime.eq(time))
        .add(Column::Id.lt(id));
    Condition::any()
        .add(Column::UpdateTime.lt(time))
        .add(same_time)
}

fn condition(filter: &ConversationFilter) -> Condition {
    let mut chosen = Condition::all();
    if let Some(agent_id) = filter.agent_id {
        chosen = chosen.add(Column::AgentId.eq(agent_id));
    }
    if filter.live_only || filter.need.is_some() {
        chosen = chosen.add(Column::ConnectionId.is_not_null());
    }
    chosen = match filter.channel.as_str() {
        // Cases are shown with their runs.
        "" => chosen.add(Column::Channel.ne(EVAL)),
        channel => chosen.add(Column::Channel.eq(channel)),
    };
    if filter.stage_id != 0 {
        chosen = chosen.add(Column::StageId.eq(filter.stage_id));
    }
    if !filter.query.is_empty() {
        chosen = chosen.add(super::agents::contains(Column::SearchKey, &filter.query));
    }
    match filter.need {
        Some(need) => chosen.add(needs(need)),
        None => chosen,
    }
}

fn needs(need: Need) -> Condition {
    let human = || Column::Controller.eq(Controller::Human.as_str());
    let (draft, error) = (Column::HasDraft.eq(true), Column::HasError.eq(true));
    match need {
        Need::Draft => Condition::all().add(draft),
        Need::Error => Condition::all().add(error),
        Need::Human => Condition::all().add(human()),
        Need::Bot => Condition::all().add(Column::Controller.eq(Controller::Bot.as_str())),
        Need::Person => {
            let waits = Condition::all()
                .add(human())
                .add(Column::Unanswered.eq(true));
            Condition::any().add(draft).add(error).add(waits)
        }
    }
}

pub(super) fn read_all(rows: Vec<Model>) -> Result<Vec<Conversation>, Error> {
    rows.into_iter().map(Conversation::try_from).collect()
}

pub(super) async fn by_id(tx: &Tx, id: Uuid) -> Result<Conversation, Error> {
    let found = tx.find::<Entity>()?.filter(Column::Id.eq(id)).one(tx).await;
    let row = found.map_err(StoreError::from)?;
    row.ok_or_else(|| Error::not_found("conversations", id))?
        .try_into()
}

/// The same, held until the transaction ends: who reads it to change it decides by what it is.
pub(super) async fn held(tx: &Tx, id: Uuid) -> Result<Conversation, Error> {
    let found = find_held(tx, Column::Id.eq(id)).await?;
    found.ok_or_else(|| Error::not_found("conversations", id))
}

/// The only one of which `which` is true, held likewise.
pub(super) async fn find_held(
    tx: &Tx,
    which: impl IntoCondition,
) -> Result<Option<Conversation>, Error> {
    let chosen = tx.find::<Entity>()?.filter(which);
    let found = chosen.lock_exclusive().one(tx).await;
    let row = found.map_err(StoreError::from)?;
    row.map(Conversation::try_from).transpose()
}

async fn made_by(tx: &Tx, request_id: Option<Uuid>) -> Result<Option<Conversation>, Error> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let found = tx
        .find::<Entity>()?
        .filter(Column::RequestId.eq(request_id))
        .one(tx)
        .await;
    let row = found.map_err(StoreError::from)?;
    row.map(Conversation::try_from).transpose()
}

/// The newest messages, oldest first.
pub(super) async fn newest(tx: &Tx, id: Uuid, limit: u64) -> Result<Vec<Message>, Error> {
    let mut rows = tx
        .find::<message::Entity>()?
        .filter(message::Column::ConversationId.eq(id))
        .order_by_desc(message::Column::Sequence)
        .limit(limit)
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    rows.reverse();
    rows.into_iter().map(Message::try_from).collect()
}

/// What the client said that a turn answered, and at most `limit` messages before it, oldest first.
pub(super) async fn around(
    tx: &Tx,
    id: Uuid,
    turn: &Turn,
    limit: u64,
) -> Result<(Vec<Message>, Vec<Message>), Error> {
    let rows = tx
        .find::<message::Entity>()?
        .filter(message::Column::ConversationId.eq(id))
        .filter(message::Column::CreateTime.lte(turn.create_time))
        .order_by_desc(message::Column::Sequence)
        .limit(limit)
        .all(tx)
        .await
        .map_err(StoreError::from)?;
    let mut before: Vec<Message> = rows
        .into_iter()
        .map(Message::try_from)
        .collect::<Result<_, _>>()?;
    let is_asked = |message: &Message| message.author == Author::Client;
    let asked = before.iter().take_while(|one| is_asked(one)).count();
    let mut asked: Vec<_> = before.drain(..asked).collect();
    asked.reverse();
    before.reverse();
    Ok((asked, before))
}

pub(super) async fn insert_message(tx: &Tx, message: &Message) -> Result<(), Error> {
    let carriage = message.carriage.clone();
    let row = message::Model {
        id: message.id,
        org_id: tx.org_id()?.0,
        conversation_id: message.conversation_id,
        sequence: message.sequence,
        author: message.author.as_str().to_owned(),
        content: message.content.clone(),
        sentences: super::to_json(&message.sentences, "sentences")?,
        turn_id: message.turn_id,
        create_time: message.create_time,
        connection_id: carriage.connection_id,
        external_id: carriage.external_id,
        event: carriage.event,
        verdict: carriage.verdict,
        delivery: delivery_word(carriage.delivery),
        delivery_reason: carriage.delivery_reason,
        content_type: carriage.content_type,
        author_display_name: carriage.author_display_name,
    };
    let inserting = message::Entity::insert(row.into_active_model());
    let inserted = inserting.exec_without_returning(tx).await;
    inserted.map_err(StoreError::from)?;
    Ok(())
}

fn delivery_word(delivery: Option<Delivery>) -> String {
    delivery.map_or("", |delivery| delivery.as_str()).to_owned()
}

pub(super) async fn insert(
    tx: &Tx,
    conversation: &Conversation,
    request_id: Option<Uuid>,
) -> Result<(), Error> {
    let row = ActiveModel {
        org_id: ActiveValue::Set(tx.org_id()?.0),
        request_id: ActiveValue::Set(request_id),
        channel: ActiveValue::Set(conversation.channel.clone()),
        create_time: ActiveValue::Set(conversation.create_time),
        ..changeable(conversation)
    };
    row.insert(tx).await.map_err(StoreError::from)?;
    Ok(())
}

pub(super) async fn save(tx: &Tx, conversation: &Conversation) -> Result<(), Error> {
    let row = ActiveModel {
        id: ActiveValue::Unchanged(conversation.id),
        ..changeable(conversation)
    };
    let updated = row.update_without_returning(tx).await;
    updated.map_err(StoreError::from)?;
    Ok(())
}

fn changeable(conversation: &Conversation) -> ActiveModel {
    let row = ActiveModel {
        id: ActiveValue::Set(conversation.id),
        agent_id: ActiveValue::Set(conversation.agent_id),
        channel: ActiveValue::Set(conversation.channel.clone()),
        display_name: ActiveValue::Set(conversation.display_name.clone()),
        language: ActiveValue::Set(conversation.language.clone()),
        last_sequence: ActiveValue::Set(conversation.last_sequence),
        turn_count: ActiveValue::Set(conversation.turn_count),
        cost_micro_usd: ActiveValue::Set(conversation.cost_micro_usd),
        opted_out: ActiveValue::Set(conversation.opted_out),
        search_key: ActiveValue::Set(search_key(conversation)),
        update_time: ActiveValue::Set(conversation.update_time),
        ..Default::default()
    };
    match conversation.live.clone() {
        Some(live) => with_live(row, live),
        None => row,
    }
}

fn search_key(conversation: &Conversation) -> String {
    let client = conversation
        .live
        .as_ref()
        .map(|live| &live.client_display_name);
    let client = client.map_or("", String::as_str);
    format!("{}\n{client}", conversation.display_name).to_lowercase()
}

fn with_live(row: ActiveModel, live: Live) -> ActiveModel {
    ActiveModel {
        connection_id: ActiveValue::Set(Some(live.connection_id)),
        chat_key: ActiveValue::Set(Some(chat_key(&live.chat_id, live.talk_id))),
        chat_id: ActiveValue::Set(live.chat_id),
        talk_id: ActiveValue::Set(live.talk_id),
        lead_id: ActiveValue::Set(live.lead_id),
        contact_id: ActiveValue::Set(live.contact_id),
        client_display_name: ActiveValue::Set(live.client_display_name),
        pipeline_id: ActiveValue::Set(live.pipeline_id),
        stage_id: ActiveValue::Set(live.stage_id),
        controller: ActiveValue::Set(live.controller.as_str().to_owned()),
        controller_user: ActiveValue::Set(live.controller_user),
        control_epoch: ActiveValue::Set(live.control_epoch),
        handoff_reason: ActiveValue::Set(live.handoff_reason),
        resume_time: ActiveValue::Set(live.resume_time),
        silence_reason: ActiveValue::Set(live.silence_reason),
        has_draft: ActiveValue::Set(live.has_draft),
        has_error: ActiveValue::Set(live.has_error),
        unanswered: ActiveValue::Set(live.unanswered),
        last_inbound: ActiveValue::Set(live.last_inbound),
        answered: ActiveValue::Set(live.answered),
        burst_time: ActiveValue::Set(live.burst_time),
        ticket: ActiveValue::Set(live.ticket),
        notice_time: ActiveValue::Set(live.notice_time),
        ..row
    }
}

/// Conversations with clients stay when their agent is deleted.
pub(super) async fn keep_live(tx: &Tx, agent_id: Uuid) -> Result<(), Error> {
    let none: Option<Uuid> = None;
    let keeping = tx
        .update_many::<Entity>()?
        .filter(Column::AgentId.eq(agent_id))
        .filter(Column::ConnectionId.is_not_null())
        .col_expr(Column::AgentId, Expr::value(none));
    keeping.exec(tx).await.map_err(StoreError::from)?;
    Ok(())
}

/// What tells conversations of a connection apart: the chat, for a client gets a new talk whenever
/// the one before was closed.
pub(super) fn chat_key(chat_id: &str, talk_id: i64) -> String {
    if chat_id.is_empty() {
        format!("talk:{talk_id}")
    } else {
        format!("chat:{chat_id}")
    }
}

impl TryFrom<Model> for Conversation {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let live = match row.connection_id {
            Some(connection_id) => Some(Live {
                connection_id,
                chat_id: row.chat_id,
                talk_id: row.talk_id,
                lead_id: row.lead_id,
                contact_id: row.contact_id,
                client_display_name: row.client_display_name,
                pipeline_id: row.pipeline_id,
                stage_id: row.stage_id,
                controller: Controller::parse(&row.controller)
                    .ok_or(Error::Corrupt("controller"))?,
                controller_user: row.controller_user,
                control_epoch: row.control_epoch,
                handoff_reason: row.handoff_reason,
                resume_time: row.resume_time,
                silence_reason: row.silence_reason,
                has_draft: row.has_draft,
                has_error: row.has_error,
                unanswered: row.unanswered,
                last_inbound: row.last_inbound,
                answered: row.answered,
                burst_time: row.burst_time,
                ticket: row.ticket,
                notice_time: row.notice_time,
            }),
            None => None,
        };
        Ok(Self {
            id: row.id,
            agent_id: row.agent_id,
            display_name: row.display_name,
            channel: row.channel,
            language: row.language,
            last_sequence: row.last_sequence,
            turn_count: row.turn_count,
            cost_micro_usd: row.cost_micro_usd,
            opted_out: row.opted_out,
            create_time: row.create_time,
            update_time: row.update_time,
            live,
        })
    }
}

impl TryFrom<message::Model> for Message {
    type Error = Error;

    fn try_from(row: message::Model) -> Result<Self, Error> {
        let sentences: Vec<Sentence> = super::from_json(row.sentences, "sentences")?;
        let delivery = match row.delivery.as_str() {
            "" => None,
            word => Some(Delivery::parse(word).ok_or(Error::Corrupt("delivery"))?),
        };
        Ok(Self {
            id: row.id,
            conversation_id: row.conversation_id,
            sequence: row.sequence,
            author: Author::parse(&row.author).ok_or(Error::Corrupt("author"))?,
            content: row.content,
            sentences,
            turn_id: row.turn_id,
            create_time: row.create_time,
            carriage: Carriage {
                connection_id: row.connection_id,
                external_id: row.external_id,
                event: row.event,
                verdict: row.verdict,
                delivery,
                delivery_reason: row.delivery_reason,
                content_type: row.content_type,
                author_display_name: row.author_display_name,
            },
        })
    }
}
