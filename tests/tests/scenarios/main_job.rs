//! Sign up, teach, create an agent, ask in two languages: on files as people have them.

use std::path::Path;

use serde_json::{Value, json};
use t11_testkit::fake_model::FakeModel;
use t11_tests::client::name;
use t11_tests::{Client, TestMesh, eventually};

fn fixture(file: &str) -> Vec<u8> {
    let folder = Path::new("../services/agents/tests/data");
    std::fs::read(folder.join(file)).unwrap()
}

async fn teach(client: &Client, file: &str) -> Value {
    let uploaded = client
        .upload("/api/knowledge/sources:upload", file, fixture(file))
        .await
        .ok();
    settled(client, &name(&uploaded)).await
}

/// The source once its job has ended.
async fn settled(client: &Client, source: &str) -> Value {
    eventually("the source is read", || async {
        let now = client.get(&format!("/api/knowledge/{source}")).await.ok();
        let state = now["state"].as_str().unwrap().to_owned();
        ["SOURCE_STATE_READY", "SOURCE_STATE_FAILED"]
            .contains(&state.as_str())
            .then_some(now)
    })
    .await
}

fn finished(events: &[(String, Value)]) -> &Value {
    let (last, data) = events.last().unwrap();
    assert_eq!(last, "finished", "{data}");
    &data["finished"]
}

#[tokio::test(flavor = "multi_thread")]
async fn from_sign_up_to_an_answer_with_sources() {
    let model = FakeModel::start().await;
    let mesh = TestMesh::with(&[("OPENROUTER_BASE_URL", &model.base_url())]).await;
    let owner = mesh.owner("Диваны").await;
    for file in ["ru-chromium.pdf", "en-word.docx", "ru-price.xlsx"] {
        let source = teach(&owner, file).await;
        assert_eq!(source["state"], "SOURCE_STATE_READY", "{source}");
        assert!(source["chunk_count"].as_i64().unwrap() > 0, "{source}");
        let chunks = owner
            .get(&format!("/api/knowledge/{}/chunks", name(&source)))
            .await
            .ok();
        assert!(!chunks["chunks"][0]["content"].as_str().unwrap().is_empty());
    }
    let found = owner
        .get("/api/knowledge/chunks:search?query=доставка")
        .await
        .ok();
    let hit = &found["hits"][0];
    assert!(
        !hit["matched_words"].as_array().unwrap().is_empty(),
        "{found}"
    );

    let agent = owner
        .agent(json!({"display_name": "Анна", "instructions": "Отвечай кратко."}))
        .await;
    owner
        .post(&format!("/api/{agent}:activate"), json!({}))
        .await
        .ok();
    let conversation = owner.conversation(&agent).await;
    let question = format!(
        "Расскажите: {}",
        first_words(hit["chunk"]["content"].as_str().unwrap())
    );
    let events = owner.chat(&conversation, &question).await;
    let turn = &finished(&events)["turn"];
    assert_eq!(turn["outcome"], "answered", "{turn:#}");
    assert!(!turn["passages"].as_array().unwrap().is_empty());
    assert!(turn["prompt"].as_array().unwrap().len() >= 2);
    assert_eq!(turn["steps"].as_array().unwrap().len(), 15);
    let sentences = finished(&events)["answer"]["sentences"]
        .as_array()
        .unwrap()
        .clone();
    assert!(
        sentences
            .iter()
            .any(|s| !s["passage_ids"].as_array().unwrap().is_empty())
    );
    let streamed = events
        .iter()
        .filter(|(event, _)| event == "sentence")
        .count();
    assert!(streamed >= 1, "text is streamed before the end");

    let stored = owner.get(&format!("/api/{}", name(turn))).await.ok();
    assert_eq!(
        stored["steps"], turn["steps"],
        "the trace is stored as it was streamed"
    );
    let overview = owner.get("/api/analytics/overview").await.ok();
    assert_eq!(overview["answers_today"], "1");
    assert_eq!(overview["sources_ready"], 3);
    mesh.stop().await;
}

fn first_words(text: &str) -> String {
    text.split_whitespace()
        .take(6)
        .collect::<Vec<_>>()
        .join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_model_quotes_in_the_language_of_the_question() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("Demo").await;
    let article = json!({
        "display_name": "Warranty",
        "content": "# Warranty\n\nThe warranty on every sofa is 24 months.\n\n# Гарантия\n\nГарантия на диваны 24 месяца.",
    });
    let made = owner
        .post("/api/knowledge/sources:createArticle", article)
        .await
        .ok();
    settled(&owner, &name(&made)).await;
    let agent = owner
        .agent(json!({"display_name": "Demo", "instructions": "Be brief."}))
        .await;
    for (question, expected) in [
        ("What is the warranty on a sofa?", "24 months"),
        ("Какая гарантия на диваны?", "24 месяца"),
    ] {
        let conversation = owner.conversation(&agent).await;
        let events = owner.chat(&conversation, question).await;
        let done = finished(&events);
        let content = done["answer"]["content"].as_str().unwrap_or_default();
        assert!(content.contains(expected), "{question}: {done:#}");
        assert_eq!(done["turn"]["outcome"], "answered");
    }
    let conversation = owner.conversation(&agent).await;
    let events = owner.chat(&conversation, "Do you sell helicopters?").await;
    assert_eq!(finished(&events)["turn"]["outcome"], "no_answer");
    mesh.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_a_person_asks_no_model() {
    let model = FakeModel::start().await;
    let mesh = TestMesh::with(&[("OPENROUTER_BASE_URL", &model.base_url())]).await;
    let owner = mesh.owner("H").await;
    let agent = owner.agent(json!({"display_name": "A"})).await;
    let conversation = owner.conversation(&agent).await;
    let events = owner.chat(&conversation, "позовите человека").await;
    let turn = &finished(&events)["turn"];
    assert_eq!(turn["outcome"], "handed_off");
    let kinds: Vec<_> = turn["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["kind"])
        .collect();
    assert_eq!(kinds, ["hand_off", "create_task"]);
    assert!(model.completions().is_empty());
    mesh.stop().await;
}
