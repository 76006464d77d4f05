//! What a trigger or a step does.

use serde::{Deserialize, Serialize};
use t11_core::Violations;
use url::{Host, Url};
use uuid::Uuid;

/// Acts of a trigger or a step at most.
const MOST_ACTS: usize = 20;
/// Characters of a tag: Kommo's limit.
const MOST_TAG: usize = 255;
const MOST_TEXT: usize = 1_000;
const MOST_URL: usize = 2_000;
const MOST_HOURS: i32 = 720;

/// One thing to do. It is addressed by the company, never by a model or a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// A person has the word from then on; a silent one is not told to the client.
    HandOff {
        silent: bool,
    },
    StartSequence {
        sequence: Uuid,
    },
    StopSequence {
        sequence: Uuid,
    },
    MoveStage {
        pipeline_id: i64,
        stage_id: i64,
        /// 0 = none.
        loss_reason_id: i64,
    },
    CreateTask {
        text: String,
        /// 0 = a day.
        due_hours: i32,
    },
    AddNote {
        text: String,
        on_contact: bool,
    },
    AddTag {
        tag: String,
        on_contact: bool,
    },
    RemoveTag {
        tag: String,
        on_contact: bool,
    },
    Assign {
        user_id: i64,
    },
    RunSalesbot {
        bot_id: i64,
    },
    SendWebhook {
        url: String,
    },
}

impl Act {
    /// The word in traces; where the CRM is changed, that of the tool.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::HandOff { .. } => "hand_off",
            Self::StartSequence { .. } => "start_sequence",
            Self::StopSequence { .. } => "stop_sequence",
            Self::MoveStage { .. } => "move_stage",
            Self::CreateTask { .. } => "create_task",
            Self::AddNote { .. } => "add_note",
            Self::AddTag { .. } => "add_tag",
            Self::RemoveTag { .. } => "remove_tag",
            Self::Assign { .. } => "assign",
            Self::RunSalesbot { .. } => "run_salesbot",
            Self::SendWebhook { .. } => "send_webhook",
        }
    }

    /// The sequence it names.
    pub fn sequence(&self) -> Option<Uuid> {
        match self {
            Self::StartSequence { sequence } | Self::StopSequence { sequence } => Some(*sequence),
            _ => None,
        }
    }

    fn check(self, field: &str, v: &mut Violations) -> Self {
        let of = |name: &str| format!("{field}.{name}");
        match self {
            Self::MoveStage {
                pipeline_id,
                stage_id,
                ..
            } => {
                v.range(&of("pipeline_id"), pipeline_id, 1, i64::MAX);
                v.range(&of("stage_id"), stage_id, 1, i64::MAX);
                self
            }
            Self::CreateTask { text, due_hours } => {
                v.range(&of("due_hours"), due_hours, 0, MOST_HOURS);
                Self::CreateTask {
                    text: v.text(&of("text"), &text, 1, MOST_TEXT),
                    due_hours,
                }
            }
            Self::AddNote { text, on_contact } => Self::AddNote {
                text: v.text(&of("text"), &text, 1, MOST_TEXT),
                on_contact,
            },
            Self::AddTag { tag, on_contact } => Self::AddTag {
                tag: v.text(&of("text"), &tag, 1, MOST_TAG),
                on_contact,
            },
            Self::RemoveTag { tag, on_contact } => Self::RemoveTag {
                tag: v.text(&of("text"), &tag, 1, MOST_TAG),
                on_contact,
            },
            Self::Assign { user_id } => {
                v.range(&of("user_id"), user_id, 1, i64::MAX);
                self
            }
            Self::RunSalesbot { bot_id } => {
                v.range(&of("bot_id"), bot_id, 1, i64::MAX);
                self
            }
            Self::SendWebhook { url } => {
                let url = v.text(&of("url"), &url, 1, MOST_URL);
                if !url.is_empty() && !is_web_address(&url) {
                    let words = "an address that begins with https://";
                    v.add(of("url"), "URL_INVALID", words);
                }
                Self::SendWebhook { url }
            }
            Self::HandOff { .. } | Self::StartSequence { .. } | Self::StopSequence { .. } => self,
        }
    }
}

/// Checks every act of a list.
pub(super) fn checked(acts: Vec<Act>, field: &str, violations: &mut Violations) -> Vec<Act> {
    if acts.len() > MOST_ACTS {
        let words = format!("at most {MOST_ACTS} actions");
        violations.add(field, "TOO_MANY", words);
    }
    let acts = acts.into_iter().enumerate();
    acts.map(|(index, act)| act.check(&format!("{field}[{index}]"), violations))
        .collect()
}

/// Whether it has the form of an address to send to; where it leads is checked when it is sent. By
/// plain `http` only a host that a test may name, an address of this machine, can be meant.
fn is_web_address(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else {
        return false;
    };
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named_by_its_place() {
        let acts = vec![
            Act::HandOff { silent: true },
            Act::AddTag {
                tag: " ".to_owned(),
                on_contact: false,
            },
            Act::SendWebhook {
                url: "ftp://example.com".to_owned(),
            },
        ];
        let mut violations = Violations::default();
        checked(acts, "trigger.actions", &mut violations);
        let fields: Vec<_> = violations.0.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(
            fields,
            ["trigger.actions[1].text", "trigger.actions[2].url"]
        );
    }

    #[test]
    fn webhooks_go_by_https() {
        assert!(is_web_address("https://example.com/hook?a=1"));
        for url in ["http://example.com/", "http://10.0.0.1/", "example.com", ""] {
            assert!(!is_web_address(url), "{url}");
        }
    }

    #[test]
    fn an_act_is_read_as_it_is_written() {
        let act = Act::SendWebhook {
            url: "https://example.com".to_owned(),
        };
        let json = serde_json::to_value(&act).unwrap();
        assert_eq!(json["act"], act.kind());
        assert_eq!(serde_json::from_value::<Act>(json).unwrap(), act);
    }
}
