//! Signing in and out, and what sessions live by.

use chrono::{DateTime, TimeDelta};
use t11_core::{Caller, Fault as _, FaultKind, OrgId};
use t11_grpc::{RemoteFault, TokenError, keys};
use t11_proto::accounts::v1 as pb;

use crate::harness::{Accounts, PASSWORD, Person, reason, violations};

async fn refresh(accounts: &Accounts, person: &Person) -> Person {
    let request = pb::RefreshSessionRequest::default();
    let call = async { accounts.sessions().refresh_session(request).await };
    let refreshed = accounts.as_person(person, call).await.unwrap().into_inner();
    Person {
        token: refreshed.session_token,
        me: person.me.clone(),
    }
}

async fn sessions(accounts: &Accounts, person: &Person) -> Vec<pb::Session> {
    let request = pb::ListSessionsRequest::default();
    let call = async { accounts.sessions().list_sessions(request).await };
    accounts
        .as_person(person, call)
        .await
        .unwrap()
        .into_inner()
        .sessions
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    let accounts = Accounts::start().await;
    accounts.register("anna@example.com").await;
    let wrong = accounts
        .sign_in("anna@example.com", "wrong horse")
        .await
        .unwrap_err();
    let unknown = accounts
        .sign_in("nobody@example.com", PASSWORD)
        .await
        .unwrap_err();
    assert_eq!(RemoteFault::from(&wrong).reason(), "CREDENTIALS_WRONG");
    assert_eq!(RemoteFault::from(&wrong).kind(), FaultKind::Unauthenticated);
    assert_eq!(
        (wrong.code(), wrong.message(), wrong.details()),
        (unknown.code(), unknown.message(), unknown.details())
    );
    accounts
        .sign_in("ANNA@example.com", PASSWORD)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_empty_form_is_told_what_is_missing() {
    let accounts = Accounts::start().await;
    let fields: Vec<_> = violations(accounts.sign_in("", "").await)
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    assert_eq!(fields, ["email", "password"]);
}

#[tokio::test]
async fn after_ten_wrong_passwords_one_must_wait() {
    let accounts = Accounts::start().await;
    accounts.register("anna@example.com").await;
    for _ in 0..10 {
        let wrong = accounts.sign_in("anna@example.com", "wrong horse").await;
        assert_eq!(reason(wrong), "CREDENTIALS_WRONG");
    }
    let limited = accounts
        .sign_in("anna@example.com", PASSWORD)
        .await
        .unwrap_err();
    let limited = RemoteFault::from(&limited);
    assert_eq!(limited.reason(), "SIGN_IN_LIMITED");
    assert_eq!(limited.kind(), FaultKind::Exhausted);
    assert_eq!(limited.retry_after().unwrap().as_secs(), 90);
    accounts.clock.advance(TimeDelta::seconds(90));
    accounts
        .sign_in("anna@example.com", PASSWORD)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_session_ends_after_12_hours_of_disuse() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    for _ in 0..5 {
        accounts.clock.advance(TimeDelta::hours(11));
        accounts.exchange(&anna.token).await.unwrap();
    }
    accounts.clock.advance(TimeDelta::hours(12));
    assert_eq!(
        reason(accounts.exchange(&anna.token).await),
        "SESSION_INVALID"
    );
}

#[tokio::test]
async fn a_remembered_session_ends_after_30_days_of_disuse_and_after_90_in_any_case() {
    let accounts = Accounts::start().await;
    accounts.register("anna@example.com").await;
    let request = pb::SignInRequest {
        email: "anna@example.com".to_owned(),
        password: PASSWORD.to_owned(),
        remember_me: true,
        ..Default::default()
    };
    let token = accounts
        .sessions()
        .sign_in(request.clone())
        .await
        .unwrap()
        .into_inner();
    let token = token.session_token;
    for _ in 0..3 {
        accounts.clock.advance(TimeDelta::days(29));
        accounts.exchange(&token).await.unwrap();
    }
    accounts.clock.advance(TimeDelta::days(3));
    assert_eq!(reason(accounts.exchange(&token).await), "SESSION_INVALID");

    let token = accounts
        .sessions()
        .sign_in(request)
        .await
        .unwrap()
        .into_inner()
        .session_token;
    accounts.clock.advance(TimeDelta::days(30));
    assert_eq!(reason(accounts.exchange(&token).await), "SESSION_INVALID");
}

#[tokio::test]
async fn a_replaced_token_works_for_a_minute_and_then_ends_the_session() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let fresh = refresh(&accounts, &anna).await;
    accounts.clock.advance(TimeDelta::seconds(59));
    accounts.exchange(&anna.token).await.unwrap();
    accounts.clock.advance(TimeDelta::seconds(1));
    accounts.exchange(&fresh.token).await.unwrap();

    assert_eq!(
        reason(accounts.exchange(&anna.token).await),
        "SESSION_INVALID"
    );
    assert_eq!(
        reason(accounts.exchange(&fresh.token).await),
        "SESSION_INVALID"
    );
    let again = accounts
        .sign_in("anna@example.com", PASSWORD)
        .await
        .unwrap()
        .into_inner();
    let again = Person {
        token: again.session_token,
        me: again.me.unwrap(),
    };
    let records = accounts.records(&again).await;
    assert!(
        records
            .iter()
            .any(|record| record.error_reason == "SESSION_TOKEN_REPLAYED")
    );
}

