//! What of people's data the providers of models are shown. E-mail addresses, phone numbers and
//! numbers of bank cards are replaced in the prompt by placeholders, unless the organization allows
//! them, and put back in the answer: text and arguments of tools. Whoever asks sees no difference.
//!
//! A value holds no sign that JSON would have to escape, so it is put back into structured answers
//! as it is.

mod card;
mod email;
mod find;
mod number;
mod phone;
mod veil;
mod words;

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, Utc};
use quick_cache::sync::Cache;
use t11_core::{OrgId, OrgScope};
use t11_store::StoreError;
use tokio::time::Instant;

pub(crate) use self::veil::Veil;
use crate::provider::Prompt;
use crate::store::Store;

/// A kind of value that is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Email,
    Phone,
    Card,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Email, Self::Phone, Self::Card];

    /// As in `[EMAIL_1]`.
    fn word(self) -> &'static str {
        match self {
            Self::Email => "EMAIL",
            Self::Phone => "PHONE",
            Self::Card => "CARD",
        }
    }

    /// What its placeholders begin with.
    fn head(self) -> &'static str {
        match self {
            Self::Email => "[EMAIL_",
            Self::Phone => "[PHONE_",
            Self::Card => "[CARD_",
        }
    }
}

/// What an organization lets providers see; nothing, where it never said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Policy {
    pub(crate) emails_allowed: bool,
    pub(crate) phones_allowed: bool,
    pub(crate) cards_allowed: bool,
}

impl Policy {
    /// Of what was masked before.
    pub(crate) const SHOWS_ALL: Self = Self {
        emails_allowed: true,
        phones_allowed: true,
        cards_allowed: true,
    };

    fn allows(self, kind: Kind) -> bool {
        match kind {
            Kind::Email => self.emails_allowed,
            Kind::Phone => self.phones_allowed,
            Kind::Card => self.cards_allowed,
        }
    }
}

/// A policy that an organization has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SetPolicy {
    pub(crate) policy: Policy,
    pub(crate) update_time: DateTime<Utc>,
}

/// How long a policy is believed before it is read again.
const BELIEVED: Duration = Duration::from_secs(5);
/// Organizations whose policies are remembered.
const REMEMBERED: usize = 10_000;

/// The prompt as its provider is shown it, and the veil that puts the values back into the answer.
pub(crate) fn mask(policy: Policy, prompt: &Prompt) -> (Cow<'_, Prompt>, Veil) {
    let Some((messages, veil)) = Veil::over(policy, &prompt.messages) else {
        return (Cow::Borrowed(prompt), Veil::default());
    };
    let mut masked = prompt.clone();
    masked.messages = messages;
    (Cow::Owned(masked), veil)
}

/// The policies of the organizations.
pub(crate) struct Privacy {
    store: Store,
    known: Cache<OrgId, (Policy, Instant)>,
}

impl Privacy {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            known: Cache::new(REMEMBERED),
        }
    }

    /// Masks texts of which vectors are made, and which do not come back.
    ///
    /// # Errors
    /// As [`Self::policy`].
    pub(crate) async fn mask_texts(
        &self,
        scope: &OrgScope,
        texts: &mut [String],
    ) -> Result<(), StoreError> {
        let policy = self.policy(scope).await?;
        veil::mask_each(policy, texts);
        Ok(())
    }

    /// Keeps a policy that was changed here.
    pub(crate) fn changed(&self, scope: &OrgScope) {
        self.known.remove(&scope.org());
    }

    /// What the organization lets providers see.
    ///
    /// # Errors
    /// When it cannot be read: nothing is shown then.
    pub(crate) async fn policy(&self, scope: &OrgScope) -> Result<Policy, StoreError> {
        let now = Instant::now();
        if let Some((policy, until)) = self.known.get(&scope.org())
            && until > now
        {
            return Ok(policy);
        }
        let set = self.store.privacy_policy(scope).await?;
        let policy = set.map(|set| set.policy).unwrap_or_default();
        self.known.insert(scope.org(), (policy, now + BELIEVED));
        Ok(policy)
    }
}

#[cfg(test)]
mod tests;
