//! `ChatService`.

use std::sync::Arc;

use t11_core::{Violations, parse_name};
use t11_grpc::{ResponseStream, current, in_context};
use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::chat_response::Event as Pb;
use t11_proto::agents::v1::chat_service_server::ChatService;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::Handlers;
use super::conversation::{chat_message, pb_sentence, pb_step, pb_turn, turn_name};
use super::convert::request_id;
use super::version::optional_version;
use crate::Error;
use crate::chat::Event;
use crate::conversation::{Message, Turn};
use crate::store::{AnsweringFrom, Beginning, Begun, Saying};

/// Events a turn may be ahead of its client.
const AHEAD: usize = 64;

#[tonic::async_trait]
impl ChatService for Handlers {
    type ChatStream = ResponseStream<pb::ChatResponse>;

    async fn chat(
        &self,
        request: Request<pb::ChatRequest>,
    ) -> Result<Response<Self::ChatStream>, Status> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let id = parse_name("conversations", &request.conversation).map_err(Error::from)?;
        let mut violations = Violations::default();
        let text = violations.text("text", &request.text, 1, 4_000);
        let request_id = request_id(&request.request_id, &mut violations);
        violations.check().map_err(Error::from)?;
        let version = optional_version(&request.version)?;
        let saying = Saying {
            text,
            from: version.map_or(AnsweringFrom::Draft, AnsweringFrom::Version),
            request_id,
        };
        let beginning = match self.store.begin_turn(&scope, id, saying).await? {
            Begun::Turn(beginning) => *beginning,
            Begun::Repeated(repeated) => return Ok(Response::new(replay(*repeated))),
        };
        let (sender, events) = mpsc::channel(AHEAD);
        let cancelled = CancellationToken::new();
        let first = started(&beginning);
        self.spawn_turn(scope, beginning, sender, cancelled.clone());
        Ok(Response::new(forward(first, events, cancelled)))
    }
}

impl Handlers {
    /// The turn outlives its stream by as much as it takes to store how it ended.
    fn spawn_turn(
        &self,
        scope: t11_core::OrgScope,
        beginning: Beginning,
        events: mpsc::Sender<Event>,
        cancelled: CancellationToken,
    ) {
        let chat = Arc::clone(&self.chat);
        let turn = async move { chat.run(&scope, beginning, events, cancelled).await };
        self.tasks.spawn(in_context(current(), turn));
    }
}

fn forward(
    first: pb::ChatResponse,
    mut events: mpsc::Receiver<Event>,
    cancelled: CancellationToken,
) -> ResponseStream<pb::ChatResponse> {
    t11_grpc::stream(move |out| async move {
        // Dropped with the stream: a client that leaves cancels the turn.
        let _guard = cancelled.drop_guard();
        out.send(first).await?;
        while let Some(event) = events.recv().await {
            match response(event) {
                Ok(response) => out.send(response).await?,
                Err(error) => return Err(t11_grpc::status("agents", error.as_ref())),
            }
        }
        Ok(())
    })
}

fn response(event: Event) -> Result<pb::ChatResponse, Arc<Error>> {
    let event = match event {
        Event::Step(index, step) => Pb::Step(pb_step(index, step)),
        Event::Sentence(sentence) => Pb::Sentence(pb_sentence(sentence)),
        Event::Retracted => Pb::Retracted(true),
        Event::Finished(finished) => Pb::Finished(chat_finished(*finished)),
        Event::Failed(error) => return Err(error),
    };
    Ok(pb::ChatResponse { event: Some(event) })
}

fn chat_finished((answer, turn): (Option<Message>, Turn)) -> pb::ChatFinished {
    pb::ChatFinished {
        answer: answer.map(chat_message),
        turn: Some(pb_turn(turn)),
    }
}

fn started(beginning: &Beginning) -> pb::ChatResponse {
    let Beginning { message, turn, .. } = beginning;
    let started = pb::ChatStarted {
        message: Some(chat_message(message.clone())),
        turn: turn_name(turn.conversation_id, turn.id),
    };
    pb::ChatResponse {
        event: Some(Pb::Started(started)),
    }
}

/// What a repeated request is answered with: the stored turn.
fn replay(
    (message, turn, answer): (Message, Turn, Option<Message>),
) -> ResponseStream<pb::ChatResponse> {
    let name = turn_name(turn.conversation_id, turn.id);
    t11_grpc::stream(move |out| async move {
        let started = pb::ChatStarted {
            message: Some(chat_message(message)),
            turn: name,
        };
        out.send(pb::ChatResponse {
            event: Some(Pb::Started(started)),
        })
        .await?;
        for sentence in answer.iter().flat_map(|answer| answer.sentences.clone()) {
            out.send(pb::ChatResponse {
                event: Some(Pb::Sentence(pb_sentence(sentence))),
            })
            .await?;
        }
        let finished = Pb::Finished(chat_finished((answer, turn)));
        out.send(pb::ChatResponse {
            event: Some(finished),
        })
        .await
    })
}
