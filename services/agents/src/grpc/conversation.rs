//! `ConversationService`, and the messages it shares with the chat.

use t11_core::{PageError, Violations, format_name, parse_child_name, parse_name};
use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::conversation_service_server::ConversationService;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Handlers;
use super::convert::{request_id, timestamp};
use super::version::version_name;
use crate::Error;
use crate::conversation::{Author, Controller, Conversation, Delivery, Live, Message, Turn};
use crate::store::{ConversationFilter, Need};
use crate::turn::{Action, Passage, PassageKind, PromptMessage, Report, Sentence, State, Step};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ConversationService for Handlers {
    async fn create_conversation(
        &self,
        request: Request<pb::CreateConversationRequest>,
    ) -> Answer<pb::Conversation> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let agent = parse_name("agents", &request.agent).map_err(Error::from)?;
        let mut violations = Violations::default();
        let display_name = violations.text("display_name", &request.display_name, 0, 120);
        let request_id = request_id(&request.request_id, &mut violations);
        violations.check().map_err(Error::from)?;
        let made = self
            .store
            .create_conversation(&scope, agent, display_name, request_id)
            .await?;
        Ok(Response::new(made.into()))
    }

    async fn get_conversation(
        &self,
        request: Request<pb::GetConversationRequest>,
    ) -> Answer<pb::Conversation> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("conversations", &request.get_ref().name).map_err(Error::from)?;
        Ok(Response::new(
            self.store.conversation(&scope, id).await?.into(),
        ))
    }

    async fn list_conversations(
        &self,
        request: Request<pb::ListConversationsRequest>,
    ) -> Answer<pb::ListConversationsResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let agent = Some(&request.agent)
            .filter(|name| !name.is_empty())
            .map(|name| parse_name("agents", name))
            .transpose()
            .map_err(Error::from)?;
        let filter = ConversationFilter {
            agent_id: agent,
            live_only: request.live_only,
            channel: request.channel.clone(),
            need: need(request.filter()),
            stage_id: request.stage_id,
            query: request.query.trim().to_owned(),
        };
        let arguments = format!("conversations {} {filter:?}", scope.org());
        let page = self
            .pages
            .read(&arguments, request.page_size, &request.page_token, 25, 100)
            .map_err(Error::from)?;
        let page = self.store.conversations(&scope, filter, page).await?;
        Ok(Response::new(pb::ListConversationsResponse {
            next_page_token: self.pages.write(&arguments, page.next_cursor.as_deref()),
            conversations: page.items.into_iter().map(Into::into).collect(),
        }))
    }

    async fn delete_conversation(
        &self,
        request: Request<pb::DeleteConversationRequest>,
    ) -> Answer<()> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("conversations", &request.get_ref().name).map_err(Error::from)?;
        self.store.delete_conversation(&scope, id).await?;
        Ok(Response::new(()))
    }

    async fn list_messages(
        &self,
        request: Request<pb::ListMessagesRequest>,
    ) -> Answer<pb::ListMessagesResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let id = parse_name("conversations", &request.parent).map_err(Error::from)?;
        let arguments = format!("messages {} {id}", scope.org());
        let page = self
            .pages
            .read(&arguments, request.page_size, &request.page_token, 50, 200)
            .map_err(|error: PageError| Error::from(error))?;
        let page = self.store.messages(&scope, id, page).await?;
        Ok(Response::new(pb::ListMessagesResponse {
            next_page_token: self.pages.write(&arguments, page.next_cursor.as_deref()),
            messages: page.items.into_iter().map(chat_message).collect(),
        }))
    }

    async fn get_turn(&self, request: Request<pb::GetTurnRequest>) -> Answer<pb::Turn> {
        let scope = t11_grpc::scope(&request)?;
        let name = &request.get_ref().name;
        let (conversation, id) =
            parse_child_name("conversations", "turns", name).map_err(Error::from)?;
        Ok(Response::new(pb_turn(
            self.store.turn(&scope, conversation, id).await?,
        )))
    }
}

fn need(filter: pb::ConversationFilter) -> Option<Need> {
    use pb::ConversationFilter as Pb;
    match filter {
        Pb::Unspecified => None,
        Pb::NeedsPerson => Some(Need::Person),
        Pb::HasDraft => Some(Need::Draft),
        Pb::HasError => Some(Need::Error),
        Pb::Human => Some(Need::Human),
        Pb::Bot => Some(Need::Bot),
    }
}

impl From<Conversation> for pb::Conversation {
    fn from(conversation: Conversation) -> Self {
        let agent = conversation.agent_id.map(|id| format_name("agents", id));
        let base = Self {
            name: format_name("conversations", conversation.id),
            agent: agent.unwrap_or_default(),
            display_name: conversation.display_name,
            channel: conversation.channel,
            language: conversation.language,
            message_count: i32::try_from(conversation.last_sequence).unwrap_or(i32::MAX),
            turn_count: conversation.turn_count,
            cost_micro_usd: conversation.cost_micro_usd,
            create_time: Some(timestamp(conversation.create_time)),
            update_time: Some(timestamp(conversation.update_time)),
            opted_out: conversation.opted_out,
            ..Self::default()
        };
        match conversation.live {
            Some(live) => with_live(base, live),
            None => base,
        }
    }
}

