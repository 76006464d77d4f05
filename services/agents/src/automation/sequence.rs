//! Sequences: when they start, what they say and do, and how they run.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use t11_core::{Etag, Violations};
use uuid::Uuid;

use super::MOST_MINUTES;
use super::act::{self, Act};
use super::hours::{Quiet, next_time};
use crate::agent::Settings;

const MOST_STEPS: usize = 20;
const MOST_STAGES: usize = 100;
const MOST_TEXT: usize = 1_000;
const MOST_CONDITION: usize = 500;

/// What starts a sequence by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Nothing does.
    Manual,
    /// The client does not answer for so many minutes.
    Silence { minutes: i32 },
    /// The lead has come to a stage.
    Stage { pipeline_id: i64, stage_id: i64 },
}

impl Start {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Silence { .. } => "silence",
            Self::Stage { .. } => "stage",
        }
    }

    /// Reads [`Start::as_str`] back, with what belongs to it.
    pub fn parse(word: &str, minutes: i32, place: (i64, i64)) -> Option<Self> {
        let (pipeline_id, stage_id) = place;
        match word {
            "manual" => Some(Self::Manual),
            "silence" => Some(Self::Silence { minutes }),
            "stage" => Some(Self::Stage {
                pipeline_id,
                stage_id,
            }),
            _ => None,
        }
    }
}

/// One step: what is said and done after a delay.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Step {
    /// Since the step before.
    pub delay_minutes: i32,
    /// Said word for word.
    pub text: String,
    /// What the model writes about.
    pub instruction: String,
    pub acts: Vec<Act>,
}

/// A sequence as a person gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSequence {
    pub display_name: String,
    pub enabled: bool,
    pub start: Start,
    /// In words; empty = none.
    pub skip_condition: String,
    /// Pipeline and stage where it may run; empty = all.
    pub stages: Vec<(i64, i64)>,
    pub steps: Vec<Step>,
    pub quiet: Quiet,
}

/// A sequence of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    pub id: Uuid,
    pub agent_id: Uuid,
    pub given: NewSequence,
    pub running: i64,
    pub revision: i64,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
}

impl Sequence {
    /// The etag of this revision.
    pub fn etag(&self) -> Etag {
        Etag::of(self.revision)
    }

    /// What says that something was done by it.
    pub fn origin(&self) -> String {
        t11_core::format_name("sequences", self.id)
    }

    /// When a step runs whose step before ran at `time`; `None` when there is no such step, or the
    /// agent never opens.
    pub fn step_time(
        &self,
        step: usize,
        time: DateTime<Utc>,
        settings: &Settings,
        zone: Tz,
    ) -> Option<DateTime<Utc>> {
        let delay = self.given.steps.get(step)?.delay_minutes;
        let due = time + TimeDelta::minutes(delay.into());
        next_time(due, self.given.quiet, settings, zone)
    }
}

/// When steps with these delays would run, until one would not.
pub fn step_times(
    delays: &[i32],
    start: DateTime<Utc>,
    quiet: Quiet,
    settings: &Settings,
    zone: Tz,
) -> Vec<DateTime<Utc>> {
    let mut time = start;
    let times = delays.iter().map_while(|delay| {
        let due = time + TimeDelta::minutes((*delay).into());
        time = next_time(due, quiet, settings, zone)?;
        Some(time)
    });
    times.collect()
}

/// How an execution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionState {
    Running,
    Completed,
    Stopped,
    Failed,
}

impl ExecutionState {
    const ALL: [Self; 4] = [Self::Running, Self::Completed, Self::Stopped, Self::Failed];

    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    /// Reads [`ExecutionState::as_str`] back.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// Who or what has started an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartedBy {
    Silence,
    Stage,
    Manual,
    Trigger,
}

impl StartedBy {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Stage => "stage",
            Self::Manual => "manual",
            Self::Trigger => "trigger",
        }
    }
}

