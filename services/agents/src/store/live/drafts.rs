//! Answers that a person must approve.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use t11_core::{OrgScope, Page, PageRequest, format_name};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::held::Held;
use super::replies::{self, NewReplies, Part, ReplyKind};
use super::turns;
use crate::Error;
use crate::jobs::notify;
use crate::store::entity::draft::{Column, Entity, Model};
use crate::store::entity::turn;
use crate::store::{Store, actions, agents, crm_settings, cursor, from_json, read_cursor, to_json};
use crate::turn::{Report, Sentence, State, pace};

/// How far a draft is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DraftState {
    Pending,
    Sent,
    /// Sent with a person's changes.
    Edited,
    Rejected,
    /// Somebody has written since.
    Expired,
}

impl DraftState {
    const ALL: [Self; 5] = [
        Self::Pending,
        Self::Sent,
        Self::Edited,
        Self::Rejected,
        Self::Expired,
    ];

    /// The word in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Edited => "edited",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// An answer that a person must approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) id: Uuid,
    pub(crate) conversation_id: Uuid,
    pub(crate) turn_id: Uuid,
    pub(crate) state: DraftState,
    /// What the agent would say.
    pub(crate) text: String,
    pub(crate) sentences: Vec<Sentence>,
    /// What was sent.
    pub(crate) sent_text: String,
    pub(crate) reject_reason: String,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) end_time: Option<DateTime<Utc>>,
}

/// Keeps an answer until a person approves it.
pub(super) async fn keep(
    held: &mut Held,
    turn_id: Uuid,
    kind: ReplyKind,
    report: &Report,
) -> Result<(), Error> {
    let row = Model {
        id: held.world.new_id(),
        org_id: held.tx.org_id()?.0,
        conversation_id: held.id(),
        turn_id,
        kind: kind.as_str().to_owned(),
        state: DraftState::Pending.as_str().to_owned(),
        content: report.text(),
        sentences: to_json(&report.sentences, "sentences")?,
        sent_text: String::new(),
        reject_reason: String::new(),
        control_epoch: held.live.control_epoch,
        inbound_sequence: held.live.last_inbound,
        create_time: held.now,
        end_time: None,
    };
    let inserting = row.into_active_model().insert(&held.tx).await;
    inserting.map_err(StoreError::from)?;
    held.live.has_draft = true;
    let told = notify::draft_waiting(&held.world, held.id(), &held.live.client_display_name);
    Ok(held.tx.enqueue(told).await?)
}

impl Store {
    /// Drafts that wait, the oldest first; of one conversation if it is given.
    pub(crate) async fn drafts(
        &self,
        scope: &OrgScope,
        conversation: Option<Uuid>,
        page: PageRequest,
    ) -> Result<Page<Draft>, Error> {
        self.db
            .read(scope, move |tx| async move {
                let mut chosen = tx
                    .find::<Entity>()?
                    .filter(Column::State.eq(DraftState::Pending.as_str()));
                if let Some(conversation) = conversation {
                    chosen = chosen.filter(Column::ConversationId.eq(conversation));
                }
                if let Some((time, id)) = page.cursor.as_deref().and_then(read_cursor) {
                    let same_time = Condition::all()
                        .add(Column::CreateTime.eq(time))
                        .add(Column::Id.gt(id));
                    let later = Column::CreateTime.gt(time);
                    chosen = chosen.filter(Condition::any().add(later).add(same_time));
                }
                let rows = chosen
                    .order_by_asc(Column::CreateTime)
                    .order_by_asc(Column::Id)
                    .limit(page.size + 1)
                    .all(&tx)
                    .await
                    .map_err(StoreError::from)?;
                let Page { items, next_cursor } =
                    Page::from_rows(rows, page.size, |row| cursor(row.create_time, row.id));
                let items = items
                    .into_iter()
                    .map(Draft::try_from)
                    .collect::<Result<_, _>>()?;
                Ok(Page { items, next_cursor })
            })
            .await
    }

    /// One draft.
    pub(crate) async fn draft(
        &self,
        scope: &OrgScope,
        conversation: Uuid,
        id: Uuid,
    ) -> Result<Draft, Error> {
        self.db
            .read(scope, move |tx| async move {
                by_id(&tx, conversation, id).await?.try_into()
            })
            .await
    }

