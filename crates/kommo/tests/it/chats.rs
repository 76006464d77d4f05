//! Messages, both ways.

use t11_fake_kommo::{Arrival, Fault, FaultKind, Integration, Manners, Newcomer, Sending};
use t11_kommo::amojo::{Amojo, Channel, ChannelMessage, Content, Participant};
use t11_kommo::client::{EventName, OutgoingAttachment, OutgoingMessage, TalkQuery, TimeRange};
use t11_kommo::id::{AccountId, AmojoId, TalkId, UserId};
use t11_kommo::webhook::{Delivery, Event};
use t11_kommo::{Error, Lack};

use crate::raw::{RawServer, Received};
use crate::support::{REDIRECT_URI, connect, failed, host_of, kommo};

const SEND: &str = "POST /api/v4/talks/{id}/send_message";

fn hello() -> OutgoingMessage {
    OutgoingMessage::text("The basic plan is $25 a month.")
}

#[tokio::test]
async fn an_answer_reaches_the_client_and_is_found_in_the_list() {
    let kommo = kommo().await;
    let client = connect(&kommo).await.client;
    let ana = kommo
        .account()
        .newcomer(&Newcomer::default(), "Hi, how much?");
    let query = TalkQuery {
        only_in_work: true,
        ..TalkQuery::default()
    };
    let talks = client.talks(&query).unwrap().collect(10).await.unwrap();
    let talk = talks
        .iter()
        .find(|talk| talk.talk_id == TalkId(ana.talk_id))
        .unwrap();
    assert_eq!(talk.lead_id().map(|id| id.0), ana.lead_id);
    assert_eq!(
        client.talk(talk.talk_id).await.unwrap().chat_id,
        talk.chat_id
    );
    let sent = client.send_message(talk.talk_id, &hello()).await.unwrap();
    kommo
        .until(|| kommo.account().messages_of(ana.talk_id).len() == 2)
        .await;
    let messages = client
        .messages(talk.talk_id, &TimeRange::default())
        .unwrap();
    let messages = messages.collect(100).await.unwrap();
    let found = messages
        .iter()
        .find(|message| message.id == sent.id)
        .unwrap();
    assert_eq!(found.text, "The basic plan is $25 a month.");
    assert!(!found.author.is_staff());
}

/// Contract: the client's part of a send whose answer was lost.
#[tokio::test]
async fn a_message_whose_answer_was_lost_is_found_and_not_sent_again() {
    let kommo = kommo().await;
    let client = connect(&kommo).await.client;
    let ana = kommo.account().newcomer(&Newcomer::default(), "Hi");
    let talk = TalkId(ana.talk_id);
    for (fault, is_sent) in [
        (FaultKind::CutAfterEffect, true),
        (FaultKind::TruncatedJson, true),
        (FaultKind::CutBeforeEffect, false),
        (FaultKind::Internal, false),
    ] {
        let before = kommo.account().all_messages_of(ana.talk_id).len();
        let calls = kommo.count(SEND);
        kommo.fault(Fault::once(SEND, fault.clone()));
        let error = failed(client.send_message(talk, &hello()).await);
        assert!(
            matches!(error, Error::OutcomeUnknown),
            "{fault:?}: {error:?}"
        );
        assert_eq!(kommo.count(SEND), calls + 1);
        let after = kommo.account().all_messages_of(ana.talk_id).len();
        assert_eq!(after - before, usize::from(is_sent), "{fault:?}");
    }
}

#[tokio::test]
async fn refusals_to_send_are_told_apart() {
    let kommo = kommo().await;
    let client = connect(&kommo).await.client;
    let account = kommo.account();
    let ana = account.newcomer(&Newcomer::default(), "Hi");
    let talk = TalkId(ana.talk_id);
    let nothing = OutgoingMessage::text(" ");
    assert!(matches!(
        failed(client.send_message(talk, &nothing).await),
        Error::Invalid(_)
    ));
    let unknown = client.send_message(TalkId(999_999), &hello()).await;
    assert!(matches!(failed(unknown), Error::NotFound(_)));
    account.set_sending(Sending {
        quota: 0,
        ..Sending::default()
    });
    let error = failed(client.send_message(talk, &hello()).await);
    assert!(
        matches!(error, Error::PaymentRequired(Lack::Quota, _)),
        "{error:?}"
    );
    account.set_sending(Sending {
        is_in_plan: false,
        ..Sending::default()
    });
    let error = failed(client.send_message(talk, &hello()).await);
    assert!(
        matches!(error, Error::PaymentRequired(Lack::Plan, _)),
        "{error:?}"
    );
    account.set_sending(Sending::default());
    client.close_talk(talk, true).await.unwrap();
    let error = failed(client.send_message(talk, &hello()).await);
    assert!(matches!(error, Error::Conflict(_)), "{error:?}");
}

