//! Server streams whose producer runs in the call's context and stops when the client leaves.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use t11_core::{Fault, FaultKind};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;
use tracing::Instrument as _;

use crate::context;
use crate::status::status;

/// Events produced but not yet taken by the client before the producer waits.
const AHEAD: usize = 16;

/// The client left the stream.
#[derive(Debug, thiserror::Error)]
#[error("the client left the stream")]
struct ClientLeft;

impl Fault for ClientLeft {
    fn kind(&self) -> FaultKind {
        FaultKind::Timeout
    }
    fn reason(&self) -> &'static str {
        "CLIENT_LEFT"
    }
}

/// Where a producer puts the stream's events.
#[derive(Debug)]
pub struct Events<T>(mpsc::Sender<Result<T, Status>>);

impl<T> Clone for Events<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Events<T> {
    /// Sends one event, waiting while the client is behind.
    ///
    /// # Errors
    /// When the client has left; the producer should end.
    pub async fn send(&self, event: T) -> Result<(), Status> {
        self.0
            .send(Ok(event))
            .await
            .map_err(|_| status("t11", &ClientLeft))
    }

    /// Waits until the client has left.
    pub async fn left(&self) {
        self.0.closed().await;
    }
}

/// What a handler of a server-streaming RPC answers.
pub struct ResponseStream<T> {
    events: mpsc::Receiver<Result<T, Status>>,
    _producer: AbortOnDropHandle<()>,
}

/// Starts `producer` and answers with its events. An error ends the stream as its status. When
/// the client leaves, the producer is dropped at its next await.
pub fn stream<T, P, F>(producer: P) -> ResponseStream<T>
where
    T: Send + 'static,
    P: FnOnce(Events<T>) -> F,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    let (sender, events) = mpsc::channel(AHEAD);
    let producing = producer(Events(sender.clone()));
    let task = async move {
        if let Err(status) = producing.await {
            // A client that has left needs no status.
            drop(sender.send(Err(status)).await);
        }
    };
    let task = context::in_context(context::current(), task).in_current_span();
    #[expect(
        clippy::disallowed_methods,
        reason = "bound to the stream: aborted when it is dropped"
    )]
    let producer = tokio::spawn(task);
    ResponseStream {
        events,
        _producer: AbortOnDropHandle::new(producer),
    }
}

impl<T> Stream for ResponseStream<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_recv(cx)
    }
}
