//! A company whose Kommo account is connected, and an agent that answers its leads.

use std::net::SocketAddr;
use std::ops::Deref;
use std::time::Duration;

use serde_json::{Value, json};
use t11_fake_kommo::{
    Account, Arrived, FakeKommo, FakeKommoOptions, Integration, MessageView, Newcomer,
};
use url::Url;

use crate::client::name;
use crate::processes::free_address;
use crate::{Client, TestMesh, eventually, within};

/// What the mesh of a company is told of a Kommo that runs beside it.
pub struct Beside {
    pub kommo: FakeKommo,
    integration: Integration,
    /// To be set for the mesh.
    pub variables: Vec<(&'static str, String)>,
}

impl Beside {
    /// A Kommo of these options, for a mesh whose door is at `front`.
    pub async fn start(options: FakeKommoOptions, front: SocketAddr) -> Self {
        let kommo = FakeKommo::start(options).await.unwrap();
        let base = format!("http://{front}");
        let integration = Integration::new(&format!("{base}/api/kommo/oauth/callback"));
        kommo.add_integration(integration.clone());
        let variables = vec![
            ("KOMMO_OAUTH_REDIRECT_BASE", base),
            ("KOMMO_OAUTH_URL", kommo.oauth_url()),
            ("KOMMO_TEST_HOSTS", kommo.hosts()),
        ];
        Self {
            kommo,
            integration,
            variables,
        }
    }

    /// Connects the first account in the name of a company, as a person does, and waits until it is
    /// synchronised and subscribed.
    pub async fn connect(self, owner: Client) -> Company {
        let credential = json!({
            "client_id": self.integration.client_id,
            "client_secret": self.integration.client_secret,
            "redirect_uri": self.integration.redirect_uri,
        });
        owner.put("/api/crm/credential", credential).await.ok();
        let connection = connect(&owner).await;
        Company {
            kommo: self.kommo,
            owner,
            connection,
        }
    }
}

/// A company and the Kommo in which it has its account.
pub struct Company {
    pub kommo: FakeKommo,
    pub owner: Client,
    /// `connections/…`, connected and synchronised.
    pub connection: String,
}

/// A mesh with a company whose account is connected.
pub struct Live {
    pub mesh: TestMesh,
    pub company: Company,
}

impl Deref for Live {
    type Target = Company;

    fn deref(&self) -> &Company {
        &self.company
    }
}

impl Live {
    /// A mesh for which these `variables` are set.
    pub async fn start(variables: &[(&str, &str)]) -> Self {
        Self::with(FakeKommoOptions::default().unlimited(), variables).await
    }

    /// The same beside a Kommo of these options.
    pub async fn with(options: FakeKommoOptions, variables: &[(&str, &str)]) -> Self {
        let front = free_address();
        let beside = Beside::start(options, front).await;
        let own = beside.variables.iter();
        let mut all: Vec<_> = own.map(|(name, value)| (*name, value.as_str())).collect();
        all.extend(variables);
        let mesh = TestMesh::at(front, &all).await;
        let owner = mesh.owner("Acme").await;
        let company = beside.connect(owner).await;
        Self { mesh, company }
    }

    /// Ends the mesh.
    pub async fn stop(self) {
        self.mesh.stop().await;
    }
}

impl Company {
    /// The account.
    pub fn account(&self) -> Account {
        self.kommo.account()
    }

    /// An active agent that works on every stage and in every channel, with these settings besides
    /// those that make it answer at once.
    pub async fn agent(&self, settings: Value) -> String {
        let (pipeline, _) = self.account().stages();
        let crm = json!({
            "pipelines": [{"pipeline_id": pipeline, "all_stages": true}], "all_channels": true,
        });
        self.agent_in(settings, crm).await
    }

    /// The same with these settings in the CRM.
    pub async fn agent_in(&self, settings: Value, mut crm: Value) -> String {
        let mut agent = json!({
            "display_name": "Анна", "instructions": "Отвечай кратко.",
            "answer_mode": "ANSWER_MODE_AUTO", "quiet_window_seconds": 0,
            "hours_mode": "HOURS_MODE_ALWAYS", "max_parts": 1,
        });
        merge(&mut agent, settings);
        let agent = self.owner.agent(agent).await;
        crm["connection"] = self.connection.clone().into();
        let path = format!("/api/{agent}/crmSettings");
        self.owner.put(&path, crm).await.ok();
        let path = format!("/api/{agent}:activate");
        self.owner.post(&path, json!({})).await.ok();
        agent
    }

