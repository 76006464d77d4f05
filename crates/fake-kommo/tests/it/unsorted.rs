use serde_json::json;
use t11_fake_kommo::{Arrival, Newcomer};

use crate::harness::{IVAN, Receiver, Setting};

fn incoming() -> Newcomer {
    Newcomer {
        arrival: Arrival::Unsorted,
        ..Newcomer::default()
    }
}

#[tokio::test]
async fn an_incoming_lead_waits_until_it_is_accepted() {
    let setting = Setting::new().await;
    let receiver = Receiver::start().await;
    setting
        .subscribe(
            &receiver,
            &["add_unsorted", "delete_unsorted", "status_lead"],
        )
        .await;
    let lead = setting.account.newcomer(&incoming(), "Hi").lead_id.unwrap();
    assert!(setting.account.lead(lead).unwrap().is_unsorted);
    let path = format!("/leads/{lead}");
    let stuck = setting
        .patch(&path, json!({"status_id": 7002}))
        .await
        .violation();
    assert_eq!(
        stuck,
        ("NotSupportedChoice".to_owned(), "status_id".to_owned())
    );

    let list = setting
        .get("/leads/unsorted?filter[category][]=chats")
        .await
        .is(200);
    let uid = list["_embedded"]["unsorted"][0]["uid"].as_str().unwrap();
    let accept = format!("/leads/unsorted/{uid}/accept");
    setting
        .post(&accept, json!({"user_id": IVAN, "status_id": 9999}))
        .await
        .is(400);
    let accepted = setting
        .post(&accept, json!({"user_id": IVAN, "status_id": 7001}))
        .await
        .is(200);
    assert_eq!(accepted["_embedded"]["leads"][0]["id"], lead);
    assert_eq!(
        setting.account.lead(lead).unwrap().responsible_user_id,
        IVAN
    );
    setting
        .patch(&path, json!({"status_id": 7002}))
        .await
        .is(200);
    setting.post(&accept, json!({})).await.is(404);
    assert_eq!(setting.get("/leads/unsorted").await.status, 204);

    setting.kommo.settle().await;
    let got = receiver.got();
    assert_eq!(got[0].field("unsorted[add][0][uid]").as_deref(), Some(uid));
    assert_eq!(
        got[1].field("unsorted[delete][0][action]").as_deref(),
        Some("accept")
    );
    assert_eq!(
        got[1].field("unsorted[delete][0][accept_result][leads][0]"),
        Some(lead.to_string())
    );
    assert_eq!(
        got[2].field("leads[status][0][old_status_id]").as_deref(),
        Some("7901")
    );
}

#[tokio::test]
async fn an_incoming_lead_can_be_declined_or_linked() {
    let setting = Setting::new().await;
    let first = setting.account.newcomer(&incoming(), "Hi");
    let uid = setting.account.unsorted().remove(0);
    let decline = format!("/leads/unsorted/{uid}/decline");
    let nobody = json!({"user_id": 1});
    assert_eq!(
        setting.delete(&decline, nobody).await.violation().1,
        "user_id"
    );
    setting.delete(&decline, json!({})).await.is(200);
    setting.delete(&decline, json!({})).await.is(404);
    assert!(
        setting
            .account
            .lead(first.lead_id.unwrap())
            .unwrap()
            .is_deleted
    );

    let second = setting.account.newcomer(&incoming(), "Hello");
    let known = setting.lead(json!({"name": "Known"})).await;
    let uid = setting.account.unsorted().remove(0);
    let link = json!({"link": {"entity_id": known, "entity_type": "leads"}});
    setting
        .post(&format!("/leads/unsorted/{uid}/link"), link)
        .await
        .is(200);
    let talk = setting
        .get(&format!("/talks/{}", second.talk_id))
        .await
        .is(200);
    assert_eq!(talk["entity_id"], known);
}

#[tokio::test]
async fn a_form_makes_an_incoming_lead() {
    let setting = Setting::new().await;
    let form = json!([{
        "source_uid": "site", "source_name": "Site", "metadata": {"form_id": "f"},
        "_embedded": {"leads": [{"name": "Form"}], "contacts": [{"name": "Ana"}]},
    }]);
    let made = setting.post("/leads/unsorted/forms", form).await.is(200);
    let one = &made["_embedded"]["unsorted"][0];
    assert_eq!(
        (&one["category"], &one["_embedded"]["leads"][0]["id"]),
        (&json!("forms"), &json!(5001))
    );
    assert_eq!(
        setting.get("/leads/unsorted/summary").await.is(200)["total"],
        1
    );
    let refused = setting
        .post("/leads/unsorted/sip", json!([{"source_uid": "x"}]))
        .await;
    refused.violation();
}
