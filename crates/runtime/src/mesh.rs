//! Services wired together and served: all in one process, or a few of them apart.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use axum::Router;
use metrics_exporter_prometheus::PrometheusBuilder;
use t11_core::World;
use t11_grpc::{LocalSlot, Peer, ServerStack};
use t11_proto::FILE_DESCRIPTOR_SET;
use t11_store::Relay;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::transport::Endpoint;

use crate::relay::JobsSink;
use crate::worker::{Worker, WorkerParts};
use crate::{Built, Context, Entry, Keys, Settings, admin, http};

/// The services that serve gRPC, and their ports when they run apart.
const PORTS: [(&str, u16); 5] = [
    ("accounts", 50051),
    ("agents", 50052),
    ("crm", 50053),
    ("llm", 50054),
    ("jobs", 50055),
];
const ADMIN_PORT: u16 = 9090;

/// Where the services of this process are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// By each other only, in the process; edge alone has a socket.
    OneProcess,
    /// Each at its own port.
    Apart,
}

/// Running services.
pub struct Mesh {
    context: Context,
    tasks: TaskTracker,
    http_addr: Option<SocketAddr>,
}

impl Mesh {
    /// Builds and starts the services `names`; every other one is expected at its address.
    ///
    /// # Errors
    /// Whatever keeps a service from starting, with its name.
    pub async fn start(
        settings: Settings,
        world: World,
        entries: &[Entry],
        names: &[&str],
        shape: Shape,
    ) -> Result<Self> {
        let keys = Keys::load(&settings, &world)?;
        let (peers, mut slots) = peers(&settings, names)?;
        let migrate = shape == Shape::OneProcess;
        let context = Context::new(Arc::new(settings), world, keys, peers, migrate);
        let mut mesh = Self {
            context,
            tasks: TaskTracker::new(),
            http_addr: None,
        };
        for name in names {
            let Some(entry) = entries.iter().find(|entry| entry.name == *name) else {
                bail!("no service is called `{name}`");
            };
            let built = (entry.build)(&mesh.context.settings, &mesh.context).await?;
            mesh.launch(entry.name, built, slots.remove(entry.name), shape)
                .await?;
        }
        mesh.relay_outboxes();
        if let Some(address) = mesh.admin_addr(shape) {
            mesh.serve_admin(address).await?;
        }
        Ok(mesh)
    }

    /// Runs services apart until the process is told to stop.
    ///
    /// # Errors
    /// Those of [`Mesh::start`].
    pub async fn serve(settings: Settings, entries: &[Entry], names: &[&str]) -> Result<()> {
        let mesh = Self::start(settings, World::system(), entries, names, Shape::Apart).await?;
        tracing::info!(services = ?names, "serving");
        stop_signal().await?;
        mesh.stop().await;
        Ok(())
    }

