//! Client-streaming RPCs over REST: the body is a file, the query its header.
//!
//! A file that breaks off must not look complete. The service's stream ends only after the whole
//! body was read; on any fault before that the call is dropped, which cancels it at the service.

use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, StreamExt as _};
use http::header;
use http::request::Parts;
use multer::{Field, Multipart};
use prost::Message as _;
use prost_reflect::{DynamicMessage, Value};
use t11_core::Violations;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;

use crate::error::Error;
use crate::rest::error::Problem;
use crate::rest::raw::RawCodec;
use crate::rest::route::{Route, Upload};
use crate::rest::{body, query};
use crate::stream_end::EndingPeer;

/// Bytes of one chunk message: 64 KiB.
const CHUNK: usize = 64 * 1024;
/// Chunks read ahead of the service.
const AHEAD: usize = 4;
/// Room for the parts of a form around its file.
const FORM_SLACK: usize = 64 * 1024;

/// Caps on a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caps {
    /// Bytes of the file.
    pub(crate) limit: usize,
    /// Longest silence while it is being sent.
    pub(crate) idle: Duration,
}

/// Sends the file of the request to the RPC and waits for its answer.
///
/// # Errors
/// What is wrong with header or body, or the service's own refusal.
pub(crate) async fn send(
    peer: EndingPeer,
    route: &Route,
    upload: &Upload,
    parts: &Parts,
    body: Body,
    caps: Caps,
) -> Result<tonic::Response<Bytes>, Problem> {
    let too_big = Error::FileTooBig { limit: caps.limit };
    let announced = body::announced(&parts.headers);
    if announced.is_some_and(|length| length > (caps.limit + FORM_SLACK) as u64) {
        return Err(too_big.into());
    }
    let mut file = File::open(parts, body, caps.idle).await?;
    let header = header(route, upload, parts, &file, announced)?;

    let (sender, receiver) = mpsc::channel(AHEAD);
    let requests = stream::once(async { header }).chain(ReceiverStream::new(receiver));
    let mut client = Grpc::new(peer);
    let path = route.grpc_path.clone();
    let mut call = pin!(client.client_streaming(tonic::Request::new(requests), path, RawCodec));
    tokio::select! {
        // An early answer is a refusal. The rest of the body is read and dropped, or else the
        // connection would be reset before the client has read why.
        answer = &mut call => {
            file.skip_rest(caps.limit).await;
            return Ok(answer?);
        }
        pumped = pump(&mut file, upload.chunk.number(), &sender, caps.limit) => pumped?,
    }
    drop(sender);
    Ok(call.await?)
}

/// Moves the file into the call, in chunks.
async fn pump(
    file: &mut File,
    field: u32,
    sender: &mpsc::Sender<Bytes>,
    limit: usize,
) -> Result<(), Error> {
    let mut total = 0;
    while let Some(mut data) = file.next().await? {
        total += data.len();
        if total > limit {
            return Err(Error::FileTooBig { limit });
        }
        while !data.is_empty() {
            let piece = data.split_to(data.len().min(CHUNK));
            let mut message = BytesMut::with_capacity(piece.len() + 8);
            prost::encoding::bytes::encode(field, &piece, &mut message);
            if sender.send(message.freeze()).await.is_err() {
                // The service has stopped listening: its answer is on the way.
                std::future::pending::<()>().await;
            }
        }
    }
    Ok(())
}

/// The first message: query parameters, and what the body says about the file.
fn header(
    route: &Route,
    upload: &Upload,
    parts: &Parts,
    file: &File,
    announced: Option<u64>,
) -> Result<Bytes, Error> {
    let mut violations = Violations::default();
    let mut header = DynamicMessage::new(upload.header_type.clone());
    let mut pairs = query::pairs(parts.uri.query().unwrap_or_default(), &mut violations);
    pairs.extend(file.fields.iter().cloned());
    query::put_all(&mut header, &pairs, "", &mut violations);
    violations.check().map_err(Error::Invalid)?;

    if let Some(name) = &file.name {
        set_if_unset(&mut header, "display_name", Value::String(name.clone()));
    }
    if let Some(length) = announced.filter(|_| matches!(file.source, Source::Whole(_))) {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        set_if_unset(&mut header, "size_bytes", Value::I64(length));
    }
    let mut message = DynamicMessage::new(route.rpc.input());
    message.set_field(&upload.header, Value::Message(header));
    Ok(message.encode_to_vec().into())
}

