//! A person with an account.

use chrono::{DateTime, Utc};
use t11_core::{OrgScope, Permission, Role, Subject};
use uuid::Uuid;

use crate::email::Email;
use crate::error::Error;
use crate::locale::Locale;
use crate::organization::Organization;

pub(crate) const MAX_NAME_CHARS: usize = 100;

/// Colours of the screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(crate) fn known(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: Uuid,
    pub(crate) email: Email,
    pub(crate) display_name: String,
    pub(crate) locale: Locale,
    pub(crate) theme: Theme,
    pub(crate) create_time: DateTime<Utc>,
}

/// What a person changes of their profile; `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct UserPatch {
    pub(crate) display_name: Option<String>,
    pub(crate) locale: Option<Locale>,
    pub(crate) theme: Option<Theme>,
}

impl User {
    pub(crate) fn apply(&mut self, patch: UserPatch) {
        if let Some(display_name) = patch.display_name {
            self.display_name = display_name;
        }
        if let Some(locale) = patch.locale {
            self.locale = locale;
        }
        if let Some(theme) = patch.theme {
            self.theme = theme;
        }
    }
}

/// The person behind a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) user: Uuid,
    pub(crate) session: Uuid,
}

impl Person {
    /// The person who acts in `scope`; API keys and services are none.
    pub(crate) fn of(scope: &OrgScope) -> Result<Self, Error> {
        match scope.subject() {
            Subject::User { user, session } => Ok(Self {
                user: *user,
                session: *session,
            }),
            Subject::ApiKey { .. } | Subject::Service { .. } => Err(Error::PersonRequired),
        }
    }
}

/// A person in their organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Me {
    pub(crate) user: User,
    pub(crate) organization: Organization,
    pub(crate) role: Role,
}

impl Me {
    pub(crate) fn permissions(&self) -> impl Iterator<Item = Permission> {
        let role = self.role;
        Permission::ALL
            .iter()
            .copied()
            .filter(move |permission| role.allows(*permission))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_changes_only_what_it_names() {
        let before = User {
            id: Uuid::nil(),
            email: Email::stored("a@b.co".to_owned()),
            display_name: "Anna".to_owned(),
            locale: Locale::Ru,
            theme: Theme::System,
            create_time: DateTime::UNIX_EPOCH,
        };
        let mut after = before.clone();
        after.apply(UserPatch {
            theme: Some(Theme::Dark),
            ..UserPatch::default()
        });
        assert_eq!(
            after,
            User {
                theme: Theme::Dark,
                ..before
            }
        );
    }
}
