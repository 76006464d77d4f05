//! Tasks, notes, events, people.

use serde_json::{Value, json};

use crate::harness::{ADMIN, IVAN, NOW, Setting};

#[tokio::test]
async fn a_task_is_set_read_and_completed() {
    let setting = Setting::new().await;
    let lead = setting.lead(json!({})).await;
    let task = json!([{"text": "Call Ana", "complete_till": NOW + 3600, "entity_id": lead, "entity_type": "leads", "responsible_user_id": IVAN}]);
    setting.post("/tasks", task).await.is(200);
    let read = setting.get("/tasks/4001").await.is(200);
    assert_eq!(read["result"], json!([]), "an empty object of PHP");
    assert_eq!(
        (&read["is_completed"], &read["entity_type"]),
        (&json!(false), &json!("leads"))
    );
    let of_lead = setting.get(&format!("/leads/{lead}")).await.is(200);
    assert_eq!(of_lead["closest_task_at"], NOW + 3600);
    let done = json!({"is_completed": true, "result": {"text": "agreed"}});
    setting.patch("/tasks/4001", done).await.is(200);
    let list = setting
        .get("/tasks?filter[is_completed]=1&filter[entity_id]=5001")
        .await
        .is(200);
    assert_eq!(list["_embedded"]["tasks"][0]["result"]["text"], "agreed");
    assert_eq!(
        setting.get("/tasks?filter[is_completed]=0").await.status,
        204
    );
    setting.delete("/tasks/4001", json!({})).await.is(405);
    let task = &setting.account.tasks_of(lead)[0];
    assert!(task.is_completed && task.responsible_user == "Ivan");
}

#[tokio::test]
async fn a_task_needs_text_time_and_a_card_that_exists() {
    let setting = Setting::new().await;
    let good = json!({"text": "x", "complete_till": NOW});
    for (key, value, path) in [
        ("text", Value::Null, "text"),
        ("complete_till", Value::Null, "complete_till"),
        ("responsible_user_id", json!(1), "responsible_user_id"),
        ("task_type_id", json!(77), "task_type_id"),
    ] {
        let mut task = good.clone();
        task[key] = value;
        assert_eq!(
            setting.post("/tasks", json!([task])).await.violation().1,
            path
        );
    }
    let nowhere =
        json!([{"text": "x", "complete_till": NOW, "entity_id": 1, "entity_type": "leads"}]);
    assert_eq!(
        setting.post("/tasks", nowhere).await.violation().1,
        "entity_id"
    );
}

#[tokio::test]
async fn notes_are_written_on_cards_and_need_their_parameters() {
    let setting = Setting::new().await;
    let lead = setting.lead(json!({})).await;
    let path = format!("/leads/{lead}/notes");
    assert_eq!(setting.get(&path).await.status, 204);
    let notes = json!([
        {"note_type": "common", "params": {"text": "asked for price"}},
        {"note_type": "extended_service_message", "params": {"service": "T11", "text": "stage moved"}},
    ]);
    setting.post(&path, notes).await.is(200);
    let of_type = setting
        .get(&format!("{path}?filter[note_type][]=common"))
        .await
        .is(200);
    let found = of_type["_embedded"]["notes"].as_array().unwrap();
    assert_eq!(
        (found.len(), &found[0]["params"]["text"]),
        (1, &json!("asked for price"))
    );
    let in_list = json!([{"entity_id": lead, "note_type": "common", "params": {"text": "more"}}]);
    setting.post("/leads/notes", in_list).await.is(200);
    assert_eq!(setting.account.notes_of(lead).len(), 3);

    let refused = json!([{"note_type": "common", "params": {}}]);
    assert_eq!(
        setting.post(&path, refused).await.violation().1,
        "params.text"
    );
    let refused = json!([{"note_type": "outgoing_email", "params": {"text": "x"}}]);
    assert_eq!(
        setting.post(&path, refused).await.violation().1,
        "note_type"
    );
    setting.post("/leads/1/notes", json!([{}])).await.is(404);
    assert_eq!(
        setting
            .post("/leads/notes/9001/pin", json!({}))
            .await
            .status,
        204
    );
    let note = setting.get(&format!("{path}/9001")).await.is(200);
    assert_eq!(note["is_pinned"], true);
}

