//! One call by gRPC-web over fetch: a message goes, messages come, and a status at the end.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use js_sys::{Reflect, Uint8Array};
use leptos::prelude::window;
use tonic::{Code, Status};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, ReadableStreamDefaultReader, RequestInit, Response};

use super::Problem;
use super::frames::{Frame, Frames};
use super::transport::{CSRF_HEADER, csrf_token};

const CONTENT_TYPE: &str = "application/grpc-web+proto";
/// What a status is made of.
const STATUS: [HeaderName; 3] = [
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
];

/// A call under way. Dropping it ends the call.
pub(super) struct Call {
    reader: ReadableStreamDefaultReader,
    frames: Frames,
    _fetching: Fetching,
}

impl Call {
    /// Sends the message; the call as soon as the server has accepted it.
    pub(super) async fn begin(path: &str, message: &[u8]) -> Result<Self, Problem> {
        let fetched = fetch(path, message).await;
        let (response, fetching) = fetched.map_err(|_| Problem::offline())?;
        accepted(&response)?;
        let body = response.body().ok_or_else(Problem::offline)?;
        Ok(Self {
            reader: body.get_reader().unchecked_into(),
            frames: Frames::default(),
            _fetching: fetching,
        })
    }

    /// The next message; none after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            match self.frames.next() {
                Some(Frame::Message(message)) => return Ok(Some(message)),
                Some(Frame::Trailers(trailers)) => return ended(&trailers).map(|()| None),
                None => {}
            }
            let piece = self.read().await.map_err(|_| Problem::offline())?;
            // An answer that was cut off has no status.
            self.frames.add(&piece.ok_or_else(Problem::offline)?);
        }
    }

    async fn read(&self) -> Result<Option<Vec<u8>>, JsValue> {
        let read = JsFuture::from(self.reader.read()).await?;
        let value = Reflect::get(&read, &"value".into())?;
        Ok((!value.is_undefined()).then(|| Uint8Array::new(&value).to_vec()))
    }
}

/// Dropped, it ends the request, if that has not ended yet.
struct Fetching(AbortController);

impl Drop for Fetching {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn fetch(path: &str, message: &[u8]) -> Result<(Response, Fetching), JsValue> {
    let fetching = Fetching(AbortController::new()?);
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(headers()?.as_ref());
    init.set_body(framed(message)?.as_ref());
    init.set_signal(Some(&fetching.0.signal()));
    let response = JsFuture::from(window().fetch_with_str_and_init(path, &init)).await?;
    Ok((response.unchecked_into(), fetching))
}

fn headers() -> Result<Headers, JsValue> {
    let headers = Headers::new()?;
    headers.set("content-type", CONTENT_TYPE)?;
    headers.set("accept", CONTENT_TYPE)?;
    headers.set("x-grpc-web", "1")?;
    if let Some(token) = csrf_token() {
        headers.set(CSRF_HEADER, &token)?;
    }
    Ok(headers)
}

fn framed(message: &[u8]) -> Result<Uint8Array, JsValue> {
    let length = u32::try_from(message.len()).map_err(|_| JsValue::NULL)?;
    let head = [&[0], length.to_be_bytes().as_slice()].concat();
    Ok([head.as_slice(), message].concat().as_slice().into())
}

/// A refused call has its status in the headers, or none but HTTP's.
fn accepted(response: &Response) -> Result<(), Problem> {
    let headers = response.headers();
    let told = STATUS.into_iter().filter_map(|name| {
        let value = headers.get(name.as_str()).ok().flatten()?;
        Some((name, HeaderValue::from_str(&value).ok()?))
    });
    match Status::from_header_map(&told.collect()) {
        Some(status) if status.code() != Code::Ok => Err(status.into()),
        None if !response.ok() => Err(refused(response.status())),
        Some(_) | None => Ok(()),
    }
}

fn ended(trailers: &HeaderMap) -> Result<(), Problem> {
    let status = Status::from_header_map(trailers).ok_or_else(Problem::offline)?;
    match status.code() {
        Code::Ok => Ok(()),
        _ => Err(status.into()),
    }
}

/// What stands between us and the services speaks HTTP alone.
fn refused(status: u16) -> Problem {
    let code = match status {
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    };
    Problem::from_reason(code, format!("HTTP_{status}"), "")
}
