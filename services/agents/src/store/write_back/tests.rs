mod crm;

use std::sync::Arc;

use chrono::Utc;
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, QueryFilter as _, Statement};
use serde_json::json;
use t11_core::format_name;
use t11_grpc::as_service;
use t11_runtime::{JobHandler as _, RunningJob};
use t11_store::{StoreError, System};

use super::*;
use crate::clients::leads::Leads;
use crate::jobs::apply_effect::ApplyEffect;
use crate::memory::{Candidate, MemoryKind, MemorySource, client_key, listed};
use crate::playbook::{NewResponse, PlayState};
use crate::store::actions::{Applied, overlay};
use crate::store::entity::play_use;
use crate::store::testing::TestStore;
use crate::store::{agents, conversations, turns};
use crate::turn::{Action, ActionState, Effect, Outcome};

const LEAD: LeadRef = LeadRef {
    connection_id: Uuid::from_u128(1),
    lead_id: 77,
};

fn report(actions: Vec<Action>) -> Report {
    Report {
        state: State::Sent,
        outcome: Outcome::Answered,
        actions,
        ..Report::empty()
    }
}

fn proposed(effect: Effect) -> Action {
    Action {
        kind: "x".to_owned(),
        state: ActionState::Proposed,
        effect: Some(effect),
        ..Action::default()
    }
}

fn set_budget() -> Action {
    proposed(Effect::SetField {
        entity: crate::crm_settings::FieldEntity::Leads,
        field_id: 31,
        value: "1".to_owned(),
        overwrite: false,
    })
}

fn moved() -> Action {
    proposed(Effect::MoveStage {
        pipeline_id: 1,
        stage_id: 12,
        from_pipeline_id: 1,
        from_stage_id: 11,
        loss_reason_id: 0,
        needs_fields: vec![31],
    })
}

fn fact(key: &str, content: &str, source: MemorySource) -> Candidate {
    Candidate {
        kind: MemoryKind::Fact,
        key: key.to_owned(),
        content: content.to_owned(),
        source,
    }
}

/// A conversation with a turn, in a store of its own.
struct Desk {
    store: TestStore,
    conversation: Uuid,
}

impl Desk {
    async fn new() -> Self {
        let store = TestStore::new().await;
        let draft = crate::agent::Draft {
            display_name: "Анна".to_owned(),
            settings: crate::agent::Settings::default(),
        };
        let agent = store.create_agent(&store.scope, draft, None).await.unwrap();
        let made = store.create_conversation(&store.scope, agent.id, String::new(), None);
        let conversation = made.await.unwrap().id;
        Self {
            store,
            conversation,
        }
    }

    /// Ends a turn with `report`; its id.
    async fn end(&self, report: Report, state: State, is_live: bool) -> Uuid {
        let world = self.store.world.clone();
        let (turn_id, conversation) = (world.new_id(), self.conversation);
        let ending = self
            .store
            .db
            .write(&self.store.scope, move |tx| async move {
                let held = conversations::held(&tx, conversation).await?;
                let agent = agents::by_id(&tx, held.agent_id.unwrap()).await?;
                let row = turns::begun(&tx, turn_id, conversation, &agent, Utc::now())?;
                turns::insert(&tx, row).await?;
                turns::update(&tx, turn_id, &report).await?;
                let ending = Ending {
                    conversation_id: conversation,
                    turn_id,
                    client: "c",
                    memory_days: 365,
                    lead: Some(LEAD),
                    is_live,
                    state,
                };
                keep(&tx, &world, &ending, &report).await
            });
        Box::pin(ending).await.unwrap();
        turn_id
    }

    /// The actions whose jobs are in the outbox, in order.
    async fn enqueued(&self) -> Vec<Uuid> {
        let read = self.store.db.read(System("test"), |tx| async move {
            let sql = "SELECT payload FROM outbox WHERE kind = 'agents.apply_effect' \
                       ORDER BY position";
            let statement = Statement::from_string(tx.get_database_backend(), sql);
            let rows = tx.query_all_raw(statement).await?;
            let payloads: Result<Vec<Vec<u8>>, _> =
                rows.iter().map(|row| row.try_get_by_index(0)).collect();
            Ok::<_, StoreError>(payloads?)
        });
        let payloads = read.await.unwrap().into_iter();
        payloads
            .map(|payload| crate::jobs::apply_effect::read(&payload).unwrap())
            .collect()
    }

    async fn states(&self, turn: Uuid, actions: Vec<Action>) -> Vec<String> {
        let read = self.store.db.read(&self.store.scope, move |tx| async move {
            let mut actions = actions;
            overlay(&tx, turn, &mut actions).await?;
            Ok::<_, Error>(actions)
        });
        let actions = read.await.unwrap().into_iter();
        actions
            .map(|action| format!("{} {}", action.state.as_str(), action.reason))
            .collect()
    }
}

