//! When accounts are synchronised, and what runs.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use t11_core::{OrgId, OrgScope, World, format_name};
use t11_store::{System, Tx};
use uuid::Uuid;

use super::Store;
use super::connections::{account, find, row};
use super::entity::connection;
use crate::connection::{Problem, State};
use crate::error::Error;
use crate::jobs::{self, notify};

/// A synchronisation that is not heard of for so long does not run any more.
const SILENT: TimeDelta = TimeDelta::minutes(10);
/// When the nightly one begins, in the account's time; not all accounts at once.
const NIGHT_HOUR: u32 = 2;
const NIGHT_MINUTES: i64 = 180;

impl Store {
    /// The job that synchronises an account, the running one if there is one.
    pub(crate) async fn request_sync(&self, scope: &OrgScope, id: Uuid) -> Result<Uuid, Error> {
        let (store, now) = (self.clone(), self.world.now());
        let request = self.db.write(scope, move |tx| async move {
            let found = row(&tx, id).await?;
            let state = State::parse(&found.state).unwrap_or(State::NotConnected);
            if state != State::Connected {
                return Err(Error::ConnectionState { state });
            }
            tx.audit_target(format_name("connections", id));
            let is_running = found.sync_beat_time.is_some_and(|beat| now - beat < SILENT);
            match found.sync_job.filter(|_| is_running) {
                Some(job) => Ok(job),
                None => store.enqueue_sync(&tx, id).await,
            }
        });
        request.await
    }

    /// Enqueues a synchronisation, and says when the next one is due by itself.
    pub(super) async fn enqueue_sync(&self, tx: &Tx, id: Uuid) -> Result<Uuid, Error> {
        let found = row(tx, id).await?;
        let mut job = self.new_job(jobs::sync::KIND, id);
        job.display_name = match found.account_display_name.as_str() {
            "" => found.host.clone(),
            name => name.to_owned(),
        };
        let (job_id, now) = (job.id, self.world.now());
        let due = next_night(&self.world, &found.time_zone);
        let mut found = found.into_active_model();
        found.sync_job = Set(Some(job_id));
        found.sync_beat_time = Set(Some(now));
        found.sync_due_time = Set(Some(due));
        found.update(tx).await?;
        tx.enqueue(job).await?;
        Ok(job_id)
    }

    /// Goes on with a long synchronisation in another job.
    pub(crate) async fn go_on_with_sync(&self, scope: &OrgScope, id: Uuid) -> Result<(), Error> {
        let store = self.clone();
        let go_on = self.db.write(scope, move |tx| async move {
            store.enqueue_sync(&tx, id).await?;
            Ok::<_, Error>(())
        });
        go_on.await
    }

    /// The running one is still at it.
    pub(crate) async fn beat_sync(&self, scope: &OrgScope, id: Uuid) -> Result<(), Error> {
        let now = self.world.now();
        self.set_sync(scope, id, Some(now), None).await
    }

    /// It ended; all of it was read if `is_whole`.
    pub(crate) async fn end_sync(
        &self,
        scope: &OrgScope,
        id: Uuid,
        is_whole: bool,
    ) -> Result<(), Error> {
        let now = self.world.now();
        self.set_sync(scope, id, None, is_whole.then_some(now))
            .await
    }

    async fn set_sync(
        &self,
        scope: &OrgScope,
        id: Uuid,
        beat: Option<DateTime<Utc>>,
        done: Option<DateTime<Utc>>,
    ) -> Result<(), Error> {
        let world = self.world.clone();
        let set = self.db.write(scope, move |tx| async move {
            if done.is_some() {
                tell_if_token_expires(&tx, &world, id).await?;
            }
            let mut update = tx
                .update_many::<connection::Entity>()?
                .col_expr(connection::Column::SyncBeatTime, Expr::value(beat))
                .filter(connection::Column::Id.eq(id));
            if done.is_some() {
                update = update.col_expr(connection::Column::LastSyncTime, Expr::value(done));
            }
            update.exec(&tx).await?;
            Ok::<_, Error>(())
        });
        set.await
    }

