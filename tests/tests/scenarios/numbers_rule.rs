//! A price that is in no source is not sent, whatever the model says.

use serde_json::{Value, json};
use t11_testkit::fake_model::{FakeModel, Script};
use t11_tests::TestMesh;

fn lie() -> Script {
    let answer = json!({
        "sentences": [{"text": "Диван «Осло» стоит 19 990 ₽.", "sources": []}],
        "actions": [], "memory": [], "handoff": null, "no_answer": false,
    });
    Script::stream().text(&answer.to_string()).stop()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invented_price_is_vetoed_twice_and_replaced() {
    let model = FakeModel::start().await;
    for _ in 0..3 {
        model.script(lie());
    }
    let mesh = TestMesh::with(&[("OPENROUTER_BASE_URL", &model.base_url())]).await;
    let owner = mesh.owner("N").await;
    let agent = owner
        .agent(json!({"display_name": "A", "instructions": "x"}))
        .await;
    let conversation = owner.conversation(&agent).await;
    let events = owner.chat(&conversation, "Сколько стоит диван Осло?").await;
    let shown: Vec<&Value> = events
        .iter()
        .filter(|(name, _)| name == "sentence")
        .map(|(_, data)| &data["sentence"]["text"])
        .collect();
    assert!(
        shown
            .iter()
            .all(|text| !text.as_str().unwrap().contains("19 990")),
        "{shown:?}"
    );
    let (_, last) = events.last().unwrap();
    let turn = &last["finished"]["turn"];
    assert_eq!(turn["outcome"], "fallback", "{turn:#}");
    assert_eq!(model.completions().len(), 3, "one try and two lessons");
    let stored = last["finished"]["answer"]["content"].as_str().unwrap();
    assert!(!stored.contains("19"), "{stored}");
    assert!(
        turn["actions"]
            .as_array()
            .unwrap()
            .iter()
            .any(|a| a["kind"] == "create_task")
    );
    mesh.stop().await;
}