#[tokio::test]
async fn actions_are_done_one_after_another_and_say_how_they_fared() {
    let desk = Desk::new().await;
    let actions = vec![set_budget(), moved()];
    let turn = desk.end(report(actions.clone()), State::Sent, true).await;
    let enqueued = desk.enqueued().await;
    assert_eq!(enqueued.len(), 2);

    let (store, scope) = (&desk.store, &desk.store.scope);
    let first = store
        .pending_action(scope, enqueued[0])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (first.lead, &first.effect),
        (LEAD, actions[0].effect.as_ref().unwrap())
    );
    // A move that leans on the field waits for it to be written.
    let second = store
        .pending_action(scope, enqueued[1])
        .await
        .unwrap()
        .unwrap();
    assert!(second.needs_missing);
    let done = Applied {
        state: ActionState::Done,
        reason: String::new(),
        before: Some(json!({"value": ""})),
        after: Some(json!({"value": "1"})),
    };
    store.end_action(scope, enqueued[0], done).await.unwrap();
    assert_eq!(
        store.pending_action(scope, enqueued[0]).await.unwrap(),
        None
    );
    let second = store
        .pending_action(scope, enqueued[1])
        .await
        .unwrap()
        .unwrap();
    assert!(!second.needs_missing);
    let refused = Applied::not(ActionState::Refused, "STAGE_CHANGED");
    store
        .end_action(scope, enqueued[1], refused.clone())
        .await
        .unwrap();
    // What has ended stays as it is.
    store.end_action(scope, enqueued[0], refused).await.unwrap();
    let states = desk.states(turn, actions).await;
    assert_eq!(states, ["done ", "refused STAGE_CHANGED"]);
}

#[tokio::test]
async fn what_a_draft_would_do_waits_for_its_approval_and_a_test_does_nothing() {
    let desk = Desk::new().await;
    let turn = desk
        .end(report(vec![set_budget()]), State::Draft, true)
        .await;
    assert!(desk.enqueued().await.is_empty());
    let world = desk.store.world.clone();
    let releasing = desk
        .store
        .db
        .write(&desk.store.scope, move |tx| async move {
            actions::release(&tx, &world, turn).await
        });
    releasing.await.unwrap();
    assert_eq!(desk.enqueued().await.len(), 1);
    desk.end(report(vec![set_budget()]), State::Sent, false)
        .await;
    assert_eq!(desk.enqueued().await.len(), 1);
}

#[tokio::test]
async fn without_a_lead_nothing_is_proposed() {
    let mut actions = vec![set_budget()];
    actions::bind(&mut actions, Some(LEAD));
    assert_eq!(actions[0].state, ActionState::Proposed);
    actions::bind(&mut actions, None);
    assert_eq!(
        (actions[0].state, actions[0].reason.as_str()),
        (ActionState::Refused, "no_lead")
    );
}

#[tokio::test]
async fn a_use_counts_once_and_succeeds_when_the_client_answers() {
    let desk = Desk::new().await;
    let given = NewResponse {
        objection_type: "price".to_owned(),
        phrases: Vec::new(),
        response: "Каркас из берёзы.".to_owned(),
        technique: String::new(),
        max_discount_percent: None,
        agent: None,
        stages: Vec::new(),
        escalate_after: 0,
        state: PlayState::Published,
    };
    let (store, scope) = (&desk.store, &desk.store.scope);
    let made = store.create_response(scope, given, None).await.unwrap();
    let counts = || async {
        let counts = store.response(scope, made.id).await.unwrap().counts;
        (counts.usage, counts.success)
    };
    let mut said = report(Vec::new());
    said.plays = vec![format_name("objectionResponses", made.id)];
    desk.end(said.clone(), State::Sent, false).await;
    assert_eq!(counts().await, (0, 0), "a test counts nothing");
    desk.end(said.clone(), State::Sent, true).await;
    assert_eq!(counts().await, (1, 0));
    desk.end(report(Vec::new()), State::Sent, true).await;
    assert_eq!(counts().await, (1, 1));
    desk.end(report(Vec::new()), State::Sent, true).await;
    assert_eq!(counts().await, (1, 1));
    assert!(
        store
            .response(scope, made.id)
            .await
            .unwrap()
            .counts
            .effectiveness()
            > 0.2
    );

    // Who answers after two days does not answer to it.
    desk.end(said, State::Sent, true).await;
    let aging = store.db.write(scope, |tx| async move {
        let old = Utc::now() - chrono::TimeDelta::days(2);
        tx.update_many::<play_use::Entity>()?
            .filter(play_use::Column::Succeeded.eq(false))
            .col_expr(
                play_use::Column::CreateTime,
                sea_orm::sea_query::Expr::value(old),
            )
            .exec(&tx)
            .await
            .map_err(StoreError::from)?;
        Ok::<_, Error>(())
    });
    aging.await.unwrap();
    desk.end(report(Vec::new()), State::Sent, true).await;
    assert_eq!(counts().await, (2, 1));
}

