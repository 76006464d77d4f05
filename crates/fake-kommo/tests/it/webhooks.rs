use std::time::Duration;

use serde_json::json;
use t11_fake_kommo::{Arrival, Delivery, Manners, Newcomer, PipelineEvent};

use crate::harness::{ADMIN, Got, IVAN, NOW, Receiver, Setting};

const MINUTE: Duration = Duration::from_secs(60);

async fn subscribed(settings: &[&str]) -> (Setting, Receiver) {
    let setting = Setting::new().await;
    let receiver = Receiver::start().await;
    setting.subscribe(&receiver, settings).await;
    (setting, receiver)
}

/// The fields of a body, decoded, without the account's.
fn fields(got: &Got) -> Vec<String> {
    let pairs = form_urlencoded::parse(got.body.as_bytes());
    let own = pairs.filter(|(key, _)| !key.starts_with("account["));
    own.map(|(key, value)| format!("{key}={value}")).collect()
}

fn webhook_attempts(deliveries: &[Delivery]) -> Vec<(u32, i64, u16)> {
    let webhooks = deliveries.iter().filter(|one| one.purpose == "webhook");
    webhooks
        .map(|one| (one.attempt, (one.at - NOW) / 60, one.status))
        .collect()
}

#[tokio::test]
async fn a_message_comes_as_a_form_of_strings() {
    let (setting, receiver) = subscribed(&["add_message"]).await;
    let ana = setting
        .account
        .newcomer(&Default::default(), "Hi & bye = ok? Ünïcode");
    setting.kommo.settle().await;
    let got = receiver.got().remove(0);
    assert_eq!(
        got.headers["content-type"],
        "application/x-www-form-urlencoded"
    );
    assert_eq!(got.headers["user-agent"], "amoCRM-Webhooks/3.0");
    assert!(
        got.body
            .contains("message%5Badd%5D%5B0%5D%5Btext%5D=Hi+%26+bye+%3D+ok%3F+%C3%9Cn%C3%AFcode"),
        "{}",
        got.body
    );
    let field = |name: &str| got.field(&format!("message[add][0][{name}]"));
    assert_eq!(field("talk_id"), Some(ana.talk_id.to_string()));
    assert_eq!(field("entity_id"), ana.lead_id.map(|id| id.to_string()));
    assert_eq!(
        (field("element_type"), field("type")),
        (Some("2".to_owned()), Some("incoming".to_owned()))
    );
    assert_eq!(
        got.field("message[add][0][author][type]").as_deref(),
        Some("external")
    );
    assert_eq!(got.field("account[id]").as_deref(), Some("30000001"));
    assert_eq!(got.field("account[subdomain]").as_deref(), Some("acme"));
    assert_eq!(
        got.field("account[_links][self]"),
        Some(setting.account.base_url())
    );
    assert_eq!(field("attachment"), None, "nulls are left out");
}

#[tokio::test]
async fn a_person_who_answers_is_named() {
    let (setting, receiver) = subscribed(&["add_outgoing_message", "update_talk"]).await;
    let talk = setting.account.newcomer(&Default::default(), "Hi").talk_id;
    setting
        .account
        .person_writes(talk, IVAN, "Let me check.")
        .unwrap();
    setting.kommo.settle().await;
    let got = receiver.got();
    assert_eq!(
        got[0].field("talk[update][0][is_read]").as_deref(),
        Some("1")
    );
    let field = |name: &str| got[1].field(&format!("outgoing_message[add][0]{name}"));
    assert_eq!(field("[author][type]").as_deref(), Some("internal"));
    assert_eq!(field("[author][user_id]").as_deref(), Some("901"));
    assert_eq!(field("[recipient][type]").as_deref(), Some("external"));
}

