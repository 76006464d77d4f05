//! Leads, and what is done to them.

use serde_json::{Value, json};
use t11_fake_kommo::{Fault, FaultKind};
use t11_proto::crm::v1 as pb;
use t11_proto::crm::v1::EffectState as State;
use t11_proto::crm::v1::apply_effect_request::Effect;
use tonic::{Response, Status};
use uuid::Uuid;

use crate::harness::{ORG, OTHER_ORG, reason, violations};
use crate::scene::Scene;

const LEAD: &str = "GET /api/v4/leads/{id}";
/// The first field of every account: phones of contacts.
const PHONE: i64 = 8001;
const PATCH: &str = "PATCH /api/v4/leads/{id}";

fn name(scene: &Scene, lead: i64) -> String {
    format!("{}/leads/{lead}", scene.connection)
}

async fn get(scene: &Scene) -> Result<pb::Lead, Status> {
    let request = pb::GetLeadRequest {
        name: name(scene, scene.lead()),
    };
    let get = async { scene.crm.leads().get_lead(request).await };
    scene.crm.as_owner(ORG, get).await.map(Response::into_inner)
}

async fn apply(scene: &Scene, key: u128, effect: Effect) -> Result<pb::EffectResult, Status> {
    let request = pb::ApplyEffectRequest {
        lead: name(scene, scene.lead()),
        idempotency_key: Uuid::from_u128(key).to_string(),
        effect: Some(effect),
    };
    let apply = async { scene.crm.leads().apply_effect(request).await };
    let applied = scene.crm.as_agents(ORG, apply).await;
    applied.map(Response::into_inner)
}

/// Applies an effect of which Kommo answers something.
async fn done(scene: &Scene, key: u128, effect: Effect) -> pb::EffectResult {
    apply(scene, key, effect).await.unwrap()
}

async fn refused(scene: &Scene, key: u128, effect: Effect) -> String {
    let result = done(scene, key, effect).await;
    assert_eq!(result.state(), State::Refused, "{result:?}");
    assert!(!result.message.is_empty());
    result.reason
}

fn move_to(pipeline: i64, stage: i64, from: i64) -> pb::MoveStage {
    pb::MoveStage {
        pipeline_id: pipeline,
        stage_id: stage,
        from_pipeline_id: pipeline,
        from_stage_id: from,
        loss_reason_id: 0,
    }
}

fn set(field_id: i64, value: &str) -> pb::SetField {
    pb::SetField {
        entity: "leads".to_owned(),
        field_id,
        value: value.to_owned(),
        overwrite: false,
    }
}

