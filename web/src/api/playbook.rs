//! What the company says: scripts, and responses to objections.

use t11_proto::agents::v1::{
    CreateObjectionResponseRequest, CreateScriptRequest, DeleteObjectionResponseRequest,
    DeleteScriptRequest, ListObjectionResponsesRequest, ListObjectionResponsesResponse,
    ListScriptsRequest, ListScriptsResponse, UpdateObjectionResponseRequest, UpdateScriptRequest,
};
pub(crate) use t11_proto::agents::v1::{
    ObjectionResponse, PlayState, Script, ScriptVariable, StageRef,
};

use super::transport::{rpc, unary};
use super::{Problem, request_id};
use crate::query::Page;

/// What a list of scripts or responses is narrowed to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PlayFilter {
    pub(crate) kind: String,
    pub(crate) query: String,
    pub(crate) agent: String,
}

const PAGE_SIZE: i32 = 50;

pub(crate) async fn scripts(
    filter: PlayFilter,
    page_token: String,
) -> Result<Page<Script>, Problem> {
    let request = ListScriptsRequest {
        page_size: PAGE_SIZE,
        page_token,
        r#type: filter.kind,
        query: filter.query,
        agent: filter.agent,
    };
    let path = rpc!("/t11.agents.v1.PlaybookService/ListScripts");
    let page: ListScriptsResponse = unary(path, &request).await?;
    Ok(Page::new(page.scripts, page.next_page_token))
}

/// Creates a script without a name, replaces one with.
pub(crate) async fn save_script(script: Script) -> Result<Script, Problem> {
    if script.name.is_empty() {
        let path = rpc!("/t11.agents.v1.PlaybookService/CreateScript");
        let request = CreateScriptRequest {
            script: Some(script),
            request_id: request_id(),
        };
        return unary(path, &request).await;
    }
    let path = rpc!("/t11.agents.v1.PlaybookService/UpdateScript");
    let request = UpdateScriptRequest {
        script: Some(script),
    };
    unary(path, &request).await
}

pub(crate) async fn delete_script(name: String, etag: String) -> Result<(), Problem> {
    let path = rpc!("/t11.agents.v1.PlaybookService/DeleteScript");
    unary::<()>(path, &DeleteScriptRequest { name, etag }).await
}

pub(crate) async fn objections(
    filter: PlayFilter,
    page_token: String,
) -> Result<Page<ObjectionResponse>, Problem> {
    let request = ListObjectionResponsesRequest {
        page_size: PAGE_SIZE,
        page_token,
        r#type: filter.kind,
        query: filter.query,
        agent: filter.agent,
    };
    let path = rpc!("/t11.agents.v1.PlaybookService/ListObjectionResponses");
    let page: ListObjectionResponsesResponse = unary(path, &request).await?;
    Ok(Page::new(page.objection_responses, page.next_page_token))
}

/// Creates a response without a name, replaces one with.
pub(crate) async fn save_objection(
    response: ObjectionResponse,
) -> Result<ObjectionResponse, Problem> {
    if response.name.is_empty() {
        let path = rpc!("/t11.agents.v1.PlaybookService/CreateObjectionResponse");
        let request = CreateObjectionResponseRequest {
            objection_response: Some(response),
            request_id: request_id(),
        };
        return unary(path, &request).await;
    }
    let path = rpc!("/t11.agents.v1.PlaybookService/UpdateObjectionResponse");
    let request = UpdateObjectionResponseRequest {
        objection_response: Some(response),
    };
    unary(path, &request).await
}

pub(crate) async fn delete_objection(name: String, etag: String) -> Result<(), Problem> {
    let path = rpc!("/t11.agents.v1.PlaybookService/DeleteObjectionResponse");
    unary::<()>(path, &DeleteObjectionResponseRequest { name, etag }).await
}
