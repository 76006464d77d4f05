//! An organization that has one of everything, with its mark in every text that takes one.

use std::collections::BTreeMap;

use prost::Message as _;
use reqwest::Method;
use serde_json::{Value, json};
use t11_core::{Caller, OrgId};
use t11_proto::accounts::v1::api_key_service_client::ApiKeyServiceClient;
use t11_proto::accounts::v1::session_service_client::SessionServiceClient;
use t11_proto::accounts::v1::{
    ExchangeApiKeyRequest, IssueCallerTokenRequest, NotificationAudience, NotificationType,
    RaiseNotification,
};
use t11_proto::jobs::v1::job_service_client::JobServiceClient;
use t11_proto::jobs::v1::{EnqueueJobsRequest, JobSpec};
use t11_tests::client::{name, new_id};
use t11_tests::{Client, eventually};
use uuid::Uuid;

use crate::doors::Reach;
use crate::fields::{Id, REQUEST};

/// What an API key may do at most.
const SCOPES: &[&str] = &[
    "organization.read",
    "members.read",
    "audit.read",
    "agents.read",
    "agents.write",
    "knowledge.read",
    "knowledge.write",
    "prices.read",
    "prices.write",
    "conversations.read",
    "conversations.write",
    "crm.read",
    "crm.write",
    "llm.read",
    "llm.complete",
    "jobs.read",
    "jobs.write",
];
/// What queues are called is the same for all: the platform's words, not ids.
pub(crate) const QUEUES: &str = "queues/*";
const QUEUE: &str = "queues/agents";

/// How every tenant's mark begins.
pub(crate) const MARK: &str = "canary";

/// Somebody of an organization, or its program.
pub(crate) struct Person {
    /// `owner`, …, or `api key`.
    pub(crate) role: &'static str,
    pub(crate) client: Client,
    pub(crate) caller: Caller,
}

impl Person {
    async fn new(role: &'static str, client: Client, reach: &Reach) -> Self {
        let caller = caller(&client, reach).await;
        Self {
            role,
            client,
            caller,
        }
    }
}

/// Who edge says that the client is.
async fn caller(client: &Client, reach: &Reach) -> Caller {
    let token = client.token().to_owned();
    let asked = async {
        let accounts = reach.peer("accounts");
        if token.starts_with("t11_") {
            let request = ExchangeApiKeyRequest { key: token };
            let answer = ApiKeyServiceClient::new(accounts)
                .exchange_api_key(request)
                .await;
            answer.unwrap().into_inner().caller_token
        } else {
            let request = IssueCallerTokenRequest {
                session_token: token,
            };
            let answer = SessionServiceClient::new(accounts)
                .issue_caller_token(request)
                .await;
            answer.unwrap().into_inner().caller_token
        }
    };
    let token = t11_grpc::as_service(&reach.signer, &reach.world, "edge", OrgId::NONE, asked).await;
    reach.verifier.verify(&token, reach.world.now()).unwrap()
}

pub(crate) struct Tenant {
    /// In each of its texts, and in nobody else's.
    pub(crate) mark: String,
    pub(crate) owner: Person,
    /// Of each pattern the ids of one thing: of `conversations/*/turns/*` two.
    things: BTreeMap<String, Vec<Uuid>>,
}

impl Tenant {
    pub(crate) async fn new(stranger: &Client, reach: &Reach) -> Self {
        let mark = format!("{MARK}{}", &new_id().simple().to_string()[20..]);
        let client = stranger.clone().register(&mark).await;
        let owner = Person::new("owner", client, reach).await;
        let mut made = Made {
            mark: &mark,
            client: &owner.client,
            request: new_id(),
            things: BTreeMap::new(),
        };
        made.accounts().await;
        made.knowledge().await;
        made.agents().await;
        made.crm().await;
        made.playbook().await;
        made.automation().await;
        made.versions().await;
        made.budget().await;
        made.provider_key().await;
        made.notification(reach, owner.caller.org).await;
        made.route().await;
        made.until_idle().await;
        let things = made.things;
        Self {
            mark,
            owner,
            things,
        }
    }

