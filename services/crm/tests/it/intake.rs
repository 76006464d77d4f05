//! From Kommo's webhook to the job of the agents.

use std::time::Duration;

use chrono::TimeDelta;
use t11_fake_kommo::{Arrival, Fault, FaultKind, Manners, Newcomer};
use t11_proto::agents::v1::crm_event::EventKind;
use t11_proto::agents::v1::{CrmEvent, CrmMessage};
use t11_proto::crm::v1 as pb;

use crate::intake_rig::{Rig, client_message, reason};

fn outgoing(event: &CrmEvent) -> &CrmMessage {
    match &event.event_kind {
        Some(EventKind::OutgoingMessage(message)) => message,
        other => panic!("not an outgoing message: {other:?}"),
    }
}

#[tokio::test]
async fn a_clients_message_reaches_the_agents_with_its_lead() {
    let rig = Rig::start().await;
    let ana = rig
        .account
        .newcomer(&Newcomer::default(), "How much is it?");
    rig.work().await;
    let (job, event) = rig.told_one();
    let message = client_message(&event);
    assert_eq!(message.text, "How much is it?");
    assert_eq!(message.chat_id, ana.chat_id);
    assert_eq!(message.talk_id, ana.talk_id);
    assert_eq!(message.contact_id, ana.contact_id);
    assert_eq!(message.lead_id, ana.lead_id.unwrap());
    assert_eq!(message.origin, "telegram");
    assert_eq!(message.author.as_ref().unwrap().kind, "external");
    assert_eq!(message.idempotency_key, "");
    let lead = rig.account.lead(message.lead_id).unwrap();
    assert_eq!(
        (message.pipeline_id, message.stage_id),
        (lead.pipeline_id, lead.status_id)
    );
    assert_eq!(event.connection, rig.connection);
    assert!(!event.dry_run);
    let key = format!("crm:{}:{}", rig.connection_id(), ana.chat_id);
    assert_eq!(job.ordering_key, key, "one conversation at a time");
    let stored = rig.event(&event.event).await;
    assert_eq!(stored.state(), pb::EventState::Dispatched);
    assert_eq!(stored.source, "webhook");
    rig.verdict(&event.event, "answered").await;
    let stored = rig.event(&event.event).await;
    assert_eq!(stored.state(), pb::EventState::Done);
    assert_eq!(
        (stored.verdict.as_str(), stored.conversation.as_str()),
        ("answered", "conversations/1")
    );
    assert!(stored.end_time.is_some());
}

/// Contract test 3 of Kommo's webhooks: five deliveries in two shapes are one event.
#[tokio::test]
async fn a_message_that_comes_five_times_in_two_shapes_is_one_event() {
    let rig = Rig::start().await;
    let id = rig.account.id();
    let wrapped = format!("account[id]={id}&message[add][0][id]=m-1&message[add][0][text]=Hi");
    let plain = format!("add[0][text]=Hi&add[0][id]=m-1&account[id]={id}");
    for body in [&wrapped, &plain, &wrapped, &plain, &wrapped] {
        rig.post(body.as_bytes()).await.unwrap();
        rig.work().await;
    }
    let (_, event) = rig.told_one();
    assert_eq!(rig.event(&event.event).await.deliveries, 5);
}

#[tokio::test]
async fn bad_manners_of_kommo_change_nothing() {
    let manners = [
        Manners {
            unwrapped_messages: true,
            duplicates: 2,
            ..Manners::default()
        },
        Manners {
            items_per_body: 3,
            unknown_keys: true,
            ..Manners::default()
        },
        Manners {
            reorder: true,
            huge_numeric_keys: true,
            ..Manners::default()
        },
        Manners {
            body_bytes: 900 * 1024,
            ..Manners::default()
        },
        Manners {
            missing_entity: true,
            ..Manners::default()
        },
    ];
    let rig = Rig::start().await;
    let ana = rig.account.newcomer(&Newcomer::default(), "Hi");
    rig.work().await;
    rig.told();
    for manners in manners {
        rig.account.set_webhook_manners(manners.clone());
        for text in ["one", "two", "three"] {
            rig.account.client_writes(ana.talk_id, text).unwrap();
        }
        rig.account.flush_webhooks();
        rig.work().await;
        let told = rig.told();
        let mut texts: Vec<&str> = told
            .iter()
            .map(|(_, event)| client_message(event).text.as_str())
            .collect();
        texts.sort_unstable();
        assert_eq!(texts, ["one", "three", "two"], "{manners:?}");
        for (_, event) in &told {
            let message = client_message(event);
            assert_eq!(Some(message.lead_id), ana.lead_id, "{manners:?}");
            assert_ne!(message.stage_id, 0, "{manners:?}");
        }
    }
}