#[tokio::test]
async fn tabs_that_refresh_together_all_stay_signed_in() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let mut tabs = Vec::new();
    for _ in 0..5 {
        tabs.push(refresh(&accounts, &anna).await);
        accounts.clock.advance(TimeDelta::seconds(10));
    }
    accounts.clock.advance(TimeDelta::hours(1));
    for tab in tabs {
        accounts.exchange(&tab.token).await.unwrap();
    }
}

#[tokio::test]
async fn refreshing_moves_the_expiry() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    accounts.clock.advance(TimeDelta::hours(10));
    let fresh = refresh(&accounts, &anna).await;
    accounts.clock.advance(TimeDelta::hours(11));
    accounts.exchange(&fresh.token).await.unwrap();
}

#[tokio::test]
async fn signing_out_ends_the_session_and_takes_the_cookie_away() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let caller = accounts.exchange(&anna.token).await.unwrap();
    for _ in 0..2 {
        let call = async { accounts.sessions().sign_out(pb::SignOutRequest {}).await };
        let response = accounts.with_token(&caller, call).await.unwrap();
        assert!(response.metadata().contains_key(keys::CLEAR_SESSION));
    }
    assert_eq!(
        reason(accounts.exchange(&anna.token).await),
        "SESSION_INVALID"
    );
}

#[tokio::test]
async fn sessions_are_listed_newest_first_and_can_be_ended() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    accounts.clock.advance(TimeDelta::minutes(1));
    let phone = accounts
        .sign_in("anna@example.com", PASSWORD)
        .await
        .unwrap()
        .into_inner();
    let listed = sessions(&accounts, &anna).await;
    let seen: Vec<_> = listed
        .iter()
        .map(|s| (s.client_address.as_str(), s.current))
        .collect();
    assert_eq!(seen, [("192.0.2.9", false), ("192.0.2.1", true)]);
    assert_eq!(listed[0].user_agent, "a browser");

    let request = pb::RevokeSessionRequest {
        name: listed[0].name.clone(),
    };
    let revoke = || async { accounts.sessions().revoke_session(request.clone()).await };
    accounts.as_person(&anna, revoke()).await.unwrap();
    assert_eq!(
        reason(accounts.exchange(&phone.session_token).await),
        "SESSION_INVALID"
    );
    assert_eq!(
        reason(accounts.as_person(&anna, revoke()).await),
        "NOT_FOUND"
    );
    assert_eq!(sessions(&accounts, &anna).await.len(), 1);
}

