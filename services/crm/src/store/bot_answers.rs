//! Bots that wait for an answer of ours.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _};
use t11_core::OrgScope;
use t11_store::Tx;
use uuid::Uuid;

use super::Store;
use super::entity::bot_request;
use crate::error::Error;

/// How long a bot is taken to wait. Kommo does not say; one that waits no more says so when it is
/// answered.
const WAITS: TimeDelta = TimeDelta::hours(1);

/// A question of a bot that was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BotQuestion {
    pub(crate) id: Uuid,
    pub(crate) return_url: String,
}

impl Store {
    /// The newest question about the lead: an older bot was stopped by the newer one.
    pub(crate) async fn waiting_bot(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        lead: i64,
    ) -> Result<Option<BotQuestion>, Error> {
        let now = self.world.now();
        let find = self.db.read(scope, move |tx| async move {
            waiting(&tx, connection, lead, now).await
        });
        Ok(find.await?.map(|row| BotQuestion {
            id: row.id,
            return_url: row.return_url,
        }))
    }

    /// Nothing waits there any more.
    pub(crate) async fn note_bot_answered(&self, scope: &OrgScope, id: Uuid) -> Result<(), Error> {
        let now = self.world.now();
        let note = self.db.write(scope, move |tx| async move {
            tx.update_many::<bot_request::Entity>()?
                .col_expr(bot_request::Column::UseTime, Expr::value(now))
                .filter(bot_request::Column::Id.eq(id))
                .exec(&tx)
                .await?;
            Ok::<_, Error>(())
        });
        note.await
    }
}

/// The newest question about the lead, if it still waits.
pub(super) async fn waiting(
    tx: &Tx,
    connection: Uuid,
    lead: i64,
    now: DateTime<Utc>,
) -> Result<Option<bot_request::Model>, Error> {
    let query = tx.find::<bot_request::Entity>()?;
    let newest = query
        .filter(bot_request::Column::ConnectionId.eq(connection))
        .filter(bot_request::Column::EntityKind.eq("leads"))
        .filter(bot_request::Column::EntityId.eq(lead))
        .filter(bot_request::Column::ReceiveTime.gt(now - WAITS))
        .order_by_desc(bot_request::Column::ReceiveTime)
        .one(tx)
        .await?;
    Ok(newest.filter(|row| row.use_time.is_none()))
}
