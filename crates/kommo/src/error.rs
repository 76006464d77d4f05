//! What can come of a call to Kommo, one variant for each decision a caller can make, and for each
//! whether it may be done again.
//!
//! Sources: Kommo docs, `http-codes`, `limitations`, `chats-api-add-on`.

use std::time::Duration;

use t11_core::{Fault, FaultKind, Violation};

use crate::host::HostError;
pub use crate::problem::{FieldProblem, Problem};

/// What can come of a call to Kommo.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// 429: too many calls. Going on gets the address or the account blocked.
    #[error("Kommo wants fewer calls")]
    RateLimited {
        /// When the account may be called again; Kommo says 300 s.
        retry_after: Duration,
    },
    /// 403 as a page and not as JSON: the account or our address is blocked.
    #[error("Kommo has blocked the account or this address")]
    Blocked {
        /// When to try once.
        retry_after: Duration,
    },
    /// Nothing was sent: the account rests after [`Self::RateLimited`] or [`Self::Blocked`], or
    /// others are before this call for longer than its lane waits.
    #[error("the account's turn has not come")]
    Paced {
        /// When the turn may come.
        retry_after: Duration,
    },
    /// 401: the token is bad or has expired, or the integration is off.
    #[error("Kommo does not accept the token")]
    Unauthorized(Box<Problem>),
    /// 402: something must be paid for.
    #[error("the account's plan does not allow it")]
    PaymentRequired(Lack, Box<Problem>),
    /// 403: the token lacks the scope, or its user the right.
    #[error("the token may not do this")]
    Forbidden(Box<Problem>),
    /// 404, or 204 where one thing was asked for.
    #[error("it is not in Kommo")]
    NotFound(Box<Problem>),
    /// 400, 405, 422 and others: the same request would be refused again.
    #[error("Kommo refuses the request")]
    Invalid(Box<Problem>),
    /// 409, and 422 for a closed talk: the state does not allow it.
    #[error("the state of it in Kommo does not allow this")]
    Conflict(Box<Problem>),
    /// 5xx for a request that may be done twice, or that certainly was not done.
    #[error("Kommo cannot answer now")]
    Unavailable(Box<Problem>),
    /// No connection could be made; nothing was sent.
    #[error("Kommo cannot be reached")]
    Unreachable,
    /// No whole answer in time to a request that may be done twice.
    #[error("Kommo did not answer in time")]
    Timeout,
    /// The request left and may have been carried out: time was up, the connection broke, Kommo
    /// failed or its answer cannot be read. Look before it is done again.
    #[error("whether Kommo has done it is not known")]
    OutcomeUnknown,
    /// An answer beyond the cap.
    #[error("Kommo's answer is larger than {limit} bytes")]
    TooLarge {
        /// The cap, in bytes.
        limit: usize,
    },
    /// A file beyond what the drive takes.
    #[error("the file is larger than the {limit} bytes the drive takes")]
    FileTooLarge {
        /// The drive's cap, in bytes.
        limit: u64,
    },
    /// A success that is not what it should be. Says where, never what was written.
    #[error("Kommo's answer cannot be read: {what}")]
    Malformed {
        /// What is wrong.
        what: String,
    },
    /// 3xx, which is not followed: the request carries secrets.
    #[error("Kommo redirects, which is not followed")]
    Redirected,
    /// An address from outside that may not be used.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// What is to be paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// The month's messages are used up.
    Quota,
    /// The plan has no such endpoint.
    Plan,
    /// The account's paid or trial time is over, or Kommo says no more than that.
    Account,
}

/// Whether a request may be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Yes: nothing was done, or doing it twice is the same. Not before this, if given.
    Safe(Option<Duration>),
    /// It may have been done: read first.
    ReadFirst,
    /// It would be refused again, or something must change before.
    Never,
}

impl Error {
    /// Whether the request may be made again.
    #[must_use]
    pub fn repeat(&self) -> Repeat {
        match self {
            Self::RateLimited { retry_after }
            | Self::Blocked { retry_after }
            | Self::Paced { retry_after } => Repeat::Safe(Some(*retry_after)),
            Self::Unavailable(_) | Self::Unreachable | Self::Timeout => Repeat::Safe(None),
            Self::OutcomeUnknown => Repeat::ReadFirst,
            Self::Unauthorized(_)
            | Self::PaymentRequired(..)
            | Self::Forbidden(_)
            | Self::NotFound(_)
            | Self::Invalid(_)
            | Self::Conflict(_)
            | Self::TooLarge { .. }
            | Self::FileTooLarge { .. }
            | Self::Malformed { .. }
            | Self::Redirected
            | Self::Host(_) => Repeat::Never,
        }
    }

