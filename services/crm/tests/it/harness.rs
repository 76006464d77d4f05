//! A running crm service, and callers of two organizations.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait as _, DbErr, Statement};
use t11_core::{
    Caller, Clock, Fault as _, ManualWorld, OrgId, PageTokens, Role, Subject, SystemWorld,
    Violation, World,
};
use t11_crm::{Config, MessageUpkeep, Parts};
use t11_fake_kommo::FakeKommo;
use t11_grpc::{
    CallContext, Peer, RemoteFault, ServerStack, Signer, Verifier, as_service, in_context,
};
use t11_proto::crm::v1::catalog_service_client::CatalogServiceClient;
use t11_proto::crm::v1::connection_service_client::ConnectionServiceClient;
use t11_proto::crm::v1::credential_service_client::CredentialServiceClient;
use t11_proto::crm::v1::lead_service_client::LeadServiceClient;
use t11_proto::crm::v1::message_service_client::MessageServiceClient;
use t11_runtime::bus::InProcess;
use t11_runtime::{Bus, JobHandler, RunningJob, Secret};
use t11_store::testing::TestDb;
use t11_store::{Keyring, StoreError, System};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Status;
use uuid::Uuid;

pub(crate) const ORG: OrgId = OrgId(Uuid::from_u128(1));
pub(crate) const OTHER_ORG: OrgId = OrgId(Uuid::from_u128(2));
pub(crate) const ENCRYPTION_KEY: [u8; 32] = [9; 32];

/// A clock that goes as the machine's does, and can be moved.
#[derive(Default)]
struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> DateTime<Utc> {
        SystemWorld.now() + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }
}

/// The service.
pub(crate) struct Crm {
    pub(crate) db: Arc<TestDb>,
    world: World,
    clock: Arc<MovedClock>,
    peer: Peer,
    signer: Signer,
    handlers: Arc<HashMap<&'static str, Arc<dyn JobHandler>>>,
    pub(crate) message_upkeep: MessageUpkeep,
}

