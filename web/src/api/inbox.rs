//! What people do in live conversations.

use futures::{Stream, StreamExt as _};
use t11_proto::agents::v1::{
    ApproveDraftRequest, DeleteMemoryRequest, GetConversationRequest, HandBackRequest,
    ListConversationsRequest, ListConversationsResponse, ListDraftsRequest, ListDraftsResponse,
    ListMemoriesRequest, ListMemoriesResponse, RejectDraftRequest, SendHumanMessageRequest,
    TakeOverRequest, WatchConversationsRequest, WatchConversationsResponse,
};
pub(crate) use t11_proto::agents::v1::{
    ChatMessage, Controller, Conversation, ConversationFilter, Draft, Memory,
};

use super::Problem;
use super::transport::{rpc, server_stream, unary};
use crate::query::Page;

/// What the inbox is narrowed to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct InboxFilter {
    pub(crate) kind: ConversationFilter,
    pub(crate) agent: String,
    pub(crate) channel: String,
    /// 0 = every stage.
    pub(crate) stage_id: i64,
    pub(crate) query: String,
}

/// Live conversations, last active first.
pub(crate) async fn list(
    filter: InboxFilter,
    page_token: String,
) -> Result<Page<Conversation>, Problem> {
    let request = ListConversationsRequest {
        page_size: 40,
        page_token,
        agent: filter.agent,
        live_only: true,
        channel: filter.channel,
        filter: filter.kind.into(),
        stage_id: filter.stage_id,
        query: filter.query,
    };
    let page: ListConversationsResponse = unary(
        rpc!("/t11.agents.v1.ConversationService/ListConversations"),
        &request,
    )
    .await?;
    Ok(Page::new(page.conversations, page.next_page_token))
}

pub(crate) async fn get(name: String) -> Result<Conversation, Problem> {
    unary(
        rpc!("/t11.agents.v1.ConversationService/GetConversation"),
        &GetConversationRequest { name },
    )
    .await
}

pub(crate) async fn take_over(name: String) -> Result<Conversation, Problem> {
    let request = TakeOverRequest { name };
    unary(rpc!("/t11.agents.v1.InboxService/TakeOver"), &request).await
}

pub(crate) async fn hand_back(name: String) -> Result<Conversation, Problem> {
    let request = HandBackRequest { name };
    unary(rpc!("/t11.agents.v1.InboxService/HandBack"), &request).await
}

/// Writes to the client as a person. `request_id` makes a repeated attempt harmless.
pub(crate) async fn send(
    conversation: String,
    text: String,
    request_id: String,
) -> Result<ChatMessage, Problem> {
    let request = SendHumanMessageRequest {
        conversation,
        text,
        request_id,
    };
    let path = rpc!("/t11.agents.v1.InboxService/SendHumanMessage");
    unary(path, &request).await
}

/// Drafts that wait, oldest first; of one conversation if it is named.
pub(crate) async fn drafts(
    conversation: String,
    page_token: String,
) -> Result<Page<Draft>, Problem> {
    let request = ListDraftsRequest {
        page_size: 50,
        page_token,
        conversation,
    };
    let page: ListDraftsResponse =
        unary(rpc!("/t11.agents.v1.InboxService/ListDrafts"), &request).await?;
    Ok(Page::new(page.drafts, page.next_page_token))
}

/// Sends a draft; with `text` empty as it is.
pub(crate) async fn approve(name: String, text: String) -> Result<Draft, Problem> {
    let request = ApproveDraftRequest { name, text };
    unary(rpc!("/t11.agents.v1.InboxService/ApproveDraft"), &request).await
}

pub(crate) async fn reject(name: String, reason: String) -> Result<Draft, Problem> {
    let request = RejectDraftRequest { name, reason };
    unary(rpc!("/t11.agents.v1.InboxService/RejectDraft"), &request).await
}

pub(crate) async fn memories(parent: String) -> Result<Vec<Memory>, Problem> {
    let request = ListMemoriesRequest { parent };
    let answer: ListMemoriesResponse =
        unary(rpc!("/t11.agents.v1.InboxService/ListMemories"), &request).await?;
    Ok(answer.memories)
}

/// Forgets one thing, or everything of the client with `…/memories/-`.
pub(crate) async fn forget(name: String) -> Result<(), Problem> {
    let request = DeleteMemoryRequest { name };
    unary::<()>(rpc!("/t11.agents.v1.InboxService/DeleteMemory"), &request).await
}

/// Every live conversation as it changes; see [`super::live`] for the one stream of a browser.
pub(super) async fn watch() -> Result<impl Stream<Item = Result<Conversation, Problem>>, Problem> {
    let path = rpc!("/t11.agents.v1.InboxService/WatchConversations");
    let request = WatchConversationsRequest::default();
    let answers = server_stream::<WatchConversationsResponse, _>(path, &request).await?;
    Ok(answers.filter_map(|answer| async move {
        match answer {
            Ok(answer) => answer.conversation.map(Ok),
            Err(problem) => Some(Err(problem)),
        }
    }))
}
