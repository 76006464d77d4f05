//! Numbers as Kommo writes them: prices, amounts, numeric fields. Kept as digits, for money must not
//! pass through floating point more often than Kommo itself makes it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Longest number, in characters.
const MAX_LENGTH: usize = 64;

/// A decimal number: `-?digits[.digits]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal(Box<str>);

/// The text is no decimal number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number of at most {MAX_LENGTH} characters, as `12.5`")]
pub struct NotDecimal;

impl Decimal {
    /// Reads `12`, `-12.50`; a blank around it is dropped, a comma is not a point.
    ///
    /// # Errors
    /// [`NotDecimal`].
    pub fn parse(text: &str) -> Result<Self, NotDecimal> {
        let text = text.trim();
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (digits, None),
        };
        let are_digits =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if text.len() <= MAX_LENGTH && are_digits(whole) && fraction.is_none_or(are_digits) {
            Ok(Self(text.into()))
        } else {
            Err(NotDecimal)
        }
    }

    /// `12.50`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number, if it is a whole one: a fraction of zeros is none.
    #[must_use]
    pub fn whole(&self) -> Option<i64> {
        let (whole, fraction) = self.0.split_once('.').unwrap_or((&self.0, ""));
        fraction
            .bytes()
            .all(|byte| byte == b'0')
            .then(|| whole.parse().ok())?
    }

    /// The nearest floating-point number, to compare and to draw; not to add money.
    #[must_use]
    pub fn as_f64(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }

    pub(crate) fn of_json(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text).ok(),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(whole), _) => Some(whole.into()),
                (None, Some(whole)) => Self::parse(&whole.to_string()).ok(),
                // Never with an exponent.
                (None, None) => Self::parse(&number.as_f64()?.to_string()).ok(),
            },
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

impl From<i64> for Decimal {
    fn from(whole: i64) -> Self {
        Self(whole.to_string().into())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Decimal {
    /// As a text, which Kommo reads as a number, so that no digit is lost on the way.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::of_json(&value).ok_or_else(|| serde::de::Error::custom(NotDecimal))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_read_from_both_shapes() {
        for (json, text) in [
            (json!(25), "25"),
            (json!(-3), "-3"),
            (json!(19.99), "19.99"),
            (json!("1000.50"), "1000.50"),
            (json!(" 7 "), "7"),
            (json!(1e21), "1000000000000000000000"),
            (json!(u64::MAX), "18446744073709551615"),
        ] {
            assert_eq!(Decimal::of_json(&json).unwrap().as_str(), text, "{json}");
        }
        for json in [
            json!(""),
            json!("1,5"),
            json!("1e5"),
            json!("."),
            json!("1."),
            json!(".5"),
            json!("--1"),
            json!("NaN"),
            json!(null),
            json!(true),
            json!("9".repeat(65)),
        ] {
            assert_eq!(Decimal::of_json(&json), None, "{json}");
        }
    }

    #[test]
    fn whole_numbers_are_told_from_others() {
        let whole = |text| Decimal::parse(text).unwrap().whole();
        assert_eq!(
            (whole("12"), whole("-12.00"), whole("12.5")),
            (Some(12), Some(-12), None)
        );
        assert_eq!(whole("99999999999999999999"), None);
    }

    proptest! {
        #[test]
        fn no_digit_is_lost(text in "-?[0-9]{1,30}(\\.[0-9]{1,10})?") {
            let number = Decimal::parse(&text).unwrap();
            let json = serde_json::to_string(&number).unwrap();
            prop_assert_eq!(serde_json::from_str::<Decimal>(&json).unwrap(), number);
        }
    }
}
