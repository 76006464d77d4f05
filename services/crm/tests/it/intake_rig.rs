//! crm with an account of the stand-in of Kommo, a door in place of edge's, and its jobs done one
//! by one as the queue would.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use prost::Message as _;
use sea_orm::{ConnectionTrait as _, Statement};
use t11_core::{
    Caller, Clock, Fault as _, OrgId, PageTokens, Role, Subject, SystemWorld, World, format_name,
    parse_name,
};
use t11_crm::{Config, IntakeUpkeep, Parts, Wired};
use t11_fake_kommo::{Account, Arrived, FakeKommo, FakeKommoOptions, Integration};
use t11_grpc::{
    CallContext, Peer, RemoteFault, ServerStack, Signer, Verifier, as_service, in_context,
};
use t11_proto::agents::v1::crm_event::EventKind;
use t11_proto::agents::v1::{CrmEvent, CrmMessage};
use t11_proto::crm::v1 as pb;
use t11_proto::crm::v1::connection_service_client::ConnectionServiceClient;
use t11_proto::crm::v1::credential_service_client::CredentialServiceClient;
use t11_proto::crm::v1::event_service_client::EventServiceClient;
use t11_proto::crm::v1::intake_service_client::IntakeServiceClient;
use t11_proto::crm::v1::message_service_client::MessageServiceClient;
use t11_runtime::bus::InProcess;
use t11_runtime::{Bus, JobFailure, JobHandler, RunningJob, Secret};
use t11_store::testing::TestDb;
use t11_store::{Keyring, StoreError, System};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tonic::{Code, Response, Status};
use uuid::Uuid;

pub(crate) const ORG: OrgId = OrgId(Uuid::from_u128(1));

/// The machine's clock, moved on.
struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> DateTime<Utc> {
        SystemWorld.now() + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }
}

/// A job that waits in the outbox.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: Uuid,
    pub(crate) queue: String,
    pub(crate) kind: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) ordering_key: String,
}

pub(crate) struct Rig {
    pub(crate) kommo: FakeKommo,
    pub(crate) account: Account,
    pub(crate) db: TestDb,
    /// `connections/{connection}`.
    pub(crate) connection: String,
    clock: Arc<MovedClock>,
    world: World,
    peer: Peer,
    signer: Signer,
    handlers: Vec<(&'static str, Arc<dyn JobHandler>)>,
    upkeep: IntakeUpkeep,
    /// What agents were given.
    told: Mutex<Vec<Job>>,
    door: SocketAddr,
    _serving: AbortOnDropHandle<()>,
}

/// Stands where edge does.
#[derive(Clone)]
struct Door {
    peer: Peer,
    signer: Signer,
    world: World,
}

impl Rig {
    /// An account that is connected and subscribed.
    pub(crate) async fn start() -> Self {
        let rig = Self::connected().await;
        rig.work().await;
        assert_eq!(rig.account.webhooks().len(), 1, "the account is subscribed");
        rig
    }

    /// An account that is connected; its jobs wait.
    pub(crate) async fn connected() -> Self {
        t11_runtime::init_process();
        let clock = Arc::new(MovedClock(AtomicI64::new(0)));
        let world = World::new(clock.clone(), Arc::new(SystemWorld));
        let migrate = |db| async move { t11_migrations::migrate("crm", &db).await };
        let db = TestDb::with_world(world.clone(), migrate).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door = listener.local_addr().unwrap();
        let app = Integration::new(&format!("http://{door}/api/kommo/callback"));
        let options = FakeKommoOptions::with(app.clone()).unlimited();
        let kommo = FakeKommo::start(options).await.unwrap();
        let account = kommo.account();
        let wired = wire(&db, &world, &account, door);
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let verifier = Verifier::from_jwks(&signer.jwks()).unwrap();
        let (peer, slot) = Peer::local("crm");
        slot.fill(ServerStack::new(wired.routes, verifier, world.clone()));
        let edge = Door {
            peer: peer.clone(),
            signer: signer.clone(),
            world: world.clone(),
        };
        let serving = serve(listener, edge);
        let mut rig = Self {
            kommo,
            account,
            db,
            connection: String::new(),
            clock,
            world,
            peer,
            signer,
            handlers: wired.handlers,
            upkeep: wired.intake_upkeep,
            told: Mutex::default(),
            door,
            _serving: serving,
        };
        rig.connect(&app).await;
        rig
    }

