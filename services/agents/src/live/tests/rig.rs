//! A company with one agent, its jobs in the hands of the test.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, TimeZone as _, Utc};
use sea_orm::{ConnectionTrait as _, Statement};
use t11_core::{Caller, ManualWorld, OrgId, OrgScope, Page, PageRequest, Permission, World};
use t11_grpc::as_service;
use t11_runtime::{Entry, Mesh, Settings as MeshSettings, Shape, Sources};
use t11_store::testing::TestDb;
use t11_store::{StoreError, System};
use tempfile::TempDir;
use uuid::Uuid;

use super::stand_ins::{self, CrmPlan, ModelPlan, Neighbours};
use crate::Error;
use crate::agent::{AnswerMode, Draft, Move, Settings};
use crate::briefing::Briefing;
use crate::clients::Accounts;
use crate::clients::catalog::Catalogs;
use crate::clients::crm::Crm;
use crate::clients::embedder::Embedder;
use crate::clients::leads::Leads;
use crate::conversation::{Conversation, Message};
use crate::crm_settings::{CrmRules, PipelineSettings, StageSettings};
use crate::inbox::Inbox;
use crate::jobs::{fire, note_verdict, run_step, run_turn, send_reply};
use crate::knowledge_search::KnowledgeSearch;
use crate::live::event::{CrmEvent, CrmMessage, LeadChange, MessageAuthor, What};
use crate::live::news::News;
use crate::live::{Attempt, Desk};
use crate::store::{ConversationFilter, Store};

pub(super) const PIPELINE: i64 = 700;
/// A stage that the agent works on.
pub(super) const STAGE: i64 = 7_001;
/// One that it does not.
pub(super) const OTHER_STAGE: i64 = 7_002;
/// Tries of a job.
const TRIES: i32 = 8;
/// Kinds of the jobs that run here.
const HERE: [&str; 4] = [run_turn::KIND, send_reply::KIND, fire::KIND, run_step::KIND];

/// A job as it waits.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) kind: String,
    pub(super) run_at: DateTime<Utc>,
    payload: Vec<u8>,
    attempt: i32,
    ordering_key: Option<String>,
}

pub(super) struct Rig {
    pub(super) desk: Desk,
    pub(super) inbox: Inbox,
    pub(super) store: Store,
    pub(super) clock: Arc<ManualWorld>,
    pub(super) neighbours: Arc<Neighbours>,
    pub(super) scope: OrgScope,
    pub(super) connection: Uuid,
    pub(super) agent: Uuid,
    /// Enqueued and not done, oldest first.
    pub(super) jobs: Vec<Job>,
    /// Kinds of the jobs that are of no concern here.
    pub(super) others: Vec<String>,
    /// What became of events, in the order of being told.
    pub(super) verdicts: Vec<(String, String)>,
    /// Whose messages come: each test may lead several conversations.
    pub(super) chat: i64,
    /// Where its lead is.
    pub(super) stage: i64,
    events: i64,
    fence: i64,
    mesh: Mesh,
    db: TestDb,
    _data: TempDir,
}

/// Settings of an agent that answers by itself and at once.
pub(super) fn at_once() -> Settings {
    Settings {
        instructions: "Отвечай кратко.".to_owned(),
        answer_mode: AnswerMode::Auto,
        quiet_window_seconds: 0,
        max_turns_per_chat: 500,
        ..Settings::default()
    }
}

impl Rig {
    /// On a Monday at 12:00 in Moscow.
    pub(super) async fn start(settings: Settings) -> Self {
        Box::pin(Self::with(settings, 0)).await
    }

