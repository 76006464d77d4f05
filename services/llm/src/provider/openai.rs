//! OpenRouter and every server that speaks OpenAI's HTTP API: Ollama, vLLM, llama.cpp.

mod answer;
mod assembly;
mod refusal;
mod request;
mod vectors;
mod watch;

use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder, Response, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use t11_core::World;
use tokio::time::{Instant, timeout_at};

use self::watch::Watch;
use super::{
    Answer, Attempt, Charge, EmbeddingBatch, EmbeddingPurpose, Embeddings, Provider, Trail,
};
use crate::catalog::Model;
use crate::failure::{Failure, FailureClass};
use crate::money::{NanoUsd, TokenPrice};
use crate::provider_key::KeyReport;
use crate::route::Limits;
use crate::wire::{
    EmbeddingRequest, ErrorBody, GenerationBody, KeyBody, ListedModel, ModelList, Pricing, scalar,
};

/// An error page longer than this is not read to its end.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// 256 vectors of 4,096 numbers as JSON, and the whole of OpenRouter's catalogue, are below.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// Names the call before its answer begins.
const GENERATION_HEADER: &str = "x-generation-id";
/// How we name ourselves to OpenRouter.
const APP_TITLE: &str = "T11";

/// How far a server goes beyond OpenAI's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavor {
    /// Routing, sessions, prices and costs.
    OpenRouter,
    /// OpenAI's API and nothing else.
    Compatible,
}

impl Flavor {
    /// How the provider is called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OpenRouter => "openrouter",
            Self::Compatible => "openai-compatible",
        }
    }
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For the connection, TLS included.
    pub(crate) connect: Duration,
    /// From the request to the answer's headers.
    pub(crate) headers: Duration,
    /// From the request to the first sign of the model's own work; comments are none.
    pub(crate) first_content: Duration,
    /// Between two reads; comments count, for they prove that the connection lives.
    pub(crate) idle: Duration,
}

impl Patience {
    /// The same with the limits that are set for one attempt.
    fn within(self, limits: Limits) -> Self {
        Self {
            connect: self.connect,
            headers: Limits::or(limits.headers_ms, self.headers),
            first_content: Limits::or(limits.first_content_ms, self.first_content),
            idle: Limits::or(limits.idle_ms, self.idle),
        }
    }
}

/// Everything that must be known about a server.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Without a slash at its end.
    pub(crate) base_url: Url,
    pub(crate) api_key: Option<SecretString>,
    pub(crate) flavor: Flavor,
    /// `deny` or `allow`: whether OpenRouter may use endpoints that keep prompts.
    pub(crate) data_collection: &'static str,
    pub(crate) patience: Patience,
    /// What the embedding model wants to hear of queries and of passages; empty = nothing.
    pub(crate) query_type: String,
    pub(crate) passage_type: String,
}

/// A server behind HTTP.
pub(crate) struct OpenAi {
    http: Client,
    settings: Settings,
    world: World,
}

impl OpenAi {
    /// A client of the server; connects on first use.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub(crate) fn new(settings: Settings, world: World) -> reqwest::Result<Self> {
        let mut builder = Client::builder()
            .connect_timeout(settings.patience.connect)
            .redirect(redirect::Policy::none())
            // A small last write must not wait for the acknowledgement of the one before.
            .tcp_nodelay(true)
            // A compressed stream of events arrives when the compressor likes.
            .no_gzip()
            .no_brotli()
            .user_agent(concat!("t11-llm/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&settings.base_url) {
            builder = builder.no_proxy();
        }
        Ok(Self {
            http: builder.build()?,
            settings,
            world,
        })
    }

    /// With `key`, or the platform's.
    fn prepare(
        &self,
        request: impl FnOnce(&Client, String) -> RequestBuilder,
        path: &str,
        key: Option<&SecretString>,
    ) -> RequestBuilder {
        let url = format!(
            "{}/{path}",
            self.settings.base_url.as_str().trim_end_matches('/')
        );
        let mut request = request(&self.http, url);
        if let Some(key) = key.or(self.settings.api_key.as_ref()) {
            request = request.bearer_auth(key.expose_secret());
        }
        if self.settings.flavor == Flavor::OpenRouter {
            request = request.header("x-openrouter-title", APP_TITLE);
        }
        request
    }

    fn post(
        &self,
        path: &str,
        body: &impl Serialize,
        key: Option<&SecretString>,
    ) -> RequestBuilder {
        self.prepare(|http, url| http.post(url).json(body), path, key)
    }

