//! Server-streaming RPCs over REST: `text/event-stream`.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::stream::{self, Stream};
use http::{HeaderName, HeaderValue, header};
use prost_reflect::{DynamicMessage, MessageDescriptor};
use t11_grpc::CallContext;
use tonic::client::Grpc;
use tonic::{Status, Streaming};

use crate::error::Error;
use crate::rest::error::Problem;
use crate::rest::json;
use crate::rest::raw::RawCodec;
use crate::rest::route::Route;
use crate::stream_end::EndingPeer;

/// A comment is sent after such a silence, so that proxies do not close the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Calls the RPC and answers with its events. An error before the first event is answered with
/// its HTTP status, a later one as `event: error`. Dropping the answer cancels the call.
///
/// # Errors
/// The service's refusal.
pub(crate) async fn send(
    peer: EndingPeer,
    route: &Route,
    request: Bytes,
) -> Result<Response, Problem> {
    let path = route.grpc_path.clone();
    let answer = Grpc::new(peer)
        .server_streaming(tonic::Request::new(request), path, RawCodec)
        .await?;
    let mut messages = answer.into_inner();
    // Waits no longer than a keep-alive: a model may think, a list may be empty.
    let first = match tokio::time::timeout(KEEP_ALIVE, messages.message()).await {
        Ok(first) => Some(first?),
        Err(_silent) => None,
    };
    let state = State {
        messages: Some(messages),
        first,
        output: route.rpc.output(),
        context: t11_grpc::current(),
    };
    let mut response = Sse::new(events(state))
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Tells nginx not to hold events back.
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    Ok(response)
}

struct State {
    /// `None` once the stream has ended.
    messages: Option<Streaming<Bytes>>,
    /// What the wait before the headers brought.
    first: Option<Option<Bytes>>,
    output: MessageDescriptor,
    context: CallContext,
}

fn events(state: State) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(state, |mut state| async move {
        let mut messages = state.messages.take()?;
        let next = match state.first.take() {
            Some(first) => Ok(first),
            None => messages.message().await,
        };
        let event = match render(next, &state.output) {
            Ok(None) => return None,
            Ok(Some(event)) => {
                state.messages = Some(messages);
                event
            }
            Err(problem) => {
                let context = state.context.clone();
                let body = t11_grpc::in_context(context, async { problem.body() }).await;
                Event::default().event("error").data(body.to_string())
            }
        };
        Some((Ok(event), state))
    })
}

fn render(
    next: Result<Option<Bytes>, Status>,
    output: &MessageDescriptor,
) -> Result<Option<Event>, Problem> {
    let Some(bytes) = next? else { return Ok(None) };
    let message = DynamicMessage::decode(output.clone(), bytes).map_err(Error::AnswerUnreadable)?;
    let data = String::from_utf8(json::write_message(&message)?).unwrap_or_default();
    let event = match name(&message, output) {
        Some(name) => Event::default().event(name),
        None => Event::default(),
    };
    Ok(Some(event.data(data)))
}

/// The field that is set, when the message is one choice.
fn name(message: &DynamicMessage, output: &MessageDescriptor) -> Option<String> {
    let mut oneofs = output.oneofs();
    let (Some(choice), None) = (oneofs.next(), oneofs.next()) else {
        return None;
    };
    let set = choice.fields().find(|field| message.has_field(field))?;
    Some(set.name().to_owned())
}
