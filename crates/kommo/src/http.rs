//! Requests to Kommo over HTTP: no redirects, every answer capped in time and size, every failure
//! an [`Error`] that says whether the request may have been carried out.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect};
use serde::de::DeserializeOwned;
use t11_core::Fault as _;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::error::Error;
use crate::host::Hosts;
use crate::problem::{Problem, Refusal};

/// Largest answer, in bytes, decompressed: 250 leads with all their fields are far below.
pub(crate) const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// A refusal longer than this is not read to its end.
const MAX_REFUSAL: usize = 64 * 1024;

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection, TLS included; 5 s.
    pub connect: Duration,
    /// For a request, from its first to its last byte; 20 s.
    pub request: Duration,
    /// For tokens; 15 s.
    pub tokens: Duration,
    /// For a part of a file, and for a file; 120 s.
    pub file: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(20),
            tokens: Duration::from_secs(15),
            file: Duration::from_secs(120),
        }
    }
}

/// The connections to Kommo. Clones share them: keep one in a process.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    hosts: Hosts,
    patience: Patience,
}

/// No HTTP client can be made.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client can be made: {0}")]
pub struct HttpError(#[from] reqwest::Error);

impl Http {
    /// Connections to `hosts` only. The process's TLS provider must be installed before.
    ///
    /// # Errors
    /// [`HttpError`].
    pub fn new(hosts: Hosts) -> Result<Self, HttpError> {
        Self::with_patience(hosts, Patience::default())
    }

    /// The same with other waits than Kommo's own library has.
    ///
    /// # Errors
    /// [`HttpError`].
    pub fn with_patience(hosts: Hosts, patience: Patience) -> Result<Self, HttpError> {
        let mut builder = Client::builder()
            .user_agent(concat!("T11/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(patience.connect)
            .redirect(redirect::Policy::none())
            .referer(false)
            .tcp_nodelay(true)
            .https_only(!hosts.has_test_hosts());
        if hosts.has_test_hosts() {
            // They are on this machine, where a proxy does not find them.
            builder = builder.no_proxy();
        }
        let client = builder.build()?;
        Ok(Self {
            client,
            hosts,
            patience,
        })
    }

    /// The hosts that may be talked to.
    #[must_use]
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn patience(&self) -> &Patience {
        &self.patience
    }

    /// A request to the API.
    pub(crate) fn call(
        &self,
        operation: &'static str,
        request: RequestBuilder,
        is_repeatable: bool,
    ) -> Call {
        Call {
            operation,
            request,
            is_repeatable,
            total: self.patience.request,
            max_answer: MAX_ANSWER,
            keeps_redirects: false,
        }
    }
}

/// A request with what is known of it.
pub(crate) struct Call {
    /// What it does, `leads.list`: for traces and metrics.
    pub(crate) operation: &'static str,
    pub(crate) request: RequestBuilder,
    /// Whether doing it twice is the same as once.
    pub(crate) is_repeatable: bool,
    pub(crate) total: Duration,
    pub(crate) max_answer: usize,
    /// Whether a redirect is an answer, for a caller that checks where it leads.
    pub(crate) keeps_redirects: bool,
}

impl Call {
    /// Sends it and reads the answer.
    pub(crate) async fn send(self) -> Result<Reply, Error> {
        let span = tracing::info_span!(
            "kommo",
            otel.name = self.operation,
            otel.kind = "client",
            http.response.status_code = Empty,
            kommo.request_id = Empty,
            error.reason = Empty,
        );
        let (operation, began) = (self.operation, Instant::now());
        let outcome = self.exchange().instrument(span.clone()).await;
        let result = match &outcome {
            Ok(_) => "OK",
            Err(error) => {
                span.record("error.reason", error.reason());
                error.reason()
            }
        };
        let labels = [
            ("operation", operation.to_owned()),
            ("result", result.to_owned()),
        ];
        metrics::counter!("t11_kommo_requests_total", &labels).increment(1);
        metrics::histogram!("t11_kommo_request_seconds", "operation" => operation)
            .record(began.elapsed().as_secs_f64());
        outcome
    }

    async fn exchange(self) -> Result<Reply, Error> {
        let deadline = Instant::now() + self.total;
        let is_repeatable = self.is_repeatable;
        let response = timeout_at(deadline, self.request.send())
            .await
            .map_err(|_elapsed| lost(Error::Timeout, is_repeatable))?
            .map_err(|error| unsent(&error, is_repeatable))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let span = tracing::Span::current();
        span.record("http.response.status_code", status.as_u16());
        let request_id = header(&headers, "x-request-id");
        request_id.map(|id| span.record("kommo.request_id", id));
        if status.is_success() || (self.keeps_redirects && status.is_redirection()) {
            let body = read(response, self.max_answer, deadline).await;
            let body = body.map_err(|error| lost(error, is_repeatable))?;
            return Ok(Reply {
                status,
                headers,
                body,
                is_repeatable,
            });
        }
        // The status says enough when the rest of it does not come.
        let body = read(response, MAX_REFUSAL, deadline)
            .await
            .unwrap_or_default();
        let refusal = Refusal {
            status,
            retry_after: headers
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok()),
            request_id,
            body: &body,
        };
        Err(refusal.error(is_repeatable))
    }
}

/// A success.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    is_repeatable: bool,
}

impl Reply {
    /// Whether there is none: how Kommo answers that nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.status == StatusCode::NO_CONTENT || self.body.trim_ascii().is_empty()
    }

    /// The answer as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let text = std::str::from_utf8(&self.body)
            .map_err(|_| lost(Error::malformed("not UTF-8"), self.is_repeatable))?;
        self.json_part(text)
    }

    /// A part of the answer.
    pub(crate) fn json_part<T: DeserializeOwned>(&self, part: &str) -> Result<T, Error> {
        serde_json::from_str(part).map_err(|error| {
            let what = format!(
                "line {} column {}: {:?} error",
                error.line(),
                error.column(),
                error.classify()
            );
            tracing::warn!(
                status = self.status.as_u16(),
                what,
                "Kommo's answer cannot be read"
            );
            lost(Error::malformed(what), self.is_repeatable)
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A failure after the request has left.
fn lost(error: Error, is_repeatable: bool) -> Error {
    if is_repeatable {
        error
    } else {
        Error::OutcomeUnknown
    }
}

/// A request without an answer.
fn unsent(error: &reqwest::Error, is_repeatable: bool) -> Error {
    // Without its address, which may carry secrets.
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::debug!(cause, "no answer from Kommo");
    if error.is_builder() {
        Error::malformed("the request cannot be made")
    } else if error.is_connect() {
        Error::Unreachable
    } else if error.is_timeout() {
        lost(Error::Timeout, is_repeatable)
    } else {
        lost(broken_off(), is_repeatable)
    }
}

fn broken_off() -> Error {
    Error::Unavailable(Problem::of("the connection broke"))
}

async fn read(mut response: Response, limit: usize, deadline: Instant) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    let reading = async {
        while let Some(chunk) = response.chunk().await.map_err(|_error| broken_off())? {
            if chunk.len() > limit - body.len() {
                return Err(Error::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(())
    };
    timeout_at(deadline, reading)
        .await
        .map_err(|_elapsed| Error::Timeout)??;
    Ok(body)
}
