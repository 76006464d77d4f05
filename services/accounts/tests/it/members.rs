//! Members, roles, invitations.

use chrono::TimeDelta;
use t11_core::{Permission, Role};
use t11_proto::accounts::v1 as pb;
use tonic::{Response, Status};

use crate::harness::{Accounts, PASSWORD, Person, reason, violations};

async fn members(accounts: &Accounts, person: &Person) -> Vec<pb::Member> {
    let request = pb::ListMembersRequest::default();
    let call = async { accounts.members().list_members(request).await };
    accounts
        .as_person(person, call)
        .await
        .unwrap()
        .into_inner()
        .members
}

async fn invites(accounts: &Accounts, person: &Person) -> Vec<pb::Invite> {
    let request = pb::ListInvitesRequest::default();
    let call = async { accounts.members().list_invites(request).await };
    accounts
        .as_person(person, call)
        .await
        .unwrap()
        .into_inner()
        .invites
}

async fn set_role(
    accounts: &Accounts,
    actor: &Person,
    member: &Person,
    role: &str,
) -> Result<pb::Member, Status> {
    let request = pb::UpdateMemberRoleRequest {
        name: member.member(),
        role: role.to_owned(),
    };
    let call = async { accounts.members().update_member_role(request).await };
    accounts
        .as_person(actor, call)
        .await
        .map(Response::into_inner)
}

async fn remove(accounts: &Accounts, actor: &Person, member: &Person) -> Result<(), Status> {
    let request = pb::DeleteMemberRequest {
        name: member.member(),
    };
    let call = async { accounts.members().delete_member(request).await };
    accounts.as_person(actor, call).await.map(|_| ())
}

#[tokio::test]
async fn an_invitation_makes_a_member_once() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let invited = accounts
        .invite(&anna, "boris@example.com", "editor")
        .await
        .unwrap();
    assert_eq!(invites(&accounts, &anna).await, [invited.invite.unwrap()]);

    let boris = accounts.accept(&invited.secret).await.unwrap();
    assert_eq!(boris.me.role, "editor");
    assert_eq!(boris.org(), anna.org());
    assert_eq!(boris.me.user.as_ref().unwrap().display_name, "boris");
    assert_eq!(
        reason(accounts.accept(&invited.secret).await.map(|_| ())),
        "INVITE_INVALID"
    );
    assert!(invites(&accounts, &anna).await.is_empty());

    let roles: Vec<_> = members(&accounts, &anna)
        .await
        .into_iter()
        .map(|m| (m.email, m.role))
        .collect();
    let expected = [
        ("anna@example.com", "owner"),
        ("boris@example.com", "editor"),
    ];
    assert_eq!(
        roles,
        expected.map(|(email, role)| (email.to_owned(), role.to_owned()))
    );
    accounts
        .sign_in("boris@example.com", PASSWORD)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_invitation_holds_for_seven_days() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let invited = accounts
        .invite(&anna, "boris@example.com", "viewer")
        .await
        .unwrap();
    accounts.clock.advance(TimeDelta::days(7));
    for secret in [invited.secret.as_str(), "", "unknown"] {
        let refused = accounts.accept(secret).await.map(|_| ());
        let expected = if secret.is_empty() {
            "FIELDS_INVALID"
        } else {
            "INVITE_INVALID"
        };
        assert_eq!(reason(refused), expected);
    }
}

#[tokio::test]
async fn inviting_again_replaces_the_invitation() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let first = accounts
        .invite(&anna, "boris@example.com", "viewer")
        .await
        .unwrap();
    let second = accounts
        .invite(&anna, "Boris@example.com", "editor")
        .await
        .unwrap();
    assert_eq!(
        reason(accounts.accept(&first.secret).await.map(|_| ())),
        "INVITE_INVALID"
    );
    assert_eq!(
        accounts.accept(&second.secret).await.unwrap().me.role,
        "editor"
    );
}

#[tokio::test]
async fn a_repeated_request_gives_the_same_invitation() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let request = pb::CreateInviteRequest {
        email: "boris@example.com".to_owned(),
        role: "viewer".to_owned(),
        request_id: "0190a0de-0000-7000-8000-000000000001".to_owned(),
    };
    let create = |request: pb::CreateInviteRequest| {
        let mut members = accounts.members();
        async move {
            members
                .create_invite(request)
                .await
                .map(Response::into_inner)
        }
    };
    let first = accounts
        .as_person(&anna, create(request.clone()))
        .await
        .unwrap();
    let second = accounts
        .as_person(&anna, create(request.clone()))
        .await
        .unwrap();
    assert_eq!(first.invite, second.invite);
    assert_eq!(invites(&accounts, &anna).await.len(), 1);
    let other = pb::CreateInviteRequest {
        email: "vera@example.com".to_owned(),
        ..request
    };
    let reused = accounts.as_person(&anna, create(other)).await;
    assert_eq!(
        violations(reused),
        [("request_id".to_owned(), "REUSED".to_owned())]
    );
    accounts.accept(&second.secret).await.unwrap();
}

