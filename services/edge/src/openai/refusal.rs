//! Refusals in OpenAI's words.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use t11_core::Fault as _;
use t11_grpc::{RemoteFault, http_status};
use tonic::Status;

use crate::error::Error;
use crate::rest::error::Problem;

/// A refusal on its way out.
#[derive(Debug)]
pub(super) struct Refusal {
    http: StatusCode,
    /// OpenAI's `type`: what kind of fault.
    kind: &'static str,
    code: String,
    param: Option<String>,
    message: String,
    retry_after_seconds: Option<u64>,
}

impl Refusal {
    /// Of what the caller has sent.
    pub(super) fn invalid(
        http: StatusCode,
        code: &str,
        param: Option<&str>,
        message: &str,
    ) -> Self {
        Self {
            http,
            kind: "invalid_request_error",
            code: code.to_owned(),
            param: param.map(str::to_owned),
            message: message.to_owned(),
            retry_after_seconds: None,
        }
    }

    /// A parameter that would change the answer and is not offered.
    pub(super) fn unsupported(param: &str) -> Self {
        let message = format!("`{param}` with this value is not supported; leave it out");
        let http = StatusCode::BAD_REQUEST;
        Self::invalid(http, "unsupported_parameter", Some(param), &message)
    }

    /// The body, also of the last event of a stream that broke.
    pub(super) fn body(&self) -> Value {
        json!({"error": {
            "message": self.message, "type": self.kind, "param": self.param, "code": self.code,
            "request_id": &*t11_grpc::current().request_id,
        }})
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        let fault = RemoteFault::from(&status);
        let http = http_status(status.code());
        let (kind, code) = words(http, fault.reason());
        let wait = fault.retry_after();
        Self {
            http,
            kind,
            code,
            param: fault.violations().first().map(|one| one.field.clone()),
            message: fault.to_string(),
            // Rounded up, so that the wait is never too short.
            retry_after_seconds: wait.map(|wait| wait.as_millis().div_ceil(1_000) as u64),
        }
    }
}

/// OpenAI's type and code for a refusal with our `reason`, which it keeps where OpenAI has no word.
fn words(http: StatusCode, reason: &str) -> (&'static str, String) {
    let (kind, code) = match (http.as_u16(), reason) {
        (401, _) => ("invalid_request_error", "invalid_api_key"),
        (403, _) => ("permission_error", "insufficient_permissions"),
        (_, "BUDGET_EXCEEDED") => ("insufficient_quota", "insufficient_quota"),
        (_, "KEY_EXHAUSTED") => ("insufficient_quota", "key_exhausted"),
        (_, "MODEL_UNKNOWN") => ("invalid_request_error", "model_not_found"),
        (_, "CONTEXT_TOO_LONG") => ("invalid_request_error", "context_length_exceeded"),
        (_, "CONTENT_REFUSED") => ("invalid_request_error", "content_policy_violation"),
        (429, _) => ("rate_limit_error", "rate_limit_exceeded"),
        (400..=499, _) => return ("invalid_request_error", reason.to_lowercase()),
        _ => return ("server_error", reason.to_lowercase()),
    };
    (kind, code.to_owned())
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        problem.into_status().into()
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let http = error.http();
        let refusal = Self::from(Problem::from(error));
        Self {
            http: http.unwrap_or(refusal.http),
            ..refusal
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.http, self.body().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
