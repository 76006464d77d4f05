//! Whether this process may be sent calls: one answer for probes, proxies and people.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::Stream;
use futures::future::{BoxFuture, join_all};
use futures::stream;
use parking_lot::Mutex;
use t11_core::{Fault, FaultKind, World};
use t11_grpc::{Peer, keys};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::health_server::{self, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::clock::ServerClock;

/// A check that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(1);
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// Failed rounds in a row before a ready process says that it is not: a database that is slow for a
/// moment is slow for all replicas, and must not take all of them away.
const ROUNDS: u32 = 3;

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    NotReady,
    Ready,
    Draining,
}

/// The health of the process. Clones share it.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    state: watch::Sender<State>,
    needs: Mutex<Vec<Need>>,
    has_been_ready: AtomicBool,
}

/// Something that the process needs.
#[derive(Clone)]
struct Need {
    name: String,
    check: Check,
    /// A process takes no calls before its neighbours can be reached. Later they are only told of:
    /// one service in trouble is so for all who call it, and would take everything out with it.
    only_at_start: bool,
}

/// What was found of one thing that the process needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub name: String,
    /// What is wrong, if anything is.
    pub outcome: Result<(), String>,
    /// Whether no calls should come because of it.
    pub blocks: bool,
}

/// One for each thing that the process needs.
pub type Report = Vec<Finding>;

impl Default for Health {
    /// Not ready, and needing nothing yet.
    fn default() -> Self {
        Self(Arc::new(Inner {
            state: watch::Sender::new(State::NotReady),
            needs: Mutex::default(),
            has_been_ready: AtomicBool::new(false),
        }))
    }
}

impl Health {
    /// Ready, and needing nothing: for what is served without a [`Mesh`](crate::Mesh).
    pub fn ready() -> Self {
        let health = Self::default();
        health.become_ready(true);
        health
    }

    /// Lets readiness depend on `check`, which answers what is wrong. It is given one second, and
    /// asked about once a second.
    pub fn add_check<F, Fut>(&self, name: impl Into<String>, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.add_need(name.into(), false, check);
    }

    fn add_need<F, Fut>(&self, name: String, only_at_start: bool, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.0.needs.lock().push(Need {
            name,
            check: Arc::new(move || Box::pin(check())),
            only_at_start,
        });
    }

    /// Lets the first readiness depend on a neighbour's own, and sets `clock` by it, if one is given.
    pub(crate) fn add_neighbour(&self, peer: Peer, clock: Option<Arc<ServerClock>>) {
        self.add_need(format!("service/{}", peer.name()), true, move || {
            let (mut client, clock) = (HealthClient::new(peer.clone()), clock.clone());
            async move {
                let asked = Instant::now();
                let answer = client.check(HealthCheckRequest::default()).await;
                let answer = answer.map_err(|status| status.message().to_owned())?;
                if let (Some(clock), Some(time)) = (clock, time_of(&answer)) {
                    clock.told(time, asked.elapsed());
                }
                match answer.get_ref().status() {
                    ServingStatus::Serving => Ok(()),
                    _ => Err("not serving".to_owned()),
                }
            }
        });
    }

    /// Whether the last checks found all well, and the process is not about to end.
    pub fn is_ready(&self) -> bool {
        *self.0.state.borrow() == State::Ready
    }

    /// Whether the process is about to end.
    pub fn is_draining(&self) -> bool {
        *self.0.state.borrow() == State::Draining
    }

    /// Makes all checks now, each within a second.
    pub async fn report(&self) -> Report {
        let needs = self.0.needs.lock().clone();
        let has_been_ready = self.0.has_been_ready.load(Ordering::Relaxed);
        let made = needs.into_iter().map(|need| async move {
            let outcome = tokio::time::timeout(PATIENCE, (need.check)()).await;
            let outcome = outcome.unwrap_or_else(|_| Err("too slow".to_owned()));
            Finding {
                name: need.name,
                blocks: outcome.is_err() && !(need.only_at_start && has_been_ready),
                outcome,
            }
        });
        join_all(made).await
    }

    /// Says for good that no calls should come.
    pub(crate) fn drain(&self) {
        self.0.state.send_replace(State::Draining);
    }

    /// Makes the first checks.
    pub(crate) async fn begin(&self) {
        let well = all_well(&self.report().await);
        self.become_ready(well);
    }

    /// Checks again and again until `shutdown`.
    pub(crate) async fn keep(self, shutdown: CancellationToken) {
        let mut failed = 0;
        loop {
            let pause = tokio::time::sleep(CHECK_EVERY);
            if shutdown.run_until_cancelled(pause).await.is_none() {
                return;
            }
            let report = self.report().await;
            let well = all_well(&report);
            failed = if well { 0 } else { failed + 1 };
            if well || failed >= ROUNDS {
                self.tell(well, &report);
            }
        }
    }

