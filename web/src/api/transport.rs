//! gRPC-web over fetch to the page's own origin. The session travels as a cookie that scripts
//! cannot read; the CSRF cookie, which they can, is echoed in a header (double submit).
//!
//! All RPCs go through one client of bytes: tonic's machinery compiled once for each of fifty
//! pairs of messages would be a tenth of the first load. The paths are checked when compiling.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes};
use futures::{Stream, StreamExt as _};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request as HttpRequest};
use prost::Message;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Request, Status, Streaming};
use tonic_web_wasm_client::Client;
use tonic_web_wasm_client::options::{Credentials, FetchOptions};
use tower::Service;

use super::Problem;
use crate::browser;

const CSRF_COOKIE: &str = "t11_csrf";
pub(super) const CSRF_HEADER: &str = "x-t11-csrf";
/// Longer than any deadline of a unary RPC that screens call.
const UNARY_TIMEOUT: Duration = Duration::from_secs(40);

/// The path of an RPC; one that the protos do not declare does not compile.
macro_rules! rpc {
    ($path:literal) => {
        const { crate::api::transport::declared($path) }
    };
}
pub(super) use rpc;

/// Gives the path back if an RPC has it.
#[expect(
    clippy::panic,
    reason = "runs only in the compiler, as its error message"
)]
pub(super) const fn declared(path: &'static str) -> &'static str {
    let methods = t11_proto::method::METHODS;
    let mut index = 0;
    while index < methods.len() {
        if is_same(methods[index].path.as_bytes(), path.as_bytes()) {
            return path;
        }
        index += 1;
    }
    panic!("no RPC has this path")
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// Calls an RPC with one answer.
pub(super) async fn unary<A: Message + Default>(
    path: &'static str,
    request: &impl Message,
) -> Result<A, Problem> {
    let answer = unary_bytes(path, request.encode_to_vec().into()).await?;
    decode(answer)
}

/// Calls an RPC that streams its answers; dropping the stream ends the call.
pub(super) async fn server_stream<A: Message + Default, Q: Message>(
    path: &'static str,
    request: &Q,
) -> Result<impl Stream<Item = Result<A, Problem>> + use<A, Q>, Problem> {
    let answers = stream_bytes(path, request.encode_to_vec().into()).await?;
    Ok(answers.map(|answer| decode(answer?)))
}

fn decode<A: Message + Default>(answer: Bytes) -> Result<A, Problem> {
    A::decode(answer).map_err(|_| Problem::unreadable())
}

async fn unary_bytes(path: &'static str, request: Bytes) -> Result<Bytes, Problem> {
    let mut grpc = Grpc::new(Transport::new(FetchOptions::new().timeout(UNARY_TIMEOUT)));
    let path = PathAndQuery::from_static(path);
    let answer = grpc.unary(Request::new(request), path, BytesCodec).await?;
    Ok(answer.into_inner())
}

async fn stream_bytes(path: &'static str, request: Bytes) -> Result<Streaming<Bytes>, Problem> {
    let mut grpc = Grpc::new(Transport::new(FetchOptions::new()));
    let path = PathAndQuery::from_static(path);
    let answer = grpc
        .server_streaming(Request::new(request), path, BytesCodec)
        .await?;
    Ok(answer.into_inner())
}

/// Fetch with our headers.
#[derive(Clone)]
struct Transport(Client);

impl Transport {
    fn new(options: FetchOptions) -> Self {
        let options = options.credentials(Credentials::SameOrigin);
        Self(Client::new_with_options(browser::origin(), options))
    }
}

impl Service<HttpRequest<Body>> for Transport {
    type Response = <Client as Service<HttpRequest<Body>>>::Response;
    type Error = <Client as Service<HttpRequest<Body>>>::Error;
    type Future = <Client as Service<HttpRequest<Body>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: HttpRequest<Body>) -> Self::Future {
        let token = csrf_token().and_then(|token| HeaderValue::from_str(&token).ok());
        if let Some(token) = token {
            request.headers_mut().insert(CSRF_HEADER, token);
        }
        self.0.call(request)
    }
}

/// The token of the CSRF cookie, once edge has set it.
pub(super) fn csrf_token() -> Option<String> {
    browser::cookie(CSRF_COOKIE)
}

/// Messages that are encoded already.
#[derive(Clone, Copy)]
struct BytesCodec;

impl Codec for BytesCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
