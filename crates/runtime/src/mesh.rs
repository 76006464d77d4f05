//! Services wired together and served: all in one process, or a few of them apart.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use axum::Router;
use t11_core::World;
use t11_grpc::{LocalSlot, ServerStack};
use t11_proto::FILE_DESCRIPTOR_SET;
use t11_proto::method::METHODS;
use t11_store::{Engine, Relay};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use crate::http::{self, Manners};
use crate::peers::{PORTS, peers};
use crate::relay::JobsSink;
use crate::tls::Tls;
use crate::worker::{Worker, WorkerParts};
use crate::{Built, Context, Entry, Health, Keys, Settings, admin, metrics};

const ADMIN_PORT: u16 = 9090;
/// What is given to those who only have to close.
const CLOSING: Duration = Duration::from_secs(2);

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
    shape: Shape,
    tls: Option<Tls>,
    tasks: TaskTracker,
    /// Probes are answered until the last call has ended.
    admin: TaskTracker,
    admin_shutdown: CancellationToken,
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
        if shape == Shape::Apart || settings.common.admin_addr.is_some() {
            // Before anything measures itself: what is measured earlier goes nowhere.
            metrics::recorder()?;
        }
        let keys = Keys::load(&settings, &world)?;
        if admin_addr(&settings, shape).is_some() {
            // Before anything counts.
            metrics::recorder()?;
        }
        let tls = Tls::load(&settings.common.tls)?;
        let (peers, mut slots) = peers(&settings, names, tls.as_ref(), &world)?;
        let migrate = shape == Shape::OneProcess;
        let context = Context::new(Arc::new(settings), world, keys, peers, migrate)?;
        let mut mesh = Self {
            context,
            shape,
            tls,
            tasks: TaskTracker::new(),
            admin: TaskTracker::new(),
            admin_shutdown: CancellationToken::new(),
            http_addr: None,
        };
        if let Some(tls) = mesh.tls.clone() {
            mesh.tasks.spawn(tls.keep(mesh.context.shutdown()));
        }
        for name in names {
            let Some(entry) = entries.iter().find(|entry| entry.name == *name) else {
                bail!("no service is called `{name}`");
            };
            let built = (entry.build)(&mesh.context.settings, &mesh.context).await?;
            mesh.launch(entry.name, built, slots.remove(entry.name))
                .await?;
        }
        mesh.relay_outboxes();
        mesh.watch_health(names).await;
        if let Some(address) = admin_addr(&mesh.context.settings, shape) {
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
        mesh.run_until_stopped().await
    }

    /// Where edge listens, if it runs here.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http_addr
    }

    /// What the services were built with.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Drains: says that it is not ready, still takes calls for `drain_delay_seconds`, then no
    /// more; running calls and jobs end within `drain_seconds` or are cut.
    pub async fn stop(self) {
        tracing::info!("draining");
        self.context.health().drain();
        tokio::time::sleep(self.context.settings().drain_delay()).await;
        self.context.shutdown().cancel();
        self.tasks.close();
        // Listeners and workers keep to the limit by themselves.
        let limit = self.drain_limit() + CLOSING;
        if tokio::time::timeout(limit, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some work did not end in time");
        }
        let close = async {
            for db in self.context.databases().into_values() {
                db.close().await;
            }
            self.admin_shutdown.cancel();
            self.admin.close();
            self.admin.wait().await;
        };
        if tokio::time::timeout(CLOSING, close).await.is_err() {
            tracing::warn!("databases did not close in time");
        }
    }

    async fn launch(
        &mut self,
        name: &'static str,
        built: Built,
        slot: Option<LocalSlot>,
    ) -> Result<()> {
        let Built {
            routes,
            http,
            tasks,
            handlers,
        } = built;
        if let Some(routes) = routes {
            let stack = self.stack(name, routes)?;
            if self.shape == Shape::Apart {
                self.serve_grpc(name, stack.clone()).await?;
            }
            if let Some(slot) = slot {
                slot.fill(stack);
            }
        }
        if let Some(router) = http {
            let address = self.context.settings.common.http_addr;
            let manners = Manners::outside(self.drain_limit(), self.context.world());
            self.http_addr = Some(self.listen(name, address, router, manners).await?);
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

    fn stack(&self, name: &'static str, routes: Routes) -> Result<ServerStack> {
        let (verifier, world) = (self.context.verifier(), self.context.world());
        let routes = with_reflection(routes, name, &self.context.health(), world.clone())?;
        let max_calls = self.context.settings.common.max_calls;
        Ok(ServerStack::new(routes, verifier, world).of_service(
            name,
            usize::try_from(max_calls)?,
            self.context.shutdown(),
        ))
    }

    /// Readiness is that of the databases opened here; for edge, which has none, also that of
    /// the services it passes calls on to.
    async fn watch_health(&self, names: &[&str]) {
        let health = self.context.health();
        for (service, db) in self.context.databases() {
            health.add_check(format!("database/{service}"), move || {
                let db = db.clone();
                async move { db.ping().await.map_err(|error| error.to_string()) }
            });
        }
        if names.contains(&"edge") {
            let elsewhere = PORTS.iter().filter(|(name, _)| !names.contains(name));
            for (name, _) in elsewhere {
                health.add_neighbour(self.context.peer(name), self.context.clock_by(name));
            }
        }
        health.begin().await;
        self.tasks.spawn(health.keep(self.context.shutdown()));
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
            // A queue in a SQLite file is of the process that has the file open.
            is_alone: self
                .context
                .databases()
                .get("jobs")
                .is_some_and(|db| db.engine() == Engine::Sqlite),
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
                .spawn(Relay::new(service, db, Arc::new(sink)).run(self.context.shutdown()));
        }
    }

    async fn serve_grpc(&self, name: &'static str, stack: ServerStack) -> Result<()> {
        let port = PORTS
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(0, |(_, port)| *port);
        let told = self.context.settings.common.listen.get(name).copied();
        let address = told.unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
        let router = Router::new().fallback(move |request: axum::extract::Request| {
            let stack = stack.clone();
            async move { stack.handle(request.map(tonic::body::Body::new)).await }
        });
        let (grace, world) = (self.drain_limit(), self.context.world());
        let manners = Manners::inside(grace, world, self.tls.clone());
        self.listen(name, address, router, manners).await?;
        Ok(())
    }

    async fn serve_admin(&self, address: SocketAddr) -> Result<()> {
        let recorder = metrics::recorder()?;
        let keep = metrics::keep(recorder.clone(), self.admin_shutdown.clone());
        self.admin.spawn(keep);
        let router = admin::router(self.context.health(), recorder);
        let listener = self.bind("admin", address).await?;
        let manners = Manners::outside(Duration::ZERO, self.context.world());
        let shutdown = self.admin_shutdown.clone();
        self.admin
            .spawn(http::serve(listener, router, manners, shutdown));
        Ok(())
    }

    async fn listen(
        &self,
        name: &str,
        address: SocketAddr,
        router: Router,
        manners: Manners,
    ) -> Result<SocketAddr> {
        let listener = self.bind(name, address).await?;
        let address = listener.local_addr()?;
        let shutdown = self.context.shutdown();
        self.tasks
            .spawn(http::serve(listener, router, manners, shutdown));
        Ok(address)
    }

    async fn bind(&self, name: &str, address: SocketAddr) -> Result<TcpListener> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("`{name}` cannot listen at {address}"))?;
        if self.shape == Shape::Apart {
            announce(name, listener.local_addr()?);
        }
        Ok(listener)
    }
}

fn admin_addr(settings: &Settings, shape: Shape) -> Option<SocketAddr> {
    let apart = SocketAddr::from((Ipv4Addr::UNSPECIFIED, ADMIN_PORT));
    let told = settings.common.admin_addr;
    told.or((shape == Shape::Apart).then_some(apart))
}

/// For whoever started the process and let it choose its ports.
#[expect(clippy::print_stdout, reason = "the line that scripts wait for")]
fn announce(name: &str, address: SocketAddr) {
    println!("T11 {name} listens at {address}");
}

fn with_reflection(
    routes: Routes,
    name: &'static str,
    health: &Health,
    world: World,
) -> Result<Routes> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let owned = METHODS.iter().filter(|method| method.owner() == name);
    let names = owned.map(|method| method.service().to_owned());
    let health = health.server(names.chain([name.to_owned()]), world);
    Ok(routes.add_service(reflection).add_service(health))
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
