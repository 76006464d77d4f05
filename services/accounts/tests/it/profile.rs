//! One's own profile and password.

use prost_types::FieldMask;
use t11_core::{Caller, OrgId, Permission, Role, Subject};
use t11_proto::accounts::v1 as pb;
use uuid::Uuid;

use crate::harness::{Accounts, PASSWORD, Person, reason, violations};

async fn change_password(
    accounts: &Accounts,
    person: &Person,
    old: &str,
    new: &str,
) -> Result<(), tonic::Status> {
    let request = pb::ChangePasswordRequest {
        old_password: old.to_owned(),
        new_password: new.to_owned(),
    };
    let call = async { accounts.sessions().change_password(request).await };
    accounts.as_person(person, call).await.map(|_| ())
}

#[tokio::test]
async fn the_profile_changes_by_mask() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let user = pb::User {
        display_name: "Анна".to_owned(),
        theme: "dark".to_owned(),
        email: "other@example.com".to_owned(),
        ..Default::default()
    };
    let update_mask = Some(FieldMask {
        paths: vec!["theme".to_owned()],
    });
    let request = pb::UpdateMeRequest {
        user: Some(user.clone()),
        update_mask,
    };
    let call = async { accounts.sessions().update_me(request).await };
    let me = accounts.as_person(&anna, call).await.unwrap().into_inner();
    let changed = me.user.clone().unwrap();
    assert_eq!(
        (changed.theme.as_str(), changed.display_name.as_str()),
        ("dark", "Anna")
    );

    let request = pb::UpdateMeRequest {
        user: Some(user),
        update_mask: None,
    };
    let call = async { accounts.sessions().update_me(request).await };
    let changed = accounts
        .as_person(&anna, call)
        .await
        .unwrap()
        .into_inner()
        .user
        .unwrap();
    assert_eq!(changed.display_name, "Анна");
    assert_eq!(
        changed.email, "anna@example.com",
        "the address is not changed here"
    );

    let call = async { accounts.sessions().get_me(pb::GetMeRequest {}).await };
    let read = accounts.as_person(&anna, call).await.unwrap().into_inner();
    assert_eq!(read.user.unwrap(), changed);
}

#[tokio::test]
async fn a_bad_profile_names_every_broken_rule() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let user = pb::User {
        locale: "xx".to_owned(),
        theme: "pink".to_owned(),
        ..Default::default()
    };
    let paths = ["display_name", "locale", "theme", "email"]
        .map(ToOwned::to_owned)
        .to_vec();
    let update_mask = Some(FieldMask { paths });
    let request = pb::UpdateMeRequest {
        user: Some(user),
        update_mask,
    };
    let call = async { accounts.sessions().update_me(request).await };
    let fields = violations(accounts.as_person(&anna, call).await);
    let fields: Vec<_> = fields.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "update_mask",
            "user.display_name",
            "user.locale",
            "user.theme"
        ]
    );
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let phone = accounts
        .sign_in("anna@example.com", PASSWORD)
        .await
        .unwrap()
        .into_inner();
    change_password(&accounts, &anna, PASSWORD, "another horse")
        .await
        .unwrap();
    accounts.exchange(&anna.token).await.unwrap();
    assert_eq!(
        reason(accounts.exchange(&phone.session_token).await),
        "SESSION_INVALID"
    );
    let old = accounts.sign_in("anna@example.com", PASSWORD).await;
    assert_eq!(reason(old), "CREDENTIALS_WRONG");
    accounts
        .sign_in("anna@example.com", "another horse")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_password_changes_only_with_the_old_one_and_for_a_good_one() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let wrong = change_password(&accounts, &anna, "wrong horse", "another horse").await;
    assert_eq!(reason(wrong), "CREDENTIALS_WRONG");
    for weak in ["Password1234", "i-am-anna@example.com"] {
        let weak = change_password(&accounts, &anna, PASSWORD, weak).await;
        assert_eq!(
            violations(weak),
            [("new_password".to_owned(), "PASSWORD_WEAK".to_owned())]
        );
    }
    accounts
        .sign_in("anna@example.com", PASSWORD)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_api_key_is_no_person() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let key = Caller {
        org: anna.org(),
        subject: Subject::ApiKey {
            key: Uuid::from_u128(1),
        },
        role: Role::Admin,
        scopes: Some(vec![Permission::SelfManage]),
    };
    let token = accounts.sign(&key);
    let call = async { accounts.sessions().get_me(pb::GetMeRequest {}).await };
    assert_eq!(
        reason(accounts.with_token(&token, call).await),
        "PERSON_REQUIRED"
    );
}

#[tokio::test]
async fn who_is_no_member_any_more_is_nobody() {
    let accounts = Accounts::start().await;
    let stranger = Caller {
        org: OrgId(Uuid::from_u128(1)),
        subject: Subject::User {
            user: Uuid::from_u128(2),
            session: Uuid::from_u128(3),
        },
        role: Role::Owner,
        scopes: None,
    };
    let token = accounts.sign(&stranger);
    let call = async { accounts.sessions().get_me(pb::GetMeRequest {}).await };
    assert_eq!(
        reason(accounts.with_token(&token, call).await),
        "SESSION_INVALID"
    );
}
