//! What a handler may ask of its request beside the message.

use t11_core::{Caller, Fault, FaultKind, OrgScope};
use tonic::{Request, Status};

use crate::status::status;

/// The server stack did not run before the handler, or the RPC is public.
#[derive(Debug, thiserror::Error)]
#[error("the call has no caller")]
struct NoCaller;

impl Fault for NoCaller {
    fn kind(&self) -> FaultKind {
        FaultKind::Unauthenticated
    }
    fn reason(&self) -> &'static str {
        "CALLER_MISSING"
    }
}

/// Facts about a call that are not about who calls.
#[derive(Debug, Clone, Default)]
pub struct CallInfo {
    pub request_id: String,
    /// As edge saw it; `None` for calls from inside.
    pub client_address: Option<String>,
    pub client_agent: Option<String>,
}

/// The right to the caller's organization. The server stack has checked the token and the
/// permission named by the RPC's proto option.
///
/// # Errors
/// `UNAUTHENTICATED` when the RPC is public and so has no caller.
pub fn scope<T>(request: &Request<T>) -> Result<OrgScope, Status> {
    request
        .extensions()
        .get()
        .cloned()
        .ok_or_else(|| status("t11", &NoCaller))
}

/// The verified caller.
///
/// # Errors
/// `UNAUTHENTICATED` when the RPC is public and so has no caller.
pub fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    request
        .extensions()
        .get()
        .cloned()
        .ok_or_else(|| status("t11", &NoCaller))
}

/// Request id and client, for logs, sessions and audit.
pub fn call_info<T>(request: &Request<T>) -> CallInfo {
    request.extensions().get().cloned().unwrap_or_default()
}
