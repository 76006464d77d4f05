use std::sync::Arc;

use super::super::known::{FieldValue, Lead};
use super::*;
use crate::catalog::{Catalog, Pipeline, Stage};
use crate::crm_settings::CrmRules;

fn proposed(kind: &str, detail: Value) -> Proposed {
    Proposed {
        kind: kind.to_owned(),
        detail,
    }
}

fn stage(stage_id: i64, name: &str) -> Stage {
    Stage {
        stage_id,
        display_name: name.to_owned(),
        gone: false,
    }
}

fn field(field_id: i64, name: &str, kind: &str) -> Field {
    Field {
        field_id,
        entity: "leads".to_owned(),
        display_name: name.to_owned(),
        kind: kind.to_owned(),
        ..Field::default()
    }
}

fn way(to_stage_id: i64, mode: MoveMode, needed: &[i64]) -> StageMove {
    StageMove {
        pipeline_id: 1,
        from_stage_id: 11,
        to_stage_id,
        mode,
        min_confidence: 0.7,
        needed_field_ids: needed.to_vec(),
        condition: String::new(),
    }
}

fn write(field_id: i64, overwrite: bool) -> FieldWrite {
    FieldWrite {
        entity: FieldEntity::Leads,
        field_id,
        condition: String::new(),
        overwrite,
    }
}

fn crm() -> Crm {
    let stages = vec![
        stage(11, "Новые"),
        stage(12, "Бюджет известен"),
        stage(13, "Договор"),
        stage(LOST, "Потеряно"),
    ];
    let catalog = Catalog {
        pipelines: vec![Pipeline {
            pipeline_id: 1,
            stages,
            ..Pipeline::default()
        }],
        fields: vec![field(31, "Бюджет", "numeric"), field(32, "Город", "text")],
        users: vec![User {
            user_id: 5,
            display_name: "Ольга".to_owned(),
            email: "olga@example.com".to_owned(),
            gone: false,
        }],
        loss_reasons: vec![LossReason {
            loss_reason_id: 9,
            display_name: "Дорого".to_owned(),
        }],
    };
    Crm {
        connection: uuid::Uuid::nil(),
        rules: CrmRules {
            stage_moves: vec![
                way(12, MoveMode::Auto, &[31]),
                way(13, MoveMode::Suggest, &[]),
                way(LOST, MoveMode::Auto, &[]),
            ],
            write_fields: vec![write(31, true), write(32, false)],
            salesbot_ids: vec![77],
            ..CrmRules::default()
        },
        stage: None,
        catalog: Arc::new(catalog),
        lead: Lead {
            lead_id: 1,
            pipeline_id: 1,
            stage_id: 11,
            fields: vec![FieldValue {
                entity: FieldEntity::Leads,
                field_id: 32,
                code: String::new(),
                display_name: "Город".to_owned(),
                values: vec!["Казань".to_owned()],
            }],
            ..Lead::default()
        },
    }
}

fn judged(crm: Option<&Crm>, strict: bool, proposed: &[Proposed]) -> Vec<Action> {
    let tools = Tools {
        crm,
        mode: Mode::Live,
        strict,
        now: DateTime::UNIX_EPOCH,
        client_texts: &[],
    };
    tools.judge(proposed)
}

/// `kind reason`, or `kind state` of what is allowed.
fn seen(proposals: &[(&str, Value)]) -> Vec<String> {
    let list: Vec<_> = proposals
        .iter()
        .map(|(kind, detail)| proposed(kind, detail.clone()))
        .collect();
    let actions = judged(Some(&crm()), false, &list).into_iter();
    actions
        .map(|action| match action.reason.as_str() {
            "" => format!("{} {}", action.kind, action.state.as_str()),
            reason => format!("{} {reason}", action.kind),
        })
        .collect()
}

fn to(name: &str) -> Value {
    json!({"name": name, "confidence": 0.9})
}

#[test]
fn only_what_the_matrix_lists_moves() {
    assert_eq!(
        seen(&[
            ("move_stage", to("Бюджет известен")),
            ("move_stage", to("договор")),
            ("move_stage", to("Новые")),
            ("move_stage", to("12")),
            ("move_stage", json!({"stage_id": 12, "confidence": 1})),
            ("move_stage", json!({"name": "Договор", "confidence": 0.5})),
            ("move_stage", json!({"name": "Договор", "confidence": "1"})),
            ("move_stage", json!({"name": "Договор", "confidence": 40})),
        ]),
        [
            "move_stage field_needed",
            "move_stage suggested",
            "move_stage no_rule_allows",
            "move_stage no_rule_allows",
            "move_stage no_rule_allows",
            "move_stage confidence_too_low",
            "move_stage confidence_too_low",
            "move_stage confidence_too_low",
        ]
    );
}