    /// People of every other role, and a program that may do all that one may.
    pub(crate) async fn others(&self, reach: &Reach) -> Vec<Person> {
        let mut people = Vec::new();
        for role in ["admin", "editor", "operator", "analyst", "viewer"] {
            let client = self.owner.client.colleague(role).await;
            people.push(Person::new(role, client, reach).await);
        }
        let asked = json!({"display_name": "Program", "scopes": SCOPES});
        let key = self.owner.client.post("/api/account/apiKeys", asked).await;
        let key = key.ok()["key"].as_str().unwrap().to_owned();
        let program = self.owner.client.clone().with_token(&key);
        people.push(Person::new("api key", program, reach).await);
        people
    }

    /// Its own thing, as the field writes it.
    pub(crate) fn name_of(&self, id: &Id) -> String {
        if id.of == QUEUES {
            return QUEUE.to_owned();
        }
        written(&id.form, self.ids_of(&id.of))
    }

    pub(crate) fn ids_of(&self, pattern: &str) -> &[Uuid] {
        let ids = self.things.get(pattern);
        ids.unwrap_or_else(|| panic!("the tenant has nothing of `{pattern}`"))
    }

    /// Patterns of all it has.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = &String> {
        self.things.keys()
    }

    /// Every id of its things.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &Uuid> {
        self.things.values().flatten()
    }
}

/// `agents/*` with ids in the places of the stars.
pub(crate) fn written(form: &str, ids: &[Uuid]) -> String {
    let mut ids = ids.iter().rev().take(form.matches('*').count()).rev();
    let mut text = String::new();
    for c in form.chars() {
        match c {
            '*' => text.push_str(&ids.next().unwrap().to_string()),
            other => text.push(other),
        }
    }
    text
}

/// A tenant in the making.
struct Made<'a> {
    mark: &'a str,
    client: &'a Client,
    /// The id of every request.
    request: Uuid,
    things: BTreeMap<String, Vec<Uuid>>,
}

