//! Leads: deals. They cannot be deleted.
//!
//! Sources: Kommo docs, `leads-list`, `complex-leads`; the SDK `amocrm-api-php`.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::{Client, CompanyUpdate, ContactUpdate, Query, Tag, TagRef, TimeRange, Written};
use crate::de;
use crate::decimal::Decimal;
use crate::error::Error;
use crate::field::{Field, FieldUpdate};
use crate::id::{
    CompanyId, ContactId, GroupId, LeadId, LossReasonId, PipelineId, SourceId, StatusId, UserId,
};
use crate::page::Pages;
use crate::problem::Problem;

/// Most leads of one [`Client::create_complex_leads`].
const MAX_COMPLEX: usize = 50;

/// A lead.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Lead {
    /// Its id.
    pub id: LeadId,
    /// What people call it.
    #[serde(default, deserialize_with = "de::text")]
    pub name: String,
    /// In whole units of the account's currency.
    #[serde(default, deserialize_with = "de::maybe")]
    pub price: Option<Decimal>,
    /// The same with minor units, where Kommo sends it.
    #[serde(default, deserialize_with = "de::maybe")]
    pub price_with_minor_units: Option<Decimal>,
    /// Who sees to it.
    #[serde(default, deserialize_with = "de::maybe")]
    pub responsible_user_id: Option<UserId>,
    /// Of which group.
    #[serde(default, deserialize_with = "de::maybe")]
    pub group_id: Option<GroupId>,
    /// Its stage, known with its pipeline only.
    pub status_id: StatusId,
    /// Its pipeline.
    pub pipeline_id: PipelineId,
    /// Why it was lost.
    #[serde(default, deserialize_with = "de::maybe")]
    pub loss_reason_id: Option<LossReasonId>,
    /// Where it came from; asked for by [`LeadWith::Source`].
    #[serde(default, deserialize_with = "de::maybe")]
    pub source_id: Option<SourceId>,
    /// Who made it; [`UserId::ROBOT`] for no person.
    #[serde(default, deserialize_with = "de::maybe")]
    pub created_by: Option<UserId>,
    /// Who changed it last.
    #[serde(default, deserialize_with = "de::maybe")]
    pub updated_by: Option<UserId>,
    /// When it was made.
    #[serde(default, deserialize_with = "de::some_time")]
    pub created_at: Option<DateTime<Utc>>,
    /// When it was changed last. Not to be relied on alone as a cursor: read with an overlap.
    #[serde(default, deserialize_with = "de::some_time")]
    pub updated_at: Option<DateTime<Utc>>,
    /// When it was won or lost.
    #[serde(default, deserialize_with = "de::some_time")]
    pub closed_at: Option<DateTime<Utc>>,
    /// When its next task is due.
    #[serde(default, deserialize_with = "de::some_time")]
    pub closest_task_at: Option<DateTime<Utc>>,
    /// Whether it is in the bin.
    #[serde(default, deserialize_with = "de::flag")]
    pub is_deleted: bool,
    /// The fields that have values.
    #[serde(
        default,
        rename = "custom_fields_values",
        deserialize_with = "de::list"
    )]
    pub fields: Vec<Field>,
    #[serde(default, rename = "_embedded", deserialize_with = "de::object")]
    embedded: Embedded,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Embedded {
    #[serde(default, deserialize_with = "de::list")]
    tags: Vec<Tag>,
    #[serde(default, deserialize_with = "de::list")]
    contacts: Vec<LinkedContact>,
    #[serde(default, deserialize_with = "de::list")]
    companies: Vec<LinkedCompany>,
}

/// A contact of a lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedContact {
    /// Its id.
    pub id: ContactId,
    /// Whether it is the first one to call.
    #[serde(default, deserialize_with = "de::flag")]
    pub is_main: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LinkedCompany {
    id: CompanyId,
}

impl Lead {
    /// Its tags.
    #[must_use]
    pub fn tags(&self) -> &[Tag] {
        &self.embedded.tags
    }

