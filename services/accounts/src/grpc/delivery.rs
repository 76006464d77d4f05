//! How a session's token reaches its client.

use t11_grpc::keys;
use t11_proto::accounts::v1::TokenDelivery;
use tonic::Response;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};

use crate::session::{Session, SessionToken};

/// Where a session's token goes.
#[derive(Clone, Copy)]
pub(super) struct Delivery {
    body: bool,
    cookie: bool,
}

impl Delivery {
    pub(super) fn of(asked: TokenDelivery) -> Self {
        Self {
            body: asked != TokenDelivery::Cookie,
            cookie: asked != TokenDelivery::Body,
        }
    }

    pub(super) fn in_body(self, token: &SessionToken) -> String {
        if self.body {
            token.expose().to_owned()
        } else {
            String::new()
        }
    }

    /// The answer, with the metadata that edge turns into a cookie living as long as the session.
    pub(super) fn respond<T>(
        self,
        message: T,
        token: &SessionToken,
        session: &Session,
    ) -> Response<T> {
        let mut response = Response::new(message);
        if self.cookie {
            let value = format!("{};{}", token.expose(), session.lifetime().num_seconds());
            // A token is base64, which is always ASCII.
            if let Ok(value) = AsciiMetadataValue::try_from(value) {
                let key = AsciiMetadataKey::from_static(keys::SET_SESSION);
                response.metadata_mut().insert(key, value);
            }
        }
        response
    }
}
