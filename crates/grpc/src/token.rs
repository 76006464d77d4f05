//! Caller tokens: compact JWS, EdDSA only. Every service verifies them by itself.
//!
//! Written on `ring`, which TLS links anyway: the JWT crates bring RSA (RUSTSEC-2023-0071) and
//! negotiation of algorithms, neither of which is wanted here.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use quick_cache::sync::Cache;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use t11_core::{Caller, Fault, FaultKind, OrgId, Permission, Role, Subject};
use uuid::Uuid;

/// The longest a token lives, in seconds.
const LIFETIME: i64 = 300;
/// Clocks of two machines may differ by this, in seconds.
const LEEWAY: i64 = 60;
/// Verified tokens remembered: verifying costs about 70 µs, a look-up about one.
const REMEMBERED: usize = 4_096;

/// The caller token cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("sign in first: the call has no session or API key")]
    Missing,
    #[error("the caller token is not a token of this mesh")]
    Invalid,
    #[error("the caller token has expired; sign in again")]
    Expired,
}

impl Fault for TokenError {
    fn kind(&self) -> FaultKind {
        FaultKind::Unauthenticated
    }
    fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "UNAUTHENTICATED",
            Self::Invalid => "CALLER_TOKEN_INVALID",
            Self::Expired => "CALLER_TOKEN_EXPIRED",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    org: Uuid,
    role: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<Uuid>,
    exp: i64,
}

/// Makes caller tokens.
#[derive(Clone)]
pub struct Signer {
    pair: Arc<Ed25519KeyPair>,
    kid: Arc<str>,
}