    /// Sends the request and waits until `headers_by` for an answer with a success status.
    async fn send(
        &self,
        request: RequestBuilder,
        headers_by: Instant,
    ) -> Result<Response, Failure> {
        let response = timeout_at(headers_by, request.send())
            .await
            .map_err(|_elapsed| {
                Failure::unavailable("headers_timeout", "the provider did not answer in time")
            })?
            .map_err(unreachable)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = read_body(response, MAX_ERROR_BYTES, headers_by)
            .await
            .unwrap_or_default();
        Err(refusal::refused(status, &headers, &body, self.world.now()).free())
    }

    async fn fetch(&self, request: RequestBuilder, deadline: Instant) -> Result<Vec<u8>, Failure> {
        let headers_by = deadline.min(Instant::now() + self.settings.patience.headers);
        let response = self.send(request, headers_by).await?;
        read_body(response, MAX_ANSWER_BYTES, deadline).await
    }

    /// The failure behind a success that is no stream.
    async fn not_a_stream(&self, response: Response, deadline: Instant) -> Failure {
        let headers = response.headers().clone();
        let body = read_body(response, MAX_ERROR_BYTES, deadline)
            .await
            .unwrap_or_default();
        match serde_json::from_slice::<ErrorBody<'_>>(&body) {
            Ok(found) => {
                let status = found.error.status().unwrap_or(502);
                refusal::refused(status, &headers, &body, self.world.now())
            }
            Err(_no_error_object) => Failure {
                transient: false,
                ..Failure::unavailable(
                    "not_a_stream",
                    "the provider did not answer with a stream; is the base URL right?",
                )
            },
        }
    }
}

#[async_trait]
impl Provider for OpenAi {
    fn name(&self) -> &'static str {
        self.settings.flavor.name()
    }

    async fn complete(&self, attempt: &Attempt<'_>) -> Result<Answer, Failure> {
        let (now, limits) = (Instant::now(), attempt.limits);
        let total = Limits::or(limits.total_ms, attempt.deadline - now);
        let deadline = attempt.deadline.min(now + total);
        let patience = self.settings.patience.within(limits);
        let watch = Watch::new(&patience, deadline);
        let settings = &self.settings;
        let body = request::chat_request(
            attempt.model,
            attempt.prompt,
            settings.flavor,
            settings.data_collection,
        );
        let headers_by = deadline
            .min(now + patience.headers)
            .min(now + patience.first_content);
        let request = self.post("chat/completions", &body, attempt.key);
        let response = self.send(request, headers_by).await?;
        note_generation(&response, attempt.trail);
        if !is_event_stream(&response) {
            return Err(self.not_a_stream(response, headers_by).await);
        }
        let body = response.bytes_stream().boxed();
        Ok(answer::read(body, watch, attempt.trail.clone()))
    }

    async fn charged(
        &self,
        generation: &str,
        key: Option<&SecretString>,
        deadline: Instant,
    ) -> Result<Option<Charge>, Failure> {
        let query = [("id", generation)];
        let request = self.prepare(|http, url| http.get(url).query(&query), "generation", key);
        let body = match self.fetch(request, deadline).await {
            Ok(body) => body,
            Err(failure) if failure.class == FailureClass::ModelUnknown => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let found: GenerationBody<'_> = serde_json::from_slice(&body).map_err(|error| {
            tracing::warn!(%error, "the provider's word on a call's cost cannot be read");
            Failure::unavailable("invalid_generation", "the call's cost cannot be read")
        })?;
        Ok(found.data.charge())
    }

    fn tells_charges(&self) -> bool {
        self.settings.flavor == Flavor::OpenRouter
    }

    async fn embed(
        &self,
        batch: &EmbeddingBatch<'_>,
        deadline: Instant,
    ) -> Result<Embeddings, Failure> {
        let body = EmbeddingRequest {
            model: batch.model,
            input: batch.texts,
            encoding_format: "base64",
            user: batch.user,
            input_type: match batch.purpose {
                EmbeddingPurpose::Query => &self.settings.query_type,
                EmbeddingPurpose::Passage => &self.settings.passage_type,
            },
        };
        let request = self.post("embeddings", &body, batch.key);
        let body = self.fetch(request, deadline).await?;
        vectors::read(&body, batch)
    }

    async fn check_key(&self, key: &SecretString, deadline: Instant) -> Result<KeyReport, Failure> {
        // Others tell nothing of a key but whether they accept it.
        let path = match self.settings.flavor {
            Flavor::OpenRouter => "key",
            Flavor::Compatible => "models",
        };
        let request = self.prepare(Client::get, path, Some(key));
        let body = self.fetch(request, deadline).await?;
        if self.settings.flavor == Flavor::Compatible {
            return Ok(KeyReport::default());
        }
        let found: KeyBody<'_> = serde_json::from_slice(&body).map_err(|error| {
            tracing::warn!(%error, "the provider's word on a key cannot be read");
            Failure::unavailable("invalid_key_info", "what it says of the key cannot be read")
        })?;
        match found.data.report() {
            KeyReport {
                left: Some(left), ..
            } if left <= NanoUsd(0) => Err(spent()),
            report => Ok(report),
        }
    }

    async fn models(&self, deadline: Instant) -> Result<Vec<Model>, Failure> {
        let request = self.prepare(Client::get, "models", None);
        let body = match self.fetch(request, deadline).await {
            Ok(body) => body,
            // Some servers serve one model and no list.
            Err(failure) if failure.class == FailureClass::ModelUnknown => return Ok(Vec::new()),
            Err(failure) => return Err(failure),
        };
        let list: ModelList = serde_json::from_slice(&body).map_err(|error| {
            tracing::warn!(%error, "the provider's list of models cannot be read");
            Failure::unavailable(
                "invalid_models",
                "the provider's list of models cannot be read",
            )
        })?;
        Ok(list.data.into_iter().map(model).collect())
    }
}

