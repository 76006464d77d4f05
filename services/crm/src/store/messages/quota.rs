//! What is left of a month's messages.

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, IntoActiveModel as _, QueryFilter as _,
    QuerySelect as _, Set,
};
use t11_core::OrgScope;
use t11_store::Tx;
use uuid::Uuid;

use super::Store;
use crate::connection::month;
use crate::error::Error;
use crate::jobs::notify;
use crate::store::connections::account;
use crate::store::entity::connection;

impl Store {
    /// Counts a message of the month's quota.
    pub(super) async fn count_message(&self, tx: &Tx, connection: Uuid) -> Result<(), Error> {
        let month = month(self.world.now());
        let counted = Expr::case(
            connection::Column::QuotaMonth.eq(month.as_str()),
            Expr::col(connection::Column::QuotaUsed).add(1),
        );
        let count = tx
            .update_many::<connection::Entity>()?
            .col_expr(connection::Column::QuotaUsed, counted.finally(1).into())
            .col_expr(connection::Column::QuotaMonth, Expr::value(month))
            .filter(connection::Column::Id.eq(connection));
        for row in count.exec_with_returning(tx).await? {
            if row.quota_limit > 0 && row.quota_used == row.quota_limit {
                self.tell_used_up(tx, &row).await?;
            }
        }
        Ok(())
    }

    async fn tell_used_up(&self, tx: &Tx, row: &connection::Model) -> Result<(), Error> {
        let (month, limit) = (&row.quota_month, row.quota_limit);
        let told = notify::quota_exceeded(&self.world, account(row), month, limit);
        Ok(tx.enqueue(told).await?)
    }

    /// Notes that Kommo refuses messages for this month: what was counted is the limit, if none is
    /// known.
    pub(crate) async fn note_quota_exceeded(
        &self,
        scope: &OrgScope,
        connection: Uuid,
    ) -> Result<(), Error> {
        let (store, month) = (self.clone(), month(self.world.now()));
        let note = self.db.write(scope, move |tx| async move {
            let query = tx.find::<connection::Entity>()?;
            let row = query
                .filter(connection::Column::Id.eq(connection))
                .lock_exclusive()
                .one(&tx)
                .await?;
            let Some(row) = row else {
                return Ok(());
            };
            let counted = if row.quota_month == month {
                row.quota_used
            } else {
                0
            };
            let limit = if row.quota_limit > 0 {
                row.quota_limit
            } else {
                Ord::max(counted, 1)
            };
            let is_news = row.quota_month != month || counted < limit || row.quota_limit == 0;
            let mut row = row.into_active_model();
            row.quota_limit = Set(limit);
            row.quota_used = Set(Ord::max(counted, limit));
            row.quota_month = Set(month);
            let row = row.update(&tx).await?;
            if is_news {
                store.tell_used_up(&tx, &row).await?;
            }
            Ok::<_, Error>(())
        });
        note.await
    }
}
