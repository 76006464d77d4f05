//! What people are told of. The words are the client's: here are a type and what its words need.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use t11_core::Role;
use uuid::Uuid;

/// How long notifications are kept; a dedupe key is known for as long.
pub(crate) const KEPT_FOR: TimeDelta = TimeDelta::days(90);
pub(crate) const MAX_KEY_CHARS: usize = 200;

/// What has happened. The list is closed: each type has words in every language of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Type {
    SystemAlert,
    IntegrationError,
    CrmTokenExpiring,
    HandoffWaiting,
    DraftWaiting,
    Budget80,
    Budget100,
    ProviderKeyRefused,
}

impl Type {
    pub(crate) const ALL: [Self; 8] = [
        Self::SystemAlert,
        Self::IntegrationError,
        Self::CrmTokenExpiring,
        Self::HandoffWaiting,
        Self::DraftWaiting,
        Self::Budget80,
        Self::Budget100,
        Self::ProviderKeyRefused,
    ];

    /// The word in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::SystemAlert => "system_alert",
            Self::IntegrationError => "integration_error",
            Self::CrmTokenExpiring => "crm_token_expiring",
            Self::HandoffWaiting => "handoff_waiting",
            Self::DraftWaiting => "draft_waiting",
            Self::Budget80 => "budget_80",
            Self::Budget100 => "budget_100",
            Self::ProviderKeyRefused => "provider_key_refused",
        }
    }

    /// Reads [`Type::as_str`] back.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) kind: Type,
    pub(crate) parameters: BTreeMap<String, String>,
    /// What it opens; may be empty.
    pub(crate) resource: String,
    pub(crate) dedupe_key: String,
    pub(crate) audience: Audience,
}

/// Whom it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Audience {
    /// Everyone with this role or a stronger one.
    pub(crate) role: Role,
    /// Instead the member with this address, if there is one.
    pub(crate) email: Option<String>,
}

/// What a person was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notification {
    pub(crate) id: Uuid,
    pub(crate) kind: Type,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) resource: String,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) read_time: Option<DateTime<Utc>>,
}

/// Whether a person wants to hear of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Preference {
    pub(crate) kind: Type,
    pub(crate) in_app: bool,
}

/// What a person has not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) count: u64,
    /// Of all they were told.
    pub(crate) newest: Option<Uuid>,
}

/// Every type, as `said` where the person has said something.
pub(crate) fn preferences(said: &[Preference]) -> Vec<Preference> {
    let of = |kind| {
        let own = said.iter().find(|one| one.kind == kind);
        own.copied().unwrap_or(Preference { kind, in_app: true })
    };
    Type::ALL.into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for kind in Type::ALL {
            assert_eq!(Type::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(Type::parse("lead"), None);
    }

    #[test]
    fn a_type_is_wanted_until_the_person_says_otherwise() {
        let said = Preference {
            kind: Type::DraftWaiting,
            in_app: false,
        };
        let all = preferences(&[said]);
        assert_eq!(all.len(), Type::ALL.len());
        for one in all {
            assert_eq!(one.in_app, one.kind != Type::DraftWaiting);
        }
    }
}
