//! Providers that fail, each in its way.

use std::time::Duration;

use serde_json::json;
use t11_core::Fault as _;
use t11_proto::llm::v1 as pb;
use t11_testkit::fake_model::Script;

use crate::rig::{Rig, request};
use crate::routes::whole;

#[tokio::test]
async fn a_limit_is_waited_for_and_tried_once_more() {
    let rig = Rig::openrouter().await;
    rig.model
        .script(Script::refuse(429, "slow down").header("retry-after-ms", "1"));
    rig.model.script(Script::stream().text("да").stop());
    assert_eq!(rig.ask("?").await.text, "да");
    assert_eq!(rig.asked().len(), 2);
}

#[tokio::test]
async fn a_limit_too_long_to_wait_for_is_passed_on() {
    let rig = Rig::openrouter().await;
    rig.model
        .script(Script::refuse(429, "slow down").header("retry-after", "17"));
    let outcome = rig.ask("?").await;
    assert_eq!(outcome.reason(), "PROVIDER_LIMITED");
    assert_eq!(outcome.fault().retry_after(), Some(Duration::from_secs(17)));
    assert_eq!(rig.asked().len(), 1);
}

#[tokio::test]
async fn two_tries_are_all() {
    let rig = Rig::openrouter().await;
    for _ in 0..2 {
        rig.model
            .script(Script::refuse(503, "overloaded").header("retry-after-ms", "1"));
    }
    assert_eq!(rig.ask("?").await.reason(), "PROVIDER_UNAVAILABLE");
    assert_eq!(rig.asked().len(), 2);
}

#[tokio::test]
async fn refusals_keep_their_meaning_and_are_not_tried_again() {
    let rig = Rig::openrouter().await;
    for (status, reason) in [
        (400, "PROVIDER_REFUSED"),
        (401, "PROVIDER_REFUSED"),
        (402, "PROVIDER_REFUSED"),
        (403, "PROVIDER_REFUSED"),
        (404, "MODEL_UNKNOWN"),
        (413, "CONTEXT_TOO_LONG"),
    ] {
        rig.model.script(Script::refuse(status, "no"));
        assert_eq!(rig.ask("?").await.reason(), reason, "{status}");
    }
    let moderated =
        json!({"code": 403, "message": "flagged", "metadata": {"reasons": ["violence"]}});
    rig.model.script(Script::refuse_with(403, &moderated));
    assert_eq!(rig.ask("?").await.reason(), "CONTENT_REFUSED");
    let too_long =
        json!({"code": 400, "message": "x", "metadata": {"error_type": "context_length_exceeded"}});
    rig.model.script(Script::refuse_with(400, &too_long));
    assert_eq!(rig.ask("?").await.reason(), "CONTEXT_TOO_LONG");
    assert_eq!(rig.asked().len(), 8);
}

#[tokio::test]
async fn an_unknown_model_is_named() {
    let rig = Rig::openrouter().await;
    let outcome = rig
        .complete(pb::CompleteRequest {
            model: "acme/none".into(),
            ..request("?")
        })
        .await;
    assert_eq!(outcome.reason(), "MODEL_UNKNOWN");
    assert!(
        outcome.fault().to_string().contains("acme/none"),
        "{:?}",
        outcome.end
    );
}

