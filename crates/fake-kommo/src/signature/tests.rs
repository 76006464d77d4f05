//! Vectors computed with other implementations of the same algorithms.

use serde::Serialize;

use super::*;

const CLIENT_ID: &str = "11111111-2222-3333-4444-555555555555";
const CHANNEL_SECRET: &str = "0123456789abcdef0123456789abcdef01234567";

fn client_secret() -> String {
    "k".repeat(64)
}

#[derive(Serialize)]
struct Claims {
    iss: &'static str,
    aud: &'static str,
    jti: &'static str,
    iat: i64,
    nbf: i64,
    exp: i64,
    account_id: i64,
    subdomain: &'static str,
    client_uuid: &'static str,
    entity_type: i64,
    entity_id: i64,
    bot_type: &'static str,
}

const CLAIMS: Claims = Claims {
    iss: "https://acme.kommo.com",
    aud: "https://agent.example.com",
    jti: "00000000-0000-4000-8000-000000000009",
    iat: 1_760_000_000,
    nbf: 1_760_000_000,
    exp: 1_760_001_800,
    account_id: 30_000_001,
    subdomain: "acme",
    client_uuid: CLIENT_ID,
    entity_type: 2,
    entity_id: 5001,
    bot_type: "salesbot",
};

#[test]
fn the_disable_hook() {
    assert_eq!(
        disable_hook(CLIENT_ID, &client_secret(), 30_000_001),
        "8dfbd69662765ad793856351fc37ebaf5673b66eff2fcaf75fc05bfe430cac8b"
    );
}

#[test]
fn a_request_to_the_chat_back_end() {
    let body = r#"{"event_type":"new_message","payload":{"timestamp":1760000000,"msec_timestamp":1760000000000,"msgid":"m-1","conversation_id":"c-1","sender":{"id":"u-1","name":"Ana"},"message":{"type":"text","text":"Hi"},"silent":false}}"#;
    let content_md5 = md5_hex(body.as_bytes());
    assert_eq!(content_md5, "b738927b99e06ebc6a5504f4be695a6e");
    let request = AmojoRequest {
        method: "POST",
        content_md5: &content_md5,
        content_type: "application/json",
        date: "Thu, 09 Oct 2025 08:53:20 +0000",
        path: "/v2/origin/custom/aaaaaaaa-0000-4000-8000-000000000001_bbbbbbbb-0000-4000-8000-000000000002",
    };
    assert_eq!(
        request.signature(CHANNEL_SECRET),
        "db31482bbb72ca9e1add74bba96d020341403044"
    );
}

#[test]
fn a_webhook_of_the_chat_back_end() {
    let body = r#"{"account_id":"bbbbbbbb-0000-4000-8000-000000000002","time":1760000001,"message":{"text":"ok"}}"#;
    assert_eq!(
        amojo_body(CHANNEL_SECRET, body.as_bytes()),
        "5224eac244b1da921f1deea516785b830db597a9"
    );
}

#[test]
fn the_md5_of_nothing() {
    assert_eq!(md5_hex(b""), "d41d8cd98f00b204e9800998ecf8427e");
}

#[test]
fn a_token_of_a_bot() {
    assert_eq!(
        jwt(JwtAlgorithm::Hs512, &client_secret(), &CLAIMS),
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9.eyJpc3MiOiJodHRwczovL2FjbWUua29tbW8uY29tIiwiYXVkIjoiaHR0cHM6Ly9hZ2VudC5leGFtcGxlLmNvbSIsImp0aSI6IjAwMDAwMDAwLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwOSIsImlhdCI6MTc2MDAwMDAwMCwibmJmIjoxNzYwMDAwMDAwLCJleHAiOjE3NjAwMDE4MDAsImFjY291bnRfaWQiOjMwMDAwMDAxLCJzdWJkb21haW4iOiJhY21lIiwiY2xpZW50X3V1aWQiOiIxMTExMTExMS0yMjIyLTMzMzMtNDQ0NC01NTU1NTU1NTU1NTUiLCJlbnRpdHlfdHlwZSI6MiwiZW50aXR5X2lkIjo1MDAxLCJib3RfdHlwZSI6InNhbGVzYm90In0.0Qu4PgXXuKXddoufXDPhwaif8MQ9mOYdwhdaABu4LmdaMsGXJTMenL4ZT60QbTxt_42fRBnHbFESArNUMhq6vA"
    );
}

#[test]
fn a_token_of_a_widget() {
    let token = jwt(JwtAlgorithm::Hs256, &client_secret(), &CLAIMS);
    assert!(token.starts_with("eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9."));
    assert!(token.ends_with(".2TYhT9KK5inKWZGu_nhLLr6lsZMDg3XJThuXNCanQRA"));
}
