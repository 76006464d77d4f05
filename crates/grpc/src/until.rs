//! Answers that end early: at a deadline, when the process drains, when a key is no longer believed.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

/// Ends the body of `response` with the status that `end` gives, unless it ends by itself before.
/// What is left of the body is dropped, which cancels the call at its service.
pub fn until(
    response: Response<Body>,
    end: impl Future<Output = Status> + Send + 'static,
) -> Response<Body> {
    response.map(|inner| {
        Body::new(Until {
            inner,
            end: Some(Box::pin(end)),
        })
    })
}

struct Until {
    inner: Body,
    /// `None` once it has come.
    end: Option<Pin<Box<dyn Future<Output = Status> + Send>>>,
}

impl HttpBody for Until {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        // Before the data: a stream that never pauses ends as well.
        let Some(Poll::Ready(status)) = self.end.as_mut().map(|end| end.as_mut().poll(cx)) else {
            return Pin::new(&mut self.inner).poll_frame(cx);
        };
        self.end = None;
        self.inner = Body::empty();
        Poll::Ready(Some(trailers(&status).map(Frame::trailers)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A status that a neighbour gave has the headers of its answer for metadata. Some of them must not
/// be in trailers (`content-length`), and a proxy that sees one gives up the whole connection.
fn trailers(status: &Status) -> Result<HeaderMap, Status> {
    let details = Bytes::copy_from_slice(status.details());
    let own = Status::with_details(status.code(), status.message(), details);
    let mut trailers = HeaderMap::new();
    own.add_header(&mut trailers)?;
    Ok(trailers)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::stream;
    use http::HeaderName;
    use http_body_util::{BodyExt as _, StreamBody};
    use tonic::Code;

    use super::*;

    fn endless() -> Response<Body> {
        let frame = || Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"more")));
        Response::new(Body::new(StreamBody::new(stream::repeat_with(frame))))
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_never_pauses_ends_too() {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let end = async move {
            drop(stopped.await);
            Status::unavailable("enough")
        };
        let mut body = until(endless(), end).into_body();
        assert!(body.frame().await.unwrap().unwrap().is_data());
        stop.send(()).unwrap();
        let last = body.frame().await.unwrap().unwrap();
        assert_eq!(last.trailers_ref().unwrap()["grpc-status"], "14");
        assert!(body.frame().await.is_none());
    }

    #[test]
    fn a_neighbours_headers_are_not_put_into_trailers() {
        let mut answered = Status::with_details(Code::Unauthenticated, "gone", "why".into());
        let length = answered
            .metadata_mut()
            .insert("content-length", "0".parse().unwrap());
        assert!(length.is_none());
        let trailers = trailers(&answered).unwrap();
        let mut names: Vec<_> = trailers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let ours = ["grpc-message", "grpc-status", "grpc-status-details-bin"];
        assert_eq!(names, ours);
    }

    #[tokio::test]
    async fn what_ends_by_itself_is_left_alone() {
        let response = Response::new(Body::empty());
        let mut body = until(response, std::future::pending()).into_body();
        assert!(body.is_end_stream());
        assert!(body.frame().await.is_none());
    }
}
