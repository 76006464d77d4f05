//! Jobs as people see and steer them.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, Condition, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};
use t11_core::{OrgScope, Page, PageRequest};
use t11_store::Tx;
use uuid::Uuid;

use super::entity::{job_orgs, jobs};
use super::ledger::{Change, Effects, Ledger};
use super::rows::{JobRow, read, state_is, without_payload};
use super::{Rules, Store};
use crate::error::Error;
use crate::job::{Job, State};

/// Which jobs to list; what is empty does not choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    pub states: Vec<State>,
    pub kind: String,
    pub resource: String,
    /// Also jobs that are not [listed](Job::is_listed) unasked. A kind asks for its own.
    pub housekeeping: bool,
}

/// [`Job::is_listed`] in SQL, in the words of the partial index.
const LISTED: &str = "(display_name <> '' OR state = 'dead')";

/// Where a watcher begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The organization's revision; what changes from now on has a later one.
    pub revision: i64,
    /// The newest job; the snapshot is of those up to it.
    pub newest: i64,
}

/// A place among changes: revision, then position.
pub type Cursor = (i64, i64);

impl Store {
    /// One job of the organization.
    ///
    /// # Errors
    /// [`Error::JobNotFound`], or those of the database.
    pub async fn job(&self, scope: &OrgScope, id: Uuid) -> Result<Job, Error> {
        self.db
            .read(scope, move |tx| async move { find(&tx, id).await })
            .await
    }

    /// A page of the organization's jobs, newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(
        &self,
        scope: &OrgScope,
        filter: Filter,
        page: PageRequest,
    ) -> Result<Page<Job>, Error> {
        self.db
            .read(scope, move |tx| async move {
                let mut select = filtered(tx.find::<jobs::Entity>()?, &filter);
                if let Some(cursor) = &page.cursor {
                    let bad = || Error::Page(t11_core::PageError::BadToken);
                    let position: i64 = cursor.parse().map_err(|_| bad())?;
                    select = select.filter(jobs::Column::Position.lt(position));
                }
                let select = select
                    .order_by_desc(jobs::Column::Position)
                    .limit(page.size + 1);
                let jobs = read(without_payload(select).all(&tx).await?)?;
                Ok(Page::from_rows(jobs, page.size, |job| {
                    job.position.to_string()
                }))
            })
            .await
    }

    /// Asks a job to stop.
    ///
    /// # Errors
    /// [`Error::JobNotFound`], [`Error::JobFinished`], or those of the database.
    pub async fn cancel(&self, scope: &OrgScope, id: Uuid) -> Result<(Job, Effects), Error> {
        let rules = self.rules.clone();
        self.db
            .write(scope, move |tx| async move {
                let (mut ledger, mut change) = lock(&tx, &rules, id).await?;
                change.after.cancel(ledger.now)?;
                let asked = change
                    .after
                    .holder
                    .as_ref()
                    .map(|holder| holder.worker.clone());
                ledger.effects_mut().workers.extend(asked);
                save(ledger, change).await
            })
            .await
    }

    /// Puts a dead or cancelled job back into its queue.
    ///
    /// # Errors
    /// [`Error::JobNotFound`], [`Error::JobNotDead`], [`Error::UniqueKeyTaken`], or those of the
    /// database.
    pub async fn retry(&self, scope: &OrgScope, id: Uuid) -> Result<(Job, Effects), Error> {
        let rules = self.rules.clone();
        self.db
            .write(scope, move |tx| async move {
                let (ledger, mut change) = lock(&tx, &rules, id).await?;
                let job = &mut change.after;
                let is_held = match &job.ordering_key {
                    Some(key) => ledger.is_key_held(job.org, key).await?,
                    None => false,
                };
                job.revive(is_held, ledger.now)?;
                refuse_second_of_unique_key(job, &tx).await?;
                save(ledger, change).await
            })
            .await
    }

    /// Where a watcher of the organization begins.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn snapshot(&self, scope: &OrgScope) -> Result<Snapshot, Error> {
        self.db
            .read(scope, |tx| async move {
                // First the revision: what changes between the two reads comes again as a change.
                let org = tx.find::<job_orgs::Entity>()?.one(&tx).await?;
                let newest: Option<Option<i64>> = tx
                    .find::<jobs::Entity>()?
                    .select_only()
                    .column_as(jobs::Column::Position.max(), "newest")
                    .into_tuple()
                    .one(&tx)
                    .await?;
                Ok(Snapshot {
                    revision: org.map_or(0, |org| org.revision),
                    newest: newest.flatten().unwrap_or(0),
                })
            })
            .await
    }

    /// Jobs not finished, newest first, from below `position` on.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn unfinished(
        &self,
        scope: &OrgScope,
        position: i64,
        limit: u64,
    ) -> Result<Vec<Job>, Error> {
        self.db
            .read(scope, move |tx| async move {
                let select = tx
                    .find::<jobs::Entity>()?
                    .filter(jobs::Column::EndTime.is_null())
                    .filter(jobs::Column::Position.lt(position))
                    .order_by_desc(jobs::Column::Position)
                    .limit(limit);
                read(without_payload(select).all(&tx).await?)
            })
            .await
    }

    /// Jobs that have changed since `cursor`, oldest change first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn changed_since(
        &self,
        scope: &OrgScope,
        (revision, position): Cursor,
        limit: u64,
    ) -> Result<Vec<Job>, Error> {
        self.db
            .read(scope, move |tx| async move {
                let rest = Condition::all()
                    .add(jobs::Column::Revision.eq(revision))
                    .add(jobs::Column::Position.gt(position));
                let later = Condition::any()
                    .add(jobs::Column::Revision.gt(revision))
                    .add(rest);
                let select = tx
                    .find::<jobs::Entity>()?
                    .filter(jobs::Column::Revision.gte(revision))
                    .filter(later)
                    .order_by_asc(jobs::Column::Revision)
                    .order_by_asc(jobs::Column::Position)
                    .limit(limit);
                read(without_payload(select).all(&tx).await?)
            })
            .await
    }
}

