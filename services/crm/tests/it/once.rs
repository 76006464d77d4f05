//! Whatever breaks, and wherever: each key at most once, and what is said of it is true.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use t11_fake_kommo::{Fault, FaultKind, Sending};
use t11_proto::crm::v1 as pb;
use t11_proto::crm::v1::DeliveryState as State;
use t11_proto::crm::v1::apply_effect_request::Effect;
use tonic::Status;
use uuid::Uuid;

use crate::harness::ORG;
use crate::scene::{LIST, SEND, Scene};

const TASKS: &str = "/api/v4/tasks";
const NOTES: &str = "/api/v4/leads/{id}/notes";

/// How many runs of each property.
const RUNS: u32 = 24;

#[derive(Debug, Clone)]
struct Step {
    key: u128,
    /// Of the call that makes something.
    fault: Option<FaultKind>,
    /// Of the call that looks for it.
    look_fault: Option<FaultKind>,
    /// After so many turns the process dies.
    dies_after: Option<u16>,
    /// Seconds that pass afterwards.
    passes: u32,
}

fn fault() -> impl Strategy<Value = Option<FaultKind>> {
    prop_oneof![
        3 => Just(None),
        2 => Just(Some(FaultKind::CutBeforeEffect)),
        3 => Just(Some(FaultKind::CutAfterEffect)),
        1 => Just(Some(FaultKind::TruncatedJson)),
        1 => Just(Some(FaultKind::Internal)),
        1 => Just(Some(FaultKind::TooManyRequests)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let dies_after = prop_oneof![2 => Just(None), 1 => (1_u16..60).prop_map(Some)];
    let passes = prop_oneof![Just(0_u32), Just(10), Just(70), Just(130)];
    (0_u128..3, fault(), fault(), dies_after, passes).prop_map(
        |(key, fault, look_fault, dies_after, passes)| Step {
            key,
            fault,
            look_fault,
            dies_after,
            passes,
        },
    )
}

/// Runs `call`, or drops it in the middle as the end of its process does.
async fn until<F: Future>(turns: Option<u16>, call: F) -> Option<F::Output> {
    let mut call = pin!(call);
    let mut left = turns;
    std::future::poll_fn(|cx| {
        if left == Some(0) {
            return Poll::Ready(None);
        }
        left = left.map(|turns| turns - 1);
        call.as_mut().poll(cx).map(Some)
    })
    .await
}

fn needs_restart(step: &Step) -> bool {
    // Kommo wants a rest, which the process would keep for minutes of real time.
    step.dies_after.is_some()
        || [&step.fault, &step.look_fault].contains(&&Some(FaultKind::TooManyRequests))
}

fn set_faults(scene: &Scene, step: &Step, does: &str, looks: &str) {
    for (route, fault) in [(does, &step.fault), (looks, &step.look_fault)] {
        if let Some(kind) = fault {
            scene.kommo.fault(Fault::once(route, kind.clone()));
        }
    }
}

fn check<F: Future<Output = ()>>(
    strategy: impl Strategy<Value = (Vec<Step>, u32)>,
    run: impl Fn(Vec<Step>, u32) -> F,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = Config {
        cases: RUNS,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..Config::default()
    };
    let checked = TestRunner::new(config).run(&strategy, |(steps, delay)| {
        let run = std::panic::AssertUnwindSafe(|| runtime.block_on(run(steps, delay)));
        std::panic::catch_unwind(run).map_err(|_| TestCaseError::fail("a wrong state"))
    });
    checked.map_err(|error| error.to_string()).unwrap();
}

fn steps() -> impl Strategy<Value = (Vec<Step>, u32)> {
    let delay = prop_oneof![3 => Just(0_u32), 1 => Just(20)];
    (prop::collection::vec(step(), 1..6), delay)
}

/// The first and the third message are equal: those are told apart by their count alone.
fn text(key: u128) -> &'static str {
    if key == 1 {
        "Shall I book a lesson?"
    } else {
        "Yes."
    }
}

#[test]
fn a_message_goes_out_at_most_once_and_its_state_is_true() {
    check(steps(), |steps, delay| async move {
        let mut scene = Scene::new().await;
        scene.account.set_sending(Sending {
            delay_seconds: delay,
            ..Sending::default()
        });
        for step in &steps {
            set_faults(&scene, step, SEND, LIST);
            let send = scene.send(scene.message(step.key, text(step.key)));
            drop(until(step.dies_after, Box::pin(send)).await);
            scene.kommo.clear_faults();
            if needs_restart(step) {
                scene.restart();
            }
            scene.advance(step.passes);
            if step.passes > 60 {
                scene.look_for_lost().await;
            }
        }
        // Whoever died is found out about, and what is lost is looked for to the end.
        for _ in 0..3 {
            scene.advance(130);
            scene.look_for_lost().await;
        }
        check_messages(&scene, &steps).await;
    });
}

async fn check_messages(scene: &Scene, steps: &[Step]) {
    let mut accepted = HashMap::<&str, usize>::new();
    let mut ids = Vec::new();
    for key in 0..3 {
        if !was_begun(scene, key).await {
            continue;
        }
        let delivery = scene.delivery(key).await;
        match delivery.state() {
            State::Accepted => {
                *accepted.entry(text(key)).or_default() += 1;
                ids.push(delivery.message_id);
            }
            State::Failed => assert_eq!(delivery.reason, "NOT_SENT"),
            other => assert_eq!(other, State::Pending, "{key} after {steps:?}"),
        }
    }
    for text in [text(0), text(1)] {
        let sent = scene.sent().iter().filter(|one| *one == text).count();
        assert_eq!(
            accepted.get(text).copied().unwrap_or_default(),
            sent,
            "{text} {steps:?}"
        );
    }
    let known = scene.account.all_messages_of(scene.ana.talk_id);
    assert!(ids.iter().all(|id| known.iter().any(|one| one.id == *id)));
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count, "two keys have one message");
}

