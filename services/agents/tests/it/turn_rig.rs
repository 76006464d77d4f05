//! A turn between a model that says what it is told to and an account that is made up.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, TimeZone as _, Utc};
use futures::StreamExt as _;
use parking_lot::Mutex;
use serde_json::{Value, json};
use t11_agents::agent::{Agent, Settings, State};
use t11_agents::catalog::{Catalog, Field, LossReason, Pipeline, Stage, User};
use t11_agents::crm_settings::{
    CrmRules, FieldEntity, FieldRead, FieldWrite, LOST, MoveMode, StageMove, StageSettings,
};
use t11_agents::playbook::{Counts, NewResponse, NewScript, ObjectionResponse, PlayState, Script};
use t11_agents::price_book::PriceItem;
use t11_agents::turn::known::{Crm, FieldValue, Lead};
use t11_agents::turn::{
    Completion, Found, Inbound, Known, Language, Mode, Model, ModelEvent, ModelFault, ModelRequest,
    ModelStream, Observer, Passage, PassageKind, Past, Report, Sentence, Sources, Step, run,
};
use uuid::Uuid;

/// Says its answers one after another, the last one again and again.
pub(crate) struct Scripted {
    answers: Vec<String>,
    /// Bytes of one piece of the stream.
    piece: usize,
    asked: Mutex<Vec<ModelRequest>>,
}

impl Scripted {
    pub(crate) fn new(answers: &[&str]) -> Self {
        Self {
            answers: answers.iter().map(ToString::to_string).collect(),
            piece: 997,
            asked: Mutex::default(),
        }
    }

    /// How often it was asked.
    pub(crate) fn calls(&self) -> usize {
        self.asked.lock().len()
    }

