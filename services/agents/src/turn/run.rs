//! The steps of a turn, one after another.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::answer::Answer;
use super::classify::{Classified, Intent, classify};
use super::gates::Outgoing;
use super::generate::{Generated, Generator};
use super::guard::{Guarded, guard};
use super::hard_rules::{HardRule, hard_rule};
use super::ports::{Found, Model, Observer, Sources};
use super::prompt::{self, Prompt};
use super::skip_rules::{Situation, skip_reason, within_hours};
use super::trace::{
    ActionState, Outcome, Passage, PassageKind, Report, Sentence, State, Step, StepKind, Usage,
    Verdict,
};
use super::words::Standard;
use super::{Language, context, pace, tools};
use crate::Error;
use crate::agent::{Agent, LanguageMode};

/// Passages given to the model at most.
const MOST_PASSAGES: usize = 8;
/// Price rows given to the model at most.
const MOST_PRICES: usize = 8;

/// Whether effects are real.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The test chat: effects are shown and not done.
    Test,
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
    let found = turn.retrieve(sources).await?;
    turn.plays().await;
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
    report: Report,
}

impl<'a> Turn<'a> {
    fn new(inbound: &'a Inbound, observer: &'a dyn Observer) -> Self {
        let now = Instant::now();
        Self {
            inbound,
            observer,
            started: now,
            step_started: now,
            language: reply_language(inbound),
            guarded: guard(&inbound.text),
            classified: classify(&inbound.text),
            report: Report {
                state: State::Running,
                outcome: Outcome::Silent,
                skip_reason: String::new(),
                error: None,
                sentences: Vec::new(),
                steps: Vec::new(),
                passages: Vec::new(),
                prompt: Vec::new(),
                actions: Vec::new(),
                model: String::new(),
                usage: Usage::default(),
                total: Duration::ZERO,
                first_token: Duration::ZERO,
                lexical_only: false,
                opted_out: false,
            },
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
        let shown = context::recent(&self.inbound.past).len();
        let detail = json!({
            "messages": shown, "language": self.language.code(),
            "time_zone": self.inbound.zone.name(), "lead": "not_connected",
        });
        self.step(StepKind::Context, Verdict::Passed, detail).await;
        let Classified {
            intent,
            objection,
            upset,
        } = self.classified;
        let detail = json!({"intent": intent.as_str(), "objection": objection, "upset": upset});
        self.step(StepKind::Classify, Verdict::Passed, detail).await;
        None
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

    /// Scripts and objection responses belong to stages of the CRM.
    async fn plays(&mut self) {
        self.step(StepKind::Plays, Verdict::NotConnected, Value::Null)
            .await;
    }

    async fn generate(&mut self, model: &dyn Model, found: &Found) -> Generated {
        let inbound = self.inbound;
        self.report.prompt = prompt::messages(&Prompt {
            agent_name: &inbound.agent.display_name,
            settings: &inbound.agent.settings,
            language: self.language,
            passages: &self.report.passages,
            classified: self.classified,
            strict: self.guarded.strict(),
            past: context::recent(&inbound.past),
            text: &self.guarded.masked,
            now: inbound.now,
            zone: inbound.zone,
        });
        let client_texts = self.client_texts();
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
                client_texts: &client_texts,
                instructions: &inbound.agent.settings.instructions,
                last_answer: last_answer.map(|past| past.text.as_str()),
                language: self.language,
                today: self.today(),
                opted_out: inbound.opted_out,
                control_changed: false,
                newer_inbound: false,
                within_hours: inbound.mode == Mode::Test || within_hours(&self.situation()),
            },
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

    async fn conclude(mut self, mut generated: Generated) -> Report {
        let answer = generated.answer.take();
        self.tools(answer.as_ref()).await;
        let verdict = if answer.is_some() {
            Verdict::Passed
        } else {
            Verdict::Vetoed
        };
        self.step(
            StepKind::Gates,
            verdict,
            std::mem::take(&mut generated.gates),
        )
        .await;
        let (state, outcome) = match (answer, generated.fault) {
            (_, Some(fault)) => {
                self.report.error = Some((fault.reason, fault.message));
                (State::Failed, Outcome::Silent)
            }
            (None, None) if generated.silenced_by.is_some() => {
                self.report.skip_reason = generated.silenced_by.unwrap_or_default().to_owned();
                (State::Superseded, Outcome::Silent)
            }
            (None, None) => (State::Sent, self.fall_back().await),
            (Some(answer), None) => (State::Sent, self.speak(answer).await),
        };
        self.pace().await;
        self.end_steps().await;
        self.end(state, outcome)
    }

    async fn tools(&mut self, answer: Option<&Answer>) {
        let proposed = answer
            .map(|answer| answer.actions.clone())
            .unwrap_or_default();
        if proposed.is_empty() {
            self.step(StepKind::Tools, Verdict::Skipped, Value::Null)
                .await;
            return;
        }
        let actions = tools::judge(proposed, self.guarded.strict());
        let refused = actions
            .iter()
            .filter(|a| a.state == ActionState::Refused)
            .count();
        let detail = json!({"proposed": actions.len(), "refused": refused});
        self.report.actions.extend(actions);
        self.step(StepKind::Tools, Verdict::Passed, detail).await;
    }

    /// Says what the answer says, or the standard words for what it does not.
    async fn speak(&mut self, answer: Answer) -> Outcome {
        if let Some(handoff) = answer.handoff {
            self.hand_off(&handoff.reason, &handoff.summary).await;
            return Outcome::HandedOff;
        }
        if answer.no_answer {
            self.no_answer().await;
            return Outcome::NoAnswer;
        }
        self.report.sentences = answer.sentences.into_iter().map(Sentence::from).collect();
        Outcome::Answered
    }

    async fn no_answer(&mut self) {
        let settings = &self.inbound.agent.settings;
        let own = settings.no_answer_text.as_str();
        let text = if own.is_empty() {
            Standard::NoAnswer.text(self.language)
        } else {
            own
        };
        self.say(text).await;
        if settings.create_task_on_no_answer {
            self.report
                .actions
                .push(tools::own("create_task", &self.inbound.text));
        }
    }

    async fn fall_back(&mut self) -> Outcome {
        self.say(Standard::Fallback.text(self.language)).await;
        self.report
            .actions
            .push(tools::own("create_task", &self.inbound.text));
        Outcome::Fallback
    }

    async fn hand_off(&mut self, reason: &str, summary: &str) {
        self.say(Standard::HandOff.text(self.language)).await;
        self.report.actions.push(tools::own("hand_off", reason));
        self.report.actions.push(tools::own("create_task", summary));
    }

    /// Standard words replace whatever was shown.
    async fn say(&mut self, text: &str) {
        let sentence = Sentence {
            text: text.to_owned(),
            passage_ids: Vec::new(),
        };
        self.observer.retracted().await;
        self.observer.sentence(&sentence).await;
        self.report.sentences = vec![sentence];
    }

    async fn pace(&mut self) {
        let settings = &self.inbound.agent.settings;
        let texts: Vec<_> = self
            .report
            .sentences
            .iter()
            .map(|s| s.text.as_str())
            .collect();
        if texts.is_empty() {
            self.step(StepKind::Pace, Verdict::Skipped, Value::Null)
                .await;
            return;
        }
        let parts = pace::parts(&texts, settings.max_parts);
        let delays: Vec<_> = parts
            .iter()
            .map(|part| pace::delay(&part.join(" "), settings).as_secs())
            .collect();
        let detail = json!({"parts": parts.len(), "delay_seconds": delays});
        self.step(StepKind::Pace, Verdict::Passed, detail).await;
    }

    /// What the store and the CRM do with the report.
    async fn end_steps(&mut self) {
        let crm = json!({"crm": "not_connected", "actions": self.report.actions.len()});
        self.step(StepKind::WriteBack, Verdict::Passed, crm).await;
        self.step(StepKind::NextStep, Verdict::NotConnected, Value::Null)
            .await;
    }

    fn end(&mut self, state: State, outcome: Outcome) -> Report {
        let mut report = self.report.clone();
        report.state = state;
        report.outcome = outcome;
        report.total = self.started.elapsed();
        report
    }

    fn client_texts(&self) -> Vec<String> {
        let before = self.inbound.past.iter().filter(|past| past.from_client);
        before
            .map(|past| past.text.clone())
            .chain([self.inbound.text.clone()])
            .collect()
    }

    fn today(&self) -> chrono::NaiveDate {
        self.inbound
            .now
            .with_timezone(&self.inbound.zone)
            .date_naive()
    }
}

fn reply_language(inbound: &Inbound) -> Language {
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
