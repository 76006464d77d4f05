//! The steps of a turn, one after another.

mod conclude;
mod fire;
mod follow_up;

pub use follow_up::{Following, follow_up};

use std::time::Instant;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::classify::{Classified, Intent, classify};
use super::gates::Outgoing;
use super::generate::{Generated, Generator};
use super::guard::{Guarded, guard};
use super::hard_rules::{HardRule, hard_rule};
use super::plays::{self, Play, Plays, Wanted};
use super::ports::{Found, Model, Observer, Sources};
use super::prompt::{self, Prompt};
use super::skip_rules::{Situation, skip_reason, within_hours};
use super::tools::Tools;
use super::trace::{Outcome, Passage, PassageKind, Report, State, Step, StepKind, Usage, Verdict};
use super::words::Standard;
use super::{Known, Language, answer, context, triggers};
use crate::Error;
use crate::agent::{Agent, GuardLevel, LanguageMode};
use crate::crm_settings::FieldEntity;
use crate::memory::{self, Memory};

/// Passages given to the model at most.
const MOST_PASSAGES: usize = 8;
/// Price rows given to the model at most.
const MOST_PRICES: usize = 8;

/// Whether effects are real.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The test chat: effects are shown and not done.
    Test,
    /// The same for a case of a suite.
    Eval,
    /// A client of the CRM.
    Live,
}

/// A message of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    pub from_client: bool,
    pub text: String,
}

/// Everything a turn begins with.
#[derive(Debug, Clone)]
pub struct Inbound {
    pub agent: Agent,
    pub mode: Mode,
    /// The client's message.
    pub text: String,
    /// What was said before, oldest first.
    pub past: Vec<Past>,
    pub opted_out: bool,
    /// Turns of the conversation before this one.
    pub turns: i32,
    pub answers_last_hour: i64,
    pub chat_cost_micro_usd: i64,
    pub now: DateTime<Utc>,
    /// Of the organization.
    pub zone: Tz,
    /// Of the organization: used when the client's language cannot be told.
    pub language: Language,
    /// The lead, the company's plays, what is remembered.
    pub known: Known,
}

/// Runs a turn to its end. Faults of the model end in a report; only faults of our own end in an
/// error.
///
/// # Errors
/// When the sources cannot be read.
pub async fn run(
    inbound: &Inbound,
    model: &dyn Model,
    sources: &dyn Sources,
    observer: &dyn Observer,
) -> Result<Report, Error> {
    let mut turn = Turn::new(inbound, observer);
    if let Some(report) = turn.before_model().await {
        return Ok(report);
    }
    if let Some(report) = turn.fire_keywords().await {
        return Ok(report);
    }
    let found = turn.retrieve(sources).await?;
    turn.choose_plays().await;
    let generated = turn.generate(model, &found).await;
    Ok(turn.conclude(generated).await)
}

struct Turn<'a> {
    inbound: &'a Inbound,
    observer: &'a dyn Observer,
    started: Instant,
    step_started: Instant,
    language: Language,
    guarded: Guarded,
    classified: Classified,
    /// What the client objects, by the company's phrases or by rules.
    objection: Option<String>,
    memories: Vec<Memory>,
    plays: Plays,
    /// What is to be written to a client who is silent; `None` for an answer.
    task: Option<String>,
    /// When that is not to be written, in words.
    unless: Option<String>,
    /// What the client has written, newest last.
    client_texts: Vec<String>,
    report: Report,
}

impl<'a> Turn<'a> {
    fn new(inbound: &'a Inbound, observer: &'a dyn Observer) -> Self {
        let now = Instant::now();
        let classified = classify(&inbound.text);
        let by_rules = classified.objection;
        Self {
            client_texts: client_texts(inbound),
            objection: plays::objection(&inbound.known, &inbound.text, by_rules),
            memories: recalled(inbound),
            plays: Plays::default(),
            task: None,
            unless: None,
            classified,
            inbound,
            observer,
            started: now,
            step_started: now,
            language: reply_language(inbound),
            guarded: guard(&inbound.text),
            report: Report::empty(),
        }
    }

    async fn step(&mut self, kind: StepKind, verdict: Verdict, detail: Value) {
        self.step_with(kind, verdict, detail, Usage::default())
            .await;
    }

    async fn step_with(&mut self, kind: StepKind, verdict: Verdict, detail: Value, usage: Usage) {
        let took = self.step_started.elapsed();
        let step = Step {
            kind,
            verdict,
            detail,
            took,
            usage,
        };
        self.observer.step(self.report.steps.len(), &step).await;
        self.report.steps.push(step);
        self.step_started = Instant::now();
    }

