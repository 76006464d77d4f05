//! Two organizations that must not see each other.

use t11_proto::accounts::v1 as pb;
use tonic::Status;
use uuid::Uuid;

use crate::api_keys::{create, new_key};
use crate::harness::{Accounts, Person};

/// The parts of a failure that a client sees.
fn seen(status: &Status) -> (tonic::Code, String, Vec<u8>) {
    (
        status.code(),
        status.message().to_owned(),
        status.details().to_vec(),
    )
}

/// Every call of accounts that names a resource, with the id of one.
async fn touch(accounts: &Accounts, person: &Person, id: &str) -> Vec<Status> {
    let caller = accounts.exchange(&person.token).await.unwrap();
    let (mut members, mut sessions) = (accounts.members(), accounts.sessions());
    let mut keys = accounts.api_keys();
    let key = format!("apiKeys/{id}");
    let read = pb::GetApiKeyRequest { name: key.clone() };
    let revocation = pb::RevokeApiKeyRequest { name: key.clone() };
    let renaming = pb::UpdateApiKeyRequest {
        api_key: Some(pb::ApiKey {
            name: key,
            display_name: "mine now".to_owned(),
            ..Default::default()
        }),
        update_mask: None,
    };
    let role = pb::UpdateMemberRoleRequest {
        name: format!("members/{id}"),
        role: "viewer".to_owned(),
    };
    let removal = pb::DeleteMemberRequest {
        name: format!("members/{id}"),
    };
    let invite = pb::DeleteInviteRequest {
        name: format!("invites/{id}"),
    };
    let session = pb::RevokeSessionRequest {
        name: format!("sessions/{id}"),
    };
    let calls = async {
        vec![
            members.update_member_role(role).await.unwrap_err(),
            members.delete_member(removal).await.unwrap_err(),
            members.delete_invite(invite).await.unwrap_err(),
            sessions.revoke_session(session).await.unwrap_err(),
            keys.get_api_key(read).await.unwrap_err(),
            keys.update_api_key(renaming).await.unwrap_err(),
            keys.revoke_api_key(revocation).await.unwrap_err(),
        ]
    };
    accounts.with_token(&caller, calls).await
}

#[tokio::test]
async fn what_belongs_to_another_organization_is_not_there() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.register("boris@example.com").await;
    let vera = accounts.join(&boris, "vera@example.com", "editor").await;
    let invite = accounts
        .invite(&boris, "g@example.com", "viewer")
        .await
        .unwrap();
    let sessions = async {
        accounts
            .sessions()
            .list_sessions(pb::ListSessionsRequest::default())
            .await
    };
    let sessions = accounts
        .as_person(&boris, sessions)
        .await
        .unwrap()
        .into_inner()
        .sessions;

    let key = create(&accounts, &boris, new_key("theirs", &["agents.read"]))
        .await
        .unwrap();

    let id = |name: &str| name.split('/').nth(1).unwrap().to_owned();
    let foreign = [
        id(&boris.member()),
        id(&vera.member()),
        id(&invite.invite.unwrap().name),
        id(&sessions[0].name),
        id(&key.api_key.unwrap().name),
    ];
    let nowhere = touch(&accounts, &anna, &Uuid::from_u128(404).to_string()).await;
    for id in foreign {
        for (foreign, nowhere) in touch(&accounts, &anna, &id).await.iter().zip(&nowhere) {
            assert_eq!(seen(foreign), seen(nowhere));
            assert_eq!(foreign.code(), tonic::Code::NotFound);
        }
    }
    accounts.exchange(&boris.token).await.unwrap();
    accounts.exchange(&vera.token).await.unwrap();
    accounts.accept(&invite.secret).await.unwrap();
    accounts.exchange_key(&key.key).await.unwrap();
}

#[tokio::test]
async fn a_colleagues_session_is_not_there_either() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.join(&anna, "boris@example.com", "editor").await;
    let list = async {
        accounts
            .sessions()
            .list_sessions(pb::ListSessionsRequest::default())
            .await
    };
    let sessions = accounts
        .as_person(&boris, list)
        .await
        .unwrap()
        .into_inner()
        .sessions;
    let request = pb::RevokeSessionRequest {
        name: sessions[0].name.clone(),
    };
    let call = async { accounts.sessions().revoke_session(request).await };
    let refused = accounts.as_person(&anna, call).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::NotFound);
    accounts.exchange(&boris.token).await.unwrap();
}

#[tokio::test]
async fn lists_hold_nothing_of_another_organization() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.register("boris@example.com").await;
    accounts.join(&boris, "vera@example.com", "editor").await;
    accounts
        .invite(&boris, "canary@example.com", "viewer")
        .await
        .unwrap();
    create(&accounts, &boris, new_key("canary", &["agents.read"]))
        .await
        .unwrap();
    let (mut members, mut sessions) = (accounts.members(), accounts.sessions());
    let reads = async {
        format!(
            "{:?} {:?} {:?} {:?} {:?} {:?}",
            accounts
                .api_keys()
                .list_api_keys(pb::ListApiKeysRequest::default())
                .await
                .unwrap(),
            members
                .list_members(pb::ListMembersRequest::default())
                .await
                .unwrap(),
            members
                .list_invites(pb::ListInvitesRequest::default())
                .await
                .unwrap(),
            sessions
                .list_sessions(pb::ListSessionsRequest::default())
                .await
                .unwrap(),
            sessions.get_me(pb::GetMeRequest {}).await.unwrap(),
            accounts
                .audit()
                .list_audit_records(pb::ListAuditRecordsRequest::default())
                .await
                .unwrap(),
        )
    };
    let seen = accounts.as_person(&anna, reads).await;
    for planted in ["boris", "vera", "canary", &boris.org().to_string()] {
        assert!(!seen.contains(planted), "{planted} in {seen}");
    }
    assert!(seen.contains("anna@example.com"));
}

#[tokio::test]
async fn names_of_another_form_are_a_violation() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    for status in touch(&accounts, &anna, "not-an-id").await {
        assert_eq!(crate::harness::violations(Err::<(), _>(status)).len(), 1);
    }
}