    fn tell(&self, well: bool, report: &Report) {
        let was_ready = self.is_ready();
        self.become_ready(well);
        if was_ready && !well {
            let wrong = report.iter().filter_map(|finding| {
                let wrong = finding.outcome.as_ref().err()?;
                Some(format!("{}: {wrong}", finding.name))
            });
            let wrong = wrong.collect::<Vec<_>>().join("; ");
            tracing::error!(wrong, "not ready");
        }
        if !was_ready && self.is_ready() {
            tracing::info!("ready");
        }
    }

    fn become_ready(&self, ready: bool) {
        self.0.has_been_ready.fetch_or(ready, Ordering::Relaxed);
        let state = if ready { State::Ready } else { State::NotReady };
        // Draining is for good.
        self.0.state.send_if_modified(|now| {
            let changes = *now != State::Draining && *now != state;
            if changes {
                *now = state;
            }
            changes
        });
    }

    /// `grpc.health.v1` for the services `names`, and for the process as a whole (the empty name).
    /// Its answers tell the time of `world`.
    pub fn server(
        &self,
        names: impl IntoIterator<Item = String>,
        world: World,
    ) -> HealthServer<impl health_server::Health> {
        let mut names: HashSet<String> = names.into_iter().collect();
        names.insert(String::new());
        HealthServer::new(HealthRpc {
            health: self.clone(),
            names: Arc::new(names),
            world,
        })
    }
}

fn all_well(report: &Report) -> bool {
    !report.iter().any(|finding| finding.blocks)
}

/// No service of this name is here.
#[derive(Debug, thiserror::Error)]
#[error("no service `{0}` is here")]
struct NoSuchService(String);

impl Fault for NoSuchService {
    fn kind(&self) -> FaultKind {
        FaultKind::NotFound
    }
    fn reason(&self) -> &'static str {
        "SERVICE_NOT_HERE"
    }
}

struct HealthRpc {
    health: Health,
    names: Arc<HashSet<String>>,
    world: World,
}

impl HealthRpc {
    fn status(&self, state: State, name: &str) -> ServingStatus {
        match state {
            _ if !self.names.contains(name) => ServingStatus::ServiceUnknown,
            State::Ready => ServingStatus::Serving,
            State::NotReady | State::Draining => ServingStatus::NotServing,
        }
    }
}

type Answers = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

