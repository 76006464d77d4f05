//! What can go wrong here.

use std::time::Duration;

use t11_core::{
    Denied, Fault, FaultKind, NameError, PageError, Permission, Role, StaleEtag, Violation,
    Violations, format_name,
};
use t11_store::StoreError;
use uuid::Uuid;

use crate::api_key::MAX_LIVE;

/// What can go wrong here, one variant for each decision a caller can make.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the request breaks {} of the rules for its fields", .0.0.len())]
    Invalid(Violations),
    /// The same for an unknown person and a wrong password.
    #[error("the e-mail address or the password is wrong")]
    CredentialsWrong,
    #[error("too many tries to sign in")]
    SignInLimited { retry_after: Duration },
    #[error("a person with this e-mail address has an account")]
    EmailTaken,
    #[error("the session has ended; sign in again")]
    SessionInvalid,
    /// Also for one that was used or has expired.
    #[error("the invitation does not hold")]
    InviteInvalid,
    #[error("a person with this e-mail address is a member")]
    MemberExists,
    #[error("the role `{role}` is above that of the caller")]
    RoleTooHigh { role: Role },
    #[error("an organization must keep an owner")]
    LastOwner,
    /// Also for what belongs to another organization.
    #[error("there is no such {resource}")]
    NotFound { resource: &'static str },
    #[error("this is only for a person who has signed in")]
    PersonRequired,
    /// Also for one that is not whole or has another secret.
    #[error(
        "the API key is not one of this installation; send it whole, or make another under Settings → API keys"
    )]
    ApiKeyInvalid,
    #[error("the API key has expired; make another under Settings → API keys")]
    ApiKeyExpired,
    #[error("the API key was revoked; make another under Settings → API keys")]
    ApiKeyRevoked,
    #[error(
        "the person who made the API key is no longer a member; another has to make a new one under Settings → API keys"
    )]
    ApiKeyOrphaned,
    #[error("the key that this request made was shown in its first answer and cannot be again")]
    ApiKeyAlreadyShown { id: Uuid },
    #[error("an organization has at most {MAX_LIVE} API keys; revoke one first")]
    ApiKeyLimit,
    #[error("the scope `{scope}` is above the role of the caller")]
    ScopeTooHigh { scope: Permission },
    #[error("too many passwords are being checked")]
    Busy,
    #[error("a password could not be hashed")]
    Hashing(String),
    #[error("a stored value cannot be read: {0}")]
    Corrupt(&'static str),
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Page(#[from] PageError),
    #[error(transparent)]
    Stale(#[from] StaleEtag),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    pub(crate) fn hashing(error: argon2::password_hash::Error) -> Self {
        Self::Hashing(error.to_string())
    }

    /// The fault of a transparent variant.
    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::Denied(error) => Some(error),
            Self::Name(error) => Some(error),
            Self::Page(error) => Some(error),
            Self::Stale(error) => Some(error),
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
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
            Self::CredentialsWrong
            | Self::SessionInvalid
            | Self::ApiKeyInvalid
            | Self::ApiKeyExpired
            | Self::ApiKeyRevoked
            | Self::ApiKeyOrphaned => FaultKind::Unauthenticated,
            Self::SignInLimited { .. } => FaultKind::Exhausted,
            Self::EmailTaken | Self::MemberExists | Self::ApiKeyAlreadyShown { .. } => {
                FaultKind::AlreadyExists
            }
            Self::RoleTooHigh { .. } | Self::ScopeTooHigh { .. } | Self::PersonRequired => {
                FaultKind::Forbidden
            }
            Self::InviteInvalid | Self::LastOwner | Self::ApiKeyLimit => FaultKind::Precondition,
            Self::NotFound { .. } => FaultKind::NotFound,
            Self::Busy => FaultKind::Unavailable,
            _ => self.inner().map_or(FaultKind::Internal, Fault::kind),
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Invalid(_) => "FIELDS_INVALID",
            Self::CredentialsWrong => "CREDENTIALS_WRONG",
            Self::SignInLimited { .. } => "SIGN_IN_LIMITED",
            Self::EmailTaken => "EMAIL_TAKEN",
            Self::SessionInvalid => "SESSION_INVALID",
            Self::InviteInvalid => "INVITE_INVALID",
            Self::MemberExists => "MEMBER_EXISTS",
            Self::RoleTooHigh { .. } => "ROLE_TOO_HIGH",
            Self::LastOwner => "LAST_OWNER",
            Self::NotFound { .. } => "NOT_FOUND",
            Self::PersonRequired => "PERSON_REQUIRED",
            Self::ApiKeyInvalid => "API_KEY_INVALID",
            Self::ApiKeyExpired => "API_KEY_EXPIRED",
            Self::ApiKeyRevoked => "API_KEY_REVOKED",
            Self::ApiKeyOrphaned => "API_KEY_ORPHANED",
            Self::ApiKeyAlreadyShown { .. } => "API_KEY_ALREADY_SHOWN",
            Self::ApiKeyLimit => "API_KEY_LIMIT",
            Self::ScopeTooHigh { .. } => "SCOPE_TOO_HIGH",
            Self::Busy => "SIGN_IN_BUSY",
            Self::Hashing(_) => "PASSWORD_HASHING_FAILED",
            Self::Corrupt(_) => "STORED_VALUE_UNREADABLE",
            _ => self.inner().map_or("INTERNAL", Fault::reason),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::RoleTooHigh { role } => vec![("role", role.to_string())],
            Self::ScopeTooHigh { scope } => vec![("scope", scope.to_string())],
            Self::ApiKeyAlreadyShown { id } => vec![("name", format_name("apiKeys", *id))],
            Self::NotFound { resource } => vec![("resource", (*resource).to_owned())],
            _ => self.inner().map_or_else(Vec::new, Fault::metadata),
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
            Self::SignInLimited { retry_after } => Some(*retry_after),
            Self::Busy => Some(Duration::from_secs(1)),
            _ => self.inner().and_then(Fault::retry_after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_of_what_is_ours_to_mend_is_not_in_the_message() {
        let error = Error::Hashing("out of memory at 0x12".to_owned());
        assert_eq!(error.kind(), FaultKind::Internal);
        assert!(!error.to_string().contains("0x12"));
    }

    #[test]
    fn an_inner_fault_keeps_its_words() {
        let error = Error::from(StaleEtag);
        assert_eq!(
            (error.kind(), error.reason()),
            (FaultKind::Stale, "ETAG_STALE")
        );
    }
}
