//! Messages that fail or come back, models that fail, workers that die.

use super::rig::{Rig, at_once};
use super::stand_ins::{CrmPlan, ModelPlan};
use super::{Fared, QUESTION, What};
use crate::agent::Settings;
use crate::conversation::{Controller, Delivery};

#[tokio::test]
async fn a_message_that_failed_is_shown_and_what_follows_it_is_not_sent() {
    let settings = Settings {
        max_parts: 2,
        ..at_once()
    };
    let mut rig = Rig::start(settings).await;
    let two = vec![
        "Здравствуйте, рады вам и вашему вопросу.",
        "Да, угловые диваны есть.",
    ];
    rig.plan_model(ModelPlan::Say(two));
    rig.plan_crm(CrmPlan::Fail);
    let event = rig.client_writes(QUESTION).await;
    rig.run_all().await;
    assert!(rig.said().is_empty());
    assert_eq!(rig.verdict(&event), Some("send_failed"));
    let conversation = rig.conversation().await;
    let live = conversation.live().unwrap();
    assert!(live.has_error && live.unanswered);
    assert_eq!(live.silence_reason, "send_failed");
    let messages = rig.messages().await;
    assert_eq!(messages[1].carriage.delivery, Some(Delivery::Failed));
    assert_eq!(messages[1].carriage.delivery_reason, "TALK_CLOSED");
    assert_eq!(messages[2].carriage.delivery, Some(Delivery::Suppressed));
    rig.stop().await;
}

#[tokio::test]
async fn what_may_have_been_sent_is_not_sent_again_and_the_rest_waits_for_news() {
    let settings = Settings {
        max_parts: 2,
        ..at_once()
    };
    let mut rig = Rig::start(settings).await;
    let two = vec![
        "Здравствуйте, рады вам и вашему вопросу.",
        "Да, угловые диваны есть.",
    ];
    rig.plan_model(ModelPlan::Say(two));
    rig.plan_crm(CrmPlan::Unknown);
    rig.client_writes(QUESTION).await;
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    let first = rig.messages().await[1].clone();
    assert_eq!(first.carriage.delivery, Some(Delivery::Unknown));

    let fared = Fared {
        delivery: Delivery::Delivered,
        reason: String::new(),
        external_id: "m-1".to_owned(),
    };
    for _ in 0..2 {
        let noting = rig.desk.note_delivery(&rig.scope, first.id, fared.clone());
        noting.await.unwrap();
    }
    rig.run_all().await;
    assert_eq!(rig.said().len(), 2);
    rig.stop().await;
}

#[tokio::test]
async fn our_own_message_that_comes_back_is_nobodys() {
    let mut rig = Rig::start(at_once()).await;
    rig.client_writes(QUESTION).await;
    rig.run_all().await;
    let sent = rig.messages().await[1].clone();
    // By its key; by Kommo's id; and, where neither is known, by its text while it is on its way.
    for by in ["key", "id"] {
        let mut event = rig.person_event(&sent.content);
        let What::OutgoingMessage(message) = &mut event.what else {
            unreachable!()
        };
        match by {
            "key" => message.idempotency_key = sent.id.to_string(),
            _ => message.message_id = format!("kommo-{}", sent.id),
        }
        let name = event.name.clone();
        rig.handle(event).await;
        rig.collect().await;
        assert_eq!(rig.verdict(&name), Some("own"), "{by}");
    }
    rig.plan_crm(CrmPlan::Unknown);
    rig.client_writes("А кресла есть?").await;
    rig.run_all().await;
    let text = rig.said().pop().unwrap();
    rig.person_writes(&format!("{text}\n")).await;
    let conversation = rig.conversation().await;
    assert_eq!(conversation.live().unwrap().controller, Controller::Bot);
    assert_eq!(rig.messages().await.len(), 4);
    rig.stop().await;
}

#[tokio::test]
async fn a_worker_that_dies_anywhere_doubles_no_answer() {
    for (model, crm) in [
        (Some(ModelPlan::Hang), None),
        (None, Some(CrmPlan::HangBefore)),
        (None, Some(CrmPlan::HangAfter)),
    ] {
        let mut rig = Rig::start(at_once()).await;
        if let Some(plan) = model.clone() {
            rig.plan_model(plan);
        }
        if let Some(plan) = crm {
            rig.plan_crm(plan);
        }
        let event = rig.client_writes(QUESTION).await;
        rig.collect().await;
        if crm.is_some() {
            rig.run(0).await;
            rig.collect().await;
        }
        rig.die(0).await;
        assert_eq!(rig.jobs.len(), 1, "{model:?} {crm:?}: its lease runs out");
        rig.run_all().await;
        assert_eq!(rig.said().len(), 1, "{model:?} {crm:?}");
        assert_eq!(rig.verdict(&event), Some("answered"));
        rig.stop().await;
    }
}

#[tokio::test]
async fn a_message_let_go_by_a_dead_worker_is_held_back_when_a_person_spoke_first() {
    let mut rig = Rig::start(at_once()).await;
    rig.plan_crm(CrmPlan::HangBefore);
    rig.client_writes(QUESTION).await;
    rig.collect().await;
    rig.run(0).await;
    rig.collect().await;
    rig.die(0).await;
    rig.person_writes("Я отвечу.").await;
    rig.run_all().await;
    assert!(rig.said().is_empty());
    let messages = rig.messages().await;
    assert_eq!(messages[1].carriage.delivery, Some(Delivery::Suppressed));
    rig.stop().await;
}

#[tokio::test]
async fn when_no_model_answers_a_person_takes_over() {
    let mut rig = Rig::start(at_once()).await;
    for _ in 0..3 {
        rig.plan_model(ModelPlan::Fail);
    }
    let event = rig.client_writes(QUESTION).await;
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    assert_eq!(rig.verdict(&event), Some("handed_off"));
    let conversation = rig.conversation().await;
    let live = conversation.live().unwrap();
    assert_eq!(live.controller, Controller::Human);
    assert_eq!(live.handoff_reason, "model_failed");
    rig.stop().await;
}
