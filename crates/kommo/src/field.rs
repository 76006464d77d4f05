//! Values of custom fields, typed so that they can be compared, shown and written.
//!
//! Which fields and choices exist differs from account to account: their ids are looked up
//! ([`crate::Client::custom_fields`]) and never written down.
//!
//! Sources: Kommo docs, `leads-list`; the SDK `amocrm-api-php` for shapes by type.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use crate::de;
use crate::decimal::Decimal;
use crate::id::{EnumId, FieldId};

/// What a custom field holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// A line.
    Text,
    /// Lines.
    Textarea,
    /// A number.
    Numeric,
    /// An amount of money.
    Monetary,
    /// The price of an element.
    Price,
    /// Yes or no.
    Checkbox,
    /// One of several choices.
    Select,
    /// Any of several choices.
    Multiselect,
    /// One of several choices, drawn as buttons.
    Radiobutton,
    /// Phones, e-mail addresses, messengers: texts of several kinds.
    Multitext,
    /// A day.
    Date,
    /// A moment.
    DateTime,
    /// A day that comes again.
    Birthday,
    /// An address on the web.
    Url,
    /// An address in one line.
    StreetAddress,
    /// An address in parts.
    SmartAddress,
    /// Where a visitor came from.
    TrackingData,
    /// Any other; its values are kept as they are.
    Other(String),
}

const FIELD_TYPES: [(FieldType, &str); 17] = [
    (FieldType::Text, "text"),
    (FieldType::Textarea, "textarea"),
    (FieldType::Numeric, "numeric"),
    (FieldType::Monetary, "monetary"),
    (FieldType::Price, "price"),
    (FieldType::Checkbox, "checkbox"),
    (FieldType::Select, "select"),
    (FieldType::Multiselect, "multiselect"),
    (FieldType::Radiobutton, "radiobutton"),
    (FieldType::Multitext, "multitext"),
    (FieldType::Date, "date"),
    (FieldType::DateTime, "date_time"),
    (FieldType::Birthday, "birthday"),
    (FieldType::Url, "url"),
    (FieldType::StreetAddress, "streetaddress"),
    (FieldType::SmartAddress, "smart_address"),
    (FieldType::TrackingData, "tracking_data"),
];

impl FieldType {
    /// The word of the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(word) => word,
            known => FIELD_TYPES
                .iter()
                .find(|(kind, _)| kind == known)
                .map_or("", |(_, word)| word),
        }
    }

    fn of(word: String) -> Self {
        match FIELD_TYPES.iter().find(|(_, known)| *known == word) {
            Some((kind, _)) => kind.clone(),
            None => Self::Other(word),
        }
    }
}

impl<'de> Deserialize<'de> for FieldType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        de::text(deserializer).map(Self::of)
    }
}

impl Serialize for FieldType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldValue {
    /// Of text, textarea, url, streetaddress and tracking data.
    Text(String),
    /// Of numeric, monetary and price.
    Number(Decimal),
    /// Of a checkbox.
    Flag(bool),
    /// Of select, multiselect and radiobutton.
    Choice {
        /// Written in preference to the text.
        id: Option<EnumId>,
        /// What people see; written when there is no id.
        text: String,
    },
    /// Of multitext: a phone, an e-mail address.
    Contact {
        /// The phone or address.
        text: String,
        /// `WORK`, `MOB`, …: what the account has, see the field's choices.
        kind: Option<String>,
    },
    /// Of date, date_time and birthday. A day is a moment of it in the account's time zone.
    Time(DateTime<Utc>),
    /// Of every other type, and of a known one in a shape that is not.
    Other(Value),
}

impl FieldValue {
    /// What a person would read.
    #[must_use]
    pub fn display(&self) -> String {
        match self {
            Self::Text(text) | Self::Choice { text, .. } | Self::Contact { text, .. } => {
                text.clone()
            }
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Time(time) => time.to_rfc3339(),
            Self::Other(Value::String(text)) => text.clone(),
            Self::Other(value) => value.to_string(),
        }
    }