#[tokio::test]
async fn cards_tasks_and_notes_come_in_their_shapes() {
    let (setting, receiver) = subscribed(&[
        "status_lead",
        "responsible_lead",
        "delete_lead",
        "add_company",
        "update_task",
        "note_lead",
    ])
    .await;
    let lead = setting.lead(json!({})).await;
    setting.account.move_stage_by_person(lead, None, 7002, IVAN);
    setting.account.assign(lead, IVAN, ADMIN);
    setting
        .post("/companies", json!([{"name": "Firm"}]))
        .await
        .is(200);
    let task = setting.account.add_task(lead, "Call", NOW + 60, IVAN);
    setting.account.complete_task(task, "agreed", IVAN);
    setting.account.add_note(lead, "call back", IVAN);
    setting.account.delete_lead(lead, ADMIN);
    setting.kommo.settle().await;
    let got = receiver.got();
    let field = |index: usize, key: &str| got[index].field(key).unwrap_or_default();
    assert_eq!(field(0, "leads[status][0][old_status_id]"), "7001");
    assert_eq!(field(0, "leads[status][0][modified_user_id]"), "901");
    assert_eq!(
        field(1, "leads[responsible][0][old_responsible_user_id]"),
        "900"
    );
    assert_eq!(field(2, "contacts[add][0][type]"), "company");
    assert_eq!(field(3, "task[update][0][status]"), "1");
    assert_eq!(
        field(3, "task[update][0][date_create]"),
        "2025-10-09 08:53:20"
    );
    assert_eq!(field(3, "task[update][0][result][text]"), "agreed");
    assert_eq!(field(4, "leads[note][0][note][text]"), "call back");
    assert!(field(4, "leads[note][0][note][metadata]").contains(r#""author_name":"Ivan""#));
    assert_eq!(fields(&got[5]).len(), 3, "{}", got[5].body);
}

#[tokio::test]
async fn a_contact_handed_over_comes_as_an_update() {
    let (setting, receiver) = subscribed(&["responsible_contact"]).await;
    setting
        .post("/contacts", json!([{"name": "Ana"}]))
        .await
        .is(200);
    let to_ivan = json!({"responsible_user_id": IVAN});
    setting.patch("/contacts/6001", to_ivan).await.is(200);
    setting.kommo.settle().await;
    let got = receiver.got().remove(0);
    let old = got.field("contacts[update][0][old_responsible_user_id]");
    assert_eq!(old.as_deref(), Some("900"));
}

#[tokio::test]
async fn values_have_three_shapes() {
    let (setting, receiver) = subscribed(&["update_lead"]).await;
    let lead = setting.lead(json!({})).await;
    let id = |name: &str| setting.account.field(name).unwrap();
    let values = json!({"custom_fields_values": [
        {"field_id": id("Start date"), "values": [{"value": NOW}]},
        {"field_id": id("Format"), "values": [{"value": "Online"}]},
    ]});
    let path = format!("/leads/{lead}");
    setting.patch(&path, values).await.is(200);
    setting.account.set_webhook_manners(Manners {
        radiobutton_object: true,
        ..Manners::default()
    });
    setting.patch(&path, json!({"price": 1})).await.is(200);
    setting.kommo.settle().await;
    let got = receiver.got();
    let field = |index: usize, key: &str| {
        got[index].field(&format!("leads[update][0][custom_fields]{key}"))
    };
    assert_eq!(field(0, "[0][values][0]"), Some(NOW.to_string()));
    assert_eq!(field(0, "[1][values][0][value]").as_deref(), Some("Online"));
    assert_eq!(field(1, "[1][values][value]").as_deref(), Some("Online"));
}

#[tokio::test]
async fn a_broken_receiver_is_tried_again_on_the_clock() {
    let (setting, receiver) = subscribed(&["add_message"]).await;
    receiver.always(500);
    setting.account.newcomer(&Default::default(), "Hi");
    for minutes in [0, 4, 1, 14, 1, 15, 59, 1, 600] {
        setting.kommo.advance(MINUTE * minutes);
        setting.kommo.settle().await;
    }
    let attempts = webhook_attempts(&setting.kommo.deliveries());
    assert_eq!(
        attempts,
        [
            (1, 0, 500),
            (2, 5, 500),
            (3, 20, 500),
            (4, 35, 500),
            (5, 95, 500)
        ]
    );
    let bodies: Vec<String> = receiver.got().into_iter().map(|got| got.body).collect();
    assert!(
        bodies.iter().all(|body| *body == bodies[0]),
        "repeats are alike"
    );
}

#[tokio::test]
async fn a_refusal_is_tried_twice_more_and_success_ends_it() {
    let (setting, receiver) = subscribed(&["add_message"]).await;
    receiver.answer(&[404, 302, 404, 500, 204]);
    setting.account.newcomer(&Default::default(), "first");
    for _ in 0..200 {
        setting.kommo.advance(MINUTE);
        setting.kommo.settle().await;
    }
    assert_eq!(webhook_attempts(&setting.kommo.deliveries()).len(), 3);
    setting.account.newcomer(&Default::default(), "second");
    for _ in 0..200 {
        setting.kommo.advance(MINUTE);
        setting.kommo.settle().await;
    }
    let statuses: Vec<u16> = setting
        .kommo
        .deliveries()
        .iter()
        .map(|one| one.status)
        .collect();
    assert_eq!(statuses, [404, 302, 404, 500, 204]);
}

#[tokio::test]
async fn a_slow_receiver_counts_as_silent() {
    let (setting, receiver) = subscribed(&["add_message"]).await;
    receiver.delay(Duration::from_secs(10));
    setting.account.newcomer(&Default::default(), "Hi");
    setting.kommo.settle().await;
    assert_eq!(setting.kommo.deliveries()[0].status, 0);
    assert_eq!(receiver.got().len(), 1, "it had come all the same");
}

#[tokio::test]
async fn more_than_a_hundred_invalid_answers_disable_a_webhook() {
    let (setting, receiver) = subscribed(&["add_message"]).await;
    receiver.always(410);
    let talk = setting.account.newcomer(&Default::default(), "0").talk_id;
    for number in 1..100 {
        setting
            .account
            .client_writes(talk, &number.to_string())
            .unwrap();
    }
    setting.kommo.settle().await;
    assert!(!setting.account.webhooks()[0].is_disabled);
    setting.account.client_writes(talk, "the last").unwrap();
    setting.kommo.settle().await;
    let webhook = setting.account.webhooks().remove(0);
    assert!(webhook.is_disabled);
    receiver.clear();
    setting.account.client_writes(talk, "not told").unwrap();
    setting.kommo.advance(MINUTE * 30);
    setting.kommo.settle().await;
    let listed = setting.get("/webhooks").await.is(200);
    assert_eq!(listed["_embedded"]["webhooks"][0]["disabled"], true);

    assert!(setting.account.save_webhook(webhook.id));
    receiver.always(200);
    receiver.clear();
    setting.account.client_writes(talk, "told again").unwrap();
    setting.kommo.settle().await;
    assert_eq!(receiver.got().len(), 1);
}

#[tokio::test]
async fn invalid_answers_of_long_ago_do_not_disable() {
    let (setting, receiver) = subscribed(&["add_message"]).await;
    receiver.always(404);
    let talk = setting.account.newcomer(&Default::default(), "0").talk_id;
    for _ in 0..3 {
        for number in 0..15 {
            setting
                .account
                .client_writes(talk, &number.to_string())
                .unwrap();
        }
        for _ in 0..9 {
            setting.kommo.advance(MINUTE * 20);
            setting.kommo.settle().await;
        }
    }
    assert!(setting.kommo.deliveries().len() > 101);
    assert!(!setting.account.webhooks()[0].is_disabled);
}

#[tokio::test]
async fn an_address_must_answer_end_with_a_slash_and_ask_for_known_events() {
    let setting = Setting::new().await;
    let receiver = Receiver::start().await;
    let subscribe = |destination: String, settings: serde_json::Value| {
        setting.post(
            "/webhooks",
            json!({"destination": destination, "settings": settings}),
        )
    };
    let good = json!(["add_message"]);
    for destination in [
        receiver.url("/hook"),
        "ftp://127.0.0.1/".to_owned(),
        "http://127.0.0.1:1/".to_owned(),
    ] {
        let refused = subscribe(destination, good.clone()).await.is(400);
        assert_eq!(
            refused["validation-errors"][0]["errors"][0]["detail"],
            "Invalid URL"
        );
    }
    receiver.always(404);
    subscribe(receiver.url("/hook/"), good.clone())
        .await
        .is(400);
    receiver.always(200);
    let unknown = subscribe(
        receiver.url("/hook/"),
        json!(["add_message", "leads.created"]),
    )
    .await;
    assert_eq!(unknown.violation().1, "settings.1");
    subscribe(receiver.url("/hook/"), json!([])).await.is(400);
    subscribe(receiver.url("/hook/"), good.clone())
        .await
        .is(201);
    let again = subscribe(receiver.url("/hook/"), json!(["status_lead"]))
        .await
        .is(200);
    assert_eq!(again["settings"], json!(["status_lead"]));
    assert_eq!(setting.get("/webhooks").await.is(200)["_total_items"], 1);
    let request = setting
        .http
        .get(setting.api("/webhooks"))
        .bearer_auth(&setting.token);
    let plain = request
        .header("x-context-user-id", IVAN)
        .send()
        .await
        .unwrap();
    assert_eq!(plain.status(), 403);
    let body = json!({"destination": receiver.url("/hook/")});
    assert_eq!(setting.delete("/webhooks", body.clone()).await.status, 204);
    setting.delete("/webhooks", body).await.is(404);

    for number in 0..100 {
        subscribe(receiver.url(&format!("/{number}/")), good.clone())
            .await
            .is(201);
    }
    subscribe(receiver.url("/one-more/"), good).await.is(400);
}

#[tokio::test]
async fn chat_messages_come_wrapped_or_not() {
    let (setting, receiver) = subscribed(&["add_message", "add_outgoing_message"]).await;
    setting.account.set_webhook_manners(Manners {
        unwrapped_messages: true,
        ..Manners::default()
    });
    let talk = setting.account.newcomer(&Default::default(), "Hi").talk_id;
    setting.account.person_writes(talk, IVAN, "Hello").unwrap();
    setting.kommo.settle().await;
    let got = receiver.got();
    assert_eq!(got[0].field("add[0][text]").as_deref(), Some("Hi"));
    assert_eq!(
        got[1].field("outgoing_message[add][0][text]").as_deref(),
        Some("Hello")
    );
}

#[tokio::test]
async fn events_share_bodies_double_overtake_and_are_lost() {
    let (setting, receiver) = subscribed(&["add_message", "add_talk"]).await;
    let manners = |manners: Manners| setting.account.set_webhook_manners(manners);
    let text = |got: &Got| got.field("message[add][0][text]").unwrap_or_default();
    manners(Manners {
        items_per_body: 3,
        ..Manners::default()
    });
    let talk = setting.account.newcomer(&Default::default(), "one").talk_id;
    setting.kommo.settle().await;
    assert!(receiver.got().is_empty());
    setting.account.client_writes(talk, "two").unwrap();
    setting.kommo.settle().await;
    let got = receiver.got().remove(0);
    assert_eq!(got.field("message[add][1][text]").as_deref(), Some("two"));
    assert!(got.field("talk[add][0][talk_id]").is_some());

    receiver.clear();
    manners(Manners {
        duplicates: 2,
        ..Manners::default()
    });
    setting.account.client_writes(talk, "thrice").unwrap();
    setting.kommo.settle().await;
    assert_eq!(
        receiver.got().iter().map(text).collect::<Vec<_>>(),
        ["thrice"; 3]
    );

    receiver.clear();
    manners(Manners {
        reorder: true,
        ..Manners::default()
    });
    for number in ["1", "2", "3"] {
        setting.account.client_writes(talk, number).unwrap();
    }
    setting.account.flush_webhooks();
    setting.kommo.settle().await;
    assert_eq!(
        receiver.got().iter().map(text).collect::<Vec<_>>(),
        ["2", "1", "3"]
    );

    receiver.clear();
    manners(Manners {
        drop_next: 1,
        ..Manners::default()
    });
    setting.account.client_writes(talk, "lost").unwrap();
    setting.account.client_writes(talk, "told").unwrap();
    setting.kommo.settle().await;
    assert_eq!(
        receiver.got().iter().map(text).collect::<Vec<_>>(),
        ["told"]
    );
}

#[tokio::test]
async fn bodies_may_be_strange_and_large() {
    let (setting, receiver) = subscribed(&["add_message"]).await;
    setting.account.set_webhook_manners(Manners {
        unknown_keys: true,
        huge_numeric_keys: true,
        missing_entity: true,
        literal_placeholders: true,
        body_bytes: 1 << 20,
        ..Manners::default()
    });
    setting.account.newcomer(&Default::default(), "Hi");
    setting.kommo.settle().await;
    let got = receiver.got().remove(0);
    assert_eq!(got.body.len(), 1 << 20);
    let field = |name: &str| got.field(&format!("message[add][0]{name}"));
    assert_eq!(
        field("[linked_leads_id][999999999][ID]").as_deref(),
        Some("999999999")
    );
    assert_eq!(
        field("[brand_new_field][depth][of][0]").as_deref(),
        Some("two")
    );
    assert_eq!(field("[text]").as_deref(), Some("Hi {{contact.phone}}"));
    assert_eq!(field("[entity_id]"), None);
    assert!(got.field("something[arrived][0][in]").is_some());
}

#[tokio::test]
async fn a_contact_alone_names_no_lead() {
    let (setting, receiver) = subscribed(&["add_message", "add_talk"]).await;
    let newcomer = Newcomer {
        arrival: Arrival::ContactOnly,
        ..Newcomer::default()
    };
    let arrived = setting.account.newcomer(&newcomer, "Hi");
    setting.kommo.settle().await;
    assert_eq!(arrived.lead_id, None);
    for got in receiver.got() {
        assert!(!got.body.contains("entity_id"), "{}", got.body);
    }
}

#[tokio::test]
async fn the_digital_pipeline_sends_forms_and_widgets_and_tries_four_times() {
    let setting = Setting::new().await;
    let receiver = Receiver::start().await;
    let lead = setting.lead(json!({})).await;
    let url = receiver.url("/dp/");
    receiver.always(500);
    assert!(
        setting
            .account
            .fire_pipeline_webhook(&url, PipelineEvent::Status, lead, Some(7001))
    );
    for _ in 0..60 {
        setting.kommo.settle().await;
        setting.kommo.advance(MINUTE);
    }
    assert_eq!(receiver.got().len(), 4);
    let got = receiver.got().remove(0);
    assert_eq!(
        got.field("leads[status][0][old_status_id]").as_deref(),
        Some("7001")
    );
    assert_eq!(got.field("account[subdomain]").as_deref(), Some("acme"));

    receiver.always(200);
    receiver.clear();
    let settings = json!({"agent_id": "a1"});
    assert!(
        setting
            .account
            .fire_widget(&url, PipelineEvent::Chat, lead, &settings)
    );
    setting.kommo.settle().await;
    let body = receiver.got().remove(0).json();
    assert_eq!(body["event"]["type_code"], "chat");
    assert_eq!(body["action"]["settings"]["widget"]["settings"], settings);
    assert!(
        !setting
            .account
            .fire_widget(&url, PipelineEvent::Chat, 1, &settings)
    );
}
