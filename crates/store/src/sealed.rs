//! Secrets in columns: AES-256-GCM under a key of the keyring, bound to the cell they are in.
//!
//! `version (1) | key id (4) | nonce (12) | ciphertext | tag (16)`. The associated data is
//! organization, table, row and column, so that a value copied into another cell does not open.
//! Nonces are random: NIST SP 800-38D §8.3 allows 2^32 values under one key.

use std::fmt;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, Mac as _};
use sea_orm::DeriveValueType;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use sha2::Sha256;
use t11_core::{Fault, FaultKind, OrgId, World};
use uuid::Uuid;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const KEY_ID_LEN: usize = 4;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

/// Something sealed cannot be opened, or a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not the form of a sealed value, or of a newer version.
    #[error("the sealed value is malformed")]
    Malformed,
    /// Sealed under a key that is not in the keyring.
    #[error("the sealed value needs key `{0}`, which is not in the keyring")]
    UnknownKey(String),
    /// Changed, or copied from another cell.
    #[error("the sealed value is not authentic")]
    NotAuthentic,
    /// Opened, but not UTF-8 text.
    #[error("the sealed value is not text")]
    NotText,
    /// Not 32 bytes in base64 or hex.
    #[error("an encryption key must be 32 bytes in base64 or hex (`openssl rand -base64 32`)")]
    BadKey,
}

impl Fault for SealError {
    fn kind(&self) -> FaultKind {
        FaultKind::Internal
    }
    fn reason(&self) -> &'static str {
        "SECRET_UNREADABLE"
    }
}

/// The cell that a sealed value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// `None` for rows of no organization.
    pub org: Option<OrgId>,
    /// The table's name.
    pub table: &'a str,
    /// The row's id.
    pub row: Uuid,
    /// The column's name.
    pub column: &'a str,
}