    fn read(kind: &FieldType, wire: WireValue) -> Self {
        let known = match kind {
            FieldType::Text
            | FieldType::Textarea
            | FieldType::Url
            | FieldType::StreetAddress
            | FieldType::SmartAddress
            | FieldType::TrackingData => plain_text(&wire.value).map(Self::Text),
            FieldType::Numeric | FieldType::Monetary | FieldType::Price => {
                Decimal::of_json(&wire.value).map(Self::Number)
            }
            FieldType::Checkbox => de::flag(&wire.value).ok().map(Self::Flag),
            FieldType::Select | FieldType::Multiselect | FieldType::Radiobutton => {
                plain_text(&wire.value).map(|text| Self::Choice {
                    id: wire.enum_id,
                    text,
                })
            }
            FieldType::Multitext => plain_text(&wire.value).map(|text| Self::Contact {
                text,
                kind: wire.enum_code.clone(),
            }),
            FieldType::Date | FieldType::DateTime | FieldType::Birthday => {
                moment(&wire.value).map(Self::Time)
            }
            FieldType::Other(_) => None,
        };
        known.unwrap_or(Self::Other(wire.value))
    }

    fn write(&self) -> Value {
        match self {
            Self::Text(text) | Self::Choice { id: None, text } => json!({ "value": text }),
            Self::Choice { id: Some(id), .. } => json!({ "enum_id": id }),
            Self::Number(number) => json!({ "value": number }),
            Self::Flag(flag) => json!({ "value": flag }),
            Self::Contact { text, kind: None } => json!({ "value": text }),
            Self::Contact {
                text,
                kind: Some(kind),
            } => json!({ "value": text, "enum_code": kind }),
            Self::Time(time) => json!({ "value": time.timestamp() }),
            Self::Other(value) => json!({ "value": value }),
        }
    }
}

fn plain_text(value: &Value) -> Option<String> {
    de::text(value).ok()
}

/// Unix seconds or RFC 3339.
fn moment(value: &Value) -> Option<DateTime<Utc>> {
    if let Ok(time) = de::time(value) {
        return Some(time);
    }
    let time = DateTime::parse_from_rfc3339(value.as_str()?).ok()?;
    Some(time.to_utc())
}

#[derive(Deserialize)]
struct WireValue {
    #[serde(default)]
    value: Value,
    #[serde(default, deserialize_with = "de::maybe")]
    enum_id: Option<EnumId>,
    #[serde(default, deserialize_with = "de::some_text")]
    enum_code: Option<String>,
}

/// A field of an entity with its values, as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The field.
    pub id: FieldId,
    /// Of the predefined fields: `PHONE`, `EMAIL`, `UTM_SOURCE`.
    pub code: Option<String>,
    /// What people call it.
    pub name: String,
    /// What it holds.
    pub kind: FieldType,
    /// At least one as a rule.
    pub values: Vec<FieldValue>,
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            field_id: FieldId,
            #[serde(default, deserialize_with = "de::some_text")]
            field_code: Option<String>,
            #[serde(default, deserialize_with = "de::text")]
            field_name: String,
            field_type: FieldType,
            #[serde(default, deserialize_with = "de::list")]
            values: Vec<WireValue>,
        }
        let wire = Wire::deserialize(deserializer)?;
        let read = |value| FieldValue::read(&wire.field_type, value);
        Ok(Self {
            id: wire.field_id,
            code: wire.field_code,
            name: wire.field_name,
            values: wire.values.into_iter().map(read).collect(),
            kind: wire.field_type,
        })
    }
}

/// Which field is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKey {
    /// By its id.
    Id(FieldId),
    /// A predefined one by its code, `PHONE`.
    Code(String),
}

/// A field to be written: its values are replaced, other fields stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldUpdate {
    /// Which.
    pub key: FieldKey,
    /// What it holds afterwards. None clears it: not verified for every type, so read it again.
    pub values: Vec<FieldValue>,
}

impl FieldUpdate {
    /// Sets the field to one value.
    #[must_use]
    pub fn set(id: FieldId, value: FieldValue) -> Self {
        Self {
            key: FieldKey::Id(id),
            values: vec![value],
        }
    }

    /// Clears the field.
    #[must_use]
    pub fn clear(id: FieldId) -> Self {
        Self {
            key: FieldKey::Id(id),
            values: Vec::new(),
        }
    }
}

