//! What of people's data leaves for the provider, and comes back.

use serde_json::json;
use t11_proto::llm::v1 as pb;
use t11_testkit::fake_model::{EMBEDDING_MODEL, Script};

use crate::rig::{Rig, message, request};

const SAID: &str =
    "Я Анна: anna@example.ru, +7 900 000-12-34, карта 4111 1111 1111 1111. Заказ 45 000";
const SHOWN: &str = "Я Анна: [EMAIL_1], [PHONE_1], карта [CARD_1]. Заказ 45 000";
const ANSWER: &str = "Анна, напишем на [EMAIL_1] и позвоним: [PHONE_1]";
const HEARD: &str = "Анна, напишем на anna@example.ru и позвоним: +7 900 000-12-34";

fn policy(phones_allowed: bool) -> pb::PrivacyPolicy {
    pb::PrivacyPolicy {
        phones_allowed,
        ..Default::default()
    }
}

fn last_prompt(rig: &Rig) -> String {
    let body = rig.model.completions().pop().unwrap_or_default();
    let content = body["messages"][0]["content"].as_str();
    content.unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_provider_sees_placeholders_and_the_caller_values() {
    let rig = Rig::openrouter().await;
    rig.model.script(Script::stream().text(ANSWER).stop());
    assert_eq!(rig.ask(SAID).await.text, HEARD);
    assert_eq!(last_prompt(&rig), SHOWN);
}

#[tokio::test]
async fn an_answer_may_be_cut_anywhere() {
    let rig = Rig::openrouter().await;
    // Each byte of the wire by itself.
    let event = json!({"choices": [{"delta": {"content": ANSWER}}]});
    let bytes = format!("data: {event}\n\n");
    rig.model.script(Script::stream().dribble(bytes).stop());
    assert_eq!(rig.ask(SAID).await.text, HEARD);
    // Each character in an event of its own.
    let mut script = Script::stream();
    for character in ANSWER.chars() {
        script = script.text(&character.to_string());
    }
    rig.model.script(script.stop());
    assert_eq!(rig.ask(SAID).await.text, HEARD);
}

#[tokio::test]
async fn a_tool_is_called_with_the_value() {
    let rig = Rig::openrouter().await;
    let arguments = r#"{"phone":"[PHONE_1]"}"#;
    let call =
        json!({"index": 0, "id": "c1", "function": {"name": "save", "arguments": arguments}});
    let script = Script::stream().delta(&json!({"tool_calls": [call]}));
    rig.model.script(script.finish("tool_calls").done());
    let tool = pb::Tool {
        name: "save".to_owned(),
        parameters_json: r#"{"type":"object"}"#.to_owned(),
        ..Default::default()
    };
    let asked = pb::CompleteRequest {
        tools: vec![tool],
        ..request(SAID)
    };
    let outcome = rig.complete(asked).await;
    assert_eq!(
        outcome.calls[0].arguments_json,
        r#"{"phone":"+7 900 000-12-34"}"#
    );
}

#[tokio::test]
async fn an_organization_may_allow_it_for_itself() {
    let mut rig = Rig::openrouter().await;
    assert_eq!(rig.privacy_policy().await, pb::PrivacyPolicy::default());
    let set = rig.set_privacy_policy(policy(true)).await;
    assert!(set.phones_allowed && set.update_time.is_some());
    assert_eq!(rig.privacy_policy().await, set);
    rig.ask(SAID).await;
    assert!(last_prompt(&rig).contains("+7 900 000-12-34"));
    assert!(last_prompt(&rig).contains("[EMAIL_1]"));

    rig.in_org(8);
    rig.ask(SAID).await;
    assert_eq!(last_prompt(&rig), SHOWN);

    rig.in_org(7);
    rig.set_privacy_policy(policy(false)).await;
    rig.ask(SAID).await;
    assert_eq!(last_prompt(&rig), SHOWN);
}

#[tokio::test]
async fn texts_for_vectors_are_masked() {
    let rig = Rig::with(&[("T11_LLM__EMBEDDING_MODEL", EMBEDDING_MODEL)]).await;
    let request = pb::EmbedRequest {
        texts: vec![SAID.to_owned()],
        purpose: pb::EmbeddingPurpose::Query.into(),
        ..Default::default()
    };
    rig.embed(request).await.unwrap();
    let asked = rig.asked().pop().unwrap();
    assert_eq!(asked.body["input"], json!([SHOWN]));
}

#[tokio::test]
async fn a_value_has_one_placeholder_in_a_conversation() {
    let rig = Rig::openrouter().await;
    let messages = vec![
        message(pb::MessageRole::User, SAID),
        message(pb::MessageRole::Assistant, HEARD),
        message(pb::MessageRole::User, "Да, anna@example.ru"),
    ];
    rig.complete(pb::CompleteRequest {
        messages,
        ..Default::default()
    })
    .await;
    let body = rig.model.completions().pop().unwrap();
    let contents: Vec<_> = (0..3)
        .map(|place| body["messages"][place]["content"].clone())
        .collect();
    assert_eq!(contents, [SHOWN, ANSWER, "Да, [EMAIL_1]"]);
}
