//! What people do in live conversations.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};
use t11_core::{OrgScope, World, format_name};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::events::note_answered;
use super::held::{By, Held};
use super::replies::{self, NewReplies, ReplyKind};
use crate::Error;
use crate::conversation::{Controller, Conversation, Message};
use crate::store::entity::conversation::{Column, Entity};
use crate::store::{Store, conversations};

impl Store {
    /// A person has the word from now on; the same person once more changes nothing.
    pub(crate) async fn take_over(
        &self,
        scope: &OrgScope,
        id: Uuid,
    ) -> Result<Conversation, Error> {
        let (world, user) = (self.world.clone(), scope.user());
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let mut held = open(&tx, &world, id).await?;
                    if has_word(&held, user) {
                        return conversations::by_id(&tx, id).await;
                    }
                    held.supersede(By::Other("taken_over")).await?;
                    held.pass_to_human("taken_over", user).await?;
                    if held.live.unanswered {
                        held.fall_silent("human").await?;
                    }
                    held.save().await
                })
            })
            .await
    }

    /// The agent has the word from now on, and answers what still waits.
    pub(crate) async fn hand_back(
        &self,
        scope: &OrgScope,
        id: Uuid,
        zone: Tz,
    ) -> Result<Conversation, Error> {
        let world = self.world.clone();
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let mut held = open(&tx, &world, id).await?;
                    if held.live.controller == Controller::Bot {
                        return conversations::by_id(&tx, id).await;
                    }
                    held.pass_to_bot();
                    if held.live.last_inbound > held.live.answered {
                        held.consider(zone).await?;
                    }
                    held.save().await
                })
            })
            .await
    }

    /// A person writes to the client, and has the word from then on.
    pub(crate) async fn send_human_message(
        &self,
        scope: &OrgScope,
        id: Uuid,
        text: String,
        request_id: Option<Uuid>,
    ) -> Result<Message, Error> {
        let (world, user) = (self.world.clone(), scope.user());
        self.db
            .write(scope, move |tx| {
                Box::pin(async move {
                    let mut held = open(&tx, &world, id).await?;
                    if let Some(sent) = replies::of_request(&held, request_id).await? {
                        return Ok(sent);
                    }
                    if !has_word(&held, user) {
                        held.supersede(By::Other("human_wrote")).await?;
                        held.pass_to_human("taken_over", user).await?;
                    }
                    note_answered(&mut held);
                    held.settle("human", None).await?;
                    let new = NewReplies {
                        request_id,
                        ..NewReplies::of_text(ReplyKind::Human, text)
                    };
                    let sent = replies::queue(&mut held, new).await?.pop();
                    held.save().await?;
                    sent.ok_or(Error::Corrupt("reply"))
                })
            })
            .await
    }

    /// Live conversations that have changed since `since`, the longest ago first.
    pub(crate) async fn changed_conversations(
        &self,
        scope: &OrgScope,
        since: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<Conversation>, Error> {
        self.db
            .read(scope, move |tx| async move {
                let rows = tx
                    .find::<Entity>()?
                    .filter(Column::ConnectionId.is_not_null())
                    .filter(Column::UpdateTime.gte(since))
                    .order_by_asc(Column::UpdateTime)
                    .order_by_asc(Column::Id)
                    .limit(limit)
                    .all(&tx)
                    .await
                    .map_err(StoreError::from)?;
                conversations::read_all(rows)
            })
            .await
    }
}

async fn open(tx: &Tx, world: &World, id: Uuid) -> Result<Held, Error> {
    tx.audit_target(format_name("conversations", id));
    Held::open(tx, world, id).await
}

/// Whether this person has the word already.
fn has_word(held: &Held, user: Option<Uuid>) -> bool {
    held.live.controller == Controller::Human
        && held.live.handoff_reason == "taken_over"
        && held.live.controller_user == user
}
