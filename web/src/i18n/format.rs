//! Numbers, money, sizes and times by the rules of the language, through the browser's Intl.

use std::time::Duration;

use js_sys::{Array, Date, Intl, Object, Reflect};
use prost_types::Timestamp;
use wasm_bindgen::JsValue;

use super::language;
use crate::browser::number_words;

fn locales() -> Array {
    Array::of1(&JsValue::from_str(language().tag()))
}

fn options(pairs: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (key, value) in pairs {
        // Setting a property of a fresh plain object cannot fail.
        let _ = Reflect::set(&object, &JsValue::from_str(key), value);
    }
    object
}

fn format_number(value: f64, settings: &[(&str, JsValue)]) -> String {
    let formatter = Intl::NumberFormat::new(&locales(), &options(settings));
    formatter
        .format()
        .call1(&JsValue::UNDEFINED, &JsValue::from_f64(value))
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_else(|| number_words(value))
}

/// `1 234` or `1,234`.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub(crate) fn integer(value: i64) -> String {
    format_number(value as f64, &[])
}

/// At most `digits` digits after the point.
pub(crate) fn decimal(value: f64, digits: u8) -> String {
    format_number(
        value,
        &[("maximumFractionDigits", JsValue::from(u32::from(digits)))],
    )
}

/// Money of a model call: micro-USD as dollars, with as many digits as cheap calls need.
#[expect(clippy::cast_precision_loss, reason = "micro-USD stay far below 2^53")]
pub(crate) fn micro_usd(value: i64) -> String {
    let dollars = value as f64 / 1e6;
    let digits = if dollars == 0.0 || dollars.abs() >= 1.0 {
        2
    } else {
        6
    };
    currency(dollars, "USD", digits)
}

/// A price in the minor unit of its currency (kopecks, cents; none for JPY).
#[expect(clippy::cast_precision_loss, reason = "prices stay far below 2^53")]
pub(crate) fn price_minor(value: i64, code: &str) -> String {
    let formatter = Intl::NumberFormat::new(&locales(), &currency_options(code, None));
    let digits = Reflect::get(
        &formatter.resolved_options(),
        &JsValue::from_str("maximumFractionDigits"),
    )
    .ok()
    .and_then(|digits| digits.as_f64())
    .unwrap_or(2.0);
    let amount = value as f64 / 10f64.powf(digits);
    formatter
        .format()
        .call1(&JsValue::UNDEFINED, &JsValue::from_f64(amount))
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_else(|| format!("{} {code}", number_words(amount)))
}

/// A sum in whole units of a currency that the CRM names; a plain number when it names none.
#[expect(clippy::cast_precision_loss, reason = "sums stay far below 2^53")]
pub(crate) fn whole_money(value: i64, code: &str) -> String {
    if code.is_empty() {
        return integer(value);
    }
    currency(value as f64, code, 0)
}

fn currency(amount: f64, code: &str, digits: u32) -> String {
    let formatter = Intl::NumberFormat::new(&locales(), &currency_options(code, Some(digits)));
    formatter
        .format()
        .call1(&JsValue::UNDEFINED, &JsValue::from_f64(amount))
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_else(|| format!("{} {code}", number_words(amount)))
}

fn currency_options(code: &str, digits: Option<u32>) -> Object {
    // Intl throws on a code that is not three letters; such a row is shown in USD's format with
    // no harm to the number, and the import refuses it anyway.
    let known = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
    let mut pairs = vec![
        ("style", JsValue::from_str("currency")),
        (
            "currency",
            JsValue::from_str(if known { code } else { "USD" }),
        ),
        // `45 900 ₽`, not `45 900,00 ₽`.
        ("trailingZeroDisplay", JsValue::from_str("stripIfInteger")),
    ];
    if let Some(digits) = digits {
        pairs.push(("maximumFractionDigits", JsValue::from(digits)));
    }
    options(&pairs)
}

/// `3.4 MB`; powers of 1000, as file managers of the day show them.
#[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^53")]
pub(crate) fn bytes(value: i64) -> String {
    let value = value as f64;
    let (amount, unit) = match value {
        value if value >= 1e6 => (value / 1e6, "megabyte"),
        value if value >= 1e3 => (value / 1e3, "kilobyte"),
        value => (value, "byte"),
    };
    format_number(
        amount,
        &[
            ("style", JsValue::from_str("unit")),
            ("unit", JsValue::from_str(unit)),
            ("maximumFractionDigits", JsValue::from(1)),
        ],
    )
}

