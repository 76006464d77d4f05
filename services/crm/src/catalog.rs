//! What an account is set up with, as it was last synchronised, and what a synchronisation changes.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Entity {
    Pipeline,
    Stage,
    User,
    CustomField,
    TaskType,
    LossReason,
    Source,
}

impl Entity {
    /// As it is stored and told.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pipeline => "pipeline",
            Self::Stage => "stage",
            Self::User => "user",
            Self::CustomField => "custom_field",
            Self::TaskType => "task_type",
            Self::LossReason => "loss_reason",
            Self::Source => "source",
        }
    }
}

/// A thing of the account.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    /// Of Kommo's: `700`; of a stage with its pipeline, `700/7001`; of a field with its entity,
    /// `leads/8001`.
    pub(crate) key: String,
    pub(crate) display_name: String,
    /// In Kommo's order.
    pub(crate) position: i64,
    /// One of the types below, by the entity; `null` for what is a name alone.
    pub(crate) facts: Value,
    /// Deleted, put away or shut out at Kommo.
    pub(crate) is_gone: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PipelineFacts {
    pub(crate) is_main: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StageFacts {
    pub(crate) color: String,
    /// `open`, `incoming`, `won`, `lost`.
    pub(crate) kind: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserFacts {
    pub(crate) email: String,
    pub(crate) is_admin: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FieldFacts {
    pub(crate) code: String,
    pub(crate) field_type: String,
    /// Ids and texts.
    pub(crate) options: Vec<(i64, String)>,
    /// Pipelines and stages that are entered with a value only.
    pub(crate) required_stages: Vec<(i64, i64)>,
    pub(crate) is_read_only: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceFacts {
    pub(crate) channel: String,
}

/// A channel that messages have come from, or a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Channel {
    pub(crate) channel: String,
    /// 0 = not known.
    pub(crate) source_id: i64,
    pub(crate) display_name: String,
    pub(crate) last_message_time: Option<DateTime<Utc>>,
}

/// A difference that people can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// `added`, `changed`, `gone`, `back`.
    pub(crate) kind: &'static str,
    pub(crate) key: String,
    pub(crate) display_name: String,
    /// Where the name was changed.
    pub(crate) previous_display_name: String,
}

/// A difference as it was noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotedChange {
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) kind: String,
    pub(crate) entity: String,
    pub(crate) key: String,
    pub(crate) display_name: String,
    pub(crate) previous_display_name: String,
}

/// What a synchronisation finds of one entity.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Diff {
    /// To be stored; what is as it was is not among them.
    pub(crate) put: Vec<Item>,
    pub(crate) changes: Vec<Change>,
}

/// Compares what is stored with what was found. The first time nothing is told: all of it is new.
pub(crate) fn diff(before: &[Item], found: Vec<Item>) -> Diff {
    let mut diff = Diff::default();
    let known: HashMap<_, _> = before
        .iter()
        .map(|item| (item.key.as_str(), item))
        .collect();
    let keys: HashSet<_> = found.iter().map(|item| item.key.clone()).collect();
    for item in found {
        let was = known.get(item.key.as_str()).copied();
        if was == Some(&item) {
            continue;
        }
        let change = change(was, &item).filter(|_| !before.is_empty());
        diff.changes.extend(change);
        diff.put.push(item);
    }
    let missing = before
        .iter()
        .filter(|item| !item.is_gone && !keys.contains(&item.key));
    for item in missing {
        let gone = Item {
            is_gone: true,
            ..item.clone()
        };
        diff.changes.extend(change(Some(item), &gone));
        diff.put.push(gone);
    }
    diff
}

/// What people are told, if anything: not of another order.
fn change(was: Option<&Item>, is: &Item) -> Option<Change> {
    let kind = match was {
        None if is.is_gone => return None,
        None => "added",
        Some(was) if is.is_gone && !was.is_gone => "gone",
        Some(was) if was.is_gone && !is.is_gone => "back",
        Some(was) if was.display_name != is.display_name || was.facts != is.facts => "changed",
        Some(_) => return None,
    };
    let previous = was.filter(|was| was.display_name != is.display_name);
    Some(Change {
        kind,
        key: is.key.clone(),
        display_name: is.display_name.clone(),
        previous_display_name: previous.map_or_else(String::new, |was| was.display_name.clone()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(key: &str, name: &str) -> Item {
        Item {
            key: key.to_owned(),
            display_name: name.to_owned(),
            position: 0,
            facts: json!(null),
            is_gone: false,
        }
    }

    fn gone(key: &str, name: &str) -> Item {
        Item {
            is_gone: true,
            ..item(key, name)
        }
    }

    fn told(diff: &Diff) -> Vec<(&str, &str)> {
        let changes = diff.changes.iter();
        changes
            .map(|change| (change.kind, change.display_name.as_str()))
            .collect()
    }

    #[test]
    fn the_first_time_nothing_is_told() {
        let diff = diff(&[], vec![item("1", "Sales")]);
        assert_eq!(diff.put, [item("1", "Sales")]);
        assert_eq!(diff.changes, []);
    }

    #[test]
    fn what_is_as_it_was_is_neither_stored_nor_told() {
        let before = [item("1", "Sales"), gone("2", "Old")];
        assert_eq!(diff(&before, vec![item("1", "Sales")]), Diff::default());
    }

    #[test]
    fn each_difference_is_told_once() {
        let before = [item("1", "Sales"), item("2", "Service"), gone("3", "Old")];
        let found = vec![item("1", "Sale"), item("3", "Old"), item("4", "New")];
        let diff = diff(&before, found);
        let expected = [
            ("changed", "Sale"),
            ("back", "Old"),
            ("added", "New"),
            ("gone", "Service"),
        ];
        assert_eq!(told(&diff), expected);
        assert_eq!(diff.changes[0].previous_display_name, "Sales");
        assert_eq!(diff.put.last(), Some(&gone("2", "Service")));
    }

    #[test]
    fn another_order_is_stored_and_not_told() {
        let moved = Item {
            position: 7,
            ..item("1", "Sales")
        };
        let diff = diff(&[item("1", "Sales")], vec![moved.clone()]);
        assert_eq!((diff.put, diff.changes), (vec![moved], Vec::new()));
    }
}
