//! Connections.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use serde_json::Value;
use t11_core::{OrgScope, Page, PageError, PageRequest, Violations, format_name};
use t11_store::{StoreError, System, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::{connection, token};
use crate::connection::{
    Account, Connection, ConnectionPatch, Kind, Quota, Reply, State, Sync, Transport, Webhook,
};
use crate::error::Error;
use crate::jobs::notify;

impl Store {
    pub(crate) async fn connection(&self, scope: &OrgScope, id: Uuid) -> Result<Connection, Error> {
        let read = self
            .db
            .read(scope, move |tx| async move { find(&tx, id).await });
        read.await
    }

    /// Newest first.
    pub(crate) async fn list_connections(
        &self,
        scope: &OrgScope,
        page: PageRequest,
    ) -> Result<Page<Connection>, Error> {
        let before = page.cursor.as_deref().map(str::parse::<Uuid>).transpose();
        let before = before.map_err(|_| PageError::BadToken)?;
        let read = self.db.read(scope, move |tx| async move {
            let mut query = tx.find::<connection::Entity>()?;
            if let Some(before) = before {
                query = query.filter(connection::Column::Id.lt(before));
            }
            let query = query
                .order_by_desc(connection::Column::Id)
                .limit(page.size + 1);
            let page = Page::from_rows(query.all(&tx).await?, page.size, |row| row.id.to_string());
            with_tokens(&tx, page).await
        });
        read.await
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
                request_id: Set(request_id),
                ..fresh(&tx, id, host.clone(), now)?
            };
            let row = row
                .insert(&tx)
                .await
                .map_err(|error| conflict(error, &host))?;
            tx.audit_target(format_name("connections", id));
            Ok(model(row, None))
        });
        create.await
    }

    /// Changes what people may change.
    pub(crate) async fn update_connection(
        &self,
        scope: &OrgScope,
        id: Uuid,
        patch: ConnectionPatch,
    ) -> Result<Connection, Error> {
        let now = self.world.now();
        let update = self.db.write(scope, move |tx| async move {
            let mut row = row(&tx, id).await?.into_active_model();
            if let Some(transport) = patch.reply_transport {
                row.reply_transport = Set(transport.as_str().to_owned());
            }
            if let Some(field) = patch.reply_field_id {
                row.reply_field_id = Set((field != 0).then_some(field));
            }
            if let Some(bot) = patch.reply_bot_id {
                row.reply_bot_id = Set((bot != 0).then_some(bot));
            }
            if let Some(rate) = patch.calls_per_second {
                row.calls_per_second = Set(rate);
            }
            row.update_time = Set(Some(now));
            row.update(&tx).await?;
            tx.audit_target(format_name("connections", id));
            find(&tx, id).await
        });
        let updated = update.await;
        self.forget_opened(scope, id);
        updated
    }

    /// Accounts of all organizations that refuse us: host and state.
    pub(crate) async fn refused_connections(&self) -> Result<Vec<(String, State)>, Error> {
        let refused = [State::NeedsReauth, State::Disabled].map(State::as_str);
        let read = self
            .db
            .read(System("check by an operator"), move |tx| async move {
                let query = connection::Entity::find()
                    .filter(connection::Column::State.is_in(refused))
                    .order_by_asc(connection::Column::Host);
                Ok::<_, Error>(query.all(&tx).await?)
            });
        let rows = read.await?.into_iter();
        Ok(rows
            .filter_map(|row| Some((row.host, State::parse(&row.state)?)))
            .collect())
    }

    pub(crate) async fn delete_connection(&self, scope: &OrgScope, id: Uuid) -> Result<(), Error> {
        let delete = self.db.write(scope, move |tx| async move {
            let query = tx
                .delete_many::<connection::Entity>()?
                .filter(connection::Column::Id.eq(id));
            if query.exec(&tx).await?.rows_affected == 0 {
                return Err(NO_CONNECTION);
            }
            tx.audit_target(format_name("connections", id));
            Ok(())
        });
        let deleted = delete.await;
        self.forget_opened(scope, id);
        deleted
    }
}

const NO_CONNECTION: Error = Error::NotFound {
    resource: "connection",
};

pub(super) async fn row(tx: &Tx, id: Uuid) -> Result<connection::Model, Error> {
    let query = tx.find::<connection::Entity>()?;
    let query = query.filter(connection::Column::Id.eq(id));
    query.one(tx).await?.ok_or(NO_CONNECTION)
}

