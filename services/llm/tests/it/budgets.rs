//! What may be spent is not spent over, however many calls run at once.

use futures::future::join_all;
use t11_proto::llm::v1 as pb;
use t11_testkit::fake_model::Script;
use uuid::Uuid;

use crate::rig::{Rig, request};

/// What one call costs here, in micro-USD, and what it can cost at most with `max_tokens` of 10.
const COST: i64 = 7;
const AT_ONCE: usize = 500;

fn cheap(question: &str) -> pb::CompleteRequest {
    pb::CompleteRequest {
        max_tokens: 10,
        ..request(question)
    }
}

fn answer() -> Script {
    Script::stream()
        .text("да")
        .finish("stop")
        .usage(20, 5, "0.000007")
        .done()
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_calls_at_once_spend_no_more_than_the_cap() {
    let rig = Rig::priced().await;
    rig.may_spend(10 * COST).await;
    for _ in 0..AT_ONCE {
        rig.model.script(answer());
    }
    let calls = (0..AT_ONCE).map(|_| rig.complete(cheap("?")));
    let outcomes = join_all(calls).await;
    let served = outcomes.iter().filter(|one| one.end.is_ok()).count();
    assert!(served >= 1, "the cap leaves room for some");
    for refused in outcomes.iter().filter(|one| one.end.is_err()) {
        assert_eq!(refused.reason(), "BUDGET_EXCEEDED");
    }
    let budget = rig.budgets().await.remove(0);
    assert!(budget.spent_micro_usd <= 10 * COST, "{budget:?}");
    assert_eq!(budget.reserved_micro_usd, 0);
    let total = rig.usage().await.total.unwrap();
    assert_eq!(budget.spent_micro_usd, total.cost_micro_usd);
    assert_eq!(total.cost_micro_usd, COST * i64::try_from(served).unwrap());
    assert_eq!(rig.model.completions().len(), served, "others never left");
}

#[tokio::test]
async fn a_caller_may_cap_a_thing_of_its_own() {
    let rig = Rig::priced().await;
    let turn = |cap| pb::CompleteRequest {
        budgets: vec![pb::BudgetLimit {
            scope: format!("turns/{}", Uuid::from_u128(1)),
            cap_micro_usd: cap,
        }],
        ..cheap("?")
    };
    rig.model.script(answer());
    assert!(rig.complete(turn(1_000)).await.end.is_ok());
    // The same turn has spent already.
    assert_eq!(rig.complete(turn(COST)).await.reason(), "BUDGET_EXCEEDED");
    let exceeded = rig.complete(turn(COST)).await.fault();
    assert!(exceeded.to_string().contains("0 of 7 left"), "{exceeded}");
}

#[tokio::test]
async fn a_cap_of_nothing_stops_what_costs_and_may_be_taken_away() {
    let rig = Rig::priced().await;
    let budget = rig.may_spend(0).await;
    assert_eq!(rig.complete(cheap("?")).await.reason(), "BUDGET_EXCEEDED");
    rig.delete_budget(&budget.name).await.unwrap();
    rig.model.script(answer());
    assert!(rig.complete(cheap("?")).await.end.is_ok());
    assert_eq!(rig.budgets().await, []);
    assert!(rig.delete_budget(&budget.name).await.is_err());
}

#[tokio::test]
async fn usage_that_is_left_out_or_absurd_costs_what_was_reserved() {
    for script in [
        Script::stream().text("да").finish("stop").done(),
        Script::stream()
            .text("да")
            .finish("stop")
            .usage(20, 5, "-1")
            .done(),
        Script::stream()
            .text("да")
            .finish("stop")
            .usage(20, 5, "1000000")
            .done(),
        Script::stream()
            .text("да")
            .finish("stop")
            .usage(-20, -5, "-0.5")
            .done(),
    ] {
        let rig = Rig::priced().await;
        rig.may_spend(1_000_000).await;
        rig.model.script(script);
        rig.complete(cheap("?")).await.finish();
        let spent = rig.budgets().await[0].spent_micro_usd;
        assert!((1..1_000).contains(&spent), "{spent}");
    }
}

#[tokio::test]
async fn organizations_pay_for_themselves() {
    let mut rig = Rig::priced().await;
    rig.may_spend(0).await;
    rig.in_org(8);
    rig.model.script(answer());
    assert!(rig.complete(cheap("?")).await.end.is_ok());
    assert_eq!(rig.budgets().await, []);
}
