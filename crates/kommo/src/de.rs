//! What PHP makes of JSON: numbers for texts and texts for numbers, `[]` for an empty object,
//! `null` for an empty list, an object for a list with holes.
//!
//! Sources: the SDK `amocrm-api-php`, the Python client `aioamocrm`.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serializer};
use serde_json::Value;

/// A scalar as it may come.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Flag(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

impl Scalar {
    fn integer(&self) -> Option<i64> {
        match self {
            Self::Flag(_) => None,
            Self::Integer(number) => Some(*number),
            Self::Float(number) => whole(*number),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Flag(flag) => u8::from(flag).to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }

    fn is_blank(&self) -> bool {
        matches!(self, Self::Text(text) if text.trim().is_empty())
    }

    fn unexpected<E: Error>(&self, expected: &'static str) -> E {
        // Not the value: it may be a person's.
        let what = match self {
            Self::Flag(_) => "a flag",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
        };
        E::invalid_type(Unexpected::Other(what), &expected)
    }
}

/// Beyond this a float no longer tells neighbouring integers apart.
const EXACT: f64 = 9_007_199_254_740_992.0;

fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// A whole number, as number or text.
pub(crate) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let scalar = Scalar::deserialize(deserializer)?;
    let number = scalar.integer();
    number.ok_or_else(|| scalar.unexpected("a whole number"))
}

/// A whole number, as number or text, where a type is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Integer(pub(crate) i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        integer(deserializer).map(Self)
    }
}

/// A text, as text, number, flag (1 or 0) or null.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let scalar = Option::<Scalar>::deserialize(deserializer)?;
    Ok(scalar.map(Scalar::text).unwrap_or_default())
}

/// An id that is a text, as text or number; never blank.
pub(crate) fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let scalar = Scalar::deserialize(deserializer)?;
    if scalar.is_blank() || matches!(scalar, Scalar::Flag(_)) {
        return Err(scalar.unexpected("an id"));
    }
    Ok(scalar.text())
}

/// A text that is not blank.
pub(crate) fn some_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    text(deserializer).map(|text| (!text.trim().is_empty()).then_some(text))
}

/// A flag, as flag, 1 or 0, their texts, null or nothing.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let Some(scalar) = Option::<Scalar>::deserialize(deserializer)? else {
        return Ok(false);
    };
    match &scalar {
        Scalar::Flag(flag) => Ok(*flag),
        Scalar::Text(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Scalar::Text(text) if text.is_empty() || text.eq_ignore_ascii_case("false") => Ok(false),
        Scalar::Integer(_) | Scalar::Float(_) | Scalar::Text(_) => match scalar.integer() {
            Some(number) => Ok(number != 0),
            None => Err(scalar.unexpected("a flag")),
        },
    }
}

/// Something of one scalar that may be null, `""`, `false` or `[]` instead.
pub(crate) fn maybe<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Maybe<T> {
        Some(T),
        None(Nothing),
    }
    Ok(match Maybe::<T>::deserialize(deserializer)? {
        Maybe::Some(value) => Some(value),
        Maybe::None(_) => None,
    })
}

/// What stands for nothing.
struct Nothing;

impl<'de> Deserialize<'de> for Nothing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let is_nothing = match Value::deserialize(deserializer)? {
            Value::Null | Value::Bool(false) => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(entries) => entries.is_empty(),
            Value::Bool(true) | Value::Number(_) => false,
        };
        is_nothing
            .then_some(Self)
            .ok_or_else(|| D::Error::custom("neither a value nor nothing"))
    }
}

/// A moment in unix seconds.
pub(crate) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    let seconds = integer(deserializer)?;
    DateTime::from_timestamp_secs(seconds).ok_or_else(|| D::Error::custom("no moment in time"))
}

/// A moment in unix seconds; null, `""` and 0 are none.
pub(crate) fn some_time<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<DateTime<Utc>>, D::Error> {
    let Some(scalar) = Option::<Scalar>::deserialize(deserializer)? else {
        return Ok(None);
    };
    match scalar.integer() {
        Some(0) => Ok(None),
        Some(seconds) => DateTime::from_timestamp_secs(seconds)
            .map(Some)
            .ok_or_else(|| D::Error::custom("no moment in time")),
        None if scalar.is_blank() => Ok(None),
        None => Err(scalar.unexpected("unix seconds")),
    }
}

/// Writes a moment as unix seconds.
pub(crate) fn write_time<S: Serializer>(
    time: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.serialize_i64(time.timestamp()),
        None => serializer.serialize_none(),
    }
}