    /// Steps 1 to 7; a report when one of them decides the turn.
    async fn before_model(&mut self) -> Option<Report> {
        self.step(
            StepKind::OwnOrHuman,
            Verdict::Passed,
            json!({"author": "client"}),
        )
        .await;
        if let Some(report) = self.skip_rules().await {
            return Some(report);
        }
        self.quiet_window().await;
        if let Some(report) = self.hard_rules().await {
            return Some(report);
        }
        let (signs, masks) = (&self.guarded.signs, &self.guarded.masks);
        let verdict = if self.guarded.strict() {
            Verdict::Hit
        } else {
            Verdict::Passed
        };
        let detail = json!({"signs": signs, "masked": masks, "strict": self.guarded.strict()});
        self.step(StepKind::GuardIn, verdict, detail).await;
        if self.guarded.strict() && self.inbound.agent.settings.guard_level == GuardLevel::Strict {
            self.no_answer().await;
            return Some(self.end(State::Sent, Outcome::NoAnswer));
        }
        let detail = self.context();
        self.step(StepKind::Context, Verdict::Passed, detail).await;
        self.classify().await
    }

    fn context(&self) -> Value {
        let lead = match &self.inbound.known.crm {
            None => json!("not_connected"),
            Some(crm) => json!({
                "stage": crm.stage_name(), "stale": crm.lead.stale,
                "fields": crm.readable().map(|field| &field.display_name).collect::<Vec<_>>(),
            }),
        };
        let memories = self.memories.iter().map(|memory| {
            json!({
                "key": memory.key, "content": memory.content,
                "source": memory.source.as_str(), "conflict": memory.conflict,
            })
        });
        json!({
            "messages": context::recent(&self.inbound.past).len(),
            "language": self.language.code(), "time_zone": self.inbound.zone.name(),
            "lead": lead, "memories": memories.collect::<Vec<_>>(),
            "version": self.inbound.agent.version().map(|version| version.number),
        })
    }

    /// A report when an objection was raised too often.
    async fn classify(&mut self) -> Option<Report> {
        let Classified { intent, upset, .. } = self.classified;
        let objection = self.objection.clone();
        let known = &self.inbound.known;
        let before = objection.as_deref().map_or(0, |objection| {
            plays::raised(known, &self.inbound.past, objection)
        });
        let repeated = objection
            .as_deref()
            .is_some_and(|objection| plays::escalates(known, objection, before));
        let detail = json!({
            "intent": intent.as_str(), "objection": objection, "raised_before": before,
            "upset": upset,
        });
        let verdict = if repeated {
            Verdict::Hit
        } else {
            Verdict::Passed
        };
        self.step(StepKind::Classify, verdict, detail).await;
        if !repeated {
            return None;
        }
        self.hand_off("objection_repeated", &self.inbound.text.clone())
            .await;
        Some(self.end(State::Sent, Outcome::HandedOff))
    }

