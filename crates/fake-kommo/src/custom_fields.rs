//! The fields an account adds to its cards, and the rules for their values.

mod routes;
mod values;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub(crate) use self::routes::routes;
pub(crate) use self::values::{read, render, webhook};
use crate::account::Account;
use crate::cards::Kind;

/// The values of a card by the field's id.
pub(crate) type Values = BTreeMap<i64, Vec<FieldValue>>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FieldValue {
    pub(crate) value: Value,
    pub(crate) enum_id: Option<i64>,
}

#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) id: i64,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) field_type: FieldType,
    /// `PHONE`; absent for most fields made by people.
    pub(crate) code: Option<String>,
    pub(crate) enums: Vec<Choice>,
    /// Pipelines and their stages that are entered with a value only. The API does not insist.
    pub(crate) required_statuses: Vec<(i64, i64)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) id: i64,
    pub(crate) value: String,
}

/// The types of fields the fake knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldType {
    Text,
    Textarea,
    Url,
    TrackingData,
    Numeric,
    Monetary,
    Checkbox,
    Select,
    Radiobutton,
    Multiselect,
    Multitext,
    Date,
    DateTime,
    Birthday,
}

impl FieldType {
    const NAMES: [(Self, &'static str); 14] = [
        (Self::Text, "text"),
        (Self::Textarea, "textarea"),
        (Self::Url, "url"),
        (Self::TrackingData, "tracking_data"),
        (Self::Numeric, "numeric"),
        (Self::Monetary, "monetary"),
        (Self::Checkbox, "checkbox"),
        (Self::Select, "select"),
        (Self::Radiobutton, "radiobutton"),
        (Self::Multiselect, "multiselect"),
        (Self::Multitext, "multitext"),
        (Self::Date, "date"),
        (Self::DateTime, "date_time"),
        (Self::Birthday, "birthday"),
    ];

    pub(crate) fn name(self) -> &'static str {
        let mut names = Self::NAMES.into_iter();
        names
            .find(|(known, _)| *known == self)
            .map_or("", |(_, name)| name)
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        let mut names = Self::NAMES.into_iter();
        names
            .find(|(_, known)| *known == name)
            .map(|(known, _)| known)
    }

    fn has_choices(self) -> bool {
        matches!(self, Self::Select | Self::Radiobutton | Self::Multiselect)
    }

    fn is_date(self) -> bool {
        matches!(self, Self::Date | Self::DateTime | Self::Birthday)
    }
}

impl Field {
    fn render(&self, account: &Account) -> Value {
        let enums = self.enums.iter().zip(1..);
        let enums: Vec<Value> = enums
            .map(|(choice, sort)| json!({"id": choice.id, "value": choice.value, "sort": sort}))
            .collect();
        let required = self.required_statuses.iter();
        let required = required
            .map(|(pipeline, status)| json!({"pipeline_id": pipeline, "status_id": status}));
        json!({
            "id": self.id,
            "name": self.name,
            "type": self.field_type.name(),
            "account_id": account.id,
            "code": self.code,
            "sort": self.id,
            "is_api_only": false,
            "is_deletable": self.code.is_none(),
            "is_visible": true,
            "is_required": false,
            "enums": (!enums.is_empty()).then_some(enums),
            "group_id": null,
            "required_statuses": required.collect::<Vec<_>>(),
            "entity_type": self.kind.plural(),
            "remind": null,
            "currency": null,
        })
    }
}

impl Account {
    pub(crate) fn field(&self, kind: Kind, id: i64) -> Option<&Field> {
        self.fields
            .iter()
            .find(|field| field.kind == kind && field.id == id)
    }

    pub(crate) fn field_by_code(&self, kind: Kind, code: &str) -> Option<&Field> {
        self.fields
            .iter()
            .find(|field| field.kind == kind && field.code.as_deref() == Some(code))
    }

    /// Adds a field and gives its id.
    pub(crate) fn add_field(
        &mut self,
        kind: Kind,
        name: &str,
        field_type: FieldType,
        choices: &[&str],
    ) -> i64 {
        let choices = choices.iter();
        let field = Field {
            id: self.ids.next("field"),
            kind,
            name: name.to_owned(),
            field_type,
            code: None,
            enums: choices
                .map(|value| Choice {
                    id: self.ids.next("enum"),
                    value: (*value).to_owned(),
                })
                .collect(),
            required_statuses: Vec::new(),
        };
        let id = field.id;
        self.fields.push(field);
        id
    }

    /// Adds a field that every account has, known by its code.
    pub(crate) fn add_coded_field(&mut self, kind: Kind, name: &str, code: &str, enums: &[&str]) {
        let field_type = match enums {
            [] => FieldType::TrackingData,
            _ => FieldType::Multitext,
        };
        let id = self.add_field(kind, name, field_type, enums);
        if let Some(field) = self.fields.iter_mut().find(|field| field.id == id) {
            field.code = Some(code.to_owned());
        }
    }
}
