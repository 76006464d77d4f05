//! The one place where faults meet the wire: fault → status → fault.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use prost::Message as _;
use t11_core::{Fault, FaultKind, Violation};
use t11_proto::google::rpc;
use tonic::{Code, Status};

use crate::context;

/// The status for a fault of the service `domain` (`agents`): code, `ErrorInfo` with the reason,
/// and the details its kind asks for. Faults of our own making are logged here, once, and their
/// cause stays here.
pub fn status(domain: &str, fault: &dyn Fault) -> Status {
    let kind = fault.kind();
    let request_id = context::current().request_id;
    let message = if kind == FaultKind::Internal {
        tracing::error!(error = %chain(fault), reason = fault.reason(), "internal fault");
        format!("something went wrong on our side; quote the request id `{request_id}`")
    } else {
        fault.to_string()
    };
    let code = code(kind);
    let details = details(domain, fault, &request_id);
    let body = rpc::Status {
        code: code.into(),
        message: message.clone(),
        details,
    };
    Status::with_details(code, message, body.encode_to_vec().into())
}

fn details(domain: &str, fault: &dyn Fault, request_id: &str) -> Vec<prost_types::Any> {
    let info = rpc::ErrorInfo {
        reason: fault.reason().to_owned(),
        domain: fault
            .domain()
            .map_or_else(|| format!("{domain}.t11.dev"), ToOwned::to_owned),
        metadata: fault
            .metadata()
            .into_iter()
            .map(|(key, v)| (key.to_owned(), v))
            .collect(),
    };
    let mut details = vec![any(&info)];
    if !fault.violations().is_empty() {
        details.push(any(&bad_request(fault.violations())));
    }
    if let Some(delay) = fault.retry_after() {
        let retry_delay = prost_types::Duration::try_from(delay).ok();
        details.push(any(&rpc::RetryInfo { retry_delay }));
    }
    if !request_id.is_empty() {
        let request_id = request_id.to_owned();
        details.push(any(&rpc::RequestInfo {
            request_id,
            serving_data: String::new(),
        }));
    }
    details
}

fn bad_request(violations: &[Violation]) -> rpc::BadRequest {
    let field_violations = violations
        .iter()
        .map(|violation| rpc::bad_request::FieldViolation {
            field: violation.field.clone(),
            description: violation.description.clone(),
            reason: violation.reason.to_string(),
            localized_message: None,
        })
        .collect();
    rpc::BadRequest { field_violations }
}

fn any<M: prost::Message + TypeName>(message: &M) -> prost_types::Any {
    prost_types::Any {
        type_url: format!("type.googleapis.com/{}", M::FULL_NAME),
        value: message.encode_to_vec(),
    }
}

/// Full names of the details we send; the generated code has none.
trait TypeName {
    const FULL_NAME: &'static str;
}

impl TypeName for rpc::ErrorInfo {
    const FULL_NAME: &'static str = "google.rpc.ErrorInfo";
}
impl TypeName for rpc::BadRequest {
    const FULL_NAME: &'static str = "google.rpc.BadRequest";
}
impl TypeName for rpc::RetryInfo {
    const FULL_NAME: &'static str = "google.rpc.RetryInfo";
}
impl TypeName for rpc::RequestInfo {
    const FULL_NAME: &'static str = "google.rpc.RequestInfo";
}

/// An error and what caused it, in one line for logs.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

fn code(kind: FaultKind) -> Code {
    match kind {
        FaultKind::Invalid => Code::InvalidArgument,
        FaultKind::Unauthenticated => Code::Unauthenticated,
        FaultKind::Forbidden => Code::PermissionDenied,
        FaultKind::NotFound => Code::NotFound,
        FaultKind::AlreadyExists => Code::AlreadyExists,
        FaultKind::Stale => Code::Aborted,
        FaultKind::Precondition => Code::FailedPrecondition,
        FaultKind::Exhausted => Code::ResourceExhausted,
        FaultKind::Unavailable => Code::Unavailable,
        FaultKind::Timeout => Code::DeadlineExceeded,
        FaultKind::Unimplemented => Code::Unimplemented,
        FaultKind::Internal => Code::Internal,
    }
}

fn kind(code: Code) -> FaultKind {
    match code {
        Code::InvalidArgument | Code::OutOfRange => FaultKind::Invalid,
        Code::Unauthenticated => FaultKind::Unauthenticated,
        Code::PermissionDenied => FaultKind::Forbidden,
        Code::NotFound => FaultKind::NotFound,
        Code::AlreadyExists => FaultKind::AlreadyExists,
        Code::Aborted => FaultKind::Stale,
        Code::FailedPrecondition => FaultKind::Precondition,
        Code::ResourceExhausted => FaultKind::Exhausted,
        Code::Unavailable => FaultKind::Unavailable,
        // tonic answers an expired timer with CANCELLED.
        Code::DeadlineExceeded | Code::Cancelled => FaultKind::Timeout,
        Code::Unimplemented => FaultKind::Unimplemented,
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => FaultKind::Internal,
    }
}

