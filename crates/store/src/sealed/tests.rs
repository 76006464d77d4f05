use std::sync::Arc;

use t11_core::{Entropy, SystemWorld};

use super::*;

/// Counts up from 100, for the golden value.
struct Counting;

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes
            .iter_mut()
            .zip(100..)
            .for_each(|(byte, next)| *byte = next);
    }
}

fn counting_world() -> World {
    World::new(Arc::new(SystemWorld), Arc::new(Counting))
}

fn key(first: u8) -> [u8; 32] {
    std::array::from_fn(|at| first + u8::try_from(at).unwrap())
}

const PLACE: Place<'_> = Place {
    org: Some(OrgId(Uuid::from_u128(1))),
    table: "provider_keys",
    row: Uuid::from_u128(2),
    column: "secret",
};

/// Made by another implementation (Python's `cryptography`): what is stored stays readable.
const GOLDEN: &str = "01b432fcc26465666768696a6b6c6d6e6f3b70f3090bc420af13053084be0004c3efdfcb\
     ad4144ad31c980ceba7449e0";

#[test]
fn the_format_does_not_change() {
    let keyring = Keyring::new(key(0));
    let golden = Sealed(from_hex(GOLDEN).unwrap());
    assert_eq!(
        keyring.seal(&counting_world(), PLACE, b"sk-or-v1-golden"),
        golden
    );
    let opened = keyring.open_text(PLACE, &golden).unwrap();
    assert_eq!(opened.expose_secret(), "sk-or-v1-golden");
    assert_eq!(
        keyring.derive("page tokens")[..],
        from_hex("39e4ba7b477d30b9bf2eb07bf9abf4667d240474b674237e92e303155b809dd3").unwrap()
    );
}

#[test]
fn a_value_opens_only_in_its_own_cell() {
    let keyring = Keyring::new(key(0));
    let sealed = keyring.seal(&World::system(), PLACE, b"token");
    let elsewhere = [
        Place {
            org: Some(OrgId(Uuid::from_u128(9))),
            ..PLACE
        },
        Place { org: None, ..PLACE },
        Place {
            table: "provider_key",
            ..PLACE
        },
        Place {
            row: Uuid::from_u128(3),
            ..PLACE
        },
        Place {
            column: "secrets",
            ..PLACE
        },
    ];
    for place in elsewhere {
        assert_eq!(
            keyring.open(place, &sealed).unwrap_err(),
            SealError::NotAuthentic,
            "{place:?}"
        );
    }
}

#[test]
fn every_changed_or_missing_byte_is_an_error() {
    let keyring = Keyring::new(key(0));
    let Sealed(sealed) = keyring.seal(&World::system(), PLACE, b"token");
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(keyring.open(PLACE, &Sealed(changed)).is_err(), "byte {at}");
        assert!(
            keyring.open(PLACE, &Sealed(sealed[..at].to_vec())).is_err(),
            "cut at {at}"
        );
    }
}

#[test]
fn a_rotated_key_still_opens_what_it_sealed() {
    let [old, new] = [STANDARD.encode(key(0)), "2a".repeat(32)].map(SecretString::from);
    let before = Keyring::parse(&old, None).unwrap();
    let after = Keyring::parse(&new, Some(&old)).unwrap();
    let sealed = before.seal(&World::system(), PLACE, b"token");

    assert_eq!(
        after.open_text(PLACE, &sealed).unwrap().expose_secret(),
        "token"
    );
    assert_eq!(before.needs_reseal(&sealed), Ok(false));
    assert_eq!(after.needs_reseal(&sealed), Ok(true));
    let resealed = after.seal(&World::system(), PLACE, b"token");
    assert_eq!(after.needs_reseal(&resealed), Ok(false));
    assert!(matches!(
        before.open(PLACE, &resealed),
        Err(SealError::UnknownKey(_))
    ));
}

#[test]
fn only_32_bytes_in_base64_or_hex_are_a_key() {
    let parse = |text: &str| Keyring::parse(&text.to_owned().into(), None).map(|_| ());
    assert_eq!(parse(&STANDARD_NO_PAD.encode([7; 32])), Ok(()));
    assert_eq!(parse(&format!(" {}\n", STANDARD.encode([7; 32]))), Ok(()));
    for bad in [
        "",
        "secret",
        &"zz".repeat(32),
        &STANDARD.encode([7; 31]),
        &"é".repeat(32),
    ] {
        assert_eq!(parse(bad), Err(SealError::BadKey), "{bad}");
    }
}

#[test]
fn text_that_is_not_utf8_is_an_error() {
    let keyring = Keyring::new(key(0));
    let sealed = keyring.seal(&World::system(), PLACE, &[0xff]);
    assert_eq!(
        keyring.open_text(PLACE, &sealed).unwrap_err(),
        SealError::NotText
    );
}

#[test]
fn debug_shows_neither_keys_nor_values() {
    let keyring = Keyring::new(key(0));
    let sealed = keyring.seal(&World::system(), PLACE, b"token");
    assert_eq!(
        format!("{keyring:?} {sealed:?}"),
        "Keyring(1 keys) Sealed(38 bytes)"
    );
}
