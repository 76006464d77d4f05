//! Leads as they are at Kommo; while it cannot be reached, as they were last known.

use chrono_tz::Tz;
use t11_core::{Fault as _, FaultKind, OrgScope, Subject};
use t11_kommo::client::{self, Client, LeadWith};
use t11_kommo::field::{Field, FieldType, FieldValue};
use t11_kommo::id::{ContactId, LeadId};
use t11_kommo::{Error as KommoError, Lane};
use uuid::Uuid;

use crate::error::Error;
use crate::kommo::Kommo;
use crate::mirror::{MirroredContact, MirroredField, MirroredLead};
use crate::store::Store;

/// Reads leads.
#[derive(Clone)]
pub(crate) struct Leads {
    pub(crate) store: Store,
    pub(crate) kommo: Kommo,
}

/// A lead with its main contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lead {
    pub(crate) connection: Uuid,
    pub(crate) lead: MirroredLead,
    pub(crate) contact: Option<MirroredContact>,
    /// Kommo could not be reached: as it was last known.
    pub(crate) is_stale: bool,
}

impl Leads {
    /// The lead.
    ///
    /// # Errors
    /// [`Error::ConnectionState`], [`Error::NotFound`], those of Kommo when nothing is known.
    pub(crate) async fn get(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        id: i64,
    ) -> Result<Lead, Error> {
        match self.read(scope, connection, id).await {
            Ok((lead, contact)) if !lead.is_deleted => {
                self.keep(scope, connection, &lead, contact.as_ref())
                    .await?;
                Ok(Lead {
                    connection,
                    lead,
                    contact,
                    is_stale: false,
                })
            }
            Ok(_) | Err(Error::Kommo(KommoError::NotFound(_))) => Err(NO_LEAD),
            Err(Error::Kommo(error)) if is_away(&error) => {
                self.known(scope, connection, id, error).await
            }
            Err(error) => Err(error),
        }
    }

    async fn read(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        id: i64,
    ) -> Result<(MirroredLead, Option<MirroredContact>), Error> {
        let known = self.store.connection(scope, connection).await?;
        let zone = known.account.time_zone.parse().unwrap_or(Tz::UTC);
        let read = self
            .kommo
            .with(scope, connection, lane(scope), |client| async move {
                let lead = client.lead(LeadId(id), &[LeadWith::Contacts]).await?;
                let mut shown = MirroredLead::from(&lead);
                shown.fields = shown_fields(&lead.fields, zone);
                let contact = match shown.contact_id {
                    Some(contact) => main_contact(&client, ContactId(contact)).await?,
                    None => None,
                };
                let contact = contact.map(|contact| MirroredContact {
                    fields: shown_fields(&contact.fields, zone),
                    ..MirroredContact::from(&contact)
                });
                Ok((shown, contact))
            });
        read.await
    }

    /// What was read is known from now on.
    async fn keep(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        lead: &MirroredLead,
        contact: Option<&MirroredContact>,
    ) -> Result<(), Error> {
        let (lead, contact) = (lead.clone(), contact.cloned());
        self.store.put_lead(scope, connection, lead, contact).await
    }

    async fn known(
        &self,
        scope: &OrgScope,
        connection: Uuid,
        id: i64,
        error: KommoError,
    ) -> Result<Lead, Error> {
        let known = self.store.mirrored_lead(scope, connection, id).await?;
        let Some((lead, contact)) = known.filter(|(lead, _)| !lead.is_deleted) else {
            return Err(error.into());
        };
        tracing::info!(
            reason = error.reason(),
            "a lead is given as it was last known"
        );
        Ok(Lead {
            connection,
            lead,
            contact,
            is_stale: true,
        })
    }
}

const NO_LEAD: Error = Error::NotFound { resource: "lead" };

/// What an agent reads to answer goes before what people look at.
fn lane(scope: &OrgScope) -> Lane {
    match scope.subject() {
        Subject::Service { .. } => Lane::Reply,
        Subject::User { .. } | Subject::ApiKey { .. } => Lane::Person,
    }
}

/// Whether Kommo may answer later, as against what it has answered.
fn is_away(error: &KommoError) -> bool {
    matches!(
        error.kind(),
        FaultKind::Unavailable | FaultKind::Exhausted | FaultKind::Timeout
    )
}

async fn main_contact(
    client: &Client,
    id: ContactId,
) -> Result<Option<client::Contact>, KommoError> {
    match client.contact(id, &[]).await {
        Ok(contact) => Ok(Some(contact)),
        Err(KommoError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn shown_fields(fields: &[Field], zone: Tz) -> Vec<MirroredField> {
    let shown = fields.iter().map(|field| MirroredField {
        values: field
            .values
            .iter()
            .map(|value| shown(field, value, zone))
            .collect(),
        ..MirroredField::from(field)
    });
    shown.collect()
}

/// A value as people of the account read it: Kommo keeps a day as a moment of it.
fn shown(field: &Field, value: &FieldValue, zone: Tz) -> String {
    match (&field.kind, value) {
        (FieldType::DateTime, FieldValue::Time(time)) => time
            .with_timezone(&zone)
            .format("%Y-%m-%d %H:%M")
            .to_string(),
        (_, FieldValue::Time(time)) => time.with_timezone(&zone).format("%Y-%m-%d").to_string(),
        (_, value) => value.display(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_day_is_shown_as_the_accounts_people_have_it() {
        let field = |kind: &str| -> Field {
            let values = json!([{"value": 1_795_208_400}]);
            let field = json!({"field_id": 1, "field_type": kind, "values": values});
            serde_json::from_value(field).unwrap()
        };
        let shown = |kind: &str, zone| shown_fields(&[field(kind)], zone)[0].values[0].clone();
        assert_eq!(shown("date", Tz::Europe__Moscow), "2026-11-21");
        assert_eq!(shown("date", Tz::UTC), "2026-11-20");
        assert_eq!(shown("date_time", Tz::Europe__Moscow), "2026-11-21 00:00");
        assert_eq!(shown("numeric", Tz::UTC), "1795208400");
    }
}
