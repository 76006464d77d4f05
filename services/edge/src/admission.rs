//! Whether a call may go on to its service, and as whom. The same for REST, gRPC-web and gRPC.

use http::request::Parts;
use t11_grpc::CallContext;
use t11_proto::method::{Auth, MethodInfo};
use t11_runtime::limiter::LimitKey;

use crate::app::Shared;
use crate::csrf;
use crate::error::Error;
use crate::rest::error::Problem;
use crate::session::Credential;

/// A call that may go on.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// With the caller token, when the RPC wants a caller.
    pub(crate) context: CallContext,
    pub(crate) credential: Credential,
}

impl Shared {
    /// Checks the call's origin, counts it, and learns who calls.
    ///
    /// # Errors
    /// [`Error::CrossSite`], [`Error::CsrfToken`], [`Error::RateLimited`], [`Error::SignedOut`], or
    /// what accounts says about the session.
    pub(crate) async fn admit(
        &self,
        request: &Parts,
        method: &MethodInfo,
        unsafe_call: bool,
    ) -> Result<Admitted, Problem> {
        let client = self.client(request);
        let credential = Credential::of(&request.headers, &client);
        if unsafe_call {
            // A public RPC reads no credential, so a stale cookie must not stand in its way.
            let public = method.auth == Auth::Public;
            let read = if public {
                &Credential::None
            } else {
                &credential
            };
            csrf::check(
                &request.headers,
                &client,
                read,
                &self.config.allowed_origins,
            )?;
        }
        let mut context = t11_grpc::current();
        let address = client.bucket();
        if method.auth == Auth::Public {
            self.limits
                .count(method.rate_class, &LimitKey::Address(address))
                .await?;
            return Ok(Admitted {
                context,
                credential,
            });
        }
        let (Some(token), Some(digest)) = (credential.token(), credential.digest()) else {
            return Err(Error::SignedOut.into());
        };
        let key = LimitKey::Digest(digest);
        self.limits.count(method.rate_class, &key).await?;
        let caller_token = match self.sessions.known(token) {
            Some(known) => known,
            None => {
                self.limits.count_unknown(address).await?;
                self.sessions.exchange(token).await?
            }
        };
        context.caller_token = Some(caller_token);
        Ok(Admitted {
            context,
            credential,
        })
    }
}
