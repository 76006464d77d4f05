//! Signatures that both sides make with a shared secret. Written on `ring`, which TLS links anyway
//! (docs/adr/0003-caller-tokens.md); compared in constant time.

use ring::hmac::{self, Algorithm, Key};
use secrecy::{ExposeSecret as _, SecretString};

/// The signature of `message`.
pub(crate) fn sign(algorithm: Algorithm, secret: &SecretString, message: &[u8]) -> Vec<u8> {
    let key = Key::new(algorithm, secret.expose_secret().as_bytes());
    hmac::sign(&key, message).as_ref().to_vec()
}

/// Whether `signature` is that of `message`.
pub(crate) fn is_signed(
    algorithm: Algorithm,
    secret: &SecretString,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let key = Key::new(algorithm, secret.expose_secret().as_bytes());
    hmac::verify(&key, message, signature).is_ok()
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of hexadecimal of either case.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = text.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| u8::try_from(digit(&pair[0])? * 16 + digit(&pair[1])?).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn hexadecimal_is_read_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(unhex(&hex(&bytes)).unwrap(), bytes.clone());
            prop_assert_eq!(unhex(&hex(&bytes).to_uppercase()).unwrap(), bytes);
        }

        #[test]
        fn nothing_else_is(text in "\\PC{0,20}") {
            let is_hex = text.len() % 2 == 0 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            prop_assert_eq!(unhex(&text).is_some(), is_hex);
        }
    }
}