    async fn connect(&mut self, app: &Integration) {
        let credential = pb::SetCredentialRequest {
            client_id: app.client_id.clone(),
            client_secret: app.client_secret.clone(),
            redirect_uri: app.redirect_uri.clone(),
        };
        let mut credentials = CredentialServiceClient::new(self.peer.clone());
        let set = credentials.set_credential(credential);
        self.as_owner(set).await.unwrap();
        let token = self.account.long_lived_token(&app.client_id, 30).unwrap();
        let request = pb::ConnectWithTokenRequest {
            host: self.account.host(),
            token,
            connection: String::new(),
        };
        let mut connections = self.connections();
        let connected = self.as_owner(connections.connect_with_token(request));
        self.connection = connected.await.unwrap().into_inner().name;
    }

    pub(crate) fn connections(&self) -> ConnectionServiceClient<Peer> {
        ConnectionServiceClient::new(self.peer.clone())
    }

    pub(crate) fn events(&self) -> EventServiceClient<Peer> {
        EventServiceClient::new(self.peer.clone())
    }

    pub(crate) fn intake(&self) -> IntakeServiceClient<Peer> {
        IntakeServiceClient::new(self.peer.clone())
    }

    /// Sends a message to the client as agents do.
    pub(crate) async fn send(&self, to: &Arrived, text: &str) -> Result<pb::Delivery, Status> {
        let request = pb::SendMessageRequest {
            connection: self.connection.clone(),
            idempotency_key: Uuid::from_u128(7).to_string(),
            talk_id: to.talk_id,
            chat_id: to.chat_id.clone(),
            lead_id: to.lead_id.unwrap_or_default(),
            contact_id: to.contact_id,
            text: text.to_owned(),
            dry_run: false,
        };
        let mut messages = MessageServiceClient::new(self.peer.clone());
        let sending = messages.send_message(request);
        let sent = as_service(&self.signer, &self.world, "agents", ORG, sending).await;
        sent.map(Response::into_inner)
    }

    /// Runs `call` as an owner.
    pub(crate) async fn as_owner<F: Future>(&self, call: F) -> F::Output {
        self.as_owner_of(ORG, call).await
    }

    pub(crate) async fn as_owner_of<F: Future>(&self, org: OrgId, call: F) -> F::Output {
        let subject = Subject::User {
            user: Uuid::from_u128(5),
            session: Uuid::from_u128(6),
        };
        let caller = Caller {
            org,
            subject,
            role: Role::Owner,
            scopes: None,
        };
        let context = CallContext {
            request_id: "a-request".into(),
            caller_token: Some(self.signer.sign(&caller, self.world.now()).into()),
            ..CallContext::default()
        };
        in_context(context, call).await
    }

    /// Runs `call` as edge.
    pub(crate) async fn as_edge<F: Future>(&self, call: F) -> F::Output {
        as_service(&self.signer, &self.world, "edge", OrgId::NONE, call).await
    }

    pub(crate) fn connection_id(&self) -> Uuid {
        parse_name("connections", &self.connection).unwrap()
    }

    /// Both clocks go on.
    pub(crate) fn advance(&self, by: TimeDelta) {
        self.clock.0.fetch_add(by.num_seconds(), Ordering::SeqCst);
        self.kommo.advance(by.to_std().unwrap());
    }

    /// The secret of the address that Kommo posts to now.
    pub(crate) fn secret(&self) -> String {
        let webhooks = self.account.webhooks();
        let newest = webhooks.iter().max_by_key(|webhook| webhook.id).unwrap();
        let path = newest.destination.trim_end_matches('/');
        path.rsplit('/').next().unwrap().to_owned()
    }

    /// Where edge would be.
    pub(crate) fn door(&self) -> SocketAddr {
        self.door
    }

    /// Hands a body in as Kommo would.
    pub(crate) async fn post(&self, body: impl Into<Vec<u8>>) -> Result<(), Status> {
        let request = pb::AcceptWebhookRequest {
            secret: self.secret(),
            body: body.into().into(),
        };
        let mut intake = self.intake();
        self.as_edge(intake.accept_webhook(request)).await.map(drop)
    }

    /// Waits until Kommo has told all, and does the jobs that there are for crm.
    pub(crate) async fn work(&self) {
        self.account.flush_webhooks();
        self.kommo.settle().await;
        let failures = self.jobs().await;
        assert!(failures.is_empty(), "{failures:?}");
    }

