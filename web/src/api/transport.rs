//! Calls by gRPC-web to the page's own origin. The session travels as a cookie that scripts cannot
//! read; the CSRF cookie, which they can, is echoed in a header (double submit).
//!
//! Bytes go and come: what is written once for each pair of messages would be compiled a hundred
//! times, which the first load feels. The paths are checked when compiling.

use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use futures::{Stream, stream};
use prost::Message;
use tonic::Code;

use super::Problem;
use super::call::Call;
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
    decode(unary_bytes(path, request.encode_to_vec()).await?)
}

/// Calls an RPC that streams its answers; dropping the stream ends the call.
pub(super) async fn server_stream<A: Message + Default, Q: Message>(
    path: &'static str,
    request: &Q,
) -> Result<impl Stream<Item = Result<A, Problem>> + use<A, Q>, Problem> {
    let call = Call::begin(path, &request.encode_to_vec()).await?;
    Ok(stream::try_unfold(call, async |mut call| {
        let answer = call.next().await?.map(decode).transpose()?;
        Ok(answer.map(|answer| (answer, call)))
    }))
}

fn decode<A: Message + Default>(answer: Bytes) -> Result<A, Problem> {
    A::decode(answer).map_err(|_| Problem::unreadable())
}

async fn unary_bytes(path: &'static str, request: Vec<u8>) -> Result<Bytes, Problem> {
    let answer = Box::pin(one_answer(path, request));
    let patience = Box::pin(browser::sleep(UNARY_TIMEOUT));
    match select(answer, patience).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => {
            let reason = "DEADLINE_EXCEEDED".to_owned();
            Err(Problem::from_reason(Code::DeadlineExceeded, reason, ""))
        }
    }
}

async fn one_answer(path: &'static str, request: Vec<u8>) -> Result<Bytes, Problem> {
    let mut call = Call::begin(path, &request).await?;
    let answer = call.next().await?.ok_or_else(Problem::unreadable)?;
    // It counts once the status behind it says so.
    while call.next().await?.is_some() {}
    Ok(answer)
}

/// The token of the CSRF cookie, once edge has set it.
pub(super) fn csrf_token() -> Option<String> {
    browser::cookie(CSRF_COOKIE)
}