/// Of a key whose own limit has nothing left.
fn spent() -> Failure {
    let message = "the limit of the key is spent";
    Failure {
        of_key: true,
        ..Failure::new(FailureClass::Unpaid, "key_limit", message).free()
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.starts_with("127."),
        None => false,
    }
}

fn is_event_stream(response: &Response) -> bool {
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    response.status() == StatusCode::OK
        && content_type.is_some_and(|value| {
            let essence = value.split(';').next().unwrap_or_default();
            essence.trim().eq_ignore_ascii_case("text/event-stream")
        })
}

fn note_generation(response: &Response, trail: &Trail) {
    let header = response.headers().get(GENERATION_HEADER);
    if let Some(id) = header.and_then(|value| value.to_str().ok()) {
        trail.note_generation(id);
    }
}

fn unreachable(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    tracing::debug!(error = ?error, "the provider cannot be reached");
    let message = "the provider cannot be reached";
    match error.is_connect() {
        true => Failure::unavailable("connect", message).free(),
        false => Failure::unavailable("connection", message),
    }
}

async fn read_body(
    mut response: Response,
    limit: usize,
    deadline: Instant,
) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    let reading = async {
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            let room = limit - body.len();
            if chunk.len() > room {
                return Err(Failure::unavailable(
                    "answer_too_long",
                    "the provider's answer is too long",
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(())
    };
    timeout_at(deadline, reading).await.map_err(|_elapsed| {
        Failure::unavailable(
            "body_timeout",
            "the provider did not finish its answer in time",
        )
    })??;
    Ok(body)
}

fn model(listed: ListedModel) -> Model {
    // Servers without the list accept both parameters and do their best.
    let supports = |parameter: &str| {
        let parameters = listed.supported_parameters.as_ref();
        parameters.is_none_or(|parameters| parameters.iter().any(|known| known == parameter))
    };
    let reads = |modality: &str| {
        let architecture = listed.architecture.as_ref();
        architecture.is_some_and(|it| it.input_modalities.iter().any(|known| known == modality))
    };
    let price = |of: fn(&Pricing) -> Option<&serde_json::value::RawValue>| {
        let decimal = scalar(of(listed.pricing.as_ref()?)?);
        TokenPrice::from_decimal_usd_per_token(decimal)
    };
    Model {
        context_tokens: listed
            .context_length
            .or(listed.max_model_len)
            .unwrap_or(0)
            .max(0),
        prompt_price: price(|pricing| pricing.prompt.as_deref()),
        completion_price: price(|pricing| pricing.completion.as_deref()),
        supports_json_schema: supports("structured_outputs"),
        supports_tools: supports("tools"),
        supports_images: reads("image"),
        display_name: listed.name.unwrap_or_else(|| listed.id.clone()),
        id: listed.id,
    }
}