#[tokio::test]
async fn sessions_are_listed_in_pages() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    for _ in 0..2 {
        accounts.clock.advance(TimeDelta::minutes(1));
        accounts
            .sign_in("anna@example.com", PASSWORD)
            .await
            .unwrap();
    }
    let all: Vec<_> = sessions(&accounts, &anna)
        .await
        .into_iter()
        .map(|s| s.name)
        .collect();
    let (mut paged, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListSessionsRequest {
            page_size: 2,
            page_token,
        };
        let call = async { accounts.sessions().list_sessions(request).await };
        let page = accounts.as_person(&anna, call).await.unwrap().into_inner();
        paged.extend(page.sessions.into_iter().map(|session| session.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(all.len(), 3);
    assert_eq!(paged, all);
    let forged = pb::ListSessionsRequest {
        page_token: "x".to_owned(),
        page_size: 2,
    };
    let call = async { accounts.sessions().list_sessions(forged).await };
    assert_eq!(
        reason(accounts.as_person(&anna, call).await),
        "PAGE_TOKEN_INVALID"
    );
}

#[tokio::test]
async fn only_services_exchange_tokens() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let request = pb::IssueCallerTokenRequest {
        session_token: anna.token.clone(),
    };
    let call = async {
        accounts
            .sessions()
            .issue_caller_token(request.clone())
            .await
    };
    assert_eq!(
        reason(accounts.as_person(&anna, call).await),
        "SERVICES_ONLY"
    );
    let nobody = accounts.sessions().issue_caller_token(request).await;
    assert_eq!(reason(nobody), "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_caller_token_lives_as_long_as_its_answer_says() {
    let accounts = Accounts::start().await;
    let anna = accounts.register("anna@example.com").await;
    let edge = accounts.sign(&Caller::service("edge", OrgId::NONE));
    let request = pb::IssueCallerTokenRequest {
        session_token: anna.token,
    };
    let call = async { accounts.sessions().issue_caller_token(request).await };
    let issued = accounts.with_token(&edge, call).await.unwrap().into_inner();
    let expire_time = DateTime::from_timestamp(issued.expire_time.unwrap().seconds, 0).unwrap();
    assert_eq!(expire_time, accounts.world().now() + TimeDelta::minutes(5));
    let verify = |at| accounts.verifier().verify(&issued.caller_token, at);
    assert!(verify(expire_time).is_ok());
    // Clocks may differ by a minute.
    let late = expire_time + TimeDelta::seconds(61);
    assert_eq!(verify(late), Err(TokenError::Expired));
}

#[tokio::test]
async fn no_other_text_is_a_token() {
    let accounts = Accounts::start().await;
    accounts.register("anna@example.com").await;
    for text in ["a".repeat(43), format!("{}_-", "0".repeat(41))] {
        let refused = accounts.exchange(&text).await;
        assert_eq!(reason(refused), "SESSION_INVALID", "{text}");
    }
}

#[tokio::test]
async fn what_is_no_session_token_by_its_form_is_refused_as_a_key() {
    let accounts = Accounts::start().await;
    accounts.register("anna@example.com").await;
    let cut = format!("t11_live_{}", "a".repeat(34));
    assert_eq!(cut.len(), 43, "as long as a session token");
    for text in [
        "",
        "x",
        "sk-or-v1-0123",
        "' OR 1=1 --",
        &"a".repeat(10_000),
        &cut,
    ] {
        let refused = accounts.exchange(text).await.unwrap_err();
        assert!(refused.message().contains("API key"), "{refused}");
        assert!(
            refused.message().contains("Settings"),
            "what to do: {refused}"
        );
        assert_eq!(reason::<()>(Err(refused)), "API_KEY_INVALID", "{text}");
    }
}
