//! What people write as the value of a field, checked against the field's type.

use chrono_tz::Tz;
use t11_kommo::client::CustomField;
use t11_kommo::field::{Field, FieldType, FieldValue};

use super::{Refusal, date, number, phone};

/// What texts mean in an account.
pub(super) struct Customs {
    /// ISO 3166 of two letters; empty when it is not known.
    pub(super) country: String,
    pub(super) zone: Tz,
}

/// Longest e-mail address (RFC 5321 §4.5.3.1.3, without the brackets).
const MAX_EMAIL: usize = 254;
const YES: [&str; 5] = ["yes", "true", "1", "да", "sí"];
const NO: [&str; 5] = ["no", "false", "0", "нет", "não"];
/// How people part several choices.
const SEPARATORS: [char; 3] = [',', ';', '\n'];

/// The values of the field after `text` was written into it; `current` is what it holds.
pub(super) fn values(
    field: &CustomField,
    current: Option<&Field>,
    text: &str,
    customs: &Customs,
) -> Result<Vec<FieldValue>, Refusal> {
    let text = text.trim();
    let one = |value: Option<FieldValue>| value.map(|value| vec![value]);
    let read = match &field.kind {
        FieldType::Text
        | FieldType::Textarea
        | FieldType::StreetAddress
        | FieldType::TrackingData => one(Some(FieldValue::Text(text.to_owned()))),
        FieldType::Url => one(url(text)),
        FieldType::Numeric | FieldType::Monetary | FieldType::Price => {
            one(number::number(text).map(FieldValue::Number))
        }
        FieldType::Checkbox => one(flag(text)),
        FieldType::Select | FieldType::Radiobutton => one(choice(field, text)),
        FieldType::Multiselect => choices(field, text),
        FieldType::Date | FieldType::Birthday => one(day(text, customs)),
        FieldType::DateTime => one(date::moment(text, customs.zone).map(FieldValue::Time)),
        FieldType::Multitext => contact(field, current, text, customs),
        FieldType::SmartAddress | FieldType::Other(_) => return Err(read_only(field)),
    };
    read.ok_or_else(|| Refusal::new(Refusal::FIELD_VALUE, wanted(field, text)))
}

fn read_only(field: &CustomField) -> Refusal {
    let detail = format!("values of type `{}` cannot be written", field.kind.as_str());
    Refusal::new(Refusal::FIELD_READ_ONLY, detail)
}

fn url(text: &str) -> Option<FieldValue> {
    let url = url::Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    is_web.then(|| FieldValue::Text(text.to_owned()))
}

fn flag(text: &str) -> Option<FieldValue> {
    let word = text.to_lowercase();
    let flag = YES.contains(&&*word);
    (flag || NO.contains(&&*word)).then_some(FieldValue::Flag(flag))
}

fn day(text: &str, customs: &Customs) -> Option<FieldValue> {
    let day = date::day(text)?;
    date::beginning(day, customs.zone).map(FieldValue::Time)
}

fn choice(field: &CustomField, text: &str) -> Option<FieldValue> {
    let wanted = text.trim().to_lowercase();
    let mut choices = field.choices.iter();
    let choice = choices.find(|choice| choice.value.trim().to_lowercase() == wanted)?;
    Some(FieldValue::Choice {
        id: Some(choice.id),
        text: choice.value.clone(),
    })
}

/// One choice whose name has a comma, or several.
fn choices(field: &CustomField, text: &str) -> Option<Vec<FieldValue>> {
    if let Some(one) = choice(field, text) {
        return Some(vec![one]);
    }
    let parts = text.split(SEPARATORS).map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(|part| choice(field, part)).collect()
}

/// A phone, an address, a messenger: the first one is replaced, further ones stay.
fn contact(
    field: &CustomField,
    current: Option<&Field>,
    text: &str,
    customs: &Customs,
) -> Option<Vec<FieldValue>> {
    let text = match field.code.as_deref() {
        Some("PHONE") => phone::e164(text, &customs.country)?,
        Some("EMAIL") => email(text)?,
        _ => text.to_owned(),
    };
    let mut values = current
        .map(|field| field.values.clone())
        .unwrap_or_default();
    let kind = match values.first() {
        Some(FieldValue::Contact { kind, .. }) => kind.clone(),
        _ => field.choices.first().map(|choice| choice.value.clone()),
    };
    let first = FieldValue::Contact { text, kind };
    if values.is_empty() {
        values.push(first);
    } else {
        values[0] = first;
    }
    Some(values)
}

/// One `@` between a name and a domain of at least two labels, nothing else that needs quoting.
fn email(text: &str) -> Option<String> {
    let (name, domain) = text.split_once('@')?;
    let is_name = !name.is_empty()
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name.contains("..")
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c));
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let is_domain = domain.contains('.') && domain.split('.').all(is_label);
    let is_email = is_name && is_domain && text.len() <= MAX_EMAIL;
    is_email.then(|| format!("{name}@{}", domain.to_lowercase()))
}

/// What the field would take, for people and for the model that proposed the value.
fn wanted(field: &CustomField, text: &str) -> String {
    let name = &field.name;
    let text: String = text.chars().take(80).collect();
    let wants = match &field.kind {
        FieldType::Select | FieldType::Radiobutton | FieldType::Multiselect => {
            let names: Vec<_> = field.choices.iter().map(|choice| &*choice.value).collect();
            format!("one of: {}", names.join(", "))
        }
        FieldType::Numeric | FieldType::Monetary | FieldType::Price => {
            "a number, as `1500` or `1500.50`".to_owned()
        }
        FieldType::Checkbox => "yes or no".to_owned(),
        FieldType::Date | FieldType::Birthday => "a day, as `2026-11-21`".to_owned(),
        FieldType::DateTime => "a day and a time, as `2026-11-21 15:30`".to_owned(),
        FieldType::Url => "an address, as `https://example.com`".to_owned(),
        FieldType::Multitext => match field.code.as_deref() {
            Some("PHONE") => "a phone number with its country code, as `+15550100123`".to_owned(),
            _ => "an e-mail address".to_owned(),
        },
        _ => "another value".to_owned(),
    };
    format!("`{text}` is not a value of `{name}`, which takes {wants}")
}

/// Whether both mean the same to people.
pub(super) fn are_same(one: &[FieldValue], other: &[FieldValue]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|(one, other)| is_same(one, other))
}

fn is_same(one: &FieldValue, other: &FieldValue) -> bool {
    match (one, other) {
        (FieldValue::Number(one), FieldValue::Number(other)) => {
            one == other || one.as_f64().total_cmp(&other.as_f64()).is_eq()
        }
        (
            FieldValue::Choice { id: Some(one), .. },
            FieldValue::Choice {
                id: Some(other), ..
            },
        ) => one == other,
        (FieldValue::Contact { text: one, .. }, FieldValue::Contact { text: other, .. }) => {
            one == other
        }
        (FieldValue::Text(one), FieldValue::Text(other)) => one.trim() == other.trim(),
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests;
