//! What an error of an OpenAI-compatible server means for the caller.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::HeaderMap;
use http::header::RETRY_AFTER;

use crate::failure::{Failure, FailureClass};
use crate::wire::{ErrorBody, ErrorMetadata, ErrorObject};

/// A wait longer than this is as good as none being named.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// The failure of an answer with an error status.
pub(super) fn refused(
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    now: DateTime<Utc>,
) -> Failure {
    let mut failure = match serde_json::from_slice::<ErrorBody<'_>>(body) {
        Ok(body) => classified(body.error.status().unwrap_or(status), &body.error),
        Err(_not_the_usual_form) => {
            let message = plain_error(body);
            classified(
                status,
                &ErrorObject {
                    message,
                    ..ErrorObject::default()
                },
            )
        }
    };
    if failure.transient {
        failure.retry_after = retry_after(headers, now).or(failure.retry_after);
    }
    failure
}

/// The failure of an error object inside a stream that began well. Without a status in it the
/// provider broke off on its own account.
pub(super) fn broke_off(error: &ErrorObject<'_>) -> Failure {
    classified(error.status().unwrap_or(502), error)
}

/// `{"error": "text"}` and `{"message": "text"}` are seen too.
fn plain_error(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = body
        .get("error")
        .or_else(|| body.get("message"))?
        .as_str()?;
    Some(text.to_owned())
}

fn classified(status: u16, error: &ErrorObject<'_>) -> Failure {
    let word = word(error);
    let class = class(status, word, error);
    let said = error.message.as_deref().map_or("", str::trim);
    let message = match (class, status) {
        // Some servers quote the key.
        (_, 401) => "the provider does not accept the API key".to_owned(),
        (_, _) if said.is_empty() => format!("the provider answered with status {status}"),
        (FailureClass::ContentRefused, _) => format!("the provider refused the content: {said}"),
        _ => format!("the provider answered: {said}"),
    };
    let cause = if word.is_empty() {
        format!("http_{status}")
    } else {
        word.to_owned()
    };
    let mut failure = Failure::new(class, cause, message);
    failure.of_key = is_of_key(class, error);
    if let Some(availability) = &error.availability {
        failure.transient = availability.retryable.unwrap_or(failure.transient);
        failure.retry_after = availability.retry_after.and_then(seconds);
    }
    failure
}

/// Whether it is the key, or its account, that is refused or limited: not the one provider behind
/// OpenRouter that was asked, and not what was asked for.
fn is_of_key(class: FailureClass, error: &ErrorObject<'_>) -> bool {
    use FailureClass::{Forbidden, KeyRefused, Limited, Unpaid};
    let metadata = error.metadata.as_ref();
    let is_behind = metadata.is_some_and(|metadata| metadata.provider_name.is_some());
    match class {
        KeyRefused | Unpaid => true,
        Forbidden | Limited => !is_behind && error.availability.is_none(),
        _ => false,
    }
}

/// The stable word for the error: OpenRouter's, else OpenAI's code or type.
fn word<'a>(error: &'a ErrorObject<'_>) -> &'a str {
    let metadata = error
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.error_type.as_deref());
    let availability = error
        .availability
        .as_ref()
        .and_then(|found| found.code.as_deref());
    let code = error
        .code()
        .filter(|code| !code.bytes().all(|byte| byte.is_ascii_digit()));
    metadata
        .or(availability)
        .or(code)
        .or(error.r#type.as_deref())
        .unwrap_or("")
}

fn class(status: u16, word: &str, error: &ErrorObject<'_>) -> FailureClass {
    match word {
        "context_length_exceeded"
        | "token_limit_exceeded"
        | "string_too_long"
        | "exceed_context_size_error"
        | "payload_too_large" => return FailureClass::ContextTooLong,
        "content_policy_violation" | "content_filter" | "refusal" => {
            return FailureClass::ContentRefused;
        }
        "model_not_found" => return FailureClass::ModelUnknown,
        _ => {}
    }
    let metadata = error.metadata.as_ref();
    let limit_source = metadata.and_then(|metadata| metadata.limit_source.as_deref());
    match status {
        400 | 422 if speaks_of_context(error) => FailureClass::ContextTooLong,
        // Money held for calls that still run: it comes back by itself.
        402 if limit_source == Some("openrouter_in_flight_budget") => FailureClass::Limited,
        403 if metadata.is_some_and(ErrorMetadata::is_of_content) => FailureClass::ContentRefused,
        // A budget of the key or its account is spent.
        403 if limit_source.is_some() => FailureClass::Unpaid,
        401 => FailureClass::KeyRefused,
        402 => FailureClass::Unpaid,
        403 => FailureClass::Forbidden,
        404 => FailureClass::ModelUnknown,
        413 => FailureClass::ContextTooLong,
        429 => FailureClass::Limited,
        408 | 500.. => FailureClass::Unavailable,
        _ => FailureClass::Refused,
    }
}

/// vLLM and older servers say it only in words.
fn speaks_of_context(error: &ErrorObject<'_>) -> bool {
    let message = error
        .message
        .as_deref()
        .unwrap_or_default()
        .to_ascii_lowercase();
    ["context length", "context size", "context window"]
        .iter()
        .any(|words| message.contains(words))
}