    /// Does the jobs for crm until there are none, each once; those that failed.
    pub(crate) async fn jobs(&self) -> Vec<JobFailure> {
        let mut failures = Vec::new();
        loop {
            let jobs = self.take_jobs().await;
            if jobs.is_empty() {
                return failures;
            }
            for job in jobs {
                if job.queue == "agents" {
                    self.told.lock().push(job);
                } else if let Err(failure) = self.run(&job, 0).await {
                    failures.push(failure);
                }
            }
        }
    }

    /// Does a job, after `attempt` that failed.
    pub(crate) async fn run(&self, job: &Job, attempt: i32) -> Result<(), JobFailure> {
        let mut handlers = self.handlers.iter();
        // What others enqueue in passing is not of these tests.
        let Some((_, handler)) = handlers.find(|(kind, _)| is_of_intake(kind) && *kind == job.kind)
        else {
            return Ok(());
        };
        let mut running = RunningJob::detached("crm", &job.kind, job.payload.clone(), ORG);
        running.attempt = attempt;
        handler.run(&running).await
    }

    /// Takes every job that waits.
    pub(crate) async fn take_jobs(&self) -> Vec<Job> {
        let take = self.db.write(System("test"), |tx| async move {
            let backend = tx.get_database_backend();
            let sql = "SELECT id, queue, kind, payload, ordering_key, position FROM outbox \
                       ORDER BY position";
            let rows = tx
                .query_all_raw(Statement::from_string(backend, sql))
                .await?;
            let jobs: Vec<Job> = rows
                .iter()
                .map(|row| Job {
                    id: row.try_get_by_index(0).unwrap(),
                    queue: row.try_get_by_index(1).unwrap(),
                    kind: row.try_get_by_index(2).unwrap(),
                    payload: row.try_get_by_index(3).unwrap(),
                    ordering_key: row
                        .try_get_by_index::<Option<String>>(4)
                        .unwrap()
                        .unwrap_or_default(),
                })
                .collect();
            tx.execute_unprepared("DELETE FROM outbox").await?;
            Ok::<_, StoreError>(jobs)
        });
        take.await.unwrap()
    }

    /// What agents were given since this was last asked.
    pub(crate) fn told(&self) -> Vec<(Job, CrmEvent)> {
        let told = std::mem::take(&mut *self.told.lock());
        told.into_iter()
            .filter(|job| job.kind == "agents.handle_crm_event")
            .map(|job| {
                let event = CrmEvent::decode(&*job.payload).unwrap();
                (job, event)
            })
            .collect()
    }

    /// The one thing that agents were given.
    pub(crate) fn told_one(&self) -> (Job, CrmEvent) {
        let mut told = self.told();
        assert_eq!(told.len(), 1, "{told:?}");
        told.remove(0)
    }

    /// Agents say what became of an event.
    pub(crate) async fn verdict(&self, event: &str, verdict: &str) {
        let payload = pb::EventVerdict {
            event: event.to_owned(),
            verdict: verdict.to_owned(),
            conversation: "conversations/1".to_owned(),
            turn: String::new(),
        };
        let job = Job {
            id: Uuid::nil(),
            queue: "crm".to_owned(),
            kind: "crm.note_verdict".to_owned(),
            payload: payload.encode_to_vec(),
            ordering_key: String::new(),
        };
        self.run(&job, 0).await.unwrap();
    }

    pub(crate) async fn event(&self, name: &str) -> pb::Event {
        let mut events = self.events();
        let request = pb::GetEventRequest {
            name: name.to_owned(),
        };
        let got = self.as_owner(events.get_event(request)).await;
        got.unwrap().into_inner()
    }

    /// Every event, newest first.
    pub(crate) async fn all_events(&self) -> Vec<pb::Event> {
        let mut events = self.events();
        let request = pb::ListEventsRequest {
            page_size: 200,
            ..pb::ListEventsRequest::default()
        };
        let got = self.as_owner(events.list_events(request)).await;
        got.unwrap().into_inner().events
    }

    pub(crate) async fn connection(&self) -> pb::Connection {
        let mut connections = self.connections();
        let request = pb::GetConnectionRequest {
            name: self.connection.clone(),
        };
        let got = self.as_owner(connections.get_connection(request)).await;
        got.unwrap().into_inner()
    }

    pub(crate) async fn webhook(&self) -> pb::WebhookStatus {
        self.connection().await.webhook.unwrap_or_default()
    }

    /// What is due by the clock is looked for.
    pub(crate) async fn look(&self) {
        self.upkeep.round().await;
    }