    /// Connected accounts that are to be synchronised by now, the most overdue first.
    pub(crate) async fn due_syncs(&self, limit: u64) -> Result<Vec<(OrgId, Uuid)>, Error> {
        let now = self.world.now();
        let nightly = System("nightly synchronisation");
        let read = self.db.read(nightly, move |tx| async move {
            let query = connection::Entity::find()
                .filter(connection::Column::State.eq(State::Connected.as_str()))
                .filter(connection::Column::SyncDueTime.lte(now))
                .order_by_asc(connection::Column::SyncDueTime)
                .limit(limit);
            Ok::<_, Error>(query.all(&tx).await?)
        });
        let rows = read.await?.into_iter();
        Ok(rows.map(|row| (OrgId(row.org_id), row.id)).collect())
    }

    /// Enqueues the nightly synchronisation, if it is still due: another replica may have done so.
    pub(crate) async fn enqueue_due_sync(&self, scope: &OrgScope, id: Uuid) -> Result<(), Error> {
        let (store, now) = (self.clone(), self.world.now());
        let enqueue = self.db.write(scope, move |tx| async move {
            let query = tx
                .find::<connection::Entity>()?
                .filter(connection::Column::Id.eq(id))
                .filter(connection::Column::SyncDueTime.lte(now))
                .lock_exclusive();
            if query.one(&tx).await?.is_some() {
                store.enqueue_sync(&tx, id).await?;
            }
            Ok::<_, Error>(())
        });
        enqueue.await
    }
}

/// The nightly synchronisation is when people hear of a token that they must replace.
async fn tell_if_token_expires(tx: &Tx, world: &World, id: Uuid) -> Result<(), Error> {
    let known = match find(tx, id).await {
        Ok(known) => known,
        // Deleted meanwhile.
        Err(Error::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    let problems = known.problems(world.now());
    if let Some(ends) = known.token_expire_time
        && problems.contains(&Problem::TokenExpiring)
    {
        let account = account(&row(tx, id).await?);
        tx.enqueue(notify::token_expiring(world, account, ends))
            .await?;
    }
    Ok(())
}

/// The night after this day in the account's time zone; UTC where it is not known.
fn next_night(world: &World, time_zone: &str) -> DateTime<Utc> {
    let now = world.now();
    let zone: Tz = time_zone.parse().unwrap_or(Tz::UTC);
    let [high, low] = world.random::<2>();
    let minutes = i64::from(u16::from_be_bytes([high, low])) % NIGHT_MINUTES;
    let tomorrow = now.with_timezone(&zone).date_naive().succ_opt();
    let hour = NaiveTime::from_hms_opt(NIGHT_HOUR, 0, 0);
    let night = tomorrow
        .zip(hour)
        // An hour that a change of clocks leaves out is taken a day later instead.
        .and_then(|(day, hour)| day.and_time(hour).and_local_timezone(zone).earliest())
        .map_or(now + TimeDelta::days(1), |night| night.to_utc());
    night + TimeDelta::minutes(minutes)
}

#[cfg(test)]
mod tests {
    use t11_core::ManualWorld;

    use super::*;

    fn night(zone: &str) -> DateTime<Utc> {
        let start = "2026-11-21T23:30:00Z".parse().unwrap();
        next_night(&ManualWorld::new(start, 1).world(), zone)
    }

    #[test]
    fn it_is_night_where_the_account_is() {
        let within = |zone: &str, from: &str| {
            let from: DateTime<Utc> = from.parse().unwrap();
            let until = from + TimeDelta::minutes(NIGHT_MINUTES);
            let night = night(zone);
            assert!((from..until).contains(&night), "{zone}: {night}");
        };
        within("", "2026-11-22T02:00:00Z");
        within("America/Sao_Paulo", "2026-11-22T05:00:00Z");
        within("Asia/Almaty", "2026-11-22T21:00:00Z");
        within("nowhere", "2026-11-22T02:00:00Z");
    }
}
