//! An agent: its settings, what they may hold, and the states it moves through.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use t11_core::{Etag, Violations};
use uuid::Uuid;

use crate::Error;
use crate::version::{Frozen, VersionRef};

/// Whether an agent answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    Draft,
    Active,
    Paused,
    Archived,
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerMode {
    Off,
    #[default]
    Draft,
    Auto,
}

/// How free the wording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Creativity {
    Precise,
    #[default]
    Balanced,
    Creative,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LanguageMode {
    #[default]
    Mirror,
    Fixed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoursMode {
    #[default]
    Always,
    Inside,
    Outside,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardLevel {
    #[default]
    Standard,
    Strict,
}

/// Hours of one weekday, in the organization's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkingInterval {
    /// 1 = Monday … 7 = Sunday.
    pub weekday: u32,
    /// Minutes from midnight.
    pub start_minute: u32,
    /// Minutes from midnight, after the start.
    pub end_minute: u32,
}

/// What the tabs of the editor hold; limits are those of the proto.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub instructions: String,
    pub answer_mode: AnswerMode,
    pub no_answer_text: String,
    pub create_task_on_no_answer: bool,
    pub categories: BTreeSet<Uuid>,
    pub all_categories: bool,

    pub model: String,
    pub fallback_models: Vec<String>,
    pub creativity: Creativity,
    pub max_tokens: i32,
    pub language_mode: LanguageMode,
    pub fixed_language: String,
    pub quiet_window_seconds: i32,
    pub min_reply_delay_seconds: i32,
    pub max_parts: i32,
    pub hours_mode: HoursMode,
    pub schedule: Vec<WorkingInterval>,
    pub outside_hours_text: String,
    pub guard_level: GuardLevel,
    pub memory_enabled: bool,
    pub memory_days: i32,
    pub max_turns_per_chat: i32,
    pub max_answers_per_hour: i32,
    pub budget_turn_micro_usd: i64,
    pub budget_chat_micro_usd: i64,
    pub budget_day_micro_usd: i64,
    pub budget_month_micro_usd: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            instructions: String::new(),
            answer_mode: AnswerMode::default(),
            no_answer_text: String::new(),
            create_task_on_no_answer: true,
            categories: BTreeSet::new(),
            all_categories: true,
            model: String::new(),
            fallback_models: Vec::new(),
            creativity: Creativity::default(),
            max_tokens: 2_048,
            language_mode: LanguageMode::default(),
            fixed_language: String::new(),
            quiet_window_seconds: 12,
            min_reply_delay_seconds: 0,
            max_parts: 1,
            hours_mode: HoursMode::default(),
            schedule: Vec::new(),
            outside_hours_text: String::new(),
            guard_level: GuardLevel::default(),
            memory_enabled: true,
            memory_days: 365,
            max_turns_per_chat: 100,
            max_answers_per_hour: 0,
            budget_turn_micro_usd: 0,
            budget_chat_micro_usd: 0,
            budget_day_micro_usd: 0,
            budget_month_micro_usd: 0,
        }
    }
}

/// Fields that an update may name. `state` moves by its own RPCs.
pub const FIELDS: &[&str] = &[
    "display_name",
    "instructions",
    "answer_mode",
    "no_answer_text",
    "create_task_on_no_answer",
    "categories",
    "all_categories",
    "model",
    "fallback_models",
    "creativity",
    "max_tokens",
    "language_mode",
    "fixed_language",
    "quiet_window_seconds",
    "min_reply_delay_seconds",
    "max_parts",
    "hours_mode",
    "schedule",
    "outside_hours_text",
    "guard_level",
    "memory_enabled",
    "memory_days",
    "max_turns_per_chat",
    "max_answers_per_hour",
    "budget_turn_micro_usd",
    "budget_chat_micro_usd",
    "budget_day_micro_usd",
    "budget_month_micro_usd",
];

/// An agent of an organization.
#[derive(Debug, Clone, PartialEq)]
pub struct Agent {
    pub id: Uuid,
    pub display_name: String,
    pub state: State,
    pub settings: Settings,
    pub messages_total: i64,
    pub last_activity_time: Option<DateTime<Utc>>,
    pub revision: i64,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    /// What clients are answered from; `None`: its settings, for it was never published.
    pub live_version: Option<VersionRef>,
    /// What it answers from here; `None`: its settings, and what the company has today.
    pub frozen: Option<Arc<Frozen>>,
}

