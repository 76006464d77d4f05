use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use proptest::prelude::*;
use ring::hmac::{HMAC_SHA256, HMAC_SHA512};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::client::{BotKind, Entity};
use crate::host::{AccountHost, Hosts};
use crate::id::{AccountId, LeadId, UserId};
use crate::integration::Integration;
use crate::sign::sign;

const NOW: i64 = 1_760_000_100;
const CLIENT: &str = "11111111-2222-3333-4444-555555555555";
const HS512_HEADER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9";
const HS256_HEADER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9";
const PAYLOAD: &str = concat!(
    "eyJpc3MiOiJodHRwczovL2FjbWUua29tbW8uY29tIiwiYXVkIjoiaHR0cHM6Ly9hZ2VudC5leGFtcGxlLmNvbSIsImp0aSI6",
    "IjAwMDAwMDAwLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwOSIsImlhdCI6MTc2MDAwMDAwMCwibmJmIjoxNzYwMDAwMDAw",
    "LCJleHAiOjE3NjAwMDE4MDAsImFjY291bnRfaWQiOjMwMDAwMDAxLCJzdWJkb21haW4iOiJhY21lIiwiY2xpZW50X3V1aWQi",
    "OiIxMTExMTExMS0yMjIyLTMzMzMtNDQ0NC01NTU1NTU1NTU1NTUiLCJlbnRpdHlfdHlwZSI6MiwiZW50aXR5X2lkIjo1MDAx",
    "LCJib3RfdHlwZSI6InNhbGVzYm90In0",
);
const HS512_SIGNATURE: &str =
    "0Qu4PgXXuKXddoufXDPhwaif8MQ9mOYdwhdaABu4LmdaMsGXJTMenL4ZT60QbTxt_42fRBnHbFESArNUMhq6vA";
const HS256_SIGNATURE: &str = "2TYhT9KK5inKWZGu_nhLLr6lsZMDg3XJThuXNCanQRA";

fn integration() -> Integration {
    Integration {
        client_id: CLIENT.parse().unwrap(),
        client_secret: "k".repeat(64).into(),
        redirect_uri: "https://agent.example.com/api/kommo/callback"
            .parse()
            .unwrap(),
    }
}

fn acme() -> AccountHost {
    Hosts::kommo().account("acme.kommo.com").unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_secs(seconds).unwrap()
}

fn bot_at(token: &str, now: i64) -> Result<BotToken, TokenError> {
    let (hosts, host) = (Hosts::kommo(), acme());
    let account = (AccountId(30_000_001), &host);
    BotToken::verify(&integration(), &hosts, account, &token.into(), at(now))
}

fn bot(token: &str) -> Result<BotToken, TokenError> {
    bot_at(token, NOW)
}

fn widget(token: &str) -> Result<WidgetToken, TokenError> {
    WidgetToken::verify(&integration(), &Hosts::kommo(), &token.into(), at(NOW))
}

fn claims() -> Value {
    json!({
        "iss": "https://acme.kommo.com", "aud": "https://agent.example.com", "jti": "j-1",
        "iat": 1_760_000_000, "nbf": 1_760_000_000, "exp": 1_760_001_800,
        "account_id": 30_000_001, "user_id": 900, "client_uuid": CLIENT,
        "entity_type": 2, "entity_id": 5001, "bot_type": "salesbot",
    })
}

/// The claims with one of them changed, or left out by null.
fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    let fields = claims.as_object_mut().unwrap();
    if value.is_null() {
        fields.remove(name);
    } else {
        fields.insert(name.to_owned(), value);
    }
    claims
}