impl Place<'_> {
    /// Each part with its length before it, so that no two places give the same bytes.
    fn associated_data(&self) -> Vec<u8> {
        let org = self.org.map(|org| org.0);
        let org = org.as_ref().map_or(&[][..], |org| org.as_bytes());
        let parts = [
            org,
            self.table.as_bytes(),
            self.row.as_bytes(),
            self.column.as_bytes(),
        ];
        let mut data = Vec::new();
        for part in parts {
            data.extend_from_slice(&(part.len() as u32).to_be_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

/// A sealed value: the type of the column in an entity.
#[derive(Clone, PartialEq, Eq, DeriveValueType)]
pub struct Sealed(Vec<u8>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl From<Vec<u8>> for Sealed {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Sealed {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

struct Key {
    id: [u8; KEY_ID_LEN],
    bytes: Zeroizing<[u8; 32]>,
    cipher: Aes256Gcm,
}

impl Key {
    /// A key's id is made from the key, so that nobody has to number keys.
    fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        let digest = keyed_hash(&bytes, b"t11 key id");
        let mut id = [0; KEY_ID_LEN];
        id.copy_from_slice(&digest[..KEY_ID_LEN]);
        Self {
            id,
            cipher: Aes256Gcm::new((&*bytes).into()),
            bytes,
        }
    }

    fn parse(text: &str) -> Result<Self, SealError> {
        let text = text.trim();
        let bytes = if text.len() == 64 {
            from_hex(text)
        } else {
            from_base64(text)
        };
        let bytes = Zeroizing::new(bytes.ok_or(SealError::BadKey)?);
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(SealError::BadKey);
        }
        key.copy_from_slice(&bytes);
        Ok(Self::new(key))
    }
}

/// The keys that seal and open. One seals; the others, of before, only open.
pub struct Keyring {
    primary: Key,
    retired: Vec<Key>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys)", 1 + self.retired.len())
    }
}

impl Keyring {
    /// A keyring of one key.
    pub fn new(key: [u8; 32]) -> Self {
        Self {
            primary: Key::new(Zeroizing::new(key)),
            retired: Vec::new(),
        }
    }

    /// `primary` is `ENCRYPTION_KEY`: 32 bytes in base64 or hex. `retired` is `T11_KEYRING`: keys
    /// of before, separated by commas. To rotate, put the old key in front of the keyring and a
    /// new one in its place, restart, and reseal what [needs it](Keyring::needs_reseal).
    ///
    /// # Errors
    /// [`SealError::BadKey`] when any of them is not a key.
    pub fn parse(
        primary: &SecretString,
        retired: Option<&SecretString>,
    ) -> Result<Self, SealError> {
        let retired = retired.map_or("", |keys| keys.expose_secret());
        Ok(Self {
            primary: Key::parse(primary.expose_secret())?,
            retired: retired
                .split(',')
                .filter(|key| !key.trim().is_empty())
                .map(Key::parse)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Seals `plaintext` for the cell `place` under the primary key.
    pub fn seal(&self, world: &World, place: Place<'_>, plaintext: &[u8]) -> Sealed {
        let nonce = world.random::<NONCE_LEN>();
        let payload = Payload {
            msg: plaintext,
            aad: &place.associated_data(),
        };
        #[expect(
            clippy::expect_used,
            reason = "AES-GCM refuses only what is longer than 64 GiB"
        )]
        let ciphertext = self
            .primary
            .cipher
            .encrypt(&nonce.into(), payload)
            .expect("less than 64 GiB");
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&self.primary.id);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Sealed(sealed)
    }

    /// Opens what was sealed for the cell `place`.
    ///
    /// # Errors
    /// [`SealError`] when the value is malformed, under an unknown key, changed, or of another
    /// cell.
    pub fn open(&self, place: Place<'_>, sealed: &Sealed) -> Result<SecretSlice<u8>, SealError> {
        let parts = Parts::of(sealed)?;
        let key = self.key(parts.key_id)?;
        let payload = Payload {
            msg: parts.ciphertext,
            aad: &place.associated_data(),
        };
        let plaintext = key
            .cipher
            .decrypt(&parts.nonce.into(), payload)
            .map_err(|_| SealError::NotAuthentic)?;
        Ok(plaintext.into())
    }

    /// Opens text.
    ///
    /// # Errors
    /// As [`Keyring::open`], and [`SealError::NotText`].
    pub fn open_text(&self, place: Place<'_>, sealed: &Sealed) -> Result<SecretString, SealError> {
        let plaintext = self.open(place, sealed)?;
        let text =
            std::str::from_utf8(plaintext.expose_secret()).map_err(|_| SealError::NotText)?;
        Ok(text.to_owned().into())
    }

    /// Whether the value is under a retired key and should be sealed anew.
    ///
    /// # Errors
    /// [`SealError::Malformed`] or [`SealError::UnknownKey`].
    pub fn needs_reseal(&self, sealed: &Sealed) -> Result<bool, SealError> {
        let parts = Parts::of(sealed)?;
        self.key(parts.key_id).map(|key| key.id != self.primary.id)
    }

    /// Bytes at the beginning of a sealed value that name its key; see [`Keyring::knows`].
    pub const HEAD: usize = 1 + KEY_ID_LEN;

    /// Whether a value that begins with `head` ([`Keyring::HEAD`] bytes) is under one of the keys.
    ///
    /// # Errors
    /// [`SealError::Malformed`] or [`SealError::UnknownKey`].
    pub fn knows(&self, head: &[u8]) -> Result<(), SealError> {
        let key_id = head.strip_prefix(&[VERSION]).ok_or(SealError::Malformed)?;
        let key_id = key_id.try_into().map_err(|_| SealError::Malformed)?;
        self.key(key_id).map(|_| ())
    }

    /// A key for another purpose (signing page tokens, keying a hash), made from the primary key:
    /// the same on every replica, another for every purpose, and another after a rotation.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let mut message = b"t11 derived key\0".to_vec();
        message.extend_from_slice(purpose.as_bytes());
        Zeroizing::new(keyed_hash(&self.primary.bytes, &message))
    }

    fn key(&self, id: [u8; KEY_ID_LEN]) -> Result<&Key, SealError> {
        std::iter::once(&self.primary)
            .chain(&self.retired)
            .find(|key| key.id == id)
            .ok_or_else(|| SealError::UnknownKey(format!("{:08x}", u32::from_be_bytes(id))))
    }
}

struct Parts<'a> {
    key_id: [u8; KEY_ID_LEN],
    nonce: [u8; NONCE_LEN],
    ciphertext: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(sealed: &'a Sealed) -> Result<Self, SealError> {
        let split = || {
            let (&version, rest) = sealed.0.split_first()?;
            let (key_id, rest) = rest.split_first_chunk()?;
            let (nonce, ciphertext) = rest.split_first_chunk()?;
            let whole = version == VERSION && ciphertext.len() >= TAG_LEN;
            whole.then_some(Self {
                key_id: *key_id,
                nonce: *nonce,
                ciphertext,
            })
        };
        split().ok_or(SealError::Malformed)
    }
}

fn keyed_hash(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    use hmac::KeyInit as _;
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a 32-byte key");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD
        .decode(text)
        .or_else(|_| STANDARD_NO_PAD.decode(text))
        .ok()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests;