/// Name and settings as a person gave them.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub display_name: String,
    pub settings: Settings,
}

impl Draft {
    /// Checks every field.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn check(mut self) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        self.display_name = violations.text("agent.display_name", &self.display_name, 1, 100);
        self.settings.check(&mut violations);
        violations.check().map(|()| self)
    }

    /// Takes the named fields from `other`.
    pub fn take(&mut self, other: &Self, field: &str) {
        let (mine, theirs) = (&mut self.settings, &other.settings);
        match field {
            "display_name" => self.display_name.clone_from(&other.display_name),
            "instructions" => mine.instructions.clone_from(&theirs.instructions),
            "answer_mode" => mine.answer_mode = theirs.answer_mode,
            "no_answer_text" => mine.no_answer_text.clone_from(&theirs.no_answer_text),
            "create_task_on_no_answer" => {
                mine.create_task_on_no_answer = theirs.create_task_on_no_answer;
            }
            "categories" => mine.categories.clone_from(&theirs.categories),
            "all_categories" => mine.all_categories = theirs.all_categories,
            _ => mine.take_advanced(theirs, field),
        }
    }
}

impl Settings {
    /// The categories whose sources it may use; `None` = all, also unfiled ones.
    pub fn searched(&self) -> Option<HashSet<Uuid>> {
        (!self.all_categories).then(|| self.categories.iter().copied().collect())
    }

    fn take_advanced(&mut self, other: &Self, field: &str) {
        match field {
            "model" => self.model.clone_from(&other.model),
            "fallback_models" => self.fallback_models.clone_from(&other.fallback_models),
            "creativity" => self.creativity = other.creativity,
            "max_tokens" => self.max_tokens = other.max_tokens,
            "language_mode" => self.language_mode = other.language_mode,
            "fixed_language" => self.fixed_language.clone_from(&other.fixed_language),
            "quiet_window_seconds" => self.quiet_window_seconds = other.quiet_window_seconds,
            "min_reply_delay_seconds" => {
                self.min_reply_delay_seconds = other.min_reply_delay_seconds;
            }
            "max_parts" => self.max_parts = other.max_parts,
            "hours_mode" => self.hours_mode = other.hours_mode,
            "schedule" => self.schedule.clone_from(&other.schedule),
            "outside_hours_text" => self
                .outside_hours_text
                .clone_from(&other.outside_hours_text),
            "guard_level" => self.guard_level = other.guard_level,
            "memory_enabled" => self.memory_enabled = other.memory_enabled,
            "memory_days" => self.memory_days = other.memory_days,
            "max_turns_per_chat" => self.max_turns_per_chat = other.max_turns_per_chat,
            "max_answers_per_hour" => self.max_answers_per_hour = other.max_answers_per_hour,
            "budget_turn_micro_usd" => self.budget_turn_micro_usd = other.budget_turn_micro_usd,
            "budget_chat_micro_usd" => self.budget_chat_micro_usd = other.budget_chat_micro_usd,
            "budget_day_micro_usd" => self.budget_day_micro_usd = other.budget_day_micro_usd,
            "budget_month_micro_usd" => self.budget_month_micro_usd = other.budget_month_micro_usd,
            // Masks are checked against FIELDS before.
            _ => {}
        }
    }

    fn check(&mut self, violations: &mut Violations) {
        self.instructions = violations.text("agent.instructions", &self.instructions, 0, 40_000);
        self.no_answer_text = violations.text("agent.no_answer_text", &self.no_answer_text, 0, 500);
        self.outside_hours_text =
            violations.text("agent.outside_hours_text", &self.outside_hours_text, 0, 500);
        self.model = violations.text("agent.model", &self.model, 0, 200);
        self.check_models(violations);
        self.check_language(violations);
        self.check_schedule(violations);
        violations.range("agent.max_tokens", self.max_tokens, 128, 8_000);
        violations.range(
            "agent.quiet_window_seconds",
            self.quiet_window_seconds,
            0,
            300,
        );
        violations.range(
            "agent.min_reply_delay_seconds",
            self.min_reply_delay_seconds,
            0,
            300,
        );
        violations.range("agent.max_parts", self.max_parts, 1, 4);
        violations.range("agent.memory_days", self.memory_days, 1, 3_650);
        violations.range("agent.max_turns_per_chat", self.max_turns_per_chat, 1, 500);
        violations.range(
            "agent.max_answers_per_hour",
            self.max_answers_per_hour,
            0,
            100_000,
        );
        for (field, budget) in [
            ("agent.budget_turn_micro_usd", self.budget_turn_micro_usd),
            ("agent.budget_chat_micro_usd", self.budget_chat_micro_usd),
            ("agent.budget_day_micro_usd", self.budget_day_micro_usd),
            ("agent.budget_month_micro_usd", self.budget_month_micro_usd),
        ] {
            violations.range(field, budget, 0, 1_000_000_000_000);
        }
        if self.categories.len() > 200 {
            violations.add("agent.categories", "TOO_MANY", "at most 200 categories");
        }
    }

