//! A further try of a remote call: only where it is harmless, never past the deadline, and within
//! a budget, so that a neighbour in trouble is not asked much more often than one that is well.
//! The one message of a unary call is read to its end here: a neighbour that dies while it tells it
//! has not answered.

use std::error::Error as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body as HttpBody, Frame};
use http_body_util::{BodyExt as _, Full};
use t11_core::{Fault, FaultKind, World};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::transport::{Channel, Error as TransportError};
use tonic::{Code, ConnectError, Status, TimeoutExpired};
use tower::retry::budget::{Budget as _, TpsBudget};
use tower::{Service as _, ServiceExt as _};

use crate::channels::Channels;
use crate::policy::Policy;
use crate::status::status;
use crate::{MAX_MESSAGE_BYTES, deadline};

const MAX_TRIES: u32 = 2;
/// The pause before a second try is somewhere in between, so that callers do not come at once.
const PAUSE_MS: (u64, u64) = (25, 250);
/// Of the calls of the last ten seconds one in ten may be tried again, and three a second more.
const BUDGET_WINDOW: Duration = Duration::from_secs(10);
const BUDGET_PER_SECOND: u32 = 3;
const BUDGET_SHARE: f32 = 0.1;
/// Answer metadata (gRFC A6): when to try again, in milliseconds; negative = do not.
const PUSHBACK: &str = "grpc-retry-pushback-ms";
/// Request metadata (gRFC A6): tries before this one.
const PREVIOUS_TRIES: &str = "grpc-previous-rpc-attempts";
/// A message and its frame's head.
const REPLAYED_BYTES: usize = MAX_MESSAGE_BYTES + 5;

/// How one peer is called again.
pub(crate) struct Retries {
    peer: &'static str,
    budget: TpsBudget,
    world: World,
}

/// A call as it is sent, perhaps twice.
pub(crate) struct Attempt {
    pub(crate) request: Request<Body>,
    pub(crate) policy: Option<Policy>,
    pub(crate) deadline: Option<Instant>,
}

type Outcome = Result<Response<Body>, TransportError>;

/// What an outcome says about another try.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// An answer, good or bad, that another try would not change.
    Final,
    /// The call was not begun over there.
    NeverLeft,
    /// The neighbour is away or going; the call may have been begun.
    Unavailable { pushback: Option<Duration> },
}

/// The neighbour began to answer and went, or the way to it did.
#[derive(Debug, thiserror::Error)]
#[error("the answer of the service `{peer}` broke off")]
struct BrokeOff {
    peer: &'static str,
    source: Status,
}

impl Fault for BrokeOff {
    fn kind(&self) -> FaultKind {
        FaultKind::Unavailable
    }
    fn reason(&self) -> &'static str {
        "ANSWER_INCOMPLETE"
    }
    fn retry_after(&self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }
}

impl Retries {
    pub(crate) fn new(peer: &'static str, world: World) -> Self {
        Self {
            peer,
            budget: TpsBudget::new(BUDGET_WINDOW, BUDGET_PER_SECOND, BUDGET_SHARE),
            world,
        }
    }

    /// Sends the call through one of `channels`, again where that is right.
    ///
    /// # Errors
    /// What the last try met on its way.
    pub(crate) async fn send(&self, channels: &Channels, attempt: Attempt) -> Outcome {
        let mut outcome = self.tried(channels, attempt).await;
        if let Ok(response) = &mut outcome {
            // It was said to us.
            response.headers_mut().remove(PUSHBACK);
        }
        outcome
    }

    async fn tried(&self, channels: &Channels, attempt: Attempt) -> Outcome {
        let Attempt {
            request,
            policy,
            deadline,
        } = attempt;
        // What streams from the caller is gone once it is sent.
        let Some(policy) = policy.filter(|policy| !policy.method.client_streaming) else {
            return once(&channels.next(), request).await;
        };
        let (parts, body) = request.into_parts();
        let message = match gather(body).await {
            Ok(Gathered::Whole(message)) => message,
            Ok(Gathered::TooLong(body)) => {
                return once(&channels.next(), Request::from_parts(parts, body)).await;
            }
            Err(status) => return Ok(status.into_http()),
        };
        self.budget.deposit();
        let (mut tries, mut left_behind) = (1, false);
        loop {
            let request = replay(&parts, &message, tries, deadline);
            let mut outcome = once(&channels.next(), request).await;
            if !policy.method.server_streaming {
                outcome = self.heard_out(outcome).await;
            }
            let verdict = verdict(&outcome);
            if verdict == Verdict::NeverLeft && !left_behind {
                left_behind = true;
                self.count("transparent");
                continue;
            }
            let pushback = match verdict {
                Verdict::Final => return outcome,
                Verdict::NeverLeft => None,
                Verdict::Unavailable { pushback } => pushback,
            };
            if tries >= MAX_TRIES || !policy.is_repeatable() {
                return outcome;
            }
            let pause = pushback.unwrap_or_else(|| self.pause());
            let is_late = deadline.is_some_and(|deadline| Instant::now() + pause >= deadline);
            if is_late || !self.may_retry() {
                return outcome;
            }
            tokio::time::sleep(pause).await;
            tries += 1;
            self.count("repeated");
        }
    }