fn token(algorithm: &str, claims: &Value) -> String {
    let secret: SecretString = "k".repeat(64).into();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({"typ": "JWT", "alg": algorithm});
    let signed = format!("{}.{}", encode(&header), encode(claims));
    let digest = if algorithm == "HS512" {
        HMAC_SHA512
    } else {
        HMAC_SHA256
    };
    let signature = sign(digest, &secret, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn the_golden_tokens_of_a_bot_are_believed() {
    for (header, signature) in [
        (HS512_HEADER, HS512_SIGNATURE),
        (HS256_HEADER, HS256_SIGNATURE),
    ] {
        let token = bot(&format!("{header}.{PAYLOAD}.{signature}")).unwrap();
        assert_eq!(token.entity, Some(Entity::Lead(LeadId(5001))));
        assert_eq!(token.kind, Some(BotKind::Salesbot));
        assert_eq!(token.expires_at, at(1_760_001_800));
    }
}

#[test]
fn a_signature_under_another_header_is_not() {
    let mixed = format!("{HS256_HEADER}.{PAYLOAD}.{HS512_SIGNATURE}");
    assert_eq!(bot(&mixed), Err(TokenError::Signature));
}

#[test]
fn no_other_algorithm_is_believed() {
    for algorithm in [
        "none", "None", "NONE", "", "HS384", "RS256", "hs256", "ES256",
    ] {
        assert_eq!(
            bot(&token(algorithm, &claims())),
            Err(TokenError::Signature),
            "{algorithm}"
        );
        let bare = token(algorithm, &claims());
        let (signed, _) = bare.rsplit_once('.').unwrap();
        assert_eq!(bot(&format!("{signed}.")), Err(TokenError::Signature));
    }
    assert_eq!(
        widget(&token("HS512", &claims())),
        Err(TokenError::Signature)
    );
}

#[test]
fn each_claim_is_checked() {
    use TokenError::{Expired, Malformed, NotYetValid, OtherAccount, OtherIntegration};
    for (name, value, error) in [
        ("exp", json!(NOW - 30), Expired),
        ("exp", json!("soon"), Malformed),
        ("exp", Value::Null, Malformed),
        ("exp", json!(i64::MAX), Malformed),
        ("nbf", json!(NOW + 31), NotYetValid),
        ("iat", json!(NOW + 31), NotYetValid),
        (
            "client_uuid",
            json!("99999999-2222-3333-4444-555555555555"),
            OtherIntegration,
        ),
        ("client_uuid", json!("me"), OtherIntegration),
        ("client_uuid", Value::Null, Malformed),
        (
            "client_uid",
            json!("99999999-2222-3333-4444-555555555555"),
            OtherIntegration,
        ),
        ("account_id", json!(30_000_002), OtherAccount),
        ("account_id", Value::Null, Malformed),
        ("iss", json!("https://other.kommo.com"), OtherAccount),
        ("iss", json!("https://evil.org"), OtherAccount),
        ("iss", json!("http://acme.kommo.com"), OtherAccount),
        ("iss", json!("https://acme.kommo.com/x"), OtherAccount),
        ("iss", json!("acme.kommo.com"), Malformed),
        ("iss", Value::Null, Malformed),
    ] {
        let claims = with(name, value);
        assert_eq!(bot(&token("HS512", &claims)).err(), Some(error), "{claims}");
    }
}

#[test]
fn clocks_may_differ_a_little() {
    let token = token("HS512", &claims());
    for (now, is_valid) in [
        (1_760_000_000 - 31, false),
        (1_760_000_000 - 30, true),
        (1_760_001_800 + 29, true),
        (1_760_001_800 + 30, false),
    ] {
        assert_eq!(bot_at(&token, now).is_ok(), is_valid, "{now}");
    }
}

#[test]
fn a_bot_may_write_its_claims_otherwise() {
    let mut other = with("client_uuid", Value::Null);
    other["client_uid"] = json!(CLIENT);
    other["account_id"] = json!("30000001");
    other["entity_type"] = json!("leads");
    other["entity_id"] = json!("5001");
    let read = bot(&token("HS512", &other)).unwrap();
    assert_eq!(read.entity, Some(Entity::Lead(LeadId(5001))));
    let bare = with("entity_id", Value::Null);
    assert_eq!(bot(&token("HS512", &bare)).unwrap().entity, None);
}

#[test]
fn a_widgets_token_says_who() {
    let read = widget(&token("HS256", &claims())).unwrap();
    assert_eq!((read.user_id, read.is_admin), (UserId(900), false));
    assert_eq!(
        (read.account_id, read.host),
        (AccountId(30_000_001), acme())
    );
    assert_eq!(read.id, "j-1");
    let listed = with("aud", json!(["https://agent.example.com/", "x"]));
    assert!(widget(&token("HS256", &listed)).is_ok());
    for (name, value, error) in [
        (
            "aud",
            json!("https://evil.org"),
            TokenError::OtherIntegration,
        ),
        ("aud", json!(7), TokenError::OtherIntegration),
        ("aud", Value::Null, TokenError::Malformed),
        ("jti", Value::Null, TokenError::Malformed),
        ("user_id", Value::Null, TokenError::Malformed),
    ] {
        let claims = with(name, value);
        assert_eq!(
            widget(&token("HS256", &claims)).err(),
            Some(error),
            "{claims}"
        );
    }
}

#[test]
fn the_golden_call_that_it_is_switched_off_is_believed() {
    let signature = "8dfbd69662765ad793856351fc37ebaf5673b66eff2fcaf75fc05bfe430cac8b";
    let query = format!("client_uuid={CLIENT}&account_id=30000001&signature={signature}");
    let hook = DisableHook::parse(&query).unwrap();
    assert_eq!(hook.verify(&integration()), Ok(AccountId(30_000_001)));
    let other = DisableHook::parse(&query.replace("30000001", "30000002")).unwrap();
    assert_eq!(other.verify(&integration()), Err(TokenError::Signature));
    let cut = DisableHook::parse(&query[..query.len() - 2]).unwrap();
    assert_eq!(cut.verify(&integration()), Err(TokenError::Signature));
    let mut foreign = integration();
    foreign.client_id = uuid::Uuid::nil();
    assert_eq!(hook.verify(&foreign), Err(TokenError::OtherIntegration));
    for bad in [
        "",
        "client_uuid=x&account_id=1&signature=aa",
        &query.replace("&account_id", "&x"),
        &query.replace("30000001", "1|2"),
        &query[..query.len() - 1],
    ] {
        assert_eq!(DisableHook::parse(bad), Err(TokenError::Malformed), "{bad}");
    }
}

proptest! {
    #[test]
    fn nothing_unsigned_is_believed(text in "[A-Za-z0-9_.=-]{0,200}") {
        prop_assert_eq!(bot(&text), Err(TokenError::Signature));
    }

    #[test]
    fn no_change_is_believed(place in 0_usize..600, letter in "[A-Za-z0-9_-]") {
        let golden = format!("{HS512_HEADER}.{PAYLOAD}.{HS512_SIGNATURE}");
        let place = place % golden.len();
        let mut changed = golden.clone();
        changed.replace_range(place..=place, &letter);
        prop_assume!(changed != golden);
        prop_assert!(bot(&changed).is_err());
    }
}
