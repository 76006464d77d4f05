//! `POST /v1/embeddings`.

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use t11_proto::llm::v1 as llm;
use t11_proto::llm::v1::embedding_service_client::EmbeddingServiceClient;

use super::refusal::Refusal;
use super::{Call, admit, read};
use crate::app::{App, Shared};

const RPC: &str = "/t11.llm.v1.EmbeddingService/Embed";

#[derive(Debug, Deserialize)]
struct EmbeddingRequest {
    #[serde(default)]
    model: String,
    input: Input,
    #[serde(default)]
    encoding_format: Encoding,
    dimensions: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Many(Vec<String>),
    /// Tokens of a tokenizer that is not known here.
    Other(IgnoredAny),
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Float,
    Base64,
}

pub(super) async fn serve(State(app): State<App>, request: Request) -> Response {
    match answer(&app, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn answer(app: &Shared, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let Call { admitted, peer } = admit(app, &parts, RPC).await?;
    let asked: EmbeddingRequest = read(app, body).await?;
    if asked.dimensions.is_some() {
        return Err(Refusal::unsupported("dimensions"));
    }
    let texts = match asked.input {
        Input::One(text) => vec![text],
        Input::Many(texts) => texts,
        Input::Other(_) => return Err(tokens()),
    };
    let request = llm::EmbedRequest {
        model: asked.model,
        texts,
        purpose: llm::EmbeddingPurpose::Passage.into(),
    };
    let call = async {
        let mut client = EmbeddingServiceClient::new(peer);
        client.embed(request).await
    };
    let answer = t11_grpc::in_context(admitted.context.clone(), call).await?;
    super::json(&whole(&answer.into_inner(), asked.encoding_format))
}

fn tokens() -> Refusal {
    let message = "`input` must be a text or a list of texts";
    let http = StatusCode::BAD_REQUEST;
    Refusal::invalid(http, "invalid_request", Some("input"), message)
}

fn whole(answer: &llm::EmbedResponse, encoding: Encoding) -> Value {
    let vectors = answer.vectors.iter().enumerate();
    let data: Vec<_> = vectors
        .map(|(index, vector)| {
            let embedding = encoded(vector, encoding);
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let tokens = answer.usage.unwrap_or_default().prompt_tokens;
    json!({
        "object": "list", "data": data, "model": answer.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    })
}

/// Both sides keep a vector as little-endian `f32`.
fn encoded(vector: &[u8], encoding: Encoding) -> Value {
    match encoding {
        Encoding::Base64 => STANDARD.encode(vector).into(),
        Encoding::Float => vector
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_the_same_in_both_encodings() {
        let vector = [1.5_f32, -2.0].map(f32::to_le_bytes).concat();
        assert_eq!(encoded(&vector, Encoding::Float), json!([1.5, -2.0]));
        assert_eq!(encoded(&vector, Encoding::Base64), "AADAPwAAAMA=");
    }
}
