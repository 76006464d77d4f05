use chrono::TimeDelta;
use sea_orm::{ConnectionTrait as _, Statement};
use t11_core::World;
use t11_store::System;

use super::*;
use crate::budget::{Budget, Exhaustion, ORGANIZATION, Period, Purse};
use crate::error::Error;
use crate::sweep::sweep;

const WORST: NanoUsd = NanoUsd(1_000);

fn call(id: u128, time: DateTime<Utc>) -> Reservation {
    Reservation {
        id: Uuid::from_u128(id),
        request_id: Uuid::from_u128(1),
        purpose: "turn".to_owned(),
        agent: "agents/1".to_owned(),
        provider: "openrouter".to_owned(),
        model: "a/b".to_owned(),
        amount: WORST,
        create_time: time,
        expire_time: time + TimeDelta::seconds(60),
    }
}

fn cap(resource: &str, cap: i64) -> Budget {
    Budget {
        id: World::system().new_id(),
        resource: resource.to_owned(),
        period: Period::Day,
        cap: NanoUsd(cap),
        exhaustion: Exhaustion::Degrade,
    }
}

async fn reserve(store: &Store, call: Reservation) -> Result<(), Error> {
    let (agent, time) = (call.agent.clone(), call.create_time);
    let scope = scope(7);
    let reserving = store.reserve(&scope, World::system(), call, Vec::new(), Room::Enough);
    let reserved = reserving.await;
    if let Err(Error::BudgetExceeded(refusal)) = &reserved {
        let purse = refusal.scope.clone();
        store.tell_exhausted(&scope, agent, purse, time).await?;
    }
    reserved
}

async fn purses(store: &Store, time: DateTime<Utc>) -> Vec<(i64, i64)> {
    let budgets = store.budgets(&scope(7), time).await.unwrap();
    budgets
        .iter()
        .map(|one| (one.spent.0, one.held.0))
        .collect()
}

#[tokio::test]
async fn what_is_refused_by_one_purse_is_held_in_none() {
    let (_db, store) = database().await;
    for budget in [cap(ORGANIZATION, 10_000), cap("agents/1", 1_500)] {
        store.set_budget(&scope(7), budget, noon()).await.unwrap();
    }
    reserve(&store, call(1, noon())).await.unwrap();
    let refused = reserve(&store, call(2, noon())).await.unwrap_err();
    assert!(matches!(refused, Error::BudgetExceeded(_)), "{refused}");
    assert_eq!(purses(&store, noon()).await, [(0, 1_000), (0, 1_000)]);

    store
        .insert_record(&scope(7), record(1, noon()))
        .await
        .unwrap();
    assert_eq!(purses(&store, noon()).await, [(400, 0), (400, 0)]);
    reserve(&store, call(3, noon())).await.unwrap();
    // Tomorrow's purse is another one.
    let tomorrow = noon() + TimeDelta::days(1);
    assert_eq!(purses(&store, tomorrow).await, [(0, 0), (0, 0)]);
}

#[tokio::test]
async fn a_call_that_nobody_settled_costs_what_was_reserved_and_only_once() {
    let (_db, store) = database().await;
    let budget = cap(ORGANIZATION, 10_000);
    let world = World::system();
    let long_ago = world.now() - TimeDelta::seconds(90);
    store.set_budget(&scope(7), budget, long_ago).await.unwrap();
    reserve(&store, call(1, long_ago)).await.unwrap();
    reserve(&store, call(2, world.now())).await.unwrap();

    assert_eq!(sweep(&store, &world).await.unwrap(), 1);
    assert_eq!(purses(&store, long_ago).await, [(1_000, 1_000)]);
    // The one it was taken for dead comes late.
    store
        .insert_record(&scope(7), record(1, long_ago))
        .await
        .unwrap();
    assert_eq!(purses(&store, long_ago).await, [(1_000, 1_000)]);
    assert_eq!(sweep(&store, &world).await.unwrap(), 0);
    let days = store.usage_by_day(&scope(7), all()).await.unwrap();
    let total = UsageSum::total(&days);
    assert_eq!((total.calls, total.bill.cost), (1, WORST));
}

#[tokio::test(flavor = "multi_thread")]
async fn at_once_no_more_is_held_than_the_cap() {
    let (_db, store) = database().await;
    let purse = Purse {
        scope: "caller/turns/1".to_owned(),
        cap: NanoUsd(WORST.0 * 10),
        exhaustion: Exhaustion::Degrade,
    };
    let calls = (1..=200).map(|id| {
        let (store, purse) = (store.clone(), purse.clone());
        async move {
            let (own, world) = (scope(7), World::system());
            let call = call(id, noon());
            let held = store.reserve(&own, world, call, vec![purse], Room::Enough);
            held.await.is_ok()
        }
    });
    let held = futures::future::join_all(calls).await;
    assert_eq!(held.into_iter().filter(|held| *held).count(), 10);
}

#[tokio::test]
async fn what_is_beyond_the_next_call_is_held_where_there_is_ample_room() {
    let (_db, store) = database().await;
    let budget = cap(ORGANIZATION, 16_500);
    store.set_budget(&scope(7), budget, noon()).await.unwrap();
    let reserve = async |id| {
        let (own, world) = (scope(7), World::system());
        let call = call(id, noon());
        let reserving = store.reserve(&own, world, call, Vec::new(), Room::Ample);
        reserving.await
    };
    reserve(1).await.unwrap();
    let refused = reserve(2).await.unwrap_err();
    assert!(matches!(refused, Error::BudgetExceeded(_)), "{refused}");
    assert_eq!(purses(&store, noon()).await, [(0, 1_000)]);
}

/// What people are to be told, in the order of telling.
async fn told(db: &TestDb) -> Vec<String> {
    let read = db.read(System("test"), |tx| async move {
        let sql = "SELECT unique_key FROM outbox ORDER BY position";
        let statement = Statement::from_string(tx.get_database_backend(), sql);
        let rows = tx.query_all_raw(statement).await?;
        let keys = rows.iter().map(|row| row.try_get_by_index::<String>(0));
        Ok::<_, StoreError>(keys.collect::<Result<Vec<_>, _>>()?)
    });
    read.await.unwrap()
}

#[tokio::test]
async fn people_hear_once_of_most_and_once_of_all() {
    let (db, store) = database().await;
    let budget = cap(ORGANIZATION, 3_000);
    store.set_budget(&scope(7), budget, noon()).await.unwrap();
    for id in 1..=6 {
        assert_eq!(told(&db).await.len(), 0, "before call {id}");
        reserve(&store, call(id, noon())).await.unwrap();
        let record = record(id, noon());
        store.insert_record(&scope(7), record).await.unwrap();
    }
    let most = "notification/budget_80/organization/2026-11-21";
    assert_eq!(told(&db).await, [most]);
    for id in 7..=8 {
        reserve(&store, call(id, noon())).await.unwrap_err();
    }
    let all = "notification/budget_100/organization/2026-11-21";
    assert_eq!(told(&db).await, [most, all]);
}

#[tokio::test]
async fn what_is_only_held_is_not_spent() {
    let (db, store) = database().await;
    let budget = cap(ORGANIZATION, 1_500);
    store.set_budget(&scope(7), budget, noon()).await.unwrap();
    reserve(&store, call(1, noon())).await.unwrap();
    reserve(&store, call(2, noon())).await.unwrap_err();
    assert_eq!(told(&db).await.len(), 0);
}
