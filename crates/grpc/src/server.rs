//! The stack every service is served through, over a socket or in the process: context, deadline,
//! trace, caller, permission. What it enforces is written in the protos.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use http::{HeaderMap, Request, Response};
use t11_core::{AuditNote, Caller, Fault, FaultKind, OrgScope, Permission, Subject, World};
use t11_proto::method::{self, Auth, MethodInfo};
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::ServiceExt as _;
use tracing::Instrument as _;

use crate::context::{self, CallContext};
use crate::request::CallInfo;
use crate::status::status;
use crate::token::{TokenError, Verifier};
use crate::{deadline, keys, trace};

/// A service's routes behind the checks that hold in both shapes.
#[derive(Clone)]
pub struct ServerStack {
    router: Router,
    shared: Arc<Shared>,
}

struct Shared {
    verifier: Verifier,
    world: World,
}

/// Why the stack refuses a call before its handler.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("no RPC has this path")]
    Unknown,
    #[error("only services of the mesh may call this")]
    ServicesOnly,
}

impl Fault for Refusal {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Unknown => FaultKind::Unimplemented,
            Self::ServicesOnly => FaultKind::Forbidden,
        }
    }
    fn reason(&self) -> &'static str {
        match self {
            Self::Unknown => "RPC_UNKNOWN",
            Self::ServicesOnly => "SERVICES_ONLY",
        }
    }
}

/// Each RPC with its permission as a word of the code.
static POLICIES: LazyLock<HashMap<&'static str, (&'static MethodInfo, Option<Permission>)>> =
    LazyLock::new(|| {
        method::METHODS
            .iter()
            .map(|method| (method.path, (method, method.permission.parse().ok())))
            .collect()
    });

impl ServerStack {
    /// Puts the checks in front of `routes`.
    pub fn new(routes: Routes, verifier: Verifier, world: World) -> Self {
        Self {
            router: routes.into_axum_router(),
            shared: Arc::new(Shared { verifier, world }),
        }
    }

    /// Answers one call.
    pub async fn handle(self, mut request: Request<Body>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let policy = POLICIES.get(path.as_str());
        let deadline = call_deadline(&mut request, policy.map(|(method, _)| *method));
        let context = self.context(request.headers(), deadline);
        let span = tracing::info_span!(
            "rpc", rpc.method = %path, request_id = %context.request_id, org.id = tracing::field::Empty,
        );
        trace::continue_from(request.headers(), &span);
        let call = deadline::bound(deadline, self.answer(request, policy.copied()));
        context::in_context(context, call).instrument(span).await
    }

    async fn answer(
        self,
        mut request: Request<Body>,
        policy: Option<(&'static MethodInfo, Option<Permission>)>,
    ) -> Response<Body> {
        let checked = match policy {
            Some((method, permission)) => self.authorize(&mut request, method, permission),
            // Health and reflection speak of no organization.
            None if request.uri().path().starts_with("/grpc.") => Ok(()),
            None => Err(status("t11", &Refusal::Unknown)),
        };
        if let Err(status) = checked {
            return status.into_http();
        }
        match self
            .router
            .oneshot(request.map(axum::body::Body::new))
            .await
        {
            Ok(response) => response.map(Body::new),
            Err(infallible) => match infallible {},
        }
    }

    fn authorize(
        &self,
        request: &mut Request<Body>,
        method: &'static MethodInfo,
        permission: Option<Permission>,
    ) -> Result<(), Status> {
        let info = call_info(request.headers());
        if method.auth != Auth::Public {
            let caller = self.caller(request.headers())?;
            let scope = self.scope(&caller, method, permission, &info)?;
            tracing::Span::current().record("org.id", tracing::field::display(scope.org()));
            request.extensions_mut().insert(scope);
            request.extensions_mut().insert(caller);
        }
        request.extensions_mut().insert(info);
        Ok(())
    }

    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Status> {
        let token =
            header(headers, keys::CALLER).ok_or_else(|| status("t11", &TokenError::Missing))?;
        self.shared
            .verifier
            .verify(token, self.shared.world.now())
            .map_err(|error| status("t11", &error))
    }

    fn scope(
        &self,
        caller: &Caller,
        method: &'static MethodInfo,
        permission: Option<Permission>,
        info: &CallInfo,
    ) -> Result<OrgScope, Status> {
        let from_service = matches!(caller.subject, Subject::Service { .. });
        if method.auth != Auth::Caller && !from_service {
            return Err(status("t11", &Refusal::ServicesOnly));
        }
        // An RPC without a known permission lets nobody in.
        let permission = permission.unwrap_or(Permission::Internal);
        let scope = caller
            .require(permission)
            .map_err(|denied| status("t11", &denied))?;
        Ok(if method.audit {
            scope.audited(audit_note(method, info))
        } else {
            scope
        })
    }

    fn context(&self, headers: &HeaderMap, deadline: Option<Instant>) -> CallContext {
        let request_id = header(headers, keys::REQUEST_ID)
            .map_or_else(|| self.shared.world.new_id().to_string(), ToOwned::to_owned);
        CallContext {
            request_id: request_id.into(),
            deadline,
            caller_token: header(headers, keys::CALLER).map(Into::into),
            client_address: header(headers, keys::CLIENT_ADDRESS).map(Into::into),
            client_agent: header(headers, keys::CLIENT_AGENT).map(Into::into),
        }
    }
}

fn audit_note(method: &MethodInfo, info: &CallInfo) -> AuditNote {
    AuditNote {
        action: method.path.trim_start_matches('/').to_owned(),
        request_id: info.request_id.clone(),
        client_address: info.client_address.clone(),
    }
}

fn call_info(headers: &HeaderMap) -> CallInfo {
    CallInfo {
        request_id: context::current().request_id.to_string(),
        client_address: header(headers, keys::CLIENT_ADDRESS).map(ToOwned::to_owned),
        client_agent: header(headers, keys::CLIENT_AGENT).map(ToOwned::to_owned),
    }
}

fn header<'a>(headers: &'a HeaderMap, key: &str) -> Option<&'a str> {
    headers
        .get(key)
        .and_then(|value| value.to_str().ok())
        .filter(|value| !value.is_empty())
}

fn call_deadline(request: &mut Request<Body>, method: Option<&MethodInfo>) -> Option<Instant> {
    let now = Instant::now();
    let asked = deadline::take_timeout(request).map(|timeout| now + timeout);
    let longest = method
        .filter(|method| method.deadline_ms > 0)
        .map(|method| now + Duration::from_millis(method.deadline_ms.into()));
    deadline::earliest([asked, longest, None])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rpc_says_who_may_call_and_with_which_permission() {
        for (path, (method, permission)) in &*POLICIES {
            assert_ne!(method.auth, Auth::Unspecified, "{path}");
            assert_ne!(method.rate_class, method::RateClass::Unspecified, "{path}");
            assert_ne!(
                method.idempotency,
                method::Idempotency::Unspecified,
                "{path}"
            );
            match method.auth {
                Auth::Public => assert!(method.permission.is_empty(), "{path}"),
                Auth::Service => assert_eq!(*permission, Some(Permission::Internal), "{path}"),
                Auth::Caller | Auth::Unspecified => {
                    assert!(
                        permission.is_some_and(|p| p != Permission::Internal),
                        "{path}"
                    );
                }
            }
        }
    }
}
