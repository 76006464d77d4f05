//! A price list as a company has it, from the import to the answer in the chat.

use serde_json::{Value, json};
use t11_testkit::fake_model::{FakeModel, Script};
use t11_tests::client::name;
use t11_tests::{Client, TestMesh};

/// As Excel saves it for Russian: a mark of UTF-8, semicolons, a comma in the amounts.
const LIST: &str = "\u{feff}Артикул;Наименование;Цена, руб.;Ед.;Синонимы\r\n\
    OSLO-2;Диван «Осло» двухместный;45 990,00;шт;софа норвежская\r\n\
    OSLO-3;Диван «Осло» трёхместный;61 500,00;шт;\r\n\
    BERGEN;Кухня «Берген»;от 120 500,50;компл;\r\n\
    CHAIR-7;Стул «Тромсё»;7 490;шт;табурет\r\n";

async fn with_prices(mesh: &TestMesh) -> (Client, String) {
    let owner = mesh.owner("Цены").await;
    let path = "/api/prices:import?publish=true";
    let imported = owner
        .upload(path, "Прайс.csv", LIST.as_bytes().to_vec())
        .await
        .ok();
    assert_eq!(
        imported["version"]["state"], "PRICE_BOOK_STATE_LIVE",
        "{imported}"
    );
    assert_eq!(imported["version"]["item_count"], 4);
    let agent = owner
        .agent(json!({"display_name": "Анна", "instructions": "Отвечай кратко."}))
        .await;
    (owner, agent)
}

fn finished(events: &[(String, Value)]) -> &Value {
    let (last, data) = events.last().unwrap();
    assert_eq!(last, "finished", "{data}");
    &data["finished"]
}

/// Figures with plain spaces: amounts are written with ones that do not break.
fn plain(text: &Value) -> String {
    let text = text.as_str().unwrap_or_default();
    text.replace(['\u{a0}', '\u{202f}'], " ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_for_a_price_is_answered_from_the_list_with_its_row_as_source() {
    let mesh = TestMesh::start().await;
    let (owner, agent) = with_prices(&mesh).await;
    for (question, price, sku) in [
        ("Сколько стоит двухместный диван Осло?", "45 990", "OSLO-2"),
        ("А какая цена на кухню Берген?", "от 120 500,50", "BERGEN"),
    ] {
        let conversation = owner.conversation(&agent).await;
        let events = owner.chat(&conversation, question).await;
        let done = finished(&events);
        assert_eq!(done["turn"]["outcome"], "answered", "{question}: {done:#}");
        let sentences = done["answer"]["sentences"].as_array().unwrap();
        let said = sentences
            .iter()
            .find(|sentence| plain(&sentence["text"]).contains(price))
            .unwrap_or_else(|| panic!("{price} in {sentences:#?}"));
        let source = said["passage_ids"][0].as_str().unwrap();
        let passages = done["turn"]["passages"].as_array().unwrap();
        let row = passages.iter().find(|row| row["id"] == source).unwrap();
        assert_eq!(row["kind"], "price");
        assert_eq!(row["source_display_name"], "Прайс-лист");
        let items = format!("/api/prices/items?query={sku}");
        let items = owner.get(&items).await.ok()["items"].clone();
        assert_eq!(row["resource"], items[0]["name"], "{items}");
        assert!(plain(&row["content"]).contains(price), "{row}");
    }
    mesh.stop().await;
}

fn says(text: &str, sources: &[&str]) -> Script {
    let answer = json!({
        "sentences": [{"text": text, "sources": sources}],
        "actions": [], "memory": [], "handoff": null, "no_answer": false,
    });
    Script::stream().text(&answer.to_string()).stop()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_beside_the_list_is_sent_back_and_the_lists_own_is_sent() {
    let model = FakeModel::start().await;
    model.script(says("Двухместный «Осло» стоит 39 990 ₽.", &["p1"]));
    model.script(says("Двухместный «Осло» стоит 45 990 ₽.", &["p1"]));
    let mesh = TestMesh::with(&[("OPENROUTER_BASE_URL", &model.base_url())]).await;
    let (owner, agent) = with_prices(&mesh).await;
    let conversation = owner.conversation(&agent).await;
    let events = owner
        .chat(&conversation, "Сколько стоит двухместный диван Осло?")
        .await;
    for (event, data) in &events {
        let shown = plain(&data["sentence"]["text"]);
        assert!(!shown.contains("39 990"), "{event}: {data}");
    }
    let done = finished(&events);
    assert_eq!(done["turn"]["outcome"], "answered", "{done:#}");
    assert_eq!(
        plain(&done["answer"]["content"]),
        "Двухместный «Осло» стоит 45 990 ₽."
    );
    assert_eq!(model.completions().len(), 2, "one lie and one lesson");
    let stored = owner
        .get(&format!("/api/{}", name(&done["turn"])))
        .await
        .ok();
    assert_eq!(stored["passages"], done["turn"]["passages"]);
    mesh.stop().await;
}