impl Signer {
    /// A signer with a 32-byte Ed25519 seed.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] when the seed is not 32 bytes long.
    pub fn from_seed(seed: &[u8]) -> Result<Self, TokenError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| TokenError::Invalid)?;
        let kid = key_id(pair.public_key().as_ref());
        Ok(Self {
            pair: Arc::new(pair),
            kid: kid.into(),
        })
    }

    /// The public half as a JSON Web Key Set: the value of `T11_JWKS` where all processes share
    /// one key.
    pub fn jwks(&self) -> String {
        serde_json::json!({"keys": [self.jwk()]}).to_string()
    }

    /// The value of `T11_JWKS` where each service has a key of its own: what a process of one
    /// service signs is not believed when it speaks of another's calls, or of people's.
    pub fn jwks_by_service<'a>(signers: impl IntoIterator<Item = (&'a str, &'a Self)>) -> String {
        let keys = signers.into_iter().map(|(service, signer)| {
            let mut jwk = signer.jwk();
            jwk["services"] = serde_json::json!([service]);
            jwk
        });
        serde_json::json!({"keys": keys.collect::<Vec<_>>()}).to_string()
    }

    fn jwk(&self) -> serde_json::Value {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref());
        serde_json::json!({
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": &*self.kid, "x": x,
        })
    }

    /// A token for `caller`, good for 5 minutes from `now`.
    pub fn sign(&self, caller: &Caller, now: DateTime<Utc>) -> String {
        let (sub, sid) = match &caller.subject {
            Subject::User { user, session } => (format!("user:{user}"), Some(*session)),
            other => (other.label(), None),
        };
        let claims = Claims {
            sub,
            org: caller.org.0,
            role: caller.role.to_string(),
            scopes: caller
                .scopes
                .as_ref()
                .map(|scopes| scopes.iter().map(ToString::to_string).collect()),
            sid,
            exp: (now + TimeDelta::seconds(LIFETIME)).timestamp(),
        };
        let header = Header {
            alg: "EdDSA".to_owned(),
            typ: "JWT".to_owned(),
            kid: self.kid.to_string(),
        };
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self.pair.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Verifies caller tokens.
#[derive(Clone)]
pub struct Verifier {
    keys: Arc<HashMap<String, Key>>,
    verified: Arc<Cache<[u8; 32], (Caller, i64)>>,
}

/// A key that is believed.
struct Key {
    public: UnparsedPublicKey<Vec<u8>>,
    /// Whose processes hold it; `None` = everybody's.
    services: Option<Vec<String>>,
}

impl Key {
    /// Services speak for themselves; for people and programs accounts does, which has seen their
    /// sessions and keys.
    fn may_speak_for(&self, subject: &Subject) -> bool {
        let speaker = match subject {
            Subject::Service { name } => name.as_str(),
            Subject::User { .. } | Subject::ApiKey { .. } => "accounts",
        };
        let services = self.services.as_ref();
        services.is_none_or(|services| services.iter().any(|service| service == speaker))
    }
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    kid: String,
    x: String,
    /// Ours; a key set may hold members that others do not know (RFC 7517, section 4).
    services: Option<Vec<String>>,
}

impl Verifier {
    /// Believes the keys of a JSON Web Key Set; keys of other kinds are passed over.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] when the text is not a key set or holds no Ed25519 key.
    pub fn from_jwks(jwks: &str) -> Result<Self, TokenError> {
        let set: Jwks = serde_json::from_str(jwks).map_err(|_| TokenError::Invalid)?;
        let keys: HashMap<_, _> = set
            .keys
            .into_iter()
            .filter(|key| key.kty == "OKP" && key.crv == "Ed25519")
            .filter_map(|key| {
                let bytes = URL_SAFE_NO_PAD.decode(&key.x).ok()?;
                let public = UnparsedPublicKey::new(&ED25519, bytes);
                let services = key.services;
                Some((key.kid, Key { public, services }))
            })
            .collect();
        if keys.is_empty() {
            return Err(TokenError::Invalid);
        }
        Ok(Self {
            keys: Arc::new(keys),
            verified: Arc::new(Cache::new(REMEMBERED)),
        })
    }

    /// The caller the token speaks of.
    ///
    /// # Errors
    /// [`TokenError`] when its signature, form or expiry does not hold, or its signer may not
    /// speak for the caller.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Caller, TokenError> {
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let (caller, exp) = match self.verified.get(&digest) {
            Some(known) => known,
            None => {
                let checked = self.check(token)?;
                self.verified.insert(digest, checked.clone());
                checked
            }
        };
        if exp + LEEWAY < now.timestamp() {
            Err(TokenError::Expired)
        } else {
            Ok(caller)
        }
    }

    fn check(&self, token: &str) -> Result<(Caller, i64), TokenError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Invalid)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Invalid)?;
        let header: Header = decode(header)?;
        if header.alg != "EdDSA" {
            return Err(TokenError::Invalid);
        }
        let key = self.keys.get(&header.kid).ok_or(TokenError::Invalid)?;
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| TokenError::Invalid)?;
        key.public
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| TokenError::Invalid)?;
        let claims: Claims = decode(claims)?;
        let exp = claims.exp;
        let caller = caller(claims)?;
        if !key.may_speak_for(&caller.subject) {
            return Err(TokenError::Invalid);
        }
        Ok((caller, exp))
    }
}

/// The organization that a caller token speaks of. Nothing is verified: it is for who has just been
/// given the token by accounts.
pub fn organization_of(token: &str) -> Option<OrgId> {
    let claims: Claims = decode(token.split('.').nth(1)?).ok()?;
    Some(OrgId(claims.org))
}

fn caller(claims: Claims) -> Result<Caller, TokenError> {
    let invalid = |_| TokenError::Invalid;
    let (kind, id) = claims.sub.split_once(':').ok_or(TokenError::Invalid)?;
    let uuid = || Uuid::try_parse(id).map_err(|_| TokenError::Invalid);
    let subject = match kind {
        "user" => Subject::User {
            user: uuid()?,
            session: claims.sid.ok_or(TokenError::Invalid)?,
        },
        "key" => Subject::ApiKey { key: uuid()? },
        "service" => Subject::Service {
            name: id.to_owned(),
        },
        _ => return Err(TokenError::Invalid),
    };
    let scopes = claims
        .scopes
        .map(|words| {
            words
                .iter()
                .map(|word| word.parse::<Permission>().map_err(invalid))
                .collect()
        })
        .transpose()?;
    let role: Role = claims.role.parse().map_err(invalid)?;
    Ok(Caller {
        org: OrgId(claims.org),
        subject,
        role,
        scopes,
    })
}

fn key_id(public: &[u8]) -> String {
    let digest = Sha256::digest(public);
    URL_SAFE_NO_PAD.encode(&digest[..9])
}

