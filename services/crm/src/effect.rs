//! What is done to leads: each once a key, only while the lead is as it was thought to be, and with
//! what it was before and what it is after.

pub(crate) mod apply;
mod create;
mod date;
mod number;
mod phone;
mod plan;
mod value;

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use t11_core::Violations;
use uuid::Uuid;

use crate::error::Error;

/// How long a try may last: its calls and the waits for their turns.
pub(crate) const TRY_LASTS: TimeDelta = TimeDelta::seconds(60);

/// When what cannot be found at the lead was certainly not made: a call is given up after 20 s, and
/// Kommo may carry it out a little later.
pub(crate) const GRACE: TimeDelta = TimeDelta::seconds(60);

/// Longest text of a task or a note, in characters.
const MAX_TEXT: usize = 10_000;
/// Longest tag, in characters.
const MAX_TAG: usize = 256;

/// What to do to a lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Effect {
    MoveStage(MoveStage),
    SetField(SetField),
    CreateTask(CreateTask),
    AddNote {
        text: String,
        #[serde(default)]
        owner: FieldOwner,
    },
    AddTag {
        tag: String,
        #[serde(default)]
        owner: FieldOwner,
    },
    RemoveTag {
        tag: String,
        #[serde(default)]
        owner: FieldOwner,
    },
    Assign {
        user_id: i64,
    },
    RunSalesbot {
        bot_id: i64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MoveStage {
    pub(crate) pipeline_id: i64,
    pub(crate) stage_id: i64,
    /// Where the lead must be; 0 = anywhere.
    pub(crate) from_pipeline_id: i64,
    pub(crate) from_stage_id: i64,
    /// 0 = none.
    pub(crate) loss_reason_id: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SetField {
    pub(crate) owner: FieldOwner,
    pub(crate) field_id: i64,
    /// As people write it.
    pub(crate) value: String,
    /// Whether a value that is there may be replaced.
    pub(crate) overwrite: bool,
}

/// Whose field, tag or note it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FieldOwner {
    #[default]
    Leads,
    /// The lead's main contact.
    Contacts,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CreateTask {
    pub(crate) text: String,
    /// 0 = a follow-up.
    pub(crate) task_type_id: i64,
    pub(crate) complete_till: DateTime<Utc>,
    /// 0 = the lead's.
    pub(crate) responsible_user_id: i64,
}

impl Effect {
    /// As it is stored, and what ids of things made are unique for.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::MoveStage(_) => "move_stage",
            Self::SetField(_) => "set_field",
            Self::CreateTask(_) => "create_task",
            Self::AddNote { .. } => "add_note",
            Self::AddTag { .. } => "add_tag",
            Self::RemoveTag { .. } => "remove_tag",
            Self::Assign { .. } => "assign",
            Self::RunSalesbot { .. } => "run_salesbot",
        }
    }

    /// What it is done to.
    pub(crate) const fn owner(&self) -> FieldOwner {
        match self {
            Self::SetField(SetField { owner, .. })
            | Self::AddNote { owner, .. }
            | Self::AddTag { owner, .. }
            | Self::RemoveTag { owner, .. } => *owner,
            Self::MoveStage(_)
            | Self::CreateTask(_)
            | Self::Assign { .. }
            | Self::RunSalesbot { .. } => FieldOwner::Leads,
        }
    }

    /// Notes what is out of bounds.
    pub(crate) fn check(&self, violations: &mut Violations) {
        let v = violations;
        match self {
            Self::MoveStage(to) => {
                v.range("move_stage.pipeline_id", to.pipeline_id, 1, i64::MAX);
                v.range("move_stage.stage_id", to.stage_id, 1, i64::MAX);
            }
            Self::SetField(set) => {
                v.range("set_field.field_id", set.field_id, 1, i64::MAX);
                v.text("set_field.value", &set.value, 1, MAX_TEXT);
            }
            Self::CreateTask(task) => {
                v.text("create_task.text", &task.text, 1, MAX_TEXT);
            }
            Self::AddNote { text, .. } => {
                v.text("add_note.text", text, 1, MAX_TEXT);
            }
            Self::AddTag { tag, .. } => {
                v.text("add_tag.tag", tag, 1, MAX_TAG);
            }
            Self::RemoveTag { tag, .. } => {
                v.text("remove_tag.tag", tag, 1, MAX_TAG);
            }
            Self::Assign { user_id } => v.range("assign.user_id", *user_id, 1, i64::MAX),
            Self::RunSalesbot { bot_id } => {
                v.range("run_salesbot.bot_id", *bot_id, 1, i64::MAX);
            }
        }
    }
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewEffect {
    pub(crate) connection: Uuid,
    pub(crate) lead_id: i64,
    pub(crate) idempotency_key: Uuid,
    pub(crate) effect: Effect,
}

impl NewEffect {
    /// A key is of one effect.
    pub(crate) fn check_repeated(&self, known: &Self) -> Result<(), Error> {
        if self == known {
            return Ok(());
        }
        let mut violations = Violations::default();
        let description = "`idempotency_key` was used for another effect";
        violations.add("idempotency_key", "REUSED", description);
        Err(violations.into())
    }
}

/// An effect, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LeadEffect {
    pub(crate) id: Uuid,
    pub(crate) new: NewEffect,
    pub(crate) state: State,
    pub(crate) refusal: Option<Refusal>,
    /// What it was before the first try that may have changed it.
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
    pub(crate) created_id: Option<String>,
    /// Of the last try.
    pub(crate) fence: i64,
    /// When something that makes one more each time may first have been done; `None` when it
    /// certainly was not.
    pub(crate) act_time: Option<DateTime<Utc>>,
}

