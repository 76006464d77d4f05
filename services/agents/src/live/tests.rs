//! The acceptance scenarios of live conversations, and what must hold whatever comes in between.
#![expect(clippy::large_futures, reason = "a test has a stack of its own")]

mod automation;
mod faults;
mod invariants;
mod people;
mod rig;
mod stand_ins;

use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, TimeZone as _, Utc};
use tokio::sync::Notify;

use self::rig::{OTHER_STAGE, PIPELINE, Rig, STAGE, at_once};
use self::stand_ins::ModelPlan;
use super::Fared;
use super::event::{CrmEvent, What};
use crate::agent::{HoursMode, Settings, WorkingInterval};
use crate::conversation::{Controller, Delivery};
use crate::jobs::{apply_effect, tell_handoff};
use crate::turn::{State, StepKind};

const QUESTION: &str = "Есть угловые диваны?";

#[tokio::test]
async fn s01_a_message_gets_exactly_one_answer_with_a_whole_trace() {
    let mut rig = Rig::start(at_once()).await;
    let event = rig.client_writes(QUESTION).await;
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    assert_eq!(rig.verdict(&event), Some("answered"));

    let conversation = rig.conversation().await;
    assert_eq!(conversation.agent_id, Some(rig.agent));
    let live = conversation.live().unwrap();
    assert!(!live.unanswered);
    assert_eq!(live.silence_reason, "");
    let messages = rig.messages().await;
    assert_eq!(messages[1].carriage.delivery, Some(Delivery::Accepted));
    let turn = messages[1].turn_id.unwrap();
    let turn = rig.store.turn(&rig.scope, conversation.id, turn).await;
    let turn = turn.unwrap();
    assert_eq!(turn.state, State::Sent);
    let steps = turn.report.unwrap().steps;
    let kinds: Vec<_> = steps.iter().map(|step| step.kind).collect();
    assert_eq!(kinds, StepKind::ALL);
    rig.stop().await;
}

#[tokio::test]
async fn s02_on_a_stage_that_is_not_selected_nothing_is_sent() {
    let mut rig = Rig::start(at_once()).await;
    rig.stage = OTHER_STAGE;
    let event = rig.client_writes(QUESTION).await;
    rig.run_all().await;
    assert!(rig.said().is_empty());
    assert_eq!(rig.verdict(&event), Some("stage_off"));
    let conversation = rig.conversation().await;
    assert_eq!(conversation.agent_id, None);
    assert_eq!(conversation.live().unwrap().silence_reason, "stage_off");
    rig.stop().await;
}

#[tokio::test]
async fn s04_three_messages_in_one_window_get_one_answer_to_all() {
    let settings = Settings {
        quiet_window_seconds: 8,
        ..at_once()
    };
    let mut rig = Rig::start(settings).await;
    let mut events = Vec::new();
    for text in ["Здравствуйте!", QUESTION, "И сколько идёт доставка?"]
    {
        events.push(rig.client_writes(text).await);
        rig.advance(TimeDelta::seconds(3));
    }
    rig.advance(TimeDelta::seconds(4));
    rig.run_due().await;
    assert!(rig.said().is_empty(), "the window is open");
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    let prompts = rig.neighbours.prompts.lock().clone();
    assert_eq!(prompts.len(), 1);
    for text in [QUESTION, "И сколько идёт доставка?"] {
        assert!(prompts[0].contains(text), "{text}");
    }
    for event in &events {
        assert_eq!(rig.verdict(event), Some("answered"));
    }
    rig.stop().await;
}

#[tokio::test]
async fn s06_after_a_manager_the_agent_is_silent() {
    let mut rig = Rig::start(at_once()).await;
    rig.client_writes(QUESTION).await;
    rig.run_all().await;
    rig.person_writes("Я на связи, отвечу сам.").await;
    let event = rig.client_writes("А доставка?").await;
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    assert_eq!(rig.verdict(&event), Some("human"));
    let conversation = rig.conversation().await;
    let live = conversation.live().unwrap();
    assert_eq!(live.controller, Controller::Human);
    assert_eq!(live.handoff_reason, "human_wrote");
    assert!(live.unanswered);
    rig.stop().await;
}

#[tokio::test]
async fn an_author_whom_nobody_names_is_a_person_and_another_bot_is_not() {
    let mut rig = Rig::start(at_once()).await;
    for (kind, controller) in [("bot", Controller::Bot), ("", Controller::Human)] {
        let mut event = rig.person_event("Добрый день, чем помочь?");
        let What::OutgoingMessage(message) = &mut event.what else {
            unreachable!()
        };
        kind.clone_into(&mut message.author.kind);
        rig.handle(event).await;
        let conversation = rig.conversation().await;
        assert_eq!(conversation.live().unwrap().controller, controller);
    }
    rig.stop().await;
}