#[tokio::test]
async fn a_message_without_a_lead_finds_it_through_talk_or_contact() {
    let rig = Rig::start().await;
    let contact_only = Newcomer {
        arrival: Arrival::ContactOnly,
        ..Newcomer::default()
    };
    let bob = rig.account.newcomer(&contact_only, "Hello");
    rig.work().await;
    let (_, event) = rig.told_one();
    let message = client_message(&event);
    assert_eq!((message.contact_id, message.lead_id), (bob.contact_id, 0));
    let ana = rig.account.newcomer(&Newcomer::default(), "Hi");
    rig.work().await;
    rig.told();
    let id = rig.account.id();
    for (key, value) in [("talk_id", ana.talk_id), ("contact_id", ana.contact_id)] {
        let body =
            format!("account[id]={id}&message[add][0][id]=m-{key}&message[add][0][{key}]={value}");
        rig.post(body).await.unwrap();
        rig.work().await;
        let (_, event) = rig.told_one();
        assert_eq!(
            client_message(&event).lead_id,
            ana.lead_id.unwrap(),
            "{key}"
        );
    }
}

#[tokio::test]
async fn people_bots_and_ourselves_are_told_apart() {
    let rig = Rig::start().await;
    let ana = rig.account.newcomer(&Newcomer::default(), "Hi");
    rig.work().await;
    rig.told();
    let user = rig.account.users()[0];
    rig.account
        .person_writes(ana.talk_id, user, "Let me check.")
        .unwrap();
    rig.work().await;
    let (job, event) = rig.told_one();
    let message = outgoing(&event);
    let author = message.author.as_ref().unwrap();
    assert_eq!((author.kind.as_str(), author.user_id), ("internal", user));
    assert_eq!(message.idempotency_key, "");
    assert!(job.ordering_key.ends_with(&ana.chat_id));
    rig.account
        .foreign_bot_writes(ana.talk_id, "I am a bot.")
        .unwrap();
    rig.work().await;
    let (_, event) = rig.told_one();
    let message = outgoing(&event);
    assert_eq!(message.author.as_ref().unwrap().kind, "bot");
    assert_eq!(message.idempotency_key, "");
    let problems = rig.connection().await.problems;
    assert!(problems.iter().any(|it| it.reason == "KOMMO_AI_ON"));
}

#[tokio::test]
async fn what_we_have_sent_is_known_without_asking_the_agents() {
    let rig = Rig::start().await;
    let ana = rig.account.newcomer(&Newcomer::default(), "Hi");
    rig.work().await;
    rig.told();
    let sent = rig.send(&ana, "Hello!").await.unwrap();
    assert_eq!(sent.state(), pb::DeliveryState::Accepted);
    rig.work().await;
    assert!(rig.told().is_empty());
    let seen = rig.all_events().await.into_iter();
    let own = seen.filter(|event| event.verdict == "own");
    let ids: Vec<_> = own.map(|event| event.entity_id).collect();
    assert_eq!(ids, [sent.message_id]);
}

/// Two that come at once might else overtake each other on their way to the agents.
#[tokio::test]
async fn events_of_one_chat_are_handled_one_after_the_other() {
    let rig = Rig::start().await;
    let id = rig.account.id();
    rig.post(format!(
        "account[id]={id}&message[add][0][id]=m-1&message[add][0][chat_id]=c-1\
         &message[add][1][id]=m-2&message[add][1][chat_id]=c-2\
         &message[add][2][id]=a-3&message[add][2][chat_id]=c-1"
    ))
    .await
    .unwrap();
    let jobs = rig.take_jobs().await;
    let lines: Vec<_> = jobs.iter().map(|job| job.ordering_key.as_str()).collect();
    let line = |chat| format!("crm.events:{}:{chat}", rig.connection_id());
    assert_eq!(lines, [line("c-1"), line("c-2"), line("c-1")]);
    for job in &jobs {
        rig.run(job, 0).await.unwrap();
    }
    rig.work().await;
    let told = rig.told();
    let ids = told
        .iter()
        .map(|(_, event)| client_message(event).message_id.as_str());
    assert_eq!(ids.collect::<Vec<_>>(), ["m-1", "m-2", "a-3"]);
}

