//! Versions of an agent and what it is tried with before one is published. The wording of cases is
//! that of the acceptance scenarios.

use serde_json::{Value, json};
use t11_testkit::fake_model::FakeModel;
use t11_tests::client::{events, name};
use t11_tests::live::{Live, teach};
use t11_tests::{Client, TestMesh, eventually};

const ARTICLE: &str = "# Гарантия\n\nГарантия на диваны 24 месяца.";
const QUESTION: &str = "Какая гарантия на диваны?";
/// It is about what an article, the price list and a response to an objection say.
const HAGGLING: &str = "Дорого! Сколько стоит диван Осло и какая на него гарантия?";

#[tokio::test(flavor = "multi_thread")]
async fn s41_a_draft_with_a_failing_required_case_is_published_only_with_a_reason() {
    let mesh = TestMesh::start().await;
    let owner = mesh.owner("Проверки").await;
    teach(&owner, ARTICLE).await;
    let agent = owner
        .agent(json!({"display_name": "Анна", "instructions": "Отвечай кратко."}))
        .await;
    let suite = json!({"agent": agent, "display_name": "Гарантия", "required_for_publish": true});
    let suite = name(&owner.post("/api/evalSuites", suite).await.ok());
    let case = json!({
        "display_name": "Срок гарантии", "client_texts": [QUESTION],
        "asserts": [{"kind": "EVAL_ASSERT_KIND_CONTAINS", "value": "36 месяцев"}],
    });
    let cases = format!("/api/{suite}/cases");
    let case = owner.post(&cases, case).await.ok();
    let publish = format!("/api/{agent}:publish");

    let unproved = owner.post(&publish, json!({})).await;
    assert_eq!(unproved.reason(), "EVAL_NOT_RUN");

    let run = run_suite(&owner, &suite).await;
    assert_eq!(run["state"], "EVAL_RUN_STATE_FAILED", "{run:#}");
    let judged = &run["results"][0]["asserts"][0];
    assert!(
        judged["found"].as_str().unwrap().contains("24 месяца"),
        "{run:#}"
    );
    let turn = run["results"][0]["replies"][0]["turn"].as_str().unwrap();
    let turn = owner.get(&format!("/api/{turn}")).await.ok();
    assert_eq!(turn["outcome"], "answered", "{turn:#}");

    let failing = owner.post(&publish, json!({})).await;
    assert_eq!(failing.reason(), "EVAL_FAILED");
    assert!(
        failing.body.to_string().contains("Срок гарантии"),
        "{:#}",
        failing.body
    );

    let reason = "Гарантию меняем завтра.";
    let overridden = json!({"override_reason": reason, "note": "Первая"});
    let version = owner.post(&publish, overridden).await.ok();
    assert_eq!(version["number"], 1, "{version:#}");
    assert_eq!(version["override_reason"], reason);
    let stored = owner.get(&format!("/api/{}", name(&version))).await.ok();
    assert_eq!(stored, version);
    let of_version = name(&version);
    eventually("it stands in the audit log", || async {
        let path = "/api/account/auditRecords?action=PublishAgent";
        let records = owner.get(path).await.ok()["audit_records"].clone();
        let mut records = records.as_array().unwrap().iter();
        records.find(|one| one["resource"] == of_version).map(drop)
    })
    .await;

    let mended = json!({
        "display_name": "Срок гарантии", "client_texts": [QUESTION], "etag": case["etag"],
        "asserts": [{"kind": "EVAL_ASSERT_KIND_CONTAINS", "value": "24 месяца"}],
    });
    let path = format!("/api/{}", name(&case));
    owner.patch(&path, mended).await.ok();
    let outrun = owner.post(&publish, json!({})).await;
    assert_eq!(outrun.reason(), "EVAL_NOT_RUN", "the case has changed");
    let run = run_suite(&owner, &suite).await;
    assert_eq!(run["state"], "EVAL_RUN_STATE_PASSED", "{run:#}");
    let version = owner.post(&publish, json!({})).await.ok();
    assert_eq!(version["number"], 2);
    assert_eq!(version["eval_run"], run["name"]);
    assert_eq!(version["override_reason"], "");

    let edited = json!({"instructions": "Отвечай подробно."});
    owner.patch(&format!("/api/{agent}"), edited).await.ok();
    let edited = owner.post(&publish, json!({})).await;
    assert_eq!(edited.reason(), "EVAL_NOT_RUN", "the draft has changed");
    mesh.stop().await;
}

