//! Bodies of refusals, and which error they are.
//!
//! Sources: Kommo docs, `http-codes`, `chats-api-add-on`, `send-message-to-conversation`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use t11_core::Violation;

use crate::de::{self, Integer};
use crate::error::{Error, Lack};

/// How much of a body is kept, in bytes.
const KEPT: usize = 2 * 1024;
/// What Kommo asks for after a 429, and what is waited when it does not say.
pub(crate) const DEFAULT_PAUSE: Duration = Duration::from_secs(300);
/// No pause is shorter or longer than this, whatever is asked for.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3_600));

/// What Kommo said of a refusal. Shown without its body, which may hold what was sent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status; 0 when there was no answer.
    pub status: u16,
    /// `Bad Request`.
    pub title: String,
    /// `Request validation failed`; of token requests also what `hint` says.
    pub detail: String,
    /// The fields that are wrong.
    pub fields: Vec<FieldProblem>,
    /// The same for our callers.
    pub(crate) violations: Vec<Violation>,
    /// `X-Request-Id`, or the trace id of a 500: what Kommo's support asks for.
    pub request_id: Option<String>,
    /// The body's beginning, at most 2 KiB; not for logs.
    pub body: String,
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Problem")
            .field("status", &self.status)
            .field("title", &self.title)
            .field("detail", &self.detail)
            .field("fields", &self.fields)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

/// A field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// Which item of a batch: its `request_id`, else its place.
    pub request_id: Option<String>,
    /// `custom_fields_values.0.field_id`.
    pub path: String,
    /// `NotSupportedChoice`, `InvalidType`, `TooFew`, …: an open set.
    pub code: String,
    /// For people.
    pub detail: String,
}

impl Problem {
    /// Whether title or detail have this word, whatever its case.
    #[must_use]
    pub fn says(&self, word: &str) -> bool {
        let text = format!("{} {}", self.title, self.detail).to_ascii_lowercase();
        text.contains(&word.to_ascii_lowercase())
    }

    /// One that we state ourselves.
    pub(crate) fn of(detail: &str) -> Box<Self> {
        Box::new(Self {
            detail: detail.to_owned(),
            ..Self::default()
        })
    }
}

/// What a refusal came with.
pub(crate) struct Refusal<'a> {
    pub(crate) status: StatusCode,
    /// Its header `Retry-After`.
    pub(crate) retry_after: Option<&'a str>,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

impl Refusal<'_> {
    /// The error it is. `is_repeatable`: whether the request may be done twice.
    pub(crate) fn error(&self, is_repeatable: bool) -> Error {
        let json = serde_json::from_slice::<Map<String, Value>>(self.body);
        let is_json = json.is_ok();
        let wire = json.ok().map(Value::Object).map(Wire::deserialize);
        // An object of another shape is still an answer of the API's own.
        let wire = wire.and_then(Result::ok).unwrap_or_default();
        let pause = self.pause(&wire);
        let problem = Box::new(self.problem(wire));
        match self.status.as_u16() {
            401 => Error::Unauthorized(problem),
            402 => Error::PaymentRequired(lack(&problem), problem),
            403 if is_json => Error::Forbidden(problem),
            403 => Error::Blocked { retry_after: pause },
            404 => Error::NotFound(problem),
            409 => Error::Conflict(problem),
            422 if problem.says("closed") => Error::Conflict(problem),
            429 => Error::RateLimited { retry_after: pause },
            300..=399 => Error::Redirected,
            500.. if !is_repeatable => Error::OutcomeUnknown,
            500.. => Error::Unavailable(problem),
            _ => Error::Invalid(problem),
        }
    }

    fn pause(&self, wire: &Wire) -> Duration {
        let header = self.retry_after.and_then(|text| text.trim().parse().ok());
        let body = wire.retry_after.and_then(|wait| u64::try_from(wait.0).ok());
        let pause = header.or(body).map_or(DEFAULT_PAUSE, Duration::from_secs);
        pause.clamp(PAUSES.0, PAUSES.1)
    }

    fn problem(&self, wire: Wire) -> Problem {
        let detail = match (wire.detail, wire.hint) {
            (detail, None) => detail,
            (detail, Some(hint)) => format!("{hint}: {detail}"),
        };
        let fields: Vec<_> = wire
            .validation_errors
            .into_iter()
            .flat_map(fields)
            .collect();
        Problem {
            status: self.status.as_u16(),
            title: wire.title.or(wire.error_type).unwrap_or_default(),
            detail: wire.error_description.unwrap_or(detail),
            violations: fields.iter().map(violation).collect(),
            fields,
            request_id: self.request_id.map(str::to_owned).or(wire.trace_id),
            body: beginning(self.body),
        }
    }
}

