//! Leads and contacts as they were last read.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set};
use serde_json::{Value, json};
use t11_core::OrgScope;
use t11_store::Tx;
use uuid::Uuid;

use super::Store;
use super::entity::{contact, lead, sync_cursor};
use crate::error::Error;
use crate::mirror::{MirroredContact, MirroredLead};

/// Rows of one statement.
const BATCH: usize = 200;

impl Store {
    /// A lead as it was last read, with its contact.
    pub(crate) async fn mirrored_lead(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        lead_id: i64,
    ) -> Result<Option<(MirroredLead, Option<MirroredContact>)>, Error> {
        let read = self.db.read(scope, move |tx| async move {
            let found = tx
                .find::<lead::Entity>()?
                .filter(lead::Column::ConnectionId.eq(connection))
                .filter(lead::Column::LeadId.eq(lead_id))
                .one(&tx)
                .await?;
            let Some(found) = found else {
                return Ok(None);
            };
            let contact = match found.contact_id {
                Some(id) => contact_of(&tx, connection, id).await?,
                None => None,
            };
            Ok::<_, Error>(Some((found.into(), contact.map(Into::into))))
        });
        read.await
    }

    pub(crate) async fn put_leads(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        leads: Vec<MirroredLead>,
    ) -> Result<(), Error> {
        let now = self.world.now();
        let put = self.db.write(scope, move |tx| async move {
            put_leads(&tx, connection, &leads, now).await
        });
        put.await
    }

    /// A lead with its contact.
    pub(crate) async fn put_lead(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        lead: MirroredLead,
        contact: Option<MirroredContact>,
    ) -> Result<(), Error> {
        let now = self.world.now();
        let put = self.db.write(scope, move |tx| async move {
            put_leads(&tx, connection, &[lead], now).await?;
            put_contacts(&tx, connection, contact.as_slice(), now).await
        });
        put.await
    }

    pub(crate) async fn put_contacts(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        contacts: Vec<MirroredContact>,
    ) -> Result<(), Error> {
        let now = self.world.now();
        let put = self.db.write(scope, move |tx| async move {
            put_contacts(&tx, connection, &contacts, now).await
        });
        put.await
    }

    /// Up to which change a list was read.
    pub(crate) async fn sync_cursor(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        list: &'static str,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let read = self.db.read(scope, move |tx| async move {
            let query = tx
                .find::<sync_cursor::Entity>()?
                .filter(sync_cursor::Column::ConnectionId.eq(connection))
                .filter(sync_cursor::Column::Entity.eq(list));
            let row = query.one(&tx).await?;
            Ok::<_, Error>(row.map(|row| row.synced_until))
        });
        read.await
    }

    pub(crate) async fn put_sync_cursor(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        list: &'static str,
        synced_until: DateTime<Utc>,
    ) -> Result<(), Error> {
        let put = self.db.write(scope, move |tx| async move {
            let row = sync_cursor::ActiveModel {
                org_id: Set(tx.org_id()?.0),
                connection_id: Set(connection),
                entity: Set(list.to_owned()),
                synced_until: Set(synced_until),
            };
            let there = OnConflict::columns([
                sync_cursor::Column::OrgId,
                sync_cursor::Column::ConnectionId,
                sync_cursor::Column::Entity,
            ])
            .update_column(sync_cursor::Column::SyncedUntil)
            .to_owned();
            sync_cursor::Entity::insert(row)
                .on_conflict(there)
                .exec_without_returning(&tx)
                .await?;
            Ok::<_, Error>(())
        });
        put.await
    }
}

