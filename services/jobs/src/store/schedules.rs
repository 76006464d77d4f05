//! Schedules.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{LockBehavior, LockType, OnConflict};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use t11_core::{OrgId, Violations};

use super::enqueue::enqueue;
use super::entity::schedules;
use super::ledger::{Effects, Ledger};
use super::{QUEUE, Store};
use crate::error::Error;
use crate::job::NewJob;
use crate::schedule::{Schedule, Timetable};

/// Schedules served in one transaction.
const AT_ONCE: u64 = 100;

impl Store {
    /// Creates or replaces a schedule. It is due next after now; when it was due last is kept.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn put_schedule(&self, schedule: Schedule) -> Result<Schedule, Error> {
        self.db
            .write(QUEUE, move |tx| async move {
                let row = insertion(&schedule)?;
                use schedules::Column;
                let on_conflict = OnConflict::column(Column::Key)
                    .update_columns([
                        Column::OrgId,
                        Column::Cron,
                        Column::TimeZone,
                        Column::Job,
                        Column::Payload,
                        Column::NextRunTime,
                    ])
                    .to_owned();
                schedules::Entity::insert(row)
                    .on_conflict(on_conflict)
                    .exec_without_returning(&tx)
                    .await?;
                let stored = schedules::Entity::find_by_id(&schedule.key)
                    .one(&tx)
                    .await?;
                stored
                    .ok_or_else(|| Error::Corrupt(schedule.key.clone()))?
                    .try_into()
            })
            .await
    }

    /// Deletes a schedule, if there is one; jobs it has made stay.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn delete_schedule(&self, key: String) -> Result<(), Error> {
        self.db
            .write(QUEUE, move |tx| async move {
                schedules::Entity::delete_by_id(key).exec(&tx).await?;
                Ok(())
            })
            .await
    }

    /// Enqueues the jobs of schedules that are due. Each due time is claimed by one replica, in
    /// the transaction that enqueues its job and sets the next time.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn run_schedules(&self) -> Result<(usize, Effects), Error> {
        let rules = self.rules.clone();
        self.db
            .write(QUEUE, move |tx| async move {
                let now = rules.now();
                let due = schedules::Entity::find()
                    .filter(schedules::Column::NextRunTime.lte(now))
                    .order_by_asc(schedules::Column::NextRunTime)
                    .limit(AT_ONCE)
                    .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
                    .all(&tx)
                    .await?;
                let mut jobs = Vec::with_capacity(due.len());
                for row in due {
                    jobs.push(advance(&tx, row, now).await?);
                }
                let count = jobs.len();
                let orgs: Vec<_> = jobs.iter().map(|job| OrgId(job.org)).collect();
                let mut ledger = Ledger::open(&tx, &rules, orgs).await?;
                enqueue(&mut ledger, jobs).await?;
                Ok((count, ledger.close().await?))
            })
            .await
    }
}

/// The job of a due schedule, which is moved on to its next time.
async fn advance(
    tx: &t11_store::Tx,
    row: schedules::Model,
    now: DateTime<Utc>,
) -> Result<NewJob, Error> {
    let schedule = Schedule::try_from(row.clone())?;
    let due = schedule.next_run_time;
    let timetable = Timetable::parse(
        &schedule.cron,
        &schedule.time_zone,
        &mut Violations::default(),
    );
    let mut row = row.into_active_model();
    row.last_run_time = ActiveValue::Set(Some(due));
    match timetable.and_then(|timetable| timetable.after(now)) {
        Some(next) => {
            row.next_run_time = ActiveValue::Set(next);
            row.update_without_returning(tx).await?;
        }
        // It was for the last time.
        None => {
            schedules::Entity::delete_by_id(&schedule.key)
                .exec(tx)
                .await?;
        }
    }
    Ok(schedule.due_job())
}

fn insertion(schedule: &Schedule) -> Result<schedules::ActiveModel, Error> {
    let job = serde_json::to_value(&schedule.job)
        .map_err(|error| Error::Corrupt(format!("schedule `{}`: {error}", schedule.key)))?;
    Ok(schedules::ActiveModel {
        key: ActiveValue::Set(schedule.key.clone()),
        org_id: ActiveValue::Set(schedule.job.org),
        cron: ActiveValue::Set(schedule.cron.clone()),
        time_zone: ActiveValue::Set(schedule.time_zone.clone()),
        job: ActiveValue::Set(job),
        payload: ActiveValue::Set(schedule.job.payload.clone()),
        next_run_time: ActiveValue::Set(schedule.next_run_time),
        last_run_time: ActiveValue::Set(schedule.last_run_time),
    })
}

impl TryFrom<schedules::Model> for Schedule {
    type Error = Error;

    fn try_from(row: schedules::Model) -> Result<Self, Error> {
        let mut job: NewJob = serde_json::from_value(row.job)
            .map_err(|error| Error::Corrupt(format!("schedule `{}`: {error}", row.key)))?;
        job.payload = row.payload;
        Ok(Self {
            key: row.key,
            cron: row.cron,
            time_zone: row.time_zone,
            job,
            next_run_time: row.next_run_time,
            last_run_time: row.last_run_time,
        })
    }
}
