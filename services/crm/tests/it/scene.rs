//! A connected account in which somebody has just written, and the agents before it.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use parking_lot::Mutex;
use serde_json::{Value, json};
use t11_crm::Config;
use t11_fake_kommo::{
    Account, Arrived, BotStep, FakeKommo, FakeKommoOptions, Integration, Newcomer,
};
use t11_proto::agents::v1::DeliveryChange;
use t11_proto::crm::v1 as pb;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;
use tonic::{Response, Status};
use uuid::Uuid;

use crate::harness::{Crm, ORG};

pub(crate) const SEND: &str = "POST /api/v4/talks/{id}/send_message";
pub(crate) const LIST: &str = "GET /api/v4/talks/{id}/messages";
pub(crate) const RECONCILE: &str = "crm.reconcile_message";
const WATCH: &str = "crm.watch_deliveries";

pub(crate) struct Scene {
    pub(crate) kommo: FakeKommo,
    pub(crate) account: Account,
    pub(crate) crm: Crm,
    /// `connections/{connection}`.
    pub(crate) connection: String,
    pub(crate) ana: Arrived,
}

fn app() -> Integration {
    Integration::new("http://127.0.0.1:8080/api/kommo/callback")
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::of(app(), |_| {}).await
    }

    /// With a token that may do only this.
    pub(crate) async fn with_scopes(scopes: &[&str]) -> Self {
        let mut app = app();
        app.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        Self::of(app, |_| {}).await
    }

    pub(crate) async fn with_settings(change: impl FnOnce(&mut Config, &Account)) -> Self {
        Self::of_both(app(), change).await
    }

    async fn of(app: Integration, change: impl FnOnce(&mut Config)) -> Self {
        Self::of_both(app, |config, _| change(config)).await
    }

    async fn of_both(app: Integration, change: impl FnOnce(&mut Config, &Account)) -> Self {
        let options = FakeKommoOptions::with(app.clone()).unlimited();
        let kommo = FakeKommo::start(options).await.unwrap();
        let account = kommo.account();
        let crm = Crm::with_settings(&kommo, |config| change(config, &account)).await;
        let credential = pb::SetCredentialRequest {
            client_id: app.client_id.clone(),
            client_secret: app.client_secret.clone(),
            redirect_uri: app.redirect_uri.clone(),
        };
        let set = async { crm.credentials().set_credential(credential).await };
        crm.as_owner(ORG, set).await.unwrap();
        let request = pb::ConnectWithTokenRequest {
            host: account.host(),
            token: account.long_lived_token(&app.client_id, 30).unwrap(),
            connection: String::new(),
        };
        let connect = async { crm.connections().connect_with_token(request).await };
        let connection = crm.as_owner(ORG, connect).await.unwrap().into_inner().name;
        let ana = account.newcomer(&Newcomer::default(), "Hi, how much is the basic plan?");
        Self {
            kommo,
            account,
            crm,
            connection,
            ana,
        }
    }

    pub(crate) fn lead(&self) -> i64 {
        self.ana.lead_id.unwrap()
    }

    /// The process dies and comes again: what it knew of Kommo's rests is forgotten.
    pub(crate) fn restart(&mut self) {
        self.crm = self.crm.replica(&self.kommo);
    }

    /// Time passes, here and at Kommo.
    pub(crate) fn advance(&self, seconds: u32) {
        self.crm.advance(TimeDelta::seconds(seconds.into()));
        self.kommo.advance(Duration::from_secs(seconds.into()));
    }

    /// Looks for messages that are lost, as the service does by the clock.
    pub(crate) async fn look_for_lost(&self) {
        self.crm.message_upkeep.find_silent().await;
        self.crm.run_jobs(RECONCILE).await;
    }

    /// After some seconds, looks at the messages that are due, as the service does by the clock;
    /// whether there were any.
    pub(crate) async fn watch_after(&self, seconds: u32) -> bool {
        self.advance(seconds);
        self.crm.message_upkeep.find_due().await;
        let outcomes = self.crm.run_jobs(WATCH).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        !outcomes.is_empty()
    }

    pub(crate) fn message(&self, key: u128, text: &str) -> pb::SendMessageRequest {
        pb::SendMessageRequest {
            connection: self.connection.clone(),
            idempotency_key: Uuid::from_u128(key).to_string(),
            talk_id: self.ana.talk_id,
            chat_id: self.ana.chat_id.clone(),
            lead_id: self.lead(),
            contact_id: self.ana.contact_id,
            text: text.to_owned(),
            dry_run: false,
        }
    }

    pub(crate) async fn send(
        &self,
        message: pb::SendMessageRequest,
    ) -> Result<pb::Delivery, Status> {
        let send = async { self.crm.messages().send_message(message).await };
        self.crm
            .as_agents(ORG, send)
            .await
            .map(Response::into_inner)
    }

    pub(crate) async fn delivery(&self, key: u128) -> pb::Delivery {
        let request = pb::GetDeliveryRequest {
            idempotency_key: Uuid::from_u128(key).to_string(),
        };
        let get = async { self.crm.messages().get_delivery(request).await };
        self.crm.as_agents(ORG, get).await.unwrap().into_inner()
    }

    /// What Kommo was ever given to send in Ana's talk.
    pub(crate) fn sent(&self) -> Vec<String> {
        let messages = self.account.all_messages_of(self.ana.talk_id).into_iter();
        let ours = messages.filter(|message| message.author != "client");
        ours.map(|message| message.text).collect()
    }

    /// How a person sets the way of messages.
    pub(crate) async fn set_transport(
        &self,
        transport: pb::ReplyTransport,
        field_and_bot: Option<(i64, i64)>,
    ) {
        let request = pb::UpdateConnectionRequest {
            name: self.connection.clone(),
            reply_transport: Some(transport.into()),
            reply_field_id: field_and_bot.map(|(field, _)| field),
            reply_bot_id: field_and_bot.map(|(_, bot)| bot),
            calls_per_second: None,
        };
        let update = async { self.crm.connections().update_connection(request).await };
        self.crm.as_owner(ORG, update).await.unwrap();
    }

    /// A bot that sends what stands in a field.
    pub(crate) fn add_field_bot(&self) -> (i64, i64) {
        let field = self.account.field("AI reply").unwrap();
        let text = format!("{{{{lead.cf.{field}}}}}");
        let show = json!({"handler": "send_message", "params": {"text": text}});
        let steps = vec![step(vec![show])];
        let bot = self
            .account
            .add_bot("Sends the field", steps, false, &app().client_id);
        (field, bot.unwrap())
    }

    /// A bot asks us about Ana's lead, and waits.
    pub(crate) async fn ask(&self) -> BackEnd {
        let back_end = BackEnd::start().await;
        let ask = json!({"handler": "widget_request", "params": {
            "url": back_end.url(), "data": {"message": "{{message_text}}"}}});
        let go = json!({"handler": "goto", "params": {"type": "question", "step": 1}});
        let show = json!({"handler": "send_message", "params": {"text": "{{json.message}}"}});
        let steps = vec![step(vec![ask, go]), step(vec![show])];
        self.account
            .add_bot("Asks", steps, true, &app().client_id)
            .unwrap();
        self.account
            .client_writes(self.ana.talk_id, "And the others?")
            .unwrap();
        self.kommo.settle().await;
        let connection = self
            .connection
            .trim_start_matches("connections/")
            .parse::<Uuid>();
        let url = back_end.asked.lock().last().cloned().unwrap();
        self.crm
            .note_bot_request(connection.unwrap(), self.lead(), url)
            .await;
        back_end
    }

    /// What the agents were told, and are not told again.
    pub(crate) async fn told(&self) -> Vec<(String, String)> {
        let told = self
            .crm
            .take_told::<DeliveryChange>("agents.note_delivery")
            .await;
        told.into_iter()
            .map(|change| (change.state, change.reason))
            .collect()
    }
}