    /// Where edge listens, if it runs here.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http_addr
    }

    /// What the services were built with.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Drains: no new work, running calls and jobs end within `drain_seconds`.
    pub async fn stop(self) {
        tracing::info!("draining");
        self.context.shutdown().cancel();
        self.tasks.close();
        // Workers hand their leases back within the same time; a little more lets them.
        let limit = self.drain_limit() + Duration::from_secs(2);
        if tokio::time::timeout(limit, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some calls did not end in time");
        }
        for db in self.context.databases().into_values() {
            db.close().await;
        }
    }

    async fn launch(
        &mut self,
        name: &'static str,
        built: Built,
        slot: Option<LocalSlot>,
        shape: Shape,
    ) -> Result<()> {
        let Built {
            routes,
            http,
            tasks,
            handlers,
        } = built;
        if let Some(routes) = routes {
            let routes = with_reflection(routes)?;
            let stack = ServerStack::new(routes, self.context.verifier(), self.context.world());
            if shape == Shape::Apart {
                self.serve_grpc(name, stack.clone()).await?;
            }
            if let Some(slot) = slot {
                slot.fill(stack);
            }
        }
        if let Some(router) = http {
            let address = self.context.settings.common.http_addr;
            self.http_addr = Some(self.listen(name, address, router).await?);
        }
        for (_, task) in tasks {
            self.tasks.spawn(task);
        }
        if !handlers.is_empty() {
            let worker = self.worker(name, handlers.into_iter().collect());
            self.tasks
                .spawn(Worker::run(worker, self.context.shutdown()));
        }
        Ok(())
    }

    fn worker(
        &self,
        service: &'static str,
        handlers: HashMap<&'static str, Arc<dyn crate::JobHandler>>,
    ) -> WorkerParts {
        WorkerParts {
            service,
            handlers,
            slots: self
                .context
                .settings
                .common
                .job_concurrency
                .clamp(1, 64)
                .into(),
            jobs: self.context.peer("jobs"),
            signer: self.context.signer(),
            world: self.context.world(),
            drain: self.drain_limit(),
        }
    }

    fn drain_limit(&self) -> Duration {
        Duration::from_secs(self.context.settings.common.drain_seconds)
    }

    /// Every outbox has a relay; the jobs service itself has nothing to hand over.
    fn relay_outboxes(&self) {
        for (service, db) in self.context.databases() {
            let Some((service, _)) = PORTS.iter().find(|(name, _)| *name == service) else {
                continue;
            };
            if *service == "jobs" {
                continue;
            }
            let sink = JobsSink {
                service,
                jobs: self.context.peer("jobs"),
                signer: self.context.signer(),
                world: self.context.world(),
            };
            self.tasks
                .spawn(Relay::new(db, Arc::new(sink)).run(self.context.shutdown()));
        }
    }

    async fn serve_grpc(&self, name: &'static str, stack: ServerStack) -> Result<()> {
        let port = PORTS
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(0, |(_, port)| *port);
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let router = Router::new().fallback(move |request: axum::extract::Request| {
            let stack = stack.clone();
            async move { stack.handle(request.map(tonic::body::Body::new)).await }
        });
        self.listen(name, address, router).await?;
        Ok(())
    }

    fn admin_addr(&self, shape: Shape) -> Option<SocketAddr> {
        let apart = SocketAddr::from((Ipv4Addr::UNSPECIFIED, ADMIN_PORT));
        self.context
            .settings
            .common
            .admin_addr
            .or((shape == Shape::Apart).then_some(apart))
    }

    async fn serve_admin(&self, address: SocketAddr) -> Result<()> {
        let metrics = PrometheusBuilder::new().install_recorder()?;
        self.listen(
            "admin",
            address,
            admin::router(self.context.clone(), metrics),
        )
        .await?;
        Ok(())
    }

    async fn listen(&self, name: &str, address: SocketAddr, router: Router) -> Result<SocketAddr> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("`{name}` cannot listen at {address}"))?;
        let address = listener.local_addr()?;
        let shutdown = self.context.shutdown();
        self.tasks.spawn(http::serve(listener, router, shutdown));
        Ok(address)
    }
}

fn with_reflection(routes: Routes) -> Result<Routes> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let (_, health) = tonic_health::server::health_reporter();
    Ok(routes.add_service(reflection).add_service(health))
}

type Peers = (
    HashMap<&'static str, Peer>,
    HashMap<&'static str, LocalSlot>,
);

fn peers(settings: &Settings, here: &[&str]) -> Result<Peers> {
    let (mut peers, mut slots) = (HashMap::new(), HashMap::new());
    for (name, port) in PORTS {
        if here.contains(&name) {
            let (peer, slot) = Peer::local(name);
            peers.insert(name, peer);
            slots.insert(name, slot);
        } else {
            let given = settings.common.peers.get(name).cloned();
            let address = given.unwrap_or_else(|| format!("http://127.0.0.1:{port}"));
            let endpoint = Endpoint::from_shared(address)
                .with_context(|| format!("`peers.{name}` is not an address"))?
                .connect_timeout(Duration::from_secs(2))
                .tcp_nodelay(true);
            peers.insert(name, Peer::remote(name, endpoint.connect_lazy()));
        }
    }
    Ok((peers, slots))
}

/// Waits for SIGTERM or Ctrl-C.
pub(crate) async fn stop_signal() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Ends with the process's stop signal; for callers that hold a [`Mesh`].
impl Mesh {
    /// Waits until the process is told to stop, then drains.
    ///
    /// # Errors
    /// When signals cannot be listened to.
    pub async fn run_until_stopped(self) -> Result<()> {
        stop_signal().await?;
        self.stop().await;
        Ok(())
    }

    /// A token that is cancelled when draining begins.
    pub fn shutdown(&self) -> CancellationToken {
        self.context.shutdown()
    }
}