    /// The outcome of a unary call, its answer here to the last byte.
    async fn heard_out(&self, outcome: Outcome) -> Outcome {
        let (parts, body) = outcome?.into_parts();
        match body.collect().await {
            Ok(whole) => Ok(Response::from_parts(parts, Body::new(whole))),
            Err(source) => {
                let peer = self.peer;
                tracing::warn!(peer, %source, "the answer of a peer broke off");
                Ok(status(peer, &BrokeOff { peer, source }).into_http())
            }
        }
    }

    fn may_retry(&self) -> bool {
        let may = self.budget.withdraw();
        if !may {
            self.count("over_budget");
        }
        may
    }

    fn count(&self, outcome: &'static str) {
        metrics::counter!("t11_grpc_retries_total", "peer" => self.peer, "outcome" => outcome)
            .increment(1);
    }

    fn pause(&self) -> Duration {
        let (least, most) = PAUSE_MS;
        let random = u64::from_le_bytes(self.world.random::<8>());
        Duration::from_millis(least + random % (most - least + 1))
    }
}

async fn once(channel: &Channel, request: Request<Body>) -> Outcome {
    channel.clone().ready().await?.call(request).await
}

fn replay(parts: &Parts, message: &Bytes, tries: u32, deadline: Option<Instant>) -> Request<Body> {
    let mut request = Request::from_parts(parts.clone(), Body::new(Full::new(message.clone())));
    if let Some(deadline) = deadline {
        deadline::put_timeout(&mut request, deadline);
    }
    if tries > 1 {
        let previous = HeaderValue::from(tries - 1);
        request.headers_mut().insert(PREVIOUS_TRIES, previous);
    }
    request
}

fn verdict(outcome: &Outcome) -> Verdict {
    match outcome {
        // Only a refusal before the first message is in the headers; a later one is not repeated.
        Ok(response) => match response.headers().get("grpc-status") {
            Some(code) if Code::from_bytes(code.as_bytes()) == Code::Unavailable => {
                match pushback(response.headers()) {
                    Ok(pushback) => Verdict::Unavailable { pushback },
                    Err(DoNotRetry) => Verdict::Final,
                }
            }
            _ => Verdict::Final,
        },
        Err(error) if is_late(error) => Verdict::Final,
        Err(error) if never_left(error) => Verdict::NeverLeft,
        Err(_) => Verdict::Unavailable { pushback: None },
    }
}

/// The neighbour, or a proxy that has tried for it, asks not to be called again.
#[derive(Debug)]
struct DoNotRetry;

fn pushback(headers: &HeaderMap) -> Result<Option<Duration>, DoNotRetry> {
    let Some(value) = headers.get(PUSHBACK) else {
        return Ok(None);
    };
    let millis = value.to_str().ok().and_then(|text| text.parse().ok());
    millis
        .map(|millis| Some(Duration::from_millis(millis)))
        .ok_or(DoNotRetry)
}

/// Whether the call was surely not begun: no connection, one that closed before the call was put
/// on it, or a stream that the other side says it did not look at.
fn never_left(error: &TransportError) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        let canceled = error
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_canceled);
        let refused = error.downcast_ref::<h2::Error>().is_some_and(refused);
        if canceled || refused || error.is::<ConnectError>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// Whether the channel's own timer ended the call: it heeds the `grpc-timeout` that is sent along,
/// which is a little shorter than the deadline.
pub(crate) fn is_late(error: &TransportError) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if error.is::<TimeoutExpired>() {
            return true;
        }
        source = error.source();
    }
    false
}

fn refused(error: &h2::Error) -> bool {
    let Some(reason) = error.reason().filter(|_| error.is_remote()) else {
        return false;
    };
    reason == h2::Reason::REFUSED_STREAM || (error.is_go_away() && reason == h2::Reason::NO_ERROR)
}

enum Gathered {
    Whole(Bytes),
    /// Longer than any message may be: passed on as it comes.
    TooLong(Body),
}

async fn gather(mut body: Body) -> Result<Gathered, Status> {
    let mut whole = BytesMut::new();
    let mut first = Bytes::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        // Nearly all calls are one frame, which is not copied.
        if first.is_empty() && whole.is_empty() {
            first = data;
            continue;
        }
        if whole.is_empty() {
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&data);
        if whole.len() > REPLAYED_BYTES {
            return Ok(Gathered::TooLong(Body::new(Resumed {
                read: Some(whole.freeze()),
                rest: body,
            })));
        }
    }
    Ok(Gathered::Whole(if whole.is_empty() {
        first
    } else {
        whole.freeze()
    }))
}

/// A body of which a part has been read.
struct Resumed {
    read: Option<Bytes>,
    rest: Body,
}

impl HttpBody for Resumed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.read.take() {
            Some(read) => Poll::Ready(Some(Ok(Frame::data(read)))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }
}

#[cfg(test)]
mod tests;
