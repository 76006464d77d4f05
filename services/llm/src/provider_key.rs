//! Keys of organizations' own at the provider of models, and when one does not serve.

use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use uuid::Uuid;

use crate::failure::{Failure, FailureClass};
use crate::money::NanoUsd;
use crate::provider::openai::Flavor;

/// Of one organization.
pub(crate) const MOST_KEYS: usize = 20;
/// Whose keys can be added.
pub(crate) const PROVIDERS: [&str; 2] = [Flavor::OpenRouter.name(), Flavor::Compatible.name()];

/// A key without money is tried again after so long.
const UNPAID_FOR: Duration = Duration::from_secs(3_600);
/// A limited one, where the provider does not say when.
const LIMITED_FOR: Duration = Duration::from_secs(5);
/// However long the provider asks to wait.
const LONGEST_LIMITED: Duration = Duration::from_secs(600);

/// A key as people see it: without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProviderKey {
    pub(crate) id: Uuid,
    /// One of [`PROVIDERS`].
    pub(crate) provider: String,
    pub(crate) display_name: String,
    /// How the secret ends.
    pub(crate) hint: String,
    pub(crate) state: State,
    /// Keys with a smaller number serve first.
    pub(crate) priority: i32,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) update_time: DateTime<Utc>,
    pub(crate) last_used_time: Option<DateTime<Utc>>,
    pub(crate) bench: Option<Bench>,
}

/// A key to be stored.
#[derive(Debug, Clone)]
pub(crate) struct NewKey {
    pub(crate) provider: String,
    pub(crate) display_name: String,
    pub(crate) secret: SecretString,
    pub(crate) state: State,
    pub(crate) priority: i32,
    pub(crate) request_id: Option<Uuid>,
}

/// What is changed of a key; `None` = nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyChange {
    pub(crate) display_name: Option<String>,
    pub(crate) secret: Option<SecretString>,
    pub(crate) state: Option<State>,
    pub(crate) priority: Option<i32>,
}

impl KeyChange {
    /// Whether somebody has dealt with why it did not serve.
    pub(crate) fn lifts_bench(&self) -> bool {
        self.secret.is_some() || self.state.is_some()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Active,
    Disabled,
}

impl State {
    /// The word in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// Reads [`State::as_str`] back.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Disabled]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// Why a key does not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BenchReason {
    Refused,
    Unpaid,
    Limited,
}

impl BenchReason {
    /// The word in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unpaid => "unpaid",
            Self::Limited => "limited",
        }
    }

    /// Reads [`BenchReason::as_str`] back.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Refused, Self::Unpaid, Self::Limited]
            .into_iter()
            .find(|reason| reason.as_str() == word)
    }
}

/// A key that does not serve for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bench {
    pub(crate) reason: BenchReason,
    /// `None` = until somebody changes the key.
    pub(crate) until: Option<DateTime<Utc>>,
}

impl Bench {
    /// What a failure means for the key that the call was made with; `None` = nothing.
    pub(crate) fn after(failure: &Failure, now: DateTime<Utc>) -> Option<Self> {
        if !failure.of_key {
            return None;
        }
        let (reason, time) = match failure.class {
            FailureClass::KeyRefused | FailureClass::Forbidden => (BenchReason::Refused, None),
            FailureClass::Unpaid => (BenchReason::Unpaid, Some(UNPAID_FOR)),
            FailureClass::Limited => {
                let asked = failure.retry_after.unwrap_or(LIMITED_FOR);
                (BenchReason::Limited, Some(asked.min(LONGEST_LIMITED)))
            }
            _ => return None,
        };
        Some(Self {
            reason,
            until: time.map(|time| now + time),
        })
    }

    /// Whether it still does.
    pub(crate) fn holds(self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Which of the keys serves: of those of the first priority that are not benched, each in turn.
pub(crate) fn choose(keys: &[Candidate], turn: usize, now: DateTime<Utc>) -> Option<usize> {
    let fit = |key: &&Candidate| !key.bench.is_some_and(|bench| bench.holds(now));
    let first = keys.iter().filter(fit).map(|key| key.priority).min()?;
    let in_turn = keys.iter().enumerate();
    let in_turn = in_turn.filter(|(_, key)| fit(key) && key.priority == first);
    let places: Vec<_> = in_turn.map(|(place, _)| place).collect();
    places.get(turn % places.len()).copied()
}

/// An active key, as far as the choice needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) priority: i32,
    pub(crate) bench: Option<Bench>,
}

/// Every key of an organization is benched, and the platform's may not serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "none of the organization's {keys} keys at its model provider serves now: check or replace them, \
     add another, or let the platform's key serve"
)]
pub struct KeysExhausted {
    pub(crate) keys: usize,
    /// Until the first of them serves again; `None` when somebody must change one.
    pub(crate) wait: Option<Duration>,
}

impl KeysExhausted {
    pub(crate) fn new(keys: &[Candidate], now: DateTime<Utc>) -> Self {
        let ends = keys.iter().filter_map(|key| key.bench?.until);
        let wait = ends
            .min()
            .map(|end| (end - now).to_std().unwrap_or_default());
        Self {
            keys: keys.len(),
            wait,
        }
    }
}

/// What a provider says of a key that it accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct KeyReport {
    /// What it may still spend by its own limit; `None` = not told, or no limit.
    pub(crate) left: Option<NanoUsd>,
    /// What was spent with it; `None` = not told.
    pub(crate) spent: Option<NanoUsd>,
}

/// What becomes of calls when no key serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SetKeyPolicy {
    /// The platform's key serves.
    pub(crate) may_fall_back: bool,
    pub(crate) update_time: DateTime<Utc>,
}

/// How a secret ends, to tell keys apart.
pub(crate) fn hint(secret: &str) -> String {
    let length = secret.chars().count();
    secret.chars().skip(length.saturating_sub(4)).collect()
}

#[cfg(test)]
mod tests;