#[tokio::test]
async fn s08_the_second_part_is_not_sent_when_a_manager_wrote_after_the_first() {
    let settings = Settings {
        max_parts: 2,
        min_reply_delay_seconds: 5,
        ..at_once()
    };
    let mut rig = Rig::start(settings).await;
    let two = vec![
        "Здравствуйте, рады вам и вашему вопросу.",
        "Да, угловые диваны есть.",
    ];
    rig.plan_model(ModelPlan::Say(two.clone()));
    rig.plan_model(ModelPlan::Say(two));
    rig.client_writes(QUESTION).await;
    rig.run_due().await;
    rig.advance(TimeDelta::seconds(5));
    rig.run_due().await;
    assert_eq!(rig.said(), ["Здравствуйте, рады вам и вашему вопросу."]);
    rig.person_writes("Здравствуйте, это Иван.").await;
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    let messages = rig.messages().await;
    let second = &messages[2].carriage;
    assert_eq!(second.delivery, Some(Delivery::Suppressed));
    assert_eq!(second.delivery_reason, "human_wrote");

    // Another client, whom nobody interrupts, gets both parts in order.
    rig.chat = 2;
    rig.client_writes(QUESTION).await;
    rig.run_all().await;
    assert_eq!(
        rig.said()[1..],
        [
            "Здравствуйте, рады вам и вашему вопросу.",
            "Да, угловые диваны есть."
        ]
    );
    rig.stop().await;
}

#[tokio::test]
async fn s10_after_the_set_hours_the_agent_has_the_word_again() {
    let mut rig = Rig::with(at_once(), 2).await;
    rig.client_writes(QUESTION).await;
    rig.run_all().await;
    rig.person_writes("Доставка бесплатная, я договорился.")
        .await;
    rig.advance(TimeDelta::minutes(119));
    rig.client_writes("Спасибо, а размеры какие?").await;
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1, "the person still has the word");
    rig.advance(TimeDelta::minutes(2));
    let event = rig.client_writes("Какие размеры?").await;
    rig.run_all().await;
    assert_eq!(rig.said().len(), 2);
    assert_eq!(rig.verdict(&event), Some("answered"));
    let prompt = rig.neighbours.prompts.lock().last().unwrap().clone();
    assert!(prompt.contains("Доставка бесплатная, я договорился."));
    let conversation = rig.conversation().await;
    let live = conversation.live().unwrap();
    assert_eq!(live.controller, Controller::Bot);
    assert_eq!(live.handoff_reason, "");
    rig.stop().await;
}

#[tokio::test]
async fn s11_who_asks_for_a_person_gets_one_without_a_model() {
    let mut rig = Rig::start(at_once()).await;
    let event = rig.client_writes("позовите человека").await;
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    assert!(rig.neighbours.prompts.lock().is_empty());
    assert_eq!(rig.verdict(&event), Some("handed_off"));
    let others = [tell_handoff::KIND, apply_effect::KIND];
    assert_eq!(rig.others, others, "who waits, and the task for the person");
    let conversation = rig.conversation().await;
    let live = conversation.live().unwrap();
    assert_eq!(live.controller, Controller::Human);
    assert_eq!(live.handoff_reason, "human_requested");
    assert!(live.unanswered, "the client waits for the person");
    let again = rig.client_writes("Алло?").await;
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    assert_eq!(rig.verdict(&again), Some("human"));
    rig.stop().await;
}

#[tokio::test]
async fn s27_at_night_one_notice_and_the_answer_in_the_morning() {
    let every_day = |weekday| WorkingInterval {
        weekday,
        start_minute: 9 * 60,
        end_minute: 18 * 60,
    };
    let settings = Settings {
        hours_mode: HoursMode::Inside,
        schedule: (1..=7).map(every_day).collect(),
        outside_hours_text: "Мы работаем по будням и ответим утром.".to_owned(),
        ..at_once()
    };
    let mut rig = Rig::start(settings).await;
    // 23:10 in Moscow.
    rig.advance(TimeDelta::minutes(11 * 60 + 10));
    let event = rig.client_writes(QUESTION).await;
    rig.run_due().await;
    rig.client_writes("И сколько идёт доставка?").await;
    rig.run_due().await;
    assert_eq!(rig.said(), ["Мы работаем по будням и ответим утром."]);
    assert_eq!(rig.verdict(&event), None);
    assert!(rig.neighbours.prompts.lock().is_empty());

    rig.run_all().await;
    let opening = Utc.with_ymd_and_hms(2026, 11, 24, 6, 0, 0).unwrap();
    assert!(rig.now() >= opening, "{}", rig.now());
    assert_eq!(rig.said().len(), 2);
    assert_eq!(rig.neighbours.prompts.lock().len(), 1);
    assert_eq!(rig.verdict(&event), Some("answered"));
    rig.stop().await;
}

#[tokio::test]
async fn s30_thanks_after_an_answer_need_none() {
    let mut rig = Rig::start(at_once()).await;
    rig.client_writes(QUESTION).await;
    rig.run_all().await;
    let event = rig.client_writes("ок 👍").await;
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    assert_eq!(rig.verdict(&event), Some("small_talk_ack"));
    assert!(!rig.conversation().await.live().unwrap().unanswered);
    rig.stop().await;
}