    /// Its contacts; asked for by [`LeadWith::Contacts`].
    #[must_use]
    pub fn contacts(&self) -> &[LinkedContact] {
        &self.embedded.contacts
    }

    /// Its company; there is one at most.
    #[must_use]
    pub fn company_id(&self) -> Option<CompanyId> {
        self.embedded.companies.first().map(|company| company.id)
    }
}

/// What else is read with a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeadWith {
    /// Its contacts.
    Contacts,
    /// Its loss reason.
    LossReason,
    /// Where it came from.
    Source,
    /// Elements of lists, such as products.
    CatalogElements,
    /// In lists: those in the bin instead of the others.
    OnlyDeleted,
}

impl LeadWith {
    fn as_str(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::LossReason => "loss_reason",
            Self::Source => "source_id",
            Self::CatalogElements => "catalog_elements",
            Self::OnlyDeleted => "only_deleted",
        }
    }
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeadOrder {
    /// The oldest change first.
    Updated,
    /// The newest change first.
    LastUpdated,
    /// The oldest first.
    Created,
    /// As they were numbered.
    Id,
}

impl LeadOrder {
    fn parameter(self) -> (&'static str, &'static str) {
        match self {
            Self::Updated => ("order[updated_at]", "asc"),
            Self::LastUpdated => ("order[updated_at]", "desc"),
            Self::Created => ("order[created_at]", "asc"),
            Self::Id => ("order[id]", "asc"),
        }
    }
}

/// Which leads. All conditions hold at once; of a list any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeadQuery {
    /// What else is read.
    pub with: Vec<LeadWith>,
    /// Found in any filled field.
    pub text: Option<String>,
    /// These.
    pub ids: Vec<LeadId>,
    /// In these stages.
    pub stages: Vec<(PipelineId, StatusId)>,
    /// Of these users.
    pub responsible_user_ids: Vec<UserId>,
    /// Made then.
    pub created_at: TimeRange,
    /// Changed then.
    pub updated_at: TimeRange,
    /// In this order; else in Kommo's.
    pub order: Option<LeadOrder>,
    /// Leads a page, at most 250, which is also the default.
    pub limit: Option<u16>,
}

impl LeadQuery {
    fn parameters(&self) -> Query {
        let mut query = Query::default();
        query.add_joined("with", self.with.iter().map(|with| with.as_str()));
        query.add_some("query", self.text.as_ref());
        query.add_list("filter[id]", &self.ids);
        for (index, (pipeline, status)) in self.stages.iter().enumerate() {
            let key = format!("filter[statuses][{index}]");
            query.add(format!("{key}[pipeline_id]"), pipeline);
            query.add(format!("{key}[status_id]"), status);
        }
        query.add_list("filter[responsible_user_id]", &self.responsible_user_ids);
        query.add_range("filter[created_at]", &self.created_at);
        query.add_range("filter[updated_at]", &self.updated_at);
        if let Some(order) = self.order {
            let (key, direction) = order.parameter();
            query.add(key, direction);
        }
        query
    }
}

/// What to change of a lead; what is not given stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LeadUpdate {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// In whole units of the account's currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<i64>,
    /// Its stage; refused for the stage of incoming leads. Give the pipeline too: won and lost are
    /// the same in every one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_id: Option<StatusId>,
    /// Its pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_id: Option<PipelineId>,
    /// With [`StatusId::LOST`], where the account asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_reason_id: Option<LossReasonId>,
    /// Who sees to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responsible_user_id: Option<UserId>,
    /// Put on; others stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags_to_add: Vec<TagRef>,
    /// Taken off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags_to_delete: Vec<TagRef>,
    /// The fields to write; others stay. At most 40.
    #[serde(rename = "custom_fields_values", skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldUpdate>,
}

/// A lead to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewLead {
    /// What it is.
    #[serde(flatten)]
    pub lead: LeadUpdate,
    #[serde(rename = "_embedded", skip_serializing_if = "NewEmbedded::is_empty")]
    embedded: NewEmbedded,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct NewEmbedded {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contacts: Vec<LinkedContact>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    companies: Vec<LinkedCompany>,
}

