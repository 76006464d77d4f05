//! Streams that are left, what they cost then, and that nothing stays behind.

use std::time::{Duration, Instant};

use serde_json::json;
use t11_proto::llm::v1 as pb;
use t11_testkit::fake_model::Script;

use crate::rig::{Rig, request};
use crate::routes::whole;

/// The caller leaves, and the provider must know within this.
const KNOWN_WITHIN: Duration = Duration::from_millis(100);
const TIMES: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_leaves_is_known_to_have_left_within_a_tenth_of_a_second() {
    let rig = Rig::openrouter().await;
    let mut took = Vec::new();
    for time in 0..TIMES {
        let left = match time % 3 {
            0 => leave_the_answer(&rig).await,
            1 => leave_before_the_answer(&rig, request("?"), Script::mute(), time).await,
            _ => {
                let slow = Script::stream().text("Дос").hold();
                leave_before_the_answer(&rig, whole(""), slow, time).await
            }
        };
        rig.model.until_cancelled(time + 1).await;
        took.push(rig.model.left_at()[time].saturating_duration_since(left));
    }
    took.sort_unstable();
    let in_time = took.iter().filter(|took| **took <= KNOWN_WITHIN).count();
    let (half, most) = (took[TIMES / 2], took[TIMES - 1]);
    eprintln!("known to have left: p50 {half:?}, most {most:?}, {in_time} of {TIMES} in time");
    assert_eq!(in_time, TIMES, "{took:?}");
}

async fn leave_the_answer(rig: &Rig) -> Instant {
    rig.model.script(Script::stream().text("Дос").hold());
    let mut events = rig.begin(request("?")).await.unwrap();
    assert!(events.message().await.unwrap().is_some());
    let now = Instant::now();
    drop(events);
    now
}

async fn leave_before_the_answer(
    rig: &Rig,
    request: pb::CompleteRequest,
    script: Script,
    time: usize,
) -> Instant {
    rig.model.script(script);
    let events = rig.begin(request).await.unwrap();
    rig.until_asked(time + 1).await;
    let now = Instant::now();
    drop(events);
    now
}

#[tokio::test]
async fn a_call_that_was_left_costs_what_the_provider_says_afterwards() {
    let rig = Rig::priced().await;
    rig.may_spend(1_000_000).await;
    rig.model.script(
        Script::stream()
            .header("x-generation-id", "gen-left")
            .text("Доставка")
            .hold(),
    );
    let mut events = rig.begin(request("Когда доставка?")).await.unwrap();
    assert!(events.message().await.unwrap().is_some());
    drop(events);
    rig.model.until_cancelled(1).await;
    // Not known yet: what was reserved stays held.
    until_generation_asked(&rig, 2).await;
    let budget = rig.budgets().await.remove(0);
    assert!(budget.reserved_micro_usd > 0, "{budget:?}");
    assert_eq!(budget.spent_micro_usd, 0);
    let bill = json!({"model": "openai/gpt-4o-mini", "total_cost": 0.000013, "cancelled": true,
        "native_tokens_prompt": 9, "native_tokens_completion": 3, "native_tokens_cached": 0});
    rig.model.bill("gen-left", bill);
    let total = rig.until_recorded(1).await.total.unwrap();
    let expected = pb::Usage {
        prompt_tokens: 9,
        completion_tokens: 3,
        cached_tokens: 0,
        cost_micro_usd: 13,
        cost_known: true,
    };
    assert_eq!(total, expected);
    let budget = rig.budgets().await.remove(0);
    assert_eq!((budget.spent_micro_usd, budget.reserved_micro_usd), (13, 0));
}

#[tokio::test]
async fn a_cost_that_is_never_told_is_what_was_reserved() {
    let rig = Rig::priced().await;
    rig.may_spend(1_000_000).await;
    rig.model.script(Script::stream().text("Доставка").hold());
    let mut events = rig.begin(request("Когда доставка?")).await.unwrap();
    assert!(events.message().await.unwrap().is_some());
    let reserved = rig.budgets().await[0].reserved_micro_usd;
    drop(events);
    let total = rig.until_recorded(1).await.total.unwrap();
    assert_eq!((total.cost_micro_usd, total.cost_known), (reserved, false));
    let budget = rig.budgets().await.remove(0);
    assert_eq!(
        (budget.spent_micro_usd, budget.reserved_micro_usd),
        (reserved, 0)
    );
}

async fn until_generation_asked(rig: &Rig, times: usize) {
    let asked = || {
        let received = rig.model.received().into_iter();
        received
            .filter(|one| one.route == "GET /generation")
            .count()
    };
    while asked() < times {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
