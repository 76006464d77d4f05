//! Bots of the account that ask what to say.

use serde_json::json;
use t11_fake_kommo::{BotManners, BotStep, Integration, Newcomer};
use t11_proto::agents::v1::crm_event::EventKind;
use t11_proto::crm::v1 as pb;

use crate::intake_rig::{Rig, reason};

fn asking(url: &str) -> Vec<BotStep> {
    let handlers = json!([{"handler": "widget_request", "params": {"url": url, "data": {
        "message": "{{message_text}}", "lead": "{{lead.id}}"}}}]);
    vec![BotStep {
        question: handlers.as_array().unwrap().clone(),
        answer: Vec::new(),
    }]
}

/// A bot that asks us whenever a client writes.
fn add_bot(rig: &Rig, secret: &str) {
    let app = Integration::new("http://unused");
    let url = format!("http://{}/bot/kommo/{secret}/", rig.door());
    let steps = asking(&url);
    rig.account
        .add_bot("T11", steps, true, &app.client_id)
        .unwrap();
}

#[tokio::test]
async fn a_bots_question_and_the_webhook_of_its_message_are_one_event() {
    for (json_requests, hs256_tokens) in [(false, false), (true, true)] {
        let rig = Rig::start().await;
        rig.account.set_bot_manners(BotManners {
            json_requests,
            hs256_tokens,
            ..BotManners::default()
        });
        add_bot(&rig, &rig.secret());
        let ana = rig.account.newcomer(&Newcomer::default(), "How much?");
        rig.work().await;
        let (_, event) = rig.told_one();
        let Some(EventKind::ClientMessage(message)) = &event.event_kind else {
            panic!("{event:?}");
        };
        assert_eq!(message.text, "How much?");
        assert_eq!(message.chat_id, ana.chat_id);
        assert_eq!(Some(message.lead_id), ana.lead_id);
        assert!(!message.message_id.starts_with("bot:"));
        let waiting = "SELECT COUNT(*) FROM bot_requests WHERE use_time IS NULL \
                       AND entity_kind = 'leads'";
        assert_eq!(rig.count(waiting).await, 1);
    }
}

#[tokio::test]
async fn a_bot_is_heard_without_a_webhook() {
    let rig = Rig::start().await;
    add_bot(&rig, &rig.secret());
    rig.account.set_webhook_manners(t11_fake_kommo::Manners {
        drop_next: 20,
        ..t11_fake_kommo::Manners::default()
    });
    let ana = rig.account.newcomer(&Newcomer::default(), "How much?");
    rig.work().await;
    let (job, event) = rig.told_one();
    let Some(EventKind::ClientMessage(message)) = &event.event_kind else {
        panic!("{event:?}");
    };
    assert_eq!(Some(message.lead_id), ana.lead_id);
    assert_ne!(message.stage_id, 0);
    assert!(job.ordering_key.ends_with(&ana.chat_id));
    assert_eq!(rig.event(&event.event).await.source, "bot");
    // The webhook that comes late is the same event.
    let (id, message_id) = (rig.account.id(), &message.message_id);
    rig.post(format!("account[id]={id}&message[add][0][id]={message_id}"))
        .await
        .unwrap();
    rig.work().await;
    assert!(rig.told().is_empty());
}

async fn ask(rig: &Rig, body: String) -> Result<(), tonic::Status> {
    let request = pb::AcceptBotRequestRequest {
        secret: rig.secret(),
        body: body.into(),
    };
    let mut intake = rig.intake();
    let asked = rig.as_edge(intake.accept_bot_request(request)).await;
    asked.map(drop)
}

#[tokio::test]
async fn tokens_and_addresses_that_are_not_the_accounts_are_refused() {
    let rig = Rig::start().await;
    // Heard at the door, with a token of the account that is good.
    add_bot(&rig, &rig.secret());
    rig.account.newcomer(&Newcomer::default(), "Hi");
    rig.work().await;
    let deliveries = rig.kommo.deliveries();
    let asked = deliveries
        .iter()
        .find(|delivery| delivery.purpose == "bot_request")
        .unwrap();
    assert_eq!(asked.status, 200);
    let good = asked.body.clone();
    ask(&rig, good.clone()).await.unwrap();
    rig.told();
    let token = good
        .split('&')
        .find_map(|pair| pair.strip_prefix("token="))
        .unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    // {"typ":"JWT","alg":"none"}
    let none = "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0";
    for bad in [
        format!("{none}.{}.", parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], "AAAA"),
        "x".to_owned(),
    ] {
        let body = good.replace(token, &bad);
        assert_eq!(reason(ask(&rig, body).await), "BOT_TOKEN_REFUSED", "{bad}");
    }
    let elsewhere = good.replace("return_url=http", "return_url=https");
    assert_eq!(reason(ask(&rig, elsewhere).await), "FIELDS_INVALID");
    assert_eq!(reason(ask(&rig, "x=1".to_owned()).await), "FIELDS_INVALID");
    rig.advance(chrono::TimeDelta::hours(2));
    assert_eq!(reason(ask(&rig, good).await), "BOT_TOKEN_REFUSED");
    assert_eq!(rig.count("SELECT COUNT(*) FROM bot_requests").await, 1);
}
