//! The JSON of OpenAI-compatible servers, as far as we read and write it. Reading is lenient:
//! unknown fields, nulls and numbers written as text are all seen in the wild.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::money::NanoUsd;
use crate::provider::{Charge, Tokens};
use crate::provider_key::KeyReport;

/// `POST /chat/completions`.
#[derive(Debug, Serialize)]
pub(crate) struct ChatRequest<'a> {
    pub(crate) model: &'a str,
    pub(crate) messages: Vec<ChatMessage<'a>>,
    /// Always: a call that does not stream cannot be cancelled and is billed in full.
    pub(crate) stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tools: Vec<ToolDeclaration<'a>>,
    pub(crate) user: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) session_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<ProviderPreferences<'a>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct StreamOptions {
    pub(crate) include_usage: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct ChatMessage<'a> {
    pub(crate) role: &'static str,
    /// Null for an assistant that only called tools.
    pub(crate) content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tool_calls: Vec<CalledTool<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Content<'a> {
    Text(&'a str),
    /// As OpenRouter takes it with a mark.
    Marked([TextPart<'a>; 1]),
}

#[derive(Debug, Serialize)]
pub(crate) struct TextPart<'a> {
    pub(crate) r#type: &'static str,
    pub(crate) text: &'a str,
    pub(crate) cache_control: CacheControl,
}

/// The prompt up to here is to be kept.
#[derive(Debug, Serialize)]
pub(crate) struct CacheControl {
    pub(crate) r#type: &'static str,
    /// Five minutes where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ttl: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct CalledTool<'a> {
    pub(crate) id: &'a str,
    pub(crate) r#type: &'static str,
    pub(crate) function: CalledFunction<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct CalledFunction<'a> {
    pub(crate) name: &'a str,
    pub(crate) arguments: &'a str,
}

#[derive(Debug, Serialize)]
pub(crate) struct ToolDeclaration<'a> {
    pub(crate) r#type: &'static str,
    pub(crate) function: FunctionDeclaration<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct FunctionDeclaration<'a> {
    pub(crate) name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) description: &'a str,
    pub(crate) parameters: &'a RawValue,
}

#[derive(Debug, Serialize)]
pub(crate) struct ResponseFormat<'a> {
    pub(crate) r#type: &'static str,
    pub(crate) json_schema: NamedSchema<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct NamedSchema<'a> {
    pub(crate) name: &'static str,
    pub(crate) strict: bool,
    pub(crate) schema: &'a RawValue,
}

/// OpenRouter's routing.
#[derive(Debug, Serialize)]
pub(crate) struct ProviderPreferences<'a> {
    /// Only endpoints that know every parameter sent: others drop the schema silently.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) require_parameters: bool,
    pub(crate) data_collection: &'a str,
}

/// One event of the stream. Ids and the model stay raw: they come with every chunk, and are
/// wanted once.
#[derive(Debug, Deserialize)]
pub(crate) struct Chunk<'a> {
    #[serde(borrow)]
    pub(crate) id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) model: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow)]
    pub(crate) usage: Option<Usage<'a>>,
    #[serde(borrow)]
    pub(crate) error: Option<ErrorObject<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Choice<'a> {
    pub(crate) delta: Option<Delta>,
    pub(crate) finish_reason: Option<String>,
    #[serde(borrow)]
    pub(crate) error: Option<ErrorObject<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Delta {
    pub(crate) content: Option<String>,
    pub(crate) reasoning: Option<String>,
    pub(crate) refusal: Option<String>,
    pub(crate) tool_calls: Option<Vec<ToolCallDelta>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ToolCallDelta {
    pub(crate) index: Option<usize>,
    pub(crate) id: Option<String>,
    pub(crate) function: Option<FunctionDelta>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct FunctionDelta {
    pub(crate) name: Option<String>,
    pub(crate) arguments: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Usage<'a> {
    pub(crate) prompt_tokens: Option<i64>,
    pub(crate) completion_tokens: Option<i64>,
    /// Decimal USD.
    #[serde(borrow)]
    cost: Option<&'a RawValue>,
    prompt_tokens_details: Option<PromptTokensDetails>,
}

#[derive(Debug, Deserialize)]
struct PromptTokensDetails {
    cached_tokens: Option<i64>,
}

impl Usage<'_> {
    pub(crate) fn tokens(&self) -> Tokens {
        let cached = self
            .prompt_tokens_details
            .as_ref()
            .and_then(|details| details.cached_tokens);
        Tokens {
            // Less than nothing is for the bill to disbelieve.
            prompt: self.prompt_tokens.unwrap_or(0),
            completion: self.completion_tokens.unwrap_or(0),
            cached: cached.unwrap_or(0).max(0),
        }
    }

    pub(crate) fn cost(&self) -> Option<NanoUsd> {
        self.cost
            .and_then(|cost| NanoUsd::from_decimal_usd(scalar(cost)))
    }
}

/// `GET /generation`.
#[derive(Debug, Deserialize)]
pub(crate) struct GenerationBody<'a> {
    #[serde(borrow)]
    pub(crate) data: Generation<'a>,
}

/// A call that is over. The native counts are the model's own, by which it is charged.
#[derive(Debug, Deserialize)]
pub(crate) struct Generation<'a> {
    model: Option<String>,
    /// Decimal USD.
    #[serde(borrow)]
    total_cost: Option<&'a RawValue>,
    tokens_prompt: Option<i64>,
    tokens_completion: Option<i64>,
    native_tokens_prompt: Option<i64>,
    native_tokens_completion: Option<i64>,
    native_tokens_cached: Option<i64>,
}

