//! What every request needs, made once.

use std::sync::Arc;

use anyhow::Result;
use futures::future::BoxFuture;
use http::HeaderValue;
use http::request::Parts;
use t11_core::World;
use t11_grpc::{Peer, Signer};
use t11_proto::method::MethodInfo;
use t11_runtime::{Endings, Health, Redis};
use tokio_util::sync::CancellationToken;

use crate::admission::Admitted;
use crate::assets::Assets;
use crate::client::{Client, TrustedHops};
use crate::config::Config;
use crate::limits::RateLimits;
use crate::rest::route::RouteTable;
use crate::session::{CookieChange, Sessions};
use crate::stream_end::EndingPeer;

/// Looks whether the databases of this process answer, by service.
pub type DatabaseProbe = Arc<dyn Fn() -> BoxFuture<'static, Vec<(String, bool)>> + Send + Sync>;

/// What edge is given by the process it runs in.
#[derive(Clone)]
pub struct EdgeContext {
    /// The way to a service of the mesh.
    pub peers: Arc<dyn Fn(&str) -> Peer + Send + Sync>,
    /// Signs edge's own calls to accounts.
    pub signer: Signer,
    pub world: World,
    pub databases: DatabaseProbe,
    /// Where replicas share limits and wake-ups; `None`: they live in the process.
    pub redis: Option<Redis>,
    /// Tells whose sessions and keys have ended.
    pub endings: Endings,
    /// Whether this process may be sent calls.
    pub health: Health,
    /// Cancelled when the process takes no more calls.
    pub shutdown: CancellationToken,
}

/// Shared by all requests; cheap to clone.
pub(crate) type App = Arc<Shared>;

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) context: EdgeContext,
    pub(crate) routes: RouteTable,
    pub(crate) hops: TrustedHops,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) limits: RateLimits,
    pub(crate) assets: Assets,
    /// `/api/openapi.json`, written once.
    pub(crate) openapi: bytes::Bytes,
}

impl Shared {
    /// # Errors
    /// When the routes of the protos or a setting cannot be used.
    pub(crate) fn new(config: Config, context: EdgeContext) -> Result<Self> {
        let routes = RouteTable::read()?;
        let accounts = (context.peers)("accounts");
        let (signer, world) = (context.signer.clone(), context.world.clone());
        Ok(Self {
            hops: TrustedHops::parse(&config.trusted_proxies)?,
            sessions: Arc::new(Sessions::new(&config, accounts, signer, world.clone())),
            limits: RateLimits::new(&config.limits, context.redis.as_ref(), &world),
            assets: Assets::find(config.web_dir.as_deref()),
            openapi: serde_json::to_vec(&crate::openapi::document(&routes)?)?.into(),
            routes,
            config,
            context,
        })
    }

    pub(crate) fn peer(&self, service: &str) -> Peer {
        (self.context.peers)(service)
    }

    /// The service that answers `method`, for a call that was let in.
    pub(crate) fn owner(&self, method: &MethodInfo, admitted: &Admitted) -> EndingPeer {
        let (peer, shutdown) = (self.peer(method.owner()), &self.context.shutdown);
        let key = self.sessions.watch(&admitted.credential);
        EndingPeer::new(peer, method, shutdown, key)
    }

    /// The cookies that a service's answer asks for.
    pub(crate) fn session_cookies(
        &self,
        answer: &http::HeaderMap,
        request: &Parts,
        admitted: &Admitted,
    ) -> Vec<HeaderValue> {
        let Some(change) = CookieChange::of(answer) else {
            return Vec::new();
        };
        if change == CookieChange::Clear {
            self.sessions.forget(&admitted.credential);
        }
        change.cookies(&self.client(request), &request.headers, &self.context.world)
    }

    /// The client of a request, as the outermost layer noted it.
    pub(crate) fn client(&self, request: &Parts) -> Client {
        let noted = request.extensions.get::<Client>().cloned();
        noted.unwrap_or(Client {
            address: None,
            secure: false,
            host: None,
        })
    }
}
