//! The organization's integration.

use t11_core::Role;
use t11_proto::crm::v1 as pb;
use t11_store::{Keyring, Place, Sealed};
use tonic::{Response, Status};
use uuid::Uuid;

use crate::harness::{Crm, ENCRYPTION_KEY, ORG, OTHER_ORG, reason, violations};

const SECRET: &str = "canary-0123456789-canary";

fn credential() -> pb::SetCredentialRequest {
    pb::SetCredentialRequest {
        client_id: "0f4c8a2e-1b7d-4c55-9b7e-6f0a5d3c2b1a".to_owned(),
        client_secret: SECRET.to_owned(),
        redirect_uri: "https://crm.example.com/api/kommo/callback".to_owned(),
    }
}

async fn set(crm: &Crm, request: pb::SetCredentialRequest) -> Result<pb::Credential, Status> {
    let call = async { crm.credentials().set_credential(request).await };
    crm.as_owner(ORG, call).await.map(Response::into_inner)
}

async fn get(crm: &Crm, org: t11_core::OrgId) -> Result<pb::Credential, Status> {
    let call = async {
        crm.credentials()
            .get_credential(pb::GetCredentialRequest {})
            .await
    };
    crm.as_owner(org, call).await.map(Response::into_inner)
}

async fn delete(crm: &Crm, org: t11_core::OrgId) -> Result<(), Status> {
    let call = async {
        crm.credentials()
            .delete_credential(pb::DeleteCredentialRequest {})
            .await
    };
    crm.as_owner(org, call).await.map(drop)
}

#[tokio::test]
async fn the_secret_goes_in_and_never_out() {
    let crm = Crm::start().await;
    let answered = set(&crm, credential()).await.unwrap();
    let read = get(&crm, ORG).await.unwrap();
    assert_eq!(read, answered);
    assert!(read.has_client_secret);
    assert!(!format!("{read:?}").contains(SECRET));

    let stored = crm
        .query::<Vec<u8>>("SELECT client_secret FROM credentials")
        .await
        .remove(0);
    assert!(
        !stored
            .windows(SECRET.len())
            .any(|window| window == SECRET.as_bytes())
    );
    for payload in crm.query::<Vec<u8>>("SELECT payload FROM outbox").await {
        assert!(!String::from_utf8_lossy(&payload).contains(SECRET));
    }
    let row = crm
        .query::<Uuid>("SELECT id FROM credentials")
        .await
        .remove(0);
    let place = |org| Place {
        org: Some(org),
        table: "credentials",
        row,
        column: "client_secret",
    };
    let keyring = Keyring::new(ENCRYPTION_KEY);
    let sealed = Sealed::from(stored);
    use secrecy::ExposeSecret as _;
    assert_eq!(
        keyring
            .open_text(place(ORG), &sealed)
            .unwrap()
            .expose_secret(),
        SECRET
    );
    assert!(keyring.open_text(place(OTHER_ORG), &sealed).is_err());
}

#[tokio::test]
async fn setting_again_replaces() {
    let crm = Crm::start().await;
    set(&crm, credential()).await.unwrap();
    let redirect_uri = "http://127.0.0.1:8080/api/kommo/callback".to_owned();
    let other = pb::SetCredentialRequest {
        redirect_uri: redirect_uri.clone(),
        ..credential()
    };
    set(&crm, other).await.unwrap();
    assert_eq!(get(&crm, ORG).await.unwrap().redirect_uri, redirect_uri);
    assert_eq!(
        crm.query::<i64>("SELECT count(*) FROM credentials").await,
        [1]
    );
}

#[tokio::test]
async fn every_broken_rule_is_named() {
    let crm = Crm::start().await;
    let request = pb::SetCredentialRequest {
        client_id: "42".to_owned(),
        client_secret: "short".to_owned(),
        redirect_uri: "http://example.com/".to_owned(),
    };
    let expected = [
        ("client_id", "MALFORMED"),
        ("client_secret", "TOO_SHORT"),
        ("redirect_uri", "MALFORMED"),
    ];
    let expected = expected.map(|(field, reason)| (field.to_owned(), reason.to_owned()));
    assert_eq!(violations(set(&crm, request).await), expected);
    assert_eq!(reason(get(&crm, ORG).await), "CREDENTIAL_MISSING");
}

#[tokio::test]
async fn it_is_the_organizations_own() {
    let crm = Crm::start().await;
    set(&crm, credential()).await.unwrap();
    assert_eq!(reason(get(&crm, OTHER_ORG).await), "CREDENTIAL_MISSING");
    assert_eq!(reason(delete(&crm, OTHER_ORG).await), "CREDENTIAL_MISSING");
    get(&crm, ORG).await.unwrap();
}

#[tokio::test]
async fn a_host_that_was_only_noted_does_not_hold_it() {
    let crm = Crm::start().await;
    set(&crm, credential()).await.unwrap();
    let request = pb::CreateConnectionRequest {
        host: "a.kommo.com".to_owned(),
        ..Default::default()
    };
    let call = async { crm.connections().create_connection(request).await };
    crm.as_owner(ORG, call).await.unwrap();
    delete(&crm, ORG).await.unwrap();
    assert_eq!(reason(delete(&crm, ORG).await), "CREDENTIAL_MISSING");
}

#[tokio::test]
async fn only_admins_set_it() {
    let crm = Crm::start().await;
    for role in Role::ALL {
        let call = async { crm.credentials().set_credential(credential()).await };
        let outcome = crm.with(ORG, *role, call).await;
        assert_eq!(outcome.is_ok(), *role <= Role::Admin, "{role}");
    }
}
