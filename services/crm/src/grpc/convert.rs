//! Messages to and from the words of the domain.

use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use t11_core::{Violations, format_name, parse_name};
use t11_proto::crm::v1 as pb;
use uuid::Uuid;

use crate::connection::Connection;
use crate::credential::{Credential, NewCredential, client_id, client_secret, redirect_uri};
use crate::error::Error;

fn timestamp(time: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: time.timestamp(),
        // Below 10^9 but in a leap second.
        nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or(999_999_999),
    }
}

/// The id in a connection's name.
pub(super) fn connection_id(name: &str) -> Result<Uuid, Error> {
    parse_name("connections", name).map_err(|error| {
        let mut violations = Violations::default();
        violations.add("name", "MALFORMED", error.to_string());
        violations.into()
    })
}

pub(super) fn request_id(violations: &mut Violations, text: &str) -> Option<Uuid> {
    if text.is_empty() {
        return None;
    }
    let id = Uuid::try_parse(text).ok();
    if id.is_none() {
        violations.add("request_id", "MALFORMED", "`request_id` must be a UUID");
    }
    id
}

impl TryFrom<pb::SetCredentialRequest> for NewCredential {
    type Error = Error;

    fn try_from(request: pb::SetCredentialRequest) -> Result<Self, Error> {
        let mut violations = Violations::default();
        let v = &mut violations;
        let new = Self {
            client_id: client_id(v, "client_id", &request.client_id),
            client_secret: client_secret(v, "client_secret", &request.client_secret),
            redirect_uri: redirect_uri(v, "redirect_uri", &request.redirect_uri),
        };
        violations.check()?;
        Ok(new)
    }
}

impl From<Credential> for pb::Credential {
    fn from(credential: Credential) -> Self {
        Self {
            client_id: credential.client_id.to_string(),
            // A credential is stored whole.
            has_client_secret: true,
            redirect_uri: credential.redirect_uri,
            update_time: Some(timestamp(credential.update_time)),
        }
    }
}

impl From<Connection> for pb::Connection {
    fn from(connection: Connection) -> Self {
        Self {
            name: format_name("connections", connection.id),
            host: connection.host,
            state: pb::ConnectionState::NotConnected.into(),
            create_time: Some(timestamp(connection.create_time)),
        }
    }
}