    fn situation(&self) -> Situation<'a> {
        let inbound = self.inbound;
        Situation {
            agent: &inbound.agent,
            mode: inbound.mode,
            text: &inbound.text,
            after_answer: inbound.past.last().is_some_and(|past| !past.from_client),
            opted_out: inbound.opted_out,
            turns: inbound.turns,
            answers_last_hour: inbound.answers_last_hour,
            chat_cost_micro_usd: inbound.chat_cost_micro_usd,
            now: inbound.now,
            zone: inbound.zone,
        }
    }

    async fn skip_rules(&mut self) -> Option<Report> {
        let situation = self.situation();
        // What the live agent would do with this message at this hour.
        let live = skip_reason(&Situation {
            mode: Mode::Live,
            ..situation
        });
        let live = live.map(|reason| reason.as_str());
        match skip_reason(&situation) {
            Some(reason) => {
                let detail = json!({"reason": reason.as_str(), "live": live});
                self.step(StepKind::SkipRules, Verdict::Hit, detail).await;
                self.report.skip_reason = reason.as_str().to_owned();
                Some(self.end(State::Skipped, Outcome::Silent))
            }
            None => {
                self.step(StepKind::SkipRules, Verdict::Passed, json!({"live": live}))
                    .await;
                None
            }
        }
    }

    async fn quiet_window(&mut self) {
        let seconds = self.inbound.agent.settings.quiet_window_seconds;
        // A test answers at once; a live turn runs after its window has passed.
        let waited = self.inbound.mode == Mode::Live;
        let verdict = if waited {
            Verdict::Passed
        } else {
            Verdict::Skipped
        };
        self.step(StepKind::QuietWindow, verdict, json!({"seconds": seconds}))
            .await;
    }

    async fn hard_rules(&mut self) -> Option<Report> {
        let Some(rule) = hard_rule(&self.inbound.text) else {
            self.step(StepKind::HardRules, Verdict::Passed, Value::Null)
                .await;
            return None;
        };
        self.step(
            StepKind::HardRules,
            Verdict::Hit,
            json!({"rule": rule.as_str()}),
        )
        .await;
        match rule {
            HardRule::OptOut => {
                self.report.opted_out = true;
                self.say(Standard::OptOut.text(self.language)).await;
                Some(self.end(State::Sent, Outcome::Silent))
            }
            HardRule::HumanRequested | HardRule::LegalThreat => {
                self.hand_off(rule.as_str(), &self.inbound.text.clone())
                    .await;
                Some(self.end(State::Sent, Outcome::HandedOff))
            }
        }
    }

    async fn retrieve(&mut self, sources: &dyn Sources) -> Result<Found, Error> {
        let settings = &self.inbound.agent.settings;
        if self.classified.intent == Intent::Greeting {
            self.step(
                StepKind::Retrieve,
                Verdict::Skipped,
                json!({"reason": "greeting"}),
            )
            .await;
            return Ok(Found::default());
        }
        let query = context::search_query(&self.inbound.past, &self.guarded.masked);
        let mut found = sources
            .find(&query, settings, self.today(), MOST_PASSAGES)
            .await?;
        found.prices.truncate(MOST_PRICES);
        let prices = found.prices.iter().map(|item| Passage {
            id: String::new(),
            kind: PassageKind::Price,
            resource: t11_core::format_name("items", item.id),
            source_display_name: price_list(self.language).to_owned(),
            heading_path: String::new(),
            page: 0,
            content: item.line(),
            score: 1.0,
        });
        let passages = prices.chain(std::mem::take(&mut found.passages));
        self.report.passages = passages
            .enumerate()
            .map(|(index, passage)| Passage {
                id: format!("p{}", index + 1),
                ..passage
            })
            .collect();
        self.report.lexical_only = found.lexical_only;
        let verdict = if self.report.passages.is_empty() {
            Verdict::Skipped
        } else {
            Verdict::Passed
        };
        let detail = json!({
            "query": query, "passages": self.report.passages.len(), "prices": found.prices.len(),
            "lexical_only": found.lexical_only,
        });
        self.step(StepKind::Retrieve, verdict, detail).await;
        Ok(found)
    }

    async fn choose_plays(&mut self) {
        let objection = self.objection.as_deref();
        let wanted = Wanted {
            intent: self.classified.intent,
            objection,
            language: self.language,
            first: self.inbound.past.iter().all(|past| past.from_client),
        };
        self.plays = plays::choose(&self.inbound.known, &wanted);
        let mut detail = self.plays.detail(objection);
        detail["triggers"] = fire::detail(&self.report.hits);
        let verdict = if self.plays.chosen.is_empty() && self.report.hits.is_empty() {
            Verdict::Skipped
        } else {
            Verdict::Passed
        };
        let passages = self.plays.chosen.iter().map(Play::passage);
        self.report.passages.extend(passages);
        self.step(StepKind::Plays, verdict, detail).await;
    }

    async fn generate(&mut self, model: &dyn Model, found: &Found) -> Generated {
        let inbound = self.inbound;
        let client_texts = self.client_texts.clone();
        let quotable: Vec<_> = client_texts
            .iter()
            .filter(|text| !guard(text).strict())
            .cloned()
            .collect();
        let tools = self.tools(&client_texts);
        // Who follows a silent client proposes nothing: its company has said what is done.
        let menu = if self.task.is_some() {
            String::new()
        } else {
            tools.menu()
        };
        let conditions = self.conditions();
        let conditions: Vec<_> = conditions.iter().map(String::as_str).collect();
        let prompt = Prompt {
            agent_name: &inbound.agent.display_name,
            settings: &inbound.agent.settings,
            language: self.language,
            passages: &self.report.passages,
            objection: self.objection.as_deref(),
            crm: inbound.known.crm.as_ref(),
            memories: &self.memories,
            plays: &self.plays.chosen,
            menu: &menu,
            conditions: &conditions,
            task: self.task.as_deref(),
            strict: self.guarded.strict(),
            past: context::recent(&inbound.past),
            text: &self.guarded.masked,
            now: inbound.now,
            zone: inbound.zone,
        };
        let confidential = prompt::confidential(&prompt);
        let facts = facts(inbound);
        self.report.prompt = prompt::messages(&prompt);
        let last_answer = inbound.past.iter().rev().find(|past| !past.from_client);
        let generator = Generator {
            model,
            observer: self.observer,
            settings: &inbound.agent.settings,
            prompt: &self.report.prompt,
            outgoing: Outgoing {
                sentences: &[],
                passages: &self.report.passages,
                prices: &found.prices,
                plays: &self.plays.chosen,
                facts: &facts,
                confidential: &confidential,
                client_texts: &client_texts,
                quotable: &quotable,
                instructions: &inbound.agent.settings.instructions,
                last_answer: last_answer.map(|past| past.text.as_str()),
                language: self.language,
                today: self.today(),
                opted_out: inbound.opted_out,
                control_changed: false,
                newer_inbound: false,
                within_hours: inbound.mode != Mode::Live || within_hours(&self.situation()),
            },
            tools: &tools,
            schema: answer::schema(!conditions.is_empty()),
        };
        let generated = generator.run().await;
        self.report.model.clone_from(&generated.model);
        self.report.usage += generated.usage;
        self.report.first_token = generated.first_token;
        let verdict = match &generated.answer {
            Some(_) => Verdict::Passed,
            None if generated.fault.is_some() => Verdict::Failed,
            None => Verdict::Vetoed,
        };
        let detail = json!({"tries": generated.tries});
        self.step_with(StepKind::Generate, verdict, detail, generated.usage)
            .await;
        generated
    }

    /// Conditions in words that the model is to judge.
    fn conditions(&self) -> Vec<String> {
        if self.task.is_some() {
            return self.unless.iter().cloned().collect();
        }
        let armed = triggers::to_judge(&self.inbound.known.triggers, self.guarded.strict());
        armed
            .into_iter()
            .map(|one| one.trigger.given.condition.clone())
            .collect()
    }

    fn tools<'t>(&self, client_texts: &'t [String]) -> Tools<'t>
    where
        'a: 't,
    {
        Tools {
            crm: self.inbound.known.crm.as_ref(),
            mode: self.inbound.mode,
            strict: self.guarded.strict(),
            now: self.inbound.now,
            client_texts,
        }
    }

    fn end(&mut self, state: State, outcome: Outcome) -> Report {
        let mut report = self.report.clone();
        report.state = state;
        report.outcome = outcome;
        report.total = self.started.elapsed();
        report
    }

    fn today(&self) -> chrono::NaiveDate {
        self.inbound
            .now
            .with_timezone(&self.inbound.zone)
            .date_naive()
    }
}

