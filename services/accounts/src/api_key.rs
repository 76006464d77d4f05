//! Keys of the organization's own programs: what they may do, and until when.

use chrono::{DateTime, TimeDelta, Utc};
use t11_core::{Caller, Denied, OrgId, Permission, Role, Subject, Violations};
use uuid::Uuid;

use crate::error::Error;

pub(crate) const MAX_NAME_CHARS: usize = 100;
/// The furthest expiry that can be asked for.
pub(crate) const MAX_LIFETIME: TimeDelta = TimeDelta::days(3653);
/// Keys of one organization that are believed at the same time.
pub(crate) const MAX_LIVE: u64 = 100;
/// Use is written down at most once in this time.
pub(crate) const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(1);

/// What is known of a key; never the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiKey {
    pub(crate) id: Uuid,
    pub(crate) org: OrgId,
    /// How the key begins.
    pub(crate) prefix: String,
    pub(crate) display_name: String,
    pub(crate) scopes: Vec<Permission>,
    pub(crate) creator: Uuid,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) expire_time: Option<DateTime<Utc>>,
    pub(crate) last_used_time: Option<DateTime<Utc>>,
    pub(crate) revoke_time: Option<DateTime<Utc>>,
}

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewApiKey {
    pub(crate) display_name: String,
    pub(crate) scopes: Vec<Permission>,
    pub(crate) expire_time: Option<DateTime<Utc>>,
    pub(crate) request_id: Option<Uuid>,
}

/// The person who made a key, while they are a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Creator {
    pub(crate) display_name: String,
    pub(crate) role: Role,
}

/// A key as its readers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeenApiKey {
    pub(crate) key: ApiKey,
    pub(crate) creator: Option<Creator>,
    pub(crate) state: State,
}

/// Whether a key is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Active,
    Expired,
    Revoked,
    Orphaned,
}

impl ApiKey {
    /// Whether the key is believed at `now`, its creator having this role.
    pub(crate) fn state(&self, now: DateTime<Utc>, creator: Option<Role>) -> State {
        if self.revoke_time.is_some() {
            State::Revoked
        } else if self.expire_time.is_some_and(|expiry| expiry <= now) {
            State::Expired
        } else if creator.is_none() {
            State::Orphaned
        } else {
            State::Active
        }
    }

    /// Who calls with the key: bounded by its scopes and by the present role of its creator.
    pub(crate) fn caller(
        &self,
        now: DateTime<Utc>,
        creator: Option<Role>,
    ) -> Result<Caller, Error> {
        match (self.state(now, creator), creator) {
            (State::Active, Some(role)) => Ok(Caller {
                org: self.org,
                subject: Subject::ApiKey { key: self.id },
                role,
                scopes: Some(self.scopes.clone()),
            }),
            (State::Revoked, _) => Err(Error::ApiKeyRevoked),
            (State::Expired, _) => Err(Error::ApiKeyExpired),
            (State::Orphaned | State::Active, _) => Err(Error::ApiKeyOrphaned),
        }
    }

    /// Whether its use at `now` is worth writing down.
    pub(crate) fn needs_touch(&self, now: DateTime<Utc>) -> bool {
        self.last_used_time
            .is_none_or(|used| now - used >= TOUCH_EVERY)
    }
}

impl SeenApiKey {
    pub(crate) fn new(key: ApiKey, creator: Option<Creator>, now: DateTime<Utc>) -> Self {
        let role = creator.as_ref().map(|creator| creator.role);
        Self {
            state: key.state(now, role),
            key,
            creator,
        }
    }

    /// What the key may do now.
    pub(crate) fn effective_scopes(&self) -> impl Iterator<Item = Permission> {
        let role = self.creator.as_ref().map(|creator| creator.role);
        let role = role.filter(|_| self.state == State::Active);
        let scopes = self.key.scopes.iter().copied();
        scopes.filter(move |scope| role.is_some_and(|role| role.allows(*scope)))
    }
}

/// Whether who has `role` now may make a key with these scopes.
pub(crate) fn check_grant(role: Role, scopes: &[Permission]) -> Result<(), Error> {
    let permission = Permission::ApiKeysWrite;
    if !role.allows(permission) {
        // The caller token is older than the role.
        return Err(Denied { permission }.into());
    }
    match scopes.iter().find(|scope| !role.allows(**scope)) {
        Some(&scope) => Err(Error::ScopeTooHigh { scope }),
        None => Ok(()),
    }
}

/// Whether there is room for a key beside the `live` ones that are believed.
pub(crate) fn check_room(live: u64) -> Result<(), Error> {
    if live < MAX_LIVE {
        Ok(())
    } else {
        Err(Error::ApiKeyLimit)
    }
}

/// An expiry that makes sense at `now`.
pub(crate) fn check_expiry(
    violations: &mut Violations,
    field: &str,
    expiry: DateTime<Utc>,
    now: DateTime<Utc>,
) {
    if expiry <= now || expiry > now + MAX_LIFETIME {
        let description = format!("`{field}` must be in the future, within ten years");
        violations.add(field, "OUT_OF_RANGE", description);
    }
}