impl NewEmbedded {
    fn is_empty(&self) -> bool {
        self.contacts.is_empty() && self.companies.is_empty()
    }
}

impl NewLead {
    /// A lead of these contacts, the first of them the main one, and this company.
    #[must_use]
    pub fn new(lead: LeadUpdate, contacts: &[ContactId], company: Option<CompanyId>) -> Self {
        let contacts = contacts
            .iter()
            .enumerate()
            .map(|(index, id)| LinkedContact {
                id: *id,
                is_main: index == 0,
            });
        Self {
            lead,
            embedded: NewEmbedded {
                contacts: contacts.collect(),
                companies: company.into_iter().map(|id| LinkedCompany { id }).collect(),
            },
        }
    }
}

/// A lead to be made with its contact and company, which the account's control of duplicates may
/// merge with others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComplexLead {
    /// The lead.
    pub lead: LeadUpdate,
    /// Its contact.
    pub contact: Option<ContactUpdate>,
    /// Its company.
    pub company: Option<CompanyUpdate>,
}

impl Serialize for ComplexLead {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Wire<'a> {
            #[serde(flatten)]
            lead: &'a LeadUpdate,
            #[serde(rename = "_embedded")]
            embedded: Embedded<'a>,
        }
        #[derive(Serialize)]
        struct Embedded<'a> {
            contacts: Vec<&'a ContactUpdate>,
            companies: Vec<&'a CompanyUpdate>,
        }
        let embedded = Embedded {
            contacts: self.contact.iter().collect(),
            companies: self.company.iter().collect(),
        };
        Wire {
            lead: &self.lead,
            embedded,
        }
        .serialize(serializer)
    }
}

/// What was made of a [`ComplexLead`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CreatedComplexLead {
    /// The lead.
    pub id: LeadId,
    /// Its contact.
    #[serde(default, deserialize_with = "de::maybe")]
    pub contact_id: Option<ContactId>,
    /// Its company.
    #[serde(default, deserialize_with = "de::maybe")]
    pub company_id: Option<CompanyId>,
    /// Whether it became a part of another.
    #[serde(default, deserialize_with = "de::flag")]
    pub merged: bool,
}

impl Client {
    /// Leads.
    ///
    /// # Errors
    /// [`Error::Host`] only; others come with the pages.
    pub fn leads(&self, query: &LeadQuery) -> Result<Pages<Lead>, Error> {
        self.pages(
            "leads.list",
            "/leads",
            query.parameters(),
            "leads",
            query.limit,
        )
    }

