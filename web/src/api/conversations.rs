use futures::Stream;
use t11_proto::agents::v1::chat_service_client::ChatServiceClient;
use t11_proto::agents::v1::conversation_service_client::ConversationServiceClient;
pub(crate) use t11_proto::agents::v1::chat_response::Event as ChatEvent;
pub(crate) use t11_proto::agents::v1::{
    Author, ChatMessage, Conversation, Passage, PromptMessage, ProposedAction, Sentence, Turn,
    TurnState, TurnStep,
};
use t11_proto::agents::v1::{
    ChatRequest, CreateConversationRequest, DeleteConversationRequest, GetConversationRequest,
    GetTurnRequest, ListConversationsRequest, ListMessagesRequest,
};
use tonic::Status;

use super::transport::Transport;
use super::{Problem, request_id};

fn client() -> ConversationServiceClient<Transport> {
    ConversationServiceClient::new(Transport::unary())
}

pub(crate) async fn create(agent: String) -> Result<Conversation, Problem> {
    let request = CreateConversationRequest {
        agent,
        display_name: String::new(),
        request_id: request_id(),
    };
    Ok(client().create_conversation(request).await?.into_inner())
}

pub(crate) async fn get(name: String) -> Result<Conversation, Problem> {
    let request = GetConversationRequest { name };
    Ok(client().get_conversation(request).await?.into_inner())
}

pub(crate) async fn list(page_token: String) -> Result<(Vec<Conversation>, String), Problem> {
    let request = ListConversationsRequest {
        page_size: 30,
        page_token,
        agent: String::new(),
    };
    let page = client().list_conversations(request).await?.into_inner();
    Ok((page.conversations, page.next_page_token))
}

pub(crate) async fn delete(name: String) -> Result<(), Problem> {
    let request = DeleteConversationRequest { name };
    client().delete_conversation(request).await?;
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
        let page = client().list_messages(request).await?.into_inner();
        messages.extend(page.messages);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(messages);
        }
    }
}

pub(crate) async fn turn(name: String) -> Result<Turn, Problem> {
    Ok(client().get_turn(GetTurnRequest { name }).await?.into_inner())
}

/// Says `text` as a client and streams the turn that answers it. Dropping the stream stops it.
pub(crate) async fn chat(
    conversation: String,
    text: String,
) -> Result<impl Stream<Item = Result<ChatEvent, Problem>>, Problem> {
    use futures::StreamExt as _;

    let request = ChatRequest {
        conversation,
        text,
        request_id: request_id(),
    };
    let stream = ChatServiceClient::new(Transport::streaming())
        .chat(request)
        .await?
        .into_inner();
    let events = stream.filter_map(|answer: Result<_, Status>| async move {
        match answer {
            Ok(response) => response.event.map(Ok),
            Err(status) => Some(Err(Problem::from(status))),
        }
    });
    Ok(events)
}
