//! The demo model through the service.

use serde_json::{Value, json};
use t11_proto::llm::v1 as pb;

use crate::rig::{Rig, message, request};

const MATERIAL: &str =
    "<passage id=\"p1\" source=\"Доставка.docx\" section=\"Сроки\">По Москве — 2–3 дня.</passage>";

fn schema() -> String {
    json!({
        "type": "object",
        "required": ["sentences", "no_answer"],
        "properties": {"sentences": {"type": "array"}, "no_answer": {"type": "boolean"}},
    })
    .to_string()
}

fn ask(question: &str) -> pb::CompleteRequest {
    let messages = vec![
        message(pb::MessageRole::System, MATERIAL),
        message(pb::MessageRole::User, question),
    ];
    pb::CompleteRequest {
        messages,
        response_schema_json: schema(),
        ..Default::default()
    }
}

#[tokio::test]
async fn it_quotes_in_the_shape_asked_for() {
    let rig = Rig::demo().await;
    let outcome = rig.complete(ask("Какие сроки по Москве?")).await;
    let answer: Value = serde_json::from_str(&outcome.text).unwrap();
    let expected = json!({
        "sentences": [
            {"text": "Я демо-модель: не рассуждаю, а цитирую ваши материалы.", "sources": []},
            {"text": "Из материала «Доставка.docx», раздел «Сроки»: «По Москве — 2–3 дня».", "sources": ["p1"]},
        ],
        "no_answer": false,
    });
    assert_eq!(answer, expected);
    let finish = outcome.finish();
    assert_eq!(
        (finish.provider.as_str(), finish.model.as_str()),
        ("demo", "demo/quote")
    );
    let usage = finish.usage.as_ref().unwrap();
    assert_eq!((usage.cost_micro_usd, usage.cost_known), (0, true));
}

#[tokio::test]
async fn it_says_when_it_has_no_answer() {
    let rig = Rig::demo().await;
    let outcome = rig.complete(ask("Кто написал «Войну и мир»?")).await;
    let answer: Value = serde_json::from_str(&outcome.text).unwrap();
    assert_eq!(answer["no_answer"], true);
}

#[tokio::test]
async fn other_models_are_unknown_to_it() {
    let rig = Rig::demo().await;
    let outcome = rig
        .complete(pb::CompleteRequest {
            model: "openai/gpt-5".into(),
            ..request("?")
        })
        .await;
    assert_eq!(outcome.reason(), "MODEL_UNKNOWN");
}
