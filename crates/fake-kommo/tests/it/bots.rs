use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use t11_fake_kommo::{BotManners, BotStep};

use crate::harness::{CLIENT_ID, IVAN, NOW, Receiver, Setting};

/// What a widget emits: ask the back end, then show what it said.
fn asking(url: &str) -> Vec<BotStep> {
    let ask = json!({"handler": "widget_request", "params": {"url": url, "data": {
        "message": "{{message_text}}", "lead": "{{lead.id}}", "contact": "{{contact.id}}",
        "phone": "{{contact.phone}}", "from": "widget",
    }}});
    let show = json!({"handler": "conditions", "params": {
        "logic": "and",
        "conditions": [{"term1": "{{json.status}}", "term2": "ok", "operation": "="}],
        "result": [{"handler": "show", "params": {"type": "text", "value": "{{json.message}}"}}],
    }});
    let go = json!({"handler": "goto", "params": {"type": "question", "step": 1}});
    vec![step(vec![ask, go]), step(vec![show])]
}

fn step(question: Vec<Value>) -> BotStep {
    BotStep {
        question,
        answer: Vec::new(),
    }
}

struct Scene {
    setting: Setting,
    receiver: Receiver,
    bot: i64,
    lead: i64,
    talk: i64,
}

/// A bot that has just asked its back end.
async fn scene(manners: BotManners) -> Scene {
    let setting = Setting::new().await;
    let receiver = Receiver::start().await;
    setting.account.set_bot_manners(manners);
    let steps = asking(&receiver.url("/bot/"));
    let bot = setting
        .account
        .add_bot("Asks", steps, true, CLIENT_ID)
        .unwrap();
    let ana = setting.account.newcomer(&Default::default(), "How much?");
    setting.kommo.settle().await;
    Scene {
        setting,
        receiver,
        bot,
        lead: ana.lead_id.unwrap(),
        talk: ana.talk_id,
    }
}

impl Scene {
    fn return_path(&self) -> String {
        let got = self.receiver.got();
        let url = got.last().unwrap().field("return_url").unwrap();
        url.strip_prefix(&self.setting.api("")).unwrap().to_owned()
    }

    fn texts(&self) -> Vec<String> {
        let messages = self.setting.account.messages_of(self.talk);
        messages.into_iter().map(|message| message.text).collect()
    }
}

#[tokio::test]
async fn a_bot_asks_waits_and_says_what_it_was_told() {
    let scene = scene(BotManners::default()).await;
    let got = scene.receiver.got();
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].field("data[message]").as_deref(), Some("How much?"));
    assert_eq!(got[0].field("data[lead]"), Some(scene.lead.to_string()));
    assert_eq!(
        got[0].field("data[phone]").as_deref(),
        Some("{{contact.phone}}")
    );
    let path = scene.return_path();
    assert_eq!(path, format!("/salesbot/{}/continue/1", scene.bot));
    assert_eq!(scene.setting.account.running_bots(), 1);

    let long =
        "The basic plan is $25 a month, and here is much more than eighty characters about it.";
    let told = json!({"data": {"status": "ok", "message": long}});
    scene.setting.post(&path, told.clone()).await.is(202);
    assert_eq!(scene.texts(), ["How much?", long]);
    assert_eq!(scene.setting.account.running_bots(), 0);
    scene.setting.post(&path, told).await.is(404);
}

#[tokio::test]
async fn the_token_of_a_request_is_signed_for_the_app() {
    for (hs256, name) in [(false, "HS512"), (true, "HS256")] {
        let manners = BotManners {
            hs256_tokens: hs256,
            ..BotManners::default()
        };
        let scene = scene(manners).await;
        let token = scene.receiver.got()[0].field("token").unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let decode = |part: &str| -> Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(decode(parts[0]), json!({"typ": "JWT", "alg": name}));
        let claims = decode(parts[1]);
        assert_eq!(claims["iss"], scene.setting.account.base_url());
        assert_eq!(claims["aud"], "http://127.0.0.1:1");
        assert_eq!(claims["client_uuid"], CLIENT_ID);
        assert_eq!(
            (&claims["entity_type"], &claims["entity_id"]),
            (&json!(2), &json!(scene.lead))
        );
        assert_eq!(claims["exp"], NOW + 1800);
    }
}

