//! The organization: the tenant.

use chrono::{DateTime, Utc};
use t11_core::{Etag, OrgId};

use crate::locale::Locale;

pub(crate) const MAX_NAME_CHARS: usize = 100;

/// What a new organization is given when nothing else is asked.
pub(crate) const DEFAULT_TIME_ZONE: &str = "Europe/Moscow";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Organization {
    pub(crate) id: OrgId,
    pub(crate) display_name: String,
    /// Default language of agents and new members.
    pub(crate) locale: Locale,
    /// IANA name.
    pub(crate) time_zone: String,
    pub(crate) revision: i64,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) update_time: DateTime<Utc>,
}

/// What changes of an organization; `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OrganizationPatch {
    pub(crate) display_name: Option<String>,
    pub(crate) locale: Option<Locale>,
    pub(crate) time_zone: Option<String>,
}

impl Organization {
    pub(crate) fn etag(&self) -> Etag {
        Etag::of(self.revision)
    }

    pub(crate) fn apply(&mut self, patch: OrganizationPatch, now: DateTime<Utc>) {
        if let Some(display_name) = patch.display_name {
            self.display_name = display_name;
        }
        if let Some(locale) = patch.locale {
            self.locale = locale;
        }
        if let Some(time_zone) = patch.time_zone {
            self.time_zone = time_zone;
        }
        self.revision += 1;
        self.update_time = now;
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_change_is_a_new_revision() {
        let mut organization = Organization {
            id: OrgId(Uuid::nil()),
            display_name: "Мебель".to_owned(),
            locale: Locale::Ru,
            time_zone: DEFAULT_TIME_ZONE.to_owned(),
            revision: 1,
            create_time: DateTime::UNIX_EPOCH,
            update_time: DateTime::UNIX_EPOCH,
        };
        let read = String::from(organization.etag());
        let now = DateTime::UNIX_EPOCH + TimeDelta::hours(1);
        let patch = OrganizationPatch {
            locale: Some(Locale::En),
            ..OrganizationPatch::default()
        };
        organization.apply(patch, now);
        assert_eq!(organization.locale, Locale::En);
        assert_eq!(organization.display_name, "Мебель");
        assert_eq!(organization.update_time, now);
        assert!(organization.etag().check(&read).is_err());
    }
}
