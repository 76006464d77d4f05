//! Vectors made of words: texts that share words are near each other, on every machine alike.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::script::Script;
use super::{EMBEDDING_MODEL, honest};

const DIMENSIONS: usize = 256;
/// Texts in one request.
const MAX_INPUTS: usize = 2_048;

/// The answer to `POST /embeddings`.
pub(super) fn answer(request: &Value) -> Result<Script, Script> {
    let texts: Vec<&str> = match &request["input"] {
        Value::String(text) => vec![text],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if texts.is_empty() || texts.len() > MAX_INPUTS || texts.iter().any(|text| text.is_empty()) {
        return Err(Script::refuse(400, "input: Invalid"));
    }
    if request["model"] != EMBEDDING_MODEL {
        return Err(Script::refuse(404, "No endpoints found for this model."));
    }
    let base64 = request["encoding_format"] == "base64";
    let data: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            json!({"object": "embedding", "index": index, "embedding": encoded(&vector(text), base64)})
        })
        .collect();
    let tokens: usize = texts.iter().map(|text| text.len().div_ceil(4)).sum();
    let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    let body = json!({"object": "list", "data": data, "model": EMBEDDING_MODEL, "usage": usage});
    Ok(Script::plain(200, "application/json", body.to_string()))
}

fn encoded(vector: &[f32], base64: bool) -> Value {
    if base64 {
        let bytes: Vec<u8> = vector
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        STANDARD.encode(bytes).into()
    } else {
        vector.into()
    }
}

/// A unit vector: each word pushes its own place one way or the other.
fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0_f32; DIMENSIONS];
    // Texts without words are near nothing but each other.
    vector[0] = 0.01;
    for stem in honest::stems(text) {
        let hash = fnv(&stem);
        let place = usize::try_from(hash % DIMENSIONS as u64).unwrap_or(0);
        vector[place] += if hash >> 63 == 0 { 1.0 } else { -1.0 };
    }
    let length = vector
        .iter()
        .map(|number| number * number)
        .sum::<f32>()
        .sqrt();
    vector.iter().map(|number| number / length).collect()
}

/// FNV-1a: the same on every platform.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(one: &str, other: &str) -> f32 {
        vector(one)
            .iter()
            .zip(vector(other))
            .map(|(a, b)| a * b)
            .sum()
    }

    #[test]
    fn similar_texts_are_near() {
        let question = "Сколько стоит доставка дивана?";
        let near = likeness(question, "Доставка диванов стоит 500 рублей");
        let far = likeness(question, "Гарантия на кресла — два года");
        assert!(near > 0.5 && far < 0.2, "{near} {far}");
        assert!((likeness(question, question) - 1.0).abs() < 1e-5);
    }
}