impl Serialize for FieldUpdate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values: Vec<Value> = self.values.iter().map(FieldValue::write).collect();
        // An empty list is refused where null clears.
        let values = if values.is_empty() {
            Value::Null
        } else {
            values.into()
        };
        let update = match &self.key {
            FieldKey::Id(id) => json!({ "field_id": id, "values": values }),
            FieldKey::Code(code) => json!({ "field_code": code, "values": values }),
        };
        update.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, values: Value) -> Vec<FieldValue> {
        let field = json!({"field_id": 1, "field_name": "x", "field_type": kind, "values": values});
        serde_json::from_value::<Field>(field).unwrap().values
    }

    fn number(text: &str) -> FieldValue {
        FieldValue::Number(Decimal::parse(text).unwrap())
    }

    #[test]
    fn values_are_read_by_the_type_of_their_field() {
        let text = |text: &str| FieldValue::Text(text.to_owned());
        assert_eq!(
            read("text", json!([{"value": "a"}, {"value": 7}])),
            [text("a"), text("7")]
        );
        assert_eq!(
            read("url", json!([{"value": "https://e.com"}])),
            [text("https://e.com")]
        );
        assert_eq!(
            read("numeric", json!([{"value": "1000.5"}, {"value": 3}])),
            [number("1000.5"), number("3")]
        );
        assert_eq!(
            read("checkbox", json!([{"value": true}, {"value": "0"}])),
            [FieldValue::Flag(true), FieldValue::Flag(false)]
        );
        assert_eq!(
            read(
                "select",
                json!([{"value": "Gold", "enum_id": "81", "enum_code": null}])
            ),
            [FieldValue::Choice {
                id: Some(EnumId(81)),
                text: "Gold".to_owned()
            }]
        );
        assert_eq!(
            read(
                "multitext",
                json!([{"value": "+15550100", "enum_id": 1, "enum_code": "MOB"}])
            ),
            [FieldValue::Contact {
                text: "+15550100".to_owned(),
                kind: Some("MOB".to_owned())
            }]
        );
        let moment = DateTime::from_timestamp_secs(1_760_000_000).unwrap();
        assert_eq!(
            read(
                "date",
                json!([{"value": 1_760_000_000}, {"value": "2025-10-09T08:53:20+00:00"}])
            ),
            [FieldValue::Time(moment), FieldValue::Time(moment)]
        );
    }

    #[test]
    fn what_is_not_known_is_kept() {
        let object = json!({"name": "Acme", "vat_id": "1"});
        assert_eq!(
            read("legal_entity", json!([{"value": object}])),
            [FieldValue::Other(object)]
        );
        assert_eq!(
            read("date", json!([{"value": "soon"}])),
            [FieldValue::Other(json!("soon"))]
        );
        assert_eq!(read("text", json!(null)), []);
        let kind: FieldType = serde_json::from_str("\"chained_list\"").unwrap();
        assert_eq!(kind.as_str(), "chained_list");
    }

    #[test]
    fn values_are_written_as_kommo_takes_them() {
        let moment = DateTime::from_timestamp_secs(1_760_000_000).unwrap();
        for (value, wire) in [
            (FieldValue::Text("a".into()), json!({"value": "a"})),
            (number("10.5"), json!({"value": "10.5"})),
            (FieldValue::Flag(true), json!({"value": true})),
            (
                FieldValue::Choice {
                    id: Some(EnumId(81)),
                    text: "Gold".into(),
                },
                json!({"enum_id": 81}),
            ),
            (
                FieldValue::Choice {
                    id: None,
                    text: "Gold".into(),
                },
                json!({"value": "Gold"}),
            ),
            (
                FieldValue::Contact {
                    text: "a@e.com".into(),
                    kind: Some("WORK".into()),
                },
                json!({"value": "a@e.com", "enum_code": "WORK"}),
            ),
            (FieldValue::Time(moment), json!({"value": 1_760_000_000})),
        ] {
            let update = serde_json::to_value(FieldUpdate::set(FieldId(1), value)).unwrap();
            assert_eq!(update, json!({"field_id": 1, "values": [wire]}));
        }
        let cleared = serde_json::to_value(FieldUpdate::clear(FieldId(1))).unwrap();
        assert_eq!(cleared, json!({"field_id": 1, "values": null}));
    }

    #[test]
    fn every_type_has_its_word() {
        for (kind, word) in FIELD_TYPES {
            assert_eq!(FieldType::of(word.to_owned()), kind);
            assert_eq!(kind.as_str(), word);
        }
    }
}
