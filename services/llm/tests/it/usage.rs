//! What calls cost, added up.

use t11_core::Fault as _;
use t11_core::format_name;
use t11_grpc::RemoteFault;
use t11_proto::llm::v1 as pb;
use t11_testkit::fake_model::Script;
use uuid::Uuid;

use crate::rig::{Rig, request};

#[tokio::test]
async fn every_call_is_counted_once_however_it_ends() {
    let rig = Rig::openrouter().await;
    let agent = format_name("agents", Uuid::from_u128(1));
    rig.model.script(Script::stream().text("да").stop());
    let asked = pb::CompleteRequest {
        agent: agent.clone(),
        purpose: "turn".into(),
        ..request("?")
    };
    assert!(rig.complete(asked).await.end.is_ok());
    rig.model.script(Script::refuse(401, "no"));
    assert!(rig.ask("?").await.end.is_err());

    let usage = rig.usage().await;
    assert_eq!((usage.days.len(), usage.total_calls), (1, 2));
    assert_eq!((usage.days[0].calls, usage.days[0].failed_calls), (2, 1));
    let total = usage.total.unwrap();
    assert_eq!((total.prompt_tokens, total.completion_tokens), (31, 18));
    assert_eq!((total.cost_micro_usd, total.cost_known), (21, true));

    let query = pb::QueryUsageRequest {
        agent,
        ..Default::default()
    };
    assert_eq!(rig.query_usage(query).await.unwrap().total_calls, 1);
}

#[tokio::test]
async fn a_caller_who_leaves_leaves_a_record() {
    let rig = Rig::openrouter().await;
    rig.models(pb::ListModelsRequest::default()).await.unwrap();
    rig.model.script(Script::stream().text("Доставка").hold());
    let mut events = rig.begin(request("Когда доставка?")).await.unwrap();
    assert!(events.message().await.unwrap().is_some());
    drop(events);
    let usage = loop {
        let usage = rig.usage().await;
        if usage.total_calls > 0 {
            break usage;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((usage.total_calls, usage.days[0].failed_calls), (1, 0));
    let total = usage.total.unwrap();
    assert!(
        total.prompt_tokens > 0 && total.completion_tokens > 0,
        "estimated"
    );
    assert!(total.cost_micro_usd > 0 && !total.cost_known, "{total:?}");
}

#[tokio::test]
async fn leaving_the_demo_model_costs_nothing() {
    let rig = Rig::demo().await;
    let mut events = rig.begin(request("Привет, что умеешь?")).await.unwrap();
    assert!(events.message().await.unwrap().is_some());
    drop(events);
    let total = loop {
        let usage = rig.usage().await;
        if usage.total_calls > 0 {
            break usage.total.unwrap();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((total.cost_micro_usd, total.cost_known), (0, true));
}

#[tokio::test]
async fn a_cost_that_nobody_names_comes_from_the_prices() {
    let rig = Rig::openrouter().await;
    rig.models(pb::ListModelsRequest::default()).await.unwrap();
    let counted = || {
        let usage = r#""usage":{"prompt_tokens":1000,"completion_tokens":100}"#;
        let model = r#""model":"openai/gpt-4o-mini""#;
        Script::stream()
            .text("да")
            .finish("stop")
            .bytes(format!("data: {{{model},{usage}}}\n\n"))
            .done()
    };
    rig.model.script(counted());
    let usage = rig.ask("?").await.finish().usage.unwrap();
    assert_eq!((usage.cost_micro_usd, usage.cost_known), (210, true));
    rig.model
        .script(Script::stream().text("да").finish("stop").done());
    let usage = rig.ask("?").await.finish().usage.unwrap();
    assert!(
        usage.completion_tokens > 0 && !usage.cost_known,
        "{usage:?}"
    );
}

#[tokio::test]
async fn records_are_kept_over_a_stop_and_from_other_organizations() {
    let mut rig = Rig::demo().await;
    for _ in 0..8 {
        assert!(rig.ask("Привет").await.end.is_ok());
    }
    assert_eq!(rig.usage().await.total_calls, 8);
    rig.in_org(8);
    let other = rig.usage().await;
    assert_eq!((other.total_calls, other.days.len()), (0, 0));
    assert!(other.total.unwrap().cost_known);
    rig.stop().await;
}

#[tokio::test]
async fn a_span_too_long_is_refused() {
    let rig = Rig::demo().await;
    let start = prost_types::Timestamp {
        seconds: 0,
        nanos: 0,
    };
    let query = pb::QueryUsageRequest {
        start_time: Some(start),
        ..Default::default()
    };
    let status = rig.query_usage(query).await.unwrap_err();
    let fault = RemoteFault::from(&status);
    assert_eq!(fault.violations()[0].field, "start_time");
}