fn read(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

#[tokio::test]
async fn a_lead_is_shown_with_its_contact_as_people_read_it() {
    let scene = Scene::new().await;
    let account = &scene.account;
    let admin = account.users()[0];
    let mode = account.field("AI mode").unwrap();
    let start = account.field("Start date").unwrap();
    account.set_field(scene.lead(), mode, json!("Active"), admin);
    account.set_field(scene.lead(), start, json!(1_795_219_200), admin);
    let lead = get(&scene).await.unwrap();
    assert_eq!(lead.display_name, "telegram: Ana");
    assert_eq!(lead.contact.as_ref().unwrap().display_name, "Ana");
    assert!(!lead.stale && !lead.closed);
    let values = |id| {
        let field = lead.fields.iter().find(|field| field.field_id == id);
        field.map(|field| (field.display_name.as_str(), field.values.clone()))
    };
    assert_eq!(values(mode), Some(("AI mode", vec!["Active".to_owned()])));
    assert_eq!(
        values(start),
        Some(("Start date", vec!["2026-11-21".to_owned()]))
    );
}

#[tokio::test]
async fn while_kommo_is_away_a_lead_is_as_it_was_last_known() {
    let scene = Scene::new().await;
    scene.kommo.fault(Fault::always(LEAD, FaultKind::Internal));
    assert_eq!(reason(get(&scene).await), "KOMMO_UNAVAILABLE");
    scene.kommo.clear_faults();
    let known = get(&scene).await.unwrap();
    scene.kommo.fault(Fault::always(LEAD, FaultKind::Internal));
    let stale = get(&scene).await.unwrap();
    assert!(stale.stale);
    assert_eq!(
        pb::Lead {
            stale: false,
            ..stale
        },
        known
    );
    scene.kommo.clear_faults();
    scene
        .account
        .delete_lead(scene.lead(), scene.account.users()[0]);
    assert_eq!(reason(get(&scene).await), "NOT_FOUND");
}

#[tokio::test]
async fn another_organization_sees_and_does_nothing() {
    let scene = Scene::new().await;
    let request = pb::GetLeadRequest {
        name: name(&scene, scene.lead()),
    };
    let get = async { scene.crm.leads().get_lead(request).await };
    assert_eq!(
        reason(scene.crm.as_owner(OTHER_ORG, get).await),
        "NOT_FOUND"
    );
    let request = pb::ApplyEffectRequest {
        lead: name(&scene, scene.lead()),
        idempotency_key: Uuid::from_u128(1).to_string(),
        effect: Some(Effect::AddTag(pb::AddTag {
            tag: "ai".to_owned(),
            on_contact: false,
        })),
    };
    let apply = async { scene.crm.leads().apply_effect(request).await };
    assert_eq!(
        reason(scene.crm.as_agents(OTHER_ORG, apply).await),
        "NOT_FOUND"
    );
    assert!(scene.account.lead(scene.lead()).unwrap().tags.is_empty());
}

#[tokio::test]
async fn a_lead_is_moved_from_where_it_was_thought_to_be() {
    let scene = Scene::new().await;
    let (pipeline, stages) = scene.account.stages();
    let (incoming, first, second) = (stages[0], stages[1], stages[2]);
    let to_second = Effect::MoveStage(move_to(pipeline, second, first));
    let moved = done(&scene, 1, to_second.clone()).await;
    assert_eq!(moved.state(), State::Done);
    assert_eq!(read(&moved.before_json)["stage_id"], first);
    assert_eq!(read(&moved.after_json)["stage_id"], second);
    assert_eq!(scene.account.lead(scene.lead()).unwrap().status_id, second);
    // The same answer, and no other call.
    let calls = scene.kommo.count(PATCH);
    assert_eq!(done(&scene, 1, to_second.clone()).await, moved);
    assert_eq!(scene.kommo.count(PATCH), calls);
    assert_eq!(done(&scene, 2, to_second).await.state(), State::Unchanged);
    let back = Effect::MoveStage(move_to(pipeline, first, second));
    let admin = scene.account.users()[0];
    scene
        .account
        .move_stage_by_person(scene.lead(), Some(pipeline), stages[3], admin);
    assert_eq!(refused(&scene, 3, back).await, "STAGE_CHANGED");
    for gone in [incoming, 999_999] {
        let to = pb::MoveStage {
            from_stage_id: 0,
            ..move_to(pipeline, gone, 0)
        };
        let key = 4 + u128::try_from(gone).unwrap();
        assert_eq!(
            refused(&scene, key, Effect::MoveStage(to)).await,
            "STAGE_GONE"
        );
    }
}

#[tokio::test]
async fn a_lost_lead_needs_a_reason_where_the_account_has_some() {
    let scene = Scene::new().await;
    let (pipeline, stages) = scene.account.stages();
    let lost = move_to(pipeline, 143, stages[1]);
    assert_eq!(
        refused(&scene, 1, Effect::MoveStage(lost)).await,
        "LOSS_REASON_NEEDED"
    );
    let with_reason = pb::MoveStage {
        loss_reason_id: 1,
        ..lost
    };
    let moved = done(&scene, 2, Effect::MoveStage(with_reason)).await;
    assert_eq!(moved.state(), State::Done);
    assert_eq!(
        scene.account.lead(scene.lead()).unwrap().loss_reason_id,
        Some(1)
    );
}

#[tokio::test]
async fn a_stage_may_need_fields() {
    let scene = Scene::new().await;
    let (pipeline, stages) = scene.account.stages();
    let budget = scene.account.field("Budget").unwrap();
    scene.account.require_field(budget, pipeline, stages[2]);
    let to = move_to(pipeline, stages[2], stages[1]);
    let result = done(&scene, 1, Effect::MoveStage(to)).await;
    assert_eq!(result.reason, "FIELD_REQUIRED");
    assert!(result.message.contains("Budget"));
    done(&scene, 2, Effect::SetField(set(budget, "1 500,50"))).await;
    assert_eq!(
        done(&scene, 3, Effect::MoveStage(to)).await.state(),
        State::Done
    );
}

#[tokio::test]
async fn fields_take_what_people_write() {
    let scene = Scene::new().await;
    let field = |name: &str| scene.account.field(name).unwrap();
    for (key, (name, value, held)) in [
        ("Budget", "1 500,50", "1500.50"),
        ("Start date", "21.11.2026", "2026-11-21"),
        ("AI mode", "human", "Human"),
        ("Format", "Online", "Online"),
        ("Agreed", "да", "true"),
        ("AI reply", " Text ", "Text"),
    ]
    .into_iter()
    .enumerate()
    {
        let key = key as u128;
        let result = done(&scene, key, Effect::SetField(set(field(name), value))).await;
        assert_eq!(result.state(), State::Done, "{name}: {result:?}");
        let lead = get(&scene).await.unwrap();
        let read = lead.fields.iter().find(|one| one.field_id == field(name));
        assert_eq!(read.unwrap().values, [held], "{name}");
    }
    let wishes = done(
        &scene,
        10,
        Effect::SetField(set(field("Wishes"), "weekend, evening")),
    )
    .await;
    assert_eq!(
        read(&wishes.after_json)["values"],
        json!(["Weekend", "Evening"])
    );
}

#[tokio::test]
async fn a_field_keeps_what_it_has_unless_it_may_be_replaced() {
    let scene = Scene::new().await;
    let budget = scene.account.field("Budget").unwrap();
    done(&scene, 1, Effect::SetField(set(budget, "1500"))).await;
    let same = done(&scene, 2, Effect::SetField(set(budget, "1500.00"))).await;
    assert_eq!(same.state(), State::Unchanged);
    let other = Effect::SetField(set(budget, "2000"));
    assert_eq!(refused(&scene, 3, other).await, "FIELD_HAS_VALUE");
    let replacing = pb::SetField {
        overwrite: true,
        ..set(budget, "2000")
    };
    let replaced = done(&scene, 4, Effect::SetField(replacing)).await;
    assert_eq!(read(&replaced.before_json)["values"], json!(["1500"]));
    assert_eq!(read(&replaced.after_json)["values"], json!(["2000"]));
}

#[tokio::test]
async fn what_a_field_cannot_hold_is_refused() {
    let scene = Scene::new().await;
    let field = |name: &str| scene.account.field(name).unwrap();
    for (key, (field, value, reason)) in [
        (field("Budget"), "a lot", "FIELD_VALUE"),
        (field("AI mode"), "Sleeping", "FIELD_VALUE"),
        (field("Start date"), "soon", "FIELD_VALUE"),
        (999_999, "1", "FIELD_GONE"),
    ]
    .into_iter()
    .enumerate()
    {
        let effect = Effect::SetField(set(field, value));
        assert_eq!(
            refused(&scene, key as u128, effect).await,
            reason,
            "{value}"
        );
    }
    let entity = pb::SetField {
        entity: "companies".to_owned(),
        ..set(1, "x")
    };
    let broken = violations(apply(&scene, 9, Effect::SetField(entity)).await);
    assert!(
        broken.contains(&("set_field.entity".to_owned(), "UNKNOWN".to_owned())),
        "{broken:?}"
    );
}

#[tokio::test]
async fn a_contacts_phone_is_made_international() {
    let scene = Scene::new().await;
    let contact = |value: &str| {
        Effect::SetField(pb::SetField {
            entity: "contacts".to_owned(),
            ..set(PHONE, value)
        })
    };
    assert_eq!(refused(&scene, 1, contact("12345")).await, "FIELD_VALUE");
    // The account is in the United States.
    let result = done(&scene, 2, contact("(555) 010-0123")).await;
    assert_eq!(read(&result.after_json)["values"], json!(["+15550100123"]));
    let lead = get(&scene).await.unwrap();
    let fields = lead.contact.unwrap().fields;
    assert_eq!(
        (fields[0].code.as_str(), &fields[0].values[..]),
        ("PHONE", &["+15550100123".to_owned()][..])
    );
}

#[tokio::test]
async fn tags_and_people_are_changed() {
    let scene = Scene::new().await;
    let tag = |tag: &str| {
        Effect::AddTag(pb::AddTag {
            tag: tag.to_owned(),
            on_contact: false,
        })
    };
    let untag = |tag: &str| {
        Effect::RemoveTag(pb::RemoveTag {
            tag: tag.to_owned(),
            on_contact: false,
        })
    };
    assert_eq!(done(&scene, 1, tag("ai")).await.state(), State::Done);
    assert_eq!(done(&scene, 2, tag("evening")).await.state(), State::Done);
    assert_eq!(done(&scene, 3, tag("ai")).await.state(), State::Unchanged);
    assert_eq!(done(&scene, 4, untag("ai")).await.state(), State::Done);
    assert_eq!(done(&scene, 5, untag("ai")).await.state(), State::Unchanged);
    assert_eq!(scene.account.lead(scene.lead()).unwrap().tags, ["evening"]);
    let assign = |user_id| Effect::Assign(pb::Assign { user_id });
    let ivan = scene.account.users()[1];
    assert_eq!(done(&scene, 6, assign(ivan)).await.state(), State::Done);
    assert_eq!(
        scene
            .account
            .lead(scene.lead())
            .unwrap()
            .responsible_user_id,
        ivan
    );
    assert_eq!(refused(&scene, 7, assign(999_999)).await, "USER_GONE");
}

#[tokio::test]
async fn tags_and_notes_go_to_the_contact_too() {
    let scene = Scene::new().await;
    let tag = || {
        Effect::AddTag(pb::AddTag {
            tag: "vip".to_owned(),
            on_contact: true,
        })
    };
    let tagged = done(&scene, 1, tag()).await;
    assert_eq!(tagged.state(), State::Done);
    assert_eq!(tagged.after_json, r#"{"tags":["vip"]}"#);
    assert_eq!(done(&scene, 2, tag()).await.state(), State::Unchanged);
    let lead = scene.account.lead(scene.lead()).unwrap();
    assert!(lead.tags.is_empty(), "{lead:?}");
    let untag = Effect::RemoveTag(pb::RemoveTag {
        tag: "vip".to_owned(),
        on_contact: true,
    });
    assert_eq!(done(&scene, 3, untag).await.after_json, r#"{"tags":[]}"#);
    let note = Effect::AddNote(pb::AddNote {
        text: "Prefers mornings".to_owned(),
        on_contact: true,
    });
    let noted = done(&scene, 4, note).await;
    assert!(!noted.created_id.is_empty());
    assert!(scene.account.notes_of(scene.lead()).is_empty());
}

#[tokio::test]
async fn tasks_notes_and_bots_are_made() {
    let scene = Scene::new().await;
    let task = pb::CreateTask {
        text: "Call Ana".to_owned(),
        complete_till: Some(prost_types::Timestamp {
            seconds: 1_900_000_000,
            nanos: 5,
        }),
        ..Default::default()
    };
    let made = done(&scene, 1, Effect::CreateTask(task.clone())).await;
    let tasks = scene.account.tasks_of(scene.lead());
    assert_eq!((tasks.len(), tasks[0].id.to_string()), (1, made.created_id));
    assert_eq!(tasks[0].complete_till, 1_900_000_000);
    let lead = scene.account.lead(scene.lead()).unwrap();
    assert_eq!(tasks[0].responsible_user_id, lead.responsible_user_id);
    let unknown = pb::CreateTask {
        task_type_id: 999,
        ..task
    };
    assert_eq!(
        refused(&scene, 2, Effect::CreateTask(unknown)).await,
        "REFUSED_BY_KOMMO"
    );
    let note = Effect::AddNote(pb::AddNote {
        text: "Asked for the price".to_owned(),
        on_contact: false,
    });
    let noted = done(&scene, 3, note).await;
    assert_eq!(
        scene.account.notes_of(scene.lead())[0].id.to_string(),
        noted.created_id
    );
    let (_, bot) = scene.add_field_bot();
    let run = |bot_id| Effect::RunSalesbot(pb::RunSalesbot { bot_id });
    assert_eq!(done(&scene, 4, run(bot)).await.state(), State::Done);
    assert_eq!(refused(&scene, 5, run(999_999)).await, "REFUSED_BY_KOMMO");
}

#[tokio::test]
async fn a_bot_that_may_run_is_not_started_again() {
    let scene = Scene::new().await;
    const RUN: &str = "POST /api/v4/bots/{id}/run";
    let (_, bot_id) = scene.add_field_bot();
    let run = Effect::RunSalesbot(pb::RunSalesbot { bot_id });
    scene
        .kommo
        .fault(Fault::once(RUN, FaultKind::CutAfterEffect));
    assert_eq!(
        reason(apply(&scene, 1, run.clone()).await),
        "KOMMO_OUTCOME_UNKNOWN"
    );
    scene.advance(200);
    assert_eq!(reason(apply(&scene, 1, run).await), "EFFECT_UNKNOWN");
    assert_eq!(scene.kommo.count(RUN), 1);
}

#[tokio::test]
async fn a_change_whose_answer_was_lost_is_seen_at_the_lead() {
    let scene = Scene::new().await;
    let (pipeline, stages) = scene.account.stages();
    let to = Effect::MoveStage(move_to(pipeline, stages[2], stages[1]));
    scene
        .kommo
        .fault(Fault::once(PATCH, FaultKind::CutAfterEffect));
    reason(apply(&scene, 1, to.clone()).await);
    let moved = done(&scene, 1, to).await;
    assert_eq!(moved.state(), State::Done);
    assert_eq!(read(&moved.before_json)["stage_id"], stages[1]);
    assert_eq!(read(&moved.after_json)["stage_id"], stages[2]);
    assert_eq!(scene.kommo.count(PATCH), 1);
}

#[tokio::test]
async fn a_lead_that_is_gone_is_left_alone() {
    let scene = Scene::new().await;
    scene
        .account
        .delete_lead(scene.lead(), scene.account.users()[0]);
    let tag = Effect::AddTag(pb::AddTag {
        tag: "ai".to_owned(),
        on_contact: false,
    });
    assert_eq!(refused(&scene, 1, tag).await, "LEAD_GONE");
}

#[tokio::test]
async fn a_key_is_of_one_effect() {
    let scene = Scene::new().await;
    let tag = |tag: &str| {
        Effect::AddTag(pb::AddTag {
            tag: tag.to_owned(),
            on_contact: false,
        })
    };
    done(&scene, 1, tag("ai")).await;
    let reused = violations(apply(&scene, 1, tag("vip")).await);
    assert_eq!(
        reused,
        [("idempotency_key".to_owned(), "REUSED".to_owned())]
    );
    assert_eq!(scene.account.lead(scene.lead()).unwrap().tags, ["ai"]);
}
