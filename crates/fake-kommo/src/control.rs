//! Steering over HTTP: `POST /_ctl/{command}` with a JSON object, `GET /_ctl/{view}`.
//!
//! They are for the account at the address asked, or for `?account_id=`. A command answers 200 with
//! what came of it, 404 when what it names does not exist, 400 when it cannot be read. JSON is
//! insisted on: a page of another site cannot send it without being asked for permission first.

mod command;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, RawQuery, Request, State as Shared};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use self::command::Command;
use crate::handle::Account;
use crate::kommo::Site;
use crate::query::Query;

const LARGEST_COMMAND: usize = 1 << 20;

pub(crate) fn router() -> Router<Site> {
    Router::new()
        .route("/_ctl/settle", post(settle))
        .route("/_ctl/{command}", get(view).post(command))
}

async fn command(
    Shared(site): Shared<Site>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    if !is_json(&request) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    let command = match read(&name, request.into_body()).await {
        Ok(command) => command,
        Err(reason) => return answer(StatusCode::BAD_REQUEST, &json!({"error": reason})),
    };
    let Some(account) = account(&site, &parsed(query)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match command.run(&site.kommo, &account) {
        Some(result) => answer(StatusCode::OK, &result),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn parsed(text: Option<String>) -> Query {
    Query::parse(&text.unwrap_or_default())
}

fn is_json(request: &Request) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.starts_with("application/json"))
}

async fn read(name: &str, body: Body) -> Result<Command, String> {
    let body = to_bytes(body, LARGEST_COMMAND)
        .await
        .map_err(|error| error.to_string())?;
    let arguments: Value = match body.is_empty() {
        true => json!({}),
        false => serde_json::from_slice(&body).map_err(|error| error.to_string())?,
    };
    serde_json::from_value(json!({name: arguments})).map_err(|error| error.to_string())
}

/// The account that is meant: by its id, by the address, or the first.
fn account(site: &Site, query: &Query) -> Option<Account> {
    let id = site.kommo.look(|state| {
        let index = match query.number(&["account_id"]) {
            Some(id) => state.index_of(id),
            None => state.at(&site.base()).or(Some(0)),
        };
        Some(state.accounts.get(index?)?.id)
    })?;
    Some(Account::new(site.kommo.clone(), id))
}

/// Answers when nothing is due or on its way.
async fn settle(Shared(site): Shared<Site>) -> Response {
    site.kommo.until(|state| state.is_settled()).await;
    answer(StatusCode::OK, &json!({}))
}

async fn view(
    Shared(site): Shared<Site>,
    Path(name): Path<String>,
    RawQuery(text): RawQuery,
) -> Response {
    let query = parsed(text);
    let account = account(&site, &query);
    let shown = account.and_then(|account| show(&site, &account, &name, &query));
    match shown {
        Some(shown) => answer(StatusCode::OK, &shown),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn show(site: &Site, account: &Account, name: &str, query: &Query) -> Option<Value> {
    let id = query.number(&["id"]).unwrap_or_default();
    let kommo = &site.kommo;
    Some(match name {
        "account" => account.summary(),
        "leads" => json!(account.leads()),
        "lead" => json!({
            "lead": account.lead(id)?,
            "messages": account.messages_of_lead(id),
            "tasks": account.tasks_of(id),
            "notes": account.notes_of(id),
        }),
        "messages" => json!(account.messages_of(id)),
        "all_messages" => json!(account.all_messages_of(id)),
        "unsorted" => json!(account.unsorted()),
        "webhooks" => json!(account.webhooks()),
        "sending" => json!(account.sending()),
        "calls" => kommo.look(|state| json!(state.calls)),
        "deliveries" => kommo.look(|state| json!(state.deliveries)),
        "rate" => kommo.look(|state| {
            json!({"peak": state.rate.peak, "refused": state.rate.refused, "is_blocked": state.rate.is_blocked})
        }),
        "clock" => kommo.look(|state| json!({"now": state.clock.seconds()})),
        _ => return None,
    })
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let content_type = [(CONTENT_TYPE, "application/json")];
    (status, content_type, Body::from(body.to_string())).into_response()
}
