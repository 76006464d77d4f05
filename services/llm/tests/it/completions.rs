//! Answers that go well.

use serde_json::json;
use t11_proto::llm::v1 as pb;
use t11_testkit::fake_model::{CHAT_MODEL, Script};

use crate::rig::{KEY, Rig, message, request};

const MATERIAL: &str =
    "<passage id=\"p1\" source=\"Прайс.xlsx\">Название: Диван; Цена: 45 000</passage>";

#[tokio::test]
async fn an_answer_streams_to_its_finish() {
    let rig = Rig::openrouter().await;
    let messages = vec![
        message(pb::MessageRole::System, MATERIAL),
        message(pb::MessageRole::User, "Какая цена дивана?"),
    ];
    let outcome = rig
        .complete(pb::CompleteRequest {
            messages,
            ..Default::default()
        })
        .await;
    assert_eq!(outcome.text, "Название: Диван; Цена: 45 000");
    let finish = outcome.finish();
    assert_eq!(finish.reason(), pb::FinishReason::Stop);
    assert_eq!(
        (finish.model.as_str(), finish.provider.as_str()),
        (CHAT_MODEL, "openrouter")
    );
    let usage = finish.usage.as_ref().unwrap();
    assert!(usage.prompt_tokens > 0 && usage.completion_tokens > 0 && usage.cost_known);
}

#[tokio::test]
async fn the_wire_may_be_cut_anywhere() {
    let rig = Rig::openrouter().await;
    let script = Script::stream()
        .comment()
        .dribble(
            "data: {\"choices\":[{\"delta\":\r\ndata: {\"content\":\"Доставка 🚚\"}}]}\r\n\r\n",
        )
        .dribble(": OPENROUTER PROCESSING\r\n\r\n")
        .text(" — 2 дня")
        .stop();
    rig.model.script(script);
    let outcome = rig.ask("Когда доставка?").await;
    assert_eq!(outcome.text, "Доставка 🚚 — 2 дня");
    let usage = outcome.finish().usage.unwrap();
    let expected = pb::Usage {
        prompt_tokens: 31,
        completion_tokens: 18,
        cached_tokens: 0,
        cost_micro_usd: 21,
        cost_known: true,
    };
    assert_eq!(usage, expected);
}

#[tokio::test]
async fn tool_calls_come_whole() {
    let rig = Rig::openrouter().await;
    let piece = |arguments: &str| json!({"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]});
    let script = Script::stream()
        .delta(
            &json!({"tool_calls": [{"index": 0, "id": "call_1", "type": "function",
            "function": {"name": "find_price", "arguments": ""}}]}),
        )
        .delta(&piece("{\"q\":"))
        .delta(&piece("\"диван\"}"))
        .finish("tool_calls")
        .usage(1, 2, "0")
        .done();
    rig.model.script(script);
    let tool = pb::Tool {
        name: "find_price".into(),
        description: "Finds a price.".into(),
        parameters_json: r#"{"type":"object"}"#.into(),
    };
    let outcome = rig
        .complete(pb::CompleteRequest {
            tools: vec![tool],
            ..request("Цена?")
        })
        .await;
    let call = pb::ToolCall {
        id: "call_1".into(),
        name: "find_price".into(),
        arguments_json: "{\"q\":\"диван\"}".into(),
    };
    assert_eq!(outcome.calls, [call]);
    assert_eq!(outcome.finish().reason(), pb::FinishReason::ToolCalls);
}

#[tokio::test]
async fn openrouter_is_asked_in_its_own_words() {
    let mut rig = Rig::openrouter().await;
    let asked = pb::CompleteRequest {
        response_schema_json: r#"{"type":"object","required":["no_answer"],"properties":{"no_answer":{"type":"boolean"}}}"#.into(),
        session_id: "conversations/1".into(),
        max_tokens: 300,
        temperature: Some(0.0),
        ..request("?")
    };
    let outcome = rig.complete(asked.clone()).await;
    assert_eq!(outcome.text, r#"{"no_answer":true}"#);
    rig.in_org(8);
    rig.complete(asked).await;
    let [one, other] = rig.model.completions().try_into().unwrap();
    assert_eq!(one["stream"], true);
    assert_eq!(one["max_completion_tokens"], 300);
    assert_eq!(one["session_id"], "conversations/1");
    assert_eq!(
        one["provider"],
        json!({"require_parameters": true, "data_collection": "deny"})
    );
    assert_eq!(one["response_format"]["json_schema"]["strict"], true);
    let user = one["user"].as_str().unwrap();
    assert_eq!(user.len(), 32);
    assert!(!user.contains(&rig.org.0.simple().to_string()));
    assert_ne!(one["user"], other["user"], "organizations are told apart");
    let received = &rig.asked()[0];
    assert_eq!(
        received.header("authorization"),
        Some(format!("Bearer {KEY}").as_str())
    );
    assert_eq!(received.header("accept-encoding"), None);
}

#[tokio::test]
async fn a_compatible_server_is_asked_in_openais_words() {
    let rig = Rig::with(&[("T11_LLM__SERVER", "openai-compatible")]).await;
    let outcome = rig.ask("Привет?").await;
    assert_eq!(outcome.finish().provider, "openai-compatible");
    let completions = rig.model.completions();
    assert_eq!(completions[0]["model"], CHAT_MODEL, "the first of its list");
    assert_eq!(completions[0]["max_tokens"], 1_024);
    assert_eq!(completions[0]["stream_options"]["include_usage"], true);
    assert!(completions[0].get("provider").is_none());
}
