//! The neighbours, as the turn knows them.

pub(crate) mod catalog;
pub(crate) mod crm;
pub(crate) mod embedder;
pub(crate) mod leads;

use std::time::Duration;

use async_trait::async_trait;
use chrono_tz::Tz;
use futures::StreamExt as _;
use quick_cache::sync::Cache;
use t11_core::{Fault as _, FaultKind, OrgId, World, format_name};
use t11_grpc::{Peer, RemoteFault};
use t11_proto::accounts::v1::GetOrganizationRequest;
use t11_proto::accounts::v1::organization_service_client::OrganizationServiceClient;
use t11_proto::llm::v1 as llm;
use t11_proto::llm::v1::complete_response::Event;
use t11_proto::llm::v1::completion_service_client::CompletionServiceClient;
use tonic::Status;

use crate::Error;
use crate::agent::Agent;
use crate::conversation::Turn;
use crate::turn::{
    Completion, Language, Model, ModelEvent, ModelFault, ModelRequest, ModelStream, PromptRole,
    Usage,
};

/// The llm service as one turn's model.
pub(crate) struct Llm {
    peer: Peer,
    world: World,
    /// Groups the calls of one conversation, for the provider's prompt cache.
    session_id: String,
    /// In whose name usage is recorded: `agents/{agent}`.
    agent: String,
    /// What the calls are paid from, as far as the agent's settings set a cap.
    budgets: Vec<llm::BudgetLimit>,
    /// Whether nothing of an answer is released before all of it is there.
    whole: bool,
}

impl Llm {
    /// The model of a turn in which `agent` answers.
    pub(crate) fn of_turn(peer: Peer, world: World, turn: &Turn, agent: &Agent) -> Self {
        let name = format_name("agents", agent.id);
        let conversation = format_name("conversations", turn.conversation_id);
        let (settings, now) = (&agent.settings, world.now());
        let caps = [
            (
                format_name("turns", turn.id),
                settings.budget_turn_micro_usd,
            ),
            (conversation.clone(), settings.budget_chat_micro_usd),
            (
                format!("{name}/{}", now.format("%Y-%m-%d")),
                settings.budget_day_micro_usd,
            ),
            (
                format!("{name}/{}", now.format("%Y-%m")),
                settings.budget_month_micro_usd,
            ),
        ];
        // 0 is no limit.
        let caps = caps.into_iter().filter(|(_, cap)| *cap > 0);
        Self {
            peer,
            world,
            session_id: conversation,
            agent: name,
            budgets: caps
                .map(|(scope, cap_micro_usd)| llm::BudgetLimit {
                    scope,
                    cap_micro_usd,
                })
                .collect(),
            whole: false,
        }
    }

    /// The calls are paid from this budget and no other.
    pub(crate) fn paid_from(self, scope: String, cap_micro_usd: i64) -> Self {
        Self {
            budgets: vec![llm::BudgetLimit {
                scope,
                cap_micro_usd,
            }],
            ..self
        }
    }

    /// Nobody watches the answer being written: one that is cut starts again elsewhere, unseen.
    pub(crate) fn whole(self) -> Self {
        Self {
            whole: true,
            ..self
        }
    }
}

#[async_trait]
impl Model for Llm {
    async fn complete(&self, request: ModelRequest) -> Result<ModelStream, ModelFault> {
        let request = llm::CompleteRequest {
            model: request.model,
            messages: request.messages.into_iter().map(message).collect(),
            temperature: Some(request.temperature),
            max_tokens: request.max_tokens,
            response_schema_json: request.schema,
            tools: Vec::new(),
            session_id: self.session_id.clone(),
            purpose: request.purpose.to_owned(),
            agent: self.agent.clone(),
            request_id: self.world.new_id().to_string(),
            budgets: self.budgets.clone(),
            whole: self.whole,
            cache: None,
        };
        let mut client = CompletionServiceClient::new(self.peer.clone());
        let stream = client
            .complete(request)
            .await
            .map_err(|status| fault(&status))?
            .into_inner();
        let events = stream.filter_map(|event| async move {
            match event {
                Ok(response) => response.event.and_then(event_of).map(Ok),
                Err(status) => Some(Err(fault(&status))),
            }
        });
        Ok(events.boxed())
    }
}

fn message(message: crate::turn::PromptMessage) -> llm::Message {
    let role = match message.role {
        PromptRole::System => llm::MessageRole::System,
        PromptRole::User => llm::MessageRole::User,
        PromptRole::Assistant => llm::MessageRole::Assistant,
    };
    llm::Message {
        role: role.into(),
        content: message.content,
        ..llm::Message::default()
    }
}

fn event_of(event: Event) -> Option<ModelEvent> {
    match event {
        Event::TextDelta(text) => Some(ModelEvent::Text(text)),
        // No tools are offered to the model; a call of one is nothing to act on.
        Event::ToolCall(_) => None,
        Event::Finish(finish) => {
            let usage = finish.usage.unwrap_or_default();
            Some(ModelEvent::Done(Completion {
                model: finish.model,
                usage: Usage {
                    prompt_tokens: usage.prompt_tokens,
                    completion_tokens: usage.completion_tokens,
                    cost_micro_usd: usage.cost_micro_usd,
                },
                first_token: Duration::from_millis(
                    u64::try_from(finish.first_token_ms).unwrap_or(0),
                ),
            }))
        }
    }
}

fn fault(status: &Status) -> ModelFault {
    let remote = RemoteFault::from(status);
    let transient = matches!(
        remote.kind(),
        FaultKind::Unavailable | FaultKind::Exhausted | FaultKind::Timeout | FaultKind::NotFound
    );
    ModelFault {
        reason: remote.reason().to_owned(),
        message: remote.to_string(),
        transient,
    }
}

/// What of an organization's settings a turn needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OrganizationSettings {
    pub(crate) zone: Tz,
    pub(crate) language: Language,
}

/// Organizations remembered; a change is seen after a minute.
const REMEMBERED: usize = 10_000;
const FRESH: Duration = Duration::from_secs(60);

/// The accounts service.
pub(crate) struct Accounts {
    peer: Peer,
    known: Cache<OrgId, (OrganizationSettings, std::time::Instant)>,
}

impl Accounts {
    /// The accounts service behind `peer`.
    pub(crate) fn new(peer: Peer) -> Self {
        Self {
            peer,
            known: Cache::new(REMEMBERED),
        }
    }

    /// Time zone and language of the caller's organization.
    ///
    /// # Errors
    /// The neighbour's refusal.
    pub(crate) async fn organization(&self, org: OrgId) -> Result<OrganizationSettings, Error> {
        if let Some((settings, read)) = self.known.get(&org)
            && read.elapsed() < FRESH
        {
            return Ok(settings);
        }
        let mut client = OrganizationServiceClient::new(self.peer.clone());
        let answer = client.get_organization(GetOrganizationRequest {}).await;
        let organization = answer
            .map_err(|status| Error::from(RemoteFault::from(&status)))?
            .into_inner();
        let settings = OrganizationSettings {
            zone: organization.time_zone.parse().unwrap_or(Tz::UTC),
            language: Language::parse(&organization.locale).unwrap_or_default(),
        };
        self.known
            .insert(org, (settings, std::time::Instant::now()));
        Ok(settings)
    }
}
