//! What the issue promises of tokens: one renewal for all callers of all replicas, whatever Kommo
//! and the machines do.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures::future::join_all;
use t11_fake_kommo::{Fault, FaultKind, Rotation};

use super::rig::{Rig, TOKENS};
use crate::connection::State;
use crate::error::Error;
use crate::jobs::upkeep;

const CALLERS: usize = 64;
const REPLICAS: usize = 4;
/// More than a token lives.
const A_DAY_AND_MORE: TimeDelta = TimeDelta::hours(25);

/// Rounds of the long form, `T11_ROUNDS`; else as many as the delay allows.
#[expect(clippy::disallowed_methods, reason = "a test has no settings")]
fn rounds(short: usize) -> usize {
    let long = std::env::var("T11_ROUNDS").ok();
    long.and_then(|rounds| rounds.parse().ok()).unwrap_or(short)
}

/// Each round all callers of all replicas find the token expired: by our clock, or by Kommo's alone.
async fn one_renewal_a_round(delay: Duration, rounds: usize) {
    let rig = Arc::new(Rig::start().await);
    let replicas: Vec<_> = (0..REPLICAS).map(|_| rig.replica()).collect();
    for round in 0..rounds {
        if round % 2 == 0 {
            rig.advance(A_DAY_AND_MORE);
        } else {
            rig.fake.advance(A_DAY_AND_MORE.to_std().unwrap());
        }
        if !delay.is_zero() {
            let millis = u64::try_from(delay.as_millis()).unwrap();
            rig.fake
                .fault(Fault::once(TOKENS, FaultKind::SlowBody(millis)));
        }
        let callers = (0..CALLERS).map(|caller| {
            let (rig, kommo) = (rig.clone(), replicas[caller % REPLICAS].clone());
            async move { rig.ask(&kommo).await }
        });
        for answer in join_all(callers).await {
            answer.unwrap();
        }
        assert_eq!(rig.bought(), round + 1, "after {delay:?}");
    }
    assert_eq!(rig.state().await, State::Connected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_callers_are_served_by_one_renewal() {
    one_renewal_a_round(Duration::ZERO, rounds(50)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn so_they_are_when_kommo_takes_a_second() {
    one_renewal_a_round(Duration::from_secs(1), rounds(3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn so_they_are_when_kommo_takes_twelve() {
    one_renewal_a_round(Duration::from_secs(12), rounds(1)).await;
}

#[tokio::test]
async fn a_holder_that_was_stopped_past_its_lease_stores_nothing() {
    let rig = Arc::new(Rig::start().await);
    rig.fake.set_rotation(Rotation::Lenient);
    rig.fake
        .fault(Fault::once(TOKENS, FaultKind::SlowBody(3_000)));
    let stopped = {
        let (rig, kommo) = (rig.clone(), rig.replica());
        async move { kommo.renew(&rig.scope, rig.connection, 1).await }
    };
    let overtake = async {
        rig.fake.until(|| rig.bought() == 1).await;
        // Its lease runs out while the answer is on its way.
        rig.advance_ours(super::super::refresh::LEASE + TimeDelta::seconds(1));
        let other = rig.replica();
        other.renew(&rig.scope, rig.connection, 1).await.unwrap();
        rig.pair().await
    };
    let (stopped, newer) = tokio::join!(stopped, overtake);
    stopped.unwrap();
    assert_eq!(newer.0, 2);
    assert_eq!(rig.pair().await, newer, "the later holder's pair stands");
    assert_eq!(rig.bought(), 2);
    rig.ask(&rig.kommo).await.unwrap();
}

#[tokio::test]
async fn nobody_renews_while_another_holds_the_lease() {
    let rig = Arc::new(Rig::start().await);
    rig.fake
        .fault(Fault::once(TOKENS, FaultKind::SlowBody(1_500)));
    let renew = |kommo: crate::kommo::Kommo| {
        let rig = rig.clone();
        async move { kommo.renew(&rig.scope, rig.connection, 1).await }
    };
    let (first, second) = tokio::join!(renew(rig.replica()), renew(rig.replica()));
    first.unwrap();
    second.unwrap();
    assert_eq!(rig.bought(), 1);
}

#[tokio::test]
async fn a_lost_answer_is_made_good_by_the_old_token_where_it_still_works() {
    let rig = Rig::start().await;
    rig.fake.set_rotation(Rotation::Lenient);
    rig.advance(A_DAY_AND_MORE);
    rig.fake
        .fault(Fault::once(TOKENS, FaultKind::CutAfterEffect));
    rig.ask(&rig.kommo).await.unwrap();
    assert_eq!(rig.bought(), 2);
    rig.advance(A_DAY_AND_MORE);
    rig.ask(&rig.kommo).await.unwrap();
}

#[tokio::test]
async fn where_it_does_not_a_person_is_asked_once() {
    let rig = Rig::start().await;
    rig.advance(A_DAY_AND_MORE);
    rig.fake
        .fault(Fault::once(TOKENS, FaultKind::CutAfterEffect));
    for _ in 0..3 {
        let refused = rig.ask(&rig.kommo).await;
        let state = State::NeedsReauth;
        assert!(matches!(refused, Err(Error::ConnectionState { state: now }) if now == state));
    }
    assert_eq!(rig.state().await, State::NeedsReauth);
    assert_eq!(rig.bought(), 2, "Kommo is not asked in a loop");
    rig.advance(A_DAY_AND_MORE);
    upkeep::round(&rig.kommo).await;
    assert_eq!(rig.bought(), 2, "nor by the clock");
    let key = format!("notification/needs_reauth/{}/1", rig.connection);
    assert_eq!(rig.told().await, [key]);
}

#[tokio::test]
async fn a_pair_is_renewed_before_it_ends_and_an_idle_account_lives_on() {
    let rig = Rig::start().await;
    rig.advance(TimeDelta::hours(17));
    upkeep::round(&rig.kommo).await;
    assert_eq!(rig.bought(), 0, "not before three quarters of its life");
    rig.advance(TimeDelta::hours(4));
    upkeep::round(&rig.kommo).await;
    upkeep::round(&rig.replica()).await;
    assert_eq!(rig.bought(), 1);
    // Longer than an unused refresh token lives.
    for _ in 0..100 {
        rig.advance(TimeDelta::hours(23));
        upkeep::round(&rig.kommo).await;
    }
    assert_eq!(rig.bought(), 101);
    rig.ask(&rig.kommo).await.unwrap();
    assert_eq!(rig.bought(), 101, "and nobody ever waits for it");
}

#[tokio::test]
async fn a_kommo_that_is_away_is_asked_again_later_and_nobody_is_alarmed() {
    let rig = Rig::start().await;
    rig.advance(TimeDelta::hours(21));
    rig.fake.fault(Fault::always(TOKENS, FaultKind::Internal));
    upkeep::round(&rig.kommo).await;
    let tries = rig.bought();
    assert!(tries > 0);
    upkeep::round(&rig.kommo).await;
    assert_eq!(rig.bought(), tries, "not at once");
    assert_eq!(rig.state().await, State::Connected);
    rig.ask(&rig.kommo).await.unwrap();
    rig.fake.clear_faults();
    rig.advance(TimeDelta::minutes(6));
    upkeep::round(&rig.kommo).await;
    assert_eq!(rig.bought(), tries + 1);
    assert_eq!(rig.pair().await.0, 2);
}

#[tokio::test]
async fn a_night_brings_one_synchronisation() {
    let rig = Rig::start().await;
    upkeep::round(&rig.kommo).await;
    let first = rig.stored().await.sync.job;
    rig.advance_ours(TimeDelta::hours(30));
    upkeep::round(&rig.kommo).await;
    upkeep::round(&rig.replica()).await;
    let second = rig.stored().await.sync.job;
    assert_ne!(first, second);
    upkeep::round(&rig.kommo).await;
    assert_eq!(rig.stored().await.sync.job, second);
}
