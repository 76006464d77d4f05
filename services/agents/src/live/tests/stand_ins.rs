//! Neighbours that do what a test tells them.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, future};
use parking_lot::Mutex;
use t11_core::{Fault, FaultKind};
use t11_proto::accounts::v1 as accounts;
use t11_proto::accounts::v1::organization_service_server::{
    OrganizationService, OrganizationServiceServer,
};
use t11_proto::crm::v1 as crm;
use t11_proto::crm::v1::message_service_server::{MessageService, MessageServiceServer};
use t11_proto::llm::v1 as llm;
use t11_proto::llm::v1::completion_service_server::{CompletionService, CompletionServiceServer};
use t11_runtime::{Built, Context, Service};
use tokio::sync::Notify;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

/// How the model takes the next call.
#[derive(Debug, Clone)]
pub(super) enum ModelPlan {
    Fail,
    /// Says that it was asked, and answers when told to.
    Hold(Arc<Notify>),
    /// Says that it was asked, and never answers.
    Hang,
    Say(Vec<&'static str>),
    /// Says what it says by itself, and that these conditions hold.
    Judge(Vec<&'static str>),
}

/// How crm takes the next message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CrmPlan {
    Unknown,
    Fail,
    /// Nothing is taken, and trying again may help.
    Refuse,
    /// It is taken, but the answer is lost.
    LoseAnswer,
    /// Says that it was asked, and never answers; nothing is taken.
    HangBefore,
    /// The same, but it is taken.
    HangAfter,
}

/// What neighbours were told and asked.
#[derive(Default)]
pub(super) struct Neighbours {
    /// Prompts, as one text each.
    pub(super) prompts: Mutex<Vec<String>>,
    pub(super) model: Mutex<VecDeque<ModelPlan>>,
    pub(super) crm: Mutex<VecDeque<CrmPlan>>,
    /// Messages that were taken: key and text.
    pub(super) sent: Mutex<Vec<(String, String)>>,
    deliveries: Mutex<HashMap<String, crm::DeliveryState>>,
    /// A plan that hangs or holds was reached.
    pub(super) reached: Notify,
}

static ALL: LazyLock<Mutex<HashMap<PathBuf, Arc<Neighbours>>>> = LazyLock::new(Mutex::default);

impl Neighbours {
    /// Those of the process with this data directory.
    pub(super) fn of(data_dir: PathBuf) -> Arc<Self> {
        ALL.lock().entry(data_dir).or_default().clone()
    }

    /// Texts that were taken.
    pub(super) fn said(&self) -> Vec<String> {
        let sent = self.sent.lock();
        sent.iter().map(|(_, text)| text.clone()).collect()
    }

    fn take(&self, request: &crm::SendMessageRequest, state: crm::DeliveryState) -> crm::Delivery {
        let key = request.idempotency_key.clone();
        self.sent.lock().push((key.clone(), request.text.clone()));
        self.deliveries.lock().insert(key.clone(), state);
        delivery(key, state)
    }
}

fn delivery(key: String, state: crm::DeliveryState) -> crm::Delivery {
    crm::Delivery {
        message_id: format!("kommo-{key}"),
        idempotency_key: key,
        state: state.into(),
        transport: "talk".to_owned(),
        ..crm::Delivery::default()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("as planned")]
struct Planned(FaultKind);

impl Fault for Planned {
    fn kind(&self) -> FaultKind {
        self.0
    }
    fn reason(&self) -> &'static str {
        "PLANNED"
    }
}

fn refused(kind: FaultKind) -> Status {
    t11_grpc::status("test", &Planned(kind))
}

/// Every organization is Russian.
pub(super) struct Accounts;

impl Service for Accounts {
    const NAME: &'static str = "accounts";
    type Config = crate::Config;

    async fn build(_: Self::Config, _: &Context) -> anyhow::Result<Built> {
        let server = OrganizationServiceServer::new(Self);
        Ok(Built::new(Routes::new(server)))
    }
}

#[tonic::async_trait]
impl OrganizationService for Accounts {
    async fn get_organization(
        &self,
        _: Request<accounts::GetOrganizationRequest>,
    ) -> Result<Response<accounts::Organization>, Status> {
        Ok(Response::new(accounts::Organization {
            locale: "ru".to_owned(),
            time_zone: "Europe/Moscow".to_owned(),
            ..Default::default()
        }))
    }

    async fn update_organization(
        &self,
        _: Request<accounts::UpdateOrganizationRequest>,
    ) -> Result<Response<accounts::Organization>, Status> {
        Err(refused(FaultKind::Unimplemented))
    }
}

/// A model that says something else each time.
pub(super) struct Llm(Arc<Neighbours>);

impl Service for Llm {
    const NAME: &'static str = "llm";
    type Config = crate::Config;

    async fn build(_: Self::Config, context: &Context) -> anyhow::Result<Built> {
        let server = CompletionServiceServer::new(Self(Neighbours::of(context.data_dir())));
        Ok(Built::new(Routes::new(server)))
    }
}

#[tonic::async_trait]
impl CompletionService for Llm {
    type CompleteStream = BoxStream<'static, Result<llm::CompleteResponse, Status>>;