    fn check_models(&mut self, violations: &mut Violations) {
        if self.fallback_models.len() > 4 {
            violations.add(
                "agent.fallback_models",
                "TOO_MANY",
                "at most 4 fallback models",
            );
        }
        let too_long = |model: &String| model.chars().count() > 200 || model.trim().is_empty();
        if self.fallback_models.iter().any(too_long) {
            let words = "each must have 1 to 200 characters";
            violations.add("agent.fallback_models", "OUT_OF_RANGE", words);
        }
    }

    fn check_language(&self, violations: &mut Violations) {
        let known = ["ru", "en"].contains(&self.fixed_language.as_str());
        if self.language_mode == LanguageMode::Fixed && !known {
            violations.add(
                "agent.fixed_language",
                "UNKNOWN_VALUE",
                "must be `ru` or `en`",
            );
        }
    }

    fn check_schedule(&self, violations: &mut Violations) {
        if self.schedule.len() > 50 {
            violations.add("agent.schedule", "TOO_MANY", "at most 50 intervals");
        }
        for (index, interval) in self.schedule.iter().enumerate() {
            let WorkingInterval {
                weekday,
                start_minute,
                end_minute,
            } = *interval;
            if !(1..=7).contains(&weekday) {
                let field = format!("agent.schedule[{index}].weekday");
                violations.add(field, "OUT_OF_RANGE", "a weekday is from 1 to 7");
            }
            if end_minute > 1_440 || start_minute >= end_minute {
                let field = format!("agent.schedule[{index}].end_minute");
                violations.add(
                    field,
                    "OUT_OF_RANGE",
                    "must be after the start, at most 1440",
                );
            }
        }
        if self.hours_mode != HoursMode::Always && self.schedule.is_empty() {
            let words = "working hours need at least one interval";
            violations.add("agent.schedule", "REQUIRED", words);
        }
    }

    /// The sampling temperature of a creativity.
    pub fn temperature(&self) -> f64 {
        match self.creativity {
            Creativity::Precise => 0.2,
            Creativity::Balanced => 0.7,
            Creativity::Creative => 1.0,
        }
    }
}

/// A move between states that a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    Activate,
    Pause,
    Archive,
}

impl Agent {
    /// The agent as it answers from a version. Only the mode OFF, its main switch, acts at once.
    pub fn answering_from(self, frozen: Arc<Frozen>) -> Self {
        let mut settings = frozen.snapshot.settings.clone();
        if self.settings.answer_mode == AnswerMode::Off {
            settings.answer_mode = AnswerMode::Off;
        }
        Self {
            display_name: frozen.snapshot.display_name.clone(),
            settings,
            frozen: Some(frozen),
            ..self
        }
    }

    /// The version it answers from here.
    pub fn version(&self) -> Option<VersionRef> {
        self.frozen.as_ref().and_then(|frozen| frozen.version)
    }

    /// The etag of this revision.
    pub fn etag(&self) -> Etag {
        Etag::of(self.revision)
    }

