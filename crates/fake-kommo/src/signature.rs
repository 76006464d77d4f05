//! How Kommo signs: hooks, its chat back end, and the tokens it hands to integrations.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest as _, Md5};
use ring::hmac;
use serde::Serialize;

/// The two algorithms Kommo signs tokens for integrations with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JwtAlgorithm {
    /// One-time tokens of widgets.
    Hs256,
    /// Tokens of bots.
    Hs512,
}

/// The signature of the hook that tells of a disabled integration.
pub(crate) fn disable_hook(client_id: &str, client_secret: &str, account_id: i64) -> String {
    let message = format!("{client_id}|{account_id}");
    hex(hmac_of(hmac::HMAC_SHA256, client_secret, message.as_bytes()).as_ref())
}

/// `X-Signature` of a webhook of the chat back end.
pub(crate) fn amojo_body(secret: &str, body: &[u8]) -> String {
    hex(hmac_of(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret, body).as_ref())
}

/// What a request to the chat back end signs.
pub(crate) struct AmojoRequest<'a> {
    pub(crate) method: &'a str,
    pub(crate) content_md5: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) date: &'a str,
    /// Without the query.
    pub(crate) path: &'a str,
}

impl AmojoRequest<'_> {
    /// `X-Signature` of this request.
    pub(crate) fn signature(&self, secret: &str) -> String {
        let text = [
            self.method,
            self.content_md5,
            self.content_type,
            self.date,
            self.path,
        ]
        .join("\n");
        amojo_body(secret, text.as_bytes())
    }
}

pub(crate) fn md5_hex(body: &[u8]) -> String {
    hex(&Md5::digest(body))
}

/// A JSON Web Token of these claims.
pub(crate) fn jwt(algorithm: JwtAlgorithm, secret: &str, claims: &impl Serialize) -> String {
    let (name, hmac_algorithm) = match algorithm {
        JwtAlgorithm::Hs256 => ("HS256", hmac::HMAC_SHA256),
        JwtAlgorithm::Hs512 => ("HS512", hmac::HMAC_SHA512),
    };
    signed(name, hmac_algorithm, secret, claims)
}

/// An access token: its signature is made with a key nobody else has, so it can only be read.
pub(crate) fn access_jwt(claims: &impl Serialize) -> String {
    signed("RS256", hmac::HMAC_SHA512, "kept by Kommo", claims)
}

fn signed(name: &str, algorithm: hmac::Algorithm, secret: &str, claims: &impl Serialize) -> String {
    let header = format!(r#"{{"typ":"JWT","alg":"{name}"}}"#);
    // Claims are structs of strings and numbers: their JSON cannot fail.
    let claims = serde_json::to_vec(claims).unwrap_or_default();
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = hmac_of(algorithm, secret, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A token that tells nothing, the same for the same words.
pub(crate) fn opaque(words: &str) -> String {
    hex(hmac_of(hmac::HMAC_SHA512, "kept by Kommo", words.as_bytes()).as_ref())
}

fn hmac_of(algorithm: hmac::Algorithm, secret: &str, message: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), message)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
