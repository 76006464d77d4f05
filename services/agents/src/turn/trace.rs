//! What a turn leaves behind: every step with its verdict, what was read, asked, said and cost.

use std::ops::AddAssign;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tools::Effect;
use crate::automation::Hit;
use crate::memory::Candidate;

/// The steps of a turn, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StepKind {
    OwnOrHuman,
    SkipRules,
    QuietWindow,
    HardRules,
    GuardIn,
    Context,
    Classify,
    Retrieve,
    Plays,
    Generate,
    Tools,
    Gates,
    Pace,
    WriteBack,
    NextStep,
}

impl StepKind {
    /// Every step, in order.
    pub const ALL: [Self; 15] = [
        Self::OwnOrHuman,
        Self::SkipRules,
        Self::QuietWindow,
        Self::HardRules,
        Self::GuardIn,
        Self::Context,
        Self::Classify,
        Self::Retrieve,
        Self::Plays,
        Self::Generate,
        Self::Tools,
        Self::Gates,
        Self::Pace,
        Self::WriteBack,
        Self::NextStep,
    ];

    /// Reads [`StepKind::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The word in traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OwnOrHuman => "own_or_human",
            Self::SkipRules => "skip_rules",
            Self::QuietWindow => "quiet_window",
            Self::HardRules => "hard_rules",
            Self::GuardIn => "guard_in",
            Self::Context => "context",
            Self::Classify => "classify",
            Self::Retrieve => "retrieve",
            Self::Plays => "plays",
            Self::Generate => "generate",
            Self::Tools => "tools",
            Self::Gates => "gates",
            Self::Pace => "pace",
            Self::WriteBack => "write_back",
            Self::NextStep => "next_step",
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    /// Nothing for it to do.
    Skipped,
    /// It stopped what came before it.
    Vetoed,
    /// A rule decided the turn.
    Hit,
    Failed,
    /// It needs the CRM, which is not connected.
    NotConnected,
}

impl Verdict {
    const ALL: [Self; 6] = [
        Self::Passed,
        Self::Skipped,
        Self::Vetoed,
        Self::Hit,
        Self::Failed,
        Self::NotConnected,
    ];

    /// Reads [`Verdict::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == word)
    }

    /// The word in traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Skipped => "skipped",
            Self::Vetoed => "vetoed",
            Self::Hit => "hit",
            Self::Failed => "failed",
            Self::NotConnected => "not_connected",
        }
    }
}

/// Tokens and money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    pub cost_micro_usd: i64,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.prompt_tokens += other.prompt_tokens;
        self.completion_tokens += other.completion_tokens;
        self.cost_micro_usd += other.cost_micro_usd;
    }
}

/// One step that ran.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub kind: StepKind,
    pub verdict: Verdict,
    /// What it found; small.
    pub detail: Value,
    pub took: Duration,
    pub usage: Usage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassageKind {
    Chunk,
    Price,
    Script,
    Response,
}

/// A piece of knowledge given to the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// `p1`, `p2`, …: what sentences refer to.
    pub id: String,
    pub kind: PassageKind,
    /// `sources/{source}/chunks/{chunk}` or `items/{item}`.
    pub resource: String,
    pub source_display_name: String,
    pub heading_path: String,
    /// From 1; 0 = the source has no pages.
    pub page: i32,
    pub content: String,
    pub score: f64,
}

/// A sentence of an answer with the passages it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    pub text: String,
    #[serde(default)]
    pub passage_ids: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptRole {
    System,
    User,
    Assistant,
}

impl PromptRole {
    /// The word in traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// One message to the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptMessage {
    pub role: PromptRole,
    pub content: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionState {
    /// Shown in a test chat, not done.
    WouldDo,
    /// Forbidden by a rule, ours or the CRM's.
    #[default]
    Refused,
    /// A person is to do it.
    Suggested,
    /// Live: to be done after the turn.
    Proposed,
    Done,
    /// It was so already.
    Unchanged,
    /// Given up after many tries.
    Failed,
}

impl ActionState {
    /// The word in traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WouldDo => "would_do",
            Self::Refused => "refused",
            Self::Suggested => "suggested",
            Self::Proposed => "proposed",
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
        }
    }

    /// Reads [`ActionState::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::WouldDo,
            Self::Refused,
            Self::Suggested,
            Self::Proposed,
            Self::Done,
            Self::Unchanged,
            Self::Failed,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }
}

/// What the agent does in the CRM, or would do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Action {
    pub kind: String,
    pub detail: Value,
    pub state: ActionState,
    /// Why it was refused or failed.
    pub reason: String,
    /// What is asked of the CRM; `None` for what is refused, suggested, or no change of a lead.
    pub effect: Option<Effect>,
    /// What the CRM had and has.
    pub before: Option<Value>,
    pub after: Option<Value>,
    /// The trigger or sequence that asks for it: `triggers/{trigger}`; empty = the turn itself.
    pub origin: String,
}

/// Where a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Running,
    Sent,
    Draft,
    Skipped,
    Superseded,
    Failed,
    Cancelled,
}

impl State {
    const ALL: [Self; 7] = [
        Self::Running,
        Self::Sent,
        Self::Draft,
        Self::Skipped,
        Self::Superseded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Sent => "sent",
            Self::Draft => "draft",
            Self::Skipped => "skipped",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads [`State::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// What became of the client's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Answered,
    /// No source answers the question: said so.
    NoAnswer,
    HandedOff,
    Silent,
    /// What the model said could not be sent: the standard words went out instead.
    Fallback,
}

impl Outcome {
    const ALL: [Self; 5] = [
        Self::Answered,
        Self::NoAnswer,
        Self::HandedOff,
        Self::Silent,
        Self::Fallback,
    ];

    /// Reads [`Outcome::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
    }

    /// The word in traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NoAnswer => "no_answer",
            Self::HandedOff => "handed_off",
            Self::Silent => "silent",
            Self::Fallback => "fallback",
        }
    }
}

/// A finished turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub state: State,
    pub outcome: Outcome,
    /// Why nothing was said; empty when something was.
    pub skip_reason: String,
    /// Of a failed turn: the stable reason and words for people.
    pub error: Option<(String, String)>,
    pub sentences: Vec<Sentence>,
    pub steps: Vec<Step>,
    pub passages: Vec<Passage>,
    pub prompt: Vec<PromptMessage>,
    pub actions: Vec<Action>,
    /// The model that answered; empty when none was asked.
    pub model: String,
    pub usage: Usage,
    pub total: Duration,
    /// Until the model's first text.
    pub first_token: Duration,
    pub lexical_only: bool,
    /// The client asked not to be written to.
    pub opted_out: bool,
    /// Why a person must take over, of a closed list; empty when none must.
    pub handoff_reason: String,
    /// What is to be remembered of the client.
    pub memories: Vec<Candidate>,
    /// Scripts and responses that the answer uses.
    pub plays: Vec<String>,
    /// Triggers whose conditions held, in their order.
    pub hits: Vec<Hit>,
}

impl Report {
    /// One of a turn that has just begun.
    pub fn empty() -> Self {
        Self {
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
            handoff_reason: String::new(),
            memories: Vec::new(),
            plays: Vec::new(),
            hits: Vec::new(),
        }
    }

    /// The answer as one text.
    pub fn text(&self) -> String {
        let texts: Vec<_> = self
            .sentences
            .iter()
            .map(|sentence| sentence.text.as_str())
            .collect();
        texts.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_run_in_the_order_of_their_declaration() {
        assert!(StepKind::ALL.is_sorted());
    }

    #[test]
    fn states_are_read_back() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
    }
}