impl Made<'_> {
    fn keep(&mut self, name: &str) {
        let (mut pattern, mut ids) = (Vec::new(), Vec::new());
        for part in name.split('/') {
            match Uuid::try_parse(part) {
                Ok(id) => {
                    ids.push(id);
                    pattern.push("*");
                }
                Err(_) => pattern.push(part),
            }
        }
        self.things.insert(pattern.join("/"), ids);
    }

    /// Makes something and keeps its name.
    async fn make(&mut self, path: &str, body: Value) -> Value {
        let made = self.client.post(path, body).await.ok();
        self.keep(&name(&made));
        made
    }

    fn once(&self, path: &str) -> String {
        format!("{path}?request_id={}", self.request)
    }

    async fn accounts(&mut self) {
        let (mark, client) = (self.mark, self.client);
        let named = json!({"display_name": mark});
        let me = client.patch("/api/auth/me", named).await.ok();
        self.keep(&name(&me["user"]));
        self.keep(&name(&me["organization"]));
        self.things.insert(REQUEST.to_owned(), vec![self.request]);
        let sessions = client.get("/api/auth/sessions").await.ok();
        self.keep(&name(&sessions["sessions"][0]));

        let path = self.once("/api/account/apiKeys");
        let asked = json!({"display_name": mark, "scopes": SCOPES});
        let key = client.post(&path, asked).await.ok();
        self.keep(&name(&key["api_key"]));

        let viewer = client.colleague("viewer").await;
        let members = client.get("/api/account/members").await.ok();
        let member = members["members"].as_array().unwrap();
        let member = member.iter().find(|one| one["email"] == viewer.email);
        self.keep(&name(member.unwrap()));
        let asked = json!({
            "email": format!("{mark}@example.com"), "role": "viewer", "request_id": self.request,
        });
        let invite = client.post("/api/account/invites", asked).await.ok();
        self.keep(&name(&invite["invite"]));
    }

    async fn knowledge(&mut self) {
        let (mark, request) = (self.mark, self.request);
        let asked = json!({"display_name": mark, "description": mark});
        let path = self.once("/api/knowledge/categories");
        let category = name(&self.make(&path, asked).await);
        let path = format!("/api/knowledge/sources:upload?category={category}");
        let file = format!("{mark}.txt");
        let text = format!("What does a sofa cost? {mark}");
        let uploaded = self.client.upload(&path, &file, text.into_bytes()).await;
        let uploaded = uploaded.ok();
        let article = json!({
            "display_name": mark, "content": format!("# {mark}\n\nWhat does a sofa cost? {mark}"),
            "category": category, "request_id": request,
        });
        let article = self
            .make("/api/knowledge/sources:createArticle", article)
            .await;
        for source in [&uploaded, &article] {
            self.keep(source["job"].as_str().unwrap());
            self.until_read(&name(source)).await;
        }

        let prices = format!("sku,name,aliases,price\n{mark},Sofa {mark},{mark},{PRICE}\n");
        let path = self.once("/api/prices:import") + "&publish=true&currency=USD";
        let file = format!("{mark}.csv");
        let imported = self.client.upload(&path, &file, prices.into_bytes()).await;
        self.keep(&name(&imported.ok()["version"]));
    }

    async fn until_read(&self, source: &str) {
        eventually("the source is read", || async {
            let path = format!("/api/knowledge/{source}");
            let source = self.client.get(&path).await.ok();
            (source["state"] == "SOURCE_STATE_READY").then_some(())
        })
        .await;
    }

    async fn agents(&mut self) {
        let (mark, request) = (self.mark, self.request);
        let asked = json!({
            "display_name": mark, "instructions": mark, "no_answer_text": mark,
            "outside_hours_text": mark, "categories": [self.name("categories/*")],
        });
        let path = self.once("/api/agents");
        let agent = name(&self.make(&path, asked).await);
        let asked = json!({"agent": agent, "display_name": mark, "request_id": request});
        let conversation = name(&self.make("/api/conversations", asked).await);
        let text = format!("What does a sofa cost? {mark}");
        let events = self.client.chat(&conversation, &text).await;
        let (last, data) = events.last().unwrap();
        assert_eq!(last, "finished", "{data}");
        self.keep(&name(&data["finished"]["turn"]));
    }

    async fn crm(&mut self) {
        let (mark, request) = (self.mark, self.request);
        let asked = json!({
            "client_id": new_id(), "client_secret": format!("{mark}{mark}"),
            "redirect_uri": format!("https://{mark}.example.com/callback"),
        });
        let put = self.client.request(Method::PUT, "/api/crm/credential");
        let answer = put.json(&asked).send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
        let asked = json!({"host": format!("{mark}.kommo.com"), "request_id": request});
        self.make("/api/crm/connections", asked).await;
    }

    async fn playbook(&mut self) {
        let (mark, agent) = (self.mark, self.name("agents/*"));
        let script = json!({
            "display_name": mark, "type": "greeting", "content": mark, "agent": agent,
        });
        let path = self.once("/api/scripts");
        self.make(&path, script).await;
        let response = json!({"type": "price", "response": mark, "agent": agent});
        let path = self.once("/api/objectionResponses");
        self.make(&path, response).await;
        let settings = format!("{agent}/crmSettings");
        let settings = self.client.get(&format!("/api/{settings}")).await.ok();
        self.keep(&name(&settings));
    }

    async fn automation(&mut self) {
        let (mark, agent) = (self.mark, self.name("agents/*"));
        let sequence = json!({"display_name": mark, "steps": [{"text": mark}]});
        let path = self.once(&format!("/api/{agent}/sequences"));
        self.make(&path, sequence).await;
        let trigger = json!({
            "display_name": mark, "kind": "TRIGGER_KIND_CONDITION", "condition": mark,
            "reply": mark,
        });
        let path = self.once(&format!("/api/{agent}/triggers"));
        self.make(&path, trigger).await;
    }

    /// A version, and what it might have been tried with.
    async fn versions(&mut self) {
        let (mark, agent, request) = (self.mark, self.name("agents/*"), self.request);
        let asked = json!({"note": mark, "request_id": request});
        self.make(&format!("/api/{agent}:publish"), asked).await;
        let suite = json!({"agent": agent, "display_name": mark});
        let suite = name(&self.make(&self.once("/api/evalSuites"), suite).await);
        let case = json!({
            "display_name": mark, "client_texts": [format!("What does a sofa cost? {mark}")],
        });
        let path = self.once(&format!("/api/{suite}/cases"));
        self.make(&path, case).await;
        let asked = json!({"request_id": request});
        self.make(&format!("/api/{suite}:run"), asked).await;
    }

    async fn budget(&mut self) {
        let asked = json!({
            "resource": self.name("agents/*"), "period": "BUDGET_PERIOD_DAY",
            "cap_micro_usd": 1_000_000,
        });
        let budget = self.client.put("/api/llm/budgets", asked).await.ok();
        self.keep(&name(&budget));
    }

    async fn provider_key(&mut self) {
        let mark = self.mark;
        let key = json!({"display_name": mark, "secret": format!("sk-{mark}")});
        let asked = json!({"provider_key": key, "request_id": self.request});
        self.make("/api/llm/providerKeys", asked).await;
    }

    async fn route(&mut self) {
        let asked = json!({"alias": self.mark, "targets": [{"model": "demo/quote"}]});
        let route = self.client.put("/api/llm/routes", asked).await.ok();
        self.keep(&name(&route));
    }

    /// What a service raises by a job.
    async fn notification(&mut self, reach: &Reach, org: OrgId) {
        let raised = RaiseNotification {
            r#type: NotificationType::SystemAlert.into(),
            parameters: [("job".to_owned(), self.mark.to_owned())].into(),
            dedupe_key: self.mark.to_owned(),
            audience: Some(NotificationAudience {
                role: "owner".to_owned(),
                ..NotificationAudience::default()
            }),
            ..RaiseNotification::default()
        };
        let job = JobSpec {
            id: new_id().to_string(),
            organization_id: org.0.to_string(),
            queue: "accounts".to_owned(),
            kind: "accounts.raise_notification".to_owned(),
            payload: raised.encode_to_vec().into(),
            ..JobSpec::default()
        };
        let request = EnqueueJobsRequest { jobs: vec![job] };
        let mut jobs = JobServiceClient::new(reach.peer("jobs"));
        let asked = async { jobs.enqueue_jobs(request).await.unwrap() };
        t11_grpc::as_service(&reach.signer, &reach.world, "accounts", org, asked).await;
        let name = eventually("the owner is told", || async {
            let told = self.client.get("/api/account/notifications").await.ok();
            told["notifications"].get(0).map(name)
        });
        let name = name.await;
        self.keep(&name);
    }

    fn name(&self, pattern: &str) -> String {
        written(pattern, &self.things[pattern])
    }

    /// Until nothing of the tenant changes by itself.
    async fn until_idle(&self) {
        let path = "/api/jobs?show_housekeeping=true&states=JOB_STATE_SCHEDULED\
                    &states=JOB_STATE_READY&states=JOB_STATE_RUNNING&states=JOB_STATE_RETRYING";
        eventually("the tenant's jobs end", || async {
            let jobs = self.client.get(path).await.ok();
            jobs["jobs"].as_array().unwrap().is_empty().then_some(())
        })
        .await;
    }
}

/// Of the one thing it sells.
const PRICE: &str = "98765.00";
