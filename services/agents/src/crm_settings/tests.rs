use super::*;
use crate::agent::Settings;
use crate::catalog::{Field, Pipeline, Stage};

fn agent(state: State, answer_mode: AnswerMode) -> Agent {
    Agent {
        id: Uuid::nil(),
        display_name: "Анна".to_owned(),
        state,
        settings: Settings {
            answer_mode,
            ..Settings::default()
        },
        messages_total: 0,
        last_activity_time: None,
        revision: 1,
        create_time: DateTime::UNIX_EPOCH,
        update_time: DateTime::UNIX_EPOCH,
        live_version: None,
        frozen: None,
    }
}

fn rules() -> CrmRules {
    CrmRules {
        connection: Some(Uuid::max()),
        pipelines: vec![
            PipelineSettings {
                pipeline_id: 1,
                all_stages: true,
                stages: vec![StageSettings {
                    stage_id: 12,
                    answer_mode: Some(AnswerMode::Auto),
                    ..StageSettings::default()
                }],
            },
            PipelineSettings {
                pipeline_id: 2,
                all_stages: false,
                stages: vec![StageSettings {
                    stage_id: 21,
                    ..StageSettings::default()
                }],
            },
        ],
        channels: vec!["telegram".to_owned()],
        ..CrmRules::default()
    }
}

fn settings(rules: CrmRules) -> CrmSettings {
    CrmSettings {
        rules,
        ..CrmSettings::none(Uuid::nil())
    }
}

fn place(pipeline_id: i64, stage_id: i64, channel: &str) -> Place<'_> {
    Place {
        pipeline_id,
        stage_id,
        channel,
    }
}

fn seen(candidates: Vec<(Agent, CrmSettings)>, place: Place<'_>) -> String {
    match placement(candidates, place) {
        Placement::Off(reason) => reason.to_owned(),
        Placement::Agent { answer_mode, .. } => format!("{answer_mode:?}"),
    }
}

#[test]
fn an_agent_answers_where_its_settings_say() {
    let draft = || (agent(State::Active, AnswerMode::Draft), settings(rules()));
    for (place, expected) in [
        (place(1, 11, "telegram"), "Draft"),
        (place(1, 12, "telegram"), "Auto"),
        (place(1, WON, "telegram"), "stage_off"),
        (place(2, 21, "telegram"), "Draft"),
        (place(2, 22, "telegram"), "stage_off"),
        (place(3, 12, "telegram"), "stage_off"),
        (place(1, 12, "waba"), "channel_off"),
    ] {
        assert_eq!(seen(vec![draft()], place), expected, "{place:?}");
    }
    let off = (agent(State::Paused, AnswerMode::Auto), settings(rules()));
    assert_eq!(seen(vec![off], place(1, 12, "telegram")), "agent_off");
    let watching = (agent(State::Active, AnswerMode::Off), settings(rules()));
    assert_eq!(seen(vec![watching], place(1, 12, "telegram")), "agent_off");
}

#[test]
fn nobody_answers_on_a_stage_that_is_gone() {
    let mut settings = settings(rules());
    settings.gone = vec!["pipelines/1/stages/12".to_owned()];
    let candidate = || (agent(State::Active, AnswerMode::Auto), settings.clone());
    assert_eq!(
        seen(vec![candidate()], place(1, 12, "telegram")),
        "stage_gone"
    );
    assert_eq!(seen(vec![candidate()], place(1, 11, "telegram")), "Auto");
}

#[test]
fn who_answers_alone_goes_before_who_drafts() {
    let drafting = (agent(State::Active, AnswerMode::Draft), settings(rules()));
    let mut other = rules();
    other.pipelines[0].stages.clear();
    let alone = (agent(State::Active, AnswerMode::Auto), settings(other));
    let at = place(1, 11, "telegram");
    assert_eq!(seen(vec![drafting.clone(), alone.clone()], at), "Auto");
    assert_eq!(seen(vec![alone, drafting], at), "Auto");
}

