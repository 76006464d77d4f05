//! Messages to clients.

use t11_crm::ChannelConfig;
use t11_fake_kommo::{Echo, Fault, FaultKind, Sending};
use t11_proto::crm::v1 as pb;
use t11_proto::crm::v1::DeliveryState as State;
use t11_runtime::Secret;

use crate::harness::{ORG, OTHER_ORG, reason, violations};
use crate::scene::{LIST, RECONCILE, SEND, Scene};

const TEXT: &str = "The basic plan is $25 a month.";

#[tokio::test]
async fn a_message_is_sent_once_a_key() {
    let scene = Scene::new().await;
    let first = scene.send(scene.message(1, TEXT)).await.unwrap();
    assert_eq!(
        (first.state(), first.transport.as_str()),
        (State::Accepted, "talk")
    );
    assert!(!first.message_id.is_empty());
    assert_eq!(scene.send(scene.message(1, TEXT)).await.unwrap(), first);
    assert_eq!(scene.delivery(1).await, first);
    assert_eq!(scene.sent(), [TEXT]);
    scene.send(scene.message(2, TEXT)).await.unwrap();
    assert_eq!(scene.sent(), [TEXT, TEXT]);
}

#[tokio::test]
async fn a_key_is_of_one_message_and_of_one_organization() {
    let scene = Scene::new().await;
    scene.send(scene.message(1, TEXT)).await.unwrap();
    let other = violations(scene.send(scene.message(1, "Another text")).await);
    assert_eq!(other, [("idempotency_key".to_owned(), "REUSED".to_owned())]);
    let long = violations(scene.send(scene.message(2, &"x".repeat(4_097))).await);
    assert_eq!(long, [("text".to_owned(), "TOO_LONG".to_owned())]);
    let request = scene.message(1, TEXT);
    let send = async { scene.crm.messages().send_message(request).await };
    assert_eq!(
        reason(scene.crm.as_agents(OTHER_ORG, send).await),
        "NOT_FOUND"
    );
    let request = pb::GetDeliveryRequest {
        idempotency_key: uuid::Uuid::from_u128(1).to_string(),
    };
    let get = async { scene.crm.messages().get_delivery(request).await };
    assert_eq!(
        reason(scene.crm.as_agents(OTHER_ORG, get).await),
        "NOT_FOUND"
    );
    assert_eq!(scene.sent(), [TEXT]);
}

#[tokio::test]
async fn people_send_nothing_past_the_agents() {
    let scene = Scene::new().await;
    let request = scene.message(1, TEXT);
    let send = async { scene.crm.messages().send_message(request).await };
    assert_eq!(reason(scene.crm.as_owner(ORG, send).await), "SERVICES_ONLY");
    assert!(scene.sent().is_empty());
}

#[tokio::test]
async fn how_it_fares_is_told_until_it_is_read() {
    let scene = Scene::new().await;
    let sent = scene.send(scene.message(1, TEXT)).await.unwrap();
    scene.account.set_delivery_status(&sent.message_id, "sent");
    scene.watch_after(3).await;
    assert!(scene.told().await.is_empty());
    for status in ["delivered", "read"] {
        scene.account.set_delivery_status(&sent.message_id, status);
        // The same news twice are told once.
        for _ in 0..2 {
            scene.watch_after(60).await;
        }
        assert_eq!(scene.told().await, [(status.to_owned(), String::new())]);
    }
    assert_eq!(scene.delivery(1).await.state(), State::Read);
    assert!(
        !scene.watch_after(600).await,
        "nothing is left to be watched"
    );
}

#[tokio::test]
async fn a_message_that_the_channel_could_not_deliver_is_failed() {
    let scene = Scene::new().await;
    let sending = Sending {
        fail_next: 1,
        ..Sending::default()
    };
    scene.account.set_sending(sending);
    assert_eq!(
        scene.send(scene.message(1, TEXT)).await.unwrap().state(),
        State::Accepted
    );
    scene.watch_after(3).await;
    let told = [("failed".to_owned(), "CHANNEL_FAILED".to_owned())];
    assert_eq!(scene.told().await, told);
    assert_eq!(scene.delivery(1).await.state(), State::Failed);
}

#[tokio::test]
async fn a_message_is_watched_for_an_hour() {
    let scene = Scene::new().await;
    let sent = scene.send(scene.message(1, TEXT)).await.unwrap();
    scene.account.set_delivery_status(&sent.message_id, "sent");
    let mut looks = 0;
    while scene.watch_after(600).await {
        looks += 1;
    }
    assert_eq!(looks, 6);
}