    /// A client writes for the first time.
    pub fn newcomer(&self, text: &str) -> Arrived {
        self.account().newcomer(&Newcomer::default(), text)
    }

    /// What the account has said in a talk, once that are `count` messages.
    pub async fn answers(&self, talk: i64, count: usize) -> Vec<MessageView> {
        eventually("the answer is sent", || async {
            let said = self.said(talk);
            (said.len() >= count).then_some(said)
        })
        .await
    }

    /// What the account has said in a talk so far.
    pub fn said(&self, talk: i64) -> Vec<MessageView> {
        let messages = self.account().messages_of(talk).into_iter();
        messages
            .filter(|message| message.author != "client")
            .collect()
    }

    /// The only live conversation, once there is one.
    pub async fn conversation(&self) -> Value {
        eventually("the conversation is known", || async {
            let list = self
                .owner
                .get("/api/conversations?live_only=true")
                .await
                .ok();
            list["conversations"].get(0).cloned()
        })
        .await
    }

    /// The conversation as it is, once `holds`.
    pub async fn conversation_when(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || async {
            let list = self
                .owner
                .get("/api/conversations?live_only=true")
                .await
                .ok();
            let one = list["conversations"].get(0).cloned();
            one.filter(&holds)
        })
        .await
    }

    /// The verdict of the newest event of this kind, once it has one.
    pub async fn verdict(&self, entity: &str) -> String {
        eventually("the event has a verdict", || async {
            let path = format!("/api/crm/events?entity={entity}");
            let list = self.owner.get(&path).await.ok();
            let verdict = list["events"][0]["verdict"].clone();
            let verdict = verdict.as_str().unwrap_or_default().to_owned();
            (!verdict.is_empty()).then_some(verdict)
        })
        .await
    }

    /// Waits until Kommo has nothing to deliver and nothing more is done for what it has delivered.
    pub async fn settled(&self) {
        self.settled_within(Duration::from_secs(60)).await;
    }

    /// The same, for at most this long.
    pub async fn settled_within(&self, patience: Duration) {
        self.kommo.settle().await;
        within(patience, "every job is done", || async {
            let queues = self.owner.get("/api/jobs/queues").await.ok();
            let busy = queues["queues"].as_array().is_some_and(|queues| {
                let is_busy = |queue: &Value| {
                    ["ready", "running", "retrying"]
                        .iter()
                        .any(|count| queue[*count].as_str().is_some_and(|count| count != "0"))
                };
                queues.iter().any(is_busy)
            });
            (!busy).then_some(())
        })
        .await;
        // What the last of them has enqueued comes by an outbox.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Connects the account as a person does, and waits until it is synchronised and subscribed.
async fn connect(owner: &Client) -> String {
    let started = owner.post("/api/kommo/oauth/start", json!({})).await.ok();
    let back = granted(started["authorization_uri"].as_str().unwrap()).await;
    let connection = owner.post("/api/kommo/oauth/complete", back).await.ok();
    let connection = name(&connection);
    eventually("the account is synchronised and subscribed", || async {
        let path = format!("/api/crm/{connection}");
        let now = owner.get(&path).await.ok();
        let pipelines = owner.get(&format!("{path}/pipelines")).await.ok();
        let is_ready = now["webhook"]["state"] == "active" && pipelines["pipelines"].is_array();
        (is_ready && !now["last_sync_time"].is_null()).then_some(())
    })
    .await;
    connection
}

/// Teaches the company's knowledge an article, and waits until it is read.
pub async fn teach(owner: &Client, content: &str) {
    let article = json!({"display_name": "Условия", "content": content});
    let made = owner.post("/api/knowledge/sources:createArticle", article);
    let source = name(&made.await.ok());
    eventually("the source is read", || async {
        let now = owner.get(&format!("/api/knowledge/{source}")).await.ok();
        (now["state"] == "SOURCE_STATE_READY").then_some(())
    })
    .await;
}

/// What Kommo's redirect brings back when a person grants access.
pub async fn granted(authorization_uri: &str) -> Value {
    let policy = reqwest::redirect::Policy::none();
    let browser = reqwest::Client::builder().redirect(policy).build().unwrap();
    let redirect = browser.get(authorization_uri).send().await.unwrap();
    let location = redirect.headers()["location"].to_str().unwrap();
    let query = Url::parse(location).unwrap();
    let pairs = query.query_pairs();
    pairs
        .map(|(key, value)| (key.into_owned(), Value::from(value.into_owned())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn merge(into: &mut Value, from: Value) {
    if let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
}