fn client_texts(inbound: &Inbound) -> Vec<String> {
    let before = inbound.past.iter().filter(|past| past.from_client);
    let before = before.map(|past| &past.text);
    let own = Some(&inbound.text).filter(|text| !text.is_empty());
    before.chain(own).cloned().collect()
}

/// What is remembered and belongs to this message; nothing for an agent without a memory.
fn recalled(inbound: &Inbound) -> Vec<Memory> {
    if !inbound.agent.settings.memory_enabled {
        return Vec::new();
    }
    let known = &inbound.known;
    let facts = known.crm.as_ref().map(memory::crm_facts);
    let recalled = memory::recalled(&known.memories, &facts.unwrap_or_default(), inbound.now);
    memory::ranked(recalled, &inbound.text)
}

/// What the company itself has written about the lead: numbers in it may be said.
fn facts(inbound: &Inbound) -> String {
    let Some(crm) = &inbound.known.crm else {
        return String::new();
    };
    let own = crm
        .readable()
        .filter(|field| field.entity == FieldEntity::Leads && !crm.is_writable(field));
    let lines = own.map(|field| format!("{}: {}", field.display_name, field.text()));
    lines.collect::<Vec<_>>().join("\n")
}

pub(super) fn reply_language(inbound: &Inbound) -> Language {
    let settings = &inbound.agent.settings;
    if settings.language_mode == LanguageMode::Fixed
        && let Some(fixed) = Language::parse(&settings.fixed_language)
    {
        return fixed;
    }
    let earlier = inbound.past.iter().rev().filter(|past| past.from_client);
    Language::of(&inbound.text)
        .or_else(|| earlier.filter_map(|past| Language::of(&past.text)).next())
        .unwrap_or(inbound.language)
}

fn price_list(language: Language) -> &'static str {
    match language {
        Language::Russian => "Прайс-лист",
        Language::English => "Price list",
    }
}
