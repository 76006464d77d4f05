//! What the service answers instead of a result.

use std::time::Duration;

use t11_core::{Fault, FaultKind, NameError, PageError, Violation, Violations};
use t11_store::StoreError;

use crate::job::Refused;

/// One variant for each decision a caller can make.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the request breaks {} rule(s)", .0.0.len())]
    Invalid(Violations),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Page(#[from] PageError),
    #[error("there is no such job")]
    JobNotFound,
    #[error("there is no such queue")]
    QueueNotFound,
    #[error("the job has ended")]
    JobFinished,
    #[error("only a dead or cancelled job can be tried again")]
    JobNotDead,
    #[error("another job with the same unique key is not finished")]
    UniqueKeyTaken,
    #[error(
        "a later start of the worker `{worker}` has taken its place; give each process a name of its own"
    )]
    WorkerSuperseded { worker: String },
    #[error("the worker has sent a later call")]
    SequenceStale,
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row that this version of the service cannot read.
    #[error("a stored record cannot be read: {0}")]
    Corrupt(String),
}

impl Fault for Error {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Invalid(_) => FaultKind::Invalid,
            Self::Name(error) => error.kind(),
            Self::Page(error) => error.kind(),
            Self::JobNotFound | Self::QueueNotFound => FaultKind::NotFound,
            Self::JobFinished
            | Self::JobNotDead
            | Self::UniqueKeyTaken
            | Self::WorkerSuperseded { .. }
            | Self::SequenceStale => FaultKind::Precondition,
            Self::Store(error) => error.kind(),
            Self::Corrupt(_) => FaultKind::Internal,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Invalid(_) => "REQUEST_INVALID",
            Self::Name(error) => error.reason(),
            Self::Page(error) => error.reason(),
            Self::JobNotFound => "JOB_NOT_FOUND",
            Self::QueueNotFound => "QUEUE_NOT_FOUND",
            Self::JobFinished => "JOB_FINISHED",
            Self::JobNotDead => "JOB_NOT_DEAD",
            Self::UniqueKeyTaken => "UNIQUE_KEY_TAKEN",
            Self::WorkerSuperseded { .. } => "WORKER_SUPERSEDED",
            Self::SequenceStale => "SEQUENCE_STALE",
            Self::Store(error) => error.reason(),
            Self::Corrupt(_) => "RECORD_CORRUPT",
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(violations) => &violations.0,
            Self::Name(error) => error.violations(),
            Self::Page(error) => error.violations(),
            Self::Store(error) => error.violations(),
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

impl From<Violations> for Error {
    fn from(violations: Violations) -> Self {
        Self::Invalid(violations)
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Finished => Self::JobFinished,
            Refused::NotDead => Self::JobNotDead,
        }
    }
}
