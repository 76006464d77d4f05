//! In whose name a transaction runs.

use sea_orm::EntityTrait;
use t11_core::{OrgId, OrgScope};

/// In whose name a transaction runs. Made from a scope by `.into()`.
#[derive(Debug, Clone)]
pub enum Access {
    /// For one organization: the only rows to be seen are its own.
    Org(OrgScope),
    /// For none, for the given reason. See [`System`].
    System(&'static str),
}

/// Access outside any organization, with the reason for it: sign-in before the organization is
/// known, a relay, a sweep over all tenants, a migration. Row security lets it see every row, so
/// such queries filter for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct System(pub &'static str);

impl Access {
    /// The organization, `None` for system access.
    pub fn org(&self) -> Option<OrgId> {
        self.scope().map(OrgScope::org)
    }

    /// The scope, `None` for system access.
    pub fn scope(&self) -> Option<&OrgScope> {
        match self {
            Self::Org(scope) => Some(scope),
            Self::System(_) => None,
        }
    }
}

impl From<OrgScope> for Access {
    fn from(scope: OrgScope) -> Self {
        Self::Org(scope)
    }
}

impl From<&OrgScope> for Access {
    fn from(scope: &OrgScope) -> Self {
        Self::Org(scope.clone())
    }
}

impl From<System> for Access {
    fn from(System(reason): System) -> Self {
        Self::System(reason)
    }
}

impl From<&Access> for Access {
    fn from(access: &Access) -> Self {
        access.clone()
    }
}

/// A table whose rows belong to organizations. Query it with [`Tx::find`](crate::Tx::find),
/// [`Tx::update_many`](crate::Tx::update_many) and [`Tx::delete_many`](crate::Tx::delete_many).
pub trait OrgOwned: EntityTrait {
    /// The column that holds the organization.
    const ORG: Self::Column;
}
