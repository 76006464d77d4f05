//! How a provider fails, in the few ways that a caller can act on.

use std::borrow::Cow;
use std::time::Duration;

use t11_core::{Fault, FaultKind};

/// Longer messages of providers are cut: they can hold the whole prompt.
const MAX_MESSAGE_CHARS: usize = 300;

/// What a caller can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// The provider will not serve such a request: mend it.
    Refused,
    /// The provider does not accept the key.
    KeyRefused,
    /// The account has no money left, or not enough for this call.
    Unpaid,
    /// The provider's policy, for this account or this place.
    Forbidden,
    /// No such model, or not for this account.
    ModelUnknown,
    /// The prompt does not fit: send less.
    ContextTooLong,
    /// Moderation or a guardrail of the provider.
    ContentRefused,
    /// Too many calls: wait.
    Limited,
    /// The provider does not answer, or answers with its own fault.
    Unavailable,
    /// The answer broke off.
    Cut,
}

impl FailureClass {
    /// The stable word on the wire and in usage records.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Refused | Self::KeyRefused | Self::Unpaid | Self::Forbidden => "PROVIDER_REFUSED",
            Self::ModelUnknown => "MODEL_UNKNOWN",
            Self::ContextTooLong => "CONTEXT_TOO_LONG",
            Self::ContentRefused => "CONTENT_REFUSED",
            Self::Limited => "PROVIDER_LIMITED",
            Self::Unavailable => "PROVIDER_UNAVAILABLE",
            Self::Cut => "STREAM_CUT",
        }
    }
}

/// A call to a provider that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub class: FailureClass,
    /// English, for the caller; names what the provider said.
    pub message: String,
    /// A word for logs and metadata: `http_402`, `first_token_timeout`.
    pub cause: Cow<'static, str>,
    /// Whether the same call may succeed a moment later.
    pub transient: bool,
    /// What the provider asks to wait.
    pub retry_after: Option<Duration>,
    /// Whether the provider surely charges nothing: it was not reached, or it refused with a
    /// status. Whatever else was sent may have been worked on.
    pub(crate) free: bool,
    /// Whether another key of the same provider may do better.
    pub(crate) of_key: bool,
}

/// What is left to try after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Elsewhere {
    /// It would fail everywhere.
    Nowhere,
    Anywhere,
    /// Only models with a longer context.
    Longer,
}

impl Failure {
    pub(crate) fn new(
        class: FailureClass,
        cause: impl Into<Cow<'static, str>>,
        message: impl AsRef<str>,
    ) -> Self {
        let transient = match class {
            FailureClass::Limited | FailureClass::Unavailable | FailureClass::Cut => true,
            FailureClass::Refused
            | FailureClass::KeyRefused
            | FailureClass::Unpaid
            | FailureClass::Forbidden
            | FailureClass::ModelUnknown
            | FailureClass::ContextTooLong
            | FailureClass::ContentRefused => false,
        };
        let message = message.as_ref().chars().take(MAX_MESSAGE_CHARS).collect();
        Self {
            class,
            message,
            cause: cause.into(),
            transient,
            retry_after: None,
            free: false,
            of_key: false,
        }
    }

    /// The same, and surely not charged.
    pub(crate) fn free(self) -> Self {
        Self { free: true, ..self }
    }

    /// Where the same request may be served.
    pub(crate) fn elsewhere(&self) -> Elsewhere {
        match self.class {
            FailureClass::ContextTooLong => Elsewhere::Longer,
            FailureClass::ModelUnknown
            | FailureClass::Limited
            | FailureClass::Unavailable
            | FailureClass::Cut => Elsewhere::Anywhere,
            FailureClass::Refused
            | FailureClass::KeyRefused
            | FailureClass::Unpaid
            | FailureClass::Forbidden
            | FailureClass::ContentRefused => Elsewhere::Nowhere,
        }
    }

    pub(crate) fn cut(cause: &'static str, message: &str) -> Self {
        Self::new(FailureClass::Cut, cause, message)
    }

    pub(crate) fn unavailable(cause: &'static str, message: &str) -> Self {
        Self::new(FailureClass::Unavailable, cause, message)
    }

    pub(crate) fn model_unknown(model: &str) -> Self {
        let message = format!("the model `{model}` is not offered by the provider");
        Self::new(FailureClass::ModelUnknown, "unknown_model", message).free()
    }
}

impl Fault for Failure {
    fn kind(&self) -> FaultKind {
        match self.class {
            FailureClass::Refused
            | FailureClass::KeyRefused
            | FailureClass::Unpaid
            | FailureClass::Forbidden => FaultKind::Precondition,
            FailureClass::ModelUnknown => FaultKind::NotFound,
            FailureClass::ContextTooLong | FailureClass::ContentRefused => FaultKind::Invalid,
            FailureClass::Limited => FaultKind::Exhausted,
            FailureClass::Unavailable | FailureClass::Cut => FaultKind::Unavailable,
        }
    }

    fn reason(&self) -> &str {
        self.class.reason()
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        vec![("cause", self.cause.to_string())]
    }

    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}
