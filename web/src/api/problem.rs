//! A failed call as a person meets it: what happened, what to do next, and what to tell support.

use std::time::Duration;

use prost::Message;
use t11_proto::google::rpc;
use tonic::{Code, Status};

use crate::i18n::{Language, language, text};

/// One field of a form that the server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Path in the request, `agent.display_name`: equals the name of the input.
    pub(crate) field: String,
    pub(crate) text: String,
}

/// What a screen may do about a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    Invalid,
    SignedOut,
    Forbidden,
    NotFound,
    Stale,
    /// Trying again may help.
    Passing,
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) kind: ProblemKind,
    /// The stable reason of the error, `AGENT_NAME_TAKEN`.
    pub(crate) reason: String,
    /// The particular cause, where one reason has several: `opted_out`.
    pub(crate) why: String,
    pub(crate) text: String,
    pub(crate) next: String,
    pub(crate) request_id: Option<String>,
    pub(crate) violations: Vec<Violation>,
}

impl Problem {
    /// There is no way to the server.
    pub(crate) fn offline() -> Self {
        let t = text::problems();
        Self {
            kind: ProblemKind::Passing,
            reason: "OFFLINE".to_owned(),
            why: String::new(),
            text: t.offline.to_owned(),
            next: t.offline_next.to_owned(),
            request_id: None,
            violations: Vec::new(),
        }
    }

    /// The code of a screen did not come.
    pub(crate) fn not_loaded() -> Self {
        let t = text::problems();
        Self {
            reason: "NOT_LOADED".to_owned(),
            text: t.not_loaded.to_owned(),
            next: t.not_loaded_next.to_owned(),
            ..Self::offline()
        }
    }

    /// A stream ended before its last message.
    pub(crate) fn cut() -> Self {
        Self::from_reason(Code::Unavailable, "STREAM_CUT".to_owned(), "")
    }

    /// The server speaks a newer language than this page.
    pub(super) fn unreadable() -> Self {
        Self::from_reason(Code::Internal, "ANSWER_UNREADABLE".to_owned(), "")
    }

    /// A problem known only by its reason, as REST tells it.
    pub(crate) fn from_reason(code: Code, reason: String, message: &str) -> Self {
        let details = Details {
            reason,
            ..Details::default()
        };
        Self::new(code, message, details)
    }

    fn new(code: Code, message: &str, details: Details) -> Self {
        let (text, next) = words(code, &details.reason, details.retry_after, message);
        Self {
            kind: kind(code),
            reason: details.reason,
            why: details.why,
            text,
            next,
            request_id: details.request_id,
            violations: details.violations,
        }
    }

    /// What is wrong with one field, if anything.
    pub(crate) fn violation(&self, field: &str) -> Option<&str> {
        self.violations
            .iter()
            .find(|violation| violation.field == field)
            .map(|violation| violation.text.as_str())
    }
}

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        let mut details = Details::decode(status.details());
        if details.reason.is_empty() {
            details.reason = format!("{:?}", status.code());
        }
        if status.code() == Code::Unauthenticated && details.reason != "CREDENTIALS_WRONG" {
            super::tell_session_end();
        }
        Self::new(status.code(), status.message(), details)
    }
}

#[derive(Default)]
struct Details {
    reason: String,
    why: String,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    violations: Vec<Violation>,
}

impl Details {
    fn decode(bytes: &[u8]) -> Self {
        let mut details = Self::default();
        // Details that cannot be read leave the code and the message, which are enough to show.
        for any in rpc::Status::decode(bytes).unwrap_or_default().details {
            details.read(&any);
        }
        details
    }

    fn read(&mut self, any: &prost_types::Any) {
        let kind = any.type_url.rsplit('/').next().unwrap_or_default();
        match kind {
            "google.rpc.ErrorInfo" => {
                if let Some(mut info) = unpack::<rpc::ErrorInfo>(any) {
                    self.reason = info.reason;
                    self.why = info.metadata.remove("why").unwrap_or_default();
                }
            }
            "google.rpc.RequestInfo" => {
                self.request_id = unpack::<rpc::RequestInfo>(any).map(|info| info.request_id);
            }
            "google.rpc.RetryInfo" => {
                self.retry_after = unpack::<rpc::RetryInfo>(any)
                    .and_then(|info| info.retry_delay)
                    .and_then(|delay| delay.try_into().ok());
            }
            "google.rpc.BadRequest" => {
                let violations = unpack::<rpc::BadRequest>(any).unwrap_or_default();
                self.violations = violations
                    .field_violations
                    .into_iter()
                    .map(|violation| Violation {
                        text: violation_text(&violation),
                        field: violation.field,
                    })
                    .collect();
            }
            _ => {}
        }
    }
}

