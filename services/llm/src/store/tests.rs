use chrono::{DateTime, TimeDelta, Utc};
use t11_core::{Caller, OrgId, Permission};
use t11_store::testing::TestDb;
use uuid::Uuid;

use super::*;

fn scope(org: u128) -> OrgScope {
    Caller::service("llm", OrgId(Uuid::from_u128(org)))
        .require(Permission::LlmRead)
        .unwrap()
}

fn noon() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-21T12:00:00Z")
        .unwrap()
        .to_utc()
}

fn record(id: u128, create_time: DateTime<Utc>) -> CallRecord {
    CallRecord {
        id: Uuid::from_u128(id),
        request_id: Uuid::from_u128(1),
        create_time,
        purpose: "turn".to_owned(),
        agent: "agents/1".to_owned(),
        provider: "openrouter".into(),
        model: "a/b".to_owned(),
        key: None,
        cached: false,
        generation: String::new(),
        outcome: Outcome::Ok,
        reason: None,
        bill: Bill {
            tokens: Tokens {
                prompt: 10,
                completion: 2,
                cached: 1,
            },
            cost: NanoUsd(400),
            cost_known: true,
        },
        attempts: 1,
        first_token_ms: Some(5),
        total_ms: 9,
    }
}

fn all() -> UsageQuery {
    UsageQuery {
        start: noon() - TimeDelta::days(9),
        end: noon() + TimeDelta::days(9),
        agent: String::new(),
    }
}

async fn database() -> (TestDb, Store) {
    let db = TestDb::new(|db| async move { t11_migrations::migrate("llm", &db).await }).await;
    let store = Store::new(db.db());
    (db, store)
}

#[tokio::test]
async fn days_are_summed_newest_first() {
    let (_db, store) = database().await;
    let before_midnight = noon() + TimeDelta::hours(12) - TimeDelta::microseconds(1);
    let failed = CallRecord {
        outcome: Outcome::Failed,
        reason: Some("STREAM_CUT".into()),
        bill: Bill {
            cost_known: false,
            ..record(0, noon()).bill
        },
        ..record(3, noon() + TimeDelta::hours(12))
    };
    for record in [record(1, noon()), record(2, before_midnight), failed] {
        store.insert_record(&scope(7), record).await.unwrap();
    }
    let days = store.usage_by_day(&scope(7), all()).await.unwrap();
    let dates: Vec<_> = days.iter().map(|day| day.date.to_string()).collect();
    assert_eq!(dates, ["2026-11-22", "2026-11-21"]);
    assert_eq!(
        (days[0].sum.failed_calls, days[0].sum.bill.cost_known),
        (1, false)
    );
    let sum = UsageSum {
        calls: 2,
        failed_calls: 0,
        cached_calls: 0,
        bill: Bill {
            tokens: Tokens {
                prompt: 20,
                completion: 4,
                cached: 2,
            },
            cost: NanoUsd(800),
            cost_known: true,
        },
    };
    assert_eq!(days[1].sum, sum);
}

#[tokio::test]
async fn the_span_is_half_open_and_agents_are_told_apart() {
    let (_db, store) = database().await;
    for (id, time) in [(1, noon()), (2, noon() + TimeDelta::microseconds(5))] {
        store
            .insert_record(&scope(7), record(id, time))
            .await
            .unwrap();
    }
    let calls = async |query: UsageQuery| {
        let days = store.usage_by_day(&scope(7), query).await.unwrap();
        UsageSum::total(&days).calls
    };
    assert_eq!(calls(all()).await, 2);
    assert_eq!(
        calls(UsageQuery {
            end: noon() + TimeDelta::microseconds(5),
            ..all()
        })
        .await,
        1
    );
    assert_eq!(
        calls(UsageQuery {
            start: noon() + TimeDelta::microseconds(1),
            ..all()
        })
        .await,
        1
    );
    assert_eq!(
        calls(UsageQuery {
            agent: "agents/2".to_owned(),
            ..all()
        })
        .await,
        0
    );
}

#[tokio::test]
async fn agents_and_models_are_summed_the_dearest_first() {
    let (_db, store) = database().await;
    let dear = CallRecord {
        model: "a/dear".to_owned(),
        bill: Bill {
            cost: NanoUsd(9_000),
            ..record(0, noon()).bill
        },
        ..record(1, noon())
    };
    let next_day = noon() + TimeDelta::days(1);
    for record in [dear, record(2, noon()), record(3, next_day)] {
        store.insert_record(&scope(7), record).await.unwrap();
    }
    let groups = async |grouping| {
        let scope = scope(7);
        let groups = store.usage_by_group(&scope, all(), grouping);
        let groups = groups.await.unwrap().into_iter();
        groups
            .map(|group| (group.key, group.sum.calls, group.sum.bill.cost.0))
            .collect::<Vec<_>>()
    };
    let (agent, model) = (record(0, noon()).agent, record(0, noon()).model);
    assert_eq!(
        groups(Grouping::Model).await,
        [("a/dear".to_owned(), 1, 9_000), (model, 2, 800)]
    );
    assert_eq!(groups(Grouping::Agent).await, [(agent, 3, 9_800)]);
}

#[tokio::test]
async fn organizations_see_their_own() {
    let (_db, store) = database().await;
    store
        .insert_record(&scope(7), record(1, noon()))
        .await
        .unwrap();
    assert_eq!(store.usage_by_day(&scope(8), all()).await.unwrap(), []);
}

mod budgets;
mod settlements;