/// What people are told that it is.
pub(super) fn account(row: &connection::Model) -> notify::Account {
    notify::Account {
        connection: row.id,
        display_name: match row.account_display_name.as_str() {
            "" => row.host.clone(),
            name => name.to_owned(),
        },
    }
}

/// The connection, with when its token ends.
pub(super) async fn find(tx: &Tx, id: Uuid) -> Result<Connection, Error> {
    let (row, token) = (row(tx, id).await?, super::tokens::token_of(tx, id).await?);
    Ok(model(row, token.and_then(|token| token.access_expire_time)))
}

async fn with_tokens(tx: &Tx, page: Page<connection::Model>) -> Result<Page<Connection>, Error> {
    let ids = page.items.iter().map(|row| row.id);
    let query = tx.find::<token::Entity>()?;
    let tokens = query
        .filter(token::Column::ConnectionId.is_in(ids))
        .all(tx)
        .await?;
    let mut ends: HashMap<_, _> = tokens
        .into_iter()
        .map(|row| (row.connection_id, row.access_expire_time))
        .collect();
    Ok(page.map(|row| {
        let ends = ends.remove(&row.id).flatten();
        model(row, ends)
    }))
}

/// A row of which nothing is known but its host.
pub(super) fn fresh(
    tx: &Tx,
    id: Uuid,
    host: String,
    now: DateTime<Utc>,
) -> Result<connection::ActiveModel, Error> {
    Ok(connection::ActiveModel {
        id: Set(id),
        org_id: Set(tx.org_id()?.0),
        host: Set(host),
        request_id: Set(None),
        create_time: Set(now),
        update_time: Set(Some(now)),
        state: Set(State::NotConnected.as_str().to_owned()),
        reply_transport: Set(Transport::Auto.as_str().to_owned()),
        webhook_state: Set("missing".to_owned()),
        ..Default::default()
    })
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
    find(tx, row.id).await.map(Some)
}

/// A row that must not be twice.
pub(super) fn conflict(error: sea_orm::DbErr, host: &str) -> Error {
    let error = StoreError::from(error);
    if error.is_conflict_on("connections", &["org_id", "host"]) {
        let host = host.to_owned();
        Error::ConnectionExists { host }
    } else if error.is_conflict_on("connections", &["account_id"]) {
        Error::ConnectionTaken
    } else {
        error.into()
    }
}

pub(super) fn model(
    row: connection::Model,
    token_expire_time: Option<DateTime<Utc>>,
) -> Connection {
    Connection {
        id: row.id,
        host: row.host,
        // What a later version may store and this one does not know is not used.
        state: State::parse(&row.state).unwrap_or(State::NotConnected),
        kind: row.kind.as_deref().and_then(Kind::parse),
        account: Account {
            id: row.account_id,
            display_name: row.account_display_name,
            currency: row.currency,
            time_zone: row.time_zone,
            scopes: texts(row.scopes),
            api_domain: row.api_domain,
            amojo_id: row.amojo_id,
            drive_url: row.drive_url,
            is_unsorted_on: row.is_unsorted_on,
        },
        token_expire_time,
        webhook: Webhook {
            state: row.webhook_state,
            events: texts(row.webhook_events),
            check_time: row.webhook_check_time,
            mismatch_time: row.mismatch_time,
        },
        reply: Reply {
            transport: Transport::parse(&row.reply_transport).unwrap_or(Transport::Auto),
            field_id: row.reply_field_id,
            bot_id: row.reply_bot_id,
        },
        quota: Quota {
            limit: row.quota_limit,
            used: row.quota_used,
            month: row.quota_month,
        },
        calls_per_second: row.calls_per_second,
        last_event_time: row.last_event_time,
        other_bot_time: row.other_bot_time,
        sync: Sync {
            last_time: row.last_sync_time,
            job: row.sync_job,
            beat_time: row.sync_beat_time,
        },
        create_time: row.create_time,
        update_time: row.update_time.unwrap_or(row.create_time),
    }
}

/// The texts of a list.
fn texts(list: Option<Value>) -> Vec<String> {
    list.and_then(|list| serde_json::from_value(list).ok())
        .unwrap_or_default()
}