/// Both shapes: that of REST, and `error_type` with `error_description` of the chat back end.
#[derive(Default, Deserialize)]
struct Wire {
    #[serde(default, deserialize_with = "de::some_text")]
    title: Option<String>,
    #[serde(default, deserialize_with = "de::text")]
    detail: String,
    #[serde(default, deserialize_with = "de::some_text")]
    hint: Option<String>,
    #[serde(default, deserialize_with = "de::some_text")]
    trace_id: Option<String>,
    #[serde(default, deserialize_with = "de::maybe")]
    retry_after: Option<Integer>,
    #[serde(default, deserialize_with = "de::list", rename = "validation-errors")]
    validation_errors: Vec<ItemErrors>,
    #[serde(default, deserialize_with = "de::some_text")]
    error_type: Option<String>,
    #[serde(default, deserialize_with = "de::some_text")]
    error_description: Option<String>,
}

#[derive(Deserialize)]
struct ItemErrors {
    #[serde(default, deserialize_with = "de::some_text")]
    request_id: Option<String>,
    #[serde(default, deserialize_with = "de::list")]
    errors: Vec<ItemError>,
}

#[derive(Deserialize)]
struct ItemError {
    #[serde(default, deserialize_with = "de::text")]
    path: String,
    #[serde(default, deserialize_with = "de::text")]
    code: String,
    #[serde(default, deserialize_with = "de::text")]
    detail: String,
}

fn fields(item: ItemErrors) -> impl Iterator<Item = FieldProblem> {
    let request_id = item.request_id;
    item.errors.into_iter().map(move |error| FieldProblem {
        request_id: request_id.clone(),
        path: error.path,
        code: error.code,
        detail: error.detail,
    })
}

fn violation(field: &FieldProblem) -> Violation {
    Violation {
        field: field.path.clone(),
        reason: Cow::Owned(upper_snake(&field.code)),
        description: field.detail.clone(),
    }
}

