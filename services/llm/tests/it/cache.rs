//! Answers that are kept for equal requests, and what providers are told to keep.

use futures::future::join_all;
use serde_json::json;
use t11_proto::llm::v1 as pb;
use t11_testkit::fake_model::Script;

use crate::rig::{Rig, message, request};
use crate::routes::{by, to, whole};

const MODEL: &str = "acme/one";
const HOUR: Option<pb::Cache> = Some(pb::Cache { ttl_seconds: 3_600 });

/// The answer to it may be kept.
fn kept(question: &str) -> pb::CompleteRequest {
    pb::CompleteRequest {
        model: MODEL.to_owned(),
        temperature: Some(0.0),
        cache: HOUR,
        ..request(question)
    }
}

fn answer() -> Script {
    by(MODEL, "500")
}

#[tokio::test]
async fn an_equal_request_costs_nothing() {
    let mut rig = Rig::openrouter().await;
    rig.model.script(answer());
    let first = rig.complete(kept("Цена?")).await;
    assert!(!first.finish().cached);
    assert_eq!(first.finish().usage.unwrap().cost_micro_usd, 21);
    let again = rig.complete(kept("Цена?")).await;
    assert_eq!((again.text.as_str(), again.finish().cached), ("500", true));
    assert_eq!(again.finish().usage.unwrap().cost_micro_usd, 0);
    assert_eq!(again.finish().model, MODEL);
    assert_eq!(rig.asked().len(), 1);
    let usage = rig.usage().await;
    assert_eq!((usage.total_calls, usage.total_cached_calls), (2, 1));
    assert_eq!(usage.total.unwrap().cost_micro_usd, 21);
    // Another question, another length, and above all another organization are others.
    let longer = pb::CompleteRequest {
        max_tokens: 77,
        ..kept("Цена?")
    };
    for other in [kept("Срок?"), longer] {
        rig.model.script(answer());
        assert!(!rig.complete(other).await.finish().cached);
    }
    rig.in_org(8);
    rig.model.script(answer());
    assert!(!rig.complete(kept("Цена?")).await.finish().cached);
    assert_eq!(rig.asked().len(), 4);
}

