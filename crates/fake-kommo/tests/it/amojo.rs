use md5::{Digest as _, Md5};
use reqwest::Method;
use ring::hmac;
use serde_json::{Value, json};
use t11_fake_kommo::ChannelView;

use crate::harness::{Answer, IVAN, NOW, Receiver, Setting, send};

const DATE: &str = "Thu, 09 Oct 2025 08:53:20 +0000";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn signature(secret: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    hex(hmac::sign(&key, text.as_bytes()).as_ref())
}

struct Signed<'a> {
    secret: &'a str,
    date: &'a str,
    content_type: &'a str,
}

async fn call(setting: &Setting, signed: &Signed<'_>, path: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let md5 = hex(&Md5::digest(body.as_bytes()));
    let text = ["POST", &md5, signed.content_type, signed.date, path].join("\n");
    let request = setting
        .http
        .request(Method::POST, setting.url(path))
        .header("date", signed.date)
        .header("content-type", signed.content_type)
        .header("content-md5", md5)
        .header("x-signature", signature(signed.secret, &text));
    send(request.body(body)).await
}

fn well(channel: &ChannelView) -> Signed<'_> {
    Signed {
        secret: &channel.secret,
        date: DATE,
        content_type: "application/json",
    }
}

async fn connect(setting: &Setting, channel: &ChannelView) {
    let path = format!("/v2/origin/custom/{}/connect", channel.channel_id);
    let body = json!({"account_id": channel.amojo_id, "title": "Site", "hook_api_version": "v2"});
    let connected = call(setting, &well(channel), &path, &body).await.is(200);
    assert_eq!(connected["scope_id"], channel.scope_id.as_str());
}

fn message(msgid: &str, text: &str) -> Value {
    json!({"event_type": "new_message", "payload": {
        "timestamp": NOW, "msec_timestamp": NOW * 1000, "msgid": msgid, "conversation_id": "c-1",
        "sender": {"id": "u-1", "name": "Ana", "profile": {"phone": "+15550100"}},
        "message": {"type": "text", "text": text}, "silent": false,
    }})
}

#[tokio::test]
async fn only_a_signed_and_timely_request_is_heard() {
    let setting = Setting::new().await;
    let channel = setting
        .account
        .add_channel("web", "http://127.0.0.1:1/:scope_id");
    let path = format!("/v2/origin/custom/{}", channel.scope_id);
    let body = message("m-1", "Hi");
    let refused = call(&setting, &well(&channel), &path, &body).await.is(404);
    assert_eq!(
        refused["error_type"], "ORIGIN_NOT_REGISTERED",
        "not connected yet"
    );
    connect(&setting, &channel).await;
    for signed in [
        Signed {
            secret: "wrong",
            ..well(&channel)
        },
        Signed {
            date: "Thu, 09 Oct 2025 08:38:19 +0000",
            ..well(&channel)
        },
        Signed {
            date: "Thu, 09 Oct 2025 09:08:21 +0000",
            ..well(&channel)
        },
        Signed {
            date: "yesterday",
            ..well(&channel)
        },
        Signed {
            content_type: "text/plain",
            ..well(&channel)
        },
    ] {
        let refused = call(&setting, &signed, &path, &body).await.is(403);
        assert_eq!(refused["error_type"], "ORIGIN_INVALID_SIGNATURE");
        assert_eq!(refused["status"], 0);
    }
    let late = Signed {
        date: "Thu, 09 Oct 2025 08:38:21 +0000",
        ..well(&channel)
    };
    call(&setting, &late, &path, &body).await.is(200);
    let unknown = call(&setting, &well(&channel), "/v2/origin/custom/x", &body)
        .await
        .is(404);
    assert_eq!(unknown["error_code"], 404);
}

