//! What can go wrong here.

use std::time::Duration;

use t11_core::{Fault, FaultKind, PageError, Violation, Violations};
use t11_store::{SealError, StoreError};

/// What can go wrong here, one variant for each decision a caller can make.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the request breaks {} of the rules for its fields", .0.0.len())]
    Invalid(Violations),
    #[error("the organization has no Kommo integration yet")]
    CredentialMissing,
    #[error("the integration is in use; delete the connections first")]
    CredentialInUse,
    #[error("there is a connection to `{host}`")]
    ConnectionExists { host: String },
    /// Also for what belongs to another organization.
    #[error("there is no such {resource}")]
    NotFound { resource: &'static str },
    #[error(transparent)]
    Page(#[from] PageError),
    /// A stored secret that the keys of this process do not open.
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Violations> for Error {
    fn from(violations: Violations) -> Self {
        Self::Invalid(violations)
    }
}

impl Fault for Error {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Invalid(_) => FaultKind::Invalid,
            Self::CredentialMissing | Self::NotFound { .. } => FaultKind::NotFound,
            Self::CredentialInUse => FaultKind::Precondition,
            Self::ConnectionExists { .. } => FaultKind::AlreadyExists,
            Self::Page(error) => error.kind(),
            Self::Seal(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Invalid(_) => "FIELDS_INVALID",
            Self::CredentialMissing => "CREDENTIAL_MISSING",
            Self::CredentialInUse => "CREDENTIAL_IN_USE",
            Self::ConnectionExists { .. } => "CONNECTION_EXISTS",
            Self::NotFound { .. } => "NOT_FOUND",
            Self::Page(error) => error.reason(),
            Self::Seal(error) => error.reason(),
            Self::Store(error) => error.reason(),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::ConnectionExists { host } => vec![("host", host.clone())],
            Self::NotFound { resource } => vec![("resource", (*resource).to_owned())],
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
            Self::Store(error) => error.retry_after(),
            _ => None,
        }
    }
}
