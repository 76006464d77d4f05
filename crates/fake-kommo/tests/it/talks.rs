use std::time::Duration;

use serde_json::json;
use t11_fake_kommo::{Echo, FakeKommoOptions, Integration, Sending};

use crate::harness::{CLIENT_ID, IVAN, NOW, Receiver, Setting};

fn send_path(talk: i64) -> String {
    format!("/talks/{talk}/send_message")
}

async fn with_newcomer() -> (Setting, i64) {
    let setting = Setting::new().await;
    let ana = setting
        .account
        .newcomer(&Default::default(), "Hi, how much is the basic plan?");
    (setting, ana.talk_id)
}

#[tokio::test]
async fn a_message_is_accepted_then_seen_in_the_list_and_told_of() {
    let (setting, talk) = with_newcomer().await;
    let receiver = Receiver::start().await;
    setting
        .subscribe(&receiver, &["add_outgoing_message"])
        .await;
    setting.account.set_sending(Sending {
        delay_seconds: 3,
        ..Sending::default()
    });
    let accepted = setting
        .post(&send_path(talk), json!({"text": "$25 a month"}))
        .await
        .is(202);
    let id = accepted["id"].as_str().unwrap();
    setting.kommo.settle().await;
    let path = format!("/talks/{talk}/messages");
    let count = |list: serde_json::Value| list["_embedded"]["messages"].as_array().unwrap().len();
    assert_eq!(count(setting.get(&path).await.is(200)), 1);
    assert!(receiver.got().is_empty());

    setting.kommo.advance(Duration::from_secs(3));
    setting.kommo.settle().await;
    let list = setting.get(&path).await.is(200);
    let newest = &list["_embedded"]["messages"][0];
    assert_eq!(
        (&newest["id"], &newest["type"]),
        (&json!(id), &json!("outgoing"))
    );
    assert_eq!(newest["delivery_status"], "delivered");
    let got = receiver.got();
    assert_eq!(got.len(), 1);
    assert_eq!(
        got[0].field("outgoing_message[add][0][id]").as_deref(),
        Some(id)
    );
    let texts: Vec<String> = setting
        .account
        .messages_of(talk)
        .into_iter()
        .map(|one| one.text)
        .collect();
    assert_eq!(texts, ["Hi, how much is the basic plan?", "$25 a month"]);
    assert_eq!(setting.account.sending().used, 1);
}

#[tokio::test]
async fn refusals_of_the_add_on_are_told_apart() {
    let (setting, talk) = with_newcomer().await;
    let path = send_path(talk);
    let send = || setting.post(&path, json!({"text": "Hello"}));
    let sending = |sending: Sending| setting.account.set_sending(sending);
    sending(Sending {
        quota: 0,
        ..Sending::default()
    });
    assert_eq!(send().await.is(402)["detail"], "Over chat API limit");
    sending(Sending {
        is_in_plan: false,
        ..Sending::default()
    });
    let detail = "Endpoint not available for current account tariff";
    assert_eq!(send().await.is(402)["detail"], detail);
    sending(Sending::default());
    setting
        .post("/talks/1/send_message", json!({"text": "x"}))
        .await
        .is(404);
    setting
        .post(&send_path(talk), json!({"text": " "}))
        .await
        .is(400);
    setting
        .post(
            &send_path(talk),
            json!({"attachment": {"drive_uuid": "x", "type": "file"}}),
        )
        .await
        .is(400);
    assert_eq!(setting.account.sending().used, 0, "refusals cost nothing");
    setting
        .post(
            &format!("/talks/{talk}/close"),
            json!({"force_close": true}),
        )
        .await
        .is(202);
    assert_eq!(send().await.is(422)["detail"], "Talk is closed");
}

#[tokio::test]
async fn a_grant_without_the_scopes_neither_reads_nor_sends() {
    let mut app = Integration::new("http://127.0.0.1:1/callback");
    app.scopes = vec!["crm".to_owned()];
    let setting = Setting::start(FakeKommoOptions::with(app).frozen_at(NOW).unlimited()).await;
    let talk = setting.account.newcomer(&Default::default(), "Hi").talk_id;
    let refused = setting
        .post(&send_path(talk), json!({"text": "Hello"}))
        .await
        .is(403);
    assert_eq!(refused["detail"], "Invalid scope");
    setting
        .get(&format!("/talks/{talk}/messages"))
        .await
        .is(403);
    setting.get("/talks").await.is(200);
    assert!(setting.account.long_lived_token(CLIENT_ID, 1).is_some());
}

