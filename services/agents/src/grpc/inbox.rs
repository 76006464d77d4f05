//! `InboxService`.

mod watch;

use t11_core::{Violations, parse_child_name, parse_name};
use t11_grpc::ResponseStream;
use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::inbox_service_server::InboxService;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Handlers;
use super::conversation::{chat_message, pb_sentence, turn_name};
use super::convert::{request_id, timestamp};
use crate::Error;
use crate::briefing;
use crate::memory::Memory;
use crate::store::{Draft, DraftState};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl InboxService for Handlers {
    type WatchConversationsStream = ResponseStream<pb::WatchConversationsResponse>;

    async fn take_over(&self, request: Request<pb::TakeOverRequest>) -> Answer<pb::Conversation> {
        let scope = t11_grpc::scope(&request)?;
        let id = conversation(&request.get_ref().name)?;
        let taken = self.inbox.take_over(&scope, id).await?;
        Ok(Response::new(taken.into()))
    }

    async fn hand_back(&self, request: Request<pb::HandBackRequest>) -> Answer<pb::Conversation> {
        let scope = t11_grpc::scope(&request)?;
        let id = conversation(&request.get_ref().name)?;
        let given = self.inbox.hand_back(&scope, id).await?;
        Ok(Response::new(given.into()))
    }

    async fn send_human_message(
        &self,
        request: Request<pb::SendHumanMessageRequest>,
    ) -> Answer<pb::ChatMessage> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let id = conversation(&request.conversation)?;
        let mut violations = Violations::default();
        let text = violations.text("text", &request.text, 1, 4_000);
        let request_id = request_id(&request.request_id, &mut violations);
        violations.check().map_err(Error::from)?;
        let sent = self.inbox.send(&scope, id, text, request_id).await?;
        Ok(Response::new(chat_message(sent)))
    }

    async fn list_drafts(
        &self,
        request: Request<pb::ListDraftsRequest>,
    ) -> Answer<pb::ListDraftsResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let of = Some(&request.conversation)
            .filter(|name| !name.is_empty())
            .map(|name| conversation(name))
            .transpose()?;
        let arguments = format!("drafts {} {of:?}", scope.org());
        let page = self
            .pages
            .read(&arguments, request.page_size, &request.page_token, 25, 100)
            .map_err(Error::from)?;
        let page = self.store.drafts(&scope, of, page).await?;
        Ok(Response::new(pb::ListDraftsResponse {
            next_page_token: self.pages.write(&arguments, page.next_cursor.as_deref()),
            drafts: page.items.into_iter().map(pb_draft).collect(),
        }))
    }

    async fn get_draft(&self, request: Request<pb::GetDraftRequest>) -> Answer<pb::Draft> {
        let scope = t11_grpc::scope(&request)?;
        let (conversation, id) = draft(&request.get_ref().name)?;
        let found = self.store.draft(&scope, conversation, id).await?;
        Ok(Response::new(pb_draft(found)))
    }

    async fn approve_draft(&self, request: Request<pb::ApproveDraftRequest>) -> Answer<pb::Draft> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let (conversation, id) = draft(&request.name)?;
        let mut violations = Violations::default();
        let text = violations.text("text", &request.text, 0, 4_000);
        violations.check().map_err(Error::from)?;
        let text = Some(text).filter(|text| !text.is_empty());
        let approved = self.inbox.approve(&scope, conversation, id, text).await?;
        Ok(Response::new(pb_draft(approved)))
    }

    async fn reject_draft(&self, request: Request<pb::RejectDraftRequest>) -> Answer<pb::Draft> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let (conversation, id) = draft(&request.name)?;
        let mut violations = Violations::default();
        let reason = violations.text("reason", &request.reason, 0, 500);
        violations.check().map_err(Error::from)?;
        let rejected = self.inbox.reject(&scope, conversation, id, reason).await?;
        Ok(Response::new(pb_draft(rejected)))
    }

    async fn watch_conversations(
        &self,
        request: Request<pb::WatchConversationsRequest>,
    ) -> Answer<Self::WatchConversationsStream> {
        let scope = t11_grpc::scope(&request)?;
        let name = &request.get_ref().conversation;
        let only = Some(name)
            .filter(|name| !name.is_empty())
            .map(|name| conversation(name))
            .transpose()?;
        if let Some(id) = only {
            // Another's answers like one that is not there.
            self.store.conversation(&scope, id).await?.live()?;
        }
        let inbox = self.inbox.clone();
        Ok(Response::new(t11_grpc::stream(move |events| {
            watch::watch(inbox, scope, only, events)
        })))
    }

    async fn list_memories(
        &self,
        request: Request<pb::ListMemoriesRequest>,
    ) -> Answer<pb::ListMemoriesResponse> {
        let scope = t11_grpc::scope(&request)?;
        let id = conversation(&request.get_ref().parent)?;
        let memories = briefing::memories(&self.store, &scope, id).await?;
        Ok(Response::new(pb::ListMemoriesResponse {
            memories: memories.into_iter().map(|one| memory(id, one)).collect(),
        }))
    }

    async fn delete_memory(&self, request: Request<pb::DeleteMemoryRequest>) -> Answer<()> {
        let scope = t11_grpc::scope(&request)?;
        let name = &request.get_ref().name;
        let (id, memory) = match name.strip_suffix("/memories/-") {
            Some(parent) => (conversation(parent)?, None),
            None => {
                let both = parse_child_name("conversations", "memories", name);
                let (id, memory) = both.map_err(Error::from)?;
                (id, Some(memory))
            }
        };
        briefing::forget(&self.store, &scope, id, memory).await?;
        Ok(Response::new(()))
    }
}

fn memory(conversation: Uuid, memory: Memory) -> pb::Memory {
    pb::Memory {
        name: format!("conversations/{conversation}/memories/{}", memory.id),
        kind: memory.kind.as_str().to_owned(),
        key: memory.key,
        content: memory.content,
        source: memory.source.as_str().to_owned(),
        conflict: memory.conflict,
        create_time: Some(timestamp(memory.create_time)),
        expire_time: memory.expire_time.map(timestamp),
    }
}

fn conversation(name: &str) -> Result<Uuid, Error> {
    Ok(parse_name("conversations", name)?)
}

fn draft(name: &str) -> Result<(Uuid, Uuid), Error> {
    Ok(parse_child_name("conversations", "drafts", name)?)
}

fn pb_draft(draft: Draft) -> pb::Draft {
    let state = match draft.state {
        DraftState::Pending => pb::DraftState::Pending,
        DraftState::Sent => pb::DraftState::Sent,
        DraftState::Edited => pb::DraftState::Edited,
        DraftState::Rejected => pb::DraftState::Rejected,
        DraftState::Expired => pb::DraftState::Expired,
    };
    pb::Draft {
        name: format!(
            "conversations/{}/drafts/{}",
            draft.conversation_id, draft.id
        ),
        state: state.into(),
        text: draft.text,
        sent_text: draft.sent_text,
        turn: turn_name(draft.conversation_id, draft.turn_id),
        reject_reason: draft.reject_reason,
        sentences: draft.sentences.into_iter().map(pb_sentence).collect(),
        create_time: Some(timestamp(draft.create_time)),
        end_time: draft.end_time.map(timestamp),
    }
}