/// What is known of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    /// A try is under way, or its process has died.
    Doing,
    Done,
    Unchanged,
    Refused,
}

impl State {
    /// As it is stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Doing => "doing",
            Self::Done => "done",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [
            Self::Pending,
            Self::Doing,
            Self::Done,
            Self::Unchanged,
            Self::Refused,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }

    /// Whether nothing more is done.
    pub(crate) const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Unchanged | Self::Refused)
    }
}

/// Why an effect cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: Cow<'static, str>,
    /// For people.
    pub(crate) detail: String,
}

impl Refusal {
    pub(crate) const STAGE_CHANGED: &'static str = "STAGE_CHANGED";
    pub(crate) const STAGE_GONE: &'static str = "STAGE_GONE";
    pub(crate) const LOSS_REASON_NEEDED: &'static str = "LOSS_REASON_NEEDED";
    pub(crate) const FIELD_REQUIRED: &'static str = "FIELD_REQUIRED";
    pub(crate) const FIELD_HAS_VALUE: &'static str = "FIELD_HAS_VALUE";
    pub(crate) const FIELD_VALUE: &'static str = "FIELD_VALUE";
    pub(crate) const FIELD_GONE: &'static str = "FIELD_GONE";
    pub(crate) const FIELD_READ_ONLY: &'static str = "FIELD_READ_ONLY";
    pub(crate) const LEAD_GONE: &'static str = "LEAD_GONE";
    pub(crate) const CONTACT_GONE: &'static str = "CONTACT_GONE";
    pub(crate) const USER_GONE: &'static str = "USER_GONE";
    pub(crate) const REFUSED_BY_KOMMO: &'static str = "REFUSED_BY_KOMMO";

    pub(crate) fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Self {
            reason: Cow::Borrowed(reason),
            detail: detail.into(),
        }
    }
}

/// What a try came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    Done {
        after: Option<Value>,
        created_id: Option<String>,
    },
    Unchanged {
        state: Value,
    },
    Refused(Refusal),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_is_read_as_it_is_written() {
        let task = CreateTask {
            text: "Call".to_owned(),
            task_type_id: 0,
            complete_till: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            responsible_user_id: 0,
        };
        for effect in [
            Effect::CreateTask(task),
            Effect::AddTag {
                tag: "ai".to_owned(),
                owner: FieldOwner::Contacts,
            },
            Effect::Assign { user_id: 900 },
        ] {
            let json = serde_json::to_value(&effect).unwrap();
            assert_eq!(json["kind"], effect.kind());
            assert_eq!(serde_json::from_value::<Effect>(json).unwrap(), effect);
        }
    }

    #[test]
    fn an_effect_of_before_is_the_leads() {
        let before = serde_json::json!({"kind": "add_note", "text": "Call"});
        let effect: Effect = serde_json::from_value(before).unwrap();
        assert_eq!(effect.owner(), FieldOwner::Leads);
    }

    #[test]
    fn what_is_out_of_bounds_is_noted() {
        let reasons = |effect: &Effect| {
            let mut violations = Violations::default();
            effect.check(&mut violations);
            violations
                .0
                .into_iter()
                .map(|one| one.field)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            reasons(&Effect::AddNote {
                text: " ".to_owned(),
                owner: FieldOwner::Leads,
            }),
            ["add_note.text"]
        );
        assert_eq!(reasons(&Effect::Assign { user_id: 0 }), ["assign.user_id"]);
    }
}