#[tokio::test]
async fn a_member_is_not_invited_and_a_taken_address_does_not_join() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.register("boris@example.com").await;
    let member = accounts.invite(&anna, "Anna@example.com", "viewer").await;
    assert_eq!(reason(member), "MEMBER_EXISTS");
    let invited = accounts
        .invite(&anna, "boris@example.com", "viewer")
        .await
        .unwrap();
    assert_eq!(
        reason(accounts.accept(&invited.secret).await.map(|_| ())),
        "EMAIL_TAKEN"
    );
    assert_eq!(
        invites(&accounts, &anna).await.len(),
        1,
        "the invitation is not used up"
    );
    assert_eq!(members(&accounts, &boris).await.len(), 1);
}

#[tokio::test]
async fn a_withdrawn_invitation_is_gone() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let invited = accounts
        .invite(&anna, "boris@example.com", "viewer")
        .await
        .unwrap();
    let request = pb::DeleteInviteRequest {
        name: invited.invite.unwrap().name,
    };
    let delete = || async { accounts.members().delete_invite(request.clone()).await };
    accounts.as_person(&anna, delete()).await.unwrap();
    assert_eq!(
        reason(accounts.as_person(&anna, delete()).await),
        "NOT_FOUND"
    );
    assert_eq!(
        reason(accounts.accept(&invited.secret).await.map(|_| ())),
        "INVITE_INVALID"
    );
}

#[tokio::test]
async fn a_joining_password_obeys_the_rules() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let invited = accounts
        .invite(&anna, "boris@example.com", "viewer")
        .await
        .unwrap();
    let accept = |password: &str| {
        let request = pb::AcceptInviteRequest {
            secret: invited.secret.clone(),
            password: password.to_owned(),
            ..Default::default()
        };
        let mut members = accounts.members();
        async move { members.accept_invite(request).await }
    };
    let weak = |reason: &str| [("password".to_owned(), reason.to_owned())];
    assert_eq!(violations(accept("short").await), weak("TOO_SHORT"));
    assert_eq!(
        violations(accept("its-boris-here").await),
        weak("PASSWORD_WEAK")
    );
    accept(PASSWORD).await.unwrap();
}

#[tokio::test]
async fn nobody_raises_or_lowers_above_themselves() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.join(&anna, "boris@example.com", "admin").await;
    let vera = accounts.join(&anna, "vera@example.com", "viewer").await;
    assert_eq!(
        reason(set_role(&accounts, &boris, &vera, "owner").await),
        "ROLE_TOO_HIGH"
    );
    assert_eq!(
        reason(set_role(&accounts, &boris, &boris, "owner").await),
        "ROLE_TOO_HIGH"
    );
    assert_eq!(
        reason(set_role(&accounts, &boris, &anna, "viewer").await),
        "ROLE_TOO_HIGH"
    );
    assert_eq!(
        reason(remove(&accounts, &boris, &anna).await),
        "ROLE_TOO_HIGH"
    );
    let owner = accounts.invite(&boris, "g@example.com", "owner").await;
    assert_eq!(reason(owner), "ROLE_TOO_HIGH");
    assert_eq!(
        set_role(&accounts, &boris, &vera, "admin")
            .await
            .unwrap()
            .role,
        "admin"
    );
    let unknown = set_role(&accounts, &boris, &vera, "king").await;
    assert_eq!(
        violations(unknown),
        [("role".to_owned(), "UNKNOWN_VALUE".to_owned())]
    );
}

#[tokio::test]
async fn the_last_owner_stays() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.join(&anna, "boris@example.com", "admin").await;
    assert_eq!(
        reason(set_role(&accounts, &anna, &anna, "admin").await),
        "LAST_OWNER"
    );
    assert_eq!(reason(remove(&accounts, &anna, &anna).await), "LAST_OWNER");
    set_role(&accounts, &anna, &boris, "owner").await.unwrap();
    set_role(&accounts, &anna, &anna, "viewer").await.unwrap();
    assert_eq!(
        reason(remove(&accounts, &boris, &boris).await),
        "LAST_OWNER"
    );
}

#[tokio::test]
async fn two_owners_who_step_down_at_once_leave_one() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.join(&anna, "boris@example.com", "owner").await;
    let (first, second) = tokio::join!(
        set_role(&accounts, &anna, &anna, "viewer"),
        set_role(&accounts, &boris, &boris, "viewer"),
    );
    let refused = if first.is_ok() { second } else { first };
    assert_eq!(reason(refused), "LAST_OWNER");
}

