//! The secrets of the addresses that Kommo posts to. A connection is found by the hash of one; the
//! hash is keyed, so that who reads the database alone cannot try secrets against it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use t11_core::World;

/// Shortest key that the hash may be keyed with, in bytes.
const MIN_KEY: usize = 32;

/// How long after a secret was replaced Kommo still posts to its address: it repeats a webhook for
/// 1 h 35 min, to the address that it began with, as long as that is subscribed.
pub(crate) const OVERLAP: TimeDelta = TimeDelta::minutes(100);
/// How long such a secret works: longer, for subscriptions are looked after every hour.
pub(crate) const GRACE: TimeDelta = TimeDelta::hours(4);
/// How old a secret may be.
pub(crate) const ROTATE_AFTER: TimeDelta = TimeDelta::days(90);

/// Hashes the secrets.
#[derive(Clone)]
pub(crate) struct SecretHasher(Hmac<Sha256>);

impl SecretHasher {
    /// # Errors
    /// When the key is too short to be one.
    pub(crate) fn new(key: &str) -> anyhow::Result<Self> {
        let key = key.trim().as_bytes();
        anyhow::ensure!(
            key.len() >= MIN_KEY,
            "`crm.webhook_secret` (KOMMO_WEBHOOK_SECRET) must have at least {MIN_KEY} characters; \
             make one with `openssl rand -base64 32`"
        );
        Ok(Self(Hmac::new_from_slice(key)?))
    }

    /// What the secret is stored under, in hexadecimal.
    pub(crate) fn hash(&self, secret: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(secret.as_bytes());
        crate::event::hex(&mac.finalize().into_bytes())
    }
}

/// A new secret: 32 bytes that nobody can guess, as they stand in an address.
pub(crate) fn new_secret(world: &World) -> SecretString {
    URL_SAFE_NO_PAD.encode(world.random::<32>()).into()
}

/// The path that Kommo posts webhooks to. It must end with a slash.
pub(crate) fn path(secret: &SecretString) -> String {
    format!("/hooks/kommo/{}/", secret.expose_secret())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_keyed() {
        let one = SecretHasher::new(&"a".repeat(32)).unwrap();
        let other = SecretHasher::new(&"b".repeat(32)).unwrap();
        assert_eq!(one.hash("secret"), one.hash("secret"));
        assert_ne!(one.hash("secret"), other.hash("secret"));
        assert_ne!(one.hash("secret"), one.hash("secret2"));
        assert!(SecretHasher::new("short").is_err());
    }

    #[test]
    fn a_secret_is_a_segment_of_a_path() {
        let secret = new_secret(&World::system());
        let text = secret.expose_secret();
        assert_eq!(text.len(), 43);
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        );
        assert_ne!(new_secret(&World::system()).expose_secret(), text);
    }
}
