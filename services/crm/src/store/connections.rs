//! Connections.

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    Set,
};
use t11_core::{OrgScope, Page, PageError, PageRequest, Violations, format_name};
use t11_store::{StoreError, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::connection;
use crate::connection::Connection;
use crate::error::Error;

impl Store {
    pub(crate) async fn connection(&self, scope: &OrgScope, id: Uuid) -> Result<Connection, Error> {
        let row = self.db.read(scope, move |tx| async move {
            let query = tx
                .find::<connection::Entity>()?
                .filter(connection::Column::Id.eq(id));
            Ok::<_, Error>(query.one(&tx).await?)
        });
        row.await?.map(Connection::from).ok_or(Error::NotFound {
            resource: "connection",
        })
    }

    /// Newest first.
    pub(crate) async fn list_connections(
        &self,
        scope: &OrgScope,
        page: PageRequest,
    ) -> Result<Page<Connection>, Error> {
        let before = page.cursor.as_deref().map(str::parse::<Uuid>).transpose();
        let before = before.map_err(|_| PageError::BadToken)?;
        let rows = self.db.read(scope, move |tx| async move {
            let mut query = tx.find::<connection::Entity>()?;
            if let Some(before) = before {
                query = query.filter(connection::Column::Id.lt(before));
            }
            let query = query
                .order_by_desc(connection::Column::Id)
                .limit(page.size + 1);
            Ok::<_, Error>(query.all(&tx).await?)
        });
        let page = Page::from_rows(rows.await?, page.size, |row| row.id.to_string());
        Ok(page.map(Connection::from))
    }

    /// Notes an account to be connected; a repeated request gives the first one's answer.
    pub(crate) async fn create_connection(
        &self,
        scope: &OrgScope,
        host: String,
        request_id: Option<Uuid>,
    ) -> Result<Connection, Error> {
        let (id, now) = (self.world.new_id(), self.world.now());
        let create = self.db.write(scope, move |tx| async move {
            if let Some(connection) = repeated(&tx, &host, request_id).await? {
                tx.audit_target(format_name("connections", connection.id));
                return Ok(connection);
            }
            let row = connection::ActiveModel {
                id: Set(id),
                org_id: Set(tx.org_id()?.0),
                host: Set(host.clone()),
                request_id: Set(request_id),
                create_time: Set(now),
            };
            let row = row
                .insert(&tx)
                .await
                .map_err(|error| conflict(error, host))?;
            tx.audit_target(format_name("connections", id));
            Ok(row.into())
        });
        create.await
    }

    pub(crate) async fn delete_connection(&self, scope: &OrgScope, id: Uuid) -> Result<(), Error> {
        let delete = self.db.write(scope, move |tx| async move {
            let query = tx
                .delete_many::<connection::Entity>()?
                .filter(connection::Column::Id.eq(id));
            if query.exec(&tx).await?.rows_affected == 0 {
                return Err(Error::NotFound {
                    resource: "connection",
                });
            }
            tx.audit_target(format_name("connections", id));
            Ok(())
        });
        delete.await
    }
}

/// The connection that the same request has made.
async fn repeated(
    tx: &Tx,
    host: &str,
    request_id: Option<Uuid>,
) -> Result<Option<Connection>, Error> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let query = tx.find::<connection::Entity>()?;
    let query = query.filter(connection::Column::RequestId.eq(request_id));
    let Some(row) = query.one(tx).await? else {
        return Ok(None);
    };
    if row.host != host {
        let mut violations = Violations::default();
        violations.add(
            "request_id",
            "REUSED",
            "`request_id` was used for another request",
        );
        return Err(violations.into());
    }
    Ok(Some(row.into()))
}

fn conflict(error: sea_orm::DbErr, host: String) -> Error {
    let error = StoreError::from(error);
    if error.is_conflict_on("connections", &["org_id", "host"]) {
        Error::ConnectionExists { host }
    } else {
        error.into()
    }
}

impl From<connection::Model> for Connection {
    fn from(row: connection::Model) -> Self {
        Self {
            id: row.id,
            host: row.host,
            create_time: row.create_time,
        }
    }
}
