//! People of an organization, their roles, and invitations.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use t11_core::{Role, World};
use uuid::Uuid;

use crate::email::Email;
use crate::error::Error;

/// How long an invitation waits.
pub(crate) const INVITE_LIFETIME: TimeDelta = TimeDelta::days(7);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) user: Uuid,
    pub(crate) email: String,
    pub(crate) display_name: String,
    pub(crate) role: Role,
    pub(crate) create_time: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invite {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) role: Role,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) expire_time: DateTime<Utc>,
}

/// An invitation to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewInvite {
    pub(crate) email: Email,
    pub(crate) role: Role,
    pub(crate) request_id: Option<Uuid>,
}

/// The secret of an invitation: 256 random bits.
pub(crate) fn invite_secret(world: &World) -> SecretString {
    URL_SAFE_NO_PAD.encode(world.random::<32>()).into()
}

/// Nobody gives a role above their own. Roles are ordered strongest first.
pub(crate) fn check_grant(actor: Role, granted: Role) -> Result<(), Error> {
    if granted < actor {
        Err(Error::RoleTooHigh { role: granted })
    } else {
        Ok(())
    }
}

/// Whether `actor` may turn a member of role `current` into one of role `next`; `owners` counts
/// the organization's owners.
pub(crate) fn check_role_change(
    actor: Role,
    current: Role,
    next: Role,
    owners: u64,
) -> Result<(), Error> {
    check_grant(actor, current)?;
    check_grant(actor, next)?;
    if current == Role::Owner && next != Role::Owner {
        check_not_last(owners)
    } else {
        Ok(())
    }
}

/// Whether `actor` may take a member of role `current` out of the organization.
pub(crate) fn check_removal(actor: Role, current: Role, owners: u64) -> Result<(), Error> {
    check_grant(actor, current)?;
    if current == Role::Owner {
        check_not_last(owners)
    } else {
        Ok(())
    }
}

fn check_not_last(owners: u64) -> Result<(), Error> {
    if owners > 1 {
        Ok(())
    } else {
        Err(Error::LastOwner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_grants_above_their_own_role() {
        for actor in Role::ALL {
            for granted in Role::ALL {
                assert_eq!(check_grant(*actor, *granted).is_ok(), granted >= actor);
            }
        }
    }

    #[test]
    fn nobody_changes_or_removes_who_stands_above_them() {
        for actor in Role::ALL {
            for current in Role::ALL {
                let may = current >= actor;
                assert_eq!(
                    check_role_change(*actor, *current, Role::Viewer, 2).is_ok(),
                    may
                );
                assert_eq!(check_removal(*actor, *current, 2).is_ok(), may);
            }
        }
    }

    #[test]
    fn the_last_owner_stays() {
        let owner = Role::Owner;
        assert!(matches!(
            check_removal(owner, owner, 1),
            Err(Error::LastOwner)
        ));
        let demoted = check_role_change(owner, owner, Role::Admin, 1);
        assert!(matches!(demoted, Err(Error::LastOwner)));
        assert!(check_role_change(owner, owner, owner, 1).is_ok());
        assert!(check_removal(owner, owner, 2).is_ok());
        assert!(check_removal(owner, Role::Admin, 1).is_ok());
    }
}
