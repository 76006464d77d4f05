//! The answer of `POST /embeddings`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::failure::Failure;
use crate::provider::{EmbeddingBatch, Embeddings};
use crate::wire::{EmbeddingResponse, Vector};

/// One vector a text, in the order of the texts, all finite and of one length.
pub(super) fn read(body: &[u8], batch: &EmbeddingBatch<'_>) -> Result<Embeddings, Failure> {
    let response: EmbeddingResponse<'_> = serde_json::from_slice(body).map_err(|error| {
        tracing::debug!(%error, "the vectors cannot be read");
        invalid()
    })?;
    let mut vectors = vec![Vec::new(); batch.texts.len()];
    if response.data.len() != vectors.len() {
        return Err(invalid());
    }
    for (place, found) in response.data.into_iter().enumerate() {
        let slot = vectors
            .get_mut(found.index.unwrap_or(place))
            .ok_or_else(invalid)?;
        *slot = numbers(found.embedding).ok_or_else(invalid)?;
    }
    let dimensions = vectors.first().map_or(0, Vec::len);
    let alike = vectors
        .iter()
        .all(|vector| vector.len() == dimensions && !vector.is_empty());
    if !alike || vectors.iter().flatten().any(|number| !number.is_finite()) {
        return Err(invalid());
    }
    Ok(Embeddings {
        vectors,
        model: response.model.unwrap_or_else(|| batch.model.to_owned()),
        tokens: response.usage.as_ref().map(|usage| usage.tokens()),
        cost: response.usage.as_ref().and_then(|usage| usage.cost()),
    })
}

fn numbers(vector: Vector) -> Option<Vec<f32>> {
    match vector {
        Vector::Numbers(numbers) => Some(numbers),
        Vector::Base64(text) => {
            let bytes = STANDARD.decode(text).ok()?;
            let (numbers, rest) = bytes.as_chunks::<4>();
            rest.is_empty().then(|| {
                numbers
                    .iter()
                    .map(|bytes| f32::from_le_bytes(*bytes))
                    .collect()
            })
        }
    }
}

fn invalid() -> Failure {
    Failure::unavailable("invalid_vectors", "the provider's vectors cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::NanoUsd;
    use crate::provider::{EmbeddingPurpose, Tokens};

    fn read_two(body: &str) -> Result<Embeddings, Failure> {
        let texts = ["a".to_owned(), "b".to_owned()];
        let purpose = EmbeddingPurpose::Query;
        super::read(
            body.as_bytes(),
            &EmbeddingBatch {
                model: "m",
                texts: &texts,
                purpose,
                user: "",
                key: None,
            },
        )
    }

    #[test]
    fn both_encodings_in_any_order() {
        // 1.0 and -2.0, little-endian.
        let embeddings = read_two(
            r#"{"data":[{"index":1,"embedding":"AACAPwAAAMA="},{"index":0,"embedding":[0.5,3]}],
                "model":"served","usage":{"prompt_tokens":5,"total_tokens":5,"cost":0.0000001}}"#,
        )
        .unwrap();
        assert_eq!(embeddings.vectors, [[0.5, 3.0], [1.0, -2.0]]);
        assert_eq!(embeddings.model, "served");
        assert_eq!(
            embeddings.tokens,
            Some(Tokens {
                prompt: 5,
                ..Tokens::default()
            })
        );
        assert_eq!(embeddings.cost, Some(NanoUsd(100)));
    }

    #[test]
    fn vectors_that_do_not_fit_are_refused() {
        for body in [
            "",
            r#"{"data":[]}"#,
            r#"{"data":[{"embedding":[1]}]}"#,
            r#"{"data":[{"embedding":[1]},{"embedding":[1,2]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#,
            r#"{"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]}"#,
            r#"{"data":[{"embedding":"AAA="},{"embedding":"AAA="}]}"#,
            r#"{"data":[{"embedding":"AADAfw=="},{"embedding":"AADAfw=="}]}"#,
            r#"{"data":[{"embedding":[]},{"embedding":[]}]}"#,
        ] {
            assert!(read_two(body).is_err(), "{body}");
        }
    }
}
