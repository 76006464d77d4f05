//! What is to be sent: one row a message, in order, each decided in the commit that lets it go.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _, Select,
};
use t11_core::{OrgScope, World};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::automation;
use super::held::{Held, NewMessage};
pub(super) use super::reply_kind::ReplyKind;
use crate::Error;
use crate::conversation::{Author, Carriage, Delivery, Message};
use crate::jobs::send_reply;
use crate::live::{Fared, event};
use crate::store::entity::reply::{Column, Entity, Model};
use crate::store::entity::{conversation, message, turn};
use crate::store::{Store, conversations};
use crate::turn::{Sentence, State};

/// One message of an answer.
pub(super) struct Part {
    pub(super) text: String,
    pub(super) sentences: Vec<Sentence>,
    pub(super) delay: Duration,
}

/// Messages to be sent one after another.
pub(super) struct NewReplies {
    pub(super) kind: ReplyKind,
    pub(super) turn_id: Option<Uuid>,
    /// Of the person's request; a repeated one does not send twice.
    pub(super) request_id: Option<Uuid>,
    pub(super) parts: Vec<Part>,
}

impl NewReplies {
    /// One message of words that rest on nothing, at once.
    pub(super) fn of_text(kind: ReplyKind, text: String) -> Self {
        let part = Part {
            text,
            sentences: Vec::new(),
            delay: Duration::ZERO,
        };
        Self {
            kind,
            turn_id: None,
            request_id: None,
            parts: vec![part],
        }
    }
}

/// Keeps messages to be sent and has the first of them sent after its delay; each of the others
/// follows the one before it.
pub(super) async fn queue(held: &mut Held, new: NewReplies) -> Result<Vec<Message>, Error> {
    let mut queued = Vec::new();
    let author = match new.kind {
        ReplyKind::Human => Author::Human,
        _ => Author::Agent,
    };
    for (index, part) in new.parts.into_iter().enumerate() {
        let id = held.world.new_id();
        let row = Model {
            id,
            org_id: held.tx.org_id()?.0,
            conversation_id: held.id(),
            turn_id: new.turn_id,
            request_id: new.request_id.filter(|_| index == 0),
            kind: new.kind.as_str().to_owned(),
            part: i32::try_from(index).unwrap_or(i32::MAX),
            delay_ms: i64::try_from(part.delay.as_millis()).unwrap_or(i64::MAX),
            state: Delivery::Queued.as_str().to_owned(),
            reason: String::new(),
            control_epoch: held.live.control_epoch,
            inbound_sequence: held.live.last_inbound,
            answered_before: held.live.answered,
            fence: 0,
            create_time: held.now,
            update_time: held.now,
        };
        if index == 0 {
            enqueue(held, &row).await?;
        }
        let inserting = Entity::insert(row.into_active_model());
        let inserted = inserting.exec_without_returning(&held.tx).await;
        inserted.map_err(StoreError::from)?;
        let message = NewMessage {
            id,
            author,
            content: part.text,
            sentences: part.sentences,
            turn_id: new.turn_id,
            carriage: Carriage {
                delivery: Some(Delivery::Queued),
                ..Carriage::default()
            },
        };
        queued.push(held.append(message).await?);
    }
    Ok(queued)
}

async fn enqueue(held: &Held, reply: &Model) -> Result<(), Error> {
    let time = held.now + TimeDelta::milliseconds(reply.delay_ms);
    let job = send_reply::job(&held.world, held.id(), reply.id, time);
    Ok(held.tx.enqueue(job).await?)
}

/// A message to be handed to crm.
pub(crate) struct Outgoing {
    /// The reply, and the idempotency key.
    pub(crate) id: Uuid,
    pub(crate) conversation_id: Uuid,
    pub(crate) connection_id: Uuid,
    pub(crate) chat_id: String,
    pub(crate) talk_id: i64,
    pub(crate) lead_id: i64,
    pub(crate) contact_id: i64,
    pub(crate) text: String,
}