    /// What Kommo said, where it said something.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Unauthorized(problem)
            | Self::PaymentRequired(_, problem)
            | Self::Forbidden(problem)
            | Self::NotFound(problem)
            | Self::Invalid(problem)
            | Self::Conflict(problem)
            | Self::Unavailable(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether the token lacks a scope, so that a person must authorize again.
    #[must_use]
    pub fn is_scope(&self) -> bool {
        matches!(self, Self::Forbidden(problem) if problem.says("scope"))
    }

    pub(crate) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed { what: what.into() }
    }
}

impl Fault for Error {
    fn kind(&self) -> FaultKind {
        match self {
            Self::RateLimited { .. } | Self::Paced { .. } => FaultKind::Exhausted,
            Self::Blocked { .. } | Self::Unavailable(_) | Self::Unreachable => {
                FaultKind::Unavailable
            }
            // The caller is known; it is the connection that must be renewed.
            Self::Unauthorized(_)
            | Self::PaymentRequired(..)
            | Self::Forbidden(_)
            | Self::Conflict(_) => FaultKind::Precondition,
            Self::NotFound(_) => FaultKind::NotFound,
            Self::Invalid(_) | Self::FileTooLarge { .. } => FaultKind::Invalid,
            // Not one that a caller may try again: what came of it is not known.
            Self::OutcomeUnknown => FaultKind::Timeout,
            Self::Timeout => FaultKind::Timeout,
            Self::TooLarge { .. } | Self::Malformed { .. } | Self::Redirected | Self::Host(_) => {
                FaultKind::Internal
            }
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "KOMMO_RATE_LIMITED",
            Self::Blocked { .. } => "KOMMO_BLOCKED",
            Self::Paced { .. } => "KOMMO_PACED",
            Self::Unauthorized(_) => "KOMMO_UNAUTHORIZED",
            Self::PaymentRequired(lack, _) => payment_reason(*lack),
            Self::Forbidden(_) => "KOMMO_FORBIDDEN",
            Self::NotFound(_) => "KOMMO_NOT_FOUND",
            Self::Invalid(_) => "KOMMO_REFUSED",
            Self::Conflict(_) => "KOMMO_CONFLICT",
            Self::Unavailable(_) => "KOMMO_UNAVAILABLE",
            Self::Unreachable => "KOMMO_UNREACHABLE",
            Self::Timeout => "KOMMO_TIMEOUT",
            Self::OutcomeUnknown => "KOMMO_OUTCOME_UNKNOWN",
            Self::TooLarge { .. } => "KOMMO_ANSWER_TOO_LARGE",
            Self::FileTooLarge { .. } => "KOMMO_FILE_TOO_LARGE",
            Self::Malformed { .. } => "KOMMO_ANSWER_MALFORMED",
            Self::Redirected => "KOMMO_REDIRECTED",
            Self::Host(_) => "KOMMO_HOST_REFUSED",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        let Some(problem) = self.problem() else {
            return Vec::new();
        };
        let status = (problem.status != 0).then(|| ("status", problem.status.to_string()));
        let id = problem
            .request_id
            .clone()
            .map(|id| ("kommo_request_id", id));
        status.into_iter().chain(id).collect()
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(problem) => &problem.violations,
            _ => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self.repeat() {
            Repeat::Safe(after) => after,
            Repeat::ReadFirst | Repeat::Never => None,
        }
    }
}

fn payment_reason(lack: Lack) -> &'static str {
    match lack {
        Lack::Quota => "KOMMO_QUOTA_USED_UP",
        Lack::Plan => "KOMMO_PLAN_LACKS_IT",
        Lack::Account => "KOMMO_ACCOUNT_UNPAID",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unknown_outcome_is_read_first() {
        assert_eq!(Error::OutcomeUnknown.repeat(), Repeat::ReadFirst);
        assert_eq!(Error::Unreachable.repeat(), Repeat::Safe(None));
        let wait = Duration::from_secs(300);
        let limited = Error::RateLimited { retry_after: wait };
        assert_eq!(limited.repeat(), Repeat::Safe(Some(wait)));
        assert_eq!(limited.retry_after(), Some(wait));
        assert_eq!(Error::Redirected.repeat(), Repeat::Never);
    }

    #[test]
    fn a_quota_is_told_from_a_plan() {
        let reasons = [Lack::Quota, Lack::Plan, Lack::Account].map(|lack| {
            let error = Error::PaymentRequired(lack, Box::default());
            assert_eq!(error.kind(), FaultKind::Precondition);
            error.reason().to_owned()
        });
        assert_eq!(
            reasons,
            [
                "KOMMO_QUOTA_USED_UP",
                "KOMMO_PLAN_LACKS_IT",
                "KOMMO_ACCOUNT_UNPAID"
            ]
        );
    }
}
