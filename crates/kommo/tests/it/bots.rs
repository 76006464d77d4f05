//! Bots: started, waiting for us, answered.

use std::collections::BTreeMap;

use serde_json::json;
use t11_fake_kommo::{BotManners, BotStep, Newcomer};
use t11_kommo::client::{BotRun, BotTarget, Continuation, ContinueHandler, Entity, WidgetRequest};
use t11_kommo::id::{AccountId, BotId, LeadId};
use t11_kommo::{BotToken, Error, TokenError};

use crate::raw::RawServer;
use crate::support::{app, connect, failed, host_of, kommo};

/// A bot that asks us and says what we answer.
fn steps(url: &str) -> Vec<BotStep> {
    let asking = json!([
        {"handler": "widget_request", "params": {"url": url, "data": {
            "message": "{{message_text}}", "nothing": "{{contact.nothing}}"}}},
        {"handler": "goto", "params": {"type": "question", "step": 1}},
    ]);
    let saying = json!([
        {"handler": "show", "params": {"type": "text", "value": "{{json.message}}"}},
    ]);
    [asking, saying]
        .map(|question| BotStep {
            question: question.as_array().unwrap().clone(),
            answer: Vec::new(),
        })
        .to_vec()
}

/// Contract: a bot's token is believed with either algorithm, and for its own account only.
#[tokio::test]
async fn a_bot_that_waits_is_answered() {
    for (json_requests, hs256_tokens) in [(false, false), (true, true)] {
        let kommo = kommo().await;
        let connected = connect(&kommo).await;
        let (client, account) = (connected.client, kommo.account());
        account.set_bot_manners(BotManners {
            json_requests,
            hs256_tokens,
            ..BotManners::default()
        });
        let ear = RawServer::hearing().await;
        let client_id = app().client_id.to_string();
        let bot = account
            .add_bot("T11", steps(&ear.url("/bot/")), false, &client_id)
            .unwrap();
        let bots = client.bots().await.unwrap();
        assert_eq!(bots[0].id, BotId(bot));
        let ana = account.newcomer(&Newcomer::default(), "Hi");
        let lead = Entity::Lead(LeadId(ana.lead_id.unwrap()));
        client.run_bot(BotId(bot), lead).await.unwrap();
        let body = ear
            .until(1, |request| request.line == "POST /bot/")
            .await
            .body;
        let request = WidgetRequest::parse(&body).unwrap();
        assert_eq!(request.data["nothing"], "");
        let host = host_of(&connected.http, &account);
        let now = chrono::DateTime::from_timestamp_secs(kommo.now()).unwrap();
        let verify = |id: i64| {
            let account = (AccountId(id), &host);
            BotToken::verify(&app(), connected.http.hosts(), account, &request.token, now)
        };
        assert_eq!(verify(account.id()).unwrap().entity, Some(lead));
        assert_eq!(verify(1), Err(TokenError::OtherAccount));
        let step = Continuation::parse(&host, &request.return_url).unwrap();
        let answer =
            BTreeMap::from([("message".to_owned(), "Hello Ana, a long answer".to_owned())]);
        client.continue_bot(&step, &answer, &[]).await.unwrap();
        kommo
            .until(|| account.messages_of(ana.talk_id).len() == 2)
            .await;
        let messages = account.messages_of(ana.talk_id);
        assert_eq!(messages[1].text, "Hello Ana, a long answer");
        let twice = client.continue_bot(&step, &answer, &[]).await;
        assert!(matches!(failed(twice), Error::NotFound(_)));
    }
}

#[tokio::test]
async fn a_bot_that_wants_its_answer_elsewhere_gets_none() {
    let kommo = kommo().await;
    let connected = connect(&kommo).await;
    let account = kommo.account();
    account.set_bot_manners(BotManners {
        foreign_return_urls: 1,
        ..BotManners::default()
    });
    let ear = RawServer::hearing().await;
    let client_id = app().client_id.to_string();
    let bot = account
        .add_bot("T11", steps(&ear.url("/bot/")), false, &client_id)
        .unwrap();
    let ana = account.newcomer(&Newcomer::default(), "Hi");
    let lead = Entity::Lead(LeadId(ana.lead_id.unwrap()));
    connected
        .client
        .run_bots(&[BotRun {
            bot_id: BotId(bot),
            target: BotTarget(lead),
        }])
        .await
        .unwrap();
    let body = ear
        .until(1, |request| request.line == "POST /bot/")
        .await
        .body;
    let request = WidgetRequest::parse(&body).unwrap();
    let host = host_of(&connected.http, &account);
    assert!(
        Continuation::parse(&host, &request.return_url).is_err(),
        "{}",
        request.return_url
    );
}

#[tokio::test]
async fn bots_are_started_the_old_way_and_stopped() {
    let kommo = kommo().await;
    let connected = connect(&kommo).await;
    let (client, account) = (connected.client, kommo.account());
    let ear = RawServer::hearing().await;
    let client_id = app().client_id.to_string();
    let bot = account
        .add_bot("T11", steps(&ear.url("/bot/")), false, &client_id)
        .unwrap();
    let ana = account.newcomer(&Newcomer::default(), "Hi");
    let lead = Entity::Lead(LeadId(ana.lead_id.unwrap()));
    client.run_bot_v2(BotId(bot), lead).await.unwrap();
    let body = ear
        .until(1, |request| request.line == "POST /bot/")
        .await
        .body;
    let request = WidgetRequest::parse(&body).unwrap();
    assert_eq!(account.running_bots(), 1);
    let step =
        Continuation::parse(&host_of(&connected.http, &account), &request.return_url).unwrap();
    client.stop_bot(BotId(bot), lead).await.unwrap();
    assert_eq!(account.running_bots(), 0);
    let handlers = [ContinueHandler::show("Hello").unwrap()];
    let late = client
        .continue_bot(&step, &BTreeMap::new(), &handlers)
        .await;
    assert!(matches!(failed(late), Error::NotFound(_)));
    let unknown = client.run_bot(BotId(999), lead).await;
    assert!(failed(unknown).problem().is_some());
}
