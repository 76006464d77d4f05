//! Which way calls go: aliases, fallbacks, breakers, hedges, and what is said of them.

use std::time::Duration;

use serde_json::json;
use t11_core::Fault as _;
use t11_grpc::RemoteFault;
use t11_proto::llm::v1 as pb;
use t11_testkit::fake_model::{CHAT_MODEL, Script};

use crate::rig::{Rig, request};

const ONE: &str = "acme/one";
const TWO: &str = "acme/two";
const THREE: &str = "acme/three";

pub(crate) fn to(model: &str) -> pb::CompleteRequest {
    pb::CompleteRequest {
        model: model.to_owned(),
        max_tokens: 10,
        ..request("Сколько стоит?")
    }
}

/// Nothing of it is released before all of it is there.
pub(crate) fn whole(model: &str) -> pb::CompleteRequest {
    pb::CompleteRequest {
        whole: true,
        ..to(model)
    }
}

/// An answer by which the model can be told.
pub(crate) fn by(model: &str, text: &str) -> Script {
    let chunk = json!({"id": "", "model": model, "choices": [{"delta": {"content": text}}]});
    Script::stream().event(&chunk).stop()
}

fn down() -> Script {
    Script::refuse(503, "overloaded")
}

fn listed(model: &str, context: i64, price: &str) -> serde_json::Value {
    json!({
        "id": model, "name": model, "context_length": context,
        "pricing": {"prompt": price, "completion": price},
        "supported_parameters": ["structured_outputs", "tools"],
    })
}

#[tokio::test]
async fn an_alias_goes_its_way_and_the_model_that_served_is_billed() {
    let rig = Rig::openrouter().await;
    rig.route("fast", &[ONE, TWO, THREE]).await;
    for _ in 0..2 {
        rig.model.script(down());
    }
    rig.model.script(by(THREE, "500"));
    let outcome = rig.complete(to("fast")).await;
    assert_eq!(outcome.text, "500");
    assert_eq!(outcome.finish().model, THREE);
    assert_eq!(rig.asked_models(), [ONE, TWO, THREE]);
    let usage = rig.usage().await;
    assert_eq!(usage.total_calls, 1, "what was refused cost nothing");
    assert_eq!(usage.total.unwrap().cost_micro_usd, 21);
}

#[tokio::test]
async fn requests_without_a_model_go_by_default() {
    let rig = Rig::with(&[("T11_LLM__FALLBACK_MODELS", "acme/one, acme/two")]).await;
    rig.model.script(down());
    rig.model.script(down());
    rig.model.script(by(TWO, "да"));
    assert_eq!(rig.ask("?").await.finish().model, TWO);
    assert_eq!(rig.asked_models(), [CHAT_MODEL, ONE, TWO]);
    rig.route("default", &[THREE]).await;
    rig.model.script(by(THREE, "да"));
    assert_eq!(rig.ask("?").await.finish().model, THREE);
}

#[tokio::test]
async fn everything_that_passes_is_asked_elsewhere_and_nothing_else() {
    let rig = Rig::with(&[
        ("T11_LLM__FIRST_CONTENT_TIMEOUT_MS", "200"),
        ("T11_LLM__BREAKER_FAILURES", "100"),
    ])
    .await;
    rig.route("fast", &[ONE, TWO]).await;
    let role = json!({"role": "assistant", "content": ""});
    for passing in [
        Script::refuse(429, "slow down").header("retry-after", "30"),
        Script::refuse(500, "no"),
        Script::refuse(404, "retired"),
        Script::mute(),
        Script::stream().comment().comment().hold(),
        Script::stream().comment().delta(&role).disconnect(),
        Script::stream().error(&json!({"code": 502, "message": "gone"})),
        Script::stream().delta(&role).done(),
    ] {
        rig.model.script(passing.clone());
        rig.model.script(by(TWO, "да"));
        assert_eq!(rig.complete(to("fast")).await.text, "да", "{passing:?}");
        // Whoever was asked to wait is asked last.
        rig.route("fast", &[ONE, TWO]).await;
    }
    for (status, reason) in [
        (400, "PROVIDER_REFUSED"),
        (401, "PROVIDER_REFUSED"),
        (402, "PROVIDER_REFUSED"),
        (403, "PROVIDER_REFUSED"),
    ] {
        let before = rig.asked().len();
        rig.model.script(Script::refuse(status, "no"));
        assert_eq!(rig.complete(to("fast")).await.reason(), reason);
        assert_eq!(rig.asked().len(), before + 1, "{status}");
    }
}

