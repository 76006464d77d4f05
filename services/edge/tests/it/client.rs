//! Requests made as text, without a socket.

use axum::body::Body;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::mesh::{SESSION, TestMesh};

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn cookies(&self) -> Vec<String> {
        let values = self.headers.get_all("set-cookie").iter();
        values
            .map(|value| value.to_str().unwrap().to_owned())
            .collect()
    }

    /// `409 ETAG_STALE`.
    pub(crate) fn error(&self) -> String {
        let reason = self.json()["error"]["reason"]
            .as_str()
            .unwrap_or("no reason")
            .to_owned();
        format!("{} {reason}", self.status.as_u16())
    }

    /// Every `field REASON` of the violations.
    pub(crate) fn violations(&self) -> Vec<String> {
        let error = self.json();
        let details = error["error"]["details"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        details
            .iter()
            .flat_map(|detail| {
                detail["field_violations"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default()
            })
            .map(|v| {
                format!(
                    "{} {}",
                    v["field"].as_str().unwrap(),
                    v["reason"].as_str().unwrap()
                )
            })
            .collect()
    }
}

/// One request under construction: `GET /path` and headers.
pub(crate) struct Call {
    builder: http::request::Builder,
    body: Body,
}

pub(crate) fn call(line: &str) -> Call {
    let (method, uri) = line.split_once(' ').unwrap();
    let builder = Request::builder()
        .method(method)
        .uri(uri)
        .header("host", "127.0.0.1:8080");
    Call {
        builder,
        body: Body::empty(),
    }
}

/// The same with the session's bearer token.
pub(crate) fn signed_in(line: &str) -> Call {
    call(line).header("authorization", &format!("Bearer {SESSION}"))
}

impl Call {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.raw("application/json", body.to_string())
    }

    pub(crate) fn raw(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let body: Vec<u8> = body.into();
        let mut call = self
            .header("content-type", content_type)
            .header("content-length", &body.len().to_string());
        call.body = body.into();
        call
    }

    /// A body of unknown length.
    pub(crate) fn stream(mut self, content_type: &str, body: Body) -> Self {
        self = self
            .header("content-type", content_type)
            .header("transfer-encoding", "chunked");
        self.body = body;
        self
    }

    /// The answer while its body is still to come.
    pub(crate) async fn open(self, mesh: &TestMesh) -> Response<Body> {
        let request = self.builder.body(self.body).unwrap();
        mesh.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(self, mesh: &TestMesh) -> Answer {
        let (parts, body) = self.open(mesh).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }
}
