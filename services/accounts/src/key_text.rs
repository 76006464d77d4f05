//! An API key as its holder writes it: `t11_<environment>_<id>_<secret>_<checksum>`.
//!
//! The beginning lets scanners of leaked secrets find keys; the checksum lets anybody tell a whole
//! key from a mistyped one without asking.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use t11_core::World;

use crate::session::hash_secret;

/// How every key begins.
pub(crate) const BEGINNING: &str = "t11_";
const ID_CHARS: usize = 8;
/// 256 bits in base64.
const SECRET_CHARS: usize = 43;
/// A CRC-32 in base 62.
const CHECKSUM_CHARS: usize = 6;

/// Which installations believe a key, so that one of a test does not get into production unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyEnvironment {
    Dev,
    Live,
}

impl KeyEnvironment {
    fn beginning(self) -> &'static str {
        match self {
            Self::Dev => "t11_dev_",
            Self::Live => "t11_live_",
        }
    }
}

/// A whole key. Only its hash is stored, unsalted, for it cannot be guessed.
#[derive(Debug, Clone)]
pub(crate) struct KeyText {
    id: String,
    prefix: String,
    text: SecretString,
}

impl KeyText {
    /// A new key.
    pub(crate) fn new(world: &World, environment: KeyEnvironment) -> Self {
        let id = base62::<ID_CHARS>(u64::from_be_bytes(world.random()));
        let prefix = format!("{}{id}", environment.beginning());
        let secret = URL_SAFE_NO_PAD.encode(world.random::<32>());
        let checked = format!("{prefix}_{secret}");
        let checksum = checksum(&checked);
        Self {
            id,
            prefix,
            text: format!("{checked}_{checksum}").into(),
        }
    }

    /// Reads a key; `None` when it is not whole or of another environment.
    pub(crate) fn parse(text: &str, environment: KeyEnvironment) -> Option<Self> {
        let rest = text.strip_prefix(environment.beginning())?;
        // By places, not by `_`: the secret may hold some.
        let (id, rest) = rest.split_at_checked(ID_CHARS)?;
        let (secret, rest) = rest.strip_prefix('_')?.split_at_checked(SECRET_CHARS)?;
        let given = rest.strip_prefix('_')?;
        let prefix = format!("{}{id}", environment.beginning());
        let is_whole = given == checksum(&format!("{prefix}_{secret}"));
        is_whole.then(|| Self {
            id: id.to_owned(),
            prefix,
            text: text.to_owned().into(),
        })
    }

    /// By which the key is found.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// What may be shown of it.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(crate) fn expose(&self) -> &str {
        self.text.expose_secret()
    }

    pub(crate) fn hash(&self) -> String {
        hash_secret(self.expose())
    }
}

fn checksum(text: &str) -> String {
    base62::<CHECKSUM_CHARS>(crc32(text.as_bytes()).into())
}

/// The last `CHARS` digits of a number.
fn base62<const CHARS: usize>(mut number: u64) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = ['0'; CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = char::from(DIGITS[(number % 62) as usize]);
        number /= 62;
    }
    digits.iter().collect()
}

/// CRC-32 as in zip and png.
fn crc32(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    });
    !crc
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use t11_core::ManualWorld;

    use super::*;

    fn key(environment: KeyEnvironment) -> KeyText {
        KeyText::new(
            &ManualWorld::new(DateTime::UNIX_EPOCH, 1).world(),
            environment,
        )
    }

    fn is_key(text: &str) -> bool {
        KeyText::parse(text, KeyEnvironment::Live).is_some()
    }

    #[test]
    fn a_key_reads_back() {
        let key = key(KeyEnvironment::Live);
        let text = key.expose();
        assert_eq!(text.len(), "t11_live_".len() + 8 + 1 + 43 + 1 + 6);
        let read = KeyText::parse(text, KeyEnvironment::Live).unwrap();
        assert_eq!((read.id(), read.hash()), (key.id(), key.hash()));
        assert_eq!(read.prefix(), format!("t11_live_{}", key.id()));
        assert!(text.starts_with(read.prefix()));
    }

    #[test]
    fn any_changed_character_is_noticed() {
        let text = key(KeyEnvironment::Live).expose().to_owned();
        for place in 0..text.len() {
            for other in ["x", "0", "_", "é"] {
                let mut changed = text.clone();
                changed.replace_range(place..=place, other);
                assert!(changed == text || !is_key(&changed), "{place}: {other}");
            }
            assert!(!is_key(&text[..place]), "cut at {place}");
        }
        assert!(!is_key(&format!("{text}0")));
        assert!(!is_key(&format!(" {text}")));
        assert!(!is_key(&text.to_uppercase()));
    }

    #[test]
    fn a_key_of_another_environment_is_none() {
        assert!(!is_key(key(KeyEnvironment::Dev).expose()));
        let relabelled = key(KeyEnvironment::Dev)
            .expose()
            .replace("t11_dev_", "t11_live_");
        assert!(!is_key(&relabelled), "the checksum covers the environment");
    }

    #[test]
    fn the_secret_is_not_shown() {
        let key = key(KeyEnvironment::Dev);
        let shown = format!("{key:?}");
        assert!(shown.contains(key.id()) && !shown.contains(key.expose()));
    }

    /// <https://reveng.sourceforge.io/crc-catalogue/17plus.htm#crc.cat.crc-32-iso-hdlc>
    #[test]
    fn the_checksum_is_the_one_everybody_has() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(base62::<6>(u32::MAX.into()), "4gfFC3");
        assert_eq!(base62::<6>(61), "00000z");
    }
}
