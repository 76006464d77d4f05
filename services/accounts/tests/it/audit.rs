//! The audit log.

use sea_orm::{ConnectionTrait as _, DbBackend};
use t11_accounts::{BrokenChain, verify_audit_log};
use t11_proto::accounts::v1 as pb;
use t11_store::{StoreError, System};

use crate::harness::{Accounts, PASSWORD, Person, reason};

const SIGN_IN: &str = "t11.accounts.v1.SessionService/SignIn";

async fn rename(accounts: &Accounts, person: &Person, etag: &str) -> Result<(), tonic::Status> {
    let organization = pb::Organization {
        display_name: "Renamed".to_owned(),
        etag: etag.to_owned(),
        ..Default::default()
    };
    let request = pb::UpdateOrganizationRequest {
        organization: Some(organization),
        update_mask: None,
    };
    let call = async { accounts.organizations().update_organization(request).await };
    accounts.as_person(person, call).await.map(|_| ())
}

async fn verify(accounts: &Accounts, person: &Person) -> Result<i64, BrokenChain> {
    verify_audit_log(&accounts.db, &accounts.world(), person.org())
        .await
        .unwrap()
}

async fn execute(accounts: &Accounts, sql: &'static str) -> Result<u64, StoreError> {
    let run = accounts.db.write(System("test"), move |tx| async move {
        Ok::<_, StoreError>(tx.execute_unprepared(sql).await?.rows_affected())
    });
    run.await
}

/// Takes the guard away, as somebody with the rights of the database's owner could.
async fn unguard(accounts: &Accounts) {
    for trigger in [
        "audit_records_keep_on_update",
        "audit_records_keep_on_delete",
    ] {
        let drop = accounts.db.migrate(move |tx| async move {
            match tx.get_database_backend() {
                DbBackend::Sqlite => {
                    tx.execute_unprepared(&format!("DROP TRIGGER {trigger}"))
                        .await?;
                }
                _ => {
                    let sql = "DROP TRIGGER IF EXISTS audit_records_keep ON audit_records";
                    tx.execute_unprepared(sql).await?;
                }
            }
            Ok::<_, StoreError>(())
        });
        drop.await.unwrap();
    }
}

#[tokio::test]
async fn a_change_leaves_one_record_and_says_who_what_and_where_from() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    rename(&accounts, &anna, "").await.unwrap();
    let records = accounts.records(&anna).await;
    let actions: Vec<_> = records
        .iter()
        .map(|record| record.action.as_str())
        .collect();
    let expected = [
        "t11.accounts.v1.OrganizationService/UpdateOrganization",
        "t11.accounts.v1.SessionService/Register",
    ];
    assert_eq!(actions, expected);
    let user = anna
        .me
        .user
        .as_ref()
        .unwrap()
        .name
        .replace("users/", "user:");
    assert_eq!(records[0].actor, user);
    assert_eq!(
        records[0].resource,
        anna.me.organization.as_ref().unwrap().name
    );
    assert_eq!(records[0].request_id, "a-request");
    assert_eq!(records[0].previous_hash, records[1].hash);
    assert_eq!(records[1].client_address, "192.0.2.1");
    assert_eq!(records[1].previous_hash, "0".repeat(64));
}

#[tokio::test]
async fn each_audited_call_leaves_its_record() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.join(&anna, "boris@example.com", "viewer").await;
    let role = pb::UpdateMemberRoleRequest {
        name: boris.member(),
        role: "editor".to_owned(),
    };
    let removal = pb::DeleteMemberRequest {
        name: boris.member(),
    };
    let (mut members, mut sessions) = (accounts.members(), accounts.sessions());
    let password = pb::ChangePasswordRequest {
        old_password: PASSWORD.to_owned(),
        new_password: "another horse".to_owned(),
    };
    let changes = async {
        members.update_member_role(role).await.unwrap();
        members.delete_member(removal).await.unwrap();
        sessions.change_password(password).await.unwrap();
    };
    accounts.as_person(&anna, changes).await;
    let invited = accounts
        .invite(&anna, "vera@example.com", "viewer")
        .await
        .unwrap();
    let withdrawal = pb::DeleteInviteRequest {
        name: invited.invite.unwrap().name,
    };
    let call = async { accounts.members().delete_invite(withdrawal).await };
    accounts.as_person(&anna, call).await.unwrap();
    let phone = accounts
        .sign_in("anna@example.com", "another horse")
        .await
        .unwrap()
        .into_inner();
    let phone = Person {
        token: phone.session_token,
        me: phone.me.unwrap(),
    };
    let call = async { accounts.sessions().sign_out(pb::SignOutRequest {}).await };
    accounts.as_person(&phone, call).await.unwrap();

    let actions: Vec<_> = accounts
        .records(&anna)
        .await
        .into_iter()
        .rev()
        .map(|r| r.action)
        .collect();
    let methods: Vec<_> = actions
        .iter()
        .filter_map(|action| action.split('/').nth(1))
        .collect();
    let expected = [
        "Register",
        "CreateInvite",
        "AcceptInvite",
        "UpdateMemberRole",
        "DeleteMember",
        "ChangePassword",
        "CreateInvite",
        "DeleteInvite",
        "SignIn",
        "SignOut",
    ];
    assert_eq!(methods, expected);
    assert_eq!(verify(&accounts, &anna).await, Ok(10));
}