impl Crm {
    /// On a clock that stands, and without a Kommo.
    pub(crate) async fn start() -> Self {
        let world =
            ManualWorld::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap(), 1).world();
        let config = Config {
            test_hosts: vec!["127.0.0.1:9400".to_owned()],
            is_paced: false,
            ..Config::default()
        };
        Self::over(Self::database(&world).await, world, config, Arc::default())
    }

    /// Before this Kommo, on a clock that goes.
    pub(crate) async fn with_kommo(kommo: &FakeKommo) -> Self {
        let clock = Arc::<MovedClock>::default();
        let world = World::new(clock.clone(), Arc::new(SystemWorld));
        let db = Self::database(&world).await;
        Self::over(db, world, Self::config(kommo), clock)
    }

    /// The same with other settings.
    pub(crate) async fn with_settings(kommo: &FakeKommo, change: impl FnOnce(&mut Config)) -> Self {
        let clock = Arc::<MovedClock>::default();
        let world = World::new(clock.clone(), Arc::new(SystemWorld));
        let db = Self::database(&world).await;
        let mut config = Self::config(kommo);
        change(&mut config);
        Self::over(db, world, config, clock)
    }

    /// Another replica on the same database, which knows the present hosts of the accounts.
    pub(crate) fn replica(&self, kommo: &FakeKommo) -> Self {
        let (db, world) = (self.db.clone(), self.world.clone());
        Self::over(db, world, Self::config(kommo), self.clock.clone())
    }

    fn config(kommo: &FakeKommo) -> Config {
        let hosts = kommo.hosts();
        // Its first address tells where an account is that has moved.
        let oauth_url = kommo.oauth_url();
        let first = oauth_url
            .trim_start_matches("http://")
            .trim_end_matches("/oauth");
        let hosts = hosts.split(',').chain([first]).map(str::to_owned);
        Config {
            test_hosts: hosts.collect(),
            oauth_url: oauth_url.clone(),
            is_paced: false,
            ..Config::default()
        }
    }

    async fn database(world: &World) -> Arc<TestDb> {
        let migrate = |db| async move { t11_migrations::migrate("crm", &db).await };
        Arc::new(TestDb::with_world(world.clone(), migrate).await)
    }

    fn over(db: Arc<TestDb>, world: World, config: Config, clock: Arc<MovedClock>) -> Self {
        let parts = Parts {
            db: db.db(),
            world: world.clone(),
            keyring: Arc::new(Keyring::new(ENCRYPTION_KEY)),
            page_tokens: PageTokens::new([7; 32]),
            redis: None,
            bus: Bus::join(Arc::new(InProcess::default()), &world),
            tasks: TaskTracker::new(),
            is_production: false,
            webhook_secret: Secret::from("w".repeat(43)),
            redirect_base: "http://127.0.0.1:8080".parse().unwrap(),
            shutdown: CancellationToken::new(),
        };
        t11_runtime::init_process();
        let wired = t11_crm::wire(&config, parts).unwrap();
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let verifier = Verifier::from_jwks(&signer.jwks()).unwrap();
        let (peer, slot) = Peer::local("crm");
        slot.fill(ServerStack::new(wired.routes, verifier, world.clone()));
        Self {
            db,
            world,
            clock,
            peer,
            signer,
            handlers: Arc::new(wired.handlers.into_iter().collect()),
            message_upkeep: wired.message_upkeep,
        }
    }

    /// Moves the clock of [`Crm::with_kommo`].
    pub(crate) fn advance(&self, by: TimeDelta) {
        self.clock.0.fetch_add(by.num_seconds(), Ordering::SeqCst);
    }

    /// Does the jobs of a kind that wait in the outbox, as a worker would; what came of each.
    pub(crate) async fn run_jobs(&self, kind: &'static str) -> Vec<Result<(), String>> {
        let mut outcomes = Vec::new();
        for (org, payload) in self.take_jobs(kind).await {
            let job = RunningJob::detached("crm", kind, payload, OrgId(org));
            let outcome = self.handlers[kind].run(&job).await;
            outcomes.push(outcome.map_err(|failure| failure.reason));
        }
        outcomes
    }

    async fn take_jobs(&self, kind: &'static str) -> Vec<(Uuid, Vec<u8>)> {
        let take = self.db.write(System("test"), move |tx| async move {
            let sql = format!("DELETE FROM outbox WHERE kind = '{kind}' RETURNING org_id, payload");
            let statement = Statement::from_string(tx.get_database_backend(), sql);
            let rows = tx.query_all_raw(statement).await?;
            let jobs = rows
                .iter()
                .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)));
            Ok::<_, StoreError>(jobs.collect::<Result<Vec<_>, DbErr>>()?)
        });
        take.await.unwrap()
    }

    /// What was told through the outbox by jobs of a kind, which are then gone.
    pub(crate) async fn take_told<T: prost::Message + Default>(
        &self,
        kind: &'static str,
    ) -> Vec<T> {
        let jobs = self.take_jobs(kind).await.into_iter();
        jobs.map(|(_, payload)| T::decode(&payload[..]).unwrap())
            .collect()
    }

    /// A bot waits for an answer at this address.
    pub(crate) async fn note_bot_request(&self, connection: Uuid, lead: i64, return_url: String) {
        let now = self.world.now();
        let note = self.db.write(System("test"), move |tx| async move {
            let sql = "INSERT INTO bot_requests (id, org_id, connection_id, entity_kind, entity_id, \
                       return_url, receive_time) VALUES ($1, $2, $3, 'leads', $4, $5, $6)";
            let values = [
                Uuid::from_u128(77).into(),
                ORG.0.into(),
                connection.into(),
                lead.into(),
                return_url.into(),
                now.into(),
            ];
            let backend = tx.get_database_backend();
            tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
            Ok::<_, StoreError>(())
        });
        note.await.unwrap();
    }

    pub(crate) fn messages(&self) -> MessageServiceClient<Peer> {
        MessageServiceClient::new(self.peer.clone())
    }

    pub(crate) fn leads(&self) -> LeadServiceClient<Peer> {
        LeadServiceClient::new(self.peer.clone())
    }

    /// Runs `call` as the agents of `org`.
    pub(crate) async fn as_agents<F: Future>(&self, org: OrgId, call: F) -> F::Output {
        as_service(&self.signer, &self.world, "agents", org, call).await
    }

    pub(crate) fn catalog(&self) -> CatalogServiceClient<Peer> {
        CatalogServiceClient::new(self.peer.clone())
    }

    /// Runs `call` as our own edge, which is of no organization.
    pub(crate) async fn as_edge<F: Future>(&self, call: F) -> F::Output {
        as_service(&self.signer, &self.world, "edge", OrgId::NONE, call).await
    }

    /// Runs `call` as a person of `org` who owns it.
    pub(crate) async fn as_person<F: Future>(&self, org: OrgId, user: u128, call: F) -> F::Output {
        let subject = Subject::User {
            user: Uuid::from_u128(user),
            session: Uuid::from_u128(6),
        };
        self.as_subject(org, Role::Owner, subject, call).await
    }

    pub(crate) fn connections(&self) -> ConnectionServiceClient<Peer> {
        ConnectionServiceClient::new(self.peer.clone())
    }

    pub(crate) fn credentials(&self) -> CredentialServiceClient<Peer> {
        CredentialServiceClient::new(self.peer.clone())
    }

    /// Runs `call` as a member of `org` with `role`.
    pub(crate) async fn with<F: Future>(&self, org: OrgId, role: Role, call: F) -> F::Output {
        let subject = Subject::User {
            user: Uuid::from_u128(5),
            session: Uuid::from_u128(6),
        };
        self.as_subject(org, role, subject, call).await
    }

    async fn as_subject<F: Future>(
        &self,
        org: OrgId,
        role: Role,
        subject: Subject,
        call: F,
    ) -> F::Output {
        let caller = Caller {
            org,
            subject,
            role,
            scopes: None,
        };
        let context = CallContext {
            request_id: "a-request".into(),
            caller_token: Some(self.signer.sign(&caller, self.world.now()).into()),
            ..CallContext::default()
        };
        in_context(context, call).await
    }

    /// Runs `call` as an owner of `org`.
    pub(crate) async fn as_owner<F: Future>(&self, org: OrgId, call: F) -> F::Output {
        self.with(org, Role::Owner, call).await
    }

    /// One value of a query, as text or bytes.
    pub(crate) async fn query<T>(&self, sql: &'static str) -> Vec<T>
    where
        T: sea_orm::TryGetable + Send + 'static,
    {
        let read = self.db.read(System("test"), move |tx| async move {
            let statement = Statement::from_string(tx.get_database_backend(), sql);
            let rows = tx.query_all_raw(statement).await?;
            let values: Result<Vec<T>, _> =
                rows.iter().map(|row| row.try_get_by_index(0)).collect();
            Ok::<_, StoreError>(values?)
        });
        read.await.unwrap()
    }
}

/// The stable reason of a failure.
pub(crate) fn reason<T: std::fmt::Debug>(outcome: Result<T, Status>) -> String {
    RemoteFault::from(&outcome.unwrap_err()).reason().to_owned()
}

/// The broken rules of a failure: field and reason.
pub(crate) fn violations<T: std::fmt::Debug>(outcome: Result<T, Status>) -> Vec<(String, String)> {
    let fault = RemoteFault::from(&outcome.unwrap_err());
    assert_eq!(fault.reason(), "FIELDS_INVALID");
    let pair = |v: &Violation| (v.field.clone(), v.reason.to_string());
    fault.violations().iter().map(pair).collect()
}