/// A sequence in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    pub id: Uuid,
    pub agent_id: Uuid,
    pub sequence_id: Uuid,
    pub conversation_id: Uuid,
    pub conversation_display_name: String,
    pub state: ExecutionState,
    pub stop_reason: String,
    pub started_by: String,
    pub next_step: i32,
    pub next_time: Option<DateTime<Utc>>,
    pub create_time: DateTime<Utc>,
    pub end_time: Option<DateTime<Utc>>,
}

impl NewSequence {
    /// Checks every field.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub fn check(mut self) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        let v = &mut violations;
        self.display_name = v.text("sequence.display_name", &self.display_name, 1, 100);
        match self.start {
            Start::Manual => {}
            Start::Silence { minutes } => {
                v.range("sequence.silence_minutes", minutes, 1, MOST_MINUTES);
            }
            Start::Stage {
                pipeline_id,
                stage_id,
            } => {
                v.range("sequence.start_pipeline_id", pipeline_id, 1, i64::MAX);
                v.range("sequence.start_stage_id", stage_id, 1, i64::MAX);
            }
        }
        let condition = &self.skip_condition;
        self.skip_condition = v.text("sequence.skip_condition", condition, 0, MOST_CONDITION);
        if self.stages.len() > MOST_STAGES {
            let words = format!("at most {MOST_STAGES} stages");
            v.add("sequence.stages", "TOO_MANY", words);
        }
        self.quiet.check("sequence.", v);
        if self.steps.is_empty() || self.steps.len() > MOST_STEPS {
            let words = format!("1 to {MOST_STEPS} steps");
            v.add("sequence.steps", "COUNT", words);
        }
        let steps = std::mem::take(&mut self.steps).into_iter().enumerate();
        self.steps = steps.map(|(index, step)| step.check(index, v)).collect();
        violations.check().map(|()| self)
    }
}

impl Step {
    fn check(mut self, index: usize, v: &mut Violations) -> Self {
        let of = |name: &str| format!("sequence.steps[{index}].{name}");
        v.range(&of("delay_minutes"), self.delay_minutes, 0, MOST_MINUTES);
        self.text = v.text(&of("text"), &self.text, 0, MOST_TEXT);
        self.instruction = v.text(&of("instruction"), &self.instruction, 0, MOST_TEXT);
        self.acts = act::checked(self.acts, &of("actions"), v);
        match (self.text.is_empty(), self.instruction.is_empty()) {
            (false, false) => {
                let words = "either words of its own or an instruction";
                v.add(of("instruction"), "CONFLICT", words);
            }
            (true, true) if self.acts.is_empty() => {
                v.add(of("text"), "REQUIRED", "a step says or does something");
            }
            _ => {}
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;

    fn given(steps: Vec<Step>) -> NewSequence {
        NewSequence {
            display_name: "Догрев".to_owned(),
            enabled: true,
            start: Start::Silence { minutes: 60 },
            skip_condition: String::new(),
            stages: Vec::new(),
            steps,
            quiet: Quiet::default(),
        }
    }

    #[test]
    fn a_step_says_one_thing() {
        let both = Step {
            text: "Вы ещё здесь?".to_owned(),
            instruction: "Спроси, остались ли вопросы".to_owned(),
            ..Step::default()
        };
        let violations = given(vec![both, Step::default()]).check().unwrap_err();
        let fields: Vec<_> = violations.0.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(
            fields,
            ["sequence.steps[0].instruction", "sequence.steps[1].text"]
        );
        assert!(given(Vec::new()).check().is_err(), "nothing to do");
    }

    #[test]
    fn each_step_waits_for_the_one_before() {
        let zone = chrono_tz::Europe::Moscow;
        let noon = Utc.with_ymd_and_hms(2026, 11, 23, 9, 0, 0).unwrap();
        let night = Quiet {
            start_minute: 21 * 60,
            end_minute: 9 * 60,
        };
        let times = step_times(&[60, 10 * 60, 60], noon, night, &Settings::default(), zone);
        let at = |day, hour| Utc.with_ymd_and_hms(2026, 11, day, hour, 0, 0).unwrap();
        // 13:00, then 23:00 which is quiet until 9:00 of the next day, then an hour later.
        assert_eq!(times, [at(23, 10), at(24, 6), at(24, 7)]);
    }
}