#[tokio::test]
async fn a_talk_is_read_once_for_all_messages_that_are_due() {
    let scene = Scene::new().await;
    for (key, text) in [(1, "It is $25 a month."), (2, "Shall I book it?")] {
        let sent = scene.send(scene.message(key, text)).await.unwrap();
        scene
            .account
            .set_delivery_status(&sent.message_id, "delivered");
    }
    let calls = scene.kommo.count(LIST);
    assert!(scene.watch_after(3).await);
    assert_eq!(scene.kommo.count(LIST), calls + 1);
    let told = ("delivered".to_owned(), String::new());
    assert_eq!(scene.told().await, [told.clone(), told]);
    assert!(!scene.watch_after(1).await, "not due again yet");
}

#[tokio::test]
async fn while_kommo_is_away_messages_are_looked_at_later() {
    let scene = Scene::new().await;
    let sent = scene.send(scene.message(1, TEXT)).await.unwrap();
    scene
        .account
        .set_delivery_status(&sent.message_id, "delivered");
    scene.kommo.fault(Fault::always(LIST, FaultKind::Internal));
    assert!(scene.watch_after(3).await);
    assert!(scene.told().await.is_empty());
    scene.kommo.clear_faults();
    assert!(scene.watch_after(60).await);
    assert_eq!(
        scene.told().await,
        [("delivered".to_owned(), String::new())]
    );
}

/// Contract: a send whose answer was lost is found out about, and is not made again.
#[tokio::test]
async fn a_lost_answer_is_looked_for() {
    for (fault, is_sent) in [
        (FaultKind::CutAfterEffect, true),
        (FaultKind::TruncatedJson, true),
        (FaultKind::CutBeforeEffect, false),
        (FaultKind::Internal, false),
        (FaultKind::GatewayTimeout, false),
    ] {
        let scene = Scene::new().await;
        scene.kommo.fault(Fault::once(SEND, fault.clone()));
        let unknown = scene.send(scene.message(1, TEXT)).await.unwrap();
        assert_eq!(unknown.state(), State::Unknown, "{fault:?}");
        scene.advance(5);
        scene.crm.run_jobs(RECONCILE).await;
        if is_sent {
            assert_eq!(scene.told().await, [("accepted".to_owned(), String::new())]);
            let known = scene.delivery(1).await;
            assert_eq!(known.state(), State::Accepted, "{fault:?}");
            assert!(!known.message_id.is_empty());
        } else {
            // It may still come.
            assert_eq!(scene.delivery(1).await.state(), State::Unknown, "{fault:?}");
            scene.advance(120);
            scene.crm.run_jobs(RECONCILE).await;
            let told = [("failed".to_owned(), "NOT_SENT".to_owned())];
            assert_eq!(scene.told().await, told, "{fault:?}");
        }
        assert_eq!(scene.kommo.count(SEND), 1);
        assert_eq!(scene.sent().len(), usize::from(is_sent), "{fault:?}");
        // A repeated call says what is known.
        let again = scene.send(scene.message(1, TEXT)).await.unwrap();
        assert_eq!(again, scene.delivery(1).await);
        assert_eq!(scene.kommo.count(SEND), 1);
        scene.crm.run_jobs(RECONCILE).await;
        assert!(scene.crm.run_jobs(RECONCILE).await.is_empty());
    }
}

#[tokio::test]
async fn a_repeated_call_looks_too() {
    let scene = Scene::new().await;
    scene
        .kommo
        .fault(Fault::once(SEND, FaultKind::CutAfterEffect));
    scene.send(scene.message(1, TEXT)).await.unwrap();
    // While it cannot be looked for, nothing is known.
    scene.kommo.fault(Fault::once(LIST, FaultKind::Internal));
    let unknown = scene.send(scene.message(1, TEXT)).await.unwrap();
    assert_eq!(unknown.state(), State::Unknown);
    let known = scene.send(scene.message(1, TEXT)).await.unwrap();
    assert_eq!(known.state(), State::Accepted);
    assert_eq!(scene.sent(), [TEXT]);
}

#[tokio::test]
async fn a_persons_equal_text_is_not_taken_for_ours() {
    let scene = Scene::new().await;
    let ivan = scene.account.users()[1];
    scene
        .kommo
        .fault(Fault::once(SEND, FaultKind::CutBeforeEffect));
    scene.send(scene.message(1, TEXT)).await.unwrap();
    scene
        .account
        .person_writes(scene.ana.talk_id, ivan, TEXT)
        .unwrap();
    scene.advance(121);
    scene.crm.run_jobs(RECONCILE).await;
    assert_eq!(scene.delivery(1).await.reason, "NOT_SENT");
}

