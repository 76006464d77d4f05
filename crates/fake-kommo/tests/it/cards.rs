use serde_json::{Value, json};
use t11_fake_kommo::Quirks;

use crate::harness::{ADMIN, IVAN, NOW, Setting};

const MAIN: i64 = 700;
const SECOND_STAGE: i64 = 7002;
const UNSORTED_STAGE: i64 = 7901;

fn lead_ids(list: &Value) -> Vec<i64> {
    let leads = list["_embedded"]["leads"].as_array().unwrap();
    leads
        .iter()
        .map(|lead| lead["id"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn a_write_echoes_ids_and_a_read_has_the_rest() {
    let setting = Setting::new().await;
    let lead = json!([{"name": "Website", "price": 100, "request_id": "mine"}, {}]);
    let made = setting.post("/leads", lead).await.is(200);
    let echoed = &made["_embedded"]["leads"];
    assert_eq!(echoed[0]["request_id"], "mine");
    assert_eq!(echoed[1]["request_id"], "1");
    assert_eq!(echoed[0].as_object().unwrap().len(), 3, "{echoed}");
    let lead = setting.get("/leads/5001").await;
    assert_eq!(lead.content_type, "application/hal+json");
    let lead = lead.is(200);
    assert_eq!(
        (&lead["name"], &lead["price"]),
        (&json!("Website"), &json!(100))
    );
    assert_eq!(
        (&lead["pipeline_id"], &lead["status_id"]),
        (&json!(MAIN), &json!(7001))
    );
    assert_eq!(lead["created_at"], NOW);
    assert_eq!(lead["custom_fields_values"], Value::Null);
    assert_eq!(setting.get("/leads/4").await.is(404)["title"], "Not Found");
}

#[tokio::test]
async fn an_empty_list_has_no_content_unless_told_otherwise() {
    let setting = Setting::new().await;
    assert_eq!(setting.get("/leads").await.status, 204);
    setting.account.set_quirks(Quirks {
        empty_list_is_no_content: false,
        ..Quirks::default()
    });
    let list = setting.get("/leads").await.is(200);
    assert_eq!(list["_embedded"]["leads"], json!([]));
}

#[tokio::test]
async fn pages_are_linked_and_no_longer_than_250() {
    let setting = Setting::new().await;
    let leads: Vec<Value> = (0..5).map(|_| json!({})).collect();
    setting.post("/leads", json!(leads)).await.is(200);
    let first = setting.get("/leads?limit=2&order[id]=desc").await.is(200);
    assert_eq!(lead_ids(&first), [5005, 5004]);
    assert!(first["_links"]["prev"].is_null());
    let next = first["_links"]["next"]["href"].as_str().unwrap();
    let path = next.strip_prefix(&setting.api("")).unwrap();
    assert_eq!(lead_ids(&setting.get(path).await.is(200)), [5003, 5002]);
    let last = setting.get("/leads?limit=2&page=3").await.is(200);
    assert!(last["_links"]["next"].is_null() && last["_links"]["prev"].is_object());
    assert_eq!(setting.get("/leads?limit=2&page=4").await.status, 204);

    let refused = setting.get("/leads?limit=251").await.is(422);
    assert_eq!(refused["detail"], "Limit 250 per page");
    let many: Vec<Value> = (0..251).map(|_| json!({})).collect();
    setting.post("/leads", json!(many)).await.is(422);
}

#[tokio::test]
async fn a_body_that_is_none_is_refused() {
    let setting = Setting::new().await;
    let empty = setting.post("/leads", json!([])).await.is(400);
    assert_eq!(empty["detail"], "Request data can not be empty");
    setting
        .post("/leads", json!({"name": "not a list"}))
        .await
        .is(400);
    let violation = setting
        .post("/leads", json!([{"price": "100"}]))
        .await
        .violation();
    assert_eq!(violation, ("InvalidType".to_owned(), "price".to_owned()));
    let refused = setting
        .post("/leads", json!([{}, {"price": []}]))
        .await
        .is(400);
    assert_eq!(refused["validation-errors"][0]["request_id"], "1");
    assert_eq!(
        setting.get("/leads").await.status,
        204,
        "one bad item spoils the write"
    );
}

#[tokio::test]
async fn leads_cannot_be_deleted_and_paths_must_exist() {
    let setting = Setting::new().await;
    setting.lead(json!({})).await;
    let refused = setting.delete("/leads/5001", json!({})).await.is(405);
    assert_eq!(refused["title"], "Method Not Allowed");
    let refused = setting.get("/notes").await.is(404);
    let cannot = format!("Cannot GET {}", setting.api("/notes"));
    assert_eq!(refused["detail"], cannot);
    let unknown = setting
        .http
        .get(setting.api("/leads"))
        .send()
        .await
        .unwrap();
    assert_eq!(unknown.status(), 401);
    assert_eq!(
        unknown.headers()["content-type"],
        "application/problem+json"
    );
}

#[tokio::test]
async fn a_stage_must_be_of_its_pipeline_and_not_the_incoming_one() {
    let setting = Setting::new().await;
    let id = setting.lead(json!({})).await;
    let path = format!("/leads/{id}");
    let refused = ("NotSupportedChoice".to_owned(), "status_id".to_owned());
    for status in [UNSORTED_STAGE, 1, 9999] {
        let body = json!({"pipeline_id": MAIN, "status_id": status});
        assert_eq!(setting.patch(&path, body).await.violation(), refused);
    }
    setting
        .patch(&path, json!({"status_id": SECOND_STAGE}))
        .await
        .is(200);
    setting
        .patch(&path, json!({"pipeline_id": MAIN, "status_id": 142}))
        .await
        .is(200);
    let lead = setting.get(&path).await.is(200);
    assert_eq!(
        (&lead["status_id"], &lead["closed_at"]),
        (&json!(142), &json!(NOW))
    );
    let violation = setting
        .patch(&path, json!({"pipeline_id": 1}))
        .await
        .violation();
    assert_eq!(violation.1, "pipeline_id");
}

#[tokio::test]
async fn tags_are_replaced_or_added() {
    let setting = Setting::new().await;
    let id = setting
        .lead(json!({"_embedded": {"tags": [{"name": "a"}, {"name": "b"}]}}))
        .await;
    let path = format!("/leads/{id}");
    let tags = || setting.account.lead(id).unwrap().tags;
    setting
        .patch(&path, json!({"tags_to_add": [{"name": "c"}]}))
        .await
        .is(200);
    assert_eq!(tags(), ["a", "b", "c"]);
    setting
        .patch(&path, json!({"tags_to_delete": [{"name": "a"}]}))
        .await
        .is(200);
    assert_eq!(tags(), ["b", "c"]);
    setting
        .patch(&path, json!({"_embedded": {"tags": [{"name": "d"}]}}))
        .await
        .is(200);
    assert_eq!(tags(), ["d"]);
    let known = setting.get("/leads/tags").await.is(200);
    assert_eq!(known["_embedded"]["tags"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn values_follow_the_type_of_their_field() {
    let setting = Setting::new().await;
    let id = setting.lead(json!({})).await;
    let path = format!("/leads/{id}");
    let field = |name: &str| setting.account.field(name).unwrap();
    let write = |field: i64, values: Value| {
        setting.patch(
            &path,
            json!({"custom_fields_values": [{"field_id": field, "values": values}]}),
        )
    };
    write(field("Budget"), json!([{"value": 1000}]))
        .await
        .is(200);
    write(field("AI mode"), json!([{"value": "Human"}]))
        .await
        .is(200);
    write(
        field("Start date"),
        json!([{"value": "2025-10-09T08:53:20+00:00"}]),
    )
    .await
    .is(200);
    write(field("Agreed"), json!([{"value": true}]))
        .await
        .is(200);
    let lead = setting.get(&path).await.is(200);
    let of = |name: &str| {
        let values = lead["custom_fields_values"].as_array().unwrap();
        let one = values.iter().find(|one| one["field_name"] == name).unwrap();
        one["values"][0].clone()
    };
    assert_eq!(of("Budget"), json!({"value": "1000"}));
    assert_eq!(of("AI mode")["value"], "Human");
    assert!(of("AI mode")["enum_id"].is_i64());
    assert_eq!(of("Start date"), json!({"value": NOW}));

    for (name, values, code, end) in [
        (
            "Budget",
            json!([{"value": "a lot"}]),
            "InvalidType",
            "value",
        ),
        (
            "AI mode",
            json!([{"value": "Nobody"}]),
            "NotSupportedChoice",
            "value",
        ),
        (
            "AI mode",
            json!([{"enum_id": 1}]),
            "NotSupportedChoice",
            "enum_id",
        ),
        ("Agreed", json!([{"value": "yes"}]), "InvalidType", "value"),
    ] {
        let violation = write(field(name), values).await.violation();
        let path = format!("custom_fields_values.0.values.0.{end}");
        assert_eq!(violation, (code.to_owned(), path), "{name}");
    }
    let violation = write(1, json!([{"value": "x"}])).await.violation();
    assert_eq!(violation.1, "custom_fields_values.0.field_id");
    write(field("Budget"), Value::Null).await.is(200);
    assert!(
        !setting
            .account
            .lead(id)
            .unwrap()
            .fields
            .contains_key(&field("Budget"))
    );
}

#[tokio::test]
async fn quirks_change_how_values_are_written() {
    let setting = Setting::new().await;
    let budget = setting.account.field("Budget").unwrap();
    let values = json!([{"field_id": budget, "values": [{"value": "7"}]}]);
    let id = setting
        .lead(json!({"price": 5, "custom_fields_values": values}))
        .await;
    setting.account.set_quirks(Quirks {
        numbers_as_strings: true,
        digits_as_numbers: true,
        empty_list_is_null: true,
        ..Quirks::default()
    });
    let lead = setting.get(&format!("/leads/{id}")).await.is(200);
    assert_eq!(lead["price"], "5");
    assert_eq!(lead["custom_fields_values"][0]["values"][0]["value"], 7);
    assert_eq!(lead["_embedded"]["tags"], Value::Null);
}

#[tokio::test]
async fn filters_and_search_find_what_they_name() {
    let setting = Setting::new().await;
    let mode = setting.account.field("AI mode").unwrap();
    let human = json!([{"field_id": mode, "values": [{"value": "Human"}]}]);
    let one = setting.lead(json!({"name": "One", "price": 5})).await;
    let two = setting
        .lead(json!({"name": "Two", "price": 50, "status_id": SECOND_STAGE, "custom_fields_values": human}))
        .await;
    setting.account.assign(two, IVAN, ADMIN);
    setting.kommo.advance(std::time::Duration::from_secs(60));
    setting
        .patch(&format!("/leads/{two}"), json!({"price": 51}))
        .await
        .is(200);
    for (query, found) in [
        (format!("filter[id][]={one}"), vec![one]),
        ("filter[price][from]=10".to_owned(), vec![two]),
        (
            "filter[statuses][0][pipeline_id]=700&filter[statuses][0][status_id]=7002".to_owned(),
            vec![two],
        ),
        (format!("filter[responsible_user_id][]={IVAN}"), vec![two]),
        (format!("filter[updated_at][from]={}", NOW + 1), vec![two]),
        (
            format!("filter[custom_fields_values][{mode}][]=Human"),
            vec![two],
        ),
        ("query=one".to_owned(), vec![one]),
        ("order[id]=desc".to_owned(), vec![two, one]),
    ] {
        let list = setting.get(&format!("/leads?{query}")).await.is(200);
        assert_eq!(lead_ids(&list), found, "{query}");
    }
    assert_eq!(setting.get("/leads?filter[name]=Three").await.status, 204);
}

#[tokio::test]
async fn contacts_have_phones_and_belong_to_leads() {
    let setting = Setting::new().await;
    let phone =
        json!([{"field_code": "PHONE", "values": [{"value": "+15550100", "enum_code": "MOB"}]}]);
    let contact = json!([{"first_name": "Ana", "custom_fields_values": phone}]);
    let made = setting.post("/contacts", contact).await.is(200);
    let contact = made["_embedded"]["contacts"][0]["id"].as_i64().unwrap();
    let lead = setting
        .lead(json!({"_embedded": {"contacts": [{"id": contact, "is_main": true}]}}))
        .await;
    let found = setting
        .get("/contacts?query=5550100&with=leads")
        .await
        .is(200);
    let found = &found["_embedded"]["contacts"][0];
    assert_eq!(
        found["custom_fields_values"][0]["values"][0]["enum_code"],
        "MOB"
    );
    assert_eq!(found["_embedded"]["leads"][0]["id"], lead);
    let lead = setting
        .get(&format!("/leads/{lead}?with=contacts"))
        .await
        .is(200);
    assert_eq!(lead["_embedded"]["contacts"][0]["is_main"], true);
    let nobody = json!([{"_embedded": {"contacts": [{"id": 1}]}}]);
    assert_eq!(
        setting.post("/leads", nobody).await.violation().1,
        "_embedded.contacts.0.id"
    );
    setting.account.set_quirks(Quirks {
        one_contact_is_no_content: true,
        ..Quirks::default()
    });
    assert_eq!(
        setting.get(&format!("/contacts/{contact}")).await.status,
        204
    );
}

#[tokio::test]
async fn a_complex_write_makes_all_and_answers_a_bare_list() {
    let setting = Setting::new().await;
    let body = json!([{
        "name": "Deal", "request_id": "r",
        "_embedded": {
            "contacts": [{"name": "Ana", "custom_fields_values": [{"field_code": "EMAIL", "values": [{"value": "ana@example.com"}]}]}],
            "companies": [{"name": "Acme"}],
        },
    }]);
    let made = setting.post("/leads/complex", body).await.is(200);
    assert_eq!(
        made,
        json!([{"id": 5001, "contact_id": 6001, "company_id": 6501, "request_id": ["r"], "merged": false}])
    );
    let lead = setting.get("/leads/5001?with=contacts").await.is(200);
    assert_eq!(lead["_embedded"]["companies"][0]["id"], 6501);
    let many: Vec<Value> = (0..51).map(|_| json!({})).collect();
    setting.post("/leads/complex", json!(many)).await.is(422);
}

#[tokio::test]
async fn links_are_listed_made_and_undone() {
    let setting = Setting::new().await;
    let lead = setting.lead(json!({})).await;
    setting
        .post("/contacts", json!([{"name": "Ana"}]))
        .await
        .is(200);
    let link = json!([{"to_entity_id": 6001, "to_entity_type": "contacts", "metadata": {"is_main": true}}]);
    let path = format!("/leads/{lead}");
    assert_eq!(setting.get(&format!("{path}/links")).await.status, 204);
    setting
        .post(&format!("{path}/link"), link.clone())
        .await
        .is(200);
    let links = setting.get(&format!("{path}/links")).await.is(200);
    assert_eq!(
        links["_embedded"]["links"][0]["metadata"]["main_contact"],
        true
    );
    let again = json!([{"to_entity_id": 6001, "to_entity_type": "contacts"}]);
    let refused = setting.post(&format!("{path}/link"), again).await.is(500);
    assert!(refused["trace_id"].is_string() && refused["type"].is_null());
    assert_eq!(
        setting.post(&format!("{path}/unlink"), link).await.status,
        204
    );
    assert_eq!(setting.get(&format!("{path}/links")).await.status, 204);
}