#[tokio::test]
async fn a_message_is_stored_once_and_makes_lead_and_talk() {
    let setting = Setting::new().await;
    let channel = setting
        .account
        .add_channel("web", "http://127.0.0.1:1/:scope_id");
    connect(&setting, &channel).await;
    let path = format!("/v2/origin/custom/{}", channel.scope_id);
    let first = call(&setting, &well(&channel), &path, &message("m-1", "Hi"))
        .await
        .is(200);
    assert_eq!(first["new_message"]["ref_id"], "m-1");
    let again = call(&setting, &well(&channel), &path, &message("m-1", "Hi"))
        .await
        .is(200);
    assert_eq!(first, again);
    call(&setting, &well(&channel), &path, &message("m-2", "There?"))
        .await
        .is(200);
    let lead = setting.account.leads().remove(0);
    let texts: Vec<String> = setting
        .account
        .messages_of_lead(lead.id)
        .into_iter()
        .map(|one| one.text)
        .collect();
    assert_eq!(texts, ["Hi", "There?"]);
    let talk = setting
        .get(&format!("/talks/{}", lead.talk_id.unwrap()))
        .await
        .is(200);
    assert_eq!(talk["origin"], "web");
    let mut odd = message("m-3", "x");
    odd["payload"]["message"]["type"] = json!("hologram");
    call(&setting, &well(&channel), &path, &odd).await.is(400);
}

#[tokio::test]
async fn a_channel_hears_people_signed_and_once() {
    let setting = Setting::new().await;
    let receiver = Receiver::start().await;
    let channel = setting
        .account
        .add_channel("web", &receiver.url("/chat/:scope_id"));
    connect(&setting, &channel).await;
    let path = format!("/v2/origin/custom/{}", channel.scope_id);
    call(&setting, &well(&channel), &path, &message("m-1", "Hi"))
        .await
        .is(200);
    let talk = setting.account.leads()[0].talk_id.unwrap();
    receiver.answer(&[500]);
    setting.account.person_writes(talk, IVAN, "Hello").unwrap();
    setting.kommo.settle().await;
    setting.kommo.advance(std::time::Duration::from_secs(7200));
    setting.kommo.settle().await;
    setting.kommo.set_clock(NOW);
    let got = receiver.got();
    assert_eq!(got.len(), 1, "sent once");
    assert_eq!(got[0].uri, format!("/chat/{}", channel.scope_id));
    assert_eq!(got[0].headers["user-agent"], "amoCRM amoJo/1.0");
    assert_eq!(
        got[0].headers["x-signature"],
        signature(&channel.secret, &got[0].body).as_str()
    );
    let told = got[0].json();
    assert_eq!(told["message"]["conversation"]["client_id"], "c-1");
    assert_eq!(told["message"]["message"]["text"], "Hello");
    assert_eq!(told["message"]["receiver"]["phone"], "+15550100");
    let id = told["message"]["message"]["id"].as_str().unwrap();
    let status = format!("{path}/{id}/delivery_status");
    call(
        &setting,
        &well(&channel),
        &status,
        &json!({"msgid": id, "delivery_status": -1, "error_code": 905}),
    )
    .await
    .is(200);
    assert_eq!(
        setting.account.all_messages_of(talk)[1].delivery_status,
        "error"
    );
}

#[tokio::test]
async fn what_the_channel_itself_sent_is_not_sent_to_it() {
    let setting = Setting::new().await;
    let receiver = Receiver::start().await;
    let channel = setting.account.add_channel("web", &receiver.url("/chat/"));
    connect(&setting, &channel).await;
    let path = format!("/v2/origin/custom/{}", channel.scope_id);
    let mut bot = message("m-1", "I am the bot");
    bot["payload"]["receiver"] = json!({"id": "u-1", "name": "Ana"});
    bot["payload"]["sender"] = json!({"id": "b", "ref_id": channel.bot_id});
    call(&setting, &well(&channel), &path, &bot).await.is(200);
    setting.kommo.settle().await;
    let lead = setting.account.leads().remove(0);
    assert_eq!(lead.contact.as_deref(), Some("Ana"));
    assert_eq!(setting.account.messages_of_lead(lead.id)[0].author, "bot");
    assert!(receiver.got().is_empty());
}