fn set_if_unset(message: &mut DynamicMessage, name: &str, value: Value) {
    if let Some(field) = upload_field(message, name)
        && !message.has_field(&field)
        && value.is_valid_for_field(&field)
    {
        message.set_field(&field, value);
    }
}

fn upload_field(message: &DynamicMessage, name: &str) -> Option<prost_reflect::FieldDescriptor> {
    prost_reflect::ReflectMessage::descriptor(message).get_field_by_name(name)
}

/// A file being received.
struct File {
    source: Source,
    /// The name the form gives it.
    name: Option<String>,
    /// Fields of the form before the file.
    fields: Vec<(String, String)>,
}

enum Source {
    Whole(WholeBody),
    Part(Box<Field<'static>>),
}

struct WholeBody {
    body: Body,
    idle: Duration,
}

impl File {
    /// The body itself, or the first file of a form.
    async fn open(parts: &Parts, body: Body, idle: Duration) -> Result<Self, Error> {
        let content_type = parts
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok());
        match content_type.map(multer::parse_boundary) {
            Some(Ok(boundary)) => Self::of_form(body, boundary, idle).await,
            Some(Err(multer::Error::NoBoundary)) => Err(Error::MediaType {
                expected: "multipart/form-data; boundary=…",
            }),
            Some(Err(_)) | None => {
                let source = Source::Whole(WholeBody { body, idle });
                Ok(Self {
                    source,
                    name: None,
                    fields: Vec::new(),
                })
            }
        }
    }

    async fn of_form(body: Body, boundary: String, idle: Duration) -> Result<Self, Error> {
        let data = stream::unfold(body, move |mut body| async move {
            body::next(&mut body, idle)
                .await
                .transpose()
                .map(|data| (data, body))
        });
        let mut form = Multipart::new(data, boundary);
        let mut fields = Vec::new();
        let mut room = FORM_SLACK;
        while let Some(mut part) = form.next_field().await.map_err(form_error)? {
            if let Some(name) = part.file_name() {
                let name = Some(name.to_owned());
                return Ok(Self {
                    source: Source::Part(Box::new(part)),
                    name,
                    fields,
                });
            }
            let name = part.name().unwrap_or_default().to_owned();
            fields.push((name, text(&mut part, &mut room).await?));
        }
        Err(Error::FileMissing)
    }

    /// The next piece; `None` after the last byte was seen to be the last.
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        match &mut self.source {
            Source::Whole(whole) => body::next(&mut whole.body, whole.idle).await,
            Source::Part(part) => part.chunk().await.map_err(form_error),
        }
    }

    async fn skip_rest(&mut self, limit: usize) {
        let mut skipped = 0;
        while let Ok(Some(data)) = self.next().await {
            skipped += data.len();
            if skipped > limit {
                return;
            }
        }
    }
}

/// A field of the form that is no file.
async fn text(part: &mut Field<'static>, room: &mut usize) -> Result<String, Error> {
    let mut all = Vec::new();
    while let Some(data) = part.chunk().await.map_err(form_error)? {
        *room = room
            .checked_sub(data.len())
            .ok_or(Error::BodyTooBig { limit: FORM_SLACK })?;
        all.extend_from_slice(&data);
    }
    String::from_utf8(all).map_err(|_| Error::BodyBroken)
}

fn form_error(error: multer::Error) -> Error {
    match error {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<Error>() {
            Ok(own) => *own,
            Err(_) => Error::BodyBroken,
        },
        other => {
            tracing::debug!(error = %other, "a form could not be read");
            Error::BodyBroken
        }
    }
}