    /// Does a job about the connection.
    pub(crate) async fn run_for_connection(&self, kind: &str) -> Result<(), JobFailure> {
        #[derive(Clone, PartialEq, prost::Message)]
        struct Payload {
            #[prost(string, tag = "1")]
            connection: String,
        }
        let payload = Payload {
            connection: self.connection_id().to_string(),
        };
        let job = Job {
            id: Uuid::nil(),
            queue: "crm".to_owned(),
            kind: kind.to_owned(),
            payload: payload.encode_to_vec(),
            ordering_key: String::new(),
        };
        self.run(&job, 0).await
    }

    /// Changes rows behind the service's back.
    pub(crate) async fn execute(&self, sql: String) {
        let write = self.db.write(System("test"), move |tx| async move {
            tx.execute_unprepared(&sql).await?;
            Ok::<_, StoreError>(())
        });
        write.await.unwrap();
    }

    /// A number that a query gives.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        let read = self.db.read(System("test"), move |tx| async move {
            let statement = Statement::from_string(tx.get_database_backend(), sql);
            let row = tx.query_one_raw(statement).await?;
            Ok::<_, StoreError>(row.unwrap().try_get_by_index(0)?)
        });
        read.await.unwrap()
    }
}

fn is_of_intake(kind: &str) -> bool {
    matches!(
        kind,
        "crm.dispatch_event" | "crm.note_verdict" | "crm.subscribe" | "crm.poll"
    )
}

fn wire(db: &TestDb, world: &World, account: &Account, door: SocketAddr) -> Wired {
    let parts = Parts {
        db: db.db(),
        world: world.clone(),
        keyring: Arc::new(Keyring::new([9; 32])),
        page_tokens: PageTokens::new([7; 32]),
        redis: None,
        bus: Bus::join(Arc::new(InProcess::default()), world),
        tasks: TaskTracker::new(),
        is_production: false,
        webhook_secret: Secret::from("w".repeat(44)),
        redirect_base: format!("http://{door}").parse().unwrap(),
        shutdown: CancellationToken::new(),
    };
    let config = Config {
        test_hosts: vec![account.host()],
        is_paced: false,
        ..Config::default()
    };
    t11_crm::wire(&config, parts).unwrap()
}

fn serve(listener: tokio::net::TcpListener, door: Door) -> AbortOnDropHandle<()> {
    let router = Router::new()
        .route("/hooks/kommo/{secret}/", get(present).post(webhook))
        .route("/bot/kommo/{secret}/", post(bot))
        .with_state(door);
    let serving = async move { axum::serve(listener, router).await.unwrap() };
    #[expect(clippy::disallowed_methods, reason = "aborted with its handle")]
    AbortOnDropHandle::new(tokio::spawn(serving))
}

async fn present() -> StatusCode {
    StatusCode::OK
}

async fn webhook(State(door): State<Door>, Path(secret): Path<String>, body: Bytes) -> StatusCode {
    let mut intake = IntakeServiceClient::new(door.peer.clone());
    let request = pb::AcceptWebhookRequest { secret, body };
    let call = intake.accept_webhook(request);
    answer(as_service(&door.signer, &door.world, "edge", OrgId::NONE, call).await)
}

async fn bot(State(door): State<Door>, Path(secret): Path<String>, body: Bytes) -> StatusCode {
    let mut intake = IntakeServiceClient::new(door.peer.clone());
    let request = pb::AcceptBotRequestRequest { secret, body };
    let call = intake.accept_bot_request(request);
    answer(as_service(&door.signer, &door.world, "edge", OrgId::NONE, call).await)
}

fn answer<T>(outcome: Result<T, Status>) -> StatusCode {
    match outcome.map_err(|status| status.code()) {
        Ok(_) => StatusCode::OK,
        Err(Code::NotFound) => StatusCode::NOT_FOUND,
        Err(Code::PermissionDenied) => StatusCode::FORBIDDEN,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The stable reason of a failure.
pub(crate) fn reason<T: std::fmt::Debug>(outcome: Result<T, Status>) -> String {
    RemoteFault::from(&outcome.unwrap_err()).reason().to_owned()
}

/// `events/{event}` of an id.
pub(crate) fn name_of(id: Uuid) -> String {
    format_name("events", id)
}

/// The client's message that agents were given.
pub(crate) fn client_message(event: &CrmEvent) -> &CrmMessage {
    match &event.event_kind {
        Some(EventKind::ClientMessage(message)) => message,
        other => panic!("not a client's message: {other:?}"),
    }
}
