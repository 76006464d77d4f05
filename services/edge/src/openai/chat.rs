//! `POST /v1/chat/completions`.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::stream::{self, Stream};
use http::{HeaderName, HeaderValue, header};
use t11_grpc::CallContext;
use t11_proto::llm::v1 as llm;
use t11_proto::llm::v1::complete_response::Event;
use t11_proto::llm::v1::completion_service_client::CompletionServiceClient;
use tonic::{Status, Streaming};

use super::chunk::{Answer, DONE};
use super::refusal::Refusal;
use super::request::{Asked, ChatRequest};
use super::{Call, admit, json, read};
use crate::app::{App, Shared};
use crate::error::{DOMAIN, Error};

const RPC: &str = "/t11.llm.v1.CompletionService/Complete";
/// A comment is sent after such a silence, so that proxies do not close the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

type Events = Streaming<llm::CompleteResponse>;

pub(super) async fn serve(State(app): State<App>, request: Request) -> Response {
    match answer(&app, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn answer(app: &Shared, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let Call { admitted, peer } = admit(app, &parts, RPC).await?;
    let asked = read::<ChatRequest>(app, body).await?.read()?;
    let world = &app.context.world;
    let id = format!("chatcmpl-{}", world.new_id().simple());
    let answer = Answer::new(id, world.now().timestamp(), asked.model.clone());
    let call = async {
        let mut client = CompletionServiceClient::new(peer);
        let events = client.complete(asked.request.clone()).await?.into_inner();
        match asked.stream {
            true => streamed(events, answer, &asked).await,
            false => whole(events, answer).await,
        }
    };
    t11_grpc::in_context(admitted.context.clone(), call).await
}

async fn whole(mut events: Events, answer: Answer) -> Result<Response, Refusal> {
    let (mut text, mut calls) = (String::new(), Vec::new());
    while let Some(response) = events.message().await? {
        match response.event {
            Some(Event::TextDelta(delta)) => text.push_str(&delta),
            Some(Event::ToolCall(call)) => calls.push(call),
            Some(Event::Finish(finish)) => return json(&answer.whole(&text, &calls, &finish)),
            None => {}
        }
    }
    Err(cut().into())
}

/// The answer as it comes. What is refused before its first event has the status of the refusal.
async fn streamed(mut events: Events, answer: Answer, asked: &Asked) -> Result<Response, Refusal> {
    // Waits no longer than a keep-alive: a model may think.
    let first = match tokio::time::timeout(KEEP_ALIVE, events.message()).await {
        Ok(first) => Some(first?),
        Err(_silent) => None,
    };
    let opening = answer.opening();
    let relay = Relay {
        events,
        first,
        answer,
        calls: 0,
        include_usage: asked.include_usage,
        context: t11_grpc::current(),
        ended: false,
    };
    let opening = stream::once(async move { Ok(opening) });
    let body = futures::StreamExt::chain(opening, chunks(relay));
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Tells nginx not to hold events back.
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    Ok(response)
}

/// A stream on its way. Dropping it cancels the call at the provider.
struct Relay {
    events: Events,
    /// What the wait before the headers brought.
    first: Option<Option<llm::CompleteResponse>>,
    answer: Answer,
    /// Calls of tools so far.
    calls: usize,
    include_usage: bool,
    context: CallContext,
    ended: bool,
}

fn chunks(relay: Relay) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(relay, |mut relay| async move {
        if relay.ended {
            return None;
        }
        let chunk = relay.next().await;
        Some((Ok(chunk), relay))
    })
}

impl Relay {
    async fn next(&mut self) -> Bytes {
        let next = match self.first.take() {
            Some(first) => Ok(first),
            None => match tokio::time::timeout(KEEP_ALIVE, self.events.message()).await {
                Ok(next) => next,
                Err(_silent) => return Bytes::from_static(b": waiting\n\n"),
            },
        };
        match next.and_then(|next| next.ok_or_else(cut)) {
            Ok(response) => self.chunk(response.event),
            Err(status) => self.broken(status).await,
        }
    }

    fn chunk(&mut self, event: Option<Event>) -> Bytes {
        match event {
            Some(Event::TextDelta(text)) => self.answer.text(&text),
            Some(Event::ToolCall(call)) => {
                self.calls += 1;
                self.answer.tool_call(self.calls - 1, &call)
            }
            Some(Event::Finish(finish)) => self.last(&finish),
            None => Bytes::new(),
        }
    }

    fn last(&mut self, finish: &llm::Finish) -> Bytes {
        self.ended = true;
        let mut last = self.answer.finish(finish.reason()).to_vec();
        if self.include_usage {
            let usage = finish.usage.unwrap_or_default();
            last.extend_from_slice(&self.answer.usage(&usage));
        }
        last.extend_from_slice(&DONE);
        last.into()
    }

    /// Says why the stream ends, and withholds its proper end.
    async fn broken(&mut self, status: Status) -> Bytes {
        self.ended = true;
        let refusal = Refusal::from(status);
        let body = t11_grpc::in_context(self.context.clone(), async { refusal.body() }).await;
        format!("data: {body}\n\n").into()
    }
}

fn cut() -> Status {
    t11_grpc::status(DOMAIN, &Error::AnswerCut)
}