fn unpack<M: Message + Default>(any: &prost_types::Any) -> Option<M> {
    M::decode(any.value.as_slice()).ok()
}

fn kind(code: Code) -> ProblemKind {
    match code {
        Code::InvalidArgument | Code::OutOfRange => ProblemKind::Invalid,
        Code::Unauthenticated => ProblemKind::SignedOut,
        Code::PermissionDenied => ProblemKind::Forbidden,
        Code::NotFound => ProblemKind::NotFound,
        Code::Aborted => ProblemKind::Stale,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::ResourceExhausted => {
            ProblemKind::Passing
        }
        Code::Ok
        | Code::Unknown
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss => ProblemKind::Other,
    }
}

/// What happened and what to do: by the reason where it is known, else by the code.
fn words(code: Code, reason: &str, retry: Option<Duration>, message: &str) -> (String, String) {
    let t = text::problems();
    let (what, next) = match reason {
        "CREDENTIALS_WRONG" => (t.credentials_wrong, ""),
        "EMAIL_TAKEN" => (t.email_taken, t.email_taken_next),
        "PASSWORD_WEAK" => (t.password_weak, ""),
        "AGENT_NAME_TAKEN" | "CATEGORY_NAME_TAKEN" => (t.already_exists, t.already_exists_next),
        "AGENT_STATE" => (t.agent_state, t.precondition_next),
        "CATEGORY_TOO_DEEP" => (t.category_too_deep, ""),
        "CATEGORY_HAS_CHILDREN" => (t.category_has_children, ""),
        "TURN_RUNNING" => (t.turn_running, ""),
        "PRICE_COLUMNS_MISSING" => (t.price_columns, t.price_columns_next),
        "PRICE_VERSION_HAS_ERRORS" => (t.price_errors, t.price_errors_next),
        "AGENT_NOT_READY" => (t.agent_not_ready, ""),
        "AGENT_VERSION_OUTDATED" => (t.version_outdated, ""),
        "EVAL_FAILED" => (t.eval_failed, t.eval_failed_next),
        "EVAL_NOT_RUN" => (t.eval_not_run, t.eval_not_run_next),
        "EVAL_RUNNING" => (t.eval_running, t.eval_running_next),
        "EVAL_EMPTY" => (t.eval_empty, ""),
        "EVAL_FULL" => (t.eval_full, ""),
        "EVAL_SUITE_NAME_TAKEN" => (t.already_exists, t.already_exists_next),
        "JOB_FINISHED" => (t.job_finished, ""),
        "JOB_NOT_DEAD" => (t.job_not_dead, ""),
        "PROVIDER_REFUSED" => (t.provider_refused, t.provider_refused_next),
        "PROVIDER_UNAVAILABLE" => (t.provider_unavailable, t.provider_unavailable_next),
        "PROVIDER_LIMITED" => (t.provider_limited, t.limited_next),
        "STREAM_CUT" => (t.stream_cut, t.stream_cut_next),
        "CONTEXT_TOO_LONG" => (t.context_too_long, t.context_too_long_next),
        "MODEL_UNKNOWN" => (t.model_unknown, t.model_unknown_next),
        "CONTENT_REFUSED" => (t.content_refused, ""),
        "BUDGET_SPENT" => (t.budget_spent, t.budget_spent_next),
        "BUDGET_EXCEEDED" => (t.budget_exceeded, t.budget_exceeded_next),
        "ANSWER_INVALID" => (t.answer_invalid, t.answer_invalid_next),
        "TOO_MANY_ROUTES" => (t.too_many_routes, t.too_many_routes_next),
        "TOO_MANY_KEYS" => (t.too_many_keys, t.too_many_keys_next),
        "NO_PROVIDER" => (t.no_provider, t.no_provider_next),
        "KEY_EXHAUSTED" => (t.key_exhausted, t.key_exhausted_next),
        "API_KEY_ALREADY_SHOWN" => (t.key_already_shown, t.key_already_shown_next),
        "API_KEY_LIMIT" => (t.key_limit, t.key_limit_next),
        "CONNECTION_STATE" => (t.connection_state, t.connection_state_next),
        "CONNECTION_EXISTS" => (t.connection_exists, ""),
        "CONNECTION_TAKEN" => (t.connection_taken, t.connection_taken_next),
        "CREDENTIAL_MISSING" => (t.credential_missing, t.credential_missing_next),
        "CREDENTIAL_IN_USE" => (t.credential_in_use, ""),
        "CREDENTIAL_REFUSED" => (t.credential_refused, t.credential_refused_next),
        "AUTHORIZATION_STATE" => (t.authorization_state, t.authorization_state_next),
        "AUTHORIZATION_DECLINED" => (t.authorization_declined, t.authorization_declined_next),
        "AUTHORIZATION_CODE" => (t.authorization_code, t.authorization_code_next),
        "HOST_NOT_ALLOWED" => (t.host_not_allowed, t.host_not_allowed_next),
        "TOKEN_REFUSED" => (t.token_refused, t.token_refused_next),
        "KOMMO_UNAVAILABLE" | "KOMMO_TIMEOUT" => (t.kommo_unavailable, t.kommo_unavailable_next),
        "STAGE_TAKEN" => (t.stage_taken, t.stage_taken_next),
        "CONVERSATION_NOT_LIVE" => (t.conversation_not_live, ""),
        "SEQUENCE_BLOCKED" => (t.sequence_blocked, ""),
        "DRAFT_STATE" => (t.draft_gone, t.draft_gone_next),
        "SCRIPT_NAME_TAKEN" => (t.script_name_taken, t.already_exists_next),
        "EMBEDDINGS_UNAVAILABLE" => (t.embeddings_unavailable, ""),
        _ => by_code(code),
    };
    let what = if what.is_empty() { message } else { what };
    // The names stand behind the colon.
    let what = match message.split_once(": ") {
        Some((_, names)) if what.ends_with(':') => format!("{what} {names}"),
        _ => what.to_owned(),
    };
    let next = match retry {
        Some(delay) if code == Code::ResourceExhausted => {
            (t.limited_seconds)(delay.as_secs().max(1))
        }
        _ => next.to_owned(),
    };
    (what, next)
}