#[tokio::test]
async fn a_hit_needs_no_money() {
    let rig = Rig::priced().await;
    let asked = pb::CompleteRequest {
        model: String::new(),
        ..kept("Цена?")
    };
    rig.model.script(answer());
    rig.complete(asked.clone()).await.finish();
    rig.may_spend(0).await;
    assert!(rig.complete(asked).await.finish().cached);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_requests_at_once_are_one_call() {
    let rig = Rig::openrouter().await;
    rig.model.script(
        Script::stream()
            .pause(std::time::Duration::from_millis(200))
            .text("500")
            .stop(),
    );
    let outcomes = join_all((0..20).map(|_| rig.complete(kept("Цена?")))).await;
    assert!(outcomes.iter().all(|one| one.text == "500"));
    let paid = outcomes.iter().filter(|one| !one.finish().cached).count();
    assert_eq!((paid, rig.asked().len()), (1, 1));
    assert_eq!(rig.usage().await.total.unwrap().cost_micro_usd, 21);
}

#[tokio::test]
async fn only_what_is_the_same_each_time_is_kept() {
    let rig = Rig::openrouter().await;
    let tool = pb::Tool {
        name: "find".to_owned(),
        parameters_json: "{}".to_owned(),
        ..Default::default()
    };
    let warm = pb::CompleteRequest {
        temperature: Some(0.7),
        ..kept("Цена?")
    };
    let with_tools = pb::CompleteRequest {
        tools: vec![tool],
        ..kept("Цена?")
    };
    let unasked = pb::CompleteRequest {
        cache: None,
        ..kept("Цена?")
    };
    use pb::CacheVerdict as V;
    for (asked, verdict) in [
        (warm, V::NotDeterministic),
        (with_tools, V::Tools),
        (unasked, V::Unspecified),
    ] {
        assert_eq!(rig.explain(asked.clone()).await.cache(), verdict);
        for _ in 0..2 {
            rig.model.script(answer());
            assert!(!rig.complete(asked.clone()).await.finish().cached);
        }
    }
    assert_eq!(rig.explain(kept("Цена?")).await.cache(), V::Miss);
    // Cut at its length: another time it may be longer.
    rig.model
        .script(Script::stream().text("5").finish("length").done());
    rig.complete(kept("Цена?")).await.finish();
    assert_eq!(rig.explain(kept("Цена?")).await.cache(), V::Miss);
    rig.model.script(answer());
    rig.complete(kept("Цена?")).await.finish();
    assert_eq!(rig.explain(kept("Цена?")).await.cache(), V::Hit);
}

#[tokio::test]
async fn a_route_may_keep_answers_and_a_request_decline() {
    let rig = Rig::openrouter().await;
    let target = pb::RouteTarget {
        model: MODEL.to_owned(),
        ..Default::default()
    };
    let route = pb::SetRouteRequest {
        alias: "facts".to_owned(),
        targets: vec![target],
        hedge_delay_ms: 0,
        cache: HOUR,
    };
    assert_eq!(rig.set_route(route).await.unwrap().cache, HOUR);
    let asked = pb::CompleteRequest {
        temperature: Some(0.0),
        ..to("facts")
    };
    rig.model.script(answer());
    rig.complete(asked.clone()).await.finish();
    assert!(rig.complete(asked.clone()).await.finish().cached);
    let declined = pb::CompleteRequest {
        cache: Some(pb::Cache { ttl_seconds: 0 }),
        ..asked
    };
    rig.model.script(answer());
    assert!(!rig.complete(declined).await.finish().cached);
}

#[tokio::test]
async fn equal_is_what_the_provider_is_shown_and_each_hears_its_own() {
    let rig = Rig::openrouter().await;
    rig.model.script(by(MODEL, "Пишем на [EMAIL_1]"));
    let anna = rig.complete(kept("Я anna@example.ru")).await;
    assert_eq!(anna.text, "Пишем на anna@example.ru");
    let boris = rig.complete(kept("Я boris@example.ru")).await;
    assert_eq!(boris.text, "Пишем на boris@example.ru");
    assert!(boris.finish().cached);
}

#[tokio::test]
async fn an_answer_in_a_shape_is_kept_once_it_has_it() {
    let rig = Rig::openrouter().await;
    let schema =
        r#"{"type":"object","required":["price"],"properties":{"price":{"type":"integer"}}}"#;
    let asked = pb::CompleteRequest {
        response_schema_json: schema.into(),
        ..kept("Цена?")
    };
    rig.model.script(by(MODEL, r#"{"price":"500"}"#));
    rig.model.script(by(MODEL, r#"{"price":500}"#));
    assert_eq!(rig.complete(asked.clone()).await.text, r#"{"price":500}"#);
    let again = rig.complete(asked).await;
    assert_eq!(
        (again.text.as_str(), again.finish().cached),
        (r#"{"price":500}"#, true)
    );
}

#[tokio::test]
async fn a_failure_is_not_kept() {
    let rig = Rig::openrouter().await;
    rig.model.script(Script::refuse(400, "no"));
    assert_eq!(
        rig.complete(kept("Цена?")).await.reason(),
        "PROVIDER_REFUSED"
    );
    rig.model.script(answer());
    assert_eq!(rig.complete(kept("Цена?")).await.text, "500");
}

#[tokio::test]
async fn marks_and_the_session_reach_the_provider() {
    let rig = Rig::openrouter().await;
    let marked = |role, content: &str, mark: pb::PromptCache| pb::Message {
        prompt_cache: mark.into(),
        ..message(role, content)
    };
    use pb::MessageRole::{System, User};
    let messages = vec![
        marked(System, "You sell pumps.", pb::PromptCache::OneHour),
        marked(User, "Price list", pb::PromptCache::FiveMinutes),
        message(User, "P-40?"),
    ];
    let asked = pb::CompleteRequest {
        messages,
        session_id: "conversations/1".to_owned(),
        ..whole(MODEL)
    };
    rig.model.script(answer());
    rig.complete(asked).await.finish();
    let body = rig.model.completions().remove(0);
    assert_eq!(body["session_id"], "conversations/1");
    let part = |text: &str, mark: serde_json::Value| json!([{"type": "text", "text": text, "cache_control": mark}]);
    let hour = json!({"type": "ephemeral", "ttl": "1h"});
    assert_eq!(
        body["messages"][0]["content"],
        part("You sell pumps.", hour)
    );
    let short = json!({"type": "ephemeral"});
    assert_eq!(body["messages"][1]["content"], part("Price list", short));
    assert_eq!(body["messages"][2]["content"], "P-40?");
}
