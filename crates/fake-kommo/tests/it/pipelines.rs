use serde_json::{Value, json};
use t11_fake_kommo::{FakeKommoOptions, Integration};

use crate::harness::{IVAN, NOW, Setting};

#[tokio::test]
async fn won_and_lost_are_in_every_pipeline_and_incoming_is_of_type_one() {
    let setting = Setting::new().await;
    let stages = json!([{"name": "Only \u{1f680} stage"}]);
    let body = json!([{"name": "Second", "_embedded": {"statuses": stages}}]);
    setting.post("/leads/pipelines", body).await.is(200);
    let pipelines = setting.get("/leads/pipelines").await.is(200);
    assert_eq!(pipelines["_total_items"], 2);
    for pipeline in pipelines["_embedded"]["pipelines"].as_array().unwrap() {
        let statuses = pipeline["_embedded"]["statuses"].as_array().unwrap();
        let of_type = |one: i64| {
            statuses
                .iter()
                .filter(|status| status["type"] == one)
                .count()
        };
        assert_eq!(of_type(1), 1);
        let ids: Vec<i64> = statuses
            .iter()
            .map(|status| status["id"].as_i64().unwrap())
            .collect();
        assert!(ids.ends_with(&[142, 143]), "{ids:?}");
    }
    let second = &pipelines["_embedded"]["pipelines"][1];
    assert_eq!(second["_embedded"]["statuses"][1]["name"], "Only   stage");
}

#[tokio::test]
async fn stages_are_edited_by_administrators_and_kept_while_leads_are_in_them() {
    let setting = Setting::new().await;
    let path = "/leads/pipelines/700/statuses";
    let made = setting.post(path, json!([{"name": "Third"}])).await.is(200);
    let third = made["_embedded"]["statuses"][0]["id"].as_i64().unwrap();
    let one = format!("{path}/{third}");
    setting
        .patch(&one, json!({"name": "Renamed"}))
        .await
        .is(200);
    assert_eq!(setting.get(&one).await.is(200)["name"], "Renamed");
    let lead = setting.lead(json!({"status_id": third})).await;
    setting.delete(&one, json!({})).await.is(400);
    setting
        .patch(&format!("/leads/{lead}"), json!({"status_id": 7001}))
        .await
        .is(200);
    assert_eq!(setting.delete(&one, json!({})).await.status, 204);
    setting
        .delete(&format!("{path}/142"), json!({}))
        .await
        .is(400);
    setting
        .delete("/leads/pipelines/700", json!({}))
        .await
        .is(400);

    let plain = json!([{"name": "x"}]);
    let context = setting
        .http
        .post(setting.api(path))
        .bearer_auth(&setting.token);
    let context = context.header("x-context-user-id", IVAN).json(&plain);
    assert_eq!(context.send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn fields_are_made_changed_and_taken_away_with_their_values() {
    let setting = Setting::new().await;
    let body = json!([{"name": "Source", "type": "select", "enums": [{"value": "Ad", "sort": 1}]}]);
    let made = setting.post("/leads/custom_fields", body).await.is(200);
    let field = &made["_embedded"]["custom_fields"][0];
    let id = field["id"].as_i64().unwrap();
    let old = field["enums"][0]["id"].clone();
    let path = format!("/leads/custom_fields/{id}");
    let enums = json!({"enums": [{"id": old, "value": "Advertisement"}, {"value": "Friend"}]});
    let changed = setting.patch(&path, enums).await.is(200);
    assert_eq!(
        changed["enums"][0],
        json!({"id": old, "value": "Advertisement", "sort": 1})
    );
    let values = json!([{"field_id": id, "values": [{"value": "Friend"}]}]);
    let lead = setting.lead(json!({"custom_fields_values": values})).await;
    assert_eq!(setting.delete(&path, json!({})).await.status, 204);
    let lead = setting.get(&format!("/leads/{lead}")).await.is(200);
    assert_eq!(lead["custom_fields_values"], Value::Null);
    let refused = setting
        .post("/leads/custom_fields", json!([{"name": "x", "type": "no"}]))
        .await;
    assert_eq!(refused.violation().1, "type");
}

#[tokio::test]
async fn the_account_shows_what_is_asked_for() {
    let setting = Setting::new().await;
    let plain = setting.get("/account").await.is(200);
    assert_eq!(
        (&plain["id"], &plain["subdomain"]),
        (&json!(30_000_001), &json!("acme"))
    );
    assert_eq!(plain["current_user_id"], 900);
    assert!(plain["amojo_id"].is_null());
    assert_eq!(plain["_embedded"], json!([]), "an empty object of PHP");
    let with = "/account?with=amojo_id,drive_url,task_types,datetime_settings,users_groups";
    let full = setting.get(with).await.is(200);
    assert_eq!(full["amojo_id"], "bbbbbbbb-0000-4000-8000-000000000002");
    assert_eq!(full["drive_url"], setting.account.base_url());
    assert_eq!(full["_embedded"]["task_types"][1]["id"], 2);
    assert_eq!(full["_embedded"]["datetime_settings"]["timezone"], "UTC");
}

#[tokio::test]
async fn a_demonstration_account_is_in_the_middle_of_its_day() {
    use t11_fake_kommo::Language::{English, Russian};
    for language in [English, Russian] {
        let address = "127.0.0.1:0".parse().unwrap();
        let app = Integration::new("http://127.0.0.1:1/callback");
        let options = FakeKommoOptions::demo(address, language, app);
        let setting = Setting::start(options.frozen_at(NOW)).await;
        let leads = setting.account.leads();
        assert_eq!(leads.len(), 3);
        assert_eq!(setting.account.users().len(), 2);
        let talks: Vec<i64> = leads.iter().filter_map(|lead| lead.talk_id).collect();
        for talk in talks {
            let messages = setting.account.messages_of(talk);
            let authors: Vec<&str> = messages.iter().map(|message| message.author).collect();
            assert_eq!(authors, ["client", "person", "client"]);
            assert!(messages.iter().all(|message| message.created_at < NOW));
        }
        assert!(leads.iter().any(|lead| lead.status_id == 142));
        assert!(
            leads
                .iter()
                .any(|lead| !setting.account.tasks_of(lead.id).is_empty())
        );
        assert!(leads.iter().any(|lead| !lead.tags.is_empty()));
        assert!(leads.iter().all(|lead| !lead.status.is_empty()));
        let page = setting
            .http
            .get(setting.kommo.demo_url())
            .send()
            .await
            .unwrap();
        assert_eq!(page.status(), 200);
    }
}