pub(super) async fn put_leads(
    tx: &Tx,
    connection: Uuid,
    leads: &[MirroredLead],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let org = tx.org_id()?.0;
    for batch in leads.chunks(BATCH) {
        let rows = batch.iter();
        let rows = rows.map(|lead| lead_row(org, connection, lead, now));
        lead::Entity::insert_many(rows)
            .on_conflict(lead_there())
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

async fn put_contacts(
    tx: &Tx,
    connection: Uuid,
    contacts: &[MirroredContact],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let org = tx.org_id()?.0;
    for batch in contacts.chunks(BATCH) {
        let rows = batch.iter();
        let rows = rows.map(|contact| contact_row(org, connection, contact, now));
        contact::Entity::insert_many(rows)
            .on_conflict(contact_there())
            .exec_without_returning(tx)
            .await?;
    }
    Ok(())
}

async fn contact_of(tx: &Tx, connection: Uuid, id: i64) -> Result<Option<contact::Model>, Error> {
    let query = tx
        .find::<contact::Entity>()?
        .filter(contact::Column::ConnectionId.eq(connection))
        .filter(contact::Column::ContactId.eq(id));
    Ok(query.one(tx).await?)
}

fn lead_row(
    org: Uuid,
    connection: Uuid,
    lead: &MirroredLead,
    read: DateTime<Utc>,
) -> lead::ActiveModel {
    lead::ActiveModel {
        org_id: Set(org),
        connection_id: Set(connection),
        lead_id: Set(lead.lead_id),
        display_name: Set(lead.display_name.clone()),
        pipeline_id: Set(lead.pipeline_id),
        stage_id: Set(lead.stage_id),
        price: Set(lead.price),
        responsible_user_id: Set(lead.responsible_user_id),
        loss_reason_id: Set(lead.loss_reason_id),
        contact_id: Set(lead.contact_id),
        fields: Set(json!(lead.fields)),
        tags: Set(json!(lead.tags)),
        is_closed: Set(lead.is_closed),
        is_deleted: Set(lead.is_deleted),
        update_time: Set(lead.update_time),
        read_time: Set(read),
    }
}

fn lead_there() -> OnConflict {
    OnConflict::columns([
        lead::Column::OrgId,
        lead::Column::ConnectionId,
        lead::Column::LeadId,
    ])
    .update_columns([
        lead::Column::DisplayName,
        lead::Column::PipelineId,
        lead::Column::StageId,
        lead::Column::Price,
        lead::Column::ResponsibleUserId,
        lead::Column::LossReasonId,
        lead::Column::ContactId,
        lead::Column::Fields,
        lead::Column::Tags,
        lead::Column::IsClosed,
        lead::Column::IsDeleted,
        lead::Column::UpdateTime,
        lead::Column::ReadTime,
    ])
    .to_owned()
}

fn contact_row(
    org: Uuid,
    connection: Uuid,
    contact: &MirroredContact,
    read: DateTime<Utc>,
) -> contact::ActiveModel {
    contact::ActiveModel {
        org_id: Set(org),
        connection_id: Set(connection),
        contact_id: Set(contact.contact_id),
        display_name: Set(contact.display_name.clone()),
        responsible_user_id: Set(contact.responsible_user_id),
        fields: Set(json!(contact.fields)),
        is_deleted: Set(contact.is_deleted),
        update_time: Set(contact.update_time),
        read_time: Set(read),
    }
}

fn contact_there() -> OnConflict {
    OnConflict::columns([
        contact::Column::OrgId,
        contact::Column::ConnectionId,
        contact::Column::ContactId,
    ])
    .update_columns([
        contact::Column::DisplayName,
        contact::Column::ResponsibleUserId,
        contact::Column::Fields,
        contact::Column::IsDeleted,
        contact::Column::UpdateTime,
        contact::Column::ReadTime,
    ])
    .to_owned()
}

impl From<lead::Model> for MirroredLead {
    fn from(row: lead::Model) -> Self {
        Self {
            lead_id: row.lead_id,
            display_name: row.display_name,
            pipeline_id: row.pipeline_id,
            stage_id: row.stage_id,
            price: row.price,
            responsible_user_id: row.responsible_user_id,
            loss_reason_id: row.loss_reason_id,
            contact_id: row.contact_id,
            fields: list(row.fields),
            tags: list(row.tags),
            is_closed: row.is_closed,
            is_deleted: row.is_deleted,
            update_time: row.update_time,
        }
    }
}

impl From<contact::Model> for MirroredContact {
    fn from(row: contact::Model) -> Self {
        Self {
            contact_id: row.contact_id,
            display_name: row.display_name,
            responsible_user_id: row.responsible_user_id,
            fields: list(row.fields),
            is_deleted: row.is_deleted,
            update_time: row.update_time,
        }
    }
}

/// Written by [`lead_row`] or [`contact_row`], if not by a later version.
fn list<T: serde::de::DeserializeOwned>(stored: Value) -> Vec<T> {
    serde_json::from_value(stored).unwrap_or_default()
}