    pub(super) async fn with(settings: Settings, resume_after_hours: i32) -> Self {
        t11_runtime::init_process();
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().display().to_string();
        let sources = Sources {
            variables: BTreeMap::from([("T11_DATA_DIR".to_owned(), folder)]),
            file: None,
        };
        let entries = [
            Entry::of::<stand_ins::Accounts>(),
            Entry::of::<stand_ins::Crm>(),
            Entry::of::<stand_ins::Llm>(),
        ];
        let mesh = Mesh::start(
            MeshSettings::load(&sources).unwrap(),
            World::system(),
            &entries,
            &["accounts", "crm", "llm"],
            Shape::OneProcess,
        );
        let mesh = mesh.await.unwrap();
        let noon = Utc.with_ymd_and_hms(2026, 11, 23, 9, 0, 0).unwrap();
        let clock = ManualWorld::new(noon, u64::from_le_bytes(World::system().random()));
        let world = clock.world();
        let db = Box::pin(TestDb::with_world(world.clone(), |db| async move {
            t11_migrations::migrate("agents", &db).await
        }));
        let db = db.await;
        let store = Store::new(db.db(), world.clone());
        let org = OrgId(world.new_id());
        let scope = Caller::service("agents", org)
            .require(Permission::Internal)
            .unwrap();
        let context = mesh.context();
        let embedder = Arc::new(Embedder::new(context.peer("llm")));
        let accounts = Arc::new(Accounts::new(context.peer("accounts")));
        let news = Arc::new(News::new(context.bus()));
        let desk = Desk {
            store: store.clone(),
            search: Arc::new(KnowledgeSearch::new(store.clone(), embedder)),
            accounts: accounts.clone(),
            llm: context.peer("llm"),
            crm: Crm::new(context.peer("crm")),
            world: world.clone(),
            news: news.clone(),
            briefing: Arc::new(Briefing {
                store: store.clone(),
                catalogs: Arc::new(Catalogs::new(context.peer("crm"))),
                leads: Arc::new(Leads::new(context.peer("crm"))),
            }),
        };
        let inbox = Inbox {
            store: store.clone(),
            accounts,
            news,
        };
        let connection = world.new_id();
        let agent = agent(&store, &scope, connection, settings, resume_after_hours).await;
        Self {
            neighbours: Neighbours::of(context.data_dir()),
            desk,
            inbox,
            store,
            clock,
            scope,
            connection,
            agent,
            jobs: Vec::new(),
            others: Vec::new(),
            verdicts: Vec::new(),
            chat: 1,
            stage: STAGE,
            events: 0,
            fence: 0,
            mesh,
            db,
            _data: data,
        }
    }

    pub(super) async fn stop(self) {
        self.mesh.stop().await;
    }

    /// Runs as the service does.
    async fn as_agents<F: Future>(&self, call: F) -> F::Output {
        let context = self.mesh.context();
        let org = self.scope.org();
        as_service(&context.signer(), &context.world(), "agents", org, call).await
    }

    fn new_event(&mut self) -> i64 {
        self.events += 1;
        self.events
    }

    fn event(&self, number: i64, what: What) -> CrmEvent {
        CrmEvent {
            connection: self.connection,
            name: event_name(number),
            dry_run: false,
            what,
        }
    }

    fn message(&self, number: i64, text: &str) -> CrmMessage {
        CrmMessage {
            message_id: format!("m{number}"),
            chat_id: format!("chat-{}", self.chat),
            talk_id: self.chat,
            contact_id: self.chat,
            lead_id: self.chat,
            pipeline_id: PIPELINE,
            stage_id: self.stage,
            text: text.to_owned(),
            channel: "telegram".to_owned(),
            ..CrmMessage::default()
        }
    }

    /// The client's message, not told yet.
    pub(super) fn client_event(&mut self, text: &str) -> CrmEvent {
        let number = self.new_event();
        let message = CrmMessage {
            author: MessageAuthor {
                kind: "external".to_owned(),
                display_name: "Мария".to_owned(),
            },
            ..self.message(number, text)
        };
        self.event(number, What::ClientMessage(message))
    }

    /// A message of a person of the account, not told yet.
    pub(super) fn person_event(&mut self, text: &str) -> CrmEvent {
        let number = self.new_event();
        let message = CrmMessage {
            author: MessageAuthor {
                kind: "internal".to_owned(),
                display_name: "Иван".to_owned(),
            },
            ..self.message(number, text)
        };
        self.event(number, What::OutgoingMessage(message))
    }

    pub(super) fn lead_event(&mut self, stage_id: i64) -> CrmEvent {
        let number = self.new_event();
        let change = LeadChange {
            lead_id: self.chat,
            pipeline_id: PIPELINE,
            stage_id,
            deleted: false,
        };
        self.event(number, What::LeadChange(change))
    }

    pub(super) async fn handle(&self, event: CrmEvent) {
        let handled = self
            .as_agents(Box::pin(self.desk.handle(&self.scope, event)))
            .await;
        handled.unwrap();
    }

