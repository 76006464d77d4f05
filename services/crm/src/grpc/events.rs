//! `t11.crm.v1.EventService`.

use t11_core::{OrgScope, PageTokens, Violations, format_name, parse_name};
use t11_grpc::scope;
use t11_proto::crm::v1 as pb;
use t11_proto::crm::v1::event_service_server::EventService;
use tonic::{Request, Response, Status, async_trait};
use uuid::Uuid;

use super::convert::timestamp;
use crate::connection;
use crate::error::Error;
use crate::event::{Event, State, masked};
use crate::jobs::dispatch_event;
use crate::store::{EventFilter, Store};

const PAGE_DEFAULT: u64 = 50;
const PAGE_MAX: u64 = 200;

pub(super) struct Events {
    pub(super) store: Store,
    pub(super) page_tokens: PageTokens,
}

#[async_trait]
impl EventService for Events {
    async fn get_event(
        &self,
        request: Request<pb::GetEventRequest>,
    ) -> Result<Response<pb::Event>, Status> {
        let scope = scope(&request)?;
        let id = id_in("events", "name", &request.into_inner().name)?;
        let event = self.store.event(&scope, id).await?;
        let payload_json = masked(&event.payload);
        Ok(Response::new(pb::Event {
            payload_json,
            ..event.into()
        }))
    }

    async fn list_events(
        &self,
        request: Request<pb::ListEventsRequest>,
    ) -> Result<Response<pb::ListEventsResponse>, Status> {
        let scope = scope(&request)?;
        let request = request.into_inner();
        let filter = filter(&request)?;
        let arguments = format!("ListEvents/{}/{filter:?}", scope.org());
        let page = self
            .page_tokens
            .read(
                &arguments,
                request.page_size,
                &request.page_token,
                PAGE_DEFAULT,
                PAGE_MAX,
            )
            .map_err(Error::from)?;
        let page = self.store.list_events(&scope, filter, page).await?;
        let next_page_token = self
            .page_tokens
            .write(&arguments, page.next_cursor.as_deref());
        let events = page.items.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListEventsResponse {
            events,
            next_page_token,
        }))
    }

    async fn replay_event(
        &self,
        request: Request<pb::ReplayEventRequest>,
    ) -> Result<Response<pb::Event>, Status> {
        let scope = scope(&request)?;
        let request = request.into_inner();
        let id = id_in("events", "name", &request.name)?;
        self.check_connected(&scope, id).await?;
        let event = if request.dry_run {
            let replay = self.store.replay_dry(&scope, id, dispatch_event::job);
            replay.await?
        } else {
            self.store.replay(&scope, id, dispatch_event::job).await?
        };
        Ok(Response::new(event.into()))
    }
}

impl Events {
    async fn check_connected(&self, scope: &OrgScope, id: Uuid) -> Result<(), Error> {
        let event = self.store.event(scope, id).await?;
        let connection = self.store.connection(scope, event.connection).await?;
        match connection.state {
            connection::State::Connected => Ok(()),
            state => Err(Error::ConnectionState { state }),
        }
    }
}

fn id_in(collection: &str, field: &str, name: &str) -> Result<Uuid, Error> {
    parse_name(collection, name).map_err(|error| {
        let mut violations = Violations::default();
        violations.add(field, "MALFORMED", error.to_string());
        violations.into()
    })
}

fn filter(request: &pb::ListEventsRequest) -> Result<EventFilter, Error> {
    let connection = match request.connection.as_str() {
        "" => None,
        name => Some(id_in("connections", "connection", name)?),
    };
    let mut violations = Violations::default();
    let states = request.states().filter_map(|state| {
        let known = state_of(state);
        if known.is_none() {
            violations.add("states", "INVALID", "`states` holds what is no state");
        }
        known
    });
    let states = states.collect();
    violations.check()?;
    Ok(EventFilter {
        connection,
        states,
        verdict: request.verdict.clone(),
        entity: request.entity.clone(),
    })
}

fn state_of(state: pb::EventState) -> Option<State> {
    Some(match state {
        pb::EventState::Unspecified => return None,
        pb::EventState::Received => State::Received,
        pb::EventState::Dispatched => State::Dispatched,
        pb::EventState::Done => State::Done,
        pb::EventState::Failed => State::Failed,
        pb::EventState::Quarantined => State::Quarantined,
    })
}

impl From<State> for pb::EventState {
    fn from(state: State) -> Self {
        match state {
            State::Received => Self::Received,
            State::Dispatched => Self::Dispatched,
            State::Done => Self::Done,
            State::Failed => Self::Failed,
            State::Quarantined => Self::Quarantined,
        }
    }
}

impl From<Event> for pb::Event {
    fn from(event: Event) -> Self {
        Self {
            name: format_name("events", event.id),
            connection: format_name("connections", event.connection),
            entity: event.entity,
            action: event.action,
            entity_id: event.entity_id,
            state: pb::EventState::from(event.state).into(),
            verdict: event.verdict,
            source: event.source.as_str().to_owned(),
            deliveries: event.deliveries,
            conversation: event.conversation,
            turn: event.turn,
            error_reason: event.error.reason,
            error_message: event.error.message,
            receive_time: Some(timestamp(event.receive_time)),
            end_time: event.end_time.map(timestamp),
            payload_json: String::new(),
        }
    }
}
