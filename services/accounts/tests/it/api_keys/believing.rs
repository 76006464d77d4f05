//! Which keys are believed, and until when.

use t11_core::Fault as _;
use t11_grpc::RemoteFault;
use tonic::Code;

use super::*;

#[tokio::test]
async fn a_key_expires() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let hour = pb::ApiKey {
        expire_time: in_future(&accounts, TimeDelta::hours(1)),
        ..new_key("CI", READ)
    };
    let made = create(&accounts, &anna, hour).await.unwrap();
    accounts.clock.advance(TimeDelta::minutes(58));
    let issued = accounts.exchange_key(&made.key).await.unwrap();
    let expiry = made.api_key.as_ref().unwrap().expire_time;
    assert_eq!(
        issued.expire_time, expiry,
        "before the five minutes of a token"
    );
    accounts.clock.advance(TimeDelta::seconds(119));
    accounts.exchange_key(&made.key).await.unwrap();
    accounts.clock.advance(TimeDelta::seconds(1));
    assert_eq!(refusal(&accounts, &made.key).await, "API_KEY_EXPIRED");
    let seen = get(&accounts, &anna, &made.api_key.unwrap().name)
        .await
        .unwrap();
    assert_eq!(seen.state(), pb::ApiKeyState::Expired);
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once_and_for_ever() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let (key, name) = made(&accounts, &anna, READ).await;
    accounts.exchange_key(&key).await.unwrap();
    let revoked = revoke(&accounts, &anna, &name).await.unwrap();
    assert_eq!(revoked.state(), pb::ApiKeyState::Revoked);
    assert_eq!(refusal(&accounts, &key).await, "API_KEY_REVOKED");
    accounts.clock.advance(TimeDelta::hours(1));
    let again = revoke(&accounts, &anna, &name).await.unwrap();
    assert_eq!(
        again.revoke_time, revoked.revoke_time,
        "it was revoked once"
    );
    assert!(listed(&accounts, &anna).await.is_empty());
    let request = pb::ListApiKeysRequest {
        show_revoked: true,
        ..Default::default()
    };
    let all = list(&accounts, &anna, request).await.unwrap().api_keys;
    assert_eq!(all, std::slice::from_ref(&again));
    assert_eq!(get(&accounts, &anna, &name).await.unwrap(), again);
}

#[tokio::test]
async fn an_administrator_revokes_the_key_of_an_owner() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let boris = accounts.join(&anna, "boris@example.com", "admin").await;
    let (key, name) = made(&accounts, &anna, READ).await;
    revoke(&accounts, &boris, &name).await.unwrap();
    assert_eq!(refusal(&accounts, &key).await, "API_KEY_REVOKED");
}

#[tokio::test]
async fn an_unknown_key_and_a_wrong_secret_get_the_same_answer() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let (key, _) = made(&accounts, &anna, READ).await;
    assert_eq!(forged(&key, 0, "t11"), key, "the test knows the form");
    let places = ["t11_dev_".len(), "t11_dev_12345678_".len()];
    let [unknown, wrong] = places.map(|place| forged(&key, place, "0000"));
    assert!(unknown != key && wrong != key);
    let unknown = accounts.exchange_key(&unknown).await.unwrap_err();
    let wrong = accounts.exchange_key(&wrong).await.unwrap_err();
    assert_eq!(unknown.code(), Code::Unauthenticated);
    assert_eq!(RemoteFault::from(&unknown).reason(), "API_KEY_INVALID");
    let seen = |status: &Status| {
        // The id of the request is made anew for each.
        let fault = RemoteFault::from(status);
        (
            status.code(),
            status.message().to_owned(),
            format!("{:?}", fault.violations()),
        )
    };
    assert_eq!(seen(&unknown), seen(&wrong));
}

#[tokio::test]
async fn the_state_of_a_key_is_told_only_to_who_holds_it() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let (key, name) = made(&accounts, &anna, READ).await;
    revoke(&accounts, &anna, &name).await.unwrap();
    let wrong = forged(&key, "t11_dev_12345678_".len(), "0000");
    assert_eq!(refusal(&accounts, &wrong).await, "API_KEY_INVALID");
}

#[tokio::test]
async fn a_key_that_is_not_whole_is_refused_without_the_database() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let (key, _) = made(&accounts, &anna, READ).await;
    accounts.db.close().await;
    assert_ne!(
        refusal(&accounts, &key).await,
        "API_KEY_INVALID",
        "a whole key is looked up"
    );
    let live = key.replacen("t11_dev_", "t11_live_", 1);
    let mistyped = format!("{}x{}", &key[..20], &key[21..]);
    let long = format!("{key}0");
    for text in [
        "",
        "t11_",
        "t11_dev_",
        &key[..key.len() - 1],
        &key[1..],
        &key.to_lowercase(),
        &live,
        &forged(&live, 0, "t11"),
        &mistyped,
        &long,
        "t11_dev_ключключ_ключключключключключ_ключик",
    ] {
        assert_eq!(refusal(&accounts, text).await, "API_KEY_INVALID", "{text}");
    }
}

#[tokio::test]
async fn a_session_token_is_no_key_and_a_key_no_session_token() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let (key, _) = made(&accounts, &anna, READ).await;
    assert_eq!(refusal(&accounts, &anna.token).await, "API_KEY_INVALID");
    assert_eq!(reason(accounts.exchange(&key).await), "API_KEY_INVALID");
}
