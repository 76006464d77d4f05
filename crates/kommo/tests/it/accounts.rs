//! Consent, tokens, and accounts that move or leave.

use t11_fake_kommo::{Decision, Fault, FaultKind, Rotation};
use t11_kommo::oauth::{Callback, Claims};
use t11_kommo::{Client, DisableHook, Error, TokenError, WidgetToken};

use crate::raw::RawServer;
use crate::support::{REDIRECT_URI, app, connect, consent, failed, grant, host_of, http_of, kommo};

#[tokio::test]
async fn consent_becomes_a_connection() {
    let kommo = kommo().await;
    let connected = connect(&kommo).await;
    let account = connected.client.account().await.unwrap();
    assert_eq!(account.id.0, kommo.account().id());
    assert_eq!(account.subdomain, kommo.account().subdomain());
    let claims = Claims::read(connected.http.hosts(), &connected.tokens.access_token);
    assert_eq!(claims.account_id, Some(account.id));
    assert!(claims.api_domain.is_some());
    assert!(connected.tokens.expires_in.as_secs() == 86_400);
}

#[tokio::test]
async fn a_code_is_good_once() {
    let kommo = kommo().await;
    let connected = connect(&kommo).await;
    let grant = grant(&kommo, &connected.http).await;
    connected
        .oauth
        .exchange(&grant.host, &grant.code)
        .await
        .unwrap();
    let error = failed(connected.oauth.exchange(&grant.host, &grant.code).await);
    assert!(
        matches!(error, Error::Invalid(_) | Error::Unauthorized(_)),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_refusal_comes_back_with_its_state() {
    let kommo = kommo().await;
    kommo.set_decision(Decision::Decline);
    let callback = consent(&kommo, &http_of(&kommo)).await;
    assert!(matches!(callback, Callback::Declined { state: Some(state) } if state == "state-1"));
}

#[tokio::test]
async fn a_refreshed_pair_replaces_the_old() {
    let kommo = kommo().await;
    kommo.set_rotation(Rotation::Strict);
    let connected = connect(&kommo).await;
    let (host, old) = (connected.client.host(), &connected.tokens.refresh_token);
    let renewed = connected.oauth.refresh(host, old).await.unwrap();
    let error = failed(connected.oauth.refresh(host, old).await);
    assert!(
        matches!(&error, Error::Unauthorized(problem) if problem.says("revoked")),
        "{error:?}"
    );
    connected
        .oauth
        .refresh(host, &renewed.refresh_token)
        .await
        .unwrap();
}

/// Contract: of a lost answer the client says that it does not know, and asks once more.
#[tokio::test]
async fn a_lost_pair_is_asked_for_again_with_the_old_token() {
    for (rotation, is_recovered) in [(Rotation::Lenient, true), (Rotation::Strict, false)] {
        let kommo = kommo().await;
        kommo.set_rotation(rotation);
        let connected = connect(&kommo).await;
        kommo.fault(Fault::once(
            "POST /oauth2/access_token",
            FaultKind::CutAfterEffect,
        ));
        let (host, old) = (connected.client.host(), &connected.tokens.refresh_token);
        let lost = failed(connected.oauth.refresh(host, old).await);
        assert!(matches!(lost, Error::OutcomeUnknown), "{lost:?}");
        let again = connected.oauth.refresh(host, old).await;
        assert_eq!(again.is_ok(), is_recovered, "{rotation:?}: {again:?}");
        if let Err(error) = again {
            assert!(matches!(error, Error::Unauthorized(_)), "{error:?}");
        }
        // The code, and two.
        assert_eq!(kommo.count("POST /oauth2/access_token"), 3);
    }
}

/// Contract: the client's part of fifty callers with an expired token.
#[tokio::test]
async fn an_expired_token_is_told_to_each_caller_and_renewed_by_none() {
    let kommo = kommo().await;
    let connected = connect(&kommo).await;
    kommo.advance(std::time::Duration::from_secs(86_401));
    let calls = (0..50).map(|_| connected.client.account());
    let outcomes = futures::future::join_all(calls).await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Err(Error::Unauthorized(_))))
    );
    assert_eq!(kommo.count("GET /api/v4/account"), 50);
    assert_eq!(kommo.count("POST /oauth2/access_token"), 1);
}

/// Contract: an account that was renamed is found, and is the same.
#[tokio::test]
async fn an_account_that_has_moved_is_found() {
    let kommo = kommo().await;
    let connected = connect(&kommo).await;
    let account = kommo.account();
    let old = connected.client.host();
    let claims = Claims::read(connected.http.hosts(), &connected.tokens.access_token);
    let id = connected.client.account().await.unwrap().id;
    account.rename("acme-two").unwrap();
    // What settings would name, for the new address is a new port.
    let hosts = format!("{old},{}", kommo.hosts());
    let hosts: Vec<String> = hosts.split(',').map(str::to_owned).collect();
    let http = crate::support::http(&hosts);
    let oauth = t11_kommo::OAuth::new(&http, &connected.pace, app());
    let refresh = &connected.tokens.refresh_token;
    let error = failed(oauth.refresh(old, refresh).await);
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");
    let current = oauth
        .current_host(&claims.api_domain.unwrap(), refresh)
        .await
        .unwrap();
    assert_eq!(current.host, host_of(&http, &account));
    assert!(current.account_id.is_none_or(|found| found == id));
    let tokens = oauth.refresh(&current.host, refresh).await.unwrap();
    let client = Client::new(&http, &connected.pace, current.host, tokens.access_token);
    assert_eq!(client.account().await.unwrap().id, id);
}

#[tokio::test]
async fn an_account_says_that_it_leaves() {
    let hook = RawServer::hearing().await;
    let mut options = t11_fake_kommo::Integration::new(REDIRECT_URI);
    options.hook_url = Some(hook.url("/hooks/kommo/disabled"));
    let options = t11_fake_kommo::FakeKommoOptions::with(options).unlimited();
    let kommo = t11_fake_kommo::FakeKommo::start(options).await.unwrap();
    let connected = connect(&kommo).await;
    let account = kommo.account();
    let client_id = app().client_id.to_string();
    assert!(account.disable(&client_id, false));
    let query = hook.until(1, |_| true).await.query;
    let forged = DisableHook::parse(&query).unwrap();
    assert_eq!(forged.verify(&app()), Err(TokenError::Signature));
    assert!(account.disable(&client_id, true));
    let query = hook.until(2, |_| true).await.query;
    let real = DisableHook::parse(&query).unwrap().verify(&app()).unwrap();
    assert_eq!(real.0, account.id());
    let error = failed(connected.client.account().await);
    assert!(matches!(error, Error::Unauthorized(_)), "{error:?}");
}

#[tokio::test]
async fn a_widget_says_who_has_it_open() {
    let kommo = kommo().await;
    let (account, http) = (kommo.account(), http_of(&kommo));
    let user = account.users()[0];
    let token = account
        .one_time_token(&app().client_id.to_string(), user)
        .unwrap()
        .into();
    let now = chrono::DateTime::from_timestamp_secs(kommo.now()).unwrap();
    let read = WidgetToken::verify(&app(), http.hosts(), &token, now).unwrap();
    assert_eq!((read.user_id.0, read.account_id.0), (user, account.id()));
    assert_eq!(read.host, host_of(&http, &account));
    let later = now + chrono::TimeDelta::days(1);
    let expired = WidgetToken::verify(&app(), http.hosts(), &token, later);
    assert_eq!(expired, Err(TokenError::Expired));
}