/// The HTTP status that stands for a gRPC code on REST.
pub fn http_status(code: Code) -> http::StatusCode {
    match code {
        Code::Ok => http::StatusCode::OK,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            http::StatusCode::BAD_REQUEST
        }
        Code::Unauthenticated => http::StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => http::StatusCode::FORBIDDEN,
        Code::NotFound => http::StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => http::StatusCode::CONFLICT,
        Code::ResourceExhausted => http::StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => http::StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => http::StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded | Code::Cancelled => http::StatusCode::GATEWAY_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => http::StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A neighbour's answer read back as a fault: match on its reason, or pass it on unchanged.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct RemoteFault {
    code: Code,
    message: String,
    reason: String,
    domain: Option<String>,
    metadata: HashMap<String, String>,
    violations: Vec<Violation>,
    retry_after: Option<Duration>,
}

impl RemoteFault {
    /// The gRPC code as it came.
    pub fn code(&self) -> Code {
        self.code
    }

    /// One fact of the neighbour's `ErrorInfo`.
    pub fn fact(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }
}

impl Fault for RemoteFault {
    fn kind(&self) -> FaultKind {
        kind(self.code)
    }
    fn reason(&self) -> &str {
        &self.reason
    }
    fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }
    fn violations(&self) -> &[Violation] {
        &self.violations
    }
    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl From<&Status> for RemoteFault {
    fn from(status: &Status) -> Self {
        let mut fault = Self {
            code: status.code(),
            message: status.message().to_owned(),
            reason: "UNKNOWN".to_owned(),
            domain: None,
            metadata: HashMap::new(),
            violations: Vec::new(),
            retry_after: None,
        };
        let body = rpc::Status::decode(status.details()).unwrap_or_default();
        for detail in &body.details {
            fault.read(detail);
        }
        fault
    }
}

impl RemoteFault {
    fn read(&mut self, detail: &prost_types::Any) {
        if let Some(info) = unpack::<rpc::ErrorInfo>(detail) {
            self.reason = info.reason;
            self.domain = Some(info.domain);
            self.metadata = info.metadata;
        } else if let Some(bad) = unpack::<rpc::BadRequest>(detail) {
            self.violations = bad
                .field_violations
                .into_iter()
                .map(|violation| Violation {
                    field: violation.field,
                    reason: Cow::Owned(violation.reason),
                    description: violation.description,
                })
                .collect();
        } else if let Some(retry) = unpack::<rpc::RetryInfo>(detail) {
            self.retry_after = retry.retry_delay.and_then(|delay| delay.try_into().ok());
        }
    }
}

fn unpack<M: prost::Message + TypeName + Default>(any: &prost_types::Any) -> Option<M> {
    if any.type_url.rsplit('/').next() != Some(M::FULL_NAME) {
        return None;
    }
    M::decode(any.value.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use t11_core::Violations;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("bad")]
    struct Bad(Violations);

    impl Fault for Bad {
        fn kind(&self) -> FaultKind {
            FaultKind::Invalid
        }
        fn reason(&self) -> &'static str {
            "BAD"
        }
        fn violations(&self) -> &[Violation] {
            &self.0.0
        }
        fn retry_after(&self) -> Option<Duration> {
            Some(Duration::from_secs(3))
        }
    }

    #[test]
    fn a_fault_survives_the_wire() {
        let mut violations = Violations::default();
        violations.text("agent.display_name", "", 1, 100);
        violations.range("agent.max_tokens", 1, 128, 8000);
        let status = status("agents", &Bad(violations.clone()));
        let back = RemoteFault::from(&status);
        assert_eq!(back.kind(), FaultKind::Invalid);
        assert_eq!(back.reason(), "BAD");
        assert_eq!(back.domain(), Some("agents.t11.dev"));
        assert_eq!(back.violations(), violations.0);
        assert_eq!(back.retry_after(), Some(Duration::from_secs(3)));
    }

    #[test]
    fn every_kind_comes_back_as_itself() {
        for kind_ in [
            FaultKind::Invalid,
            FaultKind::Unauthenticated,
            FaultKind::Forbidden,
            FaultKind::NotFound,
            FaultKind::AlreadyExists,
            FaultKind::Stale,
            FaultKind::Precondition,
            FaultKind::Exhausted,
            FaultKind::Unavailable,
            FaultKind::Timeout,
            FaultKind::Unimplemented,
            FaultKind::Internal,
        ] {
            assert_eq!(kind(code(kind_)), kind_);
        }
    }
}
