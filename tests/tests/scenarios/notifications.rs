//! What people are told of, each time once: by the agents, by the account, by what is spent. The
//! wording of cases is that of the acceptance scenarios.

use serde_json::{Value, json};
use t11_tests::client::PASSWORD;
use t11_tests::live::{Live, teach};
use t11_tests::{Client, eventually};

const ARTICLE: &str = "# Гарантия\n\nГарантия на диваны 24 месяца.";
const QUESTION: &str = "Какая гарантия на диваны?";

/// What a person was told of this type, newest first.
async fn told(person: &Client, kind: &str) -> Vec<Value> {
    let list = person.get("/api/account/notifications").await.ok();
    let all = list["notifications"].as_array().cloned();
    let all = all.unwrap_or_default().into_iter();
    all.filter(|one| one["type"] == format!("NOTIFICATION_TYPE_{kind}"))
        .collect()
}

/// The first of this type, once there is one.
async fn told_of(person: &Client, kind: &str) -> Value {
    eventually("the person is told", || async {
        told(person, kind).await.into_iter().next()
    })
    .await
}

async fn sync(live: &Live) {
    let path = format!("/api/crm/{}:sync", live.connection);
    live.owner.post(&path, json!({})).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn s24_a_stage_deleted_in_kommo_is_gone_and_owners_are_told() {
    let live = Live::start(&[]).await;
    teach(&live.owner, ARTICLE).await;
    let (pipeline, stages) = live.account().stages();
    let crm = json!({
        "pipelines": [{"pipeline_id": pipeline, "stages": [{"stage_id": stages[1]}]}],
        "all_channels": true,
    });
    let agent = live.agent_in(json!({}), crm).await;
    let admin = live.owner.colleague("admin").await;
    let viewer = live.owner.colleague("viewer").await;
    let lead = live.newcomer(QUESTION);
    live.answers(lead.talk_id, 1).await;

    live.account().delete_stage(stages[1]);
    sync(&live).await;
    let notification = told_of(&live.owner, "INTEGRATION_ERROR").await;
    assert_eq!(notification["resource"], agent.as_str());
    let parameters = &notification["parameters"];
    assert_eq!(parameters["problem"], "stage_gone");
    assert_eq!(parameters["agents"], "Анна");
    assert_ne!(parameters["stage"], "");
    told_of(&admin, "INTEGRATION_ERROR").await;

    let settings = live.owner.get(&format!("/api/{agent}/crmSettings")).await;
    let stage = format!("pipelines/{pipeline}/stages/{}", stages[1]);
    assert_eq!(settings.ok()["gone"], json!([stage]));
    live.account().client_writes(lead.talk_id, "А на кресла?");
    let silent = live.conversation_when("the agent pauses there", |conversation| {
        conversation["silence_reason"] == "stage_gone"
    });
    silent.await;

    sync(&live).await;
    live.settled().await;
    assert_eq!(live.verdict("message").await, "stage_gone");
    assert_eq!(live.said(lead.talk_id).len(), 1, "nothing more is said");
    for person in [&live.owner, &admin] {
        assert_eq!(told(person, "INTEGRATION_ERROR").await.len(), 1);
    }
    assert_eq!(told(&viewer, "INTEGRATION_ERROR").await.len(), 0);
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_is_used_up_is_told_once() {
    let live = Live::start(&[]).await;
    teach(&live.owner, ARTICLE).await;
    live.agent(json!({})).await;
    let account = live.account();
    let lead = live.newcomer(QUESTION);
    live.answers(lead.talk_id, 1).await;
    let mut sending = account.sending();
    sending.quota = sending.used;
    account.set_sending(sending);
    account.client_writes(lead.talk_id, "А какая гарантия на кровати?");
    let notification = told_of(&live.owner, "INTEGRATION_ERROR").await;
    assert_eq!(notification["resource"], live.connection.as_str());
    assert_eq!(notification["parameters"]["problem"], "quota_exceeded");
    live.settled().await;
    account.client_writes(lead.talk_id, "И какая гарантия на шкафы?");
    live.settled().await;
    assert_eq!(live.said(lead.talk_id).len(), 1);
    assert_eq!(told(&live.owner, "INTEGRATION_ERROR").await.len(), 1);
    live.stop().await;
}

/// A colleague with the address that a person has in the account.
async fn colleague(live: &Live, user_id: i64) -> Client {
    let path = format!("/api/crm/{}/users", live.connection);
    let users = live.owner.get(&path).await.ok();
    let mut users = users["users"].as_array().unwrap().iter();
    let user_id = user_id.to_string();
    let user = users.find(|user| user["user_id"] == *user_id);
    let invite = json!({"email": user.unwrap()["email"], "role": "operator"});
    let invited = live.owner.post("/api/account/invites", invite).await.ok();
    let accept = json!({
        "secret": invited["secret"], "password": PASSWORD,
        "token_delivery": "TOKEN_DELIVERY_BODY",
    });
    let stranger = live.owner.clone().anonymous();
    let answer = stranger.post("/api/auth/accept-invite", accept).await.ok();
    live.owner
        .clone()
        .with_token(answer["session_token"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_who_is_responsible_hears_that_a_client_waits() {
    let live = Live::start(&[]).await;
    teach(&live.owner, ARTICLE).await;
    live.agent(json!({})).await;
    let manager = live.account().users()[1];
    let responsible = colleague(&live, manager).await;
    let lead = live.newcomer(QUESTION);
    live.answers(lead.talk_id, 1).await;
    live.account()
        .assign(lead.lead_id.unwrap(), manager, live.account().users()[0]);
    live.settled().await;
    live.account()
        .client_writes(lead.talk_id, "позовите человека");
    let notification = told_of(&responsible, "HANDOFF_WAITING").await;
    let conversation = live.conversation().await;
    assert_eq!(notification["resource"], conversation["name"]);
    assert_eq!(notification["parameters"]["reason"], "human_requested");
    live.settled().await;
    assert_eq!(told(&responsible, "HANDOFF_WAITING").await.len(), 1);
    assert_eq!(told(&live.owner, "HANDOFF_WAITING").await.len(), 0);
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_are_told_once_a_conversation() {
    let live = Live::start(&[]).await;
    teach(&live.owner, ARTICLE).await;
    live.agent(json!({"answer_mode": "ANSWER_MODE_DRAFT"}))
        .await;
    let lead = live.newcomer(QUESTION);
    let notification = told_of(&live.owner, "DRAFT_WAITING").await;
    let conversation = live.conversation().await;
    assert_eq!(notification["resource"], conversation["name"]);
    live.account().client_writes(lead.talk_id, "А на кресла?");
    live.settled().await;
    assert_eq!(told(&live.owner, "DRAFT_WAITING").await.len(), 1);

    let path = format!(
        "/api/account/{}:markRead",
        notification["name"].as_str().unwrap()
    );
    let read = live.owner.post(&path, json!({})).await.ok();
    assert!(read["read_time"].is_string());
    let list = live.owner.get("/api/account/notifications?unread=true");
    let unread = list.await.ok()["notifications"].as_array().map(Vec::len);
    assert_eq!(unread.unwrap_or(0), 0);
    live.stop().await;
}