#[tokio::test]
async fn nothing_is_asked_elsewhere_once_it_was_seen() {
    let rig = Rig::openrouter().await;
    rig.route("fast", &[ONE, TWO]).await;
    rig.model.script(Script::stream().text("Дос").disconnect());
    let outcome = rig.complete(to("fast")).await;
    assert_eq!(
        (outcome.text.as_str(), outcome.reason().as_str()),
        ("Дос", "STREAM_CUT")
    );
    assert_eq!(rig.asked_models(), [ONE]);
}

#[tokio::test]
async fn a_whole_answer_that_is_cut_starts_again_elsewhere_unseen() {
    let rig = Rig::openrouter().await;
    rig.route("lead", &[ONE, TWO, THREE]).await;
    rig.model
        .bill("gen-1", json!({"total_cost": 0.000005, "model": ONE}));
    let error = json!({"code": 502, "message": "gone"});
    rig.model.script(
        Script::stream()
            .header("x-generation-id", "gen-1")
            .text("Дос")
            .disconnect(),
    );
    rig.model.script(
        Script::stream()
            .header("x-generation-id", "gen-2")
            .text("Доставка")
            .error(&error),
    );
    rig.model.script(by(THREE, "Доставка — 2 дня"));
    rig.model
        .bill("gen-2", json!({"total_cost": "0.000007", "model": TWO}));
    let outcome = rig.complete(whole("lead")).await;
    assert_eq!(outcome.text, "Доставка — 2 дня");
    assert_eq!(outcome.finish().model, THREE);
    assert_eq!(rig.asked_models(), [ONE, TWO, THREE]);
    let usage = rig.until_recorded(3).await;
    assert_eq!(usage.days[0].failed_calls, 2);
    let total = usage.total.unwrap();
    assert_eq!((total.cost_micro_usd, total.cost_known), (5 + 7 + 21, true));
}

#[tokio::test]
async fn a_prompt_too_long_goes_to_a_longer_context() {
    let models = [(ONE, 8_000), (TWO, 4_000), (THREE, 64_000)];
    let models = models.map(|(model, context)| listed(model, context, "0.000001"));
    let rig = Rig::offering(&models, &[]).await;
    rig.route("fast", &[ONE, TWO, THREE]).await;
    let error =
        json!({"code": 400, "message": "x", "metadata": {"error_type": "context_length_exceeded"}});
    rig.model.script(Script::refuse_with(400, &error));
    rig.model.script(by(THREE, "да"));
    assert_eq!(rig.complete(to("fast")).await.text, "да");
    assert_eq!(rig.asked_models(), [ONE, THREE], "not to the shorter one");
    assert_eq!(
        rig.routes().await[0].targets[0]
            .health
            .as_ref()
            .unwrap()
            .consecutive_failures,
        0
    );
}

#[tokio::test]
async fn a_target_that_fails_is_left_alone_then_asked_once() {
    let rig = Rig::with(&[
        ("T11_LLM__BREAKER_FAILURES", "2"),
        ("T11_LLM__BREAKER_PAUSE_MS", "300"),
    ])
    .await;
    rig.route("fast", &[ONE, TWO]).await;
    for _ in 0..2 {
        rig.model.script(down());
        rig.model.script(by(TWO, "да"));
        assert_eq!(rig.complete(to("fast")).await.text, "да");
    }
    let health = rig.routes().await[0].targets[0].health.clone().unwrap();
    assert_eq!(health.breaker(), pb::BreakerState::Open);
    assert_eq!(
        (health.failed_calls, health.reason.as_str()),
        (2, "PROVIDER_UNAVAILABLE")
    );
    rig.model.script(by(TWO, "да"));
    assert_eq!(rig.complete(to("fast")).await.text, "да");
    assert_eq!(rig.asked_models(), [ONE, TWO, ONE, TWO, TWO]);
    // The same model by its own name has a health of its own.
    rig.model.script(by(ONE, "да"));
    assert_eq!(rig.complete(to(ONE)).await.text, "да");
    tokio::time::sleep(Duration::from_millis(350)).await;
    // Of many at once one is the probe, and it holds.
    rig.model.script(
        Script::stream()
            .pause(Duration::from_millis(200))
            .text("да")
            .stop(),
    );
    for _ in 0..4 {
        rig.model.script(by(TWO, "да"));
    }
    let before = rig.asked().len();
    let many = (0..5).map(|_| rig.complete(to("fast")));
    for outcome in futures::future::join_all(many).await {
        assert_eq!(outcome.text, "да");
    }
    let probes = rig.asked_models().split_off(before);
    assert_eq!(
        probes.iter().filter(|model| *model == ONE).count(),
        1,
        "{probes:?}"
    );
    let health = rig.routes().await[0].targets[0].health.clone().unwrap();
    assert_eq!(health.breaker(), pb::BreakerState::Closed);
}