    /// Sends a draft: as it is, or as the person changed it.
    pub(crate) async fn approve_draft(
        &self,
        scope: &OrgScope,
        conversation: Uuid,
        id: Uuid,
        text: Option<String>,
    ) -> Result<Draft, Error> {
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let (mut held, row) = pending(&tx, &world, conversation, id).await?;
                    let draft = Draft::try_from(row.clone())?;
                    let edited = text.filter(|text| *text != draft.text);
                    let state = if edited.is_some() {
                        DraftState::Edited
                    } else {
                        DraftState::Sent
                    };
                    let agent_id = held.conversation.agent_id;
                    let agent = agents::by_id(&tx, agent_id.ok_or(Error::DraftState)?).await?;
                    let (agent, _) = crm_settings::answering(&tx, agent).await?;
                    let sent_text = edited.clone().unwrap_or_else(|| draft.text.clone());
                    let parts = match edited {
                        None => turns::parts(&draft.sentences, &agent),
                        Some(text) => vec![Part {
                            delay: pace::delay(&text, &agent.settings),
                            sentences: Vec::new(),
                            text,
                        }],
                    };
                    let new = NewReplies {
                        kind: ReplyKind::parse(&row.kind).ok_or(Error::Corrupt("draft"))?,
                        turn_id: Some(row.turn_id),
                        request_id: None,
                        parts,
                    };
                    held.live.has_draft = false;
                    held.reopen(row.turn_id).await?;
                    replies::queue(&mut held, new).await?;
                    actions::release(&tx, &world, row.turn_id).await?;
                    end_turn(&tx, row.turn_id, State::Sent).await?;
                    let row = end(&held, row, state, sent_text, String::new()).await?;
                    held.save().await?;
                    row.try_into()
                })
            })
            .await
    }

    /// Throws a draft away.
    pub(crate) async fn reject_draft(
        &self,
        scope: &OrgScope,
        conversation: Uuid,
        id: Uuid,
        reason: String,
    ) -> Result<Draft, Error> {
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let (mut held, row) = pending(&tx, &world, conversation, id).await?;
                    held.live.has_draft = false;
                    "draft_rejected".clone_into(&mut held.live.silence_reason);
                    held.reopen(row.turn_id).await?;
                    held.settle("draft_rejected", Some(row.turn_id)).await?;
                    end_turn(&tx, row.turn_id, State::Cancelled).await?;
                    let row = end(&held, row, DraftState::Rejected, String::new(), reason).await?;
                    held.save().await?;
                    row.try_into()
                })
            })
            .await
    }
}

/// A draft that waits, and its conversation, held.
async fn pending(
    tx: &Tx,
    world: &t11_core::World,
    conversation: Uuid,
    id: Uuid,
) -> Result<(Held, Model), Error> {
    // First whether it is there: another's conversation must answer like none.
    by_id(tx, conversation, id).await?;
    let held = Held::open(tx, world, conversation).await?;
    let row = by_id(tx, conversation, id).await?;
    tx.audit_target(format_name("conversations", conversation));
    let now = (held.live.control_epoch, held.live.last_inbound);
    let waits = row.state == DraftState::Pending.as_str();
    if waits && now == (row.control_epoch, row.inbound_sequence) {
        Ok((held, row))
    } else {
        Err(Error::DraftState)
    }
}

async fn end(
    held: &Held,
    row: Model,
    state: DraftState,
    sent_text: String,
    reject_reason: String,
) -> Result<Model, Error> {
    let row = Model {
        state: state.as_str().to_owned(),
        sent_text,
        reject_reason,
        end_time: Some(held.now),
        ..row
    };
    let saving = row.into_active_model().reset_all().update(&held.tx).await;
    Ok(saving.map_err(StoreError::from)?)
}

async fn end_turn(tx: &Tx, id: Uuid, state: State) -> Result<(), Error> {
    let ending = tx
        .update_many::<turn::Entity>()?
        .filter(turn::Column::Id.eq(id))
        .col_expr(turn::Column::State, Expr::value(state.as_str()));
    ending.exec(tx).await.map_err(StoreError::from)?;
    Ok(())
}

async fn by_id(tx: &Tx, conversation: Uuid, id: Uuid) -> Result<Model, Error> {
    let found = tx
        .find::<Entity>()?
        .filter(Column::Id.eq(id))
        .filter(Column::ConversationId.eq(conversation))
        .one(tx)
        .await;
    let name = || format!("conversations/{conversation}/drafts/{id}");
    let row = found.map_err(StoreError::from)?;
    row.ok_or_else(|| Error::NotFound(name()))
}

impl TryFrom<Model> for Draft {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            conversation_id: row.conversation_id,
            turn_id: row.turn_id,
            state: DraftState::parse(&row.state).ok_or(Error::Corrupt("draft"))?,
            text: row.content,
            sentences: from_json(row.sentences, "sentences")?,
            sent_text: row.sent_text,
            reject_reason: row.reject_reason,
            create_time: row.create_time,
            end_time: row.end_time,
        })
    }
}