impl Generation<'_> {
    /// `None` while there is no cost in it.
    pub(crate) fn charge(self) -> Option<Charge> {
        let cost = NanoUsd::from_decimal_usd(scalar(self.total_cost?))?;
        let prompt = self.native_tokens_prompt.or(self.tokens_prompt);
        let completion = self.native_tokens_completion.or(self.tokens_completion);
        Some(Charge {
            model: self.model.unwrap_or_default(),
            tokens: Tokens {
                prompt: prompt.unwrap_or(0).max(0),
                completion: completion.unwrap_or(0).max(0),
                cached: self.native_tokens_cached.unwrap_or(0).max(0),
            },
            cost,
        })
    }
}

/// `GET /key`.
#[derive(Debug, Deserialize)]
pub(crate) struct KeyBody<'a> {
    #[serde(borrow)]
    pub(crate) data: KeyInfo<'a>,
}

/// What was spent with a key and what may be, in decimal USD.
#[derive(Debug, Deserialize)]
pub(crate) struct KeyInfo<'a> {
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    limit_remaining: Option<&'a RawValue>,
}

impl KeyInfo<'_> {
    pub(crate) fn report(&self) -> KeyReport {
        let amount = |raw: Option<&RawValue>| NanoUsd::from_decimal_usd(scalar(raw?));
        KeyReport {
            left: amount(self.limit_remaining),
            spent: amount(self.usage),
        }
    }
}

/// The body of an error answer.
#[derive(Debug, Deserialize)]
pub(crate) struct ErrorBody<'a> {
    #[serde(borrow)]
    pub(crate) error: ErrorObject<'a>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorObject<'a> {
    /// A number by OpenRouter's schema, a word elsewhere.
    #[serde(borrow)]
    pub(crate) code: Option<&'a RawValue>,
    pub(crate) message: Option<String>,
    /// OpenAI's and llama.cpp's word.
    pub(crate) r#type: Option<String>,
    pub(crate) metadata: Option<ErrorMetadata>,
    pub(crate) availability: Option<Availability>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorMetadata {
    /// OpenRouter's stable vocabulary.
    pub(crate) error_type: Option<String>,
    pub(crate) limit_source: Option<String>,
    /// Why moderation refused.
    pub(crate) reasons: Option<IgnoredAny>,
    /// What a guardrail found.
    pub(crate) patterns: Option<IgnoredAny>,
    /// Who refused, behind OpenRouter.
    pub(crate) provider_name: Option<IgnoredAny>,
}

impl ErrorMetadata {
    /// Whether what was asked is refused, and not who asks.
    pub(crate) fn is_of_content(&self) -> bool {
        self.reasons.is_some() || self.patterns.is_some()
    }
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Availability {
    pub(crate) code: Option<String>,
    pub(crate) retryable: Option<bool>,
    /// Seconds.
    pub(crate) retry_after: Option<f64>,
}

impl ErrorObject<'_> {
    /// The code as text.
    pub(crate) fn code(&self) -> Option<&str> {
        self.code.map(scalar).filter(|code| !code.is_empty())
    }

    /// The code when it is an HTTP status.
    pub(crate) fn status(&self) -> Option<u16> {
        self.code()?
            .parse()
            .ok()
            .filter(|status| (400..600).contains(status))
    }
}

/// The text of a JSON number or of a string without escapes.
pub(crate) fn scalar(raw: &RawValue) -> &str {
    raw.get().trim_matches('"')
}

/// `POST /embeddings`.
#[derive(Debug, Serialize)]
pub(crate) struct EmbeddingRequest<'a> {
    pub(crate) model: &'a str,
    pub(crate) input: &'a [String],
    /// `base64` is a third of the bytes of JSON numbers.
    pub(crate) encoding_format: &'static str,
    pub(crate) user: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) input_type: &'a str,
}

#[derive(Debug, Deserialize)]
pub(crate) struct EmbeddingResponse<'a> {
    pub(crate) data: Vec<Embedding>,
    pub(crate) model: Option<String>,
    #[serde(borrow)]
    pub(crate) usage: Option<Usage<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Embedding {
    pub(crate) index: Option<usize>,
    pub(crate) embedding: Vector,
}

/// Servers that do not know `encoding_format` answer with numbers.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Vector {
    Base64(String),
    Numbers(Vec<f32>),
}

/// `GET /models`.
#[derive(Debug, Deserialize)]
pub(crate) struct ModelList {
    pub(crate) data: Vec<ListedModel>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ListedModel {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) context_length: Option<i64>,
    /// vLLM's name of the context length.
    pub(crate) max_model_len: Option<i64>,
    pub(crate) pricing: Option<Pricing>,
    pub(crate) supported_parameters: Option<Vec<String>>,
    pub(crate) architecture: Option<Architecture>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Architecture {
    /// `text`, `image`, `file`.
    #[serde(default)]
    pub(crate) input_modalities: Vec<String>,
}

/// Decimal USD for one token, as text or as a number.
#[derive(Debug, Deserialize)]
pub(crate) struct Pricing {
    pub(crate) prompt: Option<Box<RawValue>>,
    pub(crate) completion: Option<Box<RawValue>>,
}