#[tokio::test]
async fn a_grant_without_the_scope_says_so() {
    let mut app = Integration::new(REDIRECT_URI);
    app.scopes = vec!["crm".to_owned(), "list_external_messages".to_owned()];
    let options = t11_fake_kommo::FakeKommoOptions::with(app).unlimited();
    let kommo = t11_fake_kommo::FakeKommo::start(options).await.unwrap();
    let client = connect(&kommo).await.client;
    let ana = kommo.account().newcomer(&Newcomer::default(), "Hi");
    let error = failed(client.send_message(TalkId(ana.talk_id), &hello()).await);
    assert!(error.is_scope(), "{error:?}");
}

fn is_post(request: &Received) -> bool {
    request.line.starts_with("POST")
}

#[tokio::test]
async fn what_happens_is_told_and_understood() {
    let kommo = kommo().await;
    let client = connect(&kommo).await.client;
    let account = kommo.account();
    let ear = RawServer::hearing().await;
    let url = ear.url("/hooks/kommo/secret/");
    let names = [EventName::ADD_MESSAGE, EventName::ADD_OUTGOING_MESSAGE];
    client.subscribe(&url, &names).await.unwrap();
    let webhooks = client.webhooks(Some(&url)).await.unwrap();
    assert_eq!(webhooks[0].settings, names);
    let mut keys = Vec::new();
    for (is_unwrapped, text) in [(false, "Hi & bye?"), (true, "Ünïcode + more")] {
        account.set_webhook_manners(Manners {
            unwrapped_messages: is_unwrapped,
            huge_numeric_keys: true,
            unknown_keys: true,
            ..Manners::default()
        });
        let ana = account.newcomer(&Newcomer::default(), text);
        let says = |request: &Received| {
            let delivery = is_post(request).then(|| Delivery::parse(&request.body).unwrap());
            delivery.is_some_and(|delivery| messages(&delivery).contains(&text.to_owned()))
        };
        let delivery = Delivery::parse(&ear.until(1, says).await.body).unwrap();
        assert_eq!(delivery.account.id, Some(AccountId(account.id())));
        let received = delivery
            .events
            .iter()
            .find(|one| matches!(one.event, Event::Message(_)));
        let received = received.unwrap();
        let Event::Message(message) = &received.event else {
            unreachable!();
        };
        assert_eq!(message.talk_id, Some(TalkId(ana.talk_id)));
        assert_eq!(message.chat_id.as_ref().unwrap().as_str(), ana.chat_id);
        keys.push(received.dedupe_key(AccountId(account.id())));
    }
    assert_ne!(keys[0], keys[1]);
    client.unsubscribe(&url).await.unwrap();
    assert!(client.webhooks(Some(&url)).await.unwrap().is_empty());
    client.unsubscribe(&url).await.unwrap();
}

fn messages(delivery: &Delivery) -> Vec<String> {
    let texts = delivery
        .events
        .iter()
        .filter_map(|received| match &received.event {
            Event::Message(message) => Some(message.text.clone()),
            _ => None,
        });
    texts.collect()
}

#[tokio::test]
async fn a_persons_answer_is_told_as_a_persons() {
    let kommo = kommo().await;
    let client = connect(&kommo).await.client;
    let account = kommo.account();
    let ana = account.newcomer(&Newcomer::default(), "Hi");
    let ear = RawServer::hearing().await;
    let url = ear.url("/hooks/kommo/secret/");
    client.subscribe(&url, &EventName::OF_AGENTS).await.unwrap();
    let user = account.users()[0];
    let outgoing = |request: &Received| -> Option<bool> {
        let delivery = is_post(request).then(|| Delivery::parse(&request.body).unwrap())?;
        delivery
            .events
            .iter()
            .find_map(|received| match &received.event {
                Event::OutgoingMessage(message) => Some(message.author.is_staff()),
                _ => None,
            })
    };
    account
        .person_writes(ana.talk_id, user, "Let me check.")
        .unwrap();
    ear.until(1, |request| outgoing(request) == Some(true))
        .await;
    client
        .send_message(TalkId(ana.talk_id), &hello())
        .await
        .unwrap();
    ear.until(1, |request| outgoing(request) == Some(false))
        .await;
}