#[tokio::test]
async fn events_tell_what_happened_without_texts() {
    let setting = Setting::new().await;
    let ana = setting.account.newcomer(&Default::default(), "a secret");
    let lead = ana.lead_id.unwrap();
    setting.account.move_stage_by_person(lead, None, 7002, IVAN);
    let query = format!(
        "/events?filter[type]=incoming_chat_message,lead_status_changed&filter[entity]=lead&filter[entity_id]={lead}"
    );
    let list = setting.get(&query).await;
    assert!(!list.text.contains("a secret"));
    let list = list.is(200);
    let events = list["_embedded"]["events"].as_array().unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["created_by"], IVAN);
    assert_eq!(events[0]["value_after"][0]["lead_status"]["id"], 7002);
    assert_eq!(
        events[1]["value_after"][0]["message"]["talk_id"],
        ana.talk_id
    );
    let id = events[0]["id"].as_str().unwrap();
    assert_eq!(id.len(), 26);
    setting.get(&format!("/events/{id}")).await.is(200);
    setting
        .get(&format!("/events?filter[entity_id]={lead}"))
        .await
        .is(400);
    let many = (1..=11)
        .map(|id| id.to_string())
        .collect::<Vec<_>>()
        .join(",");
    setting
        .get(&format!(
            "/events?filter[entity]=lead&filter[entity_id]={many}"
        ))
        .await
        .is(400);
    setting.get("/events/types").await.is(200);
}

#[tokio::test]
async fn people_reasons_and_sources_are_read() {
    let setting = Setting::new().await;
    let users = setting.get("/users?with=amojo_id").await.is(200);
    let users = &users["_embedded"]["users"];
    assert_eq!(users[0]["rights"]["is_admin"], true);
    assert!(users[1]["amojo_id"].is_string());
    setting.get("/users/1").await.is(404);
    let reasons = setting.get("/leads/loss_reasons").await.is(200);
    let reason = reasons["_embedded"]["loss_reasons"][0]["id"]
        .as_i64()
        .unwrap();
    let lead = setting.lead(json!({})).await;
    let path = format!("/leads/{lead}");
    let lost = json!({"pipeline_id": 700, "status_id": 143, "loss_reason_id": reason});
    setting.patch(&path, lost).await.is(200);
    let lead = setting
        .get(&format!("{path}?with=loss_reason"))
        .await
        .is(200);
    assert_eq!(lead["_embedded"]["loss_reason"][0]["id"], reason);
    let unknown = setting.patch(&path, json!({"loss_reason_id": 99})).await;
    assert_eq!(unknown.violation().1, "loss_reason_id");

    assert_eq!(setting.get("/sources").await.status, 204);
    let source = json!([{"name": "Site", "external_id": "web-1"}]);
    setting.post("/sources", source).await.is(200);
    setting
        .patch("/sources/1", json!({"name": "Shop"}))
        .await
        .is(200);
    assert_eq!(setting.get("/sources/1").await.is(200)["name"], "Shop");
    assert_eq!(setting.delete("/sources/1", json!({})).await.status, 204);
    setting.get("/sources/1").await.is(404);
}

#[tokio::test]
async fn what_people_do_by_hand_is_theirs() {
    let setting = Setting::new().await;
    let lead = setting.account.add_lead("By hand", IVAN);
    let mode = setting.account.field("AI mode").unwrap();
    assert!(setting.account.set_field(lead, mode, json!("Paused"), IVAN));
    let view = setting.account.lead(lead).unwrap();
    assert_eq!(
        (view.responsible_user_id, &view.fields[&mode]),
        (IVAN, &json!("Paused"))
    );
    let read = setting.get(&format!("/leads/{lead}")).await.is(200);
    assert_eq!(read["updated_by"], IVAN);
    assert!(read["custom_fields_values"][0]["values"][0]["enum_id"].is_i64());
    assert!(!setting.account.move_stage_by_person(lead, None, 9999, IVAN));
    setting.account.delete_lead(lead, ADMIN);
    assert_eq!(setting.get("/leads").await.status, 204);
    setting.get("/leads?with=only_deleted").await.is(200);
    setting.account.restore_lead(lead, ADMIN);
    setting.get("/leads").await.is(200);
}
