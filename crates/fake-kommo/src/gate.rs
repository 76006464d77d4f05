//! Before every room: what was asked for is written down, the limit of requests holds, and faults
//! happen.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State as Shared};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::stream;
use http::header::LOCATION;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::delivery::is_there;
use crate::fault::{self, FaultKind};
use crate::kommo::{Kommo, Site};
use crate::routes::{names_this_site, refuse};
use crate::state::Called;
use crate::webhooks;

/// Marks an answer that is not to be sent: the connection is cut instead.
#[derive(Clone)]
pub(crate) struct Cut;

/// What came of looking at a webhook's address.
#[derive(Clone, Copy)]
pub(crate) struct Probed(pub(crate) bool);

const FOREIGN_HOST: &str = "elsewhere.example";
const LARGEST_BODY: usize = 64 << 20;

/// Refuses a request that names another host: a page of another site may not steer the fake.
pub(crate) async fn right_host(
    Shared(site): Shared<Site>,
    request: Request,
    next: Next,
) -> Response {
    if names_this_site(&site, &request) {
        next.run(request).await
    } else {
        StatusCode::MISDIRECTED_REQUEST.into_response()
    }
}

pub(crate) async fn gate(
    Shared(site): Shared<Site>,
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let path = matched.as_ref().map_or("(no route)", MatchedPath::as_str);
    let route = format!("{} {path}", request.method());
    let uri = request.uri().to_string();
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut request = Request::from_parts(parts, Body::from(body.clone()));
    let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if is_subscription(request.method(), path) && site.kommo.look(|state| state.probes_webhooks) {
        let is_there = is_there(json["destination"].as_str().unwrap_or_default()).await;
        request.extensions_mut().insert(Probed(is_there));
    }
    let response = with_faults(&site.kommo, &route, request, next).await;
    let status = match response.extensions().get::<Cut>() {
        Some(Cut) => 0,
        None => response.status().as_u16(),
    };
    site.kommo.with(|state| {
        state.calls.push(Called {
            route,
            uri,
            body: json,
            status,
            at: state.clock.seconds(),
        });
    });
    response
}

fn is_subscription(method: &Method, path: &str) -> bool {
    method == Method::POST && path == webhooks::PATH
}

async fn with_faults(kommo: &Kommo, route: &str, request: Request, next: Next) -> Response {
    let (admitted, fault) = kommo.with(|state| {
        let admitted = state.rate.admit();
        (admitted, fault::take(&mut state.faults, route))
    });
    if let Err(refusal) = admitted {
        return refuse(refusal);
    }
    match fault {
        None => next.run(request).await,
        Some(fault) if fault.is_after_effect() => spoil(fault, next.run(request).await).await,
        Some(fault) => instead(fault),
    }
}

/// What is answered without asking a room.
fn instead(fault: FaultKind) -> Response {
    let refusal = match fault {
        FaultKind::TooManyRequests => Refusal::too_many_requests(),
        FaultKind::TooManyRequestsPage => Refusal::too_many_requests_page(),
        FaultKind::Blocked => Refusal::blocked(),
        FaultKind::Unauthorized => Refusal::unauthorized(),
        FaultKind::PaymentRequired(detail) => Refusal::payment_required(&detail),
        FaultKind::Unprocessable(detail) => Refusal::unprocessable(&detail),
        FaultKind::Internal => Refusal::internal("0af7651916cd43dd8448eb211c80319c"),
        FaultKind::GatewayTimeout => {
            Refusal::problem(StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout")
        }
        FaultKind::ForeignRedirect => return redirect(),
        FaultKind::CutBeforeEffect
        | FaultKind::CutAfterEffect
        | FaultKind::SlowBody(_)
        | FaultKind::TruncatedJson
        | FaultKind::ForeignNext => return cut(),
    };
    refuse(refusal)
}

fn cut() -> Response {
    let mut response = StatusCode::OK.into_response();
    response.extensions_mut().insert(Cut);
    response
}

fn redirect() -> Response {
    let to = format!("https://{FOREIGN_HOST}/api/v4/account");
    (StatusCode::FOUND, [(LOCATION, to)]).into_response()
}

/// What becomes of an answer that was made.
async fn spoil(fault: FaultKind, response: Response) -> Response {
    if fault == FaultKind::CutAfterEffect {
        return cut();
    }
    let (mut parts, body) = response.into_parts();
    let body = to_bytes(body, LARGEST_BODY).await.unwrap_or_default();
    parts.headers.remove(http::header::CONTENT_LENGTH);
    let (first, second) = halves(&body);
    let body = match fault {
        FaultKind::SlowBody(millis) => slow(first, second, Duration::from_millis(millis)),
        FaultKind::TruncatedJson => Body::from(first),
        FaultKind::ForeignNext => Body::from(with_foreign_next(&body)),
        _ => Body::from(body),
    };
    Response::from_parts(parts, body)
}

fn halves(body: &Bytes) -> (Bytes, Bytes) {
    let middle = body.len() / 2;
    (body.slice(..middle), body.slice(middle..))
}

fn slow(first: Bytes, second: Bytes, pause: Duration) -> Body {
    let parts = [(Duration::ZERO, first), (pause, second)];
    Body::from_stream(stream::unfold(parts.into_iter(), |mut parts| async move {
        let (pause, part) = parts.next()?;
        tokio::time::sleep(pause).await;
        Some((Ok::<_, std::io::Error>(part), parts))
    }))
}

fn with_foreign_next(body: &[u8]) -> String {
    let mut json: Value = serde_json::from_slice(body).unwrap_or_else(|_| json!({}));
    let next = format!("https://{FOREIGN_HOST}/api/v4/leads?page=2");
    json["_links"]["next"] = json!({"href": next});
    json.to_string()
}