fn filtered(mut select: Select<jobs::Entity>, filter: &Filter) -> Select<jobs::Entity> {
    if !filter.states.is_empty() {
        select = select.filter(state_is(&filter.states));
    }
    if !filter.kind.is_empty() {
        select = select.filter(jobs::Column::Kind.eq(&filter.kind));
    } else if !filter.housekeeping {
        select = select.filter(Expr::cust(LISTED));
    }
    if !filter.resource.is_empty() {
        // The second condition is what the partial index is found by.
        select = select
            .filter(jobs::Column::Resource.eq(&filter.resource))
            .filter(Expr::cust("resource <> ''"));
    }
    select
}

async fn find(tx: &Tx, id: Uuid) -> Result<Job, Error> {
    let select = tx.find::<jobs::Entity>()?.filter(jobs::Column::Id.eq(id));
    let row: Option<JobRow> = without_payload(select).one(tx).await?;
    row.ok_or(Error::JobNotFound)?.try_into()
}

/// One job of the organization, under its lock.
async fn lock<'a>(tx: &'a Tx, rules: &'a Rules, id: Uuid) -> Result<(Ledger<'a>, Change), Error> {
    // A job that is not there must not make its organization a row.
    find(tx, id).await?;
    let ledger = Ledger::open(tx, rules, [tx.org_id()?]).await?;
    let change = Change::of(find(tx, id).await?);
    tx.audit_target(change.after.name());
    Ok((ledger, change))
}

/// Saves the job; as it is then.
async fn save(mut ledger: Ledger<'_>, change: Change) -> Result<(Job, Effects), Error> {
    let (tx, id) = (ledger.tx, change.after.id);
    ledger.save(vec![change]).await?;
    let effects = ledger.close().await?;
    Ok((find(tx, id).await?, effects))
}

async fn refuse_second_of_unique_key(job: &Job, tx: &Tx) -> Result<(), Error> {
    let Some(key) = &job.unique_key else {
        return Ok(());
    };
    let other = tx
        .find::<jobs::Entity>()?
        .filter(jobs::Column::UniqueKey.eq(key))
        .filter(jobs::Column::EndTime.is_null());
    match without_payload(other).one(tx).await? {
        Some(_) => Err(Error::UniqueKeyTaken),
        None => Ok(()),
    }
}