    /// The client writes; the event's name.
    pub(super) async fn client_writes(&mut self, text: &str) -> String {
        let event = self.client_event(text);
        let name = event.name.clone();
        self.handle(event).await;
        name
    }

    /// A person of the account writes, in Kommo.
    pub(super) async fn person_writes(&mut self, text: &str) {
        let event = self.person_event(text);
        self.handle(event).await;
    }

    /// A person gives the word back to the agent.
    pub(super) async fn hand_back(&self, conversation: Uuid) {
        let given = self.inbox.hand_back(&self.scope, conversation);
        self.as_agents(given).await.unwrap();
    }

    pub(super) fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.world().now()
    }

    /// Takes what the outbox holds.
    pub(super) async fn collect(&mut self) {
        let taken = self.db.write(System("test"), |tx| async move {
            let sql = "SELECT kind, payload, run_at, ordering_key FROM outbox ORDER BY position";
            let statement = Statement::from_string(tx.get_database_backend(), sql);
            let rows = tx.query_all_raw(statement).await?;
            let mut jobs = Vec::new();
            for row in rows {
                jobs.push(Job {
                    kind: row.try_get_by_index(0)?,
                    payload: row.try_get_by_index(1)?,
                    run_at: row.try_get_by_index(2)?,
                    ordering_key: row.try_get_by_index(3)?,
                    attempt: 0,
                });
            }
            tx.execute_unprepared("DELETE FROM outbox").await?;
            Ok::<_, StoreError>(jobs)
        });
        for job in taken.await.unwrap() {
            if job.kind == note_verdict::KIND {
                self.verdicts.push(verdict(&job.payload));
            } else if HERE.contains(&job.kind.as_str()) {
                self.jobs.push(job);
            } else {
                self.others.push(job.kind);
            }
        }
    }

    /// Indexes of the jobs that may run now: of one ordering key the first.
    pub(super) fn due(&self) -> Vec<usize> {
        let mut keys = Vec::new();
        let mut due = Vec::new();
        for (index, job) in self.jobs.iter().enumerate() {
            if job.run_at > self.now() {
                continue;
            }
            match &job.ordering_key {
                Some(key) if keys.contains(key) => {}
                key => {
                    keys.extend(key.clone());
                    due.push(index);
                }
            }
        }
        due
    }

    /// Runs a job under a lease of its own.
    pub(super) async fn lease(&mut self, job: &Job) -> Result<(), Error> {
        self.fence += 1;
        let attempt = Attempt {
            fence: self.fence,
            number: job.attempt,
        };
        self.as_agents(Box::pin(self.work(job, attempt))).await
    }

    async fn work(&self, job: &Job, attempt: Attempt) -> Result<(), Error> {
        let (desk, scope) = (&self.desk, &self.scope);
        match job.kind.as_str() {
            run_turn::KIND => {
                let (conversation, ticket) = run_turn::read(&job.payload).unwrap();
                desk.run_turn(scope, conversation, ticket, attempt).await
            }
            fire::KIND => desk.fire(scope, fire::read(&job.payload).unwrap()).await,
            run_step::KIND => {
                let step = run_step::read(&job.payload).unwrap();
                desk.run_step(scope, step, attempt).await
            }
            _ => {
                let reply = send_reply::read(&job.payload).unwrap();
                desk.send(scope, reply, attempt).await
            }
        }
    }

    /// A job under a lease of its own, and the rig to use meanwhile.
    pub(super) fn beside<'a>(
        &'a mut self,
        job: &'a Job,
    ) -> (impl Future<Output = Result<(), Error>> + 'a, &'a Self) {
        self.fence += 1;
        let attempt = Attempt {
            fence: self.fence,
            number: job.attempt,
        };
        let rig: &'a Self = self;
        (rig.as_agents(Box::pin(rig.work(job, attempt))), rig)
    }

    /// Runs the job at `index`, and puts it back when it fails.
    pub(super) async fn run(&mut self, index: usize) {
        let job = self.jobs.remove(index);
        let ended = self.lease(&job).await;
        self.settle(index, job, ended);
    }

    pub(super) fn settle(&mut self, index: usize, mut job: Job, ended: Result<(), Error>) {
        if ended.is_err() {
            job.attempt += 1;
            if job.attempt < TRIES {
                self.jobs.insert(index, job);
            }
        }
    }

    /// Runs a job whose process dies where a neighbour's plan hangs; a later lease takes it again.
    /// If it does not come so far, it ends.
    pub(super) async fn die(&mut self, index: usize) {
        let job = self.jobs.remove(index);
        let neighbours = self.neighbours.clone();
        let ended = tokio::select! {
            ended = self.lease(&job) => Some(ended),
            () = neighbours.reached.notified() => None,
        };
        match ended {
            Some(ended) => self.settle(index, job, ended),
            None => self.jobs.insert(index, job),
        }
    }

    /// Runs all jobs that are due, and those that follow from them.
    pub(super) async fn run_due(&mut self) {
        self.collect().await;
        while let Some(index) = self.due().first().copied() {
            Box::pin(self.run(index)).await;
            self.collect().await;
        }
    }

    /// Runs every job, moving the clock.
    pub(super) async fn run_all(&mut self) {
        self.run_due().await;
        while let Some(next) = self.jobs.iter().map(|job| job.run_at).min() {
            self.advance(next - self.now());
            self.run_due().await;
        }
    }

    pub(super) fn plan_model(&self, plan: ModelPlan) {
        self.neighbours.model.lock().push_back(plan);
    }

    pub(super) fn plan_crm(&self, plan: CrmPlan) {
        self.neighbours.crm.lock().push_back(plan);
    }

    /// Forgets plans that nobody came to.
    pub(super) fn clear_plans(&self) {
        self.neighbours.model.lock().clear();
        self.neighbours.crm.lock().clear();
    }

    /// The conversation of the current chat.
    pub(super) async fn conversation(&self) -> Conversation {
        self.find_conversation().await.unwrap()
    }

    pub(super) async fn find_conversation(&self) -> Option<Conversation> {
        let page = PageRequest {
            size: 1_000,
            cursor: None,
        };
        let listed = self
            .store
            .conversations(&self.scope, ConversationFilter::default(), page);
        let Page { items, .. } = listed.await.unwrap();
        items.into_iter().find(|one| {
            one.live
                .as_ref()
                .is_some_and(|live| live.talk_id == self.chat)
        })
    }

    pub(super) async fn messages(&self) -> Vec<Message> {
        let page = PageRequest {
            size: 1_000,
            cursor: None,
        };
        let conversation = self.conversation().await.id;
        let listed = self.store.messages(&self.scope, conversation, page);
        listed.await.unwrap().items
    }

    /// What became of an event in the end.
    pub(super) fn verdict(&self, event: &str) -> Option<&str> {
        let mut verdicts = self.verdicts.iter().rev();
        let found = verdicts.find(|(name, _)| name == event);
        found.map(|(_, verdict)| verdict.as_str())
    }

    pub(super) fn said(&self) -> Vec<String> {
        self.neighbours.said()
    }
}

