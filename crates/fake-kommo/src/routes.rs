//! From a request on the socket to a room's function, and back.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{RawPathParams, Request, State as Shared};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, on};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use crate::account::Account;
use crate::answer::{Answer, Answered, Refusal};
use crate::call::{Actor, Call};
use crate::gate::Probed;
use crate::kommo::{Kommo, Site};
use crate::query::Query;
use crate::state::State;

/// More than any upload of a test.
const LARGEST_BODY: usize = 64 << 20;

/// Routes and the rooms that answer them.
pub(crate) struct Routes(Router<Site>);

impl Routes {
    pub(crate) fn new() -> Self {
        Self(Router::new())
    }

    pub(crate) fn into_router(self) -> Router<Site> {
        self.0
    }

    /// What needs an access token of the account at this address.
    pub(crate) fn api<F>(self, method: MethodFilter, path: &str, room: F) -> Self
    where
        F: Fn(&mut Account, &Call) -> Answered + Clone + Send + Sync + 'static,
    {
        self.any(method, path, move |state: &mut State, call: &mut Call| {
            let index = state.at(&call.base).ok_or_else(|| no_account(call))?;
            call.actor = state.actor(index, call)?;
            let account = state.account(index);
            call.quirks = account.quirks;
            room(account, call)
        })
    }

    /// What belongs to the account at this address and checks its callers by itself.
    pub(crate) fn open<F>(self, method: MethodFilter, path: &str, room: F) -> Self
    where
        F: Fn(&mut Account, &Call) -> Answered + Clone + Send + Sync + 'static,
    {
        self.any(method, path, move |state: &mut State, call: &mut Call| {
            let index = state.at(&call.base).ok_or_else(|| no_account(call))?;
            room(state.account(index), call)
        })
    }

    /// What belongs to Kommo as a whole.
    pub(crate) fn shared<F>(self, method: MethodFilter, path: &str, room: F) -> Self
    where
        F: Fn(&mut State, &Call) -> Answered + Clone + Send + Sync + 'static,
    {
        self.any(method, path, move |state: &mut State, call: &mut Call| {
            room(state, call)
        })
    }

    fn any<F>(self, method: MethodFilter, path: &str, room: F) -> Self
    where
        F: Fn(&mut State, &mut Call) -> Answered + Clone + Send + Sync + 'static,
    {
        let handler = move |Shared(site): Shared<Site>, params: RawPathParams, request: Request| {
            answer(site, params, request, room)
        };
        Self(self.0.route(path, on(method, handler)))
    }
}

/// A host of Kommo at which no account lives, any longer or at all.
fn no_account(call: &Call) -> Refusal {
    Refusal::cannot(&call.method, &call.url())
}

async fn answer<F>(site: Site, params: RawPathParams, request: Request, room: F) -> Response
where
    F: Fn(&mut State, &mut Call) -> Answered + Send + 'static,
{
    let params = params
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    match read(&site, params, request).await {
        Ok(mut call) => {
            let answered = site.kommo.with(|state| {
                call.now = state.clock.seconds();
                room(state, &mut call)
            });
            respond(answered, &call.quirks, &site.kommo)
        }
        Err(refusal) => respond(Err(refusal), &Default::default(), &site.kommo),
    }
}

async fn read(
    site: &Site,
    params: Vec<(String, String)>,
    request: Request,
) -> Result<Call, Refusal> {
    let (parts, body) = request.into_parts();
    let probed = parts.extensions.get::<Probed>().map(|probed| probed.0);
    let body = to_bytes(body, LARGEST_BODY)
        .await
        .map_err(|_| Refusal::bad_request("Request body can not be read"))?;
    let raw_query = parts.uri.query().unwrap_or_default().to_owned();
    Ok(Call {
        method: parts.method,
        base: site.base(),
        path: parts.uri.path().to_owned(),
        query: Query::parse(&raw_query),
        raw_query,
        headers: parts.headers,
        parsed: serde_json::from_slice(&body).ok(),
        body,
        params,
        actor: Actor::default(),
        quirks: Default::default(),
        probed,
        now: 0,
    })
}

fn respond(answered: Answered, quirks: &crate::Quirks, kommo: &Arc<Kommo>) -> Response {
    let mut response = match answered {
        Ok(Answer::Json(status, body)) => json(status, "application/hal+json", &quirks.apply(body)),
        Ok(Answer::Text(status, text)) => (status, text).into_response(),
        Ok(Answer::Html(page)) => html(StatusCode::OK, page),
        Ok(Answer::Redirect(to)) => redirect(&to),
        Ok(Answer::Nothing) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => refuse(refusal),
    };
    let request_id = kommo.look(|state| state.next_request_id());
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

pub(crate) fn refuse(refusal: Refusal) -> Response {
    match refusal {
        Refusal::Json(status, body) => json(status, "application/problem+json", &body),
        Refusal::Html(status, page) => html(status, page),
    }
}

fn json(status: StatusCode, content_type: &'static str, body: &Value) -> Response {
    let content_type = [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-store")];
    (status, content_type, Body::from(body.to_string())).into_response()
}

fn html(status: StatusCode, page: String) -> Response {
    let content_type = [(CONTENT_TYPE, "text/html; charset=utf-8")];
    (status, content_type, page).into_response()
}

fn redirect(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(to) => (StatusCode::FOUND, [(LOCATION, to)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// What no route knows.
pub(crate) async fn not_found(Shared(site): Shared<Site>, request: Request) -> Response {
    let url = format!("{}{}", site.base(), request.uri());
    let refusal = Refusal::cannot(request.method(), &url);
    respond(Err(refusal), &Default::default(), &site.kommo)
}

pub(crate) async fn method_not_allowed(Shared(site): Shared<Site>) -> Response {
    respond(
        Err(Refusal::method_not_allowed()),
        &Default::default(),
        &site.kommo,
    )
}

/// Whether the request names the address it came to. A page of another site that had its name
/// point here does not.
pub(crate) fn names_this_site(site: &Site, request: &Request) -> bool {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(http::uri::Authority::as_str));
    let port = site.address.port();
    host.is_some_and(|host| host == site.address.to_string() || host == format!("localhost:{port}"))
}