#[tokio::test]
async fn requests_come_as_json_or_name_a_foreign_return_url_when_told_to() {
    let manners = BotManners {
        json_requests: true,
        foreign_return_urls: 1,
        ..BotManners::default()
    };
    let scene = scene(manners).await;
    let body = scene.receiver.got()[0].json();
    assert_eq!(body["data"]["from"], "widget");
    let url = body["return_url"].as_str().unwrap();
    assert!(url.starts_with("https://elsewhere.example/"), "{url}");
}

#[tokio::test]
async fn continuing_is_checked() {
    let scene = scene(BotManners::default()).await;
    let path = scene.return_path();
    let show = |text: &str| json!({"handler": "show", "params": {"type": "text", "value": text}});
    let with = |handlers: Value| json!({"data": {"status": "x"}, "execute_handlers": handlers});
    let eleven: Vec<Value> = (0..11).map(|_| show("hi")).collect();
    let buttons: Vec<usize> = (0..26).collect();
    let many_buttons =
        json!({"handler": "show", "params": {"type": "buttons", "value": "x", "buttons": buttons}});
    for (body, code, path_of_error) in [
        (
            json!({"execute_handlers": [show("hi")]}),
            "FieldMissing",
            "data",
        ),
        (with(json!([])), "TooFew", "execute_handlers"),
        (with(json!(eleven)), "TooMany", "execute_handlers"),
        (
            with(json!([show(&"ы".repeat(81))])),
            "TooLong",
            "execute_handlers.0.params.value",
        ),
        (
            with(json!([many_buttons])),
            "TooMany",
            "execute_handlers.0.params.buttons",
        ),
        (
            with(json!([{"handler": "send_message"}])),
            "NotSupportedChoice",
            "execute_handlers.0.handler",
        ),
    ] {
        let refused = scene.setting.post(&path, body).await;
        assert_eq!(
            refused.violation(),
            (code.to_owned(), path_of_error.to_owned())
        );
    }
    let url = scene.setting.api(&path);
    let plain = scene
        .setting
        .http
        .post(url)
        .bearer_auth(&scene.setting.token);
    let plain = plain
        .header("x-context-user-id", IVAN)
        .json(&with(json!([show("hi")])));
    assert_eq!(plain.send().await.unwrap().status(), 403);
    // Refusals leave the bot waiting.
    let handlers = json!([show(&"ы".repeat(80)), {"handler": "goto", "params": {"type": "question", "step": 1}}]);
    scene.setting.post(&path, with(handlers)).await.is(202);
    assert_eq!(
        scene.texts().len(),
        2,
        "the condition did not hold after the goto"
    );
}

#[tokio::test]
async fn a_bot_ends_when_its_back_end_is_slow_or_refuses() {
    let scene = scene(BotManners::default()).await;
    scene.receiver.answer(&[500]);
    scene
        .setting
        .post(&scene.return_path(), json!({"data": {}}))
        .await
        .is(202);
    scene
        .setting
        .account
        .client_writes(scene.talk, "And now?")
        .unwrap();
    scene.setting.kommo.settle().await;
    assert_eq!(scene.setting.account.running_bots(), 0);
    scene
        .setting
        .post(&scene.return_path(), json!({"data": {}}))
        .await
        .is(404);
}

#[tokio::test]
async fn a_second_bot_stops_the_first_or_is_refused() {
    let scene = scene(BotManners::default()).await;
    let first = scene.return_path();
    let run = format!("/bots/{}/run", scene.bot);
    let about = json!({"entity_id": scene.lead, "entity_type": "leads"});
    scene.setting.post(&run, about.clone()).await.is(202);
    scene.setting.kommo.settle().await;
    assert_eq!(scene.setting.account.running_bots(), 1);
    scene
        .setting
        .post(&first, json!({"data": {}}))
        .await
        .is(404);
    scene.setting.account.set_bot_manners(BotManners {
        refuse_second: true,
        ..BotManners::default()
    });
    scene.setting.post(&run, about.clone()).await.is(400);
    scene
        .setting
        .post(&format!("/bots/{}/stop", scene.bot), about.clone())
        .await
        .is(202);
    assert_eq!(scene.setting.account.running_bots(), 0);
    scene.setting.post(&run, about).await.is(202);
}