#[tokio::test]
async fn a_new_role_holds_from_the_next_token_on() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.join(&anna, "boris@example.com", "admin").await;
    set_role(&accounts, &anna, &boris, "viewer").await.unwrap();
    let refused = accounts.invite(&boris, "vera@example.com", "viewer").await;
    assert_eq!(reason(refused), "PERMISSION_DENIED");
}

#[tokio::test]
async fn a_token_signed_before_a_demotion_grants_nothing_above_the_new_role() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.join(&anna, "boris@example.com", "owner").await;
    let old = accounts.exchange(&boris.token).await.unwrap();
    set_role(&accounts, &anna, &boris, "admin").await.unwrap();
    let request = pb::UpdateMemberRoleRequest {
        name: boris.member(),
        role: "owner".to_owned(),
    };
    let call = async { accounts.members().update_member_role(request).await };
    assert_eq!(
        reason(accounts.with_token(&old, call).await),
        "ROLE_TOO_HIGH"
    );
}

#[tokio::test]
async fn a_removed_member_is_signed_out_and_can_be_invited_again() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.join(&anna, "boris@example.com", "editor").await;
    remove(&accounts, &anna, &boris).await.unwrap();
    assert_eq!(
        reason(accounts.exchange(&boris.token).await),
        "SESSION_INVALID"
    );
    let gone = accounts.sign_in("boris@example.com", PASSWORD).await;
    assert_eq!(reason(gone), "CREDENTIALS_WRONG");
    assert_eq!(reason(remove(&accounts, &anna, &boris).await), "NOT_FOUND");
    accounts.join(&anna, "boris@example.com", "viewer").await;
}

#[tokio::test]
async fn each_role_may_what_its_permissions_say() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    for role in Role::ALL {
        let email = format!("{role}@example.com");
        let person = accounts.join(&anna, &email, role.as_str()).await;
        for (permission, outcome) in every_guarded_call(&accounts, &person).await {
            let denied = outcome.err().is_some_and(|status| {
                t11_core::Fault::reason(&t11_grpc::RemoteFault::from(&status))
                    == "PERMISSION_DENIED"
            });
            assert_eq!(denied, !role.allows(permission), "{role} {permission}");
        }
    }
}

/// Calls that change nothing even where they are allowed.
async fn every_guarded_call(
    accounts: &Accounts,
    person: &Person,
) -> Vec<(Permission, Result<(), Status>)> {
    let name = format!("members/{}", uuid::Uuid::from_u128(404));
    let invite = pb::DeleteInviteRequest {
        name: name.replace("members", "invites"),
    };
    let role = pb::UpdateMemberRoleRequest {
        name: name.clone(),
        role: "viewer".to_owned(),
    };
    let removal = pb::DeleteMemberRequest { name };
    let stale = pb::Organization {
        etag: "\"0\"".to_owned(),
        ..Default::default()
    };
    let update = pb::UpdateOrganizationRequest {
        organization: Some(stale),
        update_mask: None,
    };
    let caller = accounts.exchange(&person.token).await.unwrap();
    let (mut members, mut organizations) = (accounts.members(), accounts.organizations());
    let calls = async {
        vec![
            (
                Permission::SelfManage,
                accounts
                    .sessions()
                    .get_me(pb::GetMeRequest {})
                    .await
                    .map(drop),
            ),
            (
                Permission::OrganizationRead,
                organizations
                    .get_organization(pb::GetOrganizationRequest {})
                    .await
                    .map(drop),
            ),
            (
                Permission::OrganizationWrite,
                organizations.update_organization(update).await.map(drop),
            ),
            (
                Permission::MembersRead,
                members
                    .list_members(pb::ListMembersRequest::default())
                    .await
                    .map(drop),
            ),
            (
                Permission::MembersRead,
                members
                    .list_invites(pb::ListInvitesRequest::default())
                    .await
                    .map(drop),
            ),
            (
                Permission::MembersWrite,
                members.update_member_role(role).await.map(drop),
            ),
            (
                Permission::MembersWrite,
                members.delete_member(removal).await.map(drop),
            ),
            (
                Permission::MembersWrite,
                members
                    .create_invite(pb::CreateInviteRequest::default())
                    .await
                    .map(drop),
            ),
            (
                Permission::MembersWrite,
                members.delete_invite(invite).await.map(drop),
            ),
            (
                Permission::AuditRead,
                accounts
                    .audit()
                    .list_audit_records(pb::ListAuditRecordsRequest::default())
                    .await
                    .map(drop),
            ),
        ]
    };
    accounts.with_token(&caller, calls).await
}
