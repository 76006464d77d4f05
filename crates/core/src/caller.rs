//! Who calls, and the only road from a caller to an organization's data.

use std::fmt;

use uuid::Uuid;

use crate::{Fault, FaultKind, Permission, Role};

/// An organization: the tenant. Never read from a request, only from a verified [`Caller`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrgId(pub Uuid);

impl OrgId {
    /// No organization: for calls between services that work for all of them. No row has it.
    pub const NONE: Self = Self(Uuid::nil());
}

impl fmt::Debug for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The kind of principal behind a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A member in a signed-in session.
    User { user: Uuid, session: Uuid },
    /// A program with an API key.
    ApiKey { key: Uuid },
    /// One of our own services, by its name, working for an organization (a job, a relay).
    Service { name: String },
}

impl Subject {
    /// A short stable text for logs and audit: `user:…`, `key:…`, `service:…`.
    pub fn label(&self) -> String {
        match self {
            Self::User { user, .. } => format!("user:{user}"),
            Self::ApiKey { key } => format!("key:{key}"),
            Self::Service { name } => format!("service:{name}"),
        }
    }
}

/// A verified caller. Made by `t11-grpc` from a caller token whose signature and expiry hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub org: OrgId,
    pub subject: Subject,
    /// The member's role, or the role that bounds an API key's scopes.
    pub role: Role,
    /// For an API key: what it may do, within its role. `None` for people: all that the role may.
    pub scopes: Option<Vec<Permission>>,
}

/// The caller may not do what the call needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{permission}` is not allowed for this caller")]
pub struct Denied {
    pub permission: Permission,
}

impl Fault for Denied {
    fn kind(&self) -> FaultKind {
        FaultKind::Forbidden
    }
    fn reason(&self) -> &'static str {
        "PERMISSION_DENIED"
    }
    fn metadata(&self) -> Vec<(&'static str, String)> {
        vec![("permission", self.permission.to_string())]
    }
}

impl Caller {
    /// Whether the caller holds `permission`.
    pub fn may(&self, permission: Permission) -> bool {
        match &self.subject {
            // A service acts inside one organization and only on calls made for it.
            Subject::Service { .. } => true,
            Subject::User { .. } | Subject::ApiKey { .. } => {
                self.role.allows(permission)
                    && self
                        .scopes
                        .as_ref()
                        .is_none_or(|scopes| scopes.contains(&permission))
            }
        }
    }

    /// The only way to an [`OrgScope`]: hold the permission.
    ///
    /// # Errors
    /// [`Denied`] when the caller does not hold it.
    pub fn require(&self, permission: Permission) -> Result<OrgScope, Denied> {
        if self.may(permission) {
            Ok(OrgScope {
                org: self.org,
                subject: self.subject.clone(),
                audit: None,
            })
        } else {
            Err(Denied { permission })
        }
    }

    /// A caller that is one of our services working for `org`.
    pub fn service(name: impl Into<String>, org: OrgId) -> Self {
        Self {
            org,
            subject: Subject::Service { name: name.into() },
            role: Role::Owner,
            scopes: None,
        }
    }
}

/// What an audited call will write into the audit log with its change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditNote {
    /// The full RPC name: `t11.agents.v1.AgentService/UpdateAgent`.
    pub action: String,
    /// The request id given to the caller, to find the call in logs.
    pub request_id: String,
    /// The address the client came from, if edge saw it.
    pub client_address: Option<String>,
}

/// The right to touch one organization's rows. Every query starts from one.
///
/// Made only by [`Caller::require`], so a handler without a permission check does not compile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgScope {
    org: OrgId,
    subject: Subject,
    audit: Option<AuditNote>,
}

impl OrgScope {
    /// The organization.
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// Who acts.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The user, when a person acts.
    pub fn user(&self) -> Option<Uuid> {
        match self.subject {
            Subject::User { user, .. } => Some(user),
            Subject::ApiKey { .. } | Subject::Service { .. } => None,
        }
    }

    /// Set when the RPC's proto option asks for an audit record: a write in this scope appends it
    /// in its own transaction.
    pub fn audit(&self) -> Option<&AuditNote> {
        self.audit.as_ref()
    }

    /// The same scope, whose writes are audited.
    #[must_use]
    pub fn audited(mut self, note: AuditNote) -> Self {
        self.audit = Some(note);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(scopes: Vec<Permission>) -> Caller {
        Caller {
            org: OrgId(Uuid::nil()),
            subject: Subject::ApiKey { key: Uuid::nil() },
            role: Role::Editor,
            scopes: Some(scopes),
        }
    }

    #[test]
    fn a_key_may_only_what_both_its_role_and_its_scopes_allow() {
        let caller = key(vec![Permission::AgentsRead, Permission::MembersWrite]);
        assert!(caller.may(Permission::AgentsRead));
        assert!(!caller.may(Permission::AgentsWrite), "not in scopes");
        assert!(!caller.may(Permission::MembersWrite), "not in the role");
    }

    #[test]
    fn a_denied_caller_gets_no_scope() {
        let denied = key(vec![]).require(Permission::AgentsRead).unwrap_err();
        assert_eq!(denied.permission, Permission::AgentsRead);
    }
}