#[tokio::test]
async fn an_incoming_lead_is_accepted() {
    let kommo = kommo().await;
    let client = connect(&kommo).await.client;
    let account = kommo.account();
    let user = UserId(account.users()[0]);
    let stranger = Newcomer {
        arrival: Arrival::Unsorted,
        ..Newcomer::default()
    };
    account.newcomer(&stranger, "Hi");
    let cards = client.unsorted(None).unwrap().collect(10).await.unwrap();
    let card = client.unsorted_one(&cards[0].uid).await.unwrap();
    assert_eq!(card.uid, cards[0].uid);
    let accepted = client.accept_unsorted(&card.uid, user, None).await.unwrap();
    let lead = client.lead(accepted.lead_id().unwrap(), &[]).await.unwrap();
    assert!(!account.lead(lead.id.0).unwrap().is_unsorted);
    account.newcomer(&stranger, "Hi again");
    let cards = client.unsorted(None).unwrap().collect(10).await.unwrap();
    client.decline_unsorted(&cards[0].uid, user).await.unwrap();
    assert!(account.unsorted().is_empty());
}

#[tokio::test]
async fn a_file_is_put_in_parts_and_sent() {
    let kommo = kommo().await;
    let connected = connect(&kommo).await;
    let (client, account) = (connected.client, kommo.account());
    account.set_largest_part(4);
    let drive = client.account().await.unwrap().drive_url.unwrap();
    let drive = connected.http.hosts().url(&drive).unwrap();
    let file = client
        .upload(&drive, "price.txt", "text/plain", b"0123456789")
        .await
        .unwrap();
    assert_eq!(
        kommo.count("POST /v1.0/sessions/upload/{session}/{part}"),
        3
    );
    let link = format!("{}/v1.0/files/{}/download", account.base_url(), file.id);
    let bytes = client.download(&link, 100).await.unwrap().bytes;
    assert_eq!(bytes, b"0123456789");
    let ana = account.newcomer(&Newcomer::default(), "Hi");
    let message = OutgoingMessage {
        text: Some("The prices".to_owned()),
        attachment: Some(OutgoingAttachment {
            drive_uuid: file.id.clone(),
            drive_version_uuid: file.version_id.clone(),
            kind: "file",
        }),
    };
    client
        .send_message(TalkId(ana.talk_id), &message)
        .await
        .unwrap();
    kommo
        .until(|| account.messages_of(ana.talk_id).len() == 2)
        .await;
    let lead = t11_kommo::client::Entity::of("lead", ana.lead_id.unwrap()).unwrap();
    client.attach_file(lead, &file.id).await.unwrap();
}

#[tokio::test]
async fn an_own_channel_brings_a_message_once() {
    let kommo = kommo().await;
    let connected = connect(&kommo).await;
    let account = kommo.account();
    let registered = account.add_channel("t11", "http://127.0.0.1:9/amojo/:scope_id");
    let channel = |secret: &str| Channel {
        id: registered.channel_id.clone(),
        secret: secret.into(),
    };
    let amojo = |secret| {
        let host = host_of(&connected.http, &account);
        let (base, world) = (account.base_url(), t11_core::World::system());
        Amojo::new(
            &connected.http,
            &connected.pace,
            host,
            &base,
            channel(secret),
            world,
        )
        .unwrap()
    };
    let id = AmojoId(registered.amojo_id.clone());
    let forged = amojo("another").connect(&id, "T11").await;
    let error = failed(forged);
    assert!(
        matches!(&error, Error::Forbidden(problem) if problem.says("ORIGIN_INVALID_SIGNATURE")),
        "{error:?}"
    );
    let amojo = amojo(&registered.secret);
    let scope = amojo.connect(&id, "T11").await.unwrap();
    assert_eq!(scope.as_str(), registered.scope_id);
    let message = ChannelMessage {
        id: "m-1".to_owned(),
        conversation_id: "c-1".to_owned(),
        time: chrono::DateTime::from_timestamp_secs(kommo.now()).unwrap(),
        source: None,
        sender: Participant::client("u-1", "Ana"),
        receiver: None,
        content: Content::Text("Hi".to_owned()),
        is_silent: false,
    };
    let first = amojo.send_message(&scope, &message).await.unwrap();
    let again = amojo.send_message(&scope, &message).await.unwrap();
    assert_eq!((first.ref_id.as_str(), &first), ("m-1", &again));
    let talks = connected.client.talks(&TalkQuery::default()).unwrap();
    assert_eq!(talks.collect(10).await.unwrap().len(), 1);
}