fn by_code(code: Code) -> (&'static str, &'static str) {
    let t = text::problems();
    match code {
        Code::InvalidArgument | Code::OutOfRange => (t.invalid, t.invalid_next),
        Code::Unauthenticated => (t.session_invalid, t.session_invalid_next),
        Code::PermissionDenied => (t.forbidden, t.forbidden_next),
        Code::NotFound => (t.not_found, t.not_found_next),
        Code::AlreadyExists => (t.already_exists, t.already_exists_next),
        Code::Aborted => (t.stale, t.stale_next),
        Code::FailedPrecondition => (t.precondition, t.precondition_next),
        Code::ResourceExhausted => (t.limited, t.limited_next),
        Code::Unavailable => (t.unavailable, t.unavailable_next),
        Code::DeadlineExceeded | Code::Cancelled => (t.timeout, t.timeout_next),
        Code::Internal | Code::DataLoss => (t.internal, t.internal_next),
        Code::Ok | Code::Unknown | Code::Unimplemented => (t.unknown, t.internal_next),
    }
}

/// English descriptions name the limit; the other language knows the reason and the field.
fn violation_text(violation: &rpc::bad_request::FieldViolation) -> String {
    let t = text::problems();
    let (reason, description) = (violation.reason.as_str(), violation.description.as_str());
    let field = violation.field.rsplit('.').next().unwrap_or_default();
    let known = match reason {
        "MALFORMED" if field == "email" => t.field_email,
        "MALFORMED" | "NOT_PUBLIC" if field == "uri" => t.field_uri,
        "UNKNOWN_VALUE" | "MALFORMED" if field == "time_zone" => t.field_time_zone,
        "TOO_MANY" => t.field_too_many,
        "NOT_FOUND" => t.field_not_found,
        "HOST_NOT_ALLOWED" => t.host_not_allowed,
        "TOKEN_EXPIRED" => t.token_expired,
        "DUPLICATE" => t.field_duplicate,
        "INVALID" if field == "alias" => t.field_alias,
        "INVALID" if field == "response_schema_json" => t.field_schema,
        "VARIABLE_UNKNOWN" => t.field_variable,
        "REQUIRED" => t.field_required,
        "TOO_SHORT" => t.field_too_short,
        "TOO_LONG" => t.field_too_long,
        "OUT_OF_RANGE" => t.field_out_of_range,
        "PASSWORD_WEAK" => t.password_weak,
        _ if language() == Language::English && !description.is_empty() => description,
        _ => t.field_invalid,
    };
    let limits: Vec<&str> = description
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|number| !number.is_empty())
        .collect();
    match (reason, limits.as_slice()) {
        ("TOO_SHORT", [min]) => format!("{known} ≥ {min}"),
        ("TOO_LONG", [max]) => format!("{known} ≤ {max}"),
        ("OUT_OF_RANGE", [min, max]) => format!("{known} {min}–{max}"),
        _ => known.to_owned(),
    }
}
