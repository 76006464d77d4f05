//! What an agent is tried with, and how a try is judged.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use t11_core::{Etag, Violations};
use uuid::Uuid;

use crate::turn::{ActionState, Outcome, Report, StepKind};

/// Suites of an agent at most.
pub const MOST_SUITES: u64 = 50;
/// Cases of a suite at most.
pub const MOST_CASES: u64 = 200;
/// Runs of a suite that are kept.
pub const KEPT_RUNS: u64 = 20;
/// What a run may cost where nothing is set, in micro-USD.
const BUDGET: i64 = 1_000_000;
const MOST_BUDGET: i64 = 100_000_000;
const MOST_TEXTS: usize = 10;
const MOST_HISTORY: usize = 40;
const MOST_ASSERTS: usize = 20;
const MOST_TEXT: usize = 4_000;
const MOST_VALUE: usize = 500;
/// Why a run ends before its end.
pub const BUDGET_EXCEEDED: &str = "BUDGET_EXCEEDED";
/// Why a run does not count for publishing.
pub const DRAFT_CHANGED: &str = "DRAFT_CHANGED";

/// A suite as a person gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSuite {
    pub display_name: String,
    pub required_for_publish: bool,
    /// 0 = the usual.
    pub budget_micro_usd: i64,
}

/// A suite of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    pub id: Uuid,
    pub agent_id: Uuid,
    pub given: NewSuite,
    pub case_count: i32,
    /// Grows with every change of a case too.
    pub revision: i64,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
}

/// What was said before a case begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub from_client: bool,
    pub text: String,
}

/// Where a case begins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Setup {
    /// `ru`, `en`; empty = the organization's.
    pub language: String,
    /// Where the lead stands; 0 = where the agent works first.
    pub pipeline_id: i64,
    pub stage_id: i64,
    pub history: Vec<Said>,
}

/// What is wanted of the answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Assert {
    Contains { text: String },
    NotContains { text: String },
    Outcome { outcome: String },
    Tool { tool: String },
    NoTool { tool: String },
    NumbersSourced,
    MaxCost { micro_usd: i64 },
}

/// A case as a person gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCase {
    pub display_name: String,
    pub enabled: bool,
    pub setup: Setup,
    pub client_texts: Vec<String>,
    pub asserts: Vec<Assert>,
}

/// A case of a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub id: Uuid,
    pub suite_id: Uuid,
    pub given: NewCase,
    pub revision: i64,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    Queued,
    Running,
    Passed,
    Failed,
    Cancelled,
}

