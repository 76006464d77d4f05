//! Events as people see them, and what is done for them once more.

use chrono::TimeDelta;
use t11_core::OrgId;
use t11_fake_kommo::Newcomer;
use t11_proto::crm::v1 as pb;
use uuid::Uuid;

use crate::intake_rig::{Rig, name_of, reason};

async fn replay(rig: &Rig, name: &str, dry_run: bool) -> pb::Event {
    let request = pb::ReplayEventRequest {
        name: name.to_owned(),
        dry_run,
    };
    let mut events = rig.events();
    let replayed = rig.as_owner(events.replay_event(request)).await;
    replayed.unwrap().into_inner()
}

async fn list(rig: &Rig, request: pb::ListEventsRequest) -> pb::ListEventsResponse {
    let mut events = rig.events();
    let listed = rig.as_owner(events.list_events(request)).await;
    listed.unwrap().into_inner()
}

#[tokio::test]
async fn events_are_listed_by_what_people_look_for() {
    let rig = Rig::start().await;
    let ana = rig.account.newcomer(&Newcomer::default(), "Hi");
    rig.work().await;
    for text in ["one", "two", "three"] {
        rig.account.client_writes(ana.talk_id, text).unwrap();
    }
    rig.work().await;
    let (_, first) = rig.told().remove(0);
    rig.verdict(&first.event, "answered").await;
    let messages = pb::ListEventsRequest {
        entity: "message".to_owned(),
        page_size: 3,
        ..pb::ListEventsRequest::default()
    };
    let page = list(&rig, messages.clone()).await;
    assert_eq!(page.events.len(), 3);
    assert!(
        page.events
            .iter()
            .all(|event| event.payload_json.is_empty())
    );
    let rest = list(
        &rig,
        pb::ListEventsRequest {
            page_token: page.next_page_token,
            ..messages
        },
    )
    .await;
    assert_eq!(rest.events.len(), 1);
    assert_eq!(rest.events[0].name, first.event, "newest first");
    let answered = list(
        &rig,
        pb::ListEventsRequest {
            verdict: "answered".to_owned(),
            states: vec![pb::EventState::Done.into()],
            connection: rig.connection.clone(),
            ..pb::ListEventsRequest::default()
        },
    )
    .await;
    assert_eq!(answered.events.len(), 1);
}

#[tokio::test]
async fn payloads_are_shown_without_phones_cards_and_mail() {
    let rig = Rig::start().await;
    let text = "call +1 555 010 0123 or ana@example.com, card 4111111111111111";
    rig.account.newcomer(&Newcomer::default(), text);
    rig.work().await;
    let (_, event) = rig.told_one();
    let payload = rig.event(&event.event).await.payload_json;
    for secret in [
        "5550100123",
        "555 010 0123",
        "ana@example.com",
        "4111111111111111",
    ] {
        assert!(!payload.contains(secret), "{payload}");
    }
    assert!(payload.contains("call +"), "{payload}");
}

#[tokio::test]
async fn another_organization_has_no_such_event() {
    let rig = Rig::start().await;
    rig.account.newcomer(&Newcomer::default(), "Hi");
    rig.work().await;
    let (_, event) = rig.told_one();
    for name in [event.event, name_of(Uuid::from_u128(1))] {
        let mut events = rig.events();
        let request = pb::GetEventRequest { name: name.clone() };
        let other = rig.as_owner_of(OrgId(Uuid::from_u128(2)), events.get_event(request));
        assert_eq!(reason(other.await), "NOT_FOUND");
        let request = pb::ReplayEventRequest {
            name,
            dry_run: false,
        };
        let other = rig.as_owner_of(OrgId(Uuid::from_u128(2)), events.replay_event(request));
        assert_eq!(reason(other.await), "NOT_FOUND");
    }
}

#[tokio::test]
async fn a_replay_is_a_new_job_of_the_same_event() {
    let rig = Rig::start().await;
    rig.account.newcomer(&Newcomer::default(), "Hi");
    rig.work().await;
    let (first, event) = rig.told_one();
    let name = event.event;
    assert_eq!(
        replay(&rig, &name, false).await.state(),
        pb::EventState::Dispatched,
        "what is being handled is not handled twice"
    );
    rig.work().await;
    assert!(rig.told().is_empty());
    rig.verdict(&name, "stage_off").await;
    let again = replay(&rig, &name, false).await;
    assert_eq!(again.name, name);
    assert_eq!(again.state(), pb::EventState::Received);
    // Asked twice, done once.
    replay(&rig, &name, false).await;
    rig.work().await;
    let (second, event) = rig.told_one();
    assert_eq!(event.event, name);
    assert_ne!(second.id, first.id, "the queue takes a job of one id once");
    assert!(!event.dry_run);
}