#[tokio::test]
async fn a_hedge_is_sent_when_the_first_is_slow_and_both_are_paid() {
    let rig = Rig::openrouter().await;
    let mut route = hedged();
    rig.set_route(route.clone()).await.unwrap();
    rig.model
        .bill("gen-slow", json!({"total_cost": 0.000004, "model": ONE}));
    rig.model.script(
        Script::stream()
            .header("x-generation-id", "gen-slow")
            .comment()
            .hold(),
    );
    rig.model.script(by(TWO, "да"));
    let outcome = rig.complete(to("fast")).await;
    assert_eq!(
        (outcome.text.as_str(), outcome.finish().model.as_str()),
        ("да", TWO)
    );
    rig.model.until_cancelled(1).await;
    let total = rig.until_recorded(2).await.total.unwrap();
    assert_eq!((total.cost_micro_usd, total.cost_known), (25, true));
    // Without the opt-in there is none.
    route.hedge_delay_ms = 0;
    rig.set_route(route).await.unwrap();
    rig.model.script(
        Script::stream()
            .pause(Duration::from_millis(300))
            .text("да")
            .stop(),
    );
    assert_eq!(rig.complete(to("fast")).await.text, "да");
    assert_eq!(rig.asked_models().len(), 3);
}

fn hedged() -> pb::SetRouteRequest {
    let target = |model: &str| pb::RouteTarget {
        model: model.to_owned(),
        ..Default::default()
    };
    pb::SetRouteRequest {
        alias: "fast".to_owned(),
        targets: vec![target(ONE), target(TWO)],
        hedge_delay_ms: 50,
        cache: None,
    }
}

#[tokio::test]
async fn a_hedge_that_the_budget_does_not_hold_is_not_sent() {
    let models = [ONE, TWO].map(|model| listed(model, 8_000, "0.000001"));
    let rig = Rig::offering(&models, &[]).await;
    rig.set_route(hedged()).await.unwrap();
    let worst = rig.explain(to("fast")).await.candidates[0].worst_cost_micro_usd;
    rig.may_spend(worst * 3 / 2).await;
    let slow = Script::stream()
        .pause(Duration::from_millis(300))
        .text("да")
        .stop();
    rig.model.script(slow);
    assert_eq!(rig.complete(to("fast")).await.text, "да");
    assert_eq!(rig.asked_models(), [ONE]);
}

#[tokio::test]
async fn what_is_too_dear_is_passed_over() {
    let models = [listed(ONE, 8_000, "0.001"), listed(TWO, 8_000, "0.000001")];
    let rig = Rig::offering(&models, &[]).await;
    rig.route("fast", &[ONE, TWO]).await;
    rig.may_spend(2_000).await;
    rig.model.script(by(TWO, "да"));
    assert_eq!(rig.complete(to("fast")).await.text, "да");
    assert_eq!(rig.asked_models(), [TWO]);
    rig.may_spend(1).await;
    assert_eq!(rig.complete(to("fast")).await.reason(), "BUDGET_EXCEEDED");
}

#[tokio::test]
async fn an_explanation_names_the_way_the_targets_and_the_money() {
    let mut plain = listed(TWO, 64_000, "0.000001");
    plain["supported_parameters"] = json!([]);
    let models = [
        listed(ONE, 64_000, "0.000001"),
        plain,
        listed(THREE, 12, "0.000001"),
        listed("acme/dear", 64_000, "0.1"),
    ];
    let rig = Rig::offering(&models, &[("T11_LLM__BREAKER_FAILURES", "1")]).await;
    let route = rig
        .route("fast", &["acme/four", THREE, TWO, "acme/dear", ONE])
        .await;
    rig.model.script(down());
    rig.model.script(by("acme/dear", "да"));
    assert_eq!(rig.complete(to("fast")).await.text, "да");
    rig.may_spend(5_000).await;
    let asked = pb::CompleteRequest {
        response_schema_json: "{}".into(),
        budgets: vec![pb::BudgetLimit {
            scope: "turns/1".into(),
            cap_micro_usd: 9_000,
        }],
        ..to("fast")
    };
    let before = rig.asked().len();
    let explained = rig.explain(asked).await;
    assert_eq!(rig.asked().len(), before, "nobody was asked");
    assert_eq!(rig.budgets().await[0].reserved_micro_usd, 0);
    assert_eq!(explained.route, route.name);
    assert!(explained.prompt_tokens > 0);
    let mut found: Vec<_> = explained
        .candidates
        .iter()
        .map(|one| (one.model.as_str(), one.exclusion()))
        .collect();
    assert_eq!(found.remove(0), (ONE, pb::Exclusion::Unspecified));
    found.sort_unstable();
    let expected = [
        ("acme/dear", pb::Exclusion::Budget),
        ("acme/four", pb::Exclusion::BreakerOpen),
        (THREE, pb::Exclusion::ContextTooShort),
        (TWO, pb::Exclusion::NoJsonSchema),
    ];
    assert_eq!(found, expected);
    assert!(
        explained.candidates[0].price_known && explained.candidates[0].worst_cost_micro_usd > 0
    );
    let mut scopes: Vec<_> = explained
        .budgets
        .iter()
        .map(|left| left.left_micro_usd)
        .collect();
    scopes.sort_unstable();
    assert_eq!(scopes, [5_000, 9_000]);
    assert_eq!(rig.explain(to(ONE)).await.route, "");
}

