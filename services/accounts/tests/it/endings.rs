//! Edges are told at once when somebody may do less than before.

use futures::FutureExt as _;
use t11_proto::accounts::v1 as pb;
use t11_runtime::Hearing;

use crate::api_keys::{made, remove, revoke, set_role};
use crate::harness::{Accounts, PASSWORD, Person};

/// The organization that was told of, if one was.
fn heard(hearing: &mut Hearing) -> Option<t11_core::OrgId> {
    hearing.next().now_or_never()
}

/// The path of the person's newest session.
async fn session(accounts: &Accounts, person: &Person) -> String {
    let call = async {
        let request = pb::ListSessionsRequest::default();
        accounts.sessions().list_sessions(request).await
    };
    let listed = accounts.as_person(person, call).await.unwrap();
    listed.into_inner().sessions[0].name.clone()
}

#[tokio::test]
async fn every_ending_is_told_once_it_is_committed() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.join(&anna, "boris@example.com", "admin").await;
    let (_, key) = made(&accounts, &anna, &["agents.read"]).await;
    accounts
        .sign_in("anna@example.com", PASSWORD)
        .await
        .unwrap();
    let other = session(&accounts, &anna).await;
    let mut hearing = accounts.endings().await;

    revoke(&accounts, &anna, &key).await.unwrap();
    assert_eq!(heard(&mut hearing), Some(anna.org()), "a key");
    let request = pb::RevokeSessionRequest {
        name: other.clone(),
    };
    let again = request.clone();
    let call = async { accounts.sessions().revoke_session(request).await };
    accounts.as_person(&anna, call).await.unwrap();
    assert_eq!(heard(&mut hearing), Some(anna.org()), "a session");
    let call = async { accounts.sessions().revoke_session(again).await };
    accounts.as_person(&anna, call).await.unwrap_err();
    assert_eq!(heard(&mut hearing), None, "nothing has ended");
    let request = pb::ChangePasswordRequest {
        old_password: PASSWORD.to_owned(),
        new_password: "another long password".to_owned(),
    };
    let call = async { accounts.sessions().change_password(request).await };
    accounts.as_person(&anna, call).await.unwrap();
    assert_eq!(heard(&mut hearing), Some(anna.org()), "a password");
    set_role(&accounts, &anna, &boris, "viewer").await;
    assert_eq!(heard(&mut hearing), Some(anna.org()), "a role");
    remove(&accounts, &anna, &boris).await;
    assert_eq!(heard(&mut hearing), Some(anna.org()), "a member");
    let call = async { accounts.sessions().sign_out(pb::SignOutRequest {}).await };
    accounts.as_person(&anna, call).await.unwrap();
    assert_eq!(heard(&mut hearing), Some(anna.org()), "signed out");
    assert_eq!(heard(&mut hearing), None, "each once");
}
