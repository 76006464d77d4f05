//! Appending to the log, reading it, and checking that it is whole.

use std::sync::Arc;

use futures::FutureExt as _;
use sea_orm::sea_query::{Expr, ExprTrait as _, Func, LikeExpr};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use t11_core::{OrgId, OrgScope, Page, PageError, PageRequest};
use t11_store::{AuditRecord, AuditSink, StoreError, System, Tx};

use super::Store;
use super::entity::{audit_head, audit_record};
use crate::audit::{BrokenChain, ChainWalk, Entry, Hash, Head, Record};
use crate::error::Error;

/// Records read at a time when a whole log is checked.
const WALK_PAGE: u64 = 1_000;

/// Which records to list; empty text means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AuditFilter {
    /// Part of the action.
    pub(crate) action: String,
    pub(crate) actor: String,
}

impl Store {
    /// Appends what another service did. A record that is there already stays as it is.
    pub(crate) async fn append_audit(&self, scope: &OrgScope, entry: Entry) -> Result<(), Error> {
        self.db
            .write(scope, |tx| async move { Ok(append(&tx, entry).await?) })
            .await
    }

    /// Newest first; the cursor is the number of the last record of the page before.
    pub(crate) async fn list_audit(
        &self,
        scope: &OrgScope,
        filter: AuditFilter,
        page: PageRequest,
    ) -> Result<Page<Record>, Error> {
        let before = page.cursor.as_deref().map(str::parse::<i64>).transpose();
        let before = before.map_err(|_| PageError::BadToken)?;
        let rows = self.db.read(scope, move |tx| async move {
            let mut query = tx.find::<audit_record::Entity>()?;
            if !filter.action.is_empty() {
                let action = Func::lower(Expr::col(audit_record::Column::Action));
                query = query.filter(Expr::expr(action).like(containing(&filter.action)));
            }
            if !filter.actor.is_empty() {
                query = query.filter(audit_record::Column::Actor.eq(filter.actor));
            }
            if let Some(before) = before {
                query = query.filter(audit_record::Column::Number.lt(before));
            }
            let query = query
                .order_by_desc(audit_record::Column::Number)
                .limit(page.size + 1);
            Ok::<_, Error>(query.all(&tx).await?)
        });
        let rows = rows
            .await?
            .into_iter()
            .map(Record::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Page::from_rows(rows, page.size, |record| {
            record.number.to_string()
        }))
    }

    /// Walks the whole log of an organization; the answer is how many records it has.
    pub(crate) async fn verify_audit(&self, org: OrgId) -> Result<Result<i64, BrokenChain>, Error> {
        // Read first: records appended during the walk come after it.
        let head = self.db.read(System("audit check"), move |tx| async move {
            let row = audit_head::Entity::find_by_id(org.0).one(&tx).await?;
            row.map(Head::try_from).transpose()?.ok_or(Error::NotFound {
                resource: "audit log",
            })
        });
        let head = head.await?;
        let mut walk = ChainWalk::new(org);
        loop {
            let records = self.audit_after(org, walk.number(), head.number).await?;
            if records.is_empty() {
                return Ok(walk.finish(head).map(|()| head.number));
            }
            if let Err(broken) = records.iter().try_for_each(|record| walk.step(record)) {
                return Ok(Err(broken));
            }
        }
    }

    async fn audit_after(&self, org: OrgId, after: i64, last: i64) -> Result<Vec<Record>, Error> {
        let rows = self.db.read(System("audit check"), move |tx| async move {
            let query = audit_record::Entity::find()
                .filter(audit_record::Column::OrgId.eq(org.0))
                .filter(audit_record::Column::Number.gt(after))
                .filter(audit_record::Column::Number.lte(last))
                .order_by_asc(audit_record::Column::Number)
                .limit(WALK_PAGE);
            Ok::<_, Error>(query.all(&tx).await?)
        });
        rows.await?.into_iter().map(Record::try_from).collect()
    }
}