fn with_live(base: pb::Conversation, live: Live) -> pb::Conversation {
    let controller = match live.controller {
        Controller::Bot => pb::Controller::Bot,
        Controller::Human => pb::Controller::Human,
    };
    let user = live.controller_user.map(|user| user.to_string());
    pb::Conversation {
        connection: format_name("connections", live.connection_id),
        talk_id: live.talk_id,
        lead_id: live.lead_id,
        contact_id: live.contact_id,
        client_display_name: live.client_display_name,
        pipeline_id: live.pipeline_id,
        stage_id: live.stage_id,
        controller: controller.into(),
        controller_user: user.unwrap_or_default(),
        control_epoch: live.control_epoch,
        handoff_reason: live.handoff_reason,
        resume_time: live.resume_time.map(timestamp),
        silence_reason: live.silence_reason,
        has_draft: live.has_draft,
        has_error: live.has_error,
        unanswered: live.unanswered,
        ..base
    }
}

pub(super) fn turn_name(conversation: Uuid, turn: Uuid) -> String {
    format!("conversations/{conversation}/turns/{turn}")
}

pub(super) fn chat_message(message: Message) -> pb::ChatMessage {
    let author = match message.author {
        Author::Client => pb::Author::Client,
        Author::Agent => pb::Author::Agent,
        Author::Human => pb::Author::Human,
        Author::System => pb::Author::System,
    };
    let conversation = message.conversation_id;
    let carriage = message.carriage;
    pb::ChatMessage {
        name: format!("conversations/{conversation}/messages/{}", message.id),
        sequence: message.sequence,
        author: author.into(),
        content: message.content,
        sentences: message.sentences.into_iter().map(pb_sentence).collect(),
        turn: message
            .turn_id
            .map(|turn| turn_name(conversation, turn))
            .unwrap_or_default(),
        create_time: Some(timestamp(message.create_time)),
        delivery: carriage.delivery.map_or("", shown).to_owned(),
        delivery_reason: carriage.delivery_reason,
        content_type: carriage.content_type,
        author_display_name: carriage.author_display_name,
    }
}

/// That it has been let go is ours alone: for people it waits until it is accepted.
fn shown(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Sending => Delivery::Queued.as_str(),
        delivery => delivery.as_str(),
    }
}

pub(super) fn pb_sentence(sentence: Sentence) -> pb::Sentence {
    pb::Sentence {
        text: sentence.text,
        passage_ids: sentence.passage_ids,
    }
}

pub(super) fn pb_step(index: usize, step: Step) -> pb::TurnStep {
    pb::TurnStep {
        index: i32::try_from(index).unwrap_or(i32::MAX),
        kind: step.kind.as_str().to_owned(),
        verdict: step.verdict.as_str().to_owned(),
        detail_json: step.detail.to_string(),
        took_micros: i64::try_from(step.took.as_micros()).unwrap_or(i64::MAX),
        prompt_tokens: step.usage.prompt_tokens,
        completion_tokens: step.usage.completion_tokens,
        cost_micro_usd: step.usage.cost_micro_usd,
    }
}

pub(super) fn pb_turn(turn: Turn) -> pb::Turn {
    let base = pb::Turn {
        name: turn_name(turn.conversation_id, turn.id),
        state: pb::TurnState::from(turn.state).into(),
        create_time: Some(timestamp(turn.create_time)),
        version: turn
            .version
            .map(|version| version_name(turn.agent_id, version.id))
            .unwrap_or_default(),
        version_number: turn.version.map_or(0, |version| version.number),
        ..pb::Turn::default()
    };
    match turn.report {
        Some(report) => with_report(base, report),
        None => base,
    }
}

fn with_report(base: pb::Turn, report: Report) -> pb::Turn {
    let millis =
        |duration: std::time::Duration| i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
    let (error_reason, error_message) = report.error.unwrap_or_default();
    pb::Turn {
        outcome: report.outcome.as_str().to_owned(),
        skip_reason: report.skip_reason,
        error_reason,
        error_message,
        steps: report
            .steps
            .into_iter()
            .enumerate()
            .map(|(i, step)| pb_step(i, step))
            .collect(),
        passages: report.passages.into_iter().map(pb_passage).collect(),
        prompt: report.prompt.into_iter().map(pb_prompt).collect(),
        actions: report.actions.into_iter().map(pb_action).collect(),
        model: report.model,
        prompt_tokens: report.usage.prompt_tokens,
        completion_tokens: report.usage.completion_tokens,
        cost_micro_usd: report.usage.cost_micro_usd,
        total_ms: millis(report.total),
        first_token_ms: millis(report.first_token),
        lexical_only: report.lexical_only,
        ..base
    }
}

impl From<State> for pb::TurnState {
    fn from(state: State) -> Self {
        match state {
            State::Running => Self::Running,
            State::Sent => Self::Sent,
            State::Draft => Self::Draft,
            State::Skipped => Self::Skipped,
            State::Superseded => Self::Superseded,
            State::Failed => Self::Failed,
            State::Cancelled => Self::Cancelled,
        }
    }
}

fn pb_passage(passage: Passage) -> pb::Passage {
    let kind = match passage.kind {
        PassageKind::Chunk => "chunk",
        PassageKind::Price => "price",
        PassageKind::Script => "script",
        PassageKind::Response => "response",
    };
    pb::Passage {
        id: passage.id,
        kind: kind.to_owned(),
        resource: passage.resource,
        source_display_name: passage.source_display_name,
        heading_path: passage.heading_path,
        page: passage.page,
        content: passage.content,
        score: passage.score,
    }
}

fn pb_prompt(message: PromptMessage) -> pb::PromptMessage {
    pb::PromptMessage {
        role: message.role.as_str().to_owned(),
        content: message.content,
    }
}

fn pb_action(action: Action) -> pb::ProposedAction {
    pb::ProposedAction {
        kind: action.kind,
        detail_json: action.detail.to_string(),
        state: action.state.as_str().to_owned(),
        reason: action.reason,
        before_json: action.before.map_or_else(String::new, |it| it.to_string()),
        after_json: action.after.map_or_else(String::new, |it| it.to_string()),
    }
}
