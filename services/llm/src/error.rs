//! What can go wrong in this service.

use std::time::Duration;

use t11_core::{Fault, FaultKind, NameError, PageError, Violation, Violations};
use t11_store::{SealError, StoreError};

use crate::budget::BudgetExceeded;
use crate::failure::Failure;
use crate::provider_key::KeysExhausted;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the request breaks {} of the rules for its fields", .0.0.len())]
    Invalid(Violations),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Page(#[from] PageError),
    #[error("no embedding model is set, so texts cannot be compared by meaning")]
    EmbeddingsUnavailable,
    #[error(transparent)]
    BudgetExceeded(#[from] BudgetExceeded),
    /// Also for another organization's.
    #[error("there is no such budget")]
    BudgetUnknown,
    /// Also for another organization's.
    #[error("there is no such route")]
    RouteUnknown,
    #[error("an organization may have {} routes", crate::route::MOST_ROUTES)]
    TooManyRoutes,
    /// Also for another organization's.
    #[error("there is no such provider key")]
    KeyUnknown,
    #[error(
        "an organization may have {} provider keys",
        crate::provider_key::MOST_KEYS
    )]
    TooManyKeys,
    #[error(transparent)]
    KeysExhausted(#[from] KeysExhausted),
    #[error("the model's answer breaks its schema, and so did the one before: {0}")]
    AnswerInvalid(String),
    #[error(transparent)]
    Provider(#[from] Failure),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl Error {
    /// The fault that this error only carries.
    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Invalid(_)
            | Self::EmbeddingsUnavailable
            | Self::BudgetExceeded(_)
            | Self::BudgetUnknown
            | Self::RouteUnknown
            | Self::TooManyRoutes
            | Self::KeyUnknown
            | Self::TooManyKeys
            | Self::KeysExhausted(_)
            | Self::AnswerInvalid(_) => None,
            Self::Name(error) => Some(error),
            Self::Page(error) => Some(error),
            Self::Provider(failure) => Some(failure),
            Self::Store(error) => Some(error),
            Self::Seal(error) => Some(error),
        }
    }
}

impl Fault for Error {
    fn kind(&self) -> FaultKind {
        match self {
            Self::EmbeddingsUnavailable => FaultKind::Precondition,
            Self::BudgetExceeded(_) | Self::KeysExhausted(_) => FaultKind::Exhausted,
            Self::BudgetUnknown | Self::RouteUnknown | Self::KeyUnknown => FaultKind::NotFound,
            Self::TooManyRoutes | Self::TooManyKeys => FaultKind::Precondition,
            Self::AnswerInvalid(_) => FaultKind::Unavailable,
            _ => self.inner().map_or(FaultKind::Invalid, Fault::kind),
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::EmbeddingsUnavailable => "EMBEDDINGS_UNAVAILABLE",
            Self::BudgetExceeded(_) => "BUDGET_EXCEEDED",
            Self::BudgetUnknown | Self::RouteUnknown | Self::KeyUnknown => "NOT_FOUND",
            Self::TooManyRoutes => "TOO_MANY_ROUTES",
            Self::TooManyKeys => "TOO_MANY_KEYS",
            Self::KeysExhausted(_) => "KEY_EXHAUSTED",
            Self::AnswerInvalid(_) => "ANSWER_INVALID",
            _ => self.inner().map_or("REQUEST_INVALID", Fault::reason),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::BudgetExceeded(exceeded) => vec![
                ("scope", exceeded.scope.clone()),
                ("left_micro_usd", exceeded.left.micro_usd().to_string()),
            ],
            _ => self.inner().map(Fault::metadata).unwrap_or_default(),
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
            Self::KeysExhausted(exhausted) => exhausted.wait,
            _ => self.inner().and_then(Fault::retry_after),
        }
    }
}
