use futures::{Stream, StreamExt as _};
pub(crate) use t11_proto::agents::v1::chat_response::Event as ChatEvent;
pub(crate) use t11_proto::agents::v1::{
    Author, ChatMessage, Conversation, Passage, PromptMessage, ProposedAction, Sentence, Turn,
    TurnState, TurnStep,
};
use t11_proto::agents::v1::{
    ChatRequest, ChatResponse, CreateConversationRequest, DeleteConversationRequest,
    GetTurnRequest, ListConversationsRequest, ListConversationsResponse, ListMessagesRequest,
    ListMessagesResponse,
};

use super::transport::{rpc, server_stream, unary};
use super::{Problem, request_id};

pub(crate) async fn create(agent: String) -> Result<Conversation, Problem> {
    let request = CreateConversationRequest {
        agent,
        display_name: String::new(),
        request_id: request_id(),
    };
    unary(
        rpc!("/t11.agents.v1.ConversationService/CreateConversation"),
        &request,
    )
    .await
}

/// The latest conversations of the test chat, `most` of them, and whether there are more.
pub(crate) async fn list(most: usize) -> Result<(Vec<Conversation>, bool), Problem> {
    let mut conversations = Vec::new();
    let mut page_token = String::new();
    loop {
        let left = most - conversations.len();
        let request = ListConversationsRequest {
            page_size: left.try_into().unwrap_or(i32::MAX),
            page_token,
            channel: "test".to_owned(),
            ..ListConversationsRequest::default()
        };
        let page: ListConversationsResponse = unary(
            rpc!("/t11.agents.v1.ConversationService/ListConversations"),
            &request,
        )
        .await?;
        conversations.extend(page.conversations);
        page_token = page.next_page_token;
        let has_more = !page_token.is_empty();
        if !has_more || conversations.len() >= most {
            return Ok((conversations, has_more));
        }
    }
}

pub(crate) async fn delete(name: String) -> Result<(), Problem> {
    let request = DeleteConversationRequest { name };
    unary::<()>(
        rpc!("/t11.agents.v1.ConversationService/DeleteConversation"),
        &request,
    )
    .await?;
    Ok(())
}

/// Every message of a conversation, oldest first.
pub(crate) async fn messages(conversation: String) -> Result<Vec<ChatMessage>, Problem> {
    let mut messages = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListMessagesRequest {
            parent: conversation.clone(),
            page_size: 200,
            page_token,
        };
        let page: ListMessagesResponse = unary(
            rpc!("/t11.agents.v1.ConversationService/ListMessages"),
            &request,
        )
        .await?;
        messages.extend(page.messages);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(messages);
        }
    }
}

pub(crate) async fn turn(name: String) -> Result<Turn, Problem> {
    unary(
        rpc!("/t11.agents.v1.ConversationService/GetTurn"),
        &GetTurnRequest { name },
    )
    .await
}

/// Says `text` as a client and streams the turn by which `version` (empty = the draft) answers it.
/// Dropping the stream stops it.
pub(crate) async fn chat(
    conversation: String,
    text: String,
    version: String,
) -> Result<impl Stream<Item = Result<ChatEvent, Problem>>, Problem> {
    let request = ChatRequest {
        conversation,
        text,
        request_id: request_id(),
        version,
    };
    let answers =
        server_stream::<ChatResponse, _>(rpc!("/t11.agents.v1.ChatService/Chat"), &request).await?;
    Ok(answers.filter_map(|answer| async move {
        match answer {
            Ok(response) => response.event.map(Ok),
            Err(problem) => Some(Err(problem)),
        }
    }))
}
