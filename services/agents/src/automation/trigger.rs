//! Triggers: when they fire and what they do.

use chrono::{DateTime, Utc};
use t11_core::{Etag, Violations};
use uuid::Uuid;

use super::MOST_MINUTES;
use super::act::{self, Act};

const MOST_KEYWORDS: usize = 50;
const MOST_REPLY: usize = 1_000;
const MOST_PER_CHAT: i32 = 1_000;
const MOST_PER_DAY: i32 = 100_000;

/// What makes a trigger fire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TriggerKind {
    /// A word of the client's message.
    Keyword,
    /// A condition in words, which the model judges.
    Condition,
    /// The lead has come to a stage.
    Stage,
    /// The client does not answer.
    Silence,
}

impl TriggerKind {
    const ALL: [Self; 4] = [Self::Keyword, Self::Condition, Self::Stage, Self::Silence];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keyword => "keyword",
            Self::Condition => "condition",
            Self::Stage => "stage",
            Self::Silence => "silence",
        }
    }

    /// Reads [`TriggerKind::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether the client's message decides.
    pub fn is_of_text(self) -> bool {
        matches!(self, Self::Keyword | Self::Condition)
    }
}

/// A trigger as a person gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTrigger {
    pub display_name: String,
    pub enabled: bool,
    pub kind: TriggerKind,
    pub keywords: Vec<String>,
    pub condition: String,
    pub pipeline_id: i64,
    pub stage_id: i64,
    pub after_minutes: i32,
    pub acts: Vec<Act>,
    /// Said in the place of an answer; empty = none.
    pub reply: String,
    /// 0 = no limit.
    pub max_per_chat: i32,
    /// In 24 hours; 0 = no limit.
    pub max_per_day: i32,
}

/// A trigger of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    pub id: Uuid,
    pub agent_id: Uuid,
    pub given: NewTrigger,
    /// Among those of the agent, from 0.
    pub position: i32,
    pub hit_count: i64,
    pub last_hit_time: Option<DateTime<Utc>>,
    pub revision: i64,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
}

impl Trigger {
    /// The etag of this revision.
    pub fn etag(&self) -> Etag {
        Etag::of(self.revision)
    }

    /// What says that something was done by it.
    pub fn origin(&self) -> String {
        t11_core::format_name("triggers", self.id)
    }
}

/// A trigger that a turn looks at, and what of its limits is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Armed {
    pub trigger: Trigger,
    /// `None`: it may fire.
    pub limit: Option<Outcome>,
}

/// What came of a trigger whose condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Fired,
    LimitChat,
    LimitDay,
    /// Triggers of one conversation keep setting each other off.
    LimitLoop,
    /// The message tries to command the agent: nothing is done.
    StrictMode,
}

impl Outcome {
    const ALL: [Self; 5] = [
        Self::Fired,
        Self::LimitChat,
        Self::LimitDay,
        Self::LimitLoop,
        Self::StrictMode,
    ];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::LimitChat => "limit_chat",
            Self::LimitDay => "limit_day",
            Self::LimitLoop => "limit_loop",
            Self::StrictMode => "strict_mode",
        }
    }

    /// Reads [`Outcome::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

/// A trigger's condition held.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub trigger: Trigger,
    /// The client's words that decided; empty for a stage or a silence.
    pub evidence: String,
    /// Of the model in its own judgement, 0–1; 1 where plain code judged.
    pub confidence: f64,
    pub outcome: Outcome,
}

/// A hit of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    pub id: Uuid,
    pub conversation_id: Uuid,
    pub turn_id: Uuid,
    pub reason: TriggerKind,
    pub evidence: String,
    pub outcome: Outcome,
    /// Kind, state and reason of what it did, in order.
    pub actions: Vec<(String, String, String)>,
    pub create_time: DateTime<Utc>,
}

impl NewTrigger {
    /// Checks every field. What is of another kind is dropped.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn check(mut self) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        let v = &mut violations;
        self.display_name = v.text("trigger.display_name", &self.display_name, 1, 100);
        self.keywords = match self.kind {
            TriggerKind::Keyword => keywords(self.keywords, v),
            _ => Vec::new(),
        };
        self.condition = match self.kind {
            TriggerKind::Condition => v.text("trigger.condition", &self.condition, 3, 500),
            _ => String::new(),
        };
        self.check_time(v);
        self.acts = act::checked(self.acts, "trigger.actions", v);
        self.reply = v.text("trigger.reply", &self.reply, 0, MOST_REPLY);
        if self.acts.is_empty() && self.reply.is_empty() {
            let words = "a trigger does or says something";
            v.add("trigger.actions", "REQUIRED", words);
        }
        v.range("trigger.max_per_chat", self.max_per_chat, 0, MOST_PER_CHAT);
        v.range("trigger.max_per_day", self.max_per_day, 0, MOST_PER_DAY);
        violations.check().map(|()| self)
    }

    fn check_time(&mut self, v: &mut Violations) {
        let stage = self.kind == TriggerKind::Stage;
        if stage {
            v.range("trigger.pipeline_id", self.pipeline_id, 1, i64::MAX);
            v.range("trigger.stage_id", self.stage_id, 1, i64::MAX);
        } else {
            (self.pipeline_id, self.stage_id) = (0, 0);
        }
        if self.kind.is_of_text() {
            self.after_minutes = 0;
        } else {
            let least = i32::from(!stage);
            let minutes = self.after_minutes;
            v.range("trigger.after_minutes", minutes, least, MOST_MINUTES);
        }
    }
}

fn keywords(given: Vec<String>, v: &mut Violations) -> Vec<String> {
    if given.is_empty() || given.len() > MOST_KEYWORDS {
        let words = format!("1 to {MOST_KEYWORDS} words");
        v.add("trigger.keywords", "COUNT", words);
    }
    let given = given.iter().enumerate();
    given
        .map(|(index, word)| v.text(&format!("trigger.keywords[{index}]"), word, 2, 100))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(kind: TriggerKind) -> NewTrigger {
        NewTrigger {
            display_name: "Доставка".to_owned(),
            enabled: true,
            kind,
            keywords: vec!["доставка".to_owned()],
            condition: "клиент спрашивает о доставке".to_owned(),
            pipeline_id: 700,
            stage_id: 7_001,
            after_minutes: 5,
            acts: vec![Act::HandOff { silent: false }],
            reply: String::new(),
            max_per_chat: 0,
            max_per_day: 0,
        }
    }

    #[test]
    fn a_trigger_keeps_what_is_of_its_kind() {
        let keyword = given(TriggerKind::Keyword).check().unwrap();
        assert_eq!((keyword.pipeline_id, keyword.after_minutes), (0, 0));
        assert!(keyword.condition.is_empty());
        let stage = given(TriggerKind::Stage).check().unwrap();
        assert_eq!((stage.stage_id, stage.after_minutes), (7_001, 5));
        assert!(stage.keywords.is_empty());
    }

    #[test]
    fn every_violation_is_named_at_once() {
        let wrong = NewTrigger {
            display_name: String::new(),
            after_minutes: 0,
            acts: Vec::new(),
            max_per_chat: -1,
            ..given(TriggerKind::Silence)
        };
        let violations = wrong.check().unwrap_err();
        let fields: Vec<_> = violations.0.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "trigger.display_name",
                "trigger.after_minutes",
                "trigger.actions",
                "trigger.max_per_chat"
            ]
        );
    }

    #[test]
    fn words_are_read_back() {
        for kind in TriggerKind::ALL {
            assert_eq!(TriggerKind::parse(kind.as_str()), Some(kind));
        }
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::parse(outcome.as_str()), Some(outcome));
        }
    }
}