#[tokio::test]
async fn leads_that_move_and_talks_that_close_are_told() {
    let rig = Rig::start().await;
    let ana = rig.account.newcomer(&Newcomer::default(), "Hi");
    rig.work().await;
    rig.told();
    let lead = ana.lead_id.unwrap();
    let before = rig.account.lead(lead).unwrap();
    let users = rig.account.users();
    let (pipeline, stages) = rig.account.stages();
    let to = stages[2];
    assert!(rig.account.move_stage_by_person(lead, None, to, users[0]));
    rig.work().await;
    let (job, event) = rig.told_one();
    let Some(EventKind::LeadChange(change)) = event.event_kind else {
        panic!("{event:?}");
    };
    assert_eq!(
        (change.lead_id, change.pipeline_id, change.stage_id),
        (lead, pipeline, to)
    );
    assert_eq!(change.previous_stage_id, before.status_id);
    assert!(!change.deleted);
    let key = format!("crm:{}:lead:{lead}", rig.connection_id());
    assert_eq!(job.ordering_key, key);

    rig.account.assign(lead, users[1], users[0]);
    rig.work().await;
    let (_, event) = rig.told_one();
    let Some(EventKind::LeadChange(change)) = event.event_kind else {
        panic!("{event:?}");
    };
    assert_eq!(change.responsible_user_id, users[1]);
    assert_eq!(change.stage_id, to);

    rig.account.close_talk(ana.talk_id, users[0]);
    rig.work().await;
    let (_, event) = rig.told_one();
    let Some(EventKind::TalkChange(change)) = event.event_kind else {
        panic!("{event:?}");
    };
    assert_eq!((change.talk_id, change.closed), (ana.talk_id, true));

    rig.account.delete_lead(lead, users[0]);
    rig.work().await;
    let told = rig.told();
    let deleted = told.iter().any(|(_, event)| {
        matches!(&event.event_kind, Some(EventKind::LeadChange(change)) if change.deleted)
    });
    assert!(deleted, "{told:?}");
    let ignored = rig.all_events().await;
    let mut ignored = ignored.iter().filter(|event| event.verdict == "ignored");
    assert!(ignored.all(|event| event.state() == pb::EventState::Done));
}

#[tokio::test]
async fn a_body_of_another_account_is_looked_at_by_nobody() {
    let rig = Rig::start().await;
    rig.post("account[id]=1&message[add][0][id]=m-1&message[add][0][text]=Hi")
        .await
        .unwrap();
    rig.work().await;
    assert!(rig.told().is_empty());
    let events = rig.all_events().await;
    assert_eq!(events[0].state(), pb::EventState::Quarantined);
    let problems = rig.connection().await.problems;
    let reasons: Vec<_> = problems.iter().map(|it| it.reason.as_str()).collect();
    assert!(reasons.contains(&"ACCOUNT_MISMATCH"), "{reasons:?}");
    let replay = pb::ReplayEventRequest {
        name: events[0].name.clone(),
        dry_run: false,
    };
    let mut client = rig.events();
    let refused = rig.as_owner(client.replay_event(replay)).await;
    assert_eq!(reason(refused), "EVENT_QUARANTINED");
    // The same message of the right account is another event.
    let id = rig.account.id();
    let own = format!("account[id]={id}&message[add][0][id]=m-1&message[add][0][text]=Hi");
    rig.post(own).await.unwrap();
    rig.work().await;
    rig.told_one();
}

#[tokio::test]
async fn what_cannot_be_read_is_kept_and_shown() {
    let rig = Rig::start().await;
    rig.post("{\"account\":").await.unwrap();
    rig.post("").await.unwrap();
    rig.post([0, 255, b'&', b'=', b'[']).await.unwrap();
    rig.post("message[add][0][id]=a%00b&message[add][0][text]=%00%ff")
        .await
        .unwrap();
    rig.work().await;
    let events = rig.all_events().await;
    let failed: Vec<_> = events
        .iter()
        .filter(|event| event.state() == pb::EventState::Failed)
        .map(|event| event.error_reason.as_str())
        .collect();
    assert_eq!(failed, ["BODY_UNREADABLE"]);
    let (_, event) = rig.told_one();
    let message = client_message(&event);
    assert_eq!(
        (message.message_id.as_str(), message.text.as_str()),
        ("ab", "\u{fffd}")
    );
}

#[tokio::test]
async fn only_the_right_secret_opens_the_door() {
    let rig = Rig::start().await;
    let mut intake = rig.intake();
    for secret in ["", "wrong", &rig.secret().to_uppercase()] {
        let request = pb::AcceptWebhookRequest {
            secret: secret.to_owned(),
            body: "x=1".into(),
        };
        let refused = rig.as_edge(intake.accept_webhook(request)).await;
        assert_eq!(reason(refused), "NOT_FOUND");
    }
    let request = pb::AcceptWebhookRequest {
        secret: rig.secret(),
        body: vec![b'x'; 1024 * 1024 + 1].into(),
    };
    let refused = rig.as_edge(intake.accept_webhook(request)).await;
    assert_eq!(reason(refused), "FIELDS_INVALID");
    let kept = "SELECT COUNT(*) FROM webhook_inbox";
    assert_eq!(rig.count(kept).await, 0);
}