#[async_trait]
impl health_server::Health for HealthRpc {
    type WatchStream = Answers;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let name = request.into_inner().service;
        let state = *self.health.0.state.borrow();
        match self.status(state, &name) {
            ServingStatus::ServiceUnknown => Err(t11_grpc::status("t11", &NoSuchService(name))),
            status => {
                let mut answer = Response::new(answer(status));
                let now = self.world.now().timestamp_millis();
                answer.metadata_mut().insert(keys::TIME, now.into());
                Ok(answer)
            }
        }
    }

    /// Every change; ends after it has said that the process drains, for one open stream would
    /// keep it from ending.
    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Answers>, Status> {
        let name = request.into_inner().service;
        let rpc = Self {
            health: self.health.clone(),
            names: self.names.clone(),
            world: self.world.clone(),
        };
        let changes = rpc.health.0.state.subscribe();
        let start = (rpc, name, changes, None::<State>);
        let answers = stream::unfold(start, |(rpc, name, mut changes, told)| async move {
            if told == Some(State::Draining) {
                return None;
            }
            if told.is_some() {
                // Fails when the process's health is gone, and the process with it.
                changes.changed().await.ok()?;
            }
            let state = *changes.borrow_and_update();
            let answer = Ok(answer(rpc.status(state, &name)));
            Some((answer, (rpc, name, changes, Some(state))))
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

/// What the time was where the answer was given.
fn time_of(answer: &Response<HealthCheckResponse>) -> Option<DateTime<Utc>> {
    let time = answer.metadata().get(keys::TIME)?.to_str().ok()?;
    DateTime::from_timestamp_millis(time.parse().ok()?)
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use futures::StreamExt as _;
    use t11_core::{Clock as _, ManualWorld};
    use t11_grpc::{ServerStack, Signer, Verifier};
    use tonic::service::Routes;
    use tonic_health::pb::health_server::Health as _;

    use super::*;

    fn rpc(health: &Health) -> HealthRpc {
        HealthRpc {
            health: health.clone(),
            names: Arc::new(HashSet::from([String::new(), "agents".to_owned()])),
            world: World::system(),
        }
    }

    fn of(service: &str) -> Request<HealthCheckRequest> {
        Request::new(HealthCheckRequest {
            service: service.to_owned(),
        })
    }

    async fn asked(health: &Health, service: &str) -> ServingStatus {
        let answer = rpc(health).check(of(service)).await.unwrap();
        answer.into_inner().status()
    }

    #[tokio::test]
    async fn a_process_serves_once_its_checks_are_well() {
        let health = Health::default();
        let well = Arc::new(AtomicBool::new(false));
        let asks = well.clone();
        health.add_check("database/agents", move || {
            let outcome = match asks.load(Ordering::Relaxed) {
                true => Ok(()),
                false => Err("gone".to_owned()),
            };
            async move { outcome }
        });
        health.begin().await;
        assert_eq!(asked(&health, "").await, ServingStatus::NotServing);
        well.store(true, Ordering::Relaxed);
        health.begin().await;
        assert_eq!(asked(&health, "agents").await, ServingStatus::Serving);
        let unknown = rpc(&health).check(of("crm")).await.unwrap_err();
        assert_eq!(unknown.code(), tonic::Code::NotFound);
    }

    #[tokio::test(start_paused = true)]
    async fn a_moment_of_trouble_is_not_told() {
        let health = Health::default();
        let well = Arc::new(AtomicBool::new(true));
        let asks = well.clone();
        health.add_check("redis", move || {
            let well = asks.load(Ordering::Relaxed);
            async move { well.then_some(()).ok_or_else(|| "gone".to_owned()) }
        });
        health.begin().await;
        let keeping = tokio::spawn(health.clone().keep(CancellationToken::new()));
        well.store(false, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        assert!(health.is_ready(), "two rounds have failed");
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        assert!(!health.is_ready(), "three rounds have failed");
        well.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        assert!(health.is_ready());
        keeping.abort();
    }

    #[tokio::test]
    async fn a_process_without_a_database_has_the_time_of_its_neighbour() {
        let there = ManualWorld::new(DateTime::UNIX_EPOCH + TimeDelta::days(90), 1);
        let here = ManualWorld::new(DateTime::UNIX_EPOCH, 2);
        let neighbour = Health::ready().server([], there.world());
        let (peer, slot) = Peer::local("accounts");
        let verifier = Verifier::from_jwks(&Signer::from_seed(&[7; 32]).unwrap().jwks()).unwrap();
        slot.fill(ServerStack::new(
            Routes::new(neighbour),
            verifier,
            there.world(),
        ));
        let (health, clock) = (Health::default(), ServerClock::new(here.world()));
        assert_eq!(clock.now(), here.now());
        health.add_neighbour(peer, Some(clock.clone()));
        health.begin().await;
        let since = clock.now() - there.now();
        assert!(
            since >= TimeDelta::zero() && since < TimeDelta::minutes(1),
            "{since}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_has_failed() {
        let health = Health::default();
        health.add_check("database/crm", std::future::pending);
        let report = health.report().await;
        let [finding] = &report[..] else {
            panic!("{report:?}")
        };
        assert_eq!(finding.name, "database/crm");
        assert_eq!(finding.outcome, Err("too slow".to_owned()));
        assert!(finding.blocks);
    }

    #[tokio::test]
    async fn a_neighbour_keeps_from_starting_but_takes_nothing_out() {
        let health = Health::default();
        let well = Arc::new(AtomicBool::new(false));
        let asks = well.clone();
        health.add_need("service/jobs".to_owned(), true, move || {
            let well = asks.load(Ordering::Relaxed);
            async move { well.then_some(()).ok_or_else(|| "gone".to_owned()) }
        });
        health.begin().await;
        assert!(!health.is_ready());
        well.store(true, Ordering::Relaxed);
        health.begin().await;
        assert!(health.is_ready());
        well.store(false, Ordering::Relaxed);
        health.begin().await;
        assert!(health.is_ready());
        let report = health.report().await;
        assert_eq!(report[0].outcome, Err("gone".to_owned()));
        assert!(!report[0].blocks);
    }

    #[tokio::test]
    async fn draining_is_told_last_and_for_good() {
        let health = Health::default();
        health.begin().await;
        let watched = rpc(&health).watch(of("agents")).await.unwrap();
        let unknown = rpc(&health).watch(of("nobody")).await.unwrap();
        let mut statuses = watched.into_inner().map(|answer| answer.unwrap().status());
        assert_eq!(statuses.next().await, Some(ServingStatus::Serving));
        health.drain();
        health.begin().await;
        assert!(health.is_draining() && !health.is_ready());
        let rest: Vec<_> = statuses.collect().await;
        assert_eq!(rest, [ServingStatus::NotServing]);
        let unknown: Vec<_> = unknown.into_inner().collect().await;
        let first = unknown[0].as_ref().unwrap().status();
        assert_eq!(first, ServingStatus::ServiceUnknown);
    }
}