fn event_name(number: i64) -> String {
    format!("events/{}", Uuid::from_u128(number.unsigned_abs().into()))
}

fn verdict(payload: &[u8]) -> (String, String) {
    use prost::Message as _;
    let noted = t11_proto::crm::v1::EventVerdict::decode(payload).unwrap();
    (noted.event, noted.verdict)
}

async fn agent(
    store: &Store,
    scope: &OrgScope,
    connection: Uuid,
    settings: Settings,
    resume_after_hours: i32,
) -> Uuid {
    let draft = Draft {
        display_name: "Анна".to_owned(),
        settings,
    };
    let agent = store.create_agent(scope, draft, None).await.unwrap();
    let stage = StageSettings {
        stage_id: STAGE,
        ..StageSettings::default()
    };
    let rules = CrmRules {
        connection: Some(connection),
        pipelines: vec![PipelineSettings {
            pipeline_id: PIPELINE,
            all_stages: false,
            stages: vec![stage],
        }],
        all_channels: true,
        resume_after_hours,
        ..CrmRules::default()
    };
    let none = store.crm_settings(scope, agent.id).await.unwrap();
    let etag = String::from(none.etag());
    let replacing = store.replace_crm_settings(scope, agent.id, rules, etag);
    replacing.await.unwrap();
    store
        .move_agent(scope, agent.id, Move::Activate)
        .await
        .unwrap();
    agent.id
}
