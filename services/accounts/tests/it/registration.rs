//! Registering.

use t11_core::{Permission, Role};
use t11_proto::accounts::v1 as pb;
use t11_proto::accounts::v1::TokenDelivery;

use crate::harness::{Accounts, PASSWORD, cookie, reason, registration, violations};

#[tokio::test]
async fn registering_makes_an_organization_its_owner_and_a_session() {
    let accounts = Accounts::start().await;
    let request = pb::RegisterRequest {
        organization_display_name: " Мебель ".to_owned(),
        locale: "en".to_owned(),
        time_zone: "Asia/Almaty".to_owned(),
        ..registration("Anna@example.com")
    };
    let call = async { accounts.sessions().register(request).await };
    let response = accounts.from("192.0.2.1", call).await.unwrap();
    let (token, seconds) = cookie(response.metadata()).unwrap();
    let response = response.into_inner();
    assert_eq!(
        (token, seconds),
        (response.session_token.clone(), 12 * 3600)
    );

    let me = response.me.unwrap();
    let (user, organization) = (me.user.unwrap(), me.organization.unwrap());
    assert_eq!(user.email, "Anna@example.com");
    assert_eq!(
        (user.locale.as_str(), user.theme.as_str()),
        ("en", "system")
    );
    assert_eq!(organization.display_name, "Мебель");
    assert_eq!(
        (
            organization.locale.as_str(),
            organization.time_zone.as_str()
        ),
        ("en", "Asia/Almaty")
    );
    assert_eq!(me.role, "owner");
    let every = Permission::ALL
        .iter()
        .filter(|permission| Role::Owner.allows(**permission));
    assert_eq!(
        me.permissions,
        every.map(ToString::to_string).collect::<Vec<_>>()
    );

    accounts.exchange(&response.session_token).await.unwrap();
}

#[tokio::test]
async fn every_broken_rule_is_named_at_once() {
    let accounts = Accounts::start().await;
    let request = pb::RegisterRequest {
        email: "nonsense".to_owned(),
        password: "short".to_owned(),
        locale: "fr".to_owned(),
        time_zone: "Nowhere".to_owned(),
        request_id: "x".to_owned(),
        ..Default::default()
    };
    let mut broken = violations(accounts.sessions().register(request).await);
    broken.sort();
    let expected = [
        ("email", "MALFORMED"),
        ("locale", "UNKNOWN_VALUE"),
        ("organization_display_name", "REQUIRED"),
        ("password", "TOO_SHORT"),
        ("request_id", "MALFORMED"),
        ("time_zone", "UNKNOWN_VALUE"),
    ];
    assert_eq!(
        broken,
        expected.map(|(field, reason)| (field.to_owned(), reason.to_owned()))
    );
}

#[tokio::test]
async fn an_address_is_taken_whatever_its_case() {
    let accounts = Accounts::start().await;
    accounts.register("anna@example.com").await;
    let again = accounts
        .sessions()
        .register(registration("ANNA@Example.com"))
        .await;
    assert_eq!(reason(again), "EMAIL_TAKEN");
}

#[tokio::test]
async fn a_repeated_registration_answers_like_the_first() {
    let accounts = Accounts::start().await;
    let request = pb::RegisterRequest {
        request_id: "0190a0de-0000-7000-8000-000000000001".to_owned(),
        ..registration("anna@example.com")
    };
    let first = accounts
        .sessions()
        .register(request.clone())
        .await
        .unwrap()
        .into_inner();
    let second = accounts
        .sessions()
        .register(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first.me, second.me);
    accounts.exchange(&second.session_token).await.unwrap();

    let other = pb::RegisterRequest {
        password: "another horse".to_owned(),
        ..request
    };
    assert_eq!(
        reason(accounts.sessions().register(other).await),
        "EMAIL_TAKEN"
    );
}

#[tokio::test]
async fn the_token_goes_where_it_was_asked_to() {
    let accounts = Accounts::start().await;
    accounts.register("anna@example.com").await;
    for (delivery, in_body, in_cookie) in [
        (TokenDelivery::Unspecified, true, true),
        (TokenDelivery::Cookie, false, true),
        (TokenDelivery::Body, true, false),
    ] {
        let request = pb::SignInRequest {
            email: "anna@example.com".to_owned(),
            password: PASSWORD.to_owned(),
            token_delivery: delivery.into(),
            remember_me: true,
        };
        let response = accounts.sessions().sign_in(request).await.unwrap();
        let cookie = cookie(response.metadata());
        assert_eq!(cookie.is_some(), in_cookie, "{delivery:?}");
        assert_eq!(
            !response.get_ref().session_token.is_empty(),
            in_body,
            "{delivery:?}"
        );
        if let Some((_, seconds)) = cookie {
            assert_eq!(seconds, 30 * 24 * 3600);
        }
    }
}
