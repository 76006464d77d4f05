use std::sync::Arc;

use chrono::DateTime;
use uuid::Uuid;

use super::super::known::{Crm, FieldValue, Lead};
use super::*;
use crate::catalog::Catalog;
use crate::crm_settings::{CrmRules, FieldRead, FieldWrite};
use crate::playbook::{Counts, NewResponse, PlayState};

fn script(name: &str, script_type: &str, content: &str) -> Script {
    Script {
        id: Uuid::from_u128(name.len() as u128),
        given: NewScript {
            display_name: name.to_owned(),
            script_type: script_type.to_owned(),
            content: content.to_owned(),
            variables: Vec::new(),
            agent: None,
            stages: Vec::new(),
            languages: Vec::new(),
            verbatim: false,
            state: PlayState::Published,
        },
        counts: Counts::default(),
        revision: 1,
        create_time: DateTime::UNIX_EPOCH,
        update_time: DateTime::UNIX_EPOCH,
    }
}

fn response(id: u128, text: &str, phrases: &[&str]) -> ObjectionResponse {
    ObjectionResponse {
        id: Uuid::from_u128(id),
        given: NewResponse {
            objection_type: "price".to_owned(),
            phrases: phrases.iter().map(ToString::to_string).collect(),
            response: text.to_owned(),
            technique: String::new(),
            max_discount_percent: None,
            agent: None,
            stages: Vec::new(),
            escalate_after: 0,
            state: PlayState::Published,
        },
        counts: Counts::default(),
        revision: 1,
        create_time: DateTime::UNIX_EPOCH,
        update_time: DateTime::UNIX_EPOCH,
    }
}

fn field(id: i64, name: &str, value: &str) -> FieldValue {
    FieldValue {
        entity: FieldEntity::Leads,
        field_id: id,
        code: String::new(),
        display_name: name.to_owned(),
        values: vec![value.to_owned()],
    }
}

/// A lead whose budget the agent writes itself and whose city it does not.
fn known() -> Known {
    let read = |field_id| FieldRead {
        entity: FieldEntity::Leads,
        field_id,
    };
    let rules = CrmRules {
        read_fields: vec![read(1), read(2)],
        write_fields: vec![FieldWrite {
            entity: FieldEntity::Leads,
            field_id: 1,
            condition: String::new(),
            overwrite: true,
        }],
        ..CrmRules::default()
    };
    let lead = Lead {
        lead_id: 1,
        pipeline_id: 1,
        stage_id: 11,
        contact_display_name: "Мария".to_owned(),
        fields: vec![
            field(1, "Бюджет", "90 000 ₽"),
            field(2, "Город", "Казань"),
            field(3, "Секрет", "закупка 10 ₽"),
        ],
        ..Lead::default()
    };
    Known {
        crm: Some(Crm {
            connection: Uuid::nil(),
            rules,
            stage: None,
            catalog: Arc::new(Catalog::default()),
            lead,
        }),
        ..Known::default()
    }
}

fn wanted(objection: Option<&str>) -> Wanted<'_> {
    Wanted {
        intent: Intent::Question,
        objection,
        language: Language::Russian,
        first: false,
    }
}

fn chosen(known: &Known, wanted: &Wanted<'_>) -> Vec<String> {
    let plays = choose(known, wanted).chosen.into_iter();
    plays
        .map(|play| format!("{} {}", play.id, play.text))
        .collect()
}

fn variable(name: &str, source: VariableSource, required: bool) -> Variable {
    Variable {
        variable: name.to_owned(),
        required,
        default_value: String::new(),
        source,
    }
}

#[test]
fn one_script_of_the_stage_and_of_the_language() {
    let mut known = known();
    let mut here = script("здесь", "qualification", "Здесь.");
    here.given.stages = vec![StageRef {
        connection: Uuid::nil(),
        pipeline_id: 1,
        stage_id: 11,
    }];
    let mut elsewhere = script("в другом месте", "qualification", "Не здесь.");
    elsewhere.given.stages = vec![StageRef {
        stage_id: 12,
        ..here.given.stages[0]
    }];
    let mut english = script("english", "qualification", "Here.");
    english.given.languages = vec!["en".to_owned()];
    let anywhere = script("везде", "qualification", "Везде.");
    let greeting = script("привет", "greeting", "Привет.");
    known.scripts = vec![elsewhere, english, anywhere, here, greeting];
    assert_eq!(chosen(&known, &wanted(None)), ["s1 Здесь."]);
    let first = Wanted {
        first: true,
        intent: Intent::Greeting,
        ..wanted(None)
    };
    assert_eq!(chosen(&known, &first), ["s1 Привет."]);
    known.crm = None;
    assert_eq!(chosen(&known, &wanted(None)), ["s1 Везде."]);
}