/// What is to be done about a reply.
pub(crate) enum Sending {
    /// It may go now: hand it to crm, under its key.
    Send(Box<Outgoing>),
    /// An earlier try began and was not heard of again, and now it may not go, for this reason: ask
    /// crm whether it has it.
    Ask(Box<Outgoing>, &'static str),
    Nothing,
}

impl Store {
    /// Lets a reply go, if nobody has spoken since it was decided; else it never goes.
    pub(crate) async fn begin_reply(
        &self,
        scope: &OrgScope,
        id: Uuid,
        fence: i64,
    ) -> Result<Sending, Error> {
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let Some((mut held, row)) = open(&tx, &world, id).await? else {
                        return Ok(Sending::Nothing);
                    };
                    let sending = begin(&mut held, row, fence).await?;
                    held.save().await?;
                    Ok(sending)
                })
            })
            .await
    }

    /// Notes how a reply fared, and has the next part follow one that has left. The conversation;
    /// `None` for a reply that is not there.
    pub(crate) async fn note_reply(
        &self,
        scope: &OrgScope,
        id: Uuid,
        fared: Fared,
    ) -> Result<Option<Uuid>, Error> {
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let Some((mut held, row)) = open(&tx, &world, id).await? else {
                        return Ok(None);
                    };
                    note(&mut held, &row, fared).await?;
                    Ok(Some(held.save().await?.id))
                })
            })
            .await
    }

    /// Crm has never had a reply that was let go: it does not go any more.
    pub(crate) async fn give_up_reply(
        &self,
        scope: &OrgScope,
        id: Uuid,
        fence: i64,
        reason: &'static str,
    ) -> Result<(), Error> {
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let Some((mut held, row)) = open(&tx, &world, id).await? else {
                        return Ok(());
                    };
                    if row.state == Delivery::Sending.as_str() && row.fence == fence {
                        take_back(&mut held, &row);
                        stop(&held, &row, reason).await?;
                        held.save().await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

async fn begin(held: &mut Held, row: Model, fence: i64) -> Result<Sending, Error> {
    let state = state_of(&row)?;
    let kind = kind_of(&row)?;
    let hindrance = hindrance(held, &row, kind);
    match (state, hindrance) {
        (Delivery::Queued, Some(reason)) => {
            stop(held, &row, reason).await?;
            Ok(Sending::Nothing)
        }
        (Delivery::Queued, None) => {
            set(&held.tx, &row, Delivery::Sending, "", fence, held.now).await?;
            if kind.is_an_answer() && row.part == 0 {
                held.live.answered = held.live.answered.max(row.inbound_sequence);
            }
            Ok(Sending::Send(outgoing(held, &row).await?))
        }
        (Delivery::Sending, hindrance) if fence >= row.fence => {
            set(&held.tx, &row, Delivery::Sending, "", fence, held.now).await?;
            let outgoing = outgoing(held, &row).await?;
            Ok(match hindrance {
                Some(reason) => Sending::Ask(outgoing, reason),
                None => Sending::Send(outgoing),
            })
        }
        _ => Ok(Sending::Nothing),
    }
}

/// Why a reply may not go any more.
fn hindrance(held: &Held, row: &Model, kind: ReplyKind) -> Option<&'static str> {
    if kind == ReplyKind::Human {
        return None;
    }
    if row.control_epoch != held.live.control_epoch {
        return Some("control_changed");
    }
    if kind.answers_a_question() && row.inbound_sequence != held.live.last_inbound {
        return Some("newer_inbound");
    }
    (held.conversation.opted_out && kind != ReplyKind::OptOut).then_some("opted_out")
}

async fn outgoing(held: &Held, row: &Model) -> Result<Box<Outgoing>, Error> {
    let message = held
        .tx
        .find::<message::Entity>()?
        .filter(message::Column::Id.eq(row.id))
        .one(&held.tx)
        .await
        .map_err(StoreError::from)?
        .ok_or(Error::Corrupt("reply"))?;
    let live = &held.live;
    Ok(Box::new(Outgoing {
        id: row.id,
        conversation_id: row.conversation_id,
        connection_id: live.connection_id,
        chat_id: live.chat_id.clone(),
        talk_id: live.talk_id,
        lead_id: live.lead_id,
        contact_id: live.contact_id,
        text: message.content,
    }))
}

/// Notes news of a reply; late and repeated ones change nothing.
pub(super) async fn note(held: &mut Held, row: &Model, fared: Fared) -> Result<(), Error> {
    let before = state_of(row)?;
    if !fared.external_id.is_empty() {
        set_external_id(held, row.id, &fared.external_id).await?;
    }
    if !before.yields_to(fared.delivery) {
        return Ok(());
    }
    set(
        &held.tx,
        row,
        fared.delivery,
        &fared.reason,
        row.fence,
        held.now,
    )
    .await?;
    match fared.delivery {
        delivery if delivery.has_left() && !before.has_left() => note_left(held, row).await,
        Delivery::Failed => note_failed(held, row).await,
        Delivery::Unknown => {
            // With a reason nobody finds out by itself: a person must look.
            held.live.has_error |= !fared.reason.is_empty();
            Ok(())
        }
        _ => Ok(()),
    }
}

async fn note_left(held: &mut Held, row: &Model) -> Result<(), Error> {
    let kind = kind_of(row)?;
    held.live.has_error = false;
    if kind.is_an_answer() && row.part == 0 {
        held.live.answered = held.live.answered.max(row.inbound_sequence);
        if held.live.answered == held.live.last_inbound {
            // Who was handed over still waits for the person.
            held.live.unanswered = kind == ReplyKind::HandOff;
            held.live.silence_reason.clear();
        }
        held.settle_until(row.inbound_sequence, kind.verdict(), row.turn_id)
            .await?;
    }
    if kind == ReplyKind::Answer && row.part == 0 {
        automation::after_answer(held).await?;
    }
    let next = held
        .tx
        .find::<Entity>()?
        .filter(Column::ConversationId.eq(row.conversation_id))
        .filter(Column::TurnId.eq(row.turn_id))
        .filter(Column::Part.eq(row.part + 1))
        .filter(Column::State.eq(Delivery::Queued.as_str()))
        .one(&held.tx)
        .await
        .map_err(StoreError::from)?;
    match next {
        Some(next) if row.turn_id.is_some() => enqueue(held, &next).await,
        _ => Ok(()),
    }
}

async fn note_failed(held: &mut Held, row: &Model) -> Result<(), Error> {
    held.live.has_error = true;
    let kind = kind_of(row)?;
    take_back(held, row);
    stop_rest(held, row, "part_failed").await?;
    if kind == ReplyKind::FollowUp {
        automation::note_unsent(held).await?;
    }
    if kind.is_an_answer() && row.part == 0 {
        held.live.unanswered = true;
        "send_failed".clone_into(&mut held.live.silence_reason);
        held.settle_until(row.inbound_sequence, "send_failed", row.turn_id)
            .await?;
    }
    Ok(())
}

/// What a reply that never left has answered is open again.
fn take_back(held: &mut Held, row: &Model) {
    if row.part == 0 && held.live.answered == row.inbound_sequence {
        held.live.answered = row.answered_before;
    }
}

/// The reply does not go, and those behind it neither.
async fn stop(held: &Held, row: &Model, reason: &str) -> Result<(), Error> {
    suppress(&held.tx, row, reason, held.now).await?;
    stop_rest(held, row, reason).await
}

async fn stop_rest(held: &Held, row: &Model, reason: &str) -> Result<(), Error> {
    if row.turn_id.is_none() {
        return Ok(());
    }
    let rest = held
        .tx
        .find::<Entity>()?
        .filter(Column::ConversationId.eq(row.conversation_id))
        .filter(Column::TurnId.eq(row.turn_id))
        .filter(Column::Part.gt(row.part))
        .filter(Column::State.eq(Delivery::Queued.as_str()))
        .all(&held.tx)
        .await
        .map_err(StoreError::from)?;
    for next in rest {
        suppress(&held.tx, &next, reason, held.now).await?;
    }
    Ok(())
}

/// A queued reply is never sent. A turn none of whose messages was sent is superseded.
pub(super) async fn suppress(
    tx: &Tx,
    row: &Model,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    set(tx, row, Delivery::Suppressed, reason, row.fence, now).await?;
    let Some(turn_id) = row.turn_id.filter(|_| row.part == 0) else {
        return Ok(());
    };
    let ending = tx
        .update_many::<turn::Entity>()?
        .filter(turn::Column::Id.eq(turn_id))
        .col_expr(turn::Column::State, Expr::value(State::Superseded.as_str()))
        .col_expr(turn::Column::SkipReason, Expr::value(reason));
    ending.exec(tx).await.map_err(StoreError::from)?;
    Ok(())
}

async fn set(
    tx: &Tx,
    row: &Model,
    delivery: Delivery,
    reason: &str,
    fence: i64,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let moving = tx
        .update_many::<Entity>()?
        .filter(Column::Id.eq(row.id))
        .col_expr(Column::State, Expr::value(delivery.as_str()))
        .col_expr(Column::Reason, Expr::value(reason))
        .col_expr(Column::Fence, Expr::value(fence))
        .col_expr(Column::UpdateTime, Expr::value(now));
    moving.exec(tx).await.map_err(StoreError::from)?;
    let showing = tx
        .update_many::<message::Entity>()?
        .filter(message::Column::Id.eq(row.id))
        .col_expr(message::Column::Delivery, Expr::value(delivery.as_str()))
        .col_expr(message::Column::DeliveryReason, Expr::value(reason));
    showing.exec(tx).await.map_err(StoreError::from)?;
    Ok(())
}

/// Kommo's id of a message of ours, unless another has it: then it came by itself before.
async fn set_external_id(held: &Held, id: Uuid, external_id: &str) -> Result<(), Error> {
    use sea_orm::sea_query::ExprTrait as _;
    let known = known_by(&held.tx, held.live.connection_id, external_id)?
        .select_only()
        .column(message::Column::Id)
        .into_query();
    let setting = held
        .tx
        .update_many::<message::Entity>()?
        .filter(message::Column::Id.eq(id))
        .filter(message::Column::ExternalId.is_null())
        .filter(Expr::exists(known).not())
        .col_expr(message::Column::ExternalId, Expr::value(external_id));
    setting.exec(&held.tx).await.map_err(StoreError::from)?;
    Ok(())
}

/// The message that Kommo knows by this id.
pub(super) async fn message_of(
    tx: &Tx,
    connection: Uuid,
    external_id: &str,
) -> Result<Option<Message>, Error> {
    let found = known_by(tx, connection, external_id)?.one(tx).await;
    let found = found.map_err(StoreError::from)?;
    found.map(Message::try_from).transpose()
}

fn known_by(
    tx: &Tx,
    connection: Uuid,
    external_id: &str,
) -> Result<Select<message::Entity>, Error> {
    let chosen = tx.find::<message::Entity>()?;
    Ok(chosen
        .filter(message::Column::ConnectionId.eq(connection))
        .filter(message::Column::ExternalId.eq(external_id)))
}

/// The reply of ours that says `text` and whose way to the client is not known yet.
pub(super) async fn on_its_way(held: &Held, text: &str) -> Result<Option<Model>, Error> {
    let unsure = [Delivery::Sending, Delivery::Unknown];
    let rows = held
        .tx
        .find::<Entity>()?
        .filter(Column::ConversationId.eq(held.id()))
        .filter(Column::State.is_in(unsure.map(Delivery::as_str)))
        .order_by_asc(Column::CreateTime)
        .order_by_asc(Column::Part)
        .all(&held.tx)
        .await
        .map_err(StoreError::from)?;
    for row in rows {
        if event::is_same_text(&outgoing(held, &row).await?.text, text) {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// A reply, and its conversation, held; `None` for one that is not there.
pub(super) async fn open(tx: &Tx, world: &World, id: Uuid) -> Result<Option<(Held, Model)>, Error> {
    let chosen = tx.find::<Entity>()?.filter(Column::Id.eq(id));
    let conversation_id = chosen.clone().select_only().column(Column::ConversationId);
    let own = conversation::Column::Id.in_subquery(conversation_id.into_query());
    let Some(conversation) = conversations::find_held(tx, own).await? else {
        return Ok(None);
    };
    // Read when it is held: nobody changes the reply any more.
    let row = chosen.one(tx).await.map_err(StoreError::from)?;
    let row = row.ok_or(Error::Corrupt("reply"))?;
    Ok(Some((Held::new(tx, world, conversation)?, row)))
}

/// The message that was sent for a person's request, if it came before.
pub(super) async fn of_request(
    held: &Held,
    request_id: Option<Uuid>,
) -> Result<Option<Message>, Error> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let known: Option<Uuid> = held
        .tx
        .find::<Entity>()?
        .select_only()
        .column(Column::Id)
        .filter(Column::ConversationId.eq(held.id()))
        .filter(Column::RequestId.eq(request_id))
        .into_tuple()
        .one(&held.tx)
        .await
        .map_err(StoreError::from)?;
    let Some(id) = known else { return Ok(None) };
    let found = held
        .tx
        .find::<message::Entity>()?
        .filter(message::Column::Id.eq(id))
        .one(&held.tx)
        .await
        .map_err(StoreError::from)?;
    found.map(Message::try_from).transpose()
}

fn state_of(row: &Model) -> Result<Delivery, Error> {
    Delivery::parse(&row.state).ok_or(Error::Corrupt("reply"))
}

fn kind_of(row: &Model) -> Result<ReplyKind, Error> {
    ReplyKind::parse(&row.kind).ok_or(Error::Corrupt("reply"))
}
