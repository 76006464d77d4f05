//! What can go wrong here.

use std::time::Duration;

use t11_core::{Fault, FaultKind, PageError, Violation, Violations};
use t11_kommo::{HostError, Repeat};
use t11_store::{SealError, StoreError};

use crate::connection::State;

/// What can go wrong here, one variant for each decision a caller can make.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the request breaks {} of the rules for its fields", .0.0.len())]
    Invalid(Violations),
    #[error("the organization has no Kommo integration yet")]
    CredentialMissing,
    #[error("the integration is in use; delete the connections first")]
    CredentialInUse,
    #[error("Kommo does not accept the integration's id, secret or redirect address")]
    CredentialRefused,
    #[error("there is a connection to `{host}`")]
    ConnectionExists { host: String },
    #[error("the account is connected by another organization")]
    ConnectionTaken,
    #[error("the connection is of another account")]
    AccountMismatch,
    /// Nothing can be asked of Kommo with it.
    #[error("the connection is `{}`", .state.as_str())]
    ConnectionState { state: State },
    /// Another process renews the tokens, for longer than a caller waits.
    #[error("the tokens of the connection are being renewed")]
    RefreshBusy,
    /// Unknown, used, expired, or another person's.
    #[error("this authorization was not begun by you, or has ended; begin again")]
    AuthorizationState,
    #[error("access was declined at Kommo")]
    AuthorizationDeclined,
    #[error("the code has expired or was used; begin again")]
    AuthorizationCode,
    #[error("the host is not one of Kommo's accounts")]
    HostNotAllowed,
    #[error("Kommo does not accept the token")]
    TokenRefused,
    /// Also for what belongs to another organization.
    #[error("there is no such {resource}")]
    NotFound { resource: &'static str },
    /// A hook cannot be kept now; to be sent again.
    #[error("what Kommo has told cannot be kept now")]
    InboxUnavailable(#[source] StoreError),
    #[error("the token is not that of a bot of this account")]
    BotTokenRefused,
    #[error("the event is of another account than its connection")]
    EventQuarantined,
    /// Written by nobody's code.
    #[error("a row of `{table}` cannot be read")]
    RowUnreadable { table: &'static str },
    /// Another text to the lead is on its way through the field that would send this one.
    #[error("another message to the lead is being sent")]
    LeadBusy,
    #[error("another try at the effect is under way")]
    EffectRunning,
    /// It makes one more each time, and whether it was done is nowhere to be read.
    #[error("whether Kommo has done it is not known, and it is not done again")]
    EffectUnknown,
    /// Refused by Kommo, or not answered. See [`Error::repeat`].
    #[error(transparent)]
    Kommo(#[from] t11_kommo::Error),
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

/// A stored host that the settings no longer allow.
impl From<HostError> for Error {
    fn from(error: HostError) -> Self {
        Self::Kommo(error.into())
    }
}

impl Error {
    /// Whether what was asked of Kommo may be asked again. What failed before Kommo was asked may,
    /// if it can pass.
    pub(crate) fn repeat(&self) -> Repeat {
        match self {
            Self::Kommo(error) => error.repeat(),
            other => match other.kind() {
                FaultKind::Exhausted | FaultKind::Unavailable | FaultKind::Timeout => {
                    Repeat::Safe(other.retry_after())
                }
                _ => Repeat::Never,
            },
        }
    }
}

impl Fault for Error {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Invalid(_) => FaultKind::Invalid,
            Self::CredentialMissing | Self::NotFound { .. } => FaultKind::NotFound,
            Self::CredentialInUse
            | Self::CredentialRefused
            | Self::AccountMismatch
            | Self::ConnectionState { .. }
            | Self::AuthorizationState
            | Self::AuthorizationDeclined
            | Self::AuthorizationCode
            | Self::HostNotAllowed
            | Self::TokenRefused
            | Self::EffectUnknown => FaultKind::Precondition,
            Self::ConnectionExists { .. } | Self::ConnectionTaken => FaultKind::AlreadyExists,
            Self::RefreshBusy | Self::InboxUnavailable(_) => FaultKind::Unavailable,
            Self::LeadBusy | Self::EffectRunning => FaultKind::Unavailable,
            Self::BotTokenRefused => FaultKind::Forbidden,
            Self::EventQuarantined => FaultKind::Precondition,
            Self::RowUnreadable { .. } => FaultKind::Internal,
            Self::Kommo(error) => error.kind(),
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
            Self::CredentialRefused => "CREDENTIAL_REFUSED",
            Self::ConnectionExists { .. } => "CONNECTION_EXISTS",
            Self::ConnectionTaken => "CONNECTION_TAKEN",
            Self::AccountMismatch => "ACCOUNT_MISMATCH",
            Self::ConnectionState { .. } => "CONNECTION_STATE",
            Self::RefreshBusy => "TOKENS_BEING_RENEWED",
            Self::AuthorizationState => "AUTHORIZATION_STATE",
            Self::AuthorizationDeclined => "AUTHORIZATION_DECLINED",
            Self::AuthorizationCode => "AUTHORIZATION_CODE",
            Self::HostNotAllowed => "HOST_NOT_ALLOWED",
            Self::TokenRefused => "TOKEN_REFUSED",
            Self::NotFound { .. } => "NOT_FOUND",
            Self::InboxUnavailable(_) => "INBOX_UNAVAILABLE",
            Self::BotTokenRefused => "BOT_TOKEN_REFUSED",
            Self::EventQuarantined => "EVENT_QUARANTINED",
            Self::RowUnreadable { .. } => "ROW_UNREADABLE",
            Self::LeadBusy => "LEAD_BUSY",
            Self::EffectRunning => "EFFECT_RUNNING",
            Self::EffectUnknown => "EFFECT_UNKNOWN",
            Self::Kommo(error) => error.reason(),
            Self::Page(error) => error.reason(),
            Self::Seal(error) => error.reason(),
            Self::Store(error) => error.reason(),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::ConnectionExists { host } => vec![("host", host.clone())],
            Self::ConnectionState { state } => vec![("state", state.as_str().to_owned())],
            Self::NotFound { resource } => vec![("resource", (*resource).to_owned())],
            Self::Kommo(error) => error.metadata(),
            _ => Vec::new(),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(violations) => &violations.0,
            Self::Kommo(error) => error.violations(),
            _ => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RefreshBusy | Self::InboxUnavailable(_) => Some(Duration::from_secs(5)),
            Self::LeadBusy | Self::EffectRunning => Some(Duration::from_secs(5)),
            Self::Kommo(error) => error.retry_after(),
            Self::Store(error) => error.retry_after(),
            _ => None,
        }
    }
}