#[test]
fn a_needed_field_may_be_written_by_the_same_turn() {
    let both = [
        ("move_stage", to("Бюджет известен")),
        ("set_field", json!({"name": "Бюджет", "value": "100 000"})),
    ];
    assert_eq!(seen(&both), ["set_field proposed", "move_stage proposed"]);
    let list: Vec<_> = both
        .iter()
        .map(|(kind, detail)| proposed(kind, detail.clone()))
        .collect();
    let actions = judged(Some(&crm()), false, &list);
    let moved = actions[1].effect.clone().unwrap();
    assert!(
        matches!(moved, Effect::MoveStage { needs_fields, from_stage_id: 11, .. } if needs_fields == [31])
    );
}

#[test]
fn a_lost_lead_needs_a_reason_of_the_account() {
    let lost = |value: &str| json!({"name": "Потеряно", "confidence": 1, "value": value});
    assert_eq!(
        seen(&[
            ("move_stage", lost("")),
            ("move_stage", lost("так")),
            ("move_stage", lost("дорого"))
        ]),
        [
            "move_stage loss_reason_needed",
            "move_stage loss_reason_needed",
            "move_stage proposed",
        ]
    );
}

#[test]
fn fields_are_written_by_their_rules() {
    assert_eq!(
        seen(&[
            ("set_field", json!({"name": "Город", "value": "Тула"})),
            ("set_field", json!({"name": "Город", "value": "Казань"})),
            ("set_field", json!({"name": "Секрет", "value": "1"})),
            ("set_field", json!({"field_id": 31, "value": "1"})),
            ("set_field", json!({"name": "Бюджет", "value": "1"})),
            ("set_field", json!({"name": "Бюджет", "value": "2"})),
        ]),
        [
            "set_field field_has_value",
            "set_field unchanged",
            "set_field no_rule_allows",
            "set_field no_rule_allows",
            "set_field proposed",
            "set_field contradicts",
        ]
    );
}

#[test]
fn people_and_bots_are_those_of_the_account_and_the_settings() {
    assert_eq!(
        seen(&[
            ("assign", json!({"name": "ольга"})),
            ("assign", json!({"name": "Ольга"})),
            ("assign", json!({"name": "5"})),
            ("run_salesbot", json!({"name": "bot"})),
            ("run_salesbot", json!({"name": "bot (2)"})),
            ("run_salesbot", json!({"name": "78"})),
        ]),
        [
            "assign proposed",
            "assign contradicts",
            "assign no_rule_allows",
            "run_salesbot proposed",
            "run_salesbot no_rule_allows",
            "run_salesbot no_rule_allows",
        ]
    );
}

#[test]
fn contradictions_repeats_and_what_is_unknown() {
    assert_eq!(
        seen(&[
            ("add_tag", json!({"name": "VIP"})),
            ("remove_tag", json!({"name": "vip"})),
            ("add_note", json!({"text": "x"})),
            ("add_note", json!({"text": "x"})),
            ("add_note", json!([1, 2])),
            ("delete_everything", json!({"text": "x"})),
        ]),
        [
            "add_tag proposed",
            "remove_tag contradicts",
            "add_note proposed",
            "add_note contradicts",
            "add_note empty",
            "delete_everything unknown_action",
        ]
    );
}

#[test]
fn nothing_is_done_in_strict_mode_nor_beyond_the_cap_nor_blindly() {
    let task = |n: i32| proposed("create_task", json!({"text": format!("x{n}")}));
    assert_eq!(judged(None, true, &[task(0)])[0].reason, "strict_mode");
    let many: Vec<_> = (0..50).map(task).collect();
    let actions = judged(Some(&crm()), false, &many);
    let done = actions.iter().filter(|a| a.state == ActionState::Proposed);
    assert_eq!((done.count(), actions.len()), (MOST_ACTIONS, MOST_KEPT));
    let mut stale = crm();
    stale.lead.stale = true;
    assert_eq!(
        judged(Some(&stale), false, &[task(0)])[0].reason,
        "crm_unreachable"
    );
    let mut none = crm();
    none.lead.lead_id = 0;
    assert_eq!(judged(Some(&none), false, &[task(0)])[0].reason, "no_lead");
}

#[test]
fn ids_the_model_smuggles_in_are_dropped() {
    let actions = judged(
        None,
        false,
        &[proposed("add_note", json!({"text": "hi", "lead_id": 7}))],
    );
    assert_eq!(actions[0].detail, json!({"text": "hi"}));
    let moves = judged(None, false, &[proposed("move_stage", to("Договор"))]);
    assert_eq!(moves[0].reason, "no_rule_allows");
}

#[test]
fn the_menu_lists_what_may_be_chosen() {
    let crm = crm();
    let tools = |strict| Tools {
        crm: Some(&crm),
        mode: Mode::Live,
        strict,
        now: DateTime::UNIX_EPOCH,
        client_texts: &[],
    };
    let menu = tools(false).menu();
    for line in [
        "move_stage name=\"Бюджет известен\"",
        "one of \"Дорого\"",
        "set_field name=\"Город\"",
        "run_salesbot name=\"bot\"",
    ] {
        assert!(menu.contains(line), "{line} in {menu}");
    }
    assert_eq!(tools(true).menu(), "");
}