fn encode<T: Serialize>(value: &T) -> String {
    // Both types hold only texts and numbers, which always serialize.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap_or_default())
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, TokenError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Invalid)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Invalid)
}

/// Reads a 32-byte key written in base64 (standard or URL-safe) or hexadecimal.
pub fn parse_key(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    let bytes = if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        (0..32)
            .map(|i| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok())
            .collect::<Option<Vec<u8>>>()?
    } else {
        let unpadded = text.trim_end_matches('=');
        STANDARD
            .decode(text)
            .or_else(|_| URL_SAFE_NO_PAD.decode(unpadded))
            .ok()?
    };
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> Caller {
        Caller {
            org: OrgId(Uuid::from_u128(1)),
            subject: Subject::User {
                user: Uuid::from_u128(2),
                session: Uuid::from_u128(3),
            },
            role: Role::Editor,
            scopes: None,
        }
    }

    fn pair() -> (Signer, Verifier) {
        let signer = Signer::from_seed(&[7; 32]).unwrap();
        let verifier = Verifier::from_jwks(&signer.jwks()).unwrap();
        (signer, verifier)
    }

    #[test]
    fn every_kind_of_caller_comes_back() {
        let (signer, verifier) = pair();
        let now = Utc::now();
        let key = Caller {
            subject: Subject::ApiKey {
                key: Uuid::from_u128(9),
            },
            scopes: Some(vec![Permission::AgentsRead]),
            ..user()
        };
        for caller in [user(), key, Caller::service("jobs", OrgId::NONE)] {
            let token = signer.sign(&caller, now);
            assert_eq!(organization_of(&token), Some(caller.org));
            assert_eq!(verifier.verify(&token, now), Ok(caller));
        }
    }

    #[test]
    fn a_service_speaks_for_itself_and_accounts_for_people() {
        let signers = [1, 2].map(|seed| Signer::from_seed(&[seed; 32]).unwrap());
        let [accounts, agents] = &signers;
        let jwks = Signer::jwks_by_service([("accounts", accounts), ("agents", agents)]);
        let verifier = Verifier::from_jwks(&jwks).unwrap();
        let now = Utc::now();
        let service = |name| Caller::service(name, OrgId::NONE);
        let believed = |signer: &Signer, caller: &Caller| {
            let checked = verifier.verify(&signer.sign(caller, now), now);
            checked.is_ok_and(|known| known == *caller)
        };
        assert!(believed(accounts, &user()));
        assert!(believed(accounts, &service("accounts")));
        assert!(believed(agents, &service("agents")));
        assert!(!believed(agents, &user()));
        assert!(!believed(agents, &service("accounts")));
        assert!(!believed(accounts, &service("agents")));
    }

    #[test]
    fn it_expires_even_when_remembered() {
        let (signer, verifier) = pair();
        let now = Utc::now();
        let token = signer.sign(&user(), now);
        assert!(verifier.verify(&token, now).is_ok());
        let late = now + TimeDelta::seconds(LIFETIME + LEEWAY + 1);
        assert_eq!(verifier.verify(&token, late), Err(TokenError::Expired));
    }

    #[test]
    fn another_key_or_a_changed_byte_is_refused() {
        let (signer, verifier) = pair();
        let now = Utc::now();
        let stranger = Signer::from_seed(&[8; 32]).unwrap();
        assert_eq!(
            verifier.verify(&stranger.sign(&user(), now), now),
            Err(TokenError::Invalid)
        );
        let token = signer.sign(&user(), now);
        for position in (0..token.len()).step_by(7) {
            let mut bytes = token.clone().into_bytes();
            bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(verifier.verify(&changed, now).is_err(), "byte {position}");
        }
    }

    #[test]
    fn no_algorithm_but_ours() {
        let (_, verifier) = pair();
        let none = encode(&Header {
            alg: "none".into(),
            typ: "JWT".into(),
            kid: "x".into(),
        });
        assert_eq!(
            verifier.verify(&format!("{none}.e30."), Utc::now()),
            Err(TokenError::Invalid)
        );
    }

    #[test]
    fn keys_in_both_spellings() {
        assert_eq!(parse_key(&"07".repeat(32)), Some([7; 32]));
        assert_eq!(parse_key(&STANDARD.encode([7; 32])), Some([7; 32]));
        assert_eq!(parse_key("short"), None);
    }
}