/// An object; `[]`, null and `false` are the empty one.
pub(crate) fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    struct ObjectVisitor<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for ObjectVisitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object or an empty list")
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(serde::de::value::MapAccessDeserializer::new(map))
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<T, A::Error> {
            match list.next_element::<IgnoredAny>()? {
                None => Ok(T::default()),
                Some(_) => Err(A::Error::invalid_type(Unexpected::Seq, &self)),
            }
        }
        fn visit_unit<E: Error>(self) -> Result<T, E> {
            Ok(T::default())
        }
        fn visit_bool<E: Error>(self, flag: bool) -> Result<T, E> {
            if flag {
                return Err(E::invalid_type(Unexpected::Bool(flag), &self));
            }
            Ok(T::default())
        }
    }
    deserializer.deserialize_any(ObjectVisitor(PhantomData))
}

/// A list; null and `false` are the empty one, and an object is the list of its values in the order
/// of its keys if they are numbers.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct ListVisitor<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = list.next_element()? {
                items.push(item);
            }
            Ok(items)
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<T>, A::Error> {
            let mut items = BTreeMap::new();
            while let Some((key, item)) = map.next_entry::<String, T>()? {
                let place = key.parse::<u64>().unwrap_or(u64::MAX);
                items.insert((place, key), item);
            }
            Ok(items.into_values().collect())
        }
        fn visit_unit<E: Error>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }
        fn visit_bool<E: Error>(self, flag: bool) -> Result<Vec<T>, E> {
            if flag {
                return Err(E::invalid_type(Unexpected::Bool(flag), &self));
            }
            Ok(Vec::new())
        }
    }
    deserializer.deserialize_any(ListVisitor(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ChatId, LeadId};

    #[derive(Debug, Default, PartialEq, Deserialize)]
    struct Inner {
        #[serde(default, deserialize_with = "text")]
        text: String,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        #[serde(default, deserialize_with = "object")]
        object: Inner,
        #[serde(default, deserialize_with = "list")]
        list: Vec<i64>,
        #[serde(default, deserialize_with = "flag")]
        flag: bool,
        #[serde(default, deserialize_with = "maybe")]
        lead: Option<LeadId>,
        #[serde(default, deserialize_with = "maybe")]
        chat: Option<ChatId>,
        #[serde(default, deserialize_with = "some_time")]
        time: Option<DateTime<Utc>>,
        #[serde(default, deserialize_with = "some_text")]
        name: Option<String>,
    }

    fn outer(json: &str) -> Outer {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    #[test]
    fn nothing_has_many_names() {
        let nothing = outer("{}");
        for json in [
            r#"{"object":[],"list":null,"flag":null,"lead":null,"chat":null,"time":null,"name":null}"#,
            r#"{"object":{},"list":[],"flag":0,"lead":"","chat":"","time":0,"name":""}"#,
            r#"{"object":null,"list":false,"flag":"","lead":[],"chat":[],"time":"","name":" "}"#,
            r#"{"object":false,"list":{},"flag":"0","lead":false,"chat":false,"time":"0"}"#,
        ] {
            assert_eq!(outer(json), nothing, "{json}");
        }
    }

    #[test]
    fn values_have_several_shapes() {
        let plain = outer(
            r#"{"object":{"text":"7"},"list":[3,1],"flag":true,"lead":5,"time":1760000000,"name":"1"}"#,
        );
        assert_eq!(plain.time.unwrap().timestamp(), 1_760_000_000);
        let php = outer(
            r#"{"object":{"text":7},"list":{"10":1,"2":3},"flag":"1","lead":"5","time":"1760000000","name":true}"#,
        );
        assert_eq!(php, plain);
    }

    #[test]
    fn what_is_neither_is_refused() {
        for json in [
            r#"{"object":[1]}"#,
            r#"{"object":true}"#,
            r#"{"list":7}"#,
            r#"{"list":true}"#,
            r#"{"flag":"yes"}"#,
            r#"{"lead":"x"}"#,
            r#"{"lead":[1]}"#,
            r#"{"time":"soon"}"#,
            r#"{"time":9e18}"#,
        ] {
            assert!(serde_json::from_str::<Outer>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn an_error_does_not_tell_what_was_written() {
        let error = serde_json::from_str::<LeadId>("\"+7 900 000\"").unwrap_err();
        assert!(!error.to_string().contains("900"), "{error}");
    }
}