#[tokio::test]
async fn what_comes_back_as_the_granting_persons_is_ours() {
    let scene = Scene::new().await;
    let sending = Sending {
        echo: Echo::Person,
        ..Sending::default()
    };
    scene.account.set_sending(sending);
    scene
        .kommo
        .fault(Fault::once(SEND, FaultKind::CutAfterEffect));
    scene.send(scene.message(1, TEXT)).await.unwrap();
    scene.crm.run_jobs(RECONCILE).await;
    assert_eq!(scene.delivery(1).await.state(), State::Accepted);
}

#[tokio::test]
async fn a_message_that_kommo_shows_late_is_waited_for() {
    let scene = Scene::new().await;
    let sending = Sending {
        delay_seconds: 40,
        ..Sending::default()
    };
    scene.account.set_sending(sending);
    scene
        .kommo
        .fault(Fault::once(SEND, FaultKind::CutAfterEffect));
    scene.send(scene.message(1, TEXT)).await.unwrap();
    scene.crm.run_jobs(RECONCILE).await;
    assert_eq!(scene.delivery(1).await.state(), State::Unknown);
    scene.advance(45);
    scene.crm.run_jobs(RECONCILE).await;
    assert_eq!(scene.delivery(1).await.state(), State::Accepted);
}

#[tokio::test]
async fn what_certainly_sent_nothing_may_be_tried_again() {
    for fault in [
        FaultKind::TooManyRequests,
        FaultKind::TooManyRequestsPage,
        FaultKind::Blocked,
    ] {
        let mut scene = Scene::new().await;
        scene.kommo.fault(Fault::once(SEND, fault.clone()));
        let refused = scene.send(scene.message(1, TEXT)).await.unwrap_err();
        let expected = match fault {
            FaultKind::Blocked => "KOMMO_BLOCKED",
            _ => "KOMMO_RATE_LIMITED",
        };
        assert_eq!(reason(Err::<(), _>(refused)), expected);
        assert_eq!(scene.delivery(1).await.state(), State::Pending);
        // The account rests: nothing is sent to it.
        let rests = reason(scene.send(scene.message(1, TEXT)).await);
        assert_eq!(rests, "KOMMO_PACED");
        assert_eq!(scene.kommo.count(SEND), 1);
        scene.restart();
        let sent = scene.send(scene.message(1, TEXT)).await.unwrap();
        assert_eq!(sent.state(), State::Accepted);
        assert_eq!(scene.sent(), [TEXT]);
    }
}

#[tokio::test]
async fn refusals_have_reasons_and_are_final() {
    let closed = Scene::new().await;
    closed
        .account
        .close_talk(closed.ana.talk_id, closed.account.users()[0]);
    let unpaid = Scene::new().await;
    let sending = Sending {
        quota: 0,
        ..Sending::default()
    };
    unpaid.account.set_sending(sending);
    let small = Scene::new().await;
    let sending = Sending {
        is_in_plan: false,
        ..Sending::default()
    };
    small.account.set_sending(sending);
    let scopes = ["crm", "list_external_messages"];
    let mute = Scene::with_scopes(&scopes).await;
    let refusing = Scene::new().await;
    let unprocessable = FaultKind::Unprocessable("The text is not allowed".to_owned());
    refusing.kommo.fault(Fault::once(SEND, unprocessable));
    let late = Scene::new().await;
    let window = FaultKind::Unprocessable("The 24 hours window has passed".to_owned());
    late.kommo.fault(Fault::once(SEND, window));
    for (scene, reason) in [
        (closed, "TALK_CLOSED"),
        (unpaid, "QUOTA_EXCEEDED"),
        (small, "NO_TRANSPORT"),
        (mute, "SCOPE_MISSING"),
        (refusing, "REFUSED_BY_KOMMO"),
        (late, "WINDOW_CLOSED"),
    ] {
        let refused = scene.send(scene.message(1, TEXT)).await.unwrap();
        assert_eq!(
            (refused.state(), refused.reason.as_str()),
            (State::Failed, reason)
        );
        assert!(!refused.message.is_empty());
        let calls = scene.kommo.count(SEND);
        assert_eq!(scene.send(scene.message(1, TEXT)).await.unwrap(), refused);
        assert_eq!(scene.kommo.count(SEND), calls);
        assert!(scene.sent().is_empty());
    }
}