#[tokio::test]
async fn a_refused_change_leaves_no_record() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let before = accounts.records(&anna).await;
    assert_eq!(
        reason(rename(&accounts, &anna, "\"9\"").await),
        "ETAG_STALE"
    );
    let removal = pb::DeleteMemberRequest {
        name: anna.member(),
    };
    let call = async { accounts.members().delete_member(removal).await };
    assert_eq!(reason(accounts.as_person(&anna, call).await), "LAST_OWNER");
    assert_eq!(accounts.records(&anna).await, before);
}

#[tokio::test]
async fn a_change_that_cannot_be_recorded_is_not_made() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    execute(&accounts, "DELETE FROM audit_heads").await.unwrap();
    assert_eq!(
        reason(rename(&accounts, &anna, "").await),
        "DATABASE_FAILED"
    );
    let call = async {
        accounts
            .organizations()
            .get_organization(pb::GetOrganizationRequest {})
            .await
    };
    let organization = accounts.as_person(&anna, call).await.unwrap().into_inner();
    assert_eq!(Some(organization), anna.me.organization);
}

#[tokio::test]
async fn a_failed_sign_in_of_a_member_is_on_record() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    accounts
        .sign_in("anna@example.com", "wrong horse")
        .await
        .unwrap_err();
    accounts
        .sign_in("nobody@example.com", "wrong horse")
        .await
        .unwrap_err();
    let record = accounts.records(&anna).await.remove(0);
    assert_eq!(
        (record.action.as_str(), record.error_reason.as_str()),
        (SIGN_IN, "CREDENTIALS_WRONG")
    );
    assert_eq!(record.client_address, "192.0.2.9");
    assert_eq!(verify(&accounts, &anna).await, Ok(2));
}

#[tokio::test]
async fn records_are_filtered_and_paged() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    for _ in 0..3 {
        rename(&accounts, &anna, "").await.unwrap();
    }
    let list = async |request: pb::ListAuditRecordsRequest| {
        let call = async { accounts.audit().list_audit_records(request).await };
        accounts.as_person(&anna, call).await.unwrap().into_inner()
    };
    let request = pb::ListAuditRecordsRequest {
        action: "updateorganization".to_owned(),
        page_size: 2,
        ..Default::default()
    };
    let first = list(request.clone()).await;
    assert_eq!(first.audit_records.len(), 2);
    let request = pb::ListAuditRecordsRequest {
        page_token: first.next_page_token,
        ..request
    };
    let last = list(request).await;
    assert_eq!(
        (last.audit_records.len(), last.next_page_token.as_str()),
        (1, "")
    );

    let count = async |action: &str, actor: &str| {
        let request = pb::ListAuditRecordsRequest {
            action: action.to_owned(),
            actor: actor.to_owned(),
            ..Default::default()
        };
        list(request).await.audit_records.len()
    };
    let actor = anna
        .me
        .user
        .as_ref()
        .unwrap()
        .name
        .replace("users/", "user:");
    assert_eq!(count("", "").await, 4);
    assert_eq!(count("", &actor).await, 4);
    assert_eq!(count("", "user:somebody").await, 0);
    assert_eq!(count("%", "").await, 0, "a sign stands for itself");
    assert_eq!(count("Session_ervice", "").await, 0);
}

#[tokio::test]
async fn the_database_refuses_to_change_or_delete_a_record() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    for sql in [
        "UPDATE audit_records SET actor = 'user:nobody'",
        "DELETE FROM audit_records",
    ] {
        assert!(execute(&accounts, sql).await.is_err(), "{sql}");
    }
    assert_eq!(verify(&accounts, &anna).await, Ok(1));
}

#[tokio::test]
async fn what_is_changed_behind_the_guard_is_found() {
    for (tampering, expected) in [
        (
            "UPDATE audit_records SET actor = 'user:nobody' WHERE number = 2",
            BrokenChain::Changed { number: 2 },
        ),
        (
            "DELETE FROM audit_records WHERE number = 2",
            BrokenChain::Gap {
                expected: 2,
                found: 3,
            },
        ),
        (
            "DELETE FROM audit_records WHERE number = 3",
            BrokenChain::WrongEnd {
                expected: 3,
                found: 2,
            },
        ),
    ] {
        let accounts = Accounts::start().await;
        let anna = accounts.register("anna@example.com").await;
        rename(&accounts, &anna, "").await.unwrap();
        rename(&accounts, &anna, "").await.unwrap();
        assert_eq!(verify(&accounts, &anna).await, Ok(3));
        unguard(&accounts).await;
        assert_eq!(execute(&accounts, tampering).await.unwrap(), 1);
        assert_eq!(verify(&accounts, &anna).await, Err(expected), "{tampering}");
    }
}
