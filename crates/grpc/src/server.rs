//! The stack every service is served through, over a socket or in the process: context, deadline,
//! trace, caller, permission. What it enforces is written in the protos.

use std::sync::Arc;

use axum::Router;
use http::{HeaderMap, Request, Response};
use t11_core::{AuditNote, Caller, Fault, FaultKind, OrgScope, Permission, Subject, World};
use t11_proto::method::{Auth, MethodInfo};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::ServiceExt as _;
use tracing::Instrument as _;

use crate::context::{self, CallContext};
use crate::metrics::{self, Measured};
use crate::policy::{self, Policy};
use crate::request::CallInfo;
use crate::shed::{Place, Room, Urgency};
use crate::status::status;
use crate::token::{TokenError, Verifier};
use crate::{deadline, drain, keys, trace};

/// Calls at a time where nobody said how many.
const DEFAULT_ROOM: usize = 1_000;

/// A service's routes behind the checks that hold in both shapes.
#[derive(Clone)]
pub struct ServerStack {
    router: Router,
    shared: Arc<Shared>,
}

struct Shared {
    verifier: Verifier,
    world: World,
    room: Room,
    drained: CancellationToken,
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

impl ServerStack {
    /// Puts the checks in front of `routes`.
    pub fn new(routes: Routes, verifier: Verifier, world: World) -> Self {
        Self {
            router: routes.into_axum_router(),
            shared: Arc::new(Shared {
                verifier,
                world,
                room: Room::new("", DEFAULT_ROOM),
                drained: CancellationToken::new(),
            }),
        }
    }

    /// The stack of the service `name`: at most `max_calls` at a time, and streams without an end
    /// of their own are ended when `drained` is cancelled.
    #[must_use]
    pub fn of_service(
        self,
        name: &'static str,
        max_calls: usize,
        drained: CancellationToken,
    ) -> Self {
        let shared = Shared {
            verifier: self.shared.verifier.clone(),
            world: self.shared.world.clone(),
            room: Room::new(name, max_calls),
            drained,
        };
        Self {
            router: self.router,
            shared: Arc::new(shared),
        }
    }

    /// Answers one call.
    pub async fn handle(self, mut request: Request<Body>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let measured = Measured::server(&path);
        let policy = policy::find(&path);
        let deadline = call_deadline(&mut request, policy);
        let context = self.context(request.headers(), deadline);
        let span = tracing::info_span!(
            "rpc", otel.name = %path.trim_start_matches('/'), otel.kind = "server",
            rpc.system = "grpc", rpc.method = %path, request_id = %context.request_id,
            org.id = tracing::field::Empty, trace_id = tracing::field::Empty,
        );
        trace::continue_from(request.headers(), &span);
        let call = deadline::bound(deadline, self.answer(request, policy));
        let response = context::in_context(context, call).instrument(span).await;
        metrics::until_end(response, measured)
    }

    async fn answer(self, mut request: Request<Body>, policy: Option<Policy>) -> Response<Body> {
        let admitted = match policy {
            Some(policy) => self.admit(&mut request, policy).map(Some),
            // Health and reflection speak of no organization, and are asked most when it is full.
            None if request.uri().path().starts_with("/grpc.") => Ok(None),
            None => Err(status("t11", &Refusal::Unknown)),
        };
        let place = match admitted {
            Ok(place) => place,
            Err(status) => return status.into_http(),
        };
        let answered = self
            .router
            .oneshot(request.map(axum::body::Body::new))
            .await;
        let mut response = match answered {
            Ok(response) => response.map(Body::new),
            Err(infallible) => match infallible {},
        };
        if policy.is_some_and(Policy::is_endless) {
            response = drain::until_drained(response, &self.shared.drained);
        }
        if let Some(place) = place {
            // Taken by `until_end`: the call lasts as long as the body.
            response.extensions_mut().insert(Arc::new(place));
        }
        response
    }

    /// Lets the call in, if its caller may and there is room.
    fn admit(&self, request: &mut Request<Body>, policy: Policy) -> Result<Place, Status> {
        let Policy { method, permission } = policy;
        let info = call_info(request.headers());
        let mut urgency = Urgency::of(policy, None);
        if method.auth != Auth::Public {
            let caller = self.caller(request.headers())?;
            let scope = self.scope(&caller, method, permission, &info)?;
            tracing::Span::current().record("org.id", tracing::field::display(scope.org()));
            urgency = Urgency::of(policy, Some(&caller));
            request.extensions_mut().insert(scope);
            request.extensions_mut().insert(caller);
        }
        request.extensions_mut().insert(info);
        let entered = self.shared.room.enter(urgency);
        entered.map_err(|overloaded| status("t11", &overloaded))
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

fn call_deadline(request: &mut Request<Body>, policy: Option<Policy>) -> Option<Instant> {
    let now = Instant::now();
    let asked = deadline::take_timeout(request).map(|timeout| now + timeout);
    let longest = policy
        .and_then(Policy::longest)
        .map(|longest| now + longest);
    deadline::earliest([asked, longest, None])
}

#[cfg(test)]
mod tests;