/// `retry-after-ms`, or `Retry-After` as seconds or as a date.
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|millis| millis.parse::<f64>().ok()) {
        return seconds(millis / 1_000.0);
    }
    let value = text(RETRY_AFTER.as_str())?;
    match value.parse::<f64>() {
        Ok(value) => seconds(value),
        Err(_a_date) => {
            let until = DateTime::parse_from_rfc2822(value).ok()?.to_utc() - now;
            Some(until.to_std().unwrap_or_default().min(LONGEST_WAIT))
        }
    }
}

fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .map(|wait| wait.min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn failure(status: u16, body: &str) -> Failure {
        refused(
            status,
            &HeaderMap::new(),
            body.as_bytes(),
            DateTime::UNIX_EPOCH,
        )
    }

    #[test]
    fn every_status_has_its_class() {
        use FailureClass as C;
        for (status, class, transient) in [
            (400, C::Refused, false),
            (401, C::KeyRefused, false),
            (402, C::Unpaid, false),
            (403, C::Forbidden, false),
            (404, C::ModelUnknown, false),
            (408, C::Unavailable, true),
            (412, C::Refused, false),
            (413, C::ContextTooLong, false),
            (422, C::Refused, false),
            (429, C::Limited, true),
            (500, C::Unavailable, true),
            (502, C::Unavailable, true),
            (503, C::Unavailable, true),
            (504, C::Unavailable, true),
            (524, C::Unavailable, true),
            (529, C::Unavailable, true),
        ] {
            for body in [
                "",
                "<html>",
                r#"{"error":{"message":"no","code":null}}"#,
                r#"{"error":"no"}"#,
            ] {
                let failure = failure(status, body);
                assert_eq!(
                    (failure.class, failure.transient),
                    (class, transient),
                    "{status} {body}"
                );
            }
        }
    }

    #[test]
    fn words_say_more_than_the_status() {
        use FailureClass as C;
        for (body, class) in [
            (
                r#"{"error":{"code":400,"message":"x","metadata":{"error_type":"context_length_exceeded"}}}"#,
                C::ContextTooLong,
            ),
            (
                r#"{"error":{"code":"context_length_exceeded","message":"x"}}"#,
                C::ContextTooLong,
            ),
            (
                r#"{"error":{"code":400,"type":"exceed_context_size_error","message":"x"}}"#,
                C::ContextTooLong,
            ),
            (
                r#"{"error":{"message":"This model's maximum context length is 8192 tokens"}}"#,
                C::ContextTooLong,
            ),
            (
                r#"{"error":{"code":403,"message":"x","metadata":{"reasons":["violence"]}}}"#,
                C::ContentRefused,
            ),
            (
                r#"{"error":{"code":400,"message":"x","metadata":{"error_type":"content_policy_violation"}}}"#,
                C::ContentRefused,
            ),
            (
                r#"{"error":{"code":402,"message":"x","metadata":{"limit_source":"openrouter_in_flight_budget"}}}"#,
                C::Limited,
            ),
            (
                r#"{"error":{"code":"model_not_found","message":"x"}}"#,
                C::ModelUnknown,
            ),
        ] {
            assert_eq!(failure(400, body).class, class, "{body}");
        }
    }

    #[test]
    fn the_provider_decides_whether_to_try_again() {
        let body = r#"{"error":{"code":503,"message":"x",
            "availability":{"code":"constraint_filtered","retryable":false}}}"#;
        assert!(!failure(503, body).transient);
        let body = r#"{"error":{"code":429,"message":"x",
            "availability":{"code":"capacity_exhausted","retryable":true,"retry_after":4}}}"#;
        assert_eq!(failure(429, body).retry_after, Some(Duration::from_secs(4)));
    }

    #[test]
    fn a_key_is_never_quoted() {
        let body = r#"{"error":{"message":"Incorrect API key provided: sk-or-v1-abc"}}"#;
        assert!(!failure(401, body).message.contains("sk-or"));
    }

    #[test]
    fn waits_are_read_in_all_their_forms() {
        let now = DateTime::parse_from_rfc3339("2026-11-21T10:00:00Z")
            .unwrap()
            .to_utc();
        for (name, value, expected) in [
            ("retry-after", "2", Some(Duration::from_secs(2))),
            ("retry-after", "0.5", Some(Duration::from_millis(500))),
            (
                "retry-after",
                "Sat, 21 Nov 2026 10:00:07 GMT",
                Some(Duration::from_secs(7)),
            ),
            (
                "retry-after",
                "Sat, 21 Nov 2026 09:00:00 GMT",
                Some(Duration::ZERO),
            ),
            ("retry-after", "999999999", Some(LONGEST_WAIT)),
            ("retry-after", "-1", None),
            ("retry-after", "soon", None),
            ("retry-after-ms", "250", Some(Duration::from_millis(250))),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            assert_eq!(retry_after(&headers, now), expected, "{name}: {value}");
            assert_eq!(refused(429, &headers, b"", now).retry_after, expected);
            assert_eq!(refused(400, &headers, b"", now).retry_after, None);
        }
    }
}