#[test]
fn two_that_answer_alone_meet_where_stage_and_channel_are_one() {
    let (auto, draft) = (AnswerMode::Auto, AnswerMode::Draft);
    assert_eq!(rules().meets(auto, &rules(), auto), Some((1, 12)));
    assert_eq!(rules().meets(draft, &rules(), draft), Some((1, 12)));
    let mut inherits = rules();
    inherits.pipelines[0].stages.clear();
    assert_eq!(inherits.meets(draft, &rules(), auto), None);
    assert_eq!(inherits.meets(auto, &inherits, auto), Some((1, 0)));
    let mut elsewhere = rules();
    elsewhere.channels = vec!["waba".to_owned()];
    assert_eq!(elsewhere.meets(auto, &rules(), auto), None);
    let mut everywhere = rules();
    (everywhere.all_channels, everywhere.channels) = (true, Vec::new());
    assert!(everywhere.meets(auto, &rules(), auto).is_some());
    assert!(rules().meets(auto, &everywhere, auto).is_some());
    let mut apart = rules();
    apart.connection = Some(Uuid::nil());
    assert_eq!(apart.meets(auto, &rules(), auto), None);
}

fn catalog() -> Catalog {
    let stage = |stage_id| Stage {
        stage_id,
        ..Stage::default()
    };
    Catalog {
        pipelines: vec![Pipeline {
            pipeline_id: 1,
            stages: vec![stage(11), stage(12)],
            ..Pipeline::default()
        }],
        fields: vec![Field {
            entity: "leads".to_owned(),
            field_id: 31,
            ..Field::default()
        }],
        ..Catalog::default()
    }
}

fn broken(rules: CrmRules, catalog: Option<&Catalog>) -> Vec<String> {
    let violations = rules.check(catalog).err().unwrap_or_default().0;
    let named = violations
        .into_iter()
        .map(|violation| format!("{} {}", violation.field, violation.reason));
    named.collect()
}

#[test]
fn what_the_account_has_not_is_a_violation_and_what_it_has_lost_is_gone() {
    let mut rules = rules();
    rules.read_fields = vec![FieldRead {
        entity: FieldEntity::Contacts,
        field_id: 31,
    }];
    assert_eq!(
        broken(rules.clone(), Some(&catalog())),
        [
            "crm_settings.pipelines[1].pipeline_id NOT_FOUND",
            "crm_settings.pipelines[1].stages[0].stage_id NOT_FOUND",
            "crm_settings.read_fields[0].field_id NOT_FOUND",
        ]
    );
    assert_eq!(
        rules.gone(&catalog()),
        ["contacts/fields/31", "pipelines/2", "pipelines/2/stages/21"]
    );
    assert_eq!(rules.lost_stages(&catalog(), &[]), [(2, 21)]);
    let known = ["pipelines/2/stages/21".to_owned()];
    assert_eq!(rules.lost_stages(&catalog(), &known), [], "told before");
}

#[test]
fn limits_hold() {
    let mut rules = rules();
    rules.connection = None;
    rules.all_channels = true;
    rules.resume_after_hours = -1;
    rules.salesbot_ids = vec![0];
    rules.pipelines[1].pipeline_id = 1;
    rules.pipelines[0].stages[0].goal = "x".repeat(1_001);
    rules.stage_moves = vec![StageMove {
        pipeline_id: 1,
        from_stage_id: 11,
        to_stage_id: 11,
        mode: MoveMode::Auto,
        min_confidence: f64::NAN,
        needed_field_ids: vec![1, 1],
        condition: String::new(),
    }];
    assert_eq!(
        broken(rules, None),
        [
            "crm_settings.connection REQUIRED",
            "crm_settings.pipelines DUPLICATE",
            "crm_settings.pipelines[0].stages[0].goal TOO_LONG",
            "crm_settings.channels CONFLICT",
            "crm_settings.stage_moves[0].min_confidence OUT_OF_RANGE",
            "crm_settings.stage_moves[0].to_stage_id CONFLICT",
            "crm_settings.stage_moves[0].needed_field_ids DUPLICATE",
            "crm_settings.resume_after_hours OUT_OF_RANGE",
            "crm_settings.salesbot_ids OUT_OF_RANGE",
        ]
    );
    assert!(CrmRules::default().check(Some(&catalog())).is_ok());
}