/// How often all the places at which a process can die are gone through. Between the note that a try
/// begins and the call there is so little that a busy machine may pass it over once.
const PASSES: u16 = 5;

#[tokio::test]
async fn wherever_its_process_dies_what_became_of_a_message_is_found_out() {
    let mut scene = Scene::new().await;
    let mut left_as = HashSet::new();
    let mut keys = 0..;
    for _ in 0..PASSES {
        for turns in 0..500 {
            let key = keys.next().unwrap();
            if dies_after(&mut scene, key, turns, &mut left_as).await {
                break;
            }
            assert!(turns < 499, "the message is never sent");
        }
        if left_as.contains("sending") {
            return;
        }
    }
    panic!("it died before the call and after: {left_as:?}");
}

/// Sends a message in a process that dies after so many turns, and what comes after it finds out.
/// Whether the message was sent before.
async fn dies_after(
    scene: &mut Scene,
    key: u128,
    turns: u16,
    left_as: &mut HashSet<String>,
) -> bool {
    let text = format!("Message {key}");
    let send = scene.send(scene.message(key, &text));
    let ended = until(Some(turns), Box::pin(send)).await;
    scene.restart();
    let states = scene.crm.query("SELECT state FROM messages").await;
    left_as.extend(states);
    scene.advance(130);
    scene.look_for_lost().await;
    let sent = scene.sent().into_iter().filter(|one| *one == text).count();
    let state = match was_begun(scene, key).await {
        true => scene.delivery(key).await.state(),
        false => State::Unspecified,
    };
    let is_sent = state == State::Accepted;
    assert_eq!(sent, usize::from(is_sent), "{state:?} after {turns} turns");
    assert_ne!(state, State::Unknown, "after {turns} turns");
    ended.is_some()
}

async fn was_begun(scene: &Scene, key: u128) -> bool {
    let request = pb::GetDeliveryRequest {
        idempotency_key: Uuid::from_u128(key).to_string(),
    };
    let get = async { scene.crm.messages().get_delivery(request).await };
    scene.crm.as_agents(ORG, get).await.is_ok()
}

fn effect(key: u128) -> Effect {
    match key {
        0 => Effect::CreateTask(pb::CreateTask {
            text: "Call Ana".to_owned(),
            complete_till: Some(prost_types::Timestamp {
                seconds: 1_900_000_000,
                nanos: 0,
            }),
            ..Default::default()
        }),
        // Equal, under two keys.
        _ => Effect::AddNote(pb::AddNote {
            text: "Asked for the price".to_owned(),
            on_contact: false,
        }),
    }
}

async fn apply(scene: &Scene, key: u128) -> Result<pb::EffectResult, Status> {
    let request = pb::ApplyEffectRequest {
        lead: format!("{}/leads/{}", scene.connection, scene.lead()),
        idempotency_key: Uuid::from_u128(key).to_string(),
        effect: Some(effect(key)),
    };
    let apply = async { scene.crm.leads().apply_effect(request).await };
    let applied = scene.crm.as_agents(ORG, apply).await;
    applied.map(tonic::Response::into_inner)
}

fn made(scene: &Scene, key: u128) -> usize {
    match key {
        0 => scene.account.tasks_of(scene.lead()).len(),
        _ => scene.account.notes_of(scene.lead()).len(),
    }
}

#[test]
fn a_task_or_a_note_is_made_once() {
    check(steps(), |steps, _| async move {
        let mut scene = Scene::new().await;
        let mut begun = Vec::new();
        for step in &steps {
            let path = if step.key == 0 { TASKS } else { NOTES };
            let (post, get) = (format!("POST {path}"), format!("GET {path}"));
            set_faults(&scene, step, &post, &get);
            drop(until(step.dies_after, Box::pin(apply(&scene, step.key))).await);
            scene.kommo.clear_faults();
            if needs_restart(step) {
                scene.restart();
            }
            scene.advance(step.passes);
            begun.push(step.key);
        }
        begun.sort_unstable();
        begun.dedup();
        let most_notes = begun.iter().filter(|key| **key > 0).count();
        assert!(
            made(&scene, 0) <= 1 && made(&scene, 1) <= most_notes,
            "{steps:?}"
        );
        // Agents try again until it is answered.
        for key in &begun {
            scene.advance(130);
            let done = apply(&scene, *key).await.unwrap();
            assert_eq!(done.state(), pb::EffectState::Done, "{steps:?}");
            assert!(!done.created_id.is_empty());
            assert_eq!(apply(&scene, *key).await.unwrap(), done);
        }
        let tasks = usize::from(begun.contains(&0));
        assert_eq!(
            (made(&scene, 0), made(&scene, 1)),
            (tasks, most_notes),
            "{steps:?}"
        );
    });
}