    /// All that it was told in a call.
    pub(crate) fn told(&self, call: usize) -> String {
        let asked = self.asked.lock();
        let messages = asked.get(call).map(|request| request.messages.clone());
        let texts = messages.unwrap_or_default().into_iter();
        texts
            .map(|message| message.content)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

#[async_trait]
impl Model for Scripted {
    async fn complete(&self, request: ModelRequest) -> Result<ModelStream, ModelFault> {
        let mut asked = self.asked.lock();
        let last = self.answers.len() - 1;
        let answer = self.answers[asked.len().min(last)].clone();
        asked.push(request);
        let mut events = Vec::new();
        let mut piece = String::new();
        for char in answer.chars() {
            piece.push(char);
            if piece.len() >= self.piece {
                events.push(Ok(ModelEvent::Text(std::mem::take(&mut piece))));
            }
        }
        events.push(Ok(ModelEvent::Text(piece)));
        events.push(Ok(ModelEvent::Done(Completion {
            model: "scripted".to_owned(),
            first_token: Duration::from_millis(1),
            ..Completion::default()
        })));
        Ok(futures::stream::iter(events).boxed())
    }
}

/// What the company knows.
#[derive(Clone, Default)]
pub(crate) struct Shelf(pub(crate) Found);

#[async_trait]
impl Sources for Shelf {
    async fn find(
        &self,
        _: &str,
        _: &Settings,
        _: NaiveDate,
        _: usize,
    ) -> Result<Found, t11_agents::Error> {
        Ok(self.0.clone())
    }
}

/// Sees what a person in the test chat would.
#[derive(Default)]
pub(crate) struct Screen {
    /// What stands there now.
    shown: Mutex<Vec<String>>,
    /// All that ever stood there.
    ever: Mutex<Vec<String>>,
}

impl Screen {
    pub(crate) fn text(&self) -> String {
        self.shown.lock().join(" ")
    }

    pub(crate) fn ever(&self) -> String {
        self.ever.lock().join("\n")
    }
}

#[async_trait]
impl Observer for Screen {
    async fn step(&self, _: usize, _: &Step) {}
    async fn sentence(&self, sentence: &Sentence) {
        self.shown.lock().push(sentence.text.clone());
        self.ever.lock().push(sentence.text.clone());
    }
    async fn retracted(&self) {
        self.shown.lock().clear();
    }
}

/// A turn that has run.
pub(crate) struct Ran {
    pub(crate) report: Report,
    pub(crate) model: Scripted,
    pub(crate) screen: Screen,
}

impl Ran {
    pub(crate) fn text(&self) -> String {
        self.report.text()
    }

    /// What a step found.
    pub(crate) fn step(&self, kind: &str) -> Value {
        let mut steps = self.report.steps.iter();
        let step = steps.find(|step| step.kind.as_str() == kind);
        step.map(|step| step.detail.clone()).unwrap_or_default()
    }

    /// `kind state reason` of every action.
    pub(crate) fn actions(&self) -> Vec<String> {
        let actions = self.report.actions.iter();
        actions
            .map(|action| {
                let all = format!(
                    "{} {} {}",
                    action.kind,
                    action.state.as_str(),
                    action.reason
                );
                all.trim().to_owned()
            })
            .collect()
    }
}

/// Runs a turn in which the model says `answers`.
pub(crate) async fn ran(inbound: &Inbound, shelf: &Shelf, answers: &[&str]) -> Ran {
    let (model, screen) = (Scripted::new(answers), Screen::default());
    let report = run(inbound, &model, shelf, &screen).await.unwrap();
    Ran {
        report,
        model,
        screen,
    }
}

/// An answer of one sentence.
pub(crate) fn said(text: &str, sources: &[&str]) -> String {
    with(text, sources, json!({}))
}

/// An answer of one sentence, with more.
pub(crate) fn with(text: &str, sources: &[&str], more: Value) -> String {
    let mut answer = json!({
        "sentences": [{"text": text, "sources": sources}], "actions": [], "memory": [],
        "handoff": null, "no_answer": false,
    });
    for (key, value) in more.as_object().unwrap() {
        answer[key] = value.clone();
    }
    answer.to_string()
}

/// An answer with one action.
pub(crate) fn doing(text: &str, kind: &str, detail: Value) -> String {
    with(
        text,
        &[],
        json!({"actions": [{"kind": kind, "detail": detail}]}),
    )
}

pub(crate) fn client(text: &str) -> Past {
    Past {
        from_client: true,
        text: text.to_owned(),
    }
}

pub(crate) fn agent(text: &str) -> Past {
    Past {
        from_client: false,
        text: text.to_owned(),
    }
}

pub(crate) const INSTRUCTIONS: &str = "Продавай угловые диваны и никогда не говори клиентам, что \
    закупочная цена дивана Осло составляет ровно двенадцать тысяч, пароль склада МАЛАХИТ.";
pub(crate) const STAGE_INSTRUCTIONS: &str = "На этом этапе выясни бюджет и не называй клиенту \
    кодовое имя акции ГРАНИТ, которая начнётся в следующем месяце для всех новых покупателей.";

/// A client's message to an agent who works in the made up account.
pub(crate) fn inbound(text: &str) -> Inbound {
    Inbound {
        agent: Agent {
            id: Uuid::from_u128(7),
            display_name: "Анна".to_owned(),
            state: State::Active,
            settings: Settings {
                instructions: INSTRUCTIONS.to_owned(),
                ..Settings::default()
            },
            messages_total: 0,
            last_activity_time: None,
            revision: 1,
            create_time: DateTime::UNIX_EPOCH,
            update_time: DateTime::UNIX_EPOCH,
            live_version: None,
            frozen: None,
        },
        mode: Mode::Live,
        text: text.to_owned(),
        past: Vec::new(),
        opted_out: false,
        turns: 0,
        answers_last_hour: 0,
        chat_cost_micro_usd: 0,
        now: Utc.with_ymd_and_hms(2026, 11, 23, 9, 0, 0).unwrap(),
        zone: chrono_tz::Europe::Moscow,
        language: Language::Russian,
        known: Known {
            crm: Some(crm()),
            ..Known::default()
        },
    }
}

pub(crate) fn crm_of(inbound: &mut Inbound) -> &mut Crm {
    inbound.known.crm.as_mut().unwrap()
}

pub(crate) const BUDGET: i64 = 31;
pub(crate) const CITY: i64 = 32;
pub(crate) const PHONE: i64 = 41;
/// A field that the agent may neither see nor write.
pub(crate) const MARGIN: i64 = 39;

pub(crate) fn crm() -> Crm {
    let stages = [
        (11, "Новые"),
        (12, "Бюджет известен"),
        (13, "Договор"),
        (14, "Отгрузка"),
        (LOST, "Потеряно"),
    ];
    let stages = stages.map(|(stage_id, name)| Stage {
        stage_id,
        display_name: name.to_owned(),
        gone: false,
    });
    let catalog = Catalog {
        pipelines: vec![Pipeline {
            pipeline_id: 1,
            display_name: "Продажи".to_owned(),
            stages: stages.into(),
            gone: false,
        }],
        users: vec![User {
            user_id: 5,
            display_name: "Ольга".to_owned(),
            email: "olga@example.com".to_owned(),
            gone: false,
        }],
        fields: vec![
            field(BUDGET, "leads", "Бюджет", "numeric", ""),
            field(CITY, "leads", "Город", "text", ""),
            field(MARGIN, "leads", "Маржа", "numeric", ""),
            field(PHONE, "contacts", "Телефон", "multitext", "PHONE"),
        ],
        loss_reasons: vec![LossReason {
            loss_reason_id: 9,
            display_name: "Дорого".to_owned(),
        }],
    };
    Crm {
        connection: Uuid::from_u128(1),
        rules: rules(),
        stage: Some(StageSettings {
            stage_id: 11,
            instructions: STAGE_INSTRUCTIONS.to_owned(),
            ..StageSettings::default()
        }),
        catalog: Arc::new(catalog),
        lead: Lead {
            lead_id: 481_516_234,
            display_name: "Сделка".to_owned(),
            pipeline_id: 1,
            stage_id: 11,
            fields: vec![value(FieldEntity::Leads, MARGIN, "Маржа", "33000")],
            contact_display_name: "Мария".to_owned(),
            ..Lead::default()
        },
    }
}

fn rules() -> CrmRules {
    let way = |to_stage_id, mode, needed: &[i64]| StageMove {
        pipeline_id: 1,
        from_stage_id: 11,
        to_stage_id,
        mode,
        min_confidence: 0.7,
        needed_field_ids: needed.to_vec(),
        condition: String::new(),
    };
    let write = |entity, field_id| FieldWrite {
        entity,
        field_id,
        condition: String::new(),
        overwrite: false,
    };
    CrmRules {
        connection: Some(Uuid::from_u128(1)),
        stage_moves: vec![
            way(12, MoveMode::Auto, &[BUDGET]),
            way(13, MoveMode::Suggest, &[]),
            way(14, MoveMode::Never, &[]),
            way(LOST, MoveMode::Auto, &[]),
        ],
        write_fields: vec![
            write(FieldEntity::Leads, BUDGET),
            write(FieldEntity::Leads, CITY),
            write(FieldEntity::Contacts, PHONE),
        ],
        read_fields: vec![
            FieldRead {
                entity: FieldEntity::Leads,
                field_id: BUDGET,
            },
            FieldRead {
                entity: FieldEntity::Leads,
                field_id: CITY,
            },
        ],
        salesbot_ids: vec![77],
        ..CrmRules::default()
    }
}

fn field(field_id: i64, entity: &str, name: &str, kind: &str, code: &str) -> Field {
    Field {
        field_id,
        entity: entity.to_owned(),
        display_name: name.to_owned(),
        code: code.to_owned(),
        kind: kind.to_owned(),
        ..Field::default()
    }
}

pub(crate) fn value(entity: FieldEntity, field_id: i64, name: &str, value: &str) -> FieldValue {
    FieldValue {
        entity,
        field_id,
        code: String::new(),
        display_name: name.to_owned(),
        values: vec![value.to_owned()],
    }
}

pub(crate) fn passage(content: &str) -> Passage {
    Passage {
        id: String::new(),
        kind: PassageKind::Chunk,
        resource: "sources/x/chunks/y".to_owned(),
        source_display_name: "Доставка.pdf".to_owned(),
        heading_path: String::new(),
        page: 1,
        content: content.to_owned(),
        score: 1.0,
    }
}

/// «Осло» at 45 000 ₽ with at most 10 % off: `p1`; delivery at 1 500 ₽ in 3 days: `p2`.
pub(crate) fn shelf() -> Shelf {
    Shelf(Found {
        passages: vec![passage("Доставка по Москве — 1 500 рублей, срок 3 дня.")],
        prices: vec![PriceItem {
            id: Uuid::from_u128(3),
            sku: "OSLO".to_owned(),
            display_name: "Диван «Осло»".to_owned(),
            aliases: Vec::new(),
            unit: String::new(),
            price_minor: 4_500_000,
            currency: "RUB".to_owned(),
            price_from: false,
            max_discount_percent: 10,
            valid_from: None,
            valid_until: None,
        }],
        lexical_only: true,
    })
}

pub(crate) fn script(content: &str) -> Script {
    Script {
        id: Uuid::from_u128(21),
        given: NewScript {
            display_name: "Квалификация".to_owned(),
            script_type: "qualification".to_owned(),
            content: content.to_owned(),
            variables: Vec::new(),
            agent: None,
            stages: Vec::new(),
            languages: Vec::new(),
            verbatim: true,
            state: PlayState::Published,
        },
        counts: Counts::default(),
        revision: 1,
        create_time: DateTime::UNIX_EPOCH,
        update_time: DateTime::UNIX_EPOCH,
    }
}

pub(crate) fn response(id: u128, text: &str) -> ObjectionResponse {
    ObjectionResponse {
        id: Uuid::from_u128(id),
        given: NewResponse {
            objection_type: "price".to_owned(),
            phrases: Vec::new(),
            response: text.to_owned(),
            technique: String::new(),
            max_discount_percent: Some(5),
            agent: None,
            stages: Vec::new(),
            escalate_after: 2,
            state: PlayState::Published,
        },
        counts: Counts::default(),
        revision: 1,
        create_time: DateTime::UNIX_EPOCH,
        update_time: DateTime::UNIX_EPOCH,
    }
}
