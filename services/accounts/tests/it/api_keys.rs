//! Keys of an organization's programs.

mod believing;
mod keeping;
mod making;
mod rights;

use chrono::TimeDelta;
use prost_types::{FieldMask, Timestamp};
use t11_core::Caller;
use t11_proto::accounts::v1 as pb;
use tonic::{Response, Status};

use crate::harness::{Accounts, Person, reason};

const READ: &[&str] = &["agents.read"];
const BOTH: &[&str] = &["agents.read", "agents.write"];
const REQUEST: &str = "0190a0de-0000-7000-8000-000000000001";

pub(crate) fn new_key(display_name: &str, scopes: &[&str]) -> pb::ApiKey {
    pb::ApiKey {
        display_name: display_name.to_owned(),
        scopes: scopes.iter().map(ToString::to_string).collect(),
        ..Default::default()
    }
}

pub(crate) async fn create(
    accounts: &Accounts,
    person: &Person,
    key: pb::ApiKey,
) -> Result<pb::CreateApiKeyResponse, Status> {
    create_once(accounts, person, key, "").await
}

async fn create_once(
    accounts: &Accounts,
    person: &Person,
    key: pb::ApiKey,
    request_id: &str,
) -> Result<pb::CreateApiKeyResponse, Status> {
    let request = pb::CreateApiKeyRequest {
        api_key: Some(key),
        request_id: request_id.to_owned(),
    };
    let call = async { accounts.api_keys().create_api_key(request).await };
    let created = accounts.as_person(person, call).await;
    created.map(Response::into_inner)
}

/// A key and its name.
pub(crate) async fn made(
    accounts: &Accounts,
    person: &Person,
    scopes: &[&str],
) -> (String, String) {
    let made = create(accounts, person, new_key("CI", scopes)).await;
    let made = made.unwrap();
    (made.key, made.api_key.unwrap().name)
}

async fn get(accounts: &Accounts, person: &Person, name: &str) -> Result<pb::ApiKey, Status> {
    let request = pb::GetApiKeyRequest {
        name: name.to_owned(),
    };
    let call = async { accounts.api_keys().get_api_key(request).await };
    let key = accounts.as_person(person, call).await;
    key.map(Response::into_inner)
}

pub(crate) async fn revoke(
    accounts: &Accounts,
    person: &Person,
    name: &str,
) -> Result<pb::ApiKey, Status> {
    let request = pb::RevokeApiKeyRequest {
        name: name.to_owned(),
    };
    let call = async { accounts.api_keys().revoke_api_key(request).await };
    let key = accounts.as_person(person, call).await;
    key.map(Response::into_inner)
}

async fn list(
    accounts: &Accounts,
    person: &Person,
    request: pb::ListApiKeysRequest,
) -> Result<pb::ListApiKeysResponse, Status> {
    let call = async { accounts.api_keys().list_api_keys(request).await };
    let keys = accounts.as_person(person, call).await;
    keys.map(Response::into_inner)
}

async fn listed(accounts: &Accounts, person: &Person) -> Vec<pb::ApiKey> {
    let all = list(accounts, person, pb::ListApiKeysRequest::default()).await;
    all.unwrap().api_keys
}

pub(crate) async fn set_role(accounts: &Accounts, actor: &Person, member: &Person, role: &str) {
    let request = pb::UpdateMemberRoleRequest {
        name: member.member(),
        role: role.to_owned(),
    };
    let call = async { accounts.members().update_member_role(request).await };
    accounts.as_person(actor, call).await.unwrap();
}

pub(crate) async fn remove(accounts: &Accounts, actor: &Person, member: &Person) {
    let request = pb::DeleteMemberRequest {
        name: member.member(),
    };
    let call = async { accounts.members().delete_member(request).await };
    accounts.as_person(actor, call).await.unwrap();
}

/// Who calls with the key.
async fn caller(accounts: &Accounts, key: &str) -> Result<Caller, Status> {
    let issued = accounts.exchange_key(key).await?;
    let now = accounts.world().now();
    Ok(accounts
        .verifier()
        .verify(&issued.caller_token, now)
        .unwrap())
}

async fn refusal(accounts: &Accounts, key: &str) -> String {
    reason(accounts.exchange_key(key).await)
}

fn in_future(accounts: &Accounts, by: TimeDelta) -> Option<Timestamp> {
    let time = accounts.world().now() + by;
    Some(Timestamp {
        seconds: time.timestamp(),
        nanos: 0,
    })
}

async fn rename(
    accounts: &Accounts,
    person: &Person,
    name: &str,
    display_name: &str,
    mask: &[&str],
) -> Result<pb::ApiKey, Status> {
    let key = pb::ApiKey {
        name: name.to_owned(),
        ..new_key(display_name, BOTH)
    };
    let update_mask = (!mask.is_empty()).then(|| FieldMask {
        paths: mask.iter().map(ToString::to_string).collect(),
    });
    let request = pb::UpdateApiKeyRequest {
        api_key: Some(key),
        update_mask,
    };
    let call = async { accounts.api_keys().update_api_key(request).await };
    let renamed = accounts.as_person(person, call).await;
    renamed.map(Response::into_inner)
}

/// The key with `part` in place of what is at `place`, and a checksum that fits.
fn forged(key: &str, place: usize, part: &str) -> String {
    let mut body = key[..key.len() - "_123456".len()].to_owned();
    body.replace_range(place..place + part.len(), part);
    format!("{body}_{}", checksum(&body))
}

fn checksum(text: &str) -> String {
    let mut crc = u32::MAX;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    let digits: Vec<char> = ('0'..='9').chain('A'..='Z').chain('a'..='z').collect();
    let mut number = !crc as usize;
    let mut text = Vec::new();
    for _ in 0..6 {
        text.insert(0, digits[number % 62]);
        number /= 62;
    }
    text.into_iter().collect()
}