impl RunState {
    const ALL: [Self; 5] = [
        Self::Queued,
        Self::Running,
        Self::Passed,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads [`RunState::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing more is tried.
    pub fn has_ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// A run of a suite.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub id: Uuid,
    pub suite_id: Uuid,
    /// What is tried; `None`: the draft.
    pub version_id: Option<Uuid>,
    pub version_number: i32,
    pub sha256: String,
    pub suite_revision: i64,
    pub state: RunState,
    pub error_reason: String,
    pub case_count: i32,
    pub passed_count: i32,
    pub failed_count: i32,
    pub cost_micro_usd: i64,
    pub budget_micro_usd: i64,
    pub create_time: DateTime<Utc>,
    pub end_time: Option<DateTime<Utc>>,
}

/// An answer of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    pub client_text: String,
    /// Empty where nothing was said.
    pub text: String,
    pub outcome: String,
    pub turn_id: Uuid,
}

/// How an assert fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    pub assert: Assert,
    pub passed: bool,
    /// What there was in its place.
    pub found: String,
}

/// How a case fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    pub case_id: Uuid,
    pub conversation_id: Uuid,
    pub display_name: String,
    pub passed: bool,
    /// Of the turn that failed; empty else.
    pub error_reason: String,
    pub asserts: Vec<Judged>,
    pub replies: Vec<Reply>,
    pub cost_micro_usd: i64,
    pub took_ms: i32,
}

impl Suite {
    /// The etag of this revision.
    pub fn etag(&self) -> Etag {
        Etag::of(self.revision)
    }

    /// Micro-USD that a run may cost.
    pub fn budget(&self) -> i64 {
        match self.given.budget_micro_usd {
            0 => BUDGET,
            budget => budget,
        }
    }
}

impl Case {
    /// The etag of this revision.
    pub fn etag(&self) -> Etag {
        Etag::of(self.revision)
    }
}

impl NewSuite {
    /// Checks every field.
    pub fn check(mut self, violations: &mut Violations) -> Self {
        let name = "eval_suite.display_name";
        self.display_name = violations.text(name, &self.display_name, 1, 100);
        let budget = "eval_suite.budget_micro_usd";
        violations.range(budget, self.budget_micro_usd, 0, MOST_BUDGET);
        self
    }
}

impl NewCase {
    /// Checks every field.
    pub fn check(mut self, violations: &mut Violations) -> Self {
        let name = "eval_case.display_name";
        self.display_name = violations.text(name, &self.display_name, 1, 160);
        if !["", "ru", "en"].contains(&self.setup.language.as_str()) {
            let words = "must be `ru`, `en` or empty";
            violations.add("eval_case.setup.language", "UNKNOWN_VALUE", words);
        }
        let texts = "eval_case.client_texts";
        violations.range(texts, self.client_texts.len(), 1, MOST_TEXTS);
        for (index, text) in self.client_texts.iter_mut().enumerate() {
            *text = violations.text(&format!("{texts}[{index}]"), text, 1, MOST_TEXT);
        }
        let history = "eval_case.setup.history";
        violations.range(history, self.setup.history.len(), 0, MOST_HISTORY);
        for (index, said) in self.setup.history.iter_mut().enumerate() {
            let field = format!("{history}[{index}].text");
            said.text = violations.text(&field, &said.text, 1, MOST_TEXT);
        }
        let asserts = "eval_case.asserts";
        violations.range(asserts, self.asserts.len(), 0, MOST_ASSERTS);
        for (index, assert) in self.asserts.iter_mut().enumerate() {
            assert.check(&format!("{asserts}[{index}]"), violations);
        }
        self
    }
}

impl Assert {
    fn check(&mut self, field: &str, violations: &mut Violations) {
        let value = format!("{field}.value");
        match self {
            Self::Contains { text } | Self::NotContains { text } => {
                *text = violations.text(&value, text, 1, MOST_VALUE);
            }
            Self::Outcome { outcome } => {
                if Outcome::parse(outcome).is_none() {
                    violations.add(value, "UNKNOWN_VALUE", "there is no such outcome");
                }
            }
            Self::Tool { tool } | Self::NoTool { tool } => {
                *tool = violations.text(&value, tool, 1, 64);
            }
            Self::NumbersSourced => {}
            Self::MaxCost { micro_usd } => {
                let amount = format!("{field}.amount");
                violations.range(&amount, *micro_usd, 0, MOST_BUDGET);
            }
        }
    }

    /// Judges the turns of a case, in their order.
    pub fn judge(&self, reports: &[Report]) -> Judged {
        let (passed, found) = match self {
            Self::Contains { text } => (any_says(reports, text), last_text(reports)),
            Self::NotContains { text } => {
                let said = reports.iter().find(|report| says(report, text));
                (said.is_none(), said.map(Report::text).unwrap_or_default())
            }
            Self::Outcome { outcome } => {
                let last = reports.last().map_or("", |report| report.outcome.as_str());
                (last == outcome, last.to_owned())
            }
            Self::Tool { tool } => (tools(reports).contains(&tool.as_str()), joined(reports)),
            Self::NoTool { tool } => (!tools(reports).contains(&tool.as_str()), joined(reports)),
            Self::NumbersSourced => {
                let vetoed = reports.iter().find_map(unsourced);
                (vetoed.is_none(), vetoed.unwrap_or_default())
            }
            Self::MaxCost { micro_usd } => {
                let cost = cost(reports);
                (cost <= *micro_usd, cost.to_string())
            }
        };
        Judged {
            assert: self.clone(),
            passed,
            found: found.chars().take(MOST_VALUE).collect(),
        }
    }
}

/// What the turns cost, in micro-USD.
pub fn cost(reports: &[Report]) -> i64 {
    reports
        .iter()
        .map(|report| report.usage.cost_micro_usd)
        .sum()
}

fn any_says(reports: &[Report], text: &str) -> bool {
    reports.iter().any(|report| says(report, text))
}

/// Whatever the case of letters and the kind of spaces: amounts are written with ones that do not
/// break.
fn says(report: &Report, text: &str) -> bool {
    let plain = |text: &str| {
        let lower = text.to_lowercase().replace('ё', "е");
        lower.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    plain(&report.text()).contains(&plain(text))
}

fn last_text(reports: &[Report]) -> String {
    reports.last().map(Report::text).unwrap_or_default()
}

/// Kinds of what the agent would do in the CRM.
fn tools(reports: &[Report]) -> Vec<&str> {
    let actions = reports.iter().flat_map(|report| &report.actions);
    let done = actions.filter(|action| action.state != ActionState::Refused);
    done.map(|action| action.kind.as_str()).collect()
}

fn joined(reports: &[Report]) -> String {
    tools(reports).join(", ")
}

/// What the model was taught when it tried to say a number without a source.
fn unsourced(report: &Report) -> Option<String> {
    let generated = report.steps.iter();
    let mut generated = generated.filter(|step| step.kind == StepKind::Generate);
    generated.find_map(|step| {
        let tries = step.detail["tries"].as_array()?;
        let vetoed = tries.iter().find(|one| one["vetoed"] == "numbers")?;
        Some(vetoed["teaching"].as_str().unwrap_or_default().to_owned())
    })
}

#[cfg(test)]
mod tests;