#[tokio::test]
async fn a_bot_waits_only_as_long_as_it_is_told() {
    let scene = scene(BotManners {
        patience_seconds: 60,
        ..BotManners::default()
    })
    .await;
    scene.setting.kommo.advance(Duration::from_secs(61));
    scene
        .setting
        .post(&scene.return_path(), json!({"data": {}}))
        .await
        .is(404);
}

#[tokio::test]
async fn bots_are_started_one_by_one_in_lists_and_in_the_old_way() {
    let setting = Setting::new().await;
    let lead = setting.account.newcomer(&Default::default(), "Hi");
    let field = setting.account.field("AI reply").unwrap();
    let lead_id = lead.lead_id.unwrap();
    setting
        .account
        .set_field(lead_id, field, json!("From the field"), IVAN);
    let says =
        json!({"handler": "send_message", "params": {"text": format!("{{{{lead.cf.{field}}}}}")}});
    let bot = setting
        .account
        .add_bot("Says", vec![step(vec![says])], false, CLIENT_ID)
        .unwrap();
    let start = json!({"bot_id": bot, "entity_id": lead_id, "entity_type": 2});
    setting
        .post(&format!("/bots/{bot}/run"), start.clone())
        .await
        .is(202);
    setting.post("/bots/run", json!([start])).await.is(202);
    let legacy = setting
        .http
        .post(setting.url("/api/v2/salesbot/run"))
        .bearer_auth(&setting.token);
    let legacy = legacy.json(&json!([start])).send().await.unwrap();
    assert_eq!(
        legacy.json::<Value>().await.unwrap(),
        json!({"success": true})
    );
    let said: Vec<String> = setting
        .account
        .messages_of(lead.talk_id)
        .into_iter()
        .map(|one| one.text)
        .collect();
    assert_eq!(
        said,
        ["Hi", "From the field", "From the field", "From the field"]
    );
    let bots = setting.get("/bots").await.is(200);
    assert_eq!(bots["_embedded"]["bots"][0]["name"], "Says");
    setting.post("/bots/99/run", start.clone()).await.is(404);
    let many: Vec<Value> = (0..101).map(|_| start.clone()).collect();
    setting.post("/bots/run", json!(many)).await.is(400);
}

#[tokio::test]
async fn a_step_with_an_answer_waits_for_the_client() {
    let setting = Setting::new().await;
    let say = |text: &str| json!({"handler": "show", "params": {"type": "text", "value": text}});
    let steps = vec![BotStep {
        question: vec![say("What is your name?")],
        answer: vec![say("Hello {{message_text}}")],
    }];
    setting
        .account
        .add_bot("Asks the name", steps, true, CLIENT_ID)
        .unwrap();
    let talk = setting.account.newcomer(&Default::default(), "Hi").talk_id;
    setting.account.client_writes(talk, "Ana").unwrap();
    let texts: Vec<String> = setting
        .account
        .messages_of(talk)
        .into_iter()
        .map(|one| one.text)
        .collect();
    assert_eq!(texts, ["Hi", "What is your name?", "Ana", "Hello Ana"]);
}

#[tokio::test]
async fn a_bot_that_never_waits_is_stopped() {
    let setting = Setting::new().await;
    let again = json!({"handler": "goto", "params": {"type": "question", "step": 0}});
    setting
        .account
        .add_bot("Circles", vec![step(vec![again])], true, CLIENT_ID)
        .unwrap();
    setting.account.newcomer(&Default::default(), "Hi");
    assert_eq!(setting.account.running_bots(), 0);
}