#[tokio::test]
async fn a_dry_run_is_a_copy_that_leaves_the_event_alone() {
    let rig = Rig::start().await;
    rig.account.newcomer(&Newcomer::default(), "Hi");
    rig.work().await;
    let (_, event) = rig.told_one();
    rig.verdict(&event.event, "answered").await;
    let copy = replay(&rig, &event.event, true).await;
    assert_ne!(copy.name, event.event);
    rig.work().await;
    let (_, dry) = rig.told_one();
    assert!(dry.dry_run);
    assert_eq!(dry.event, copy.name);
    assert_eq!(dry.event_kind, event.event_kind);
    rig.verdict(&copy.name, "would:answered").await;
    assert_eq!(rig.event(&copy.name).await.verdict, "would:answered");
    assert_eq!(rig.event(&event.event).await.verdict, "answered");
}

#[tokio::test]
async fn a_connection_that_is_off_replays_nothing() {
    let rig = Rig::start().await;
    rig.account.newcomer(&Newcomer::default(), "Hi");
    rig.work().await;
    let (_, event) = rig.told_one();
    rig.execute("UPDATE connections SET state = 'disabled'".to_owned())
        .await;
    let request = pb::ReplayEventRequest {
        name: event.event,
        dry_run: true,
    };
    let mut events = rig.events();
    let refused = rig.as_owner(events.replay_event(request)).await;
    assert_eq!(reason(refused), "CONNECTION_STATE");
}

#[tokio::test]
async fn silence_of_the_agents_is_a_failure_that_a_verdict_mends() {
    let rig = Rig::start().await;
    rig.account.newcomer(&Newcomer::default(), "Hi");
    rig.work().await;
    let (_, event) = rig.told_one();
    rig.advance(TimeDelta::minutes(59));
    rig.look().await;
    assert_eq!(
        rig.event(&event.event).await.state(),
        pb::EventState::Dispatched
    );
    rig.advance(TimeDelta::minutes(2));
    rig.look().await;
    let failed = rig.event(&event.event).await;
    assert_eq!(failed.state(), pb::EventState::Failed);
    assert_eq!(failed.error_reason, "HANDLER_SILENT");
    rig.verdict(&event.event, "answered").await;
    let mended = rig.event(&event.event).await;
    assert_eq!(mended.state(), pb::EventState::Done);
    assert_eq!(mended.error_reason, "");
}

#[tokio::test]
async fn what_is_old_goes_away() {
    let rig = Rig::start().await;
    rig.account.newcomer(&Newcomer::default(), "Hi");
    rig.work().await;
    let (_, event) = rig.told_one();
    rig.verdict(&event.event, "answered").await;
    rig.advance(TimeDelta::days(4));
    rig.look().await;
    assert_eq!(rig.count("SELECT COUNT(*) FROM webhook_inbox").await, 0);
    assert_eq!(rig.event(&event.event).await.verdict, "answered");
    rig.advance(TimeDelta::days(27));
    rig.look().await;
    assert_eq!(rig.count("SELECT COUNT(*) FROM events").await, 0);
}

/// Each account is polled every 90 s, and every quarter of an hour while webhooks come.
#[tokio::test]
async fn chores_are_due_by_the_clock() {
    let rig = Rig::start().await;
    let kinds = async || {
        rig.look().await;
        let jobs = rig.take_jobs().await;
        let mut kinds: Vec<_> = jobs.into_iter().map(|job| job.kind).collect();
        kinds.retain(|kind| kind == "crm.poll" || kind == "crm.subscribe");
        kinds
    };
    assert!(kinds().await.is_empty());
    rig.advance(TimeDelta::seconds(91));
    assert_eq!(kinds().await, ["crm.poll"]);
    assert!(kinds().await.is_empty(), "claimed once");
    rig.account.newcomer(&Newcomer::default(), "Hi");
    rig.work().await;
    rig.advance(TimeDelta::seconds(91));
    assert_eq!(kinds().await, ["crm.poll"]);
    rig.advance(TimeDelta::seconds(91));
    assert!(kinds().await.is_empty(), "webhooks come");
    rig.advance(TimeDelta::minutes(15));
    assert_eq!(kinds().await, ["crm.poll"]);
    rig.advance(TimeDelta::hours(1));
    assert_eq!(kinds().await, ["crm.subscribe", "crm.poll"]);
    rig.execute("UPDATE connections SET state = 'needs_reauth'".to_owned())
        .await;
    rig.advance(TimeDelta::hours(2));
    assert!(kinds().await.is_empty(), "nothing to be asked with");
}