/// Runs a suite to its end.
async fn run_suite(owner: &Client, suite: &str) -> Value {
    let path = format!("/api/{suite}:run");
    let run = name(&owner.post(&path, json!({})).await.ok());
    eventually("the run ends", || async {
        let run = owner.get(&format!("/api/{run}")).await.ok();
        (!run["end_time"].is_null()).then_some(run)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn s42_a_restored_version_answers_from_its_scripts_prices_and_knowledge() {
    let model = FakeModel::start().await;
    let live = Live::start(&[("OPENROUTER_BASE_URL", &model.base_url())]).await;
    let owner = &live.owner;
    teach(owner, ARTICLE).await;
    import(owner, "45 990,00").await;
    let response = json!({
        "type": "price", "response": "Рассрочка на 6 месяцев.", "phrases": ["дорого"],
        "escalate_after": 10, "state": "PLAY_STATE_PUBLISHED",
    });
    let response = owner.post("/api/objectionResponses", response).await.ok();
    let settings = json!({"instructions": "Отвечай кратко.", "create_task_on_no_answer": false});
    let agent = live.agent(settings).await;
    let publish = format!("/api/{agent}:publish");
    let first = owner.post(&publish, json!({"note": "Осень"})).await.ok();

    change_everything(owner, &agent, &response).await;
    let second = owner.post(&publish, json!({"note": "Зима"})).await.ok();
    assert_eq!(
        (&first["number"], &second["number"]),
        (&json!(1), &json!(2))
    );
    assert_ne!(first["sha256"], second["sha256"]);
    let old = ["24 месяца", "45 990", "Рассрочка на 6", "кратко"];
    let new = ["36 месяцев", "49 990", "Рассрочка на 12", "подробно"];

    let asked = asked(&live, &model, 2).await;
    assert_told(&asked, &new, &old);
    let restore = format!("/api/{}:restore", name(&first));
    let restored = owner.post(&restore, json!({})).await.ok();
    assert_eq!(restored["live"], true, "{restored:#}");
    let asked = self::asked(&live, &model, 1).await;
    assert_told(&asked, &old, &new);

    let draft = owner.get(&format!("/api/{agent}")).await.ok();
    assert_eq!(draft["live_version_number"], 1);
    assert_eq!(
        draft["instructions"], "Отвечай подробно.",
        "the draft stays"
    );
    let differing = owner.get(&format!("/api/{agent}:diffVersions")).await.ok();
    let paths = differing["changes"].to_string();
    for path in [
        "settings.instructions",
        "prices.version",
        "knowledge.Условия",
        "price",
    ] {
        assert!(paths.contains(path), "{path}: {differing:#}");
    }
    chat_answers_from(&live, &model, &agent, &second, &old, &new).await;
    live.stop().await;
}

/// A new newcomer haggles; what the model is told, once the turn is of version `number`.
async fn asked(live: &Live, model: &FakeModel, number: i64) -> String {
    let before = model.completions().len();
    let lead = live.newcomer(HAGGLING);
    live.answers(lead.talk_id, 1).await;
    let conversation = live
        .conversation_when("the newest talk is known", |one| {
            one["lead_id"] == json!(lead.lead_id.unwrap().to_string())
        })
        .await;
    let path = format!("/api/{}/messages", name(&conversation));
    let messages = live.owner.get(&path).await.ok()["messages"].clone();
    let turn = messages[1]["turn"].as_str().unwrap().to_owned();
    let turn = live.owner.get(&format!("/api/{turn}")).await.ok();
    assert_eq!(turn["version_number"], number, "{turn:#}");
    let asked = model.completions().split_off(before);
    asked[0]["messages"].to_string()
}

fn assert_told(asked: &str, told: &[&str], untold: &[&str]) {
    // Amounts are written with spaces that do not break.
    let asked = asked.replace(['\u{a0}', '\u{202f}'], " ");
    for text in told {
        assert!(asked.contains(text), "{text}: {asked}");
    }
    for text in untold {
        assert!(!asked.contains(text), "{text}: {asked}");
    }
}

/// The test chat answers from the draft, and from a version that it is told.
async fn chat_answers_from(
    live: &Live,
    model: &FakeModel,
    agent: &str,
    version: &Value,
    old: &[&str],
    new: &[&str],
) {
    let first = format!("/api/{agent}/versions");
    let versions = live.owner.get(&first).await.ok()["versions"].clone();
    let first = name(&versions[1]);
    assert_eq!(name(&versions[0]), name(version));
    for (version, number, told, untold) in [("", 0, new, old), (&first, 1, old, new)] {
        let conversation = live.owner.conversation(agent).await;
        let path = format!("/api/{conversation}:chat");
        let before = model.completions().len();
        let body = json!({"text": HAGGLING, "version": version});
        let answer = live.owner.request(reqwest::Method::POST, &path).json(&body);
        let said = events(&answer.send().await.unwrap().text().await.unwrap());
        let (last, data) = said.last().unwrap();
        assert_eq!(last, "finished", "{data}");
        assert_eq!(data["finished"]["turn"]["version_number"], number);
        let asked = model.completions().split_off(before);
        assert_told(&asked[0]["messages"].to_string(), told, untold);
    }
}

async fn import(owner: &Client, price: &str) {
    let list = format!("Артикул;Наименование;Цена, руб.\r\nOSLO;Диван «Осло»;{price}\r\n");
    let path = "/api/prices:import?publish=true";
    let imported = owner
        .upload(path, "Прайс.csv", list.into_bytes())
        .await
        .ok();
    assert_eq!(imported["version"]["state"], "PRICE_BOOK_STATE_LIVE");
}

/// Everything that is answered from says something else.
async fn change_everything(owner: &Client, agent: &str, response: &Value) {
    let sources = owner.get("/api/knowledge/sources").await.ok();
    let source = &sources["sources"][0];
    let path = format!("/api/knowledge/{}", name(source));
    let content = ARTICLE.replace("24 месяца", "36 месяцев");
    let changed = json!({"content": content, "etag": source["etag"]});
    owner.patch(&path, changed).await.ok();
    eventually("the source is read anew", || async {
        let now = owner.get(&path).await.ok();
        let is_new = now["content"].as_str().unwrap().contains("36");
        (is_new && now["state"] == "SOURCE_STATE_READY").then_some(())
    })
    .await;
    import(owner, "49 990,00").await;
    let mut changed = response.clone();
    changed["response"] = "Рассрочка на 12 месяцев.".into();
    let path = format!("/api/{}", name(response));
    owner.patch(&path, changed).await.ok();
    let changed = json!({"instructions": "Отвечай подробно."});
    owner.patch(&format!("/api/{agent}"), changed).await.ok();
}