#[tokio::test]
async fn memories_are_kept_outdone_listed_and_forgotten() {
    let desk = Desk::new().await;
    let (store, scope) = (&desk.store, &desk.store.scope);
    let remember = |candidates: Vec<Candidate>| {
        let mut learnt = report(Vec::new());
        learnt.memories = candidates;
        desk.end(learnt, State::Sent, false)
    };
    remember(vec![fact("city", "Казань", MemorySource::Conversation)]).await;
    remember(vec![fact("city", "казань", MemorySource::Inferred)]).await;
    remember(vec![fact("city", "Тула", MemorySource::Conversation)]).await;
    remember(vec![
        fact("name", "Мария", MemorySource::Crm),
        fact("name", "Анна", MemorySource::Conversation),
    ])
    .await;
    let seen = || async {
        let memories = listed(store.memories(scope, "c".to_owned()).await.unwrap());
        let seen = memories.iter().map(|m| (m.content.clone(), m.conflict));
        let mut seen: Vec<_> = seen.collect();
        seen.sort();
        seen
    };
    let expected = [("Анна", true), ("Мария", true), ("Тула", false)];
    let expected: Vec<_> = expected
        .map(|(text, conflict)| (text.to_owned(), conflict))
        .into();
    assert_eq!(seen().await, expected);
    // Said again, it is not kept again.
    remember(vec![fact("name", "Анна", MemorySource::Conversation)]).await;
    assert_eq!(seen().await, expected);

    let other = crate::store::testing::scope(t11_core::OrgId(Uuid::from_u128(404)));
    assert!(
        store
            .memories(&other, "c".to_owned())
            .await
            .unwrap()
            .is_empty()
    );
    assert!(!store.forget(&other, "c".to_owned(), None).await.unwrap());
    let all = store.memories(scope, "c".to_owned()).await.unwrap();
    assert!(
        store
            .forget(scope, "c".to_owned(), Some(all[0].id))
            .await
            .unwrap()
    );
    assert!(
        !store
            .forget(scope, "c".to_owned(), Some(all[0].id))
            .await
            .unwrap()
    );
    assert!(store.forget(scope, "c".to_owned(), None).await.unwrap());
    assert!(seen().await.is_empty());
}

#[test]
fn a_client_is_the_contact_of_its_account_or_the_conversation() {
    let conversation = Uuid::from_u128(9);
    let own = format_name("conversations", conversation);
    assert_eq!(client_key(None, conversation), own);
    assert_eq!(client_key(Some((Uuid::from_u128(1), 0)), conversation), own);
    let contact = client_key(Some((Uuid::from_u128(1), 5)), conversation);
    assert!(contact.starts_with("connections/") && contact.ends_with("/contacts/5"));
}

#[tokio::test]
async fn the_job_does_an_action_once_and_gives_up_what_cannot_be_done() {
    let data = tempfile::tempdir().unwrap();
    let mesh = crm::start(data.path()).await;
    let desk = Desk::new().await;
    let actions = vec![set_budget(), set_budget(), set_budget()];
    let turn = desk.end(report(actions.clone()), State::Sent, true).await;
    let handler = ApplyEffect {
        store: desk.store.clone(),
        leads: Arc::new(Leads::new(mesh.context().peer("crm"))),
    };
    let run = |action: Uuid, attempt: i32| {
        let job = crate::jobs::apply_effect::job(&desk.store.world, desk.conversation, action);
        let org = desk.store.scope.org();
        let mut job = RunningJob::detached("agents", &job.kind, job.payload, org);
        job.attempt = attempt;
        let (handler, context) = (&handler, mesh.context());
        async move {
            let running = handler.run(&job);
            as_service(&context.signer(), &context.world(), "agents", org, running).await
        }
    };
    let ids = desk.enqueued().await;
    run(ids[0], 0).await.unwrap();
    // A second run asks nobody.
    run(ids[0], 1).await.unwrap();
    assert_eq!(crm::ACCOUNT.lock().asked.len(), 1);
    let asked = crm::ACCOUNT.lock().asked[0].clone();
    assert_eq!(asked.idempotency_key, ids[0].to_string());
    assert_eq!(
        asked.lead,
        format!("connections/{}/leads/77", Uuid::from_u128(1))
    );

    crm::ACCOUNT.lock().faults = vec![tonic::Status::unavailable("later")];
    assert!(
        run(ids[1], 0)
            .await
            .is_err_and(|failure| !failure.permanent)
    );
    assert_eq!(desk.states(turn, actions.clone()).await[1], "proposed ");
    crm::ACCOUNT.lock().faults = vec![tonic::Status::unavailable("never")];
    run(ids[1], 8).await.unwrap();
    crm::ACCOUNT.lock().faults = vec![tonic::Status::failed_precondition("not connected")];
    run(ids[2], 0).await.unwrap();
    let states = desk.states(turn, actions).await;
    let fared: Vec<_> = states
        .iter()
        .map(|state| state.split(' ').next().unwrap())
        .collect();
    assert_eq!(fared, ["done", "failed", "failed"]);
    mesh.stop().await;
}