#[tokio::test]
async fn in_a_closed_talks_place_the_chats_open_one_is_written_in() {
    let scene = Scene::new().await;
    scene
        .account
        .close_talk(scene.ana.talk_id, scene.account.users()[0]);
    let (talk, _) = scene
        .account
        .client_writes(scene.ana.talk_id, "Still there?")
        .unwrap();
    assert_ne!(talk, scene.ana.talk_id);
    let sent = scene.send(scene.message(1, TEXT)).await.unwrap();
    assert_eq!(sent.state(), State::Accepted);
    assert_eq!(scene.account.messages_of(talk).last().unwrap().text, TEXT);
    let nowhere = pb::SendMessageRequest {
        talk_id: 0,
        ..scene.message(2, TEXT)
    };
    assert_eq!(scene.send(nowhere).await.unwrap().state(), State::Accepted);
}

/// Contract: without the month's messages another way is taken.
#[tokio::test]
async fn a_used_up_quota_moves_to_the_next_way() {
    let scene = Scene::new().await;
    let field_and_bot = scene.add_field_bot();
    scene
        .set_transport(pb::ReplyTransport::Auto, Some(field_and_bot))
        .await;
    let sending = Sending {
        quota: 1,
        ..Sending::default()
    };
    scene.account.set_sending(sending);
    let first = scene.send(scene.message(1, "First")).await.unwrap();
    assert_eq!(first.transport, "talk");
    let second = scene.send(scene.message(2, "Second")).await.unwrap();
    assert_eq!(
        (second.state(), second.transport.as_str()),
        (State::Accepted, "field_bot")
    );
    scene.kommo.until(|| scene.sent().len() == 2).await;
    assert_eq!(scene.sent(), ["First", "Second"]);
    let quota = scene
        .crm
        .query::<i32>("SELECT quota_used FROM connections")
        .await;
    assert_eq!(quota, [1]);
    // The next one does not ask in vain.
    let calls = scene.kommo.count(SEND);
    scene.advance(11);
    let third = scene.send(scene.message(3, "Third")).await.unwrap();
    assert_eq!(third.transport, "field_bot");
    assert_eq!(scene.kommo.count(SEND), calls);
}

#[tokio::test]
async fn one_text_at_a_time_stands_in_the_field() {
    let scene = Scene::new().await;
    let field_and_bot = scene.add_field_bot();
    scene
        .set_transport(pb::ReplyTransport::FieldBot, Some(field_and_bot))
        .await;
    scene.send(scene.message(1, "First")).await.unwrap();
    assert_eq!(
        reason(scene.send(scene.message(2, "Second")).await),
        "LEAD_BUSY"
    );
    scene.advance(11);
    let second = scene.send(scene.message(2, "Second")).await.unwrap();
    assert_eq!(second.state(), State::Accepted);
    assert_eq!(scene.sent(), ["First", "Second"]);
    // Which of the account's messages it is, is found out.
    scene.watch_after(3).await;
    let known = scene.delivery(2).await;
    let messages = scene.account.messages_of(scene.ana.talk_id);
    assert_eq!(known.message_id, messages.last().unwrap().id);
}

#[tokio::test]
async fn a_bot_that_asked_is_answered() {
    let scene = Scene::new().await;
    let _back_end = scene.ask().await;
    let long = format!("{TEXT} {TEXT} {TEXT} {TEXT}");
    let sent = scene.send(scene.message(1, &long)).await.unwrap();
    assert_eq!(
        (sent.state(), sent.transport.as_str()),
        (State::Accepted, "salesbot")
    );
    assert_eq!(scene.sent(), [long]);
    assert_eq!(scene.account.sending().used, 0);
    // It asked once.
    let next = scene.send(scene.message(2, TEXT)).await.unwrap();
    assert_eq!(next.transport, "talk");
}

#[tokio::test]
async fn a_bot_that_waits_no_more_leaves_it_to_the_next_way() {
    let scene = Scene::new().await;
    let _back_end = scene.ask().await;
    const CONTINUE: &str = "POST /api/v4/salesbot/{bot}/continue/{continue}";
    scene
        .account
        .client_writes(scene.ana.talk_id, "Hello?")
        .unwrap();
    scene.account.set_bot_manners(t11_fake_kommo::BotManners {
        patience_seconds: 60,
        ..Default::default()
    });
    scene.advance(61);
    let sent = scene.send(scene.message(1, TEXT)).await.unwrap();
    assert_eq!(
        (sent.state(), sent.transport.as_str()),
        (State::Accepted, "talk")
    );
    assert_eq!(scene.kommo.count(CONTINUE), 1);
    assert_eq!(scene.sent(), [TEXT]);
}

