//! Messages to and from the words of the domain.

use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use t11_core::{Violations, format_name, parse_name};
use t11_proto::crm::v1 as pb;
use uuid::Uuid;

use crate::connection::{Connection, ConnectionPatch, Kind, State, Transport, month};
use crate::credential::{Credential, NewCredential, client_id, client_secret, redirect_uri};
use crate::error::Error;

pub(super) fn timestamp(time: DateTime<Utc>) -> Timestamp {
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

/// The id in the name of the connection that things are of.
pub(super) fn parent_connection(name: &str) -> Result<Uuid, Error> {
    parse_name("connections", name).map_err(|error| {
        let mut violations = Violations::default();
        violations.add("parent", "MALFORMED", error.to_string());
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

pub(super) fn connection_message(connection: Connection, now: DateTime<Utc>) -> pb::Connection {
    let problems = connection.problems(now).into_iter();
    let problems = problems
        .map(|problem| pb::ConnectionProblem {
            reason: problem.reason().to_owned(),
            message: problem.message().to_owned(),
        })
        .collect();
    let effective = connection.effective_transport(&month(now));
    let is_this_month = connection.quota.month == month(now);
    pb::Connection {
        name: format_name("connections", connection.id),
        host: connection.host,
        state: state(connection.state).into(),
        create_time: Some(timestamp(connection.create_time)),
        kind: kind(connection.kind).into(),
        account_id: connection.account.id.unwrap_or(0),
        account_display_name: connection.account.display_name,
        currency: connection.account.currency,
        token_expire_time: connection.token_expire_time.map(timestamp),
        scopes: connection.account.scopes,
        webhook: Some(pb::WebhookStatus {
            state: connection.webhook.state,
            events: connection.webhook.events,
            check_time: connection.webhook.check_time.map(timestamp),
        }),
        reply_transport: transport(connection.reply.transport).into(),
        effective_reply_transport: effective
            .map_or(pb::ReplyTransport::Unspecified, transport)
            .into(),
        quota: Some(pb::ReplyQuota {
            limit: connection.quota.limit,
            used: if is_this_month {
                connection.quota.used
            } else {
                0
            },
        }),
        reply_field_id: connection.reply.field_id.unwrap_or(0),
        reply_bot_id: connection.reply.bot_id.unwrap_or(0),
        calls_per_second: connection.calls_per_second,
        last_event_time: connection.last_event_time.map(timestamp),
        last_sync_time: connection.sync.last_time.map(timestamp),
        sync_job: connection
            .sync
            .job
            .map_or_else(String::new, |job| format_name("jobs", job)),
        problems,
        update_time: Some(timestamp(connection.update_time)),
    }
}

fn state(state: State) -> pb::ConnectionState {
    match state {
        State::NotConnected => pb::ConnectionState::NotConnected,
        State::Connected => pb::ConnectionState::Connected,
        State::NeedsReauth => pb::ConnectionState::NeedsReauth,
        State::Disabled => pb::ConnectionState::Disabled,
    }
}

fn kind(kind: Option<Kind>) -> pb::ConnectionKind {
    match kind {
        None => pb::ConnectionKind::Unspecified,
        Some(Kind::OAuth) => pb::ConnectionKind::Oauth,
        Some(Kind::LongLived) => pb::ConnectionKind::LongLived,
    }
}

fn transport(transport: Transport) -> pb::ReplyTransport {
    match transport {
        Transport::Auto => pb::ReplyTransport::Auto,
        Transport::Talk => pb::ReplyTransport::Talk,
        Transport::Salesbot => pb::ReplyTransport::Salesbot,
        Transport::FieldBot => pb::ReplyTransport::FieldBot,
        Transport::Amojo => pb::ReplyTransport::Amojo,
        Transport::Note => pb::ReplyTransport::Note,
    }
}

/// What of a connection is to be changed.
pub(super) fn connection_patch(
    request: &pb::UpdateConnectionRequest,
) -> Result<ConnectionPatch, Error> {
    let mut violations = Violations::default();
    let reply_transport = request.reply_transport.and_then(|number| {
        let chosen = chosen_transport(number);
        if chosen.is_none() {
            violations.add(
                "reply_transport",
                "UNKNOWN",
                "`reply_transport` must be one of its values",
            );
        }
        chosen
    });
    let patch = ConnectionPatch {
        reply_transport,
        reply_field_id: request.reply_field_id,
        reply_bot_id: request.reply_bot_id,
        calls_per_second: request.calls_per_second,
    };
    patch.check(&mut violations);
    violations.check()?;
    Ok(patch)
}

fn chosen_transport(number: i32) -> Option<Transport> {
    match pb::ReplyTransport::try_from(number).ok()? {
        pb::ReplyTransport::Unspecified => None,
        pb::ReplyTransport::Auto => Some(Transport::Auto),
        pb::ReplyTransport::Talk => Some(Transport::Talk),
        pb::ReplyTransport::Salesbot => Some(Transport::Salesbot),
        pb::ReplyTransport::FieldBot => Some(Transport::FieldBot),
        pb::ReplyTransport::Amojo => Some(Transport::Amojo),
        pb::ReplyTransport::Note => Some(Transport::Note),
    }
}
