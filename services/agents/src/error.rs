//! What the service can refuse, and with which reason.

use std::time::Duration;

use t11_core::{Fault, FaultKind, NameError, PageError, StaleEtag, Violation, Violations};
use t11_grpc::RemoteFault;
use t11_store::StoreError;

use crate::agent::State;
use crate::knowledge::Rejection;

/// Everything a caller of the service can meet.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request breaks rules; all of them are named.
    #[error("some fields are not valid")]
    Invalid(Violations),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Page(#[from] PageError),
    /// Not there, or another organization's.
    #[error("`{0}` is not found")]
    NotFound(String),
    #[error(transparent)]
    Stale(#[from] StaleEtag),
    #[error("an agent is already called `{0}`")]
    AgentNameTaken(String),
    #[error("an agent in state `{}` does not allow this", .state.as_str())]
    AgentState { state: State },
    #[error("write the agent's instructions first")]
    AgentNotReady,
    /// Two agents cannot answer one message.
    #[error(
        "the agent `{display_name}` already answers on stage {pipeline_id}/{stage_id} by itself"
    )]
    StageTaken {
        agent: uuid::Uuid,
        display_name: String,
        pipeline_id: i64,
        stage_id: i64,
    },
    #[error("a script is already called `{0}`")]
    ScriptNameTaken(String),
    #[error("a sequence of the agent is already called `{0}`")]
    SequenceNameTaken(String),
    #[error("an agent has at most 100 triggers and 100 sequences")]
    AutomationFull,
    /// A sequence may not run in a conversation.
    #[error("the sequence cannot run there: {0}")]
    SequenceBlocked(&'static str),
    #[error("a suite of the agent is already called `{0}`")]
    EvalSuiteNameTaken(String),
    #[error("an agent has at most 50 suites, a suite at most 200 cases")]
    EvalFull,
    #[error("no case of the suite is enabled")]
    EvalEmpty,
    #[error("the suite is being run; wait for its end or cancel it")]
    EvalRunning,
    /// Required cases that failed with this draft.
    #[error("the draft fails required cases: {}", .0.join(", "))]
    EvalFailed(Vec<String>),
    /// Required suites that were not run with this draft.
    #[error("run the required suites with this draft first: {}", .0.join(", "))]
    EvalNotRun(Vec<String>),
    /// What it answered from is not kept any more.
    #[error("version {0} is too old: its knowledge and prices are not kept any more")]
    AgentVersionOutdated(i32),
    #[error("a category beside it is already called `{0}`")]
    CategoryNameTaken(String),
    #[error("categories nest at most 5 levels deep")]
    CategoryTooDeep,
    #[error("a category cannot be inside itself")]
    CategoryCycle,
    #[error("move or delete the categories inside it first")]
    CategoryHasChildren,
    /// The file is refused.
    #[error("{0}")]
    File(Rejection),
    #[error("the file ended before its announced length; upload it again")]
    FileTruncated,
    #[error("the first message of an upload must be its header")]
    UploadWithoutHeader,
    /// The bucket did not take the file.
    #[error("the file could not be stored; try again")]
    Bucket(#[source] std::io::Error),
    #[error("the price list has no column for: {}", .0.join(", "))]
    PriceColumnsMissing(Vec<&'static str>),
    #[error(
        "{rows} rows of the price list could not be read; mend them, or import it with `skip_bad_rows`"
    )]
    PriceVersionHasErrors { rows: i32 },
    /// A thread that worked for the call broke off.
    #[error("the work was interrupted; try again")]
    Interrupted,
    #[error("the conversation is being answered; wait for the end of the turn or stop it")]
    TurnRunning,
    #[error("the conversation is of the test chat; it has no client")]
    ConversationNotLive,
    #[error("the conversation is with a client of the CRM; it is no test chat")]
    ConversationLive,
    #[error("the draft was sent, rejected, or expired because somebody has written since")]
    DraftState,
    /// No model of the agent answers now.
    #[error("no model answers now: {message}")]
    ModelAway { reason: String, message: String },
    /// A neighbour's refusal, passed on as it is.
    #[error(transparent)]
    Neighbour(Box<RemoteFault>),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row that this version of the code cannot read.
    #[error("a stored `{0}` cannot be read")]
    Corrupt(&'static str),
}

impl Error {
    /// `agents/{id}` and its like.
    pub fn not_found(collection: &str, id: uuid::Uuid) -> Self {
        Self::NotFound(t11_core::format_name(collection, id))
    }
}

impl From<RemoteFault> for Error {
    fn from(fault: RemoteFault) -> Self {
        Self::Neighbour(Box::new(fault))
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
            Self::Name(error) => error.kind(),
            Self::Page(error) => error.kind(),
            Self::NotFound(_) => FaultKind::NotFound,
            Self::Stale(error) => error.kind(),
            Self::AgentNameTaken(_)
            | Self::CategoryNameTaken(_)
            | Self::ScriptNameTaken(_)
            | Self::SequenceNameTaken(_)
            | Self::EvalSuiteNameTaken(_) => FaultKind::AlreadyExists,
            Self::AgentState { .. }
            | Self::AgentNotReady
            | Self::StageTaken { .. }
            | Self::TurnRunning
            | Self::ConversationNotLive
            | Self::ConversationLive
            | Self::DraftState
            | Self::AutomationFull
            | Self::SequenceBlocked(_)
            | Self::AgentVersionOutdated(_)
            | Self::EvalFull
            | Self::EvalEmpty
            | Self::EvalRunning
            | Self::EvalFailed(_)
            | Self::EvalNotRun(_)
            | Self::CategoryTooDeep
            | Self::CategoryCycle
            | Self::CategoryHasChildren
            | Self::PriceVersionHasErrors { .. } => FaultKind::Precondition,
            Self::PriceColumnsMissing(_)
            | Self::File(_)
            | Self::FileTruncated
            | Self::UploadWithoutHeader => FaultKind::Invalid,
            Self::Bucket(error) if is_full(error) => FaultKind::Exhausted,
            Self::Bucket(_) => FaultKind::Unavailable,
            Self::ModelAway { .. } => FaultKind::Unavailable,
            Self::Neighbour(fault) => fault.kind(),
            Self::Store(error) => error.kind(),
            Self::Corrupt(_) | Self::Interrupted => FaultKind::Internal,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Invalid(_) => "FIELDS_INVALID",
            Self::Name(error) => error.reason(),
            Self::Page(error) => error.reason(),
            Self::NotFound(_) => "NOT_FOUND",
            Self::Stale(error) => error.reason(),
            Self::AgentNameTaken(_) => "AGENT_NAME_TAKEN",
            Self::ScriptNameTaken(_) => "SCRIPT_NAME_TAKEN",
            Self::SequenceNameTaken(_) => "SEQUENCE_NAME_TAKEN",
            Self::AutomationFull => "AUTOMATION_FULL",
            Self::SequenceBlocked(_) => "SEQUENCE_BLOCKED",
            Self::AgentVersionOutdated(_) => "AGENT_VERSION_OUTDATED",
            Self::EvalSuiteNameTaken(_) => "EVAL_SUITE_NAME_TAKEN",
            Self::EvalFull => "EVAL_FULL",
            Self::EvalEmpty => "EVAL_EMPTY",
            Self::EvalRunning => "EVAL_RUNNING",
            Self::EvalFailed(_) => "EVAL_FAILED",
            Self::EvalNotRun(_) => "EVAL_NOT_RUN",
            Self::AgentState { .. } => "AGENT_STATE",
            Self::AgentNotReady => "AGENT_NOT_READY",
            Self::StageTaken { .. } => "STAGE_TAKEN",
            Self::TurnRunning => "TURN_RUNNING",
            Self::ConversationNotLive => "CONVERSATION_NOT_LIVE",
            Self::ConversationLive => "CONVERSATION_LIVE",
            Self::DraftState => "DRAFT_STATE",
            Self::ModelAway { .. } => "MODEL_AWAY",
            Self::CategoryNameTaken(_) => "CATEGORY_NAME_TAKEN",
            Self::CategoryTooDeep => "CATEGORY_TOO_DEEP",
            Self::CategoryCycle => "CATEGORY_CYCLE",
            Self::CategoryHasChildren => "CATEGORY_HAS_CHILDREN",
            Self::File(rejection) => file_reason(*rejection),
            Self::FileTruncated => "FILE_TRUNCATED",
            Self::UploadWithoutHeader => "UPLOAD_HEADER_MISSING",
            Self::Bucket(error) if is_full(error) => "STORAGE_FULL",
            Self::Bucket(_) => "BUCKET_UNAVAILABLE",
            Self::Neighbour(fault) => fault.reason(),
            Self::Store(error) => error.reason(),
            Self::PriceColumnsMissing(_) => "PRICE_COLUMNS_MISSING",
            Self::PriceVersionHasErrors { .. } => "PRICE_VERSION_HAS_ERRORS",
            Self::Corrupt(_) => "ROW_CORRUPT",
            Self::Interrupted => "INTERRUPTED",
        }
    }

    fn domain(&self) -> Option<&str> {
        match self {
            Self::Neighbour(fault) => fault.domain(),
            _ => None,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::AgentState { state } => vec![("state", state.as_str().to_owned())],
            Self::ModelAway { reason, .. } => vec![("model_reason", reason.clone())],
            Self::EvalFailed(cases) => vec![("cases", cases.join("\n"))],
            Self::EvalNotRun(suites) => vec![("suites", suites.join("\n"))],
            Self::AgentVersionOutdated(number) => vec![("number", number.to_string())],
            Self::SequenceBlocked(why) => vec![("why", (*why).to_owned())],
            Self::StageTaken {
                agent,
                pipeline_id,
                stage_id,
                ..
            } => vec![
                ("agent", t11_core::format_name("agents", *agent)),
                ("pipeline_id", pipeline_id.to_string()),
                ("stage_id", stage_id.to_string()),
            ],
            Self::PriceColumnsMissing(missing) => vec![("columns", missing.join(","))],
            Self::PriceVersionHasErrors { rows } => vec![("rows", rows.to_string())],
            _ => Vec::new(),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(violations) => &violations.0,
            Self::Neighbour(fault) => fault.violations(),
            _ => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Neighbour(fault) => fault.retry_after(),
            Self::Store(error) => error.retry_after(),
            _ => None,
        }
    }
}

/// Whether a lack of room is behind it, however deep.
fn is_full(error: &std::io::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::StorageFull) {
            return true;
        }
        // What an `io::Error` wraps is not its source but in it.
        cause = match io.and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}

/// The reason of an upload that is refused at the door.
fn file_reason(rejection: Rejection) -> &'static str {
    match rejection {
        Rejection::TooBig => "FILE_TOO_BIG",
        Rejection::Empty => "FILE_EMPTY",
        Rejection::TypeMismatch => "FILE_TYPE_MISMATCH",
        Rejection::TypeUnsupported => "FILE_TYPE_UNSUPPORTED",
        Rejection::Password => "FILE_PASSWORD",
        other => other.code(),
    }
}
