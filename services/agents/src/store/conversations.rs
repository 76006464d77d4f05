//! Rows of conversations and messages.

use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait as _, Condition, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use t11_core::{OrgScope, Page, PageRequest, format_name};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::conversation::{ActiveModel, Column, Entity, Model};
use super::entity::message;
use crate::Error;
use crate::conversation::{Author, Conversation, Message};
use crate::turn::Sentence;

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
                let row = Model {
                    id,
                    org_id: tx.org_id()?.0,
                    agent_id,
                    display_name,
                    channel: "test".to_owned(),
                    language: "und".to_owned(),
                    last_sequence: 0,
                    turn_count: 0,
                    cost_micro_usd: 0,
                    opted_out: false,
                    request_id,
                    create_time: now,
                    update_time: now,
                };
                let row = row
                    .into_active_model()
                    .insert(&tx)
                    .await
                    .map_err(StoreError::from)?;
                Ok(row.into())
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
        agent_id: Option<Uuid>,
        page: PageRequest,
    ) -> Result<Page<Conversation>, Error> {
        self.db
            .read(scope, move |tx| async move {
                let mut chosen = tx.find::<Entity>()?;
                if let Some(agent_id) = agent_id {
                    chosen = chosen.filter(Column::AgentId.eq(agent_id));
                }
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
                let page = Page::from_rows(rows, page.size, |row| {
                    super::cursor(row.update_time, row.id)
                });
                Ok(page.map(Conversation::from))
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

pub(super) async fn by_id(tx: &Tx, id: Uuid) -> Result<Conversation, Error> {
    let found = tx.find::<Entity>()?.filter(Column::Id.eq(id)).one(tx).await;
    let row = found.map_err(StoreError::from)?;
    row.map(Conversation::from)
        .ok_or_else(|| Error::not_found("conversations", id))
}

/// The same, held until the transaction ends: who reads it to change it decides by what it is.
pub(super) async fn held(tx: &Tx, id: Uuid) -> Result<Conversation, Error> {
    let chosen = tx.find::<Entity>()?.filter(Column::Id.eq(id));
    let found = chosen.lock_exclusive().one(tx).await;
    let row = found.map_err(StoreError::from)?;
    row.map(Conversation::from)
        .ok_or_else(|| Error::not_found("conversations", id))
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
    Ok(found.map_err(StoreError::from)?.map(Conversation::from))
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

pub(super) async fn insert_message(tx: &Tx, message: &Message) -> Result<(), Error> {
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
    };
    row.into_active_model()
        .insert(tx)
        .await
        .map_err(StoreError::from)?;
    Ok(())
}

pub(super) async fn save(tx: &Tx, conversation: &Conversation) -> Result<(), Error> {
    let row = ActiveModel {
        id: ActiveValue::Unchanged(conversation.id),
        display_name: ActiveValue::Set(conversation.display_name.clone()),
        language: ActiveValue::Set(conversation.language.clone()),
        last_sequence: ActiveValue::Set(conversation.last_sequence),
        turn_count: ActiveValue::Set(conversation.turn_count),
        cost_micro_usd: ActiveValue::Set(conversation.cost_micro_usd),
        opted_out: ActiveValue::Set(conversation.opted_out),
        update_time: ActiveValue::Set(conversation.update_time),
        ..Default::default()
    };
    row.update(tx).await.map_err(StoreError::from)?;
    Ok(())
}

impl From<Model> for Conversation {
    fn from(row: Model) -> Self {
        Self {
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
        }
    }
}

impl TryFrom<message::Model> for Message {
    type Error = Error;

    fn try_from(row: message::Model) -> Result<Self, Error> {
        let sentences: Vec<Sentence> = super::from_json(row.sentences, "sentences")?;
        Ok(Self {
            id: row.id,
            conversation_id: row.conversation_id,
            sequence: row.sequence,
            author: Author::parse(&row.author).ok_or(Error::Corrupt("author"))?,
            content: row.content,
            sentences,
            turn_id: row.turn_id,
            create_time: row.create_time,
        })
    }
}