/// `840 ms`, `2.4 s`.
pub(crate) fn milliseconds(value: i64) -> String {
    let (amount, unit, digits) = if value < 1000 {
        (
            f64::from(i32::try_from(value).unwrap_or(i32::MAX)),
            "millisecond",
            0,
        )
    } else {
        (
            f64::from(i32::try_from(value).unwrap_or(i32::MAX)) / 1000.0,
            "second",
            1,
        )
    };
    format_number(
        amount,
        &[
            ("style", JsValue::from_str("unit")),
            ("unit", JsValue::from_str(unit)),
            ("maximumFractionDigits", JsValue::from(digits)),
        ],
    )
}

/// `0.4 ms`, `12 ms`, `2.4 s`: from microseconds.
pub(crate) fn microseconds(value: i64) -> String {
    if value >= 10_000 {
        return milliseconds(value / 1000);
    }
    format_number(
        f64::from(i32::try_from(value).unwrap_or_default()) / 1000.0,
        &[
            ("style", JsValue::from_str("unit")),
            ("unit", JsValue::from_str("millisecond")),
            ("maximumFractionDigits", JsValue::from(1)),
        ],
    )
}

/// Whole percent: 0–1 becomes `0 %`–`100 %`.
pub(crate) fn percent(share: f64) -> String {
    format_number(
        share,
        &[
            ("style", JsValue::from_str("percent")),
            ("maximumFractionDigits", JsValue::from(0)),
        ],
    )
}

/// Milliseconds since 1970 of a wire timestamp.
#[expect(clippy::cast_precision_loss, reason = "seconds stay far below 2^53")]
pub(crate) fn epoch_ms(time: &Timestamp) -> f64 {
    time.seconds as f64 * 1000.0 + f64::from(time.nanos) / 1e6
}

/// Date and time in the reader's own zone, to the second.
pub(crate) fn exact_time(time: &Timestamp) -> String {
    format_date(
        time,
        &[
            ("dateStyle", JsValue::from_str("medium")),
            ("timeStyle", JsValue::from_str("medium")),
        ],
    )
}

/// Only the day, in the reader's own zone.
pub(crate) fn date(time: &Timestamp) -> String {
    format_date(time, &[("dateStyle", JsValue::from_str("medium"))])
}

/// A day of the records, `2026-11-21`, which begins at midnight UTC.
pub(crate) fn utc_day(day: &str) -> String {
    let settings = [
        ("dateStyle", JsValue::from_str("medium")),
        ("timeZone", JsValue::from_str("UTC")),
    ];
    format_js_date(&Date::new(&JsValue::from_str(day)), &settings)
}

/// Only the clock: `14:05`.
pub(crate) fn clock_time(time: &Timestamp) -> String {
    format_date(
        time,
        &[
            ("hour", JsValue::from_str("2-digit")),
            ("minute", JsValue::from_str("2-digit")),
        ],
    )
}

fn format_date(time: &Timestamp, settings: &[(&str, JsValue)]) -> String {
    format_js_date(&Date::new(&JsValue::from_f64(epoch_ms(time))), settings)
}

fn format_js_date(date: &Date, settings: &[(&str, JsValue)]) -> String {
    Intl::DateTimeFormat::new(&locales(), &options(settings))
        .format()
        .call1(&JsValue::UNDEFINED, date)
        .ok()
        .and_then(|text| text.as_string())
        .unwrap_or_default()
}

/// `3 minutes ago`, `yesterday`, `in 2 hours`.
pub(crate) fn relative_time(time: &Timestamp) -> String {
    let seconds = (epoch_ms(time) - Date::now()) / 1000.0;
    let (amount, unit) = match seconds.abs() {
        distance if distance < 60.0 => (seconds, "second"),
        distance if distance < 3600.0 => (seconds / 60.0, "minute"),
        distance if distance < 86_400.0 => (seconds / 3600.0, "hour"),
        distance if distance < 2_592_000.0 => (seconds / 86_400.0, "day"),
        distance if distance < 31_536_000.0 => (seconds / 2_592_000.0, "month"),
        _ => (seconds / 31_536_000.0, "year"),
    };
    let numeric = options(&[("numeric", JsValue::from_str("auto"))]);
    Intl::RelativeTimeFormat::new(&locales(), &numeric)
        .format(amount.trunc(), unit)
        .into()
}

/// How long ago a wire time was; zero for the future.
pub(crate) fn age(time: &Timestamp) -> Duration {
    Duration::try_from_secs_f64((Date::now() - epoch_ms(time)) / 1000.0).unwrap_or_default()
}