#[test]
fn placeholders_are_filled_from_what_the_agent_may_see() {
    let mut known = known();
    let mut filled = script(
        "a",
        "closing",
        "{{name}}: {{crm.город}}, {{crm.бюджет}}. {{note}}",
    );
    filled.given.variables = vec![
        variable("name", VariableSource::Crm, true),
        variable("crm.город", VariableSource::Crm, true),
        variable("crm.бюджет", VariableSource::Crm, true),
        variable("note", VariableSource::Memory, false),
    ];
    known.scripts = vec![filled];
    let plays = choose(&known, &wanted(None));
    assert_eq!(plays.chosen[0].text, "Мария: Казань, 90 000 ₽. ");
    // Neither the client's name nor what the agent writes is the company's word.
    assert_eq!(plays.chosen[0].evidence, ": Казань, . ");
}

#[test]
fn a_script_without_a_required_value_is_left_out_and_that_is_said() {
    let mut known = known();
    let mut hidden = script("a", "closing", "{{crm.секрет}}");
    hidden.given.variables = vec![variable("crm.секрет", VariableSource::Crm, true)];
    known.scripts = vec![hidden, script("bb", "closing", "Второй.")];
    let plays = choose(&known, &wanted(None));
    assert_eq!(plays.chosen[0].text, "Второй.");
    let left_out = ("a".to_owned(), "variable_missing: crm.секрет".to_owned());
    assert_eq!(plays.left_out, [left_out]);
}

#[test]
fn at_most_three_responses_the_more_effective_first() {
    let mut known = known();
    known.responses = (1..=5)
        .map(|id| response(id, &format!("ответ {id}"), &[]))
        .collect();
    known.responses[4].counts = Counts {
        usage: 10,
        success: 9,
    };
    known.responses[0].given.agent = Some(Uuid::nil());
    let three = ["r1 ответ 1", "r2 ответ 5", "r3 ответ 2"];
    assert_eq!(chosen(&known, &wanted(Some("price"))), three);
    assert!(chosen(&known, &wanted(Some("trust"))).is_empty());
}

#[test]
fn the_companys_phrases_say_what_is_objected() {
    let mut known = known();
    known.responses = vec![response(1, "ответ", &["кусается цена"])];
    let seen = |text: &str, rules| objection(&known, text, rules);
    assert_eq!(seen("Цена не кусается?", None), None);
    assert_eq!(seen("Ого, кусаются цены!", None).as_deref(), Some("price"));
    assert_eq!(seen("Мошенники", Some("trust")).as_deref(), Some("trust"));
}

#[test]
fn the_third_time_goes_to_a_person() {
    let mut known = known();
    known.responses = vec![response(1, "ответ", &[])];
    let said = |text: &str| Past {
        from_client: true,
        text: text.to_owned(),
    };
    let past = [said("Дорого"), said("Где вы?"), said("Всё равно дорого")];
    let before = |count: usize| raised(&known, &past[..count], "price");
    assert_eq!((before(1), before(3)), (1, 2));
    assert!(!escalates(&known, "price", 1));
    assert!(escalates(&known, "price", 2));
    assert!(!escalates(&known, "trust", 9));
}

#[test]
fn what_was_used_is_named_or_repeated() {
    let mut known = known();
    known.responses = vec![
        response(1, "Каркас из берёзы служит дольше десяти лет.", &[]),
        response(2, "Другое.", &[]),
    ];
    let plays = choose(&known, &wanted(Some("price")));
    let sentence = |text: &str, ids: &[&str]| Sentence {
        text: text.to_owned(),
        passage_ids: ids.iter().map(ToString::to_string).collect(),
    };
    let used = |text: &str, ids: &[&str]| plays.used(&[sentence(text, ids)]);
    let name = |id| {
        vec![t11_core::format_name(
            "objectionResponses",
            Uuid::from_u128(id),
        )]
    };
    assert_eq!(used("Понимаю вас.", &["r2"]), name(2));
    assert_eq!(used("Да, каркас из березы служит дольше.", &[]), name(1));
    assert_eq!(used("Понимаю вас.", &["p1"]), Vec::<String>::new());
}
