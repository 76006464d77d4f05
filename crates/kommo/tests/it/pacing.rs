//! Rests and budgets, on the wire.

use std::time::Duration;

use futures::future::join_all;
use t11_fake_kommo::{FakeKommo, FakeKommoOptions, Fault, FaultKind, Integration, RateLimit};
use t11_kommo::client::NewNote;
use t11_kommo::{Error, Lane, Pace};

use crate::raw::{Answer, RawServer};
use crate::support::{
    REDIRECT_URI, Spaced, client_with, connect, connect_paced, failed, http, pace,
};

/// A refusal makes the account rest for every clone, and no other account.
async fn rests_after(answer: Answer, seconds: u64) {
    let refusing = RawServer::start(vec![answer]).await;
    let other = RawServer::start(vec![Answer::json(r#"{"id":1}"#)]).await;
    let (http, pace) = (http(&[refusing.host(), other.host()]), pace());
    let client = client_with(&http, &pace, &refusing.host());
    let wait = match failed(client.account().await) {
        Error::RateLimited { retry_after } | Error::Blocked { retry_after } => retry_after,
        error => panic!("{error:?}"),
    };
    assert_eq!(wait, Duration::from_secs(seconds));
    let clones = [
        client.clone(),
        client.in_lane(Lane::Reply),
        client_with(&http, &pace, &refusing.host()),
    ];
    for clone in clones {
        let error = failed(clone.account().await);
        assert!(
            matches!(error, Error::Paced { retry_after } if retry_after <= wait),
            "{error:?}"
        );
    }
    assert_eq!(refusing.received().len(), 1, "no more calls are made");
    let neighbour = client_with(&http, &pace, &other.host());
    assert!(neighbour.account().await.is_ok());
}

#[tokio::test]
async fn after_too_many_calls_the_account_rests_as_long_as_it_says() {
    let body = r#"{"title":"Too Many Requests","status":429,"retry_after":42}"#;
    rests_after(Answer::new("429 Too Many Requests", "", body), 42).await;
    let header = Answer::new("429 Too Many Requests", "retry-after: 7\r\n", "{}");
    rests_after(header, 7).await;
}

#[tokio::test]
async fn after_a_page_instead_of_an_answer_it_rests_for_five_minutes() {
    rests_after(Answer::page("429 Too Many Requests"), 300).await;
    rests_after(Answer::page("403 Forbidden"), 300).await;
}

#[tokio::test]
async fn after_the_rest_one_call_probes_and_all_go_on() {
    let server = RawServer::start(vec![
        Answer::new("429 Too Many Requests", "retry-after: 1\r\n", "{}"),
        Answer::json(r#"{"id":1}"#),
    ])
    .await;
    let client = client_with(&http(&[server.host()]), &pace(), &server.host());
    failed(client.account().await);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    client.account().await.unwrap();
    let all = join_all((0..5).map(|_| client.account())).await;
    assert!(all.iter().all(Result::is_ok));
}

/// Contract: one process, several clients, one budget.
#[tokio::test]
async fn no_second_has_more_calls_than_kommo_allows() {
    let options = FakeKommoOptions::with(Integration::new(REDIRECT_URI));
    let kommo = FakeKommo::start(options).await.unwrap();
    let connected = connect_paced(&kommo, Pace::new(Spaced::new(5))).await;
    let clones = [
        connected.client.clone(),
        connected.client.in_lane(Lane::Reply),
    ];
    let calls = (0..15).map(|index| clones[index % 2].account());
    assert!(join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(kommo.refused_for_rate(), 0);
    assert!(kommo.peak_rate() <= 7, "{}", kommo.peak_rate());
}

/// The same without a budget, so that the test above is seen to prove something.
#[tokio::test]
async fn without_a_budget_kommo_refuses_and_the_others_are_not_sent() {
    let options = FakeKommoOptions::with(Integration::new(REDIRECT_URI));
    let kommo = FakeKommo::start(options).await.unwrap();
    let connected = connect(&kommo).await;
    let mut refused = 0;
    for _ in 0..20 {
        if connected.client.account().await.is_err() {
            refused += 1;
        }
    }
    assert!(refused > 0);
    assert_eq!(
        kommo.refused_for_rate(),
        1,
        "after the first refusal nothing is sent"
    );
}

#[tokio::test]
async fn a_block_of_the_stand_in_is_a_block() {
    let kommo = crate::support::kommo().await;
    let connected = connect(&kommo).await;
    kommo.fault(Fault::everywhere(FaultKind::Blocked));
    let note = NewNote::common("x");
    let lead = t11_kommo::client::Entity::Lead(t11_kommo::id::LeadId(1));
    let error = failed(connected.client.create_note(lead, &note).await);
    assert!(matches!(error, Error::Blocked { .. }), "{error:?}");
    assert!(connected.pace.resting(connected.client.host()).is_some());
    kommo.clear_faults();
    kommo.set_rate_limit(RateLimit {
        per_second: 0,
        ..RateLimit::default()
    });
    let before = kommo.calls().len();
    assert!(matches!(
        failed(connected.client.account().await),
        Error::Paced { .. }
    ));
    assert_eq!(kommo.calls().len(), before);
}