/// While Kommo is away a message waits for its lead; in the end it goes on with what is known.
#[tokio::test]
async fn a_message_waits_for_kommo_and_not_for_ever() {
    let rig = Rig::start().await;
    let ana = rig.account.newcomer(&Newcomer::default(), "Hi");
    rig.work().await;
    rig.told();
    // The mirror knows where its lead is: nothing to wait for.
    rig.kommo.fault(Fault {
        route: Some("GET /api/v4/leads/{id}".to_owned()),
        kind: FaultKind::Internal,
        count: None,
    });
    rig.account
        .client_writes(ana.talk_id, "Still there?")
        .unwrap();
    rig.work().await;
    let (_, event) = rig.told_one();
    assert_ne!(client_message(&event).stage_id, 0);

    let id = rig.account.id();
    let lead = rig.account.add_lead("Website", rig.account.users()[0]);
    rig.work().await;
    rig.told();
    rig.post(format!(
        "account[id]={id}&message[add][0][id]=m-9&message[add][0][entity_type]=lead\
         &message[add][0][entity_id]={lead}"
    ))
    .await
    .unwrap();
    let jobs = rig.take_jobs().await;
    let job = jobs
        .iter()
        .find(|job| job.kind == "crm.dispatch_event")
        .unwrap();
    for attempt in 0..3 {
        let failure = rig.run(job, attempt).await.unwrap_err();
        assert!(!failure.permanent, "{failure:?}");
        assert!(rig.take_jobs().await.is_empty());
    }
    rig.run(job, 3).await.unwrap();
    rig.work().await;
    let (_, event) = rig.told_one();
    let message = client_message(&event);
    assert_eq!((message.lead_id, message.stage_id), (lead, 0));
    // A job that comes again does nothing again.
    rig.run(job, 4).await.unwrap();
    assert!(rig.take_jobs().await.is_empty());
}

/// The short form of the counting: many at once with repeats, every one acknowledged is there once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_acknowledged_is_there_and_there_once() {
    const EVENTS: usize = 120;
    let rig = std::sync::Arc::new(Rig::start().await);
    let id = rig.account.id();
    let body = move |n: usize| {
        format!(
            "account[id]={id}&message[add][0][id]=m-{n}&message[add][0][chat_id]=c-{}\
             &message[add][1][id]=n-{n}&message[add][1][chat_id]=c-{}",
            n % 7,
            n % 5
        )
    };
    let mut posts = tokio::task::JoinSet::new();
    for n in 0..EVENTS {
        for _ in 0..=n % 3 {
            let rig = rig.clone();
            posts.spawn(async move { rig.post(body(n)).await });
        }
    }
    let mut acknowledged = 0;
    while let Some(posted) = posts.join_next().await {
        posted.unwrap().unwrap();
        acknowledged += 1;
    }
    assert_eq!(acknowledged, 2 * EVENTS);
    let jobs = rig.take_jobs().await;
    assert_eq!(jobs.len(), 2 * EVENTS, "a job for each event");
    let mut working = tokio::task::JoinSet::new();
    for job in jobs {
        let rig = rig.clone();
        // Each job runs twice at once, as when its lease was lost.
        working.spawn(async move {
            let (one, other) = tokio::join!(rig.run(&job, 0), rig.run(&job, 0));
            one.and(other)
        });
    }
    while let Some(done) = working.join_next().await {
        done.unwrap().unwrap();
    }
    rig.work().await;
    let told = rig.told();
    assert_eq!(told.len(), 2 * EVENTS);
    let mut ids: Vec<_> = told
        .iter()
        .map(|(_, event)| client_message(event).message_id.clone())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 2 * EVENTS, "every event once");
    let delivered = "SELECT CAST(SUM(deliveries) AS BIGINT) FROM events WHERE entity = 'message'";
    assert_eq!(rig.count(delivered).await, 4 * EVENTS as i64);
}

/// Kommo repeats what was not answered in time; the fake's schedule is the documents'.
#[tokio::test]
async fn a_repeat_after_five_minutes_is_the_same_event() {
    let rig = Rig::start().await;
    let secret = rig.secret();
    rig.execute("UPDATE webhook_secrets SET expire_time = create_time".to_owned())
        .await;
    rig.advance(TimeDelta::seconds(31));
    rig.account.newcomer(&Newcomer::default(), "Hi");
    rig.kommo.settle().await;
    assert!(rig.take_jobs().await.is_empty(), "{secret} is shut");
    rig.execute("UPDATE webhook_secrets SET expire_time = NULL".to_owned())
        .await;
    rig.advance(TimeDelta::seconds(310));
    let repeated = || {
        rig.kommo
            .deliveries()
            .iter()
            .any(|delivery| delivery.attempt == 2)
    };
    tokio::time::timeout(Duration::from_secs(30), rig.kommo.until(repeated))
        .await
        .unwrap();
    rig.work().await;
    rig.told_one();
}
