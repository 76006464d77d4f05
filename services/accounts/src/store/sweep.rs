//! Taking away what has no meaning any more.

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};
use t11_store::System;

use super::Store;
use super::entity::{invite, notification, session, sign_in_bucket};
use crate::error::Error;
use crate::notification::KEPT_FOR;

impl Store {
    /// Deletes sessions and invitations that have expired, buckets that are full, and notifications
    /// that are old.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        let now = self.world.now();
        let sweep = self.db.write(
            System("a sweep over all organizations"),
            move |tx| async move {
                session::Entity::delete_many()
                    .filter(session::Column::ExpireTime.lte(now))
                    .exec(&tx)
                    .await?;
                invite::Entity::delete_many()
                    .filter(invite::Column::ExpireTime.lte(now))
                    .exec(&tx)
                    .await?;
                sign_in_bucket::Entity::delete_many()
                    .filter(sign_in_bucket::Column::FullAt.lte(now))
                    .exec(&tx)
                    .await?;
                // Who has read them goes with them.
                notification::Entity::delete_many()
                    .filter(notification::Column::CreateTime.lte(now - KEPT_FOR))
                    .exec(&tx)
                    .await?;
                Ok(())
            },
        );
        sweep.await
    }
}