#[tokio::test]
async fn a_bot_whose_answer_was_lost_is_not_answered_again() {
    let scene = Scene::new().await;
    let _back_end = scene.ask().await;
    const CONTINUE: &str = "POST /api/v4/salesbot/{bot}/continue/{continue}";
    scene
        .kommo
        .fault(Fault::once(CONTINUE, FaultKind::CutAfterEffect));
    let unknown = scene.send(scene.message(1, TEXT)).await.unwrap();
    assert_eq!(unknown.state(), State::Unknown);
    scene.crm.run_jobs(RECONCILE).await;
    assert_eq!(scene.delivery(1).await.state(), State::Accepted);
    assert_eq!(scene.sent(), [TEXT]);
    assert_eq!(scene.kommo.count(CONTINUE), 1);
}

#[tokio::test]
async fn a_dry_run_writes_a_note_and_the_client_hears_nothing() {
    let scene = Scene::new().await;
    let dry = pb::SendMessageRequest {
        dry_run: true,
        ..scene.message(1, TEXT)
    };
    let noted = scene.send(dry.clone()).await.unwrap();
    assert_eq!(
        (noted.state(), noted.transport.as_str()),
        (State::Accepted, "note")
    );
    assert_eq!(scene.send(dry).await.unwrap(), noted);
    let notes = scene.account.notes_of(scene.lead());
    assert_eq!(notes.len(), 1);
    assert_eq!(
        (notes[0].text.as_str(), notes[0].id.to_string()),
        (TEXT, noted.message_id)
    );
    assert!(scene.sent().is_empty());
    const NOTE: &str = "POST /api/v4/leads/{id}/notes";
    scene
        .kommo
        .fault(Fault::once(NOTE, FaultKind::CutAfterEffect));
    let dry = pb::SendMessageRequest {
        dry_run: true,
        ..scene.message(2, TEXT)
    };
    assert_eq!(scene.send(dry).await.unwrap().state(), State::Unknown);
    scene.crm.run_jobs(RECONCILE).await;
    assert_eq!(scene.delivery(2).await.state(), State::Accepted);
    assert_eq!(scene.account.notes_of(scene.lead()).len(), 2);
}

/// Contract: calls to the chat back end are signed as it wants them.
#[tokio::test]
async fn an_own_channel_is_spoken_for() {
    const EVENT: &str = "POST /v2/origin/custom/{scope}";
    let scene = Scene::with_settings(|config, account| {
        let channel = account.add_channel("web", "http://127.0.0.1:9/hook/:scope_id");
        config.channel = ChannelConfig {
            id: channel.channel_id,
            secret: Some(Secret::from(channel.secret)),
            bot_id: channel.bot_id,
            url: account.base_url(),
        };
    })
    .await;
    scene.set_transport(pb::ReplyTransport::Amojo, None).await;
    let message = |key| pb::SendMessageRequest {
        chat_id: "web-7".to_owned(),
        ..scene.message(key, TEXT)
    };
    // The first call finds the channel not connected, and connects it.
    let sent = scene.send(message(1)).await.unwrap();
    assert_eq!(
        (sent.state(), sent.transport.as_str()),
        (State::Accepted, "amojo"),
        "{sent:?}"
    );
    scene
        .kommo
        .fault(Fault::once(EVENT, FaultKind::CutAfterEffect));
    let unknown = scene.send(message(2)).await.unwrap();
    assert_eq!(unknown.state(), State::Unknown);
    scene.crm.run_jobs(RECONCILE).await;
    assert_eq!(scene.delivery(2).await.state(), State::Accepted);
    let leads = scene.account.leads();
    let talk = leads.iter().filter_map(|lead| lead.talk_id).max().unwrap();
    let texts = scene.account.all_messages_of(talk);
    assert_eq!(texts.iter().filter(|one| one.text == TEXT).count(), 2);
}

#[tokio::test]
async fn a_connection_that_is_gone_or_refused_says_so_and_sends_nothing() {
    let scene = Scene::new().await;
    let nowhere = pb::SendMessageRequest {
        connection: format!("connections/{}", uuid::Uuid::from_u128(404)),
        ..scene.message(1, TEXT)
    };
    assert_eq!(reason(scene.send(nowhere).await), "NOT_FOUND");
    scene
        .kommo
        .fault(Fault::always(SEND, FaultKind::Unauthorized));
    let refused = scene.send(scene.message(2, TEXT)).await.unwrap_err();
    let refused = reason(Err::<(), _>(refused));
    assert!(
        ["CONNECTION_STATE", "KOMMO_UNAUTHORIZED"].contains(&&*refused),
        "{refused}"
    );
    assert_eq!(scene.delivery(2).await.state(), State::Pending);
    assert!(scene.sent().is_empty());
}