/// Scopes in the order of their declaration, each once.
pub(crate) fn scopes(
    violations: &mut Violations,
    field: &str,
    words: &[String],
) -> Vec<Permission> {
    if words.is_empty() {
        violations.add(
            field,
            "REQUIRED",
            format!("`{field}` must name at least one"),
        );
    }
    let mut scopes = Vec::new();
    for (index, word) in words.iter().enumerate() {
        match word.parse::<Permission>() {
            Ok(scope) if scope.is_scope() => scopes.push(scope),
            _ => violations.add(
                format!("{field}[{index}]"),
                "UNKNOWN_VALUE",
                format!(
                    "`{}` is not a scope",
                    word.chars().take(40).collect::<String>()
                ),
            ),
        }
    }
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn key() -> ApiKey {
        ApiKey {
            id: Uuid::nil(),
            org: OrgId(Uuid::nil()),
            prefix: String::new(),
            display_name: String::new(),
            scopes: vec![Permission::AgentsRead, Permission::AgentsWrite],
            creator: Uuid::nil(),
            create_time: NOW,
            expire_time: None,
            last_used_time: None,
            revoke_time: None,
        }
    }

    #[test]
    fn a_key_ends_by_its_time_by_hand_or_with_its_creator() {
        let owner = Some(Role::Owner);
        assert_eq!(key().state(NOW, owner), State::Active);
        assert_eq!(key().state(NOW, None), State::Orphaned);
        let timed = ApiKey {
            expire_time: Some(NOW + TimeDelta::seconds(1)),
            ..key()
        };
        assert_eq!(timed.state(NOW, owner), State::Active);
        assert_eq!(
            timed.state(NOW + TimeDelta::seconds(1), owner),
            State::Expired
        );
        let revoked = ApiKey {
            revoke_time: Some(NOW),
            ..timed
        };
        assert_eq!(revoked.state(NOW, None), State::Revoked);
        assert!(matches!(
            revoked.caller(NOW, owner),
            Err(Error::ApiKeyRevoked)
        ));
    }

    #[test]
    fn a_key_may_no_more_than_its_creator_may_now() {
        let caller = |role| key().caller(NOW, Some(role)).unwrap();
        assert!(caller(Role::Admin).may(Permission::AgentsWrite));
        assert!(
            !caller(Role::Admin).may(Permission::KnowledgeRead),
            "no scope"
        );
        assert!(caller(Role::Viewer).may(Permission::AgentsRead));
        assert!(!caller(Role::Viewer).may(Permission::AgentsWrite));
    }

    #[test]
    fn nobody_makes_a_key_above_their_role() {
        for role in Role::ALL {
            for scope in Permission::ALL.iter().filter(|scope| scope.is_scope()) {
                let may = role.allows(*scope) && role.allows(Permission::ApiKeysWrite);
                assert_eq!(check_grant(*role, &[*scope]).is_ok(), may, "{role} {scope}");
            }
        }
        assert!(matches!(
            check_grant(Role::Owner, &[Permission::Internal]),
            Err(Error::ScopeTooHigh { .. })
        ));
    }

    #[test]
    fn only_so_many_keys_are_believed_at_a_time() {
        assert!(check_room(MAX_LIVE - 1).is_ok());
        assert!(matches!(check_room(MAX_LIVE), Err(Error::ApiKeyLimit)));
    }

    #[test]
    fn scopes_are_sorted_and_only_what_a_key_can_hold() {
        let read = |words: &[&str]| {
            let mut violations = Violations::default();
            let words: Vec<_> = words.iter().map(ToString::to_string).collect();
            let scopes = scopes(&mut violations, "scopes", &words);
            let fields: Vec<_> = violations.0.into_iter().map(|v| v.field).collect();
            (scopes, fields)
        };
        let (scopes, fields) = read(&["jobs.read", "agents.read", "jobs.read"]);
        assert_eq!(scopes, [Permission::AgentsRead, Permission::JobsRead]);
        assert!(fields.is_empty());
        let (_, fields) = read(&["agents.read", "members.write", "*"]);
        assert_eq!(fields, ["scopes[1]", "scopes[2]"]);
        assert_eq!(read(&[]).1, ["scopes"]);
    }

    #[test]
    fn every_scope_opens_an_rpc() {
        for scope in Permission::ALL.iter().filter(|scope| scope.is_scope()) {
            let mut methods = t11_proto::method::METHODS.iter();
            assert!(
                methods.any(|method| method.public && method.permission == scope.as_str()),
                "{scope}"
            );
        }
    }

    #[test]
    fn use_is_written_once_a_minute() {
        assert!(key().needs_touch(NOW));
        let used = ApiKey {
            last_used_time: Some(NOW),
            ..key()
        };
        assert!(!used.needs_touch(NOW + TimeDelta::seconds(59)));
        assert!(used.needs_touch(NOW + TimeDelta::seconds(60)));
    }
}
