//! Why edge itself refuses a request, before any service sees it.

use std::time::Duration;

use http::StatusCode;
use t11_core::{Fault, FaultKind, Violation, Violations};

/// The domain of edge's reasons: `edge.t11.dev`.
pub(crate) const DOMAIN: &str = "edge";

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("nothing answers at this path")]
    PathUnknown,
    #[error("no RPC with this name is offered here")]
    RpcUnknown,
    #[error("this path answers only to {allow}")]
    MethodNotAllowed { allow: String },
    #[error("{}", summary(.0))]
    Invalid(Violations),
    #[error("the path is not valid UTF-8 or hides a slash in a segment")]
    PathInvalid,
    #[error("the address is longer than {limit} bytes")]
    UrlTooLong { limit: usize },
    #[error("the body must be sent as `{expected}`")]
    MediaType { expected: &'static str },
    #[error("the body is longer than {limit} bytes")]
    BodyTooBig { limit: usize },
    #[error("the file is longer than {limit} bytes")]
    FileTooBig { limit: usize },
    #[error("the form holds no file")]
    FileMissing,
    #[error("this call takes no body")]
    BodyUnexpected,
    #[error("the body ended before it was complete")]
    BodyBroken,
    #[error("the body came too slowly")]
    BodyTimeout,
    #[error(
        "the request does not come from a page of this site; a program sends `authorization: Bearer …`, \
         or with a cookie the header `origin` too"
    )]
    CrossSite,
    #[error("the header `x-t11-csrf` must repeat the cookie `t11_csrf`")]
    CsrfToken,
    #[error("sign in first: the call has no session or API key")]
    SignedOut,
    #[error("too many calls; wait before the next one")]
    RateLimited { wait: Duration },
    #[error("this process is going away; ask again")]
    Draining,
    #[error("the hook could not be kept; send it again")]
    HookNotKept,
    #[error("the hook is not signed by Kommo for this connection")]
    HookRefused,
    #[error("the body of the hook cannot be read")]
    HookUnreadable,
    #[error("the answer ended without a last word")]
    AnswerCut,
    #[error("the answer of the service cannot be read")]
    AnswerUnreadable(#[source] prost::DecodeError),
    #[error("the answer cannot be written as JSON")]
    AnswerUnwritable(#[from] serde_json::Error),
}

/// A message for people; the violations carry the details.
fn summary(violations: &Violations) -> String {
    match violations.0.as_slice() {
        [only] => only.description.clone(),
        all => format!("{} fields of the request are not valid", all.len()),
    }
}

impl Error {
    /// The HTTP status, where the gRPC code alone would say less.
    pub(crate) fn http(&self) -> Option<StatusCode> {
        Some(match self {
            Self::PathUnknown => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::UrlTooLong { .. } => StatusCode::URI_TOO_LONG,
            Self::MediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooBig { .. } | Self::FileTooBig { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            _ => return None,
        })
    }
}

impl Fault for Error {
    fn kind(&self) -> FaultKind {
        match self {
            Self::PathUnknown => FaultKind::NotFound,
            Self::RpcUnknown => FaultKind::Unimplemented,
            Self::MethodNotAllowed { .. }
            | Self::Invalid(_)
            | Self::PathInvalid
            | Self::UrlTooLong { .. }
            | Self::MediaType { .. }
            | Self::BodyTooBig { .. }
            | Self::FileTooBig { .. }
            | Self::FileMissing
            | Self::BodyUnexpected
            | Self::BodyBroken
            | Self::HookUnreadable => FaultKind::Invalid,
            Self::BodyTimeout => FaultKind::Timeout,
            Self::CrossSite | Self::CsrfToken | Self::HookRefused => FaultKind::Forbidden,
            Self::SignedOut => FaultKind::Unauthenticated,
            Self::RateLimited { .. } => FaultKind::Exhausted,
            Self::Draining | Self::HookNotKept | Self::AnswerCut => FaultKind::Unavailable,
            Self::AnswerUnreadable(_) | Self::AnswerUnwritable(_) => FaultKind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::PathUnknown => "PATH_UNKNOWN",
            Self::RpcUnknown => "RPC_UNKNOWN",
            Self::MethodNotAllowed { .. } => "METHOD_NOT_ALLOWED",
            Self::Invalid(_) => "REQUEST_INVALID",
            Self::PathInvalid => "PATH_INVALID",
            Self::UrlTooLong { .. } => "URL_TOO_LONG",
            Self::MediaType { .. } => "MEDIA_TYPE_UNSUPPORTED",
            Self::BodyTooBig { .. } => "BODY_TOO_BIG",
            Self::FileTooBig { .. } => "FILE_TOO_BIG",
            Self::FileMissing => "FILE_MISSING",
            Self::BodyUnexpected => "BODY_UNEXPECTED",
            Self::BodyBroken => "BODY_BROKEN",
            Self::BodyTimeout => "BODY_TIMEOUT",
            Self::CrossSite => "CROSS_SITE",
            Self::CsrfToken => "CSRF_TOKEN_MISSING",
            Self::SignedOut => "UNAUTHENTICATED",
            Self::RateLimited { .. } => "RATE_LIMITED",
            Self::Draining => "DRAINING",
            Self::HookNotKept => "INBOX_UNAVAILABLE",
            Self::HookRefused => "BOT_TOKEN_REFUSED",
            Self::HookUnreadable => "HOOK_UNREADABLE",
            Self::AnswerCut => "STREAM_CUT",
            Self::AnswerUnreadable(_) | Self::AnswerUnwritable(_) => "ANSWER_UNREADABLE",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::UrlTooLong { limit }
            | Self::BodyTooBig { limit }
            | Self::FileTooBig { limit } => vec![("limit_bytes", limit.to_string())],
            Self::MethodNotAllowed { allow } => vec![("allow", allow.clone())],
            Self::MediaType { expected } => vec![("expected", (*expected).to_owned())],
            _ => Vec::new(),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(violations) => &violations.0,
            _ => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { wait } => Some(*wait),
            Self::Draining => Some(Duration::from_secs(1)),
            Self::HookNotKept => Some(Duration::from_secs(5)),
            _ => None,
        }
    }
}