    async fn complete(
        &self,
        request: Request<llm::CompleteRequest>,
    ) -> Result<Response<Self::CompleteStream>, Status> {
        let messages = request.into_inner().messages.into_iter();
        let prompt: Vec<_> = messages.map(|message| message.content).collect();
        let number = {
            let mut prompts = self.0.prompts.lock();
            prompts.push(prompt.join("\n"));
            prompts.len()
        };
        let plan = self.0.model.lock().pop_front();
        let own = format!("Рады помочь, слово {}.", word(number));
        let mut holds = Vec::new();
        let sentences = match plan {
            None => vec![own],
            Some(ModelPlan::Judge(conditions)) => {
                holds = conditions;
                vec![own]
            }
            Some(ModelPlan::Fail) => return Err(refused(FaultKind::Unavailable)),
            Some(ModelPlan::Hang) => {
                self.0.reached.notify_one();
                future::pending().await
            }
            Some(ModelPlan::Hold(go)) => {
                self.0.reached.notify_one();
                go.notified().await;
                vec![own]
            }
            Some(ModelPlan::Say(sentences)) => sentences.into_iter().map(str::to_owned).collect(),
        };
        let events = [
            llm::complete_response::Event::TextDelta(answer(&sentences, &holds)),
            llm::complete_response::Event::Finish(llm::Finish {
                model: "test".to_owned(),
                ..llm::Finish::default()
            }),
        ];
        let responses = events.map(|event| Ok(llm::CompleteResponse { event: Some(event) }));
        Ok(Response::new(stream::iter(responses).boxed()))
    }
}

fn answer(sentences: &[String], holds: &[&str]) -> String {
    let holds: Vec<_> = holds
        .iter()
        .map(|id| serde_json::json!({"id": id, "confidence": 0.9, "quote": "дорого"}))
        .collect();
    let sentences: Vec<_> = sentences
        .iter()
        .map(|text| serde_json::json!({"text": text, "sources": []}))
        .collect();
    serde_json::json!({
        "sentences": sentences, "actions": [], "memory": [], "handoff": null, "no_answer": false,
        "conditions": holds,
    })
    .to_string()
}

/// A number without digits.
fn word(number: usize) -> String {
    let letters: Vec<_> = "абвгдежзик".chars().collect();
    let digits = number.to_string();
    let digits = digits.chars().filter_map(|digit| digit.to_digit(10));
    digits.map(|digit| letters[digit as usize]).collect()
}

/// A crm that takes every message once a key.
pub(super) struct Crm(Arc<Neighbours>);

impl Service for Crm {
    const NAME: &'static str = "crm";
    type Config = crate::Config;

    async fn build(_: Self::Config, context: &Context) -> anyhow::Result<Built> {
        let server = MessageServiceServer::new(Self(Neighbours::of(context.data_dir())));
        Ok(Built::new(Routes::new(server)))
    }
}

#[tonic::async_trait]
impl MessageService for Crm {
    async fn send_message(
        &self,
        request: Request<crm::SendMessageRequest>,
    ) -> Result<Response<crm::Delivery>, Status> {
        use crm::DeliveryState::{Accepted, Failed, Unknown};
        let request = request.into_inner();
        let key = request.idempotency_key.clone();
        let known = self.0.deliveries.lock().get(&key).copied();
        if let Some(state) = known {
            return Ok(Response::new(delivery(key, state)));
        }
        let plan = self.0.crm.lock().pop_front();
        match plan {
            None => Ok(Response::new(self.0.take(&request, Accepted))),
            Some(CrmPlan::Unknown) => Ok(Response::new(self.0.take(&request, Unknown))),
            Some(CrmPlan::Fail) => {
                self.0.deliveries.lock().insert(key.clone(), Failed);
                let failed = crm::Delivery {
                    reason: "TALK_CLOSED".to_owned(),
                    ..delivery(key, Failed)
                };
                Ok(Response::new(failed))
            }
            Some(CrmPlan::Refuse) => Err(refused(FaultKind::Unavailable)),
            Some(CrmPlan::LoseAnswer) => {
                self.0.take(&request, Accepted);
                Err(refused(FaultKind::Unavailable))
            }
            Some(CrmPlan::HangBefore) => {
                self.0.reached.notify_one();
                future::pending().await
            }
            Some(CrmPlan::HangAfter) => {
                self.0.take(&request, Accepted);
                self.0.reached.notify_one();
                future::pending().await
            }
        }
    }

    async fn get_delivery(
        &self,
        request: Request<crm::GetDeliveryRequest>,
    ) -> Result<Response<crm::Delivery>, Status> {
        let key = request.into_inner().idempotency_key;
        let known = self.0.deliveries.lock().get(&key).copied();
        match known {
            Some(state) => Ok(Response::new(delivery(key, state))),
            None => Err(refused(FaultKind::NotFound)),
        }
    }
}
