//! Errors as REST shows them: the status of the service or of edge, written as JSON.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use prost::Message as _;
use prost_reflect::{DynamicMessage, SerializeOptions};
use serde_json::{Value, json};
use t11_core::Fault as _;
use t11_grpc::{RemoteFault, code_name};
use t11_proto::google::rpc;
use tonic::Status;

use crate::descriptors;
use crate::error::{DOMAIN, Error};

/// A refusal on its way out.
#[derive(Debug)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    status: Status,
    http: StatusCode,
    allow: Option<HeaderValue>,
}

impl Problem {
    /// The gRPC side of it.
    pub(crate) fn into_status(self) -> Status {
        self.0.status
    }

    /// The body without the response around it: the data of an SSE `error` event.
    pub(crate) fn body(&self) -> Value {
        let status = &self.0.status;
        let fault = RemoteFault::from(status);
        let code = code_name(status.code());
        // What tonic itself refuses (no such RPC, a message that cannot be read) names no reason.
        let (reason, domain) = match fault.domain() {
            Some(domain) => (fault.reason(), domain),
            None => (code, "t11.dev"),
        };
        let message = if status.message().is_empty() {
            code
        } else {
            status.message()
        };
        json!({"error": {
            "code": self.0.http.as_u16(),
            "status": code,
            "message": message,
            "reason": reason,
            "domain": domain,
            "details": details(status),
            "request_id": &*t11_grpc::current().request_id,
        }})
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = t11_grpc::status(DOMAIN, &error);
        let http = error
            .http()
            .unwrap_or_else(|| t11_grpc::http_status(status.code()));
        let allow = match &error {
            Error::MethodNotAllowed { allow } => HeaderValue::try_from(allow).ok(),
            _ => None,
        };
        Self(Box::new(Inner {
            status,
            http,
            allow,
        }))
    }
}

impl From<Status> for Problem {
    fn from(status: Status) -> Self {
        // A repeated file limit of a service keeps the HTTP status that edge gives for its own.
        let http = match RemoteFault::from(&status).reason() {
            "FILE_TOO_BIG" => StatusCode::PAYLOAD_TOO_LARGE,
            _ => t11_grpc::http_status(status.code()),
        };
        Self(Box::new(Inner {
            status,
            http,
            allow: None,
        }))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response =
            (self.0.http, axum::body::Body::from(self.body().to_string())).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(allow) = self.0.allow {
            headers.insert(header::ALLOW, allow);
        }
        if let Some(wait) = RemoteFault::from(&self.0.status).retry_after() {
            // Whole seconds, rounded up, so that the wait is never too short.
            headers.insert(
                header::RETRY_AFTER,
                (wait.as_millis().div_ceil(1_000) as u64).into(),
            );
        }
        if self.0.http == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The details as `google.protobuf.Any` in JSON. Types that are not in `proto/` are left out.
fn details(status: &Status) -> Vec<Value> {
    let body = rpc::Status::decode(status.details()).unwrap_or_default();
    body.details.iter().filter_map(detail).collect()
}

fn detail(any: &prost_types::Any) -> Option<Value> {
    let name = any.type_url.rsplit('/').next()?;
    let descriptor = descriptors::pool().get_message_by_name(name)?;
    let message = DynamicMessage::decode(descriptor, any.value.as_slice()).ok()?;
    let options = SerializeOptions::new().use_proto_field_name(true);
    let mut value = message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .ok()?;
    value
        .as_object_mut()?
        .insert("@type".to_owned(), any.type_url.clone().into());
    Some(value)
}