#[tokio::test]
async fn a_closed_talk_is_followed_by_another_in_the_same_chat() {
    let (setting, talk) = with_newcomer().await;
    setting.account.close_talk(talk, IVAN);
    assert_eq!(setting.account.is_in_work(talk), Some(false));
    assert_eq!(
        setting.get("/talks?filter[only_in_work]=1").await.status,
        204
    );
    let (next, _) = setting
        .account
        .client_writes(talk, "One more thing")
        .unwrap();
    assert_ne!(next, talk);
    let list = setting.get("/talks").await.is(200);
    let talks = list["_embedded"]["talks"].as_array().unwrap();
    assert_eq!(talks.len(), 2);
    assert_eq!(talks[0]["talk_id"], next, "newest first");
    assert_eq!(talks[0]["chat_id"], talks[1]["chat_id"]);
    assert_eq!(talks[1]["status"], "closed");
    let of_next = setting
        .get(&format!("/talks/{next}/messages"))
        .await
        .is(200);
    assert_eq!(
        of_next["_embedded"]["messages"].as_array().unwrap().len(),
        1
    );
    assert_eq!(
        setting.account.messages_of(next).len(),
        2,
        "the client sees the whole chat"
    );
}

#[tokio::test]
async fn what_was_sent_comes_back_in_every_reading() {
    for (echo, author, user) in [
        (Echo::Bot, Some("bot"), None),
        (Echo::Internal, Some("internal"), None),
        (Echo::Person, Some("internal"), Some("900")),
        (Echo::Silent, None, None),
    ] {
        let (setting, talk) = with_newcomer().await;
        let receiver = Receiver::start().await;
        setting
            .subscribe(&receiver, &["add_outgoing_message"])
            .await;
        setting.account.set_sending(Sending {
            echo,
            ..Sending::default()
        });
        setting
            .post(&send_path(talk), json!({"text": "Hello"}))
            .await
            .is(202);
        setting.kommo.settle().await;
        let got = receiver.got();
        let field = |name: &str| {
            got.first()?
                .field(&format!("outgoing_message[add][0][author][{name}]"))
        };
        assert_eq!(field("type").as_deref(), author, "{echo:?}");
        assert_eq!(field("user_id").as_deref(), user, "{echo:?}");
    }
}

#[tokio::test]
async fn a_failed_delivery_is_not_seen_by_the_client() {
    let (setting, talk) = with_newcomer().await;
    setting.account.set_sending(Sending {
        fail_next: 1,
        ..Sending::default()
    });
    setting
        .post(&send_path(talk), json!({"text": "lost"}))
        .await
        .is(202);
    let list = setting
        .get(&format!("/talks/{talk}/messages"))
        .await
        .is(200);
    assert_eq!(list["_embedded"]["messages"][0]["delivery_status"], "error");
    assert_eq!(setting.account.messages_of(talk).len(), 1);
    assert_eq!(setting.account.all_messages_of(talk).len(), 2);
    let id = setting
        .account
        .person_writes(talk, IVAN, "Here I am")
        .unwrap();
    assert!(setting.account.set_delivery_status(&id, "read"));
    assert_eq!(setting.account.messages_of(talk)[1].delivery_status, "read");
}

#[tokio::test]
async fn messages_are_read_from_a_time_on_and_in_pages() {
    let (setting, talk) = with_newcomer().await;
    setting.kommo.advance(Duration::from_secs(60));
    setting.account.client_writes(talk, "second").unwrap();
    let path = format!("/talks/{talk}/messages");
    let later = setting
        .get(&format!("{path}?filter[created_at][from]={}", NOW + 1))
        .await
        .is(200);
    assert_eq!(later["_embedded"]["messages"][0]["text"], "second");
    assert_eq!(
        later["_embedded"]["messages"][0]["author"]["type"],
        "external"
    );
    let page = setting.get(&format!("{path}?limit=1")).await.is(200);
    assert!(page["_links"]["next"].is_object());
    setting.account.set_sending(Sending {
        newest_first: false,
        ..Sending::default()
    });
    let oldest = setting.get(&format!("{path}?limit=1")).await.is(200);
    assert_ne!(oldest["_embedded"]["messages"][0]["text"], "second");
    let chats = setting.get("/contacts/chats?contact_id=6001").await.is(200);
    assert_eq!(chats["_embedded"]["chats"][0]["contact_id"], 6001);
}