#[tokio::test]
async fn routes_are_set_read_and_taken_away() {
    let mut rig = Rig::openrouter().await;
    let route = rig.route("fast", &[ONE, TWO]).await;
    assert_eq!(rig.get_route(&route.name).await.unwrap().alias, "fast");
    let again = rig.route("fast", &[THREE]).await;
    assert_eq!(
        (again.name.as_str(), again.targets.len()),
        (route.name.as_str(), 1)
    );
    rig.route("best", &[ONE]).await;
    let aliases: Vec<_> = rig
        .routes()
        .await
        .into_iter()
        .map(|route| route.alias)
        .collect();
    assert_eq!(aliases, ["best", "fast"]);
    rig.in_org(8);
    assert_eq!(rig.routes().await, []);
    assert!(rig.get_route(&route.name).await.is_err());
    assert!(rig.delete_route(&route.name).await.is_err());
    assert_eq!(rig.complete(to("fast")).await.reason(), "MODEL_UNKNOWN");
    rig.in_org(7);
    rig.delete_route(&route.name).await.unwrap();
    assert!(rig.get_route(&route.name).await.is_err());
    let bad = pb::SetRouteRequest {
        alias: "a/b".into(),
        targets: vec![
            pb::RouteTarget::default(),
            pb::RouteTarget {
                idle_timeout_ms: -1,
                ..Default::default()
            },
        ],
        hedge_delay_ms: 60_001,
        cache: Some(pb::Cache {
            ttl_seconds: 86_401,
        }),
    };
    let fault = RemoteFault::from(&rig.set_route(bad).await.unwrap_err());
    assert_eq!(fault.violations().len(), 7, "{:?}", fault.violations());
}

#[tokio::test]
async fn a_targets_own_limits_are_kept() {
    let rig = Rig::openrouter().await;
    let mut route = hedged();
    route.hedge_delay_ms = 0;
    route.targets[0].first_content_timeout_ms = 100;
    rig.set_route(route).await.unwrap();
    rig.model.script(Script::stream().comment().hold());
    rig.model.script(by(TWO, "да"));
    assert_eq!(rig.complete(to("fast")).await.text, "да");
    rig.model.until_cancelled(1).await;
}

const SCHEMA: &str =
    r#"{"type":"object","required":["price"],"properties":{"price":{"type":"integer"}}}"#;

#[tokio::test]
async fn a_whole_answer_that_breaks_its_schema_is_asked_for_once_more() {
    let rig = Rig::openrouter().await;
    let asked = pb::CompleteRequest {
        response_schema_json: SCHEMA.into(),
        ..whole("")
    };
    rig.model.script(by(CHAT_MODEL, r#"{"price":"500"}"#));
    rig.model.script(by(CHAT_MODEL, r#"{"price":500}"#));
    let outcome = rig.complete(asked.clone()).await;
    assert_eq!(outcome.text, r#"{"price":500}"#);
    assert_eq!(
        outcome.finish().usage.unwrap().cost_micro_usd,
        42,
        "both are paid"
    );
    let taught = rig.model.completions()[1]["messages"].to_string();
    assert!(taught.contains("`$.price` must be"), "{taught}");
    for answer in ["not JSON", r#"{"price":null}"#] {
        rig.model.script(by(CHAT_MODEL, answer));
    }
    assert_eq!(rig.complete(asked.clone()).await.reason(), "ANSWER_INVALID");
    assert_eq!(rig.asked().len(), 4);
    // What is streamed cannot be taken back, and is judged by whoever reads it.
    rig.model.script(by(CHAT_MODEL, "not JSON"));
    let streamed = pb::CompleteRequest {
        whole: false,
        ..asked
    };
    assert_eq!(rig.complete(streamed).await.text, "not JSON");
    assert_eq!(rig.usage().await.total_calls, 5);
}
