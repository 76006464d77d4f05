//! What people do in live conversations.

use std::sync::Arc;

use t11_core::PageRequest;
use tokio::sync::Notify;
use uuid::Uuid;

use super::QUESTION;
use super::rig::{Rig, at_once};
use super::stand_ins::ModelPlan;
use crate::Error;
use crate::agent::{AnswerMode, Settings};
use crate::conversation::{Author, Controller, Delivery};
use crate::store::{AnsweringFrom, Draft, DraftState, Saying};

fn drafting() -> Settings {
    Settings {
        answer_mode: AnswerMode::Draft,
        ..at_once()
    }
}

async fn only_draft(rig: &Rig) -> Draft {
    let page = PageRequest {
        size: 10,
        cursor: None,
    };
    let mut drafts = rig
        .store
        .drafts(&rig.scope, None, page)
        .await
        .unwrap()
        .items;
    assert_eq!(drafts.len(), 1);
    drafts.remove(0)
}

#[tokio::test]
async fn s44_a_draft_waits_for_a_person_and_expires_when_one_answers_first() {
    let mut rig = Rig::start(drafting()).await;
    let event = rig.client_writes(QUESTION).await;
    rig.run_all().await;
    assert!(rig.said().is_empty());
    assert_eq!(rig.verdict(&event), Some("draft"));
    assert!(rig.conversation().await.live().unwrap().has_draft);

    let draft = only_draft(&rig).await;
    let approve = |draft: &Draft, text: Option<&str>| {
        let (inbox, scope) = (rig.inbox.clone(), rig.scope.clone());
        let (of, id, text) = (draft.conversation_id, draft.id, text.map(str::to_owned));
        async move { inbox.approve(&scope, of, id, text).await }
    };
    let sent = approve(&draft, None).await.unwrap();
    assert_eq!(sent.state, DraftState::Sent);
    let again = approve(&draft, None).await;
    assert!(matches!(again, Err(Error::DraftState)));
    rig.run_all().await;
    assert_eq!(rig.said(), [draft.text]);
    assert_eq!(rig.verdict(&event), Some("answered"));

    rig.client_writes("А сколько идёт доставка?").await;
    rig.run_all().await;
    let draft = only_draft(&rig).await;
    rig.person_writes("Два дня.").await;
    let now = rig.store.draft(&rig.scope, draft.conversation_id, draft.id);
    assert_eq!(now.await.unwrap().state, DraftState::Expired);
    let late = rig
        .inbox
        .approve(&rig.scope, draft.conversation_id, draft.id, None);
    assert!(matches!(late.await, Err(Error::DraftState)));
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    assert!(!rig.conversation().await.live().unwrap().has_draft);
    rig.stop().await;
}

#[tokio::test]
async fn a_draft_goes_out_as_the_person_changed_it_or_not_at_all() {
    let mut rig = Rig::start(drafting()).await;
    rig.client_writes(QUESTION).await;
    rig.run_all().await;
    let draft = only_draft(&rig).await;
    let (of, words) = (draft.conversation_id, "Есть, приезжайте.".to_owned());
    let approved = rig
        .inbox
        .approve(&rig.scope, of, draft.id, Some(words.clone()));
    let approved = approved.await.unwrap();
    assert_eq!(approved.state, DraftState::Edited);
    assert_eq!(approved.sent_text, words);
    rig.run_all().await;
    assert_eq!(rig.said(), [words]);

    let event = rig.client_writes("А кресла есть?").await;
    rig.run_all().await;
    let draft = only_draft(&rig).await;
    let rejecting = rig
        .inbox
        .reject(&rig.scope, of, draft.id, "не то".to_owned());
    assert_eq!(rejecting.await.unwrap().state, DraftState::Rejected);
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    assert_eq!(rig.verdict(&event), Some("draft_rejected"));
    rig.stop().await;
}

#[tokio::test]
async fn a_person_who_takes_over_while_the_model_thinks_silences_it() {
    let mut rig = Rig::start(at_once()).await;
    rig.plan_model(ModelPlan::Hold(Arc::new(Notify::new())));
    rig.client_writes(QUESTION).await;
    rig.collect().await;
    let turn = rig.jobs.remove(0);
    let conversation = rig.conversation().await.id;
    let (inbox, scope) = (rig.inbox.clone(), rig.scope.clone());
    let neighbours = rig.neighbours.clone();
    let meanwhile = async {
        neighbours.reached.notified().await;
        inbox.take_over(&scope, conversation).await.unwrap()
    };
    // The model never answers: the turn ends because the person spoke.
    let (ended, taken) = tokio::join!(rig.lease(&turn), meanwhile);
    ended.unwrap();
    assert_eq!(taken.live().unwrap().controller, Controller::Human);
    rig.run_all().await;
    assert!(rig.said().is_empty());
    rig.stop().await;
}

#[tokio::test]
async fn take_over_and_hand_back() {
    let mut rig = Rig::start(at_once()).await;
    rig.client_writes(QUESTION).await;
    let id = rig.conversation().await.id;
    let taken = rig.inbox.take_over(&rig.scope, id).await.unwrap();
    let again = rig.inbox.take_over(&rig.scope, id).await.unwrap();
    assert_eq!(taken, again, "repeating changes nothing");
    rig.run_all().await;
    assert!(rig.said().is_empty());

    // The client still waits: the agent answers as soon as it has the word.
    rig.hand_back(id).await;
    rig.hand_back(id).await;
    let given = rig.conversation().await;
    assert_eq!(given.live().unwrap().controller, Controller::Bot);
    rig.run_all().await;
    assert_eq!(rig.said().len(), 1);
    rig.stop().await;
}

#[tokio::test]
async fn a_person_writes_from_the_inbox_once_a_request() {
    let mut rig = Rig::start(at_once()).await;
    rig.client_writes(QUESTION).await;
    let id = rig.conversation().await.id;
    let request = Some(Uuid::from_u128(7));
    for _ in 0..2 {
        let text = "Здравствуйте, это Иван.".to_owned();
        rig.inbox.send(&rig.scope, id, text, request).await.unwrap();
    }
    rig.run_all().await;
    assert_eq!(rig.said(), ["Здравствуйте, это Иван."]);
    let conversation = rig.conversation().await;
    assert_eq!(conversation.live().unwrap().controller, Controller::Human);
    let messages = rig.messages().await;
    assert_eq!(messages[1].author, Author::Human);
    assert_eq!(messages[1].carriage.delivery, Some(Delivery::Accepted));
    rig.stop().await;
}

#[tokio::test]
async fn the_test_chat_is_no_live_conversation_and_the_other_way_round() {
    let mut rig = Rig::start(at_once()).await;
    let making = rig
        .store
        .create_conversation(&rig.scope, rig.agent, String::new(), None);
    let test = making.await.unwrap().id;
    let taken = rig.inbox.take_over(&rig.scope, test).await;
    assert!(matches!(taken, Err(Error::ConversationNotLive)));
    rig.client_writes(QUESTION).await;
    let live = rig.conversation().await.id;
    let saying = Saying {
        text: "x".to_owned(),
        from: AnsweringFrom::Draft,
        request_id: None,
    };
    let chatted = rig.store.begin_turn(&rig.scope, live, saying).await;
    assert!(matches!(chatted, Err(Error::ConversationLive)));
    rig.stop().await;
}
