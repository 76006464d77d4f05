//! What Kommo has told of, and what became of it.

pub(crate) use t11_proto::crm::v1::{Event, EventState};
use t11_proto::crm::v1::{
    GetEventRequest, ListEventsRequest, ListEventsResponse, ReplayEventRequest,
};

use super::Problem;
use super::transport::{rpc, unary};
use crate::query::Page;

/// What the log is narrowed to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct EventFilter {
    pub(crate) connection: String,
    pub(crate) state: Option<EventState>,
    pub(crate) verdict: String,
    pub(crate) entity: String,
}

/// Newest first, without payloads.
pub(crate) async fn list(filter: EventFilter, page_token: String) -> Result<Page<Event>, Problem> {
    let request = ListEventsRequest {
        page_size: 50,
        page_token,
        connection: filter.connection,
        states: filter.state.map(i32::from).into_iter().collect(),
        verdict: filter.verdict,
        entity: filter.entity,
    };
    let page: ListEventsResponse =
        unary(rpc!("/t11.crm.v1.EventService/ListEvents"), &request).await?;
    Ok(Page::new(page.events, page.next_page_token))
}

/// One event with its masked payload.
pub(crate) async fn get(name: String) -> Result<Event, Problem> {
    let request = GetEventRequest { name };
    unary(rpc!("/t11.crm.v1.EventService/GetEvent"), &request).await
}

/// Handles an event once more; with `dry_run` only says what would be done.
pub(crate) async fn replay(name: String, dry_run: bool) -> Result<Event, Problem> {
    let request = ReplayEventRequest { name, dry_run };
    unary(rpc!("/t11.crm.v1.EventService/ReplayEvent"), &request).await
}
