//! Who manages keys, and what a key may do.

use t11_core::{Permission, Role, Subject};

use super::*;

#[tokio::test]
async fn only_owners_and_administrators_manage_keys() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let (_, name) = made(&accounts, &anna, READ).await;
    for role in Role::ALL {
        let email = format!("{role}@example.com");
        let person = accounts.join(&anna, &email, role.as_str()).await;
        let outcomes = [
            create(&accounts, &person, new_key("CI", READ))
                .await
                .map(drop),
            get(&accounts, &person, &name).await.map(drop),
            list(&accounts, &person, pb::ListApiKeysRequest::default())
                .await
                .map(drop),
            rename(&accounts, &person, &name, "CI", &[]).await.map(drop),
            revoke(&accounts, &person, &name).await.map(drop),
        ];
        for outcome in outcomes {
            if *role <= Role::Admin {
                outcome.unwrap();
            } else {
                assert_eq!(reason(outcome), "PERMISSION_DENIED", "{role}");
            }
        }
    }
}

#[tokio::test]
async fn no_key_manages_keys_or_people() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let all: Vec<_> = Permission::ALL
        .iter()
        .filter(|p| p.is_scope())
        .map(|p| p.as_str())
        .collect();
    let (key, name) = made(&accounts, &anna, &all).await;
    let token = accounts.exchange_key(&key).await.unwrap().caller_token;
    let (mut keys, mut members) = (accounts.api_keys(), accounts.members());
    let creation = pb::CreateApiKeyRequest {
        api_key: Some(new_key("successor", READ)),
        request_id: String::new(),
    };
    let invite = pb::CreateInviteRequest {
        email: "x@example.com".to_owned(),
        role: "owner".to_owned(),
        request_id: String::new(),
    };
    let role = pb::UpdateMemberRoleRequest {
        name: anna.member(),
        role: "owner".to_owned(),
    };
    let calls = async {
        vec![
            keys.create_api_key(creation).await.map(drop),
            keys.list_api_keys(pb::ListApiKeysRequest::default())
                .await
                .map(drop),
            keys.revoke_api_key(pb::RevokeApiKeyRequest { name })
                .await
                .map(drop),
            members.create_invite(invite).await.map(drop),
            members.update_member_role(role).await.map(drop),
            accounts
                .sessions()
                .get_me(pb::GetMeRequest {})
                .await
                .map(drop),
        ]
    };
    for refused in accounts.with_token(&token, calls).await {
        assert_eq!(reason(refused), "PERMISSION_DENIED");
    }
    let read = async {
        accounts
            .members()
            .list_members(pb::ListMembersRequest::default())
            .await
    };
    accounts.with_token(&token, read).await.unwrap();
}

#[tokio::test]
async fn even_with_the_permission_only_a_person_makes_a_key() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let forged = Caller {
        org: anna.org(),
        subject: Subject::ApiKey {
            key: uuid::Uuid::from_u128(1),
        },
        role: Role::Owner,
        scopes: Some(vec![Permission::ApiKeysWrite]),
    };
    let request = pb::CreateApiKeyRequest {
        api_key: Some(new_key("successor", READ)),
        request_id: String::new(),
    };
    let call = async { accounts.api_keys().create_api_key(request).await };
    let refused = accounts.with_token(&accounts.sign(&forged), call).await;
    assert_eq!(reason(refused), "PERSON_REQUIRED");
}

#[tokio::test]
async fn a_token_signed_before_a_demotion_makes_no_key() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.join(&anna, "boris@example.com", "admin").await;
    let old = accounts.exchange(&boris.token).await.unwrap();
    set_role(&accounts, &anna, &boris, "editor").await;
    let request = pb::CreateApiKeyRequest {
        api_key: Some(new_key("CI", READ)),
        request_id: String::new(),
    };
    let call = async { accounts.api_keys().create_api_key(request).await };
    let refused = accounts.with_token(&old, call).await;
    assert_eq!(reason(refused), "PERMISSION_DENIED");
    assert!(listed(&accounts, &anna).await.is_empty());
}

#[tokio::test]
async fn only_services_exchange_keys() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let (key, _) = made(&accounts, &anna, READ).await;
    let request = pb::ExchangeApiKeyRequest { key };
    let call = async { accounts.api_keys().exchange_api_key(request).await };
    assert_eq!(
        reason(accounts.as_person(&anna, call).await),
        "SERVICES_ONLY"
    );
}

#[tokio::test]
async fn a_creator_with_a_lesser_role_lessens_the_key() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.join(&anna, "boris@example.com", "admin").await;
    let (key, name) = made(
        &accounts,
        &boris,
        &["agents.read", "agents.write", "audit.read"],
    )
    .await;
    let may = |caller: Caller| {
        [
            Permission::AgentsRead,
            Permission::AgentsWrite,
            Permission::AuditRead,
        ]
        .map(|permission| caller.may(permission))
    };
    assert_eq!(
        may(caller(&accounts, &key).await.unwrap()),
        [true, true, true]
    );
    set_role(&accounts, &anna, &boris, "editor").await;
    assert_eq!(
        may(caller(&accounts, &key).await.unwrap()),
        [true, true, false]
    );
    set_role(&accounts, &anna, &boris, "viewer").await;
    assert_eq!(
        may(caller(&accounts, &key).await.unwrap()),
        [true, false, false]
    );
    let seen = get(&accounts, &anna, &name).await.unwrap();
    assert_eq!(seen.effective_scopes, ["agents.read"]);
    assert_eq!(seen.scopes.len(), 3);
    assert_eq!(seen.state(), pb::ApiKeyState::Active);
}

#[tokio::test]
async fn a_creator_with_a_greater_role_does_not_raise_the_key_above_its_scopes() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.join(&anna, "boris@example.com", "admin").await;
    let (key, _) = made(&accounts, &boris, READ).await;
    set_role(&accounts, &anna, &boris, "owner").await;
    let caller = caller(&accounts, &key).await.unwrap();
    assert!(caller.may(Permission::AgentsRead) && !caller.may(Permission::AgentsWrite));
}

#[tokio::test]
async fn a_key_ends_with_the_membership_of_its_creator() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.join(&anna, "boris@example.com", "admin").await;
    let (key, name) = made(&accounts, &boris, READ).await;
    remove(&accounts, &anna, &boris).await;
    assert_eq!(refusal(&accounts, &key).await, "API_KEY_ORPHANED");
    let seen = get(&accounts, &anna, &name).await.unwrap();
    assert_eq!(seen.state(), pb::ApiKeyState::Orphaned);
    assert_eq!(
        (seen.creator, seen.creator_display_name),
        (boris.member(), String::new())
    );
    assert!(seen.effective_scopes.is_empty());
    // The same address is another person.
    accounts.join(&anna, "boris@example.com", "admin").await;
    assert_eq!(refusal(&accounts, &key).await, "API_KEY_ORPHANED");
}