#[tokio::test]
async fn s31_who_opts_out_hears_it_once_and_nothing_after() {
    let mut rig = Rig::start(at_once()).await;
    let event = rig.client_writes("Больше не пишите мне").await;
    rig.run_all().await;
    let later = rig.client_writes(QUESTION).await;
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    assert_eq!(rig.verdict(&event), Some("opted_out"));
    assert_eq!(rig.verdict(&later), Some("opted_out"));
    assert!(rig.conversation().await.opted_out);
    rig.stop().await;
}

#[tokio::test]
async fn a_new_message_while_the_model_thinks_makes_one_answer_to_both() {
    let mut rig = Rig::start(at_once()).await;
    let go = Arc::new(Notify::new());
    rig.plan_model(ModelPlan::Hold(go.clone()));
    let first = rig.client_writes(QUESTION).await;
    rig.collect().await;
    let turn = rig.jobs.remove(0);
    let second = rig.client_event("А кресла?");
    let name = second.name.clone();
    let neighbours = rig.neighbours.clone();
    let rig = &mut rig;
    {
        // The same rows and neighbours, as another worker of the service has them.
        let (run, rest) = rig.beside(&turn);
        let meanwhile = async {
            neighbours.reached.notified().await;
            rest.handle(second).await;
            go.notify_one();
        };
        let (ended, ()) = tokio::join!(run, meanwhile);
        ended.unwrap();
    }
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    let prompt = rig.neighbours.prompts.lock().last().unwrap().clone();
    assert!(prompt.contains(QUESTION) && prompt.contains("А кресла?"));
    for event in [&first, &name] {
        assert_eq!(rig.verdict(event), Some("answered"));
    }
}

#[tokio::test]
async fn a_model_that_thinks_is_waited_for_until_somebody_speaks() {
    let mut rig = Rig::start(at_once()).await;
    rig.plan_model(ModelPlan::Hang);
    rig.client_writes(QUESTION).await;
    rig.collect().await;
    let turn = rig.jobs.remove(0);
    let second = rig.client_event("А кресла?");
    let neighbours = rig.neighbours.clone();
    {
        let (run, rest) = rig.beside(&turn);
        let mut run = std::pin::pin!(run);
        let soon = Duration::from_millis(100);
        tokio::select! {
            _ = &mut run => panic!("nobody has spoken"),
            () = neighbours.reached.notified() => {}
        }
        assert!(tokio::time::timeout(soon, &mut run).await.is_err());
        rest.handle(second).await;
        let ended = tokio::time::timeout(Duration::from_secs(10), run).await;
        ended.unwrap().unwrap();
    }
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    rig.stop().await;
}

#[tokio::test]
async fn a_lead_that_leaves_the_agents_stages_silences_it() {
    let settings = Settings {
        quiet_window_seconds: 10,
        ..at_once()
    };
    let mut rig = Rig::start(settings).await;
    let event = rig.client_writes(QUESTION).await;
    let moved = rig.lead_event(OTHER_STAGE);
    let name = moved.name.clone();
    rig.handle(moved).await;
    rig.run_all().await;
    assert!(rig.said().is_empty());
    assert_eq!(rig.verdict(&event), Some("stage_off"));
    assert_eq!(rig.verdict(&name), Some("stage_off"));
    let epoch = rig.conversation().await.live().unwrap().control_epoch;
    assert_eq!(epoch, 1);

    // A person who has the word loses it when the lead comes back.
    rig.stage = OTHER_STAGE;
    rig.person_writes("Я отвечу.").await;
    let back = rig.lead_event(STAGE);
    rig.handle(back).await;
    let conversation = rig.conversation().await;
    let live = conversation.live().unwrap();
    assert_eq!(live.controller, Controller::Bot);
    assert_eq!((live.pipeline_id, live.stage_id), (PIPELINE, STAGE));
    rig.stop().await;
}

#[tokio::test]
async fn an_event_handled_again_decides_anew_only_what_still_waits() {
    let mut rig = Rig::start(at_once()).await;
    rig.stage = OTHER_STAGE;
    let event = rig.client_event(QUESTION);
    rig.handle(event.clone()).await;
    rig.run_all().await;
    assert_eq!(rig.verdict(&event.name), Some("stage_off"));
    let back = rig.lead_event(STAGE);
    rig.handle(back).await;
    rig.run_all().await;
    assert!(rig.said().is_empty(), "nobody has written since");
    rig.handle(event.clone()).await;
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    assert_eq!(rig.verdict(&event.name), Some("answered"));
    rig.handle(event.clone()).await;
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    rig.stop().await;
}

#[tokio::test]
async fn a_dry_run_tells_what_would_be_and_changes_nothing() {
    let mut rig = Rig::start(at_once()).await;
    for (stage, verdict) in [(STAGE, "answered"), (OTHER_STAGE, "stage_off")] {
        rig.stage = stage;
        let event = CrmEvent {
            dry_run: true,
            ..rig.client_event(QUESTION)
        };
        let name = event.name.clone();
        rig.handle(event).await;
        rig.run_all().await;
        assert_eq!(rig.verdict(&name), Some(verdict));
        assert!(rig.find_conversation().await.is_none());
        assert!(rig.said().is_empty());
    }
    rig.stop().await;
}
