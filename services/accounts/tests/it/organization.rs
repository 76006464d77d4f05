//! The organization's settings.

use chrono::TimeDelta;
use prost_types::FieldMask;
use t11_proto::accounts::v1 as pb;

use crate::harness::{Accounts, Person, reason, violations};

async fn read(accounts: &Accounts, person: &Person) -> pb::Organization {
    let call = async {
        accounts
            .organizations()
            .get_organization(pb::GetOrganizationRequest {})
            .await
    };
    accounts.as_person(person, call).await.unwrap().into_inner()
}

async fn update(
    accounts: &Accounts,
    person: &Person,
    organization: pb::Organization,
    paths: &[&str],
) -> Result<pb::Organization, tonic::Status> {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    let request = pb::UpdateOrganizationRequest {
        organization: Some(organization),
        update_mask: Some(FieldMask { paths }),
    };
    let call = async { accounts.organizations().update_organization(request).await };
    accounts
        .as_person(person, call)
        .await
        .map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_change_is_kept_and_moves_the_etag() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let before = read(&accounts, &anna).await;
    accounts.clock.advance(TimeDelta::hours(1));
    let change = pb::Organization {
        display_name: "Furniture".to_owned(),
        locale: "en".to_owned(),
        time_zone: "America/New_York".to_owned(),
        etag: before.etag.clone(),
        ..Default::default()
    };
    let after = update(&accounts, &anna, change, &["display_name", "time_zone"])
        .await
        .unwrap();
    assert_eq!(after.display_name, "Furniture");
    assert_eq!(after.time_zone, "America/New_York");
    assert_eq!(after.locale, "ru", "not in the mask");
    assert_ne!(after.etag, before.etag);
    assert_ne!(after.update_time, before.update_time);
    assert_eq!(after.create_time, before.create_time);
    assert_eq!(read(&accounts, &anna).await, after);
}

#[tokio::test]
async fn a_stale_etag_changes_nothing() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let change = pb::Organization {
        display_name: "One".to_owned(),
        ..Default::default()
    };
    let first = update(&accounts, &anna, change.clone(), &["display_name"])
        .await
        .unwrap();
    let stale = pb::Organization {
        etag: "\"1\"".to_owned(),
        ..change
    };
    assert_eq!(
        reason(update(&accounts, &anna, stale, &["display_name"]).await),
        "ETAG_STALE"
    );
    assert_eq!(read(&accounts, &anna).await, first);
}

#[tokio::test]
async fn every_broken_rule_is_named() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let change = pb::Organization {
        display_name: "x".repeat(101),
        locale: "de".to_owned(),
        time_zone: "Moscow".to_owned(),
        ..Default::default()
    };
    let broken = violations(update(&accounts, &anna, change, &["*"]).await);
    let expected = [
        ("organization.display_name", "TOO_LONG"),
        ("organization.locale", "UNKNOWN_VALUE"),
        ("organization.time_zone", "UNKNOWN_VALUE"),
    ];
    assert_eq!(
        broken,
        expected.map(|(field, reason)| (field.to_owned(), reason.to_owned()))
    );
}
