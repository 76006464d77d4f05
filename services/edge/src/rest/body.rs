//! Reading request bodies with a cap on their length and on their silence.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use crate::error::Error;

/// The announced length, if there is one.
pub(crate) fn announced(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// The next piece of a body; `None` at its end.
///
/// # Errors
/// [`Error::BodyTimeout`] after `idle` without a byte; [`Error::BodyBroken`] when the client left
/// or broke the framing: what was read so far must not be taken for the whole.
pub(crate) async fn next(body: &mut Body, idle: Duration) -> Result<Option<Bytes>, Error> {
    loop {
        let frame = tokio::time::timeout(idle, body.frame())
            .await
            .map_err(|_| Error::BodyTimeout)?;
        match frame {
            None => return Ok(None),
            Some(Err(error)) => {
                tracing::debug!(%error, "a request body broke off");
                return Err(Error::BodyBroken);
            }
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// The whole body.
///
/// # Errors
/// [`Error::BodyTooBig`], and those of [`next`].
pub(crate) async fn whole(mut body: Body, limit: usize, idle: Duration) -> Result<Bytes, Error> {
    let too_big = Error::BodyTooBig { limit };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_big);
    }
    let Some(first) = next(&mut body, idle).await? else {
        return Ok(Bytes::new());
    };
    let mut all = BytesMut::from(first);
    while let Some(data) = next(&mut body, idle).await? {
        if all.len() + data.len() > limit {
            return Err(too_big);
        }
        all.extend_from_slice(&data);
    }
    if all.len() > limit {
        Err(too_big)
    } else {
        Ok(all.freeze())
    }
}