    /// The state after `asked`. Asking again for the state it is in changes nothing.
    ///
    /// # Errors
    /// [`Error::AgentState`] when there is no such way, [`Error::AgentNotReady`] for an agent
    /// without instructions.
    pub fn after(&self, asked: Move) -> Result<State, Error> {
        let ready = !self.settings.instructions.trim().is_empty();
        match (asked, self.state) {
            (Move::Activate, State::Active) => Ok(State::Active),
            (Move::Activate, State::Draft | State::Paused) if ready => Ok(State::Active),
            (Move::Activate, State::Draft | State::Paused) => Err(Error::AgentNotReady),
            (Move::Pause, State::Active | State::Paused) => Ok(State::Paused),
            (Move::Archive, _) => Ok(State::Archived),
            (Move::Activate, State::Archived) | (Move::Pause, State::Draft | State::Archived) => {
                Err(Error::AgentState { state: self.state })
            }
        }
    }
}

impl State {
    /// The word in the database and in errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Archived => "archived",
        }
    }

    /// Reads [`State::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Draft, Self::Active, Self::Paused, Self::Archived]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft {
            display_name: "Анна".to_owned(),
            settings: Settings::default(),
        }
    }

    fn agent(state: State, instructions: &str) -> Agent {
        Agent {
            id: Uuid::nil(),
            display_name: "Анна".to_owned(),
            state,
            settings: Settings {
                instructions: instructions.to_owned(),
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

    #[test]
    fn the_defaults_are_valid() {
        assert!(draft().check().is_ok());
    }

    #[test]
    fn every_violation_is_named_at_once() {
        let mut draft = draft();
        draft.display_name = "  ".to_owned();
        draft.settings.max_tokens = 1;
        draft.settings.max_parts = 9;
        draft.settings.language_mode = LanguageMode::Fixed;
        draft.settings.hours_mode = HoursMode::Inside;
        draft.settings.schedule = vec![WorkingInterval {
            weekday: 8,
            start_minute: 600,
            end_minute: 540,
        }];
        let fields: Vec<_> = draft
            .check()
            .unwrap_err()
            .0
            .into_iter()
            .map(|violation| violation.field)
            .collect();
        assert_eq!(
            fields,
            [
                "agent.display_name",
                "agent.fixed_language",
                "agent.schedule[0].weekday",
                "agent.schedule[0].end_minute",
                "agent.max_tokens",
                "agent.max_parts",
            ]
        );
    }

    #[test]
    fn every_field_of_a_mask_is_taken_and_no_other() {
        let other = Draft {
            display_name: "Other".to_owned(),
            settings: Settings {
                instructions: "x".to_owned(),
                answer_mode: AnswerMode::Auto,
                no_answer_text: "x".to_owned(),
                create_task_on_no_answer: false,
                categories: BTreeSet::from([Uuid::max()]),
                all_categories: false,
                model: "x".to_owned(),
                fallback_models: vec!["x".to_owned()],
                creativity: Creativity::Creative,
                max_tokens: 999,
                language_mode: LanguageMode::Fixed,
                fixed_language: "en".to_owned(),
                quiet_window_seconds: 99,
                min_reply_delay_seconds: 99,
                max_parts: 3,
                hours_mode: HoursMode::Inside,
                schedule: vec![WorkingInterval {
                    weekday: 1,
                    start_minute: 0,
                    end_minute: 9,
                }],
                outside_hours_text: "x".to_owned(),
                guard_level: GuardLevel::Strict,
                memory_enabled: false,
                memory_days: 9,
                max_turns_per_chat: 9,
                max_answers_per_hour: 9,
                budget_turn_micro_usd: 9,
                budget_chat_micro_usd: 9,
                budget_day_micro_usd: 9,
                budget_month_micro_usd: 9,
            },
        };
        let mut taken = draft();
        for field in FIELDS {
            let before = taken.clone();
            taken.take(&other, field);
            assert_ne!(taken, before, "{field}");
        }
        assert_eq!(taken, other);
    }

    #[test]
    fn states_move_only_along_their_ways() {
        let activate = |state, text| agent(state, text).after(Move::Activate);
        assert_eq!(activate(State::Draft, "sell").unwrap(), State::Active);
        assert!(matches!(
            activate(State::Draft, " "),
            Err(Error::AgentNotReady)
        ));
        assert!(matches!(
            activate(State::Archived, "sell"),
            Err(Error::AgentState { .. })
        ));
        assert_eq!(
            agent(State::Active, "").after(Move::Pause).unwrap(),
            State::Paused
        );
        assert!(agent(State::Draft, "").after(Move::Pause).is_err());
        assert_eq!(
            agent(State::Paused, "").after(Move::Archive).unwrap(),
            State::Archived
        );
    }
}
