use chrono::TimeDelta;
use t11_core::World;

use super::*;
use crate::budget::{Budget, Exhaustion, ORGANIZATION, Period};
use crate::draw::{Allowance, Draw, Settles};
use crate::sweep::sweep;

const WORST: NanoUsd = NanoUsd(1_000);
const RESERVATION: Uuid = Uuid::from_u128(100);

fn drawn() -> Draw {
    Allowance::of_one_call(scope(7).org(), RESERVATION, WORST)
}

async fn close(store: &Store, settles: Settles) {
    let closing = Entry {
        record: None,
        settles,
    };
    let closing = Arc::new(vec![closing]);
    store.settle(&scope(7), closing, false).await.unwrap();
}

async fn reserved(store: &Store) {
    let budget = Budget {
        id: World::system().new_id(),
        resource: ORGANIZATION.to_owned(),
        period: Period::Day,
        cap: NanoUsd(10_000),
        exhaustion: Exhaustion::Degrade,
    };
    store.set_budget(&scope(7), budget, noon()).await.unwrap();
    let call = Reservation {
        id: RESERVATION,
        request_id: Uuid::from_u128(1),
        purpose: "turn".to_owned(),
        agent: "agents/1".to_owned(),
        provider: "openrouter".to_owned(),
        model: "a/b".to_owned(),
        amount: WORST,
        create_time: noon(),
        expire_time: noon() + TimeDelta::seconds(60),
    };
    let scope = scope(7);
    let reserving = store.reserve(&scope, World::system(), call, Vec::new(), Room::Enough);
    reserving.await.unwrap();
}

async fn purse(store: &Store) -> (i64, i64) {
    let budgets = store.budgets(&scope(7), noon()).await.unwrap();
    (budgets[0].spent.0, budgets[0].held.0)
}

/// A call that was left at noon and is due a second later.
async fn deferred(store: &Store) {
    let left = CallRecord {
        outcome: Outcome::Cancelled,
        generation: "gen-1".to_owned(),
        reason: None,
        ..record(1, noon())
    };
    let next = noon() + TimeDelta::seconds(1);
    let (scope, world, draw) = (scope(7), World::system(), drawn());
    let deferring = store.defer(&scope, &world, left, &draw, next);
    deferring.await.unwrap();
    close(store, draw.moved()).await;
}

async fn due(store: &Store, seconds: i64) -> Vec<Settlement> {
    let due = store.due_settlements(noon() + TimeDelta::seconds(seconds), 9);
    due.await.unwrap().into_iter().map(|(_, one)| one).collect()
}

#[tokio::test]
async fn a_call_that_was_left_is_held_until_it_is_settled() {
    let (_db, store) = database().await;
    reserved(&store).await;
    deferred(&store).await;
    // Its reservation would have expired long ago.
    assert_eq!(sweep(&store, &World::system()).await.unwrap(), 0);
    assert_eq!(purse(&store).await, (0, WORST.0));
    assert_eq!(due(&store, 0).await, []);
    let [settlement] = due(&store, 1).await.try_into().unwrap();
    assert_eq!(settlement.record.generation, "gen-1");
    assert!(store.next_settlement().await.unwrap().is_some());
    store
        .insert_record(&scope(7), settlement.record)
        .await
        .unwrap();
    assert_eq!(purse(&store).await, (400, 0));
    assert_eq!(due(&store, 9).await, [], "it goes with its reservation");
    assert_eq!(store.next_settlement().await.unwrap(), None);
}

#[tokio::test]
async fn of_two_processes_one_asks() {
    let (_db, store) = database().await;
    reserved(&store).await;
    deferred(&store).await;
    let [settlement] = due(&store, 1).await.try_into().unwrap();
    let next = noon() + TimeDelta::seconds(5);
    let scope = scope(7);
    for expected in [true, false] {
        let taking = store.take_settlement(&scope, &settlement, next);
        assert_eq!(taking.await.unwrap(), expected);
    }
    assert_eq!(due(&store, 4).await, []);
    assert_eq!(due(&store, 5).await[0].tries, 1);
}

#[tokio::test]
async fn a_call_that_was_swept_stays_as_it_is() {
    let (_db, store) = database().await;
    reserved(&store).await;
    assert_eq!(sweep(&store, &World::system()).await.unwrap(), 1);
    deferred(&store).await;
    assert_eq!(due(&store, 9).await, []);
    assert_eq!(purse(&store).await, (WORST.0, 0));
}

#[tokio::test]
async fn what_is_given_back_leaves_no_record() {
    let (_db, store) = database().await;
    reserved(&store).await;
    close(&store, drawn().settle(NanoUsd(0))).await;
    assert_eq!(purse(&store).await, (0, 0));
    assert_eq!(store.usage_by_day(&scope(7), all()).await.unwrap(), []);
}
