//! The same over HTTP.

use serde_json::{Value, json};
use t11_fake_kommo::{FakeKommoOptions, Integration, Template};

use crate::harness::{Answer, CLIENT_ID, NOW, Setting, send};

async fn act(setting: &Setting, command: &str, body: Value) -> Answer {
    send(
        setting
            .http
            .post(setting.url(&format!("/_ctl/{command}")))
            .json(&body),
    )
    .await
}

async fn look(setting: &Setting, view: &str) -> Value {
    send(setting.http.get(setting.url(&format!("/_ctl/{view}"))))
        .await
        .is(200)
}

#[tokio::test]
async fn a_conversation_is_played_over_http() {
    let setting = Setting::new().await;
    let newcomer = json!({"newcomer": {"name": "Ana", "origin": "waba"}, "text": "Hi"});
    let arrived = act(&setting, "newcomer", newcomer).await.is(200);
    let (talk, lead) = (
        arrived["talk_id"].clone(),
        arrived["lead_id"].as_i64().unwrap(),
    );
    act(
        &setting,
        "person_writes",
        json!({"talk_id": talk, "user_id": 901, "text": "Hello"}),
    )
    .await
    .is(200);
    act(
        &setting,
        "client_writes",
        json!({"talk_id": talk, "text": "Price?"}),
    )
    .await
    .is(200);
    act(
        &setting,
        "move_stage",
        json!({"lead_id": lead, "status_id": 7002, "user_id": 901}),
    )
    .await
    .is(200);
    act(
        &setting,
        "add_task",
        json!({"lead_id": lead, "text": "Call", "complete_till": NOW, "user_id": 901}),
    )
    .await
    .is(200);
    act(&setting, "clock", json!({"advance_seconds": 5}))
        .await
        .is(200);
    let shown = look(&setting, &format!("lead?id={lead}")).await;
    assert_eq!(shown["lead"]["status"], "Offer made");
    let texts: Vec<&str> = shown["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["Hi", "Hello", "Price?"]);
    assert_eq!(shown["tasks"][0]["responsible_user"], "Ivan");
    assert_eq!(look(&setting, "clock").await["now"], NOW + 5);
    assert_eq!(
        look(&setting, "account").await["stages"][1]["name"],
        "First contact"
    );
    assert_eq!(look(&setting, "leads").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn behaviour_is_set_over_http() {
    let setting = Setting::new().await;
    let fault =
        json!({"route": "GET /api/v4/account", "kind": {"payment_required": "x"}, "count": 1});
    act(&setting, "fault", fault).await.is(200);
    setting.get("/account").await.is(402);
    act(&setting, "fault", json!({"kind": "blocked"}))
        .await
        .is(200);
    assert_eq!(setting.get("/account").await.status, 403);
    act(&setting, "clear_faults", json!({})).await.is(200);
    act(&setting, "sending", json!({"quota": 1, "echo": "internal"}))
        .await
        .is(200);
    assert_eq!(setting.account.sending().quota, 1);
    act(&setting, "webhook_manners", json!({"duplicates": 1}))
        .await
        .is(200);
    act(
        &setting,
        "quirks",
        json!({"empty_list_is_no_content": false}),
    )
    .await
    .is(200);
    setting.get("/leads").await.is(200);
    act(&setting, "rate_limit", json!({"per_second": 0}))
        .await
        .is(200);
    act(
        &setting,
        "authorize",
        json!({"decision": "decline", "rotation": "lenient"}),
    )
    .await
    .is(200);
    let token = act(
        &setting,
        "long_lived_token",
        json!({"client_id": CLIENT_ID, "days": 1}),
    )
    .await
    .is(200);
    assert!(token["token"].is_string());
    let channel = act(
        &setting,
        "add_channel",
        json!({"code": "web", "hook_url": "http://127.0.0.1:1/"}),
    )
    .await;
    assert!(channel.is(200)["scope_id"].is_string());
    act(&setting, "settle", json!({})).await.is(200);
    let calls = look(&setting, "calls").await;
    assert_eq!(calls[0]["status"], 402);
    act(
        &setting,
        "disable",
        json!({"client_id": CLIENT_ID, "is_signed_well": true}),
    )
    .await
    .is(200);
    setting.get("/account").await.is(401);
    let host = act(&setting, "rename", json!({"subdomain": "other"}))
        .await
        .is(200);
    assert_eq!(host["host"], setting.account.host());
}

#[tokio::test]
async fn a_command_must_be_known_readable_and_json() {
    let setting = Setting::new().await;
    act(&setting, "make_tea", json!({})).await.is(400);
    act(&setting, "client_writes", json!({"text": "x"}))
        .await
        .is(400);
    act(&setting, "sending", json!({"qouta": 1})).await.is(400);
    act(
        &setting,
        "client_writes",
        json!({"talk_id": 1, "text": "x"}),
    )
    .await
    .is(404);
    let plain = setting
        .http
        .post(setting.url("/_ctl/clear_faults"))
        .header("content-type", "text/plain");
    assert_eq!(send(plain.body("{}")).await.status, 415);
    assert_eq!(
        send(setting.http.get(setting.url("/_ctl/secrets")))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn an_account_is_its_address_or_its_number() {
    let options = FakeKommoOptions {
        accounts: vec![Template::Acme, Template::Acme],
        ..FakeKommoOptions::with(Integration::new("http://127.0.0.1:1/callback"))
    };
    let setting = Setting::start(options.frozen_at(NOW)).await;
    let second = setting.kommo.accounts().remove(1);
    let at_home = send(
        setting
            .http
            .get(format!("{}/_ctl/account", second.base_url())),
    )
    .await
    .is(200);
    let by_number = look(&setting, &format!("account?account_id={}", second.id())).await;
    assert_eq!(at_home, by_number);
    assert_eq!(by_number["subdomain"], "acme-30000002");
    assert_eq!(
        setting.kommo.hosts(),
        format!("{},{}", setting.account.host(), second.host())
    );
    let url = setting.url("/_ctl/account?account_id=1");
    assert_eq!(send(setting.http.get(url)).await.status, 404);
}

#[tokio::test]
async fn the_demonstration_page_needs_nothing_from_elsewhere() {
    let setting = Setting::new().await;
    for (path, kind) in [
        ("/_demo", "text/html; charset=utf-8"),
        ("/_demo/page.js", "text/javascript; charset=utf-8"),
        ("/_demo/page.css", "text/css; charset=utf-8"),
    ] {
        let asset = send(setting.http.get(setting.url(path))).await;
        assert_eq!((asset.status, asset.content_type.as_str()), (200, kind));
        assert!(!asset.text.contains("://"), "{path} names another site");
    }
}
