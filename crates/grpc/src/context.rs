//! What one call carries to the calls it makes: who asks, until when, under which id.

use std::future::Future;
use std::sync::Arc;

use t11_core::{Caller, OrgId, World};
use tokio::time::Instant;

use crate::token::Signer;

tokio::task_local! {
    static CONTEXT: CallContext;
}

/// The context of a call; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct CallContext {
    pub request_id: Arc<str>,
    /// Nothing this call causes may outlive it.
    pub deadline: Option<Instant>,
    /// The caller token in its signed form, passed on unchanged.
    pub caller_token: Option<Arc<str>>,
    pub client_address: Option<Arc<str>>,
    pub client_agent: Option<Arc<str>>,
}

/// The context of the running call; the default one outside of any.
pub fn current() -> CallContext {
    CONTEXT.try_with(Clone::clone).unwrap_or_default()
}

/// Runs `future` as part of the call `context`.
pub async fn in_context<F: Future>(context: CallContext, future: F) -> F::Output {
    CONTEXT.scope(context, future).await
}

/// Runs `future` with our own service as the caller, working for `org`: jobs and relays.
/// The token is good for 5 minutes; longer work calls this again for each of its steps.
pub async fn as_service<F: Future>(
    signer: &Signer,
    world: &World,
    service: &str,
    org: OrgId,
    future: F,
) -> F::Output {
    let token = signer.sign(&Caller::service(service, org), world.now());
    let context = CallContext {
        request_id: world.new_id().to_string().into(),
        caller_token: Some(token.into()),
        ..current()
    };
    in_context(context, future).await
}