    /// One lead.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn lead(&self, id: LeadId, with: &[LeadWith]) -> Result<Lead, Error> {
        let mut query = Query::default();
        query.add_joined("with", with.iter().map(|with| with.as_str()));
        self.get_one("leads.get", &format!("/leads/{id}"), query)
            .await
    }

    /// Makes leads, at most 250 and better 50.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create_leads(&self, leads: &[NewLead]) -> Result<Vec<Written>, Error> {
        self.write_batch("leads.create", Method::POST, "/leads", leads, "leads")
            .await
    }

    /// Makes leads with their contacts and companies, at most 50.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create_complex_leads(
        &self,
        leads: &[ComplexLead],
    ) -> Result<Vec<CreatedComplexLead>, Error> {
        if leads.len() > MAX_COMPLEX {
            return Err(Error::Invalid(Problem::of("more than 50 leads at once")));
        }
        let path = "/leads/complex";
        let reply = self
            .write("leads.create_complex", Method::POST, path, &leads)
            .await?;
        reply.json()
    }

    /// Changes a lead.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn update_lead(&self, id: LeadId, update: &LeadUpdate) -> Result<(), Error> {
        let path = format!("/leads/{id}");
        self.act("leads.update", Method::PATCH, &path, update).await
    }

    /// Changes several leads, at most 250 and better 50.
    ///
    /// # Errors
    /// [`Error`]: what was changed before it is not known, and all may be changed again.
    pub async fn update_leads(
        &self,
        updates: &[(LeadId, LeadUpdate)],
    ) -> Result<Vec<Written>, Error> {
        #[derive(Serialize)]
        struct Wire<'a> {
            id: LeadId,
            #[serde(flatten)]
            update: &'a LeadUpdate,
        }
        let updates: Vec<_> = updates
            .iter()
            .map(|(id, update)| Wire { id: *id, update })
            .collect();
        self.write_batch("leads.update", Method::PATCH, "/leads", &updates, "leads")
            .await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::field::FieldValue;
    use crate::id::{EnumId, FieldId};

    #[test]
    fn a_lead_is_read() {
        let lead: Lead = serde_json::from_value(json!({
            "id": 5001, "name": "Website", "price": "1500", "price_with_minor_units": 1500.5,
            "status_id": 7001, "pipeline_id": 700, "created_by": 0, "updated_at": 1_760_000_000,
            "closed_at": null, "loss_reason_id": null, "is_deleted": false,
            "custom_fields_values": null,
            "_embedded": {"tags": [{"id": 3, "name": "ai", "color": null}],
                "contacts": [{"id": 6001, "is_main": true}], "companies": []}
        }))
        .unwrap();
        assert_eq!(lead.price.unwrap().whole(), Some(1500));
        assert_eq!(lead.price_with_minor_units.unwrap().as_str(), "1500.5");
        assert_eq!(lead.created_by, Some(UserId::ROBOT));
        assert_eq!(lead.closed_at, None);
    }

    #[test]
    fn a_lead_of_php_is_read() {
        let lead: Lead = serde_json::from_value(json!({
            "id": "5001", "name": null, "status_id": "142", "pipeline_id": "700",
            "loss_reason_id": [], "custom_fields_values": [], "_embedded": []
        }))
        .unwrap();
        assert_eq!((lead.status_id, lead.company_id()), (StatusId::WON, None));
        assert!(lead.tags().is_empty() && lead.contacts().is_empty());
    }

    #[test]
    fn only_what_changes_is_written() {
        let update = LeadUpdate {
            status_id: Some(StatusId::LOST),
            pipeline_id: Some(PipelineId(700)),
            tags_to_add: vec![TagRef::name("ai"), TagRef::Id(crate::id::TagId(3))],
            fields: vec![FieldUpdate::set(
                FieldId(8001),
                FieldValue::Choice {
                    id: Some(EnumId(81)),
                    text: String::new(),
                },
            )],
            ..LeadUpdate::default()
        };
        assert_eq!(
            serde_json::to_value(&update).unwrap(),
            json!({"status_id": 143, "pipeline_id": 700,
                "tags_to_add": [{"name": "ai"}, {"id": 3}],
                "custom_fields_values": [{"field_id": 8001, "values": [{"enum_id": 81}]}]})
        );
        assert_eq!(
            serde_json::to_value(LeadUpdate::default()).unwrap(),
            json!({})
        );
    }

    #[test]
    fn a_new_lead_has_its_contacts() {
        let lead = LeadUpdate {
            name: Some("Ana".to_owned()),
            ..LeadUpdate::default()
        };
        let new = NewLead::new(lead.clone(), &[ContactId(1), ContactId(2)], None);
        assert_eq!(
            serde_json::to_value(new).unwrap(),
            json!({"name": "Ana", "_embedded": {"contacts": [
                {"id": 1, "is_main": true}, {"id": 2, "is_main": false}]}})
        );
        let alone = NewLead::new(lead, &[], None);
        assert_eq!(serde_json::to_value(alone).unwrap(), json!({"name": "Ana"}));
    }

    #[test]
    fn a_filter_names_stages_with_their_pipelines() {
        let query = LeadQuery {
            stages: vec![(PipelineId(700), StatusId(7001))],
            order: Some(LeadOrder::Updated),
            ..LeadQuery::default()
        };
        let mut expected = Query::default();
        expected.add("filter[statuses][0][pipeline_id]", 700);
        expected.add("filter[statuses][0][status_id]", 7001);
        expected.add("order[updated_at]", "asc");
        assert_eq!(query.parameters(), expected);
    }
}