#[tokio::test]
async fn an_error_inside_the_stream_is_an_error() {
    let rig = Rig::openrouter().await;
    for code in [json!(502), json!("server_error")] {
        let error = json!({"code": code, "message": "Provider disconnected"});
        rig.model.script(Script::stream().text("Дос").error(&error));
        let outcome = rig.ask("?").await;
        assert_eq!(
            (outcome.text.as_str(), outcome.reason().as_str()),
            ("Дос", "PROVIDER_UNAVAILABLE")
        );
    }
    assert_eq!(rig.asked().len(), 2, "no other try after the first content");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_cut() {
    let rig = Rig::with(&[("T11_LLM__BREAKER_FAILURES", "100")]).await;
    let cuts = [
        Script::stream().text("Дос"),
        Script::stream().text("Дос").disconnect(),
        Script::stream().text("Дос").finish("stop"),
        Script::stream().text("Дос").done(),
        Script::stream().text("Дос").bytes("data: {\"choices\":"),
        Script::stream().text("Дос").bytes("data: not json\n\n"),
    ];
    let count = cuts.len();
    for (place, cut) in cuts.into_iter().enumerate() {
        rig.model.script(cut);
        let outcome = rig.ask("?").await;
        assert_eq!(
            (outcome.text.as_str(), outcome.reason().as_str()),
            ("Дос", "STREAM_CUT"),
            "{place}"
        );
    }
    assert_eq!(rig.asked().len(), count);
}

#[tokio::test]
async fn what_breaks_before_the_first_content_is_tried_again() {
    let rig = Rig::openrouter().await;
    let error = json!({"code": 502, "message": "x"});
    let role = json!({"role": "assistant", "content": ""});
    for broken in [
        Script::stream().comment().disconnect(),
        Script::stream().comment().delta(&role),
        Script::stream().comment().delta(&role).error(&error),
    ] {
        rig.model.script(broken);
        rig.model.script(Script::stream().text("да").stop());
        assert_eq!(rig.ask("?").await.text, "да");
    }
}

#[tokio::test]
async fn a_page_instead_of_a_stream_is_not_tried_again() {
    let rig = Rig::openrouter().await;
    rig.model.script(Script::plain(200, "text/html", "<html>"));
    assert_eq!(rig.ask("?").await.reason(), "PROVIDER_UNAVAILABLE");
    let error = json!({"error": {"code": 402, "message": "x"}});
    rig.model
        .script(Script::plain(200, "application/json", error.to_string()));
    assert_eq!(rig.ask("?").await.reason(), "PROVIDER_REFUSED");
    rig.model
        .script(Script::plain(302, "text/html", "").header("location", "http://127.0.0.1:1/"));
    assert_eq!(rig.ask("?").await.reason(), "PROVIDER_REFUSED");
    assert_eq!(rig.asked().len(), 3);
}

#[tokio::test]
async fn comments_do_not_replace_an_answer() {
    let rig = Rig::with(&[("T11_LLM__FIRST_CONTENT_TIMEOUT_MS", "300")]).await;
    for _ in 0..2 {
        let endless = (0..1_000).fold(Script::stream(), |script, _| {
            script.comment().pause(Duration::from_millis(20))
        });
        rig.model.script(endless);
    }
    let outcome = rig.ask("?").await;
    assert_eq!(outcome.reason(), "PROVIDER_UNAVAILABLE");
    assert_eq!(outcome.fault().fact("cause"), Some("first_content_timeout"));
    rig.model.until_cancelled(2).await;
}

#[tokio::test]
async fn silence_within_an_answer_ends_it() {
    let rig = Rig::with(&[("T11_LLM__IDLE_TIMEOUT_MS", "300")]).await;
    rig.model.script(Script::stream().text("Дос").hold());
    let outcome = rig.ask("?").await;
    assert_eq!(
        (outcome.text.as_str(), outcome.reason().as_str()),
        ("Дос", "STREAM_CUT")
    );
    assert_eq!(outcome.fault().fact("cause"), Some("idle_timeout"));
    rig.model.until_cancelled(1).await;
}

#[tokio::test]
async fn a_server_that_never_answers_is_left() {
    let rig = Rig::with(&[("T11_LLM__HEADERS_TIMEOUT_MS", "200")]).await;
    for _ in 0..2 {
        rig.model.script(Script::mute());
    }
    let outcome = rig.ask("?").await;
    assert_eq!(outcome.fault().fact("cause"), Some("headers_timeout"));
    rig.model.until_cancelled(2).await;
}

#[tokio::test]
async fn nobody_at_the_address_is_unavailable() {
    let rig = Rig::with(&[("OPENROUTER_BASE_URL", "http://127.0.0.1:1/v1")]).await;
    let outcome = rig.ask("?").await;
    assert_eq!(outcome.reason(), "PROVIDER_UNAVAILABLE");
    assert_eq!(outcome.fault().fact("cause"), Some("connect"));
}

#[tokio::test]
async fn leaving_the_stream_cancels_the_call() {
    let rig = Rig::openrouter().await;
    rig.model.script(Script::stream().text("Дос").hold());
    let mut events = rig.begin(request("?")).await.unwrap();
    assert!(events.message().await.unwrap().is_some());
    assert_eq!(rig.model.cancelled(), 0);
    drop(events);
    rig.model.until_cancelled(1).await;
}

#[tokio::test]
async fn leaving_before_the_answer_cancels_the_call() {
    let rig = Rig::openrouter().await;
    rig.model.script(Script::mute());
    let events = rig.begin(request("?")).await.unwrap();
    rig.until_asked(1).await;
    drop(events);
    rig.model.until_cancelled(1).await;
    assert_eq!(rig.asked().len(), 1);
}

#[tokio::test]
async fn bad_requests_reach_no_provider() {
    let rig = Rig::openrouter().await;
    let bad = pb::CompleteRequest {
        temperature: Some(3.0),
        max_tokens: -1,
        ..Default::default()
    };
    let fault = rig.complete(bad).await.fault();
    assert_eq!(fault.reason(), "REQUEST_INVALID");
    assert_eq!(fault.violations().len(), 3);
    assert!(rig.asked().is_empty());
}

#[tokio::test]
async fn f27_models_that_are_down_are_left_alone_and_cost_nothing() {
    const CALLS: usize = 20;
    let rig = Rig::with(&[
        ("T11_LLM__BREAKER_FAILURES", "3"),
        ("T11_LLM__BREAKER_PAUSE_MS", "60000"),
    ])
    .await;
    rig.may_spend(1_000_000).await;
    rig.route("lead", &["acme/down", "acme/well"]).await;
    for call in 0..CALLS {
        if call < 3 {
            rig.model.script(Script::refuse(503, "overloaded"));
        }
        rig.model.script(Script::stream().text("да").stop());
        assert_eq!(rig.complete(whole("lead")).await.text, "да");
    }
    let asked = rig.asked_models();
    let down = asked.iter().filter(|model| *model == "acme/down").count();
    assert_eq!((down, asked.len()), (3, CALLS + 3));
    // Then the other one goes down as well.
    for _ in 0..3 {
        rig.model
            .script(Script::refuse(502, "gone").header("retry-after-ms", "1"));
    }
    let spent = rig.budgets().await[0].spent_micro_usd;
    let before = rig.asked().len();
    for _ in 0..CALLS {
        let outcome = rig.complete(whole("lead")).await;
        assert_eq!(outcome.reason(), "PROVIDER_UNAVAILABLE");
    }
    let fault = rig.complete(whole("lead")).await.fault();
    assert_eq!(fault.fact("cause"), Some("breaker_open"));
    assert!(fault.retry_after().is_some(), "it says when to come again");
    assert_eq!(rig.asked().len(), before + 3, "nobody is asked in vain");
    let budget = rig.budgets().await.remove(0);
    assert_eq!(
        (budget.spent_micro_usd, budget.reserved_micro_usd),
        (spent, 0)
    );
}

#[tokio::test]
async fn f28_no_part_of_a_cut_answer_is_ever_seen_of_a_whole_one() {
    let rig = Rig::with(&[("T11_LLM__IDLE_TIMEOUT_MS", "200")]).await;
    let half = || Script::stream().text("{\"sentences\":[{\"text\":\"Ски");
    let asked = || pb::CompleteRequest {
        response_schema_json: r#"{"type":"object","required":["no_answer"]}"#.into(),
        ..whole("")
    };
    for broken in [
        half(),
        half().disconnect(),
        half().hold(),
        half().finish("stop"),
    ] {
        rig.model.script(broken);
        rig.model
            .script(Script::stream().text("{\"no_answer\":true}").stop());
        let before = rig.asked().len();
        let outcome = rig.complete(asked()).await;
        assert_eq!(outcome.text, "{\"no_answer\":true}");
        assert_eq!(rig.asked().len(), before + 2);
    }
    for _ in 0..2 {
        rig.model.script(half().disconnect());
    }
    let before = rig.asked().len();
    let outcome = rig.complete(asked()).await;
    assert_eq!(
        (outcome.text.as_str(), outcome.reason().as_str()),
        ("", "STREAM_CUT")
    );
    assert_eq!(
        rig.asked().len(),
        before + 2,
        "one more try, and then it fails"
    );
}

#[tokio::test]
async fn f29_an_error_under_a_success_is_an_error_and_costs_what_was_reserved() {
    for (status, reason) in [(402, "PROVIDER_REFUSED"), (500, "PROVIDER_UNAVAILABLE")] {
        let rig = Rig::priced().await;
        rig.may_spend(1_000_000).await;
        let worst = rig.explain(request("?")).await.candidates[0].worst_cost_micro_usd;
        let error = json!({"error": {"code": status, "message": "no",
            "availability": {"retryable": false}}});
        rig.model
            .script(Script::plain(200, "application/json", error.to_string()));
        assert_eq!(rig.ask("?").await.reason(), reason);
        let budget = rig.budgets().await.remove(0);
        assert!(worst > 0);
        assert_eq!(
            (budget.spent_micro_usd, budget.reserved_micro_usd),
            (worst, 0)
        );
        let usage = rig.usage().await;
        assert_eq!((usage.total_calls, usage.days[0].failed_calls), (1, 1));
        assert!(!usage.total.unwrap().cost_known);
    }
}