fn step(question: Vec<Value>) -> BotStep {
    BotStep {
        question,
        answer: Vec::new(),
    }
}

/// Hears what bots ask, and answers 200.
pub(crate) struct BackEnd {
    port: u16,
    /// The addresses to answer to.
    asked: Arc<Mutex<Vec<String>>>,
    _serving: AbortOnDropHandle<()>,
}

impl BackEnd {
    #[expect(clippy::disallowed_methods, reason = "aborted with its handle")]
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let heard = asked.clone();
        let serving = tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut got = Vec::new();
                let mut buffer = [0; 4_096];
                while return_url(&got).is_none() {
                    match socket.read(&mut buffer).await {
                        Ok(0) | Err(_) => break,
                        Ok(count) => got.extend(&buffer[..count]),
                    }
                }
                heard.lock().extend(return_url(&got));
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                drop(socket.write_all(answer).await);
            }
        });
        Self {
            port,
            asked,
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/bot/", self.port)
    }
}

/// Where a bot's form wants its answer.
fn return_url(request: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(request);
    let (_, body) = text.split_once("\r\n\r\n")?;
    let fields = url::form_urlencoded::parse(body.as_bytes());
    let mut urls = fields.filter(|(key, _)| key == "return_url");
    // The last field may not be whole yet.
    urls.next()
        .map(|(_, url)| url.into_owned())
        .filter(|_| is_whole(&text, body))
}

fn is_whole(text: &str, body: &str) -> bool {
    let lines = text.lines().map(str::to_ascii_lowercase);
    let mut lengths = lines.filter_map(|line| {
        line.strip_prefix("content-length:")
            .and_then(|length| length.trim().parse().ok())
    });
    lengths.next() == Some(body.len())
}