/// `NotSupportedChoice` → `NOT_SUPPORTED_CHOICE`.
fn upper_snake(code: &str) -> String {
    let mut text = String::new();
    for letter in code.chars().filter(char::is_ascii_alphanumeric) {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

fn lack(problem: &Problem) -> Lack {
    if problem.says("over chat api limit") {
        Lack::Quota
    } else if problem.says("tariff") || problem.says("not available") {
        Lack::Plan
    } else {
        Lack::Account
    }
}

fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(KEPT)]).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use t11_core::Fault as _;

    use super::*;
    use crate::error::Repeat;

    fn refused(status: u16, body: &str) -> Error {
        refusal(status, None, body).error(true)
    }

    fn refusal<'a>(status: u16, retry_after: Option<&'a str>, body: &'a str) -> Refusal<'a> {
        Refusal {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after,
            request_id: Some("r-1"),
            body: body.as_bytes(),
        }
    }

    #[test]
    fn a_block_is_told_from_a_missing_right() {
        let page = "<html><body><h1>403 Forbidden</h1></body></html>";
        let blocked = refused(403, page);
        assert!(matches!(blocked, Error::Blocked { retry_after } if retry_after == DEFAULT_PAUSE));
        let scope = refused(
            403,
            r#"{"title":"Forbidden","status":403,"detail":"Invalid scope"}"#,
        );
        assert!(matches!(&scope, Error::Forbidden(_)));
        assert!(scope.is_scope());
        let right = refused(403, r#"{"title":"Forbidden","detail":"Access denied"}"#);
        assert!(!right.is_scope());
    }

    #[test]
    fn a_pause_is_as_kommo_asks_within_reason() {
        let pause = |header, body| match refusal(429, header, body).error(false) {
            Error::RateLimited { retry_after } => retry_after.as_secs(),
            error => panic!("{error:?}"),
        };
        assert_eq!(
            pause(None, r#"{"title":"Too Many Requests","retry_after":300}"#),
            300
        );
        assert_eq!(pause(None, r#"{"retry_after":"60"}"#), 60);
        assert_eq!(pause(Some("7"), r#"{"retry_after":300}"#), 7);
        assert_eq!(pause(Some("Fri, 01 Jan 2027 00:00:00 GMT"), "{}"), 300);
        assert_eq!(pause(None, "<html>429</html>"), 300);
        assert_eq!(pause(None, r#"{"retry_after":-5}"#), 300);
        assert_eq!(pause(None, r#"{"retry_after":0}"#), 1);
        assert_eq!(pause(None, r#"{"retry_after":99999999}"#), 3_600);
    }

    #[test]
    fn fields_are_kept_and_told() {
        let error = refused(
            400,
            r#"{"validation-errors":[{"request_id":"4","errors":[
                {"code":"NotSupportedChoice","path":"status_id","detail":"Not a valid choice."},
                {"code":"InvalidType","path":"name","detail":"Not a text."}]}],
                "title":"Bad Request","status":400,"detail":"Request validation failed"}"#,
        );
        let problem = error.problem().unwrap();
        assert_eq!(problem.fields.len(), 2);
        assert_eq!(problem.fields[0].request_id.as_deref(), Some("4"));
        assert_eq!(error.violations()[0].reason, "NOT_SUPPORTED_CHOICE");
        assert_eq!(error.violations()[0].field, "status_id");
        assert_eq!(error.repeat(), Repeat::Never);
        assert_eq!(problem.request_id.as_deref(), Some("r-1"));
    }

    #[test]
    fn refusals_are_what_they_say() {
        let quota = refused(
            402,
            r#"{"title":"Payment Required","detail":"Over chat API limit"}"#,
        );
        assert!(matches!(quota, Error::PaymentRequired(Lack::Quota, _)));
        let plan = r#"{"detail":"Endpoint not available for current account tariff"}"#;
        assert!(matches!(
            refused(402, plan),
            Error::PaymentRequired(Lack::Plan, _)
        ));
        assert!(matches!(
            refused(402, ""),
            Error::PaymentRequired(Lack::Account, _)
        ));
        assert!(matches!(
            refused(422, r#"{"detail":"Talk is closed"}"#),
            Error::Conflict(_)
        ));
        assert!(matches!(
            refused(422, r#"{"detail":"Limit 250 per page"}"#),
            Error::Invalid(_)
        ));
        assert!(matches!(refused(405, "{}"), Error::Invalid(_)));
        assert!(matches!(refused(302, ""), Error::Redirected));
        let revoked = refused(
            401,
            r#"{"hint":"Token has been revoked","title":"Unauthorized"}"#,
        );
        assert!(revoked.problem().unwrap().says("revoked"));
    }

    #[test]
    fn after_a_failure_of_kommos_a_request_may_have_been_done() {
        let body = r#"{"title":"ErrInternalServer","status":500,"trace_id":"t-1"}"#;
        for status in [500, 502, 503, 504, 599] {
            assert!(matches!(refused(status, body), Error::Unavailable(_)));
            let once = refusal(status, None, body).error(false);
            assert!(matches!(once, Error::OutcomeUnknown), "{status}");
        }
    }

    #[test]
    fn the_chat_back_end_has_words_of_its_own() {
        let body = r#"{"status":0,"error_code":404,"error_type":"ORIGIN_NOT_REGISTERED","error_description":"NOT_FOUND"}"#;
        let error = refused(404, body);
        assert_eq!(error.problem().unwrap().title, "ORIGIN_NOT_REGISTERED");
    }

    #[test]
    fn a_body_is_not_shown() {
        let error = refused(400, r#"{"detail":"Bad","sent":"+15550100"}"#);
        assert!(!format!("{error:?} {error}").contains("15550100"));
    }

    #[test]
    fn a_long_body_is_cut() {
        let error = refused(400, &"я".repeat(5_000));
        assert!(error.problem().unwrap().body.len() <= KEPT + 3);
    }

    proptest! {
        #[test]
        fn no_body_breaks_it(status in 300_u16..600, body in prop::collection::vec(any::<u8>(), 0..300)) {
            let refusal = Refusal {
                status: StatusCode::from_u16(status).unwrap(),
                retry_after: None,
                request_id: None,
                body: &body,
            };
            let error = refusal.error(false);
            prop_assert!(!error.reason().is_empty());
            prop_assert!(!matches!(error, Error::Unavailable(_)));
        }
    }
}