/// Writes the records of audited scopes in the transaction of the change.
pub(super) fn sink() -> AuditSink {
    Arc::new(|tx: Tx, record: AuditRecord| async move { append(&tx, record.into()).await }.boxed())
}

/// The log of a new organization.
pub(super) async fn start(tx: &Tx, org: OrgId) -> Result<(), StoreError> {
    let Head { number, hash } = Head::START;
    let head = audit_head::ActiveModel {
        org_id: Set(org.0),
        number: Set(number),
        hash: Set(hash.into()),
    };
    audit_head::Entity::insert(head)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Puts `entry` at the end of its organization's chain, once.
pub(super) async fn append(tx: &Tx, entry: Entry) -> Result<(), StoreError> {
    // Held until the transaction ends: appending is one after the other.
    let head = audit_head::Entity::find_by_id(entry.org.0)
        .lock_exclusive()
        .one(tx)
        .await?;
    let mut head = Head::try_from(head.ok_or(StoreError::WrongOrganization)?)?;
    if audit_record::Entity::find_by_id(entry.id)
        .one(tx)
        .await?
        .is_some()
    {
        return Ok(());
    }
    let org = entry.org;
    let record = audit_record::Model::from(head.append(entry)).into_active_model();
    audit_record::Entity::insert(record)
        .exec_without_returning(tx)
        .await?;
    let end = audit_head::ActiveModel {
        org_id: Set(org.0),
        number: Set(head.number),
        hash: Set(head.hash.into()),
    };
    end.update(tx).await?;
    Ok(())
}

/// Text that contains `part`, whose own `%` and `_` stand for themselves. In lower case, for
/// `LIKE` heeds case on one database and not on the other.
fn containing(part: &str) -> LikeExpr {
    let escaped = part
        .to_lowercase()
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    LikeExpr::new(format!("%{escaped}%")).escape('\\')
}

fn hash(bytes: Vec<u8>) -> Result<Hash, StoreError> {
    let unreadable = || sea_orm::DbErr::Type("an audit hash is not of 32 bytes".to_owned());
    bytes
        .try_into()
        .map_err(|_| StoreError::Internal(unreadable()))
}

impl TryFrom<audit_head::Model> for Head {
    type Error = StoreError;

    fn try_from(row: audit_head::Model) -> Result<Self, StoreError> {
        Ok(Self {
            number: row.number,
            hash: hash(row.hash)?,
        })
    }
}

impl From<AuditRecord> for Entry {
    fn from(record: AuditRecord) -> Self {
        Self {
            id: record.id,
            org: OrgId(record.org),
            actor: record.actor,
            action: record.action,
            resource: record.target,
            request_id: record.request_id,
            client_address: record.client_address,
            error_reason: None,
            time: record.time,
        }
    }
}

impl From<Record> for audit_record::Model {
    fn from(
        Record {
            entry,
            number,
            previous_hash,
            hash,
        }: Record,
    ) -> Self {
        Self {
            id: entry.id,
            org_id: entry.org.0,
            number,
            actor: entry.actor,
            action: entry.action,
            resource: entry.resource,
            request_id: entry.request_id,
            client_address: entry.client_address,
            error_reason: entry.error_reason,
            create_time: entry.time,
            previous_hash: previous_hash.into(),
            hash: hash.into(),
        }
    }
}

impl TryFrom<audit_record::Model> for Record {
    type Error = Error;

    fn try_from(row: audit_record::Model) -> Result<Self, Error> {
        Ok(Self {
            entry: Entry {
                id: row.id,
                org: OrgId(row.org_id),
                actor: row.actor,
                action: row.action,
                resource: row.resource,
                request_id: row.request_id,
                client_address: row.client_address,
                error_reason: row.error_reason,
                time: row.create_time,
            },
            number: row.number,
            previous_hash: hash(row.previous_hash)?,
            hash: hash(row.hash)?,
        })
    }
}
